// SPDX-License-Identifier: MIT
// The one source of the v2s basis's inner loops; included by foa_ops.c and its _avx2 / _avx512
// twins, which name the table by V2S_FOA_OPS_TABLE. No header guard: each includes it once.
#include "spatial/foa_ops.h"

enum { LANES = 8 };

typedef float lanes __attribute__((vector_size(32)));
typedef float loose __attribute__((vector_size(32), aligned(4), may_alias));
typedef int indices __attribute__((vector_size(32)));

static inline __attribute__((always_inline)) void
tail_of(int channels, int taps, const int *delay, const int *const *shift, const float *noise,
        size_t pitch, const float *w, int row, float *const *out) {
    for (int at = 0; at < row; at += LANES) {
        lanes re[4] = {{0.0f}}, im[4] = {{0.0f}};
        for (int i = 0; i < taps; i++) {
            const float *v = w - (ptrdiff_t)delay[i] * 2 * row + at;
            lanes v_re = *(const loose *)v, v_im = *(const loose *)(v + row);
            for (int c = 0; c < channels; c++) {
                const float *e = noise + shift[c][i] + at;
                lanes e_re = *(const loose *)e, e_im = *(const loose *)(e + pitch);
                re[c] += e_re * v_re - e_im * v_im;
                im[c] += e_re * v_im + e_im * v_re;
            }
        }
        for (int c = 0; c < channels; c++) {
            *(loose *)(out[c] + at) = re[c];
            *(loose *)(out[c] + row + at) = im[c];
        }
    }
}

// A number that the compiler knows keeps the sums in registers.
static void tail(int channels, int taps, const int *delay, const int *const *shift,
                 const float *noise, size_t pitch, const float *w, int row, float *const *out) {
    if (channels == 4)
        tail_of(4, taps, delay, shift, noise, pitch, w, row, out);
    else if (channels == 3)
        tail_of(3, taps, delay, shift, noise, pitch, w, row, out);
    else
        for (int c = 0; c < channels; c++)
            tail_of(1, taps, delay, shift + c, noise, pitch, w, row, out + c);
}

static inline float sum_lanes(lanes x) {
    x += __builtin_shuffle(x, (indices){4, 5, 6, 7, 0, 1, 2, 3});
    x += __builtin_shuffle(x, (indices){2, 3, 0, 1, 6, 7, 4, 5});
    x += __builtin_shuffle(x, (indices){1, 0, 3, 2, 5, 4, 7, 6});
    return x[0];
}

// The first `count` lanes of x, zero in the others.
static inline lanes first_lanes(lanes x, int count) {
    const indices lane = {0, 1, 2, 3, 4, 5, 6, 7};
    return (lanes)((indices)x & (lane < count));
}

// Re(conj(x) y) of LANES bins from i on.
static inline lanes product(const float *x, const float *y, int row, int i) {
    return *(const loose *)(x + i) * *(const loose *)(y + i) +
           *(const loose *)(x + row + i) * *(const loose *)(y + row + i);
}

// One interval between two centres, bins begin .. end-1: the sum of all, and the upper band's part.
// Its last bins are taken with those behind them and masked: a row has at least 7 floats behind its
// last bin (foa_ops.h).
static inline void collect_interval(const v2s_erb_bands *b, const float *x, const float *y, int row,
                                    int begin, int end, float *all, float *upper) {
    lanes sum = {0.0f}, share = {0.0f};
    int i = begin;
    for (; i + LANES <= end; i += LANES) {
        lanes v = product(x, y, row, i);
        sum += v;
        share += v * *(const loose *)(b->weight + i);
    }
    if (i < end) {
        lanes v = first_lanes(product(x, y, row, i), end - i);
        sum += v;
        share += v * *(const loose *)(b->weight + i);
    }
    *all = sum_lanes(sum);
    *upper = sum_lanes(share);
}

static void collect(const v2s_erb_bands *b, const float *x, const float *y, int row,
                    float *energy) {
    float from_below = 0;
    for (int band = 0; band < b->bands - 1; band++) {
        float all, upper;
        collect_interval(b, x, y, row, b->first[band], b->first[band + 1], &all, &upper);
        energy[band] = from_below + (all - upper);
        from_below = upper;
    }
    energy[b->bands - 1] = from_below;
}

static void mix(const v2s_erb_bands *b, const float *gain, int stride, const float *x, int row,
                float *out) {
    for (int band = 0; band < b->bands - 1; band++) {
        float low = gain[band * stride], step = gain[(band + 1) * stride] - low;
        int i = b->first[band], end = b->first[band + 1];
        for (; i + LANES <= end; i += LANES) {
            lanes g = low + *(const loose *)(b->weight + i) * step;
            *(loose *)(out + i) += g * *(const loose *)(x + i);
            *(loose *)(out + row + i) += g * *(const loose *)(x + row + i);
        }
        if (i < end) {
            lanes g = low + *(const loose *)(b->weight + i) * step;
            *(loose *)(out + i) += first_lanes(g * *(const loose *)(x + i), end - i);
            *(loose *)(out + row + i) += first_lanes(g * *(const loose *)(x + row + i), end - i);
        }
    }
}

const v2s_foa_ops V2S_FOA_OPS_TABLE = {tail, collect, mix};
