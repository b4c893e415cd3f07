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
        for (int cx = 0; cx < cw; cx++) {
            vec lo = {0}, hi = {0};
            for (int k = 0; k < 8; k++) {
                int x = V2S_HOG_CELL * cx - 2 + k;
                if (x < 0 || x >= width)
                    continue;
                const vec *c = (const vec *)(columns + (ptrdiff_t)x * V2S_ROW);
                lo += vote_share[k] * c[0];
                hi += vote_share[k] * c[1];
            }
            vec *out = (vec *)(cells + ((ptrdiff_t)cy * cw + cx) * V2S_ROW);
            out[0] = lo;
            out[1] = hi;
        }
    }
}

// Sum of 32 values, as a tree.
INLINE float sum_row(const float *v) {
    float t[V2S_LANES];
    for (int i = 0; i < 16; i++)
        t[i] = v[i] + v[i + 16];
    for (int i = 0; i < 8; i++)
        t[i] += t[i + 8];
    for (int i = 0; i < 4; i++)
        t[i] += t[i + 4];
    return (t[0] + t[2]) + (t[1] + t[3]);
}

// Energy of a cell: squares of its 9 contrast-insensitive bins. Leaves the 27 values that are
// normalised in v: 18 sensitive, 9 insensitive, 5 zeros.
INLINE float cell_energy(const float *cell, float v[V2S_ROW]) {
    float sq[V2S_ROW] = {0};
    memcpy(v, cell, V2S_HOG_BINS * sizeof(float));
    for (int o = 0; o < 9; o++)
        v[18 + o] = cell[o] + cell[o + 9];
    for (int o = 27; o < V2S_ROW; o++)
        v[o] = 0.0f;
    for (int o = 0; o < 9; o++)
        sq[o] = v[18 + o] * v[18 + o];
    return sum_row(sq);
}

// One cell: block[4] are the energies of the four 2 x 2 blocks it belongs to.
INLINE void normalise_cell(const float *cell, const float block[4], float weight, float *out) {
    float v[V2S_ROW], sum[V2S_ROW] = {0}, texture[4];
    (void)cell_energy(cell, v);
    for (int k = 0; k < 4; k++) {
        float t[V2S_ROW], scale = 1.0f / sqrtf(block[k] + 1e-4f);
        for (int o = 0; o < V2S_ROW; o++) {
            float s = v[o] * scale;
            t[o] = s < 0.2f ? s : 0.2f;
            sum[o] += t[o];
        }
        for (int o = V2S_HOG_BINS; o < V2S_ROW; o++)
            t[o] = 0.0f;
        texture[k] = 0.2357f * sum_row(t);
    }
    for (int o = 0; o < V2S_ROW; o++)
        out[o] = sum[o] * (0.5f * weight);
    for (int k = 0; k < 4; k++)
        out[27 + k] = texture[k] * weight;
    out[31] = 0.0f;
}

static void normalise(const float *cells, int cw, int ch, const float *weight, float *energy,
                      float *features) {
    float v[V2S_ROW];
    for (int i = 0; i < cw * ch; i++)
        energy[i] = cell_energy(cells + (ptrdiff_t)i * V2S_ROW, v);
    for (int y = 0; y < ch; y++) {
        const float *e = energy + (ptrdiff_t)y * cw;
        const float *up = y > 0 ? e - cw : e, *down = y + 1 < ch ? e + cw : e;
        for (int x = 0; x < cw; x++) {
            int l = x > 0 ? x - 1 : 0, r = x + 1 < cw ? x + 1 : x;
            float block[4] = {(e[x] + e[r]) + (down[x] + down[r]), (e[x] + e[r]) + (up[x] + up[r]),
                              (e[x] + e[l]) + (down[x] + down[l]), (e[x] + e[l]) + (up[x] + up[l])};
            ptrdiff_t i = (ptrdiff_t)y * cw + x;
            normalise_cell(cells + i * V2S_ROW, block, weight ? weight[i] : 1.0f,
                           features + i * V2S_ROW);
        }
    }
}
