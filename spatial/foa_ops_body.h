// SPDX-License-Identifier: MIT
// The one source of the v2s basis's inner loops; included by foa_ops.c and its _avx2 / _avx512
// twins, which name the table by V2S_FOA_OPS_TABLE. No header guard: each includes it once.
#include "spatial/foa_ops.h"

enum { LANES = 8 };

typedef float lanes __attribute__((vector_size(32)));
typedef float loose __attribute__((vector_size(32), aligned(4), may_alias));

static void tail(int taps, const int *delay, const int *shift, const float *noise, size_t pitch,
                 const float *w, int row, float *out) {
    for (int at = 0; at < row; at += LANES) {
        lanes re = {0.0f}, im = {0.0f};
        for (int i = 0; i < taps; i++) {
            const float *e = noise + shift[i] + at;
            const float *v = w - (ptrdiff_t)delay[i] * 2 * row + at;
            lanes e_re = *(const loose *)e, e_im = *(const loose *)(e + pitch);
            lanes v_re = *(const loose *)v, v_im = *(const loose *)(v + row);
            re += e_re * v_re - e_im * v_im;
            im += e_re * v_im + e_im * v_re;
        }
        *(loose *)(out + at) = re;
        *(loose *)(out + row + at) = im;
    }
}

static float sum_lanes(lanes x) {
    float sum[LANES];
    *(loose *)sum = x;
    for (int n = LANES / 2; n > 0; n /= 2)
        for (int i = 0; i < n; i++)
            sum[i] += sum[i + n];
    return sum[0];
}

// One interval between two centres, bins begin .. end-1: the sum of all, and the upper band's part.
static void collect_interval(const v2s_erb_bands *b, const float *x, const float *y, int row,
                             int begin, int end, float *all, float *upper) {
    lanes sum = {0.0f}, share = {0.0f};
    int i = begin;
    for (; i + LANES <= end; i += LANES) {
        lanes v = *(const loose *)(x + i) * *(const loose *)(y + i) +
                  *(const loose *)(x + row + i) * *(const loose *)(y + row + i);
        sum += v;
        share += v * *(const loose *)(b->weight + i);
    }
    float rest = 0, rest_share = 0;
    for (; i < end; i++) {
        float v = x[i] * y[i] + x[row + i] * y[row + i];
        rest += v;
        rest_share += v * b->weight[i];
    }
    *all = rest;
    *upper = rest_share;
    if (end - begin >= LANES) {
        *all += sum_lanes(sum);
        *upper += sum_lanes(share);
    }
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
        for (; i < end; i++) {
            float g = low + b->weight[i] * step;
            out[i] += g * x[i];
            out[row + i] += g * x[row + i];
        }
    }
}

const v2s_foa_ops V2S_FOA_OPS_TABLE = {tail, collect, mix};
