// SPDX-License-Identifier: MIT
// Inner loops of the HOG features (part of tracker_ops_body.h); hog.h has the definition.

// Direction of a gradient among 18 sectors of 20 degrees centred on 0, 20, ... degrees. The angle
// is folded into the first quadrant, where four comparisons with tan(10), tan(30), tan(50) and
// tan(70) degrees count the sector; the quadrant then unfolds it.
static void gradient_row(const float *restrict up, const float *restrict mid,
                         const float *restrict down, int width, float *restrict magnitude,
                         int32_t *restrict bin) {
    for (int x = 1; x < width - 1; x++) {
        float gx = mid[x + 1] - mid[x - 1], gy = down[x] - up[x];
        float ax = fabsf(gx), ay = fabsf(gy);
        int32_t q = (ay > 0.17632698f * ax) + (ay > 0.57735027f * ax) + (ay > 1.19175359f * ax) +
                    (ay > 2.74747742f * ax);
        int32_t right = gy < 0.0f && q > 0 ? 18 - q : q;
        int32_t left = gy < 0.0f ? 9 + q : 9 - q;
        bin[x] = gx < 0.0f ? left : right;
        magnitude[x] = sqrtf(gx * gx + gy * gy);
    }
}

// The first and the last column, whose missing neighbour is the pixel itself.
static void gradient_edge(const float *up, const float *mid, const float *down, int width, int x,
                          float *magnitude, int32_t *bin) {
    float l = mid[x > 0 ? x - 1 : 0], r = mid[x + 1 < width ? x + 1 : x];
    float up3[3] = {0.0f, up[x], 0.0f}, mid3[3] = {l, mid[x], r}, down3[3] = {0.0f, down[x], 0.0f};
    float m3[3];
    int32_t b3[3];
    gradient_row(up3, mid3, down3, 3, m3, b3);
    magnitude[x] = m3[1];
    bin[x] = b3[1];
}

static void gradient(const float *luma, int width, int height, float *magnitude, int32_t *bin) {
    for (int y = 0; y < height; y++) {
        const float *mid = luma + (ptrdiff_t)y * width;
        const float *up = y > 0 ? mid - width : mid;
        const float *down = y + 1 < height ? mid + width : mid;
        float *m = magnitude + (ptrdiff_t)y * width;
        int32_t *b = bin + (ptrdiff_t)y * width;
        gradient_row(up, mid, down, width, m, b);
        gradient_edge(up, mid, down, width, 0, m, b);
        gradient_edge(up, mid, down, width, width - 1, m, b);
    }
}

// Share of pixel k = 0..7 of the 8 that overlap a cell (2 before, 4 inside, 2 after): the triangle
// of bilinear interpolation between cell centres.
static const float vote_share[8] = {0.125f, 0.375f, 0.625f, 0.875f, 0.875f, 0.625f, 0.375f, 0.125f};

// Weighted sum of the 8 pixel columns that overlap cell column cx; then the 9 bins without sign.
INLINE void gather_cell(const float *columns, int width, int cx, float *cell) {
    vec sum[2 * PIECES] = {{0}};
    for (int k = 0; k < 8; k++) {
        int x = V2S_HOG_CELL * cx - 2 + k;
        if (x < 0 || x >= width)
            continue;
        const vec *c = (const vec *)(columns + (ptrdiff_t)x * V2S_ROW);
        for (int i = 0; i < 2 * PIECES; i++)
            sum[i] += vote_share[k] * c[i];
    }
    for (int i = 0; i < 2 * PIECES; i++)
        ((vec *)cell)[i] = sum[i];
    for (int o = 0; o < 9; o++)
        cell[V2S_HOG_BINS + o] = cell[o] + cell[o + 9];
}

// Separable: one histogram per pixel column over the 8 rows of a cell row, then 8 columns a cell.
static void vote(const float *magnitude, const int32_t *bin, int width, int height, float *columns,
                 float *cells) {
    int cw = width / V2S_HOG_CELL, ch = height / V2S_HOG_CELL;
    for (int cy = 0; cy < ch; cy++) {
        memset(columns, 0, (size_t)width * V2S_ROW * sizeof(float));
        for (int k = 0; k < 8; k++) {
            int y = V2S_HOG_CELL * cy - 2 + k;
            if (y < 0 || y >= height)
                continue;
            const float *m = magnitude + (ptrdiff_t)y * width;
            const int32_t *b = bin + (ptrdiff_t)y * width;
            for (int x = 0; x < width; x++)
                columns[x * V2S_ROW + b[x]] += vote_share[k] * m[x];
        }
        for (int cx = 0; cx < cw; cx++)
            gather_cell(columns, width, cx, cells + ((ptrdiff_t)cy * cw + cx) * V2S_ROW);
    }
}

// 1 for the lanes 16 and 17 of a cell, the last two of its 18 sensitive bins.
_Alignas(64) static const float sensitive_lanes[V2S_LANES] = {1.0f, 1.0f};

// Energy of a cell: squares of its 9 insensitive bins, which lie in lanes 18 .. 26.
INLINE float cell_energy(const float *cell) {
    const vec *v = (const vec *)cell + PIECES, *sensitive = (const vec *)sensitive_lanes;
    vec square[PIECES];
    for (int i = 0; i < PIECES; i++) {
        vec insensitive = v[i] - v[i] * sensitive[i];
        square[i] = insensitive * insensitive;
    }
    return sum_lanes(square);
}

// scale[y][x], (ch + 1) x (cw + 1): 1 / sqrt(energy of the 2 x 2 cells around corner (x, y)).
static void block_scales(const float *energy, int cw, int ch, float *scale) {
    for (int y = 0; y <= ch; y++) {
        const float *a = energy + (ptrdiff_t)(y > 0 ? y - 1 : 0) * cw;
        const float *b = energy + (ptrdiff_t)(y < ch ? y : ch - 1) * cw;
        float *s = scale + (ptrdiff_t)y * (cw + 1);
        s[0] = 1.0f / sqrtf((a[0] + a[0]) + (b[0] + b[0]) + 1e-4f);
        for (int x = 1; x < cw; x++)
            s[x] = 1.0f / sqrtf((a[x - 1] + a[x]) + (b[x - 1] + b[x]) + 1e-4f);
        s[cw] = 1.0f / sqrtf((a[cw - 1] + a[cw - 1]) + (b[cw - 1] + b[cw - 1]) + 1e-4f);
    }
}

// One cell; scale[4] of the blocks it belongs to. All 27 values are scaled and cut off; the sums of
// the 18 sensitive ones are the texture channels.
INLINE void normalise_cell(const float *cell, const float scale[4], float weight, float *out) {
    const vec *v = (const vec *)cell, *sensitive = (const vec *)sensitive_lanes;
    vec sum[2 * PIECES] = {{0}}, limit = {0};
    float texture[4];
    limit += 0.2f;
    for (int k = 0; k < 4; k++) {
        vec t[2 * PIECES];
        for (int i = 0; i < 2 * PIECES; i++) {
            t[i] = smaller(v[i] * scale[k], limit);
            sum[i] += t[i];
        }
        for (int i = 0; i < PIECES; i++)
            t[i] += t[i + PIECES] * sensitive[i];
        texture[k] = 0.2357f * weight * sum_lanes(t);
    }
    for (int i = 0; i < 2 * PIECES; i++)
        ((vec *)out)[i] = sum[i] * (0.5f * weight);
    for (int k = 0; k < 4; k++)
        out[27 + k] = texture[k];
}

static void normalise(const float *cells, int cw, int ch, const float *weight, float *energy,
                      float *features) {
    float *scale = energy + (ptrdiff_t)cw * ch;
    for (int i = 0; i < cw * ch; i++)
        energy[i] = cell_energy(cells + (ptrdiff_t)i * V2S_ROW);
    block_scales(energy, cw, ch, scale);
    for (int y = 0; y < ch; y++) {
        const float *above = scale + (ptrdiff_t)y * (cw + 1), *below = above + cw + 1;
        for (int x = 0; x < cw; x++) {
            float four[4] = {below[x + 1], above[x + 1], below[x], above[x]};
            ptrdiff_t i = (ptrdiff_t)y * cw + x;
            normalise_cell(cells + i * V2S_ROW, four, weight ? weight[i] : 1.0f,
                           features + i * V2S_ROW);
        }
    }
}
