// SPDX-License-Identifier: MIT
// The kernels of one block of channels (v2s_block_vector), for BLOCK channels: included by
// picture_kernels.h once for every BLOCK, with NAME(x) the name of x for this BLOCK.

typedef float NAME(lanes) __attribute__((vector_size(BLOCK * 4), aligned(4), may_alias));
typedef int NAME(masks) __attribute__((vector_size(BLOCK * 4)));
#define V NAME(lanes)
#define M NAME(masks)

static inline V NAME(load)(const float *from) {
    return *(const V *)from;
}

static inline void NAME(store)(float *to, V value) {
    *(V *)to = value;
}

static inline V NAME(zero)(void) {
    return (V){0};
}

// mask ? a : b
static inline V NAME(choose)(M mask, V a, V b) {
    return (V)(((M)a & mask) | ((M)b & ~mask));
}

// ---- thin convolutions --------------------------------------------------------------------------

enum { NAME(TILE) = 32 }; // pixels whose sums wait in the cache

// Adds one tap of one block of channels to the sums of columns j0 .. j0 + count-1.
static inline void NAME(thin_tap)(const v2s_thin_args *a, const float *row, const float *w, int dj,
                                  int j0, int count, float *sums) {
    int begin = j0 + dj < 0 ? -dj - j0 : 0;
    int end = j0 + count + dj > a->W ? a->W - dj - j0 : count;
    V weight = NAME(load)(w);
    const float *x = row + (ptrdiff_t)(j0 + dj) * BLOCK;
    for (int j = begin; j < end; j++)
        NAME(store)
    (sums + j * BLOCK,
     NAME(load)(sums + j * BLOCK) + weight * NAME(load)(x + (ptrdiff_t)j * BLOCK));
}

static void NAME(thin_sums)(const v2s_thin_args *a, int first, int last) {
    float sums[NAME(TILE) * BLOCK];
    size_t plane = (size_t)a->H * a->W * BLOCK;
    for (int i = first; i < last; i++)
        for (int j0 = 0; j0 < a->W; j0 += NAME(TILE)) {
            int count = a->W - j0 < NAME(TILE) ? a->W - j0 : NAME(TILE);
            memset(sums, 0, sizeof sums);
            for (int b = 0; b < a->blocks; b++)
                for (int k = 0; k < a->KH * a->KW; k++) {
                    int row = i + k / a->KW - a->KH / 2;
                    if (row < 0 || row >= a->H)
                        continue;
                    NAME(thin_tap)
                    (a, a->many + b * plane + (size_t)row * a->W * BLOCK,
                     a->w + ((size_t)b * a->KH * a->KW + k) * BLOCK, k % a->KW - a->KW / 2, j0,
                     count, sums);
                }
            float *y = a->y + (size_t)i * a->W + j0;
            for (int j = 0; j < count; j++) {
                float sum = a->bias;
                for (int l = 0; l < BLOCK; l++)
                    sum += sums[j * BLOCK + l];
                y[j] = a->add ? y[j] + sum : sum;
            }
        }
}

// Three taps side by side, or one, of one row.
static inline void NAME(taps_of_row)(int W, int taps, const float *many, const float *one,
                                     double *sums) {
    V sum[3] = {NAME(zero)(), NAME(zero)(), NAME(zero)()};
    for (int j = 0; j < W; j++) {
        V value = NAME(load)(many + (size_t)j * BLOCK);
        for (int t = 0; t < taps; t++)
            sum[t] += value * one[j + t];
    }
    for (int t = 0; t < taps; t++)
        for (int l = 0; l < BLOCK; l++)
            sums[t * BLOCK + l] += (double)sum[t][l];
}

static void NAME(thin_taps)(const v2s_thin_args *a) {
    size_t padded = (size_t)a->W + a->KW - 1;
    for (int i = 0; i < a->H; i++) {
        const float *many = a->many + (size_t)i * a->W * BLOCK;
        for (int ki = 0; ki < a->KH; ki++) {
            const float *one = a->one + (size_t)(i + ki) * padded;
            double *sums = a->sums + (size_t)ki * a->KW * BLOCK;
            int kj = 0;
            for (; kj + 3 <= a->KW; kj += 3)
                NAME(taps_of_row)(a->W, 3, many, one + kj, sums + kj * BLOCK);
            for (; kj < a->KW; kj++)
                NAME(taps_of_row)(a->W, 1, many, one + kj, sums + kj * BLOCK);
        }
    }
}

static void NAME(sum_pixels)(size_t pixels, const float *many, double *sums) {
    enum { RUN = 256 }; // pixels added in float
    for (size_t first = 0; first < pixels; first += RUN) {
        V sum = NAME(zero)();
        size_t end = first + RUN < pixels ? first + RUN : pixels;
        for (size_t i = first; i < end; i++)
            sum += NAME(load)(many + i * BLOCK);
        for (int l = 0; l < BLOCK; l++)
            sums[l] += (double)sum[l];
    }
}

// ---- pool2d -------------------------------------------------------------------------------------

static void NAME(pool_row)(int W, const float *x, float *y, uint8_t *index) {
    const float *below = x + (size_t)W * BLOCK;
    for (int j = 0; j < W / 2; j++, x += 2 * BLOCK, below += 2 * BLOCK, y += BLOCK) {
        V best = NAME(load)(x);
        M at = {0};
        for (int k = 1; k < 4; k++) {
            V value = NAME(load)((k < 2 ? x : below) + k % 2 * BLOCK);
            M larger = (value > best) | (value != value); // what is not a number is taken
            best = NAME(choose)(larger, value, best);
            at = (at & ~larger) | (larger & k);
        }
        NAME(store)(y, best);
        for (int l = 0; index != NULL && l < BLOCK; l++)
            index[(size_t)j * BLOCK + l] = (uint8_t)at[l];
    }
}

static void NAME(unpool_row)(int W, const float *dy, const uint8_t *index, float *dx) {
    float *below = dx + (size_t)W * BLOCK;
    for (int j = 0; j < W / 2; j++, dx += 2 * BLOCK, below += 2 * BLOCK, dy += BLOCK) {
        V change = NAME(load)(dy);
        M at;
        for (int l = 0; l < BLOCK; l++)
            at[l] = index[(size_t)j * BLOCK + l];
        for (int k = 0; k < 4; k++) {
            float *to = (k < 2 ? dx : below) + k % 2 * BLOCK;
            NAME(store)(to, NAME(load)(to) + (V)((M)change & (at == k)));
        }
    }
}

// ---- upsample2d ---------------------------------------------------------------------------------

static void NAME(upsample_row)(const v2s_upsample_row *r) {
    for (int j = 0; j < r->columns; j++) {
        size_t first = (size_t)r->place[j].first * BLOCK;
        size_t second = (size_t)r->place[j].second * BLOCK;
        float right = r->place[j].share, left = 1 - right;
        V upper = left * NAME(load)(r->top + first) + right * NAME(load)(r->top + second);
        V lower = left * NAME(load)(r->below + first) + right * NAME(load)(r->below + second);
        NAME(store)(r->y + (size_t)j * BLOCK, (1 - r->share) * upper + r->share * lower);
    }
}

// Adds the sums that a column of x has from a row of dy to both its rows.
static inline void NAME(add_column)(const v2s_upsample_row *r, int column, V sum) {
    float *top = r->dtop + (size_t)column * BLOCK, *below = r->dbelow + (size_t)column * BLOCK;
    NAME(store)(top, NAME(load)(top) + (1 - r->share) * sum);
    NAME(store)(below, NAME(load)(below) + r->share * sum);
}

// The two columns of x between which the walk along dy is wait in registers.
static void NAME(downsample_row)(const v2s_upsample_row *r) {
    V first = NAME(zero)(), second = NAME(zero)();
    v2s_place at = r->place[0];
    for (int j = 0; j < r->columns; j++) {
        v2s_place next = r->place[j];
        if (next.first != at.first) {
            NAME(add_column)(r, at.first, first);
            if (next.first != at.second) {
                NAME(add_column)(r, at.second, second);
                second = NAME(zero)();
            }
            first = second;
            second = NAME(zero)();
        }
        at = next;
        V change = NAME(load)(r->dy + (size_t)j * BLOCK);
        first += (1 - at.share) * change;
        second += at.share * change;
    }
    NAME(add_column)(r, at.first, first);
    NAME(add_column)(r, at.second, second);
}

// ---- rows ---------------------------------------------------------------------------------------

static inline void NAME(move)(size_t pixels, bool add, const float *from, size_t from_step,
                              float *to, size_t to_step) {
    for (size_t i = 0; i < pixels; i++, from += from_step, to += to_step)
        if (add)
            NAME(store)(to, NAME(load)(to) + NAME(load)(from));
        else
            NAME(store)(to, NAME(load)(from));
}

static void NAME(to_rows)(size_t pixels, size_t C, bool add, const float *from, float *to) {
    NAME(move)(pixels, add, from, BLOCK, to, C);
}

static void NAME(from_rows)(size_t pixels, size_t C, bool add, const float *from, float *to) {
    NAME(move)(pixels, add, from, C, to, BLOCK);
}

static const v2s_block_vector NAME(block) = {
    .block = BLOCK,
    .thin_sums = NAME(thin_sums),
    .thin_taps = NAME(thin_taps),
    .sum_pixels = NAME(sum_pixels),
    .pool_row = NAME(pool_row),
    .unpool_row = NAME(unpool_row),
    .upsample_row = NAME(upsample_row),
    .downsample_row = NAME(downsample_row),
    .to_rows = NAME(to_rows),
    .from_rows = NAME(from_rows),
};

#undef V
#undef M
#undef BLOCK
