// SPDX-License-Identifier: MIT
// The one source of the spatial statistics' inner loops; included by field_ops.c and its _avx2
// twin, which name the table by V2S_FIELD_OPS_TABLE. No header guard: each includes it once.
//
// HOW THE TRANSFORM WORKS: x is read as n/2 complex numbers x_2j + i x_2j+1, transformed by
// Stockham's algorithm (radix 4, a last pass of radix 2 where n/2 is no power of 4; no bit
// reversal, from one buffer to the other and back), and split:
//   X_k = E + exp(-2 pi i k/n) O,  E = (Z_k + Z*_h-k) / 2,  O = (Z_k - Z*_h-k) / 2i,  h = n/2
// for k and h - k at once.
#include <stddef.h>

#include "spatial/field_ops.h"

typedef long long whole4 __attribute__((vector_size(32)));
typedef unsigned long long natural4 __attribute__((vector_size(32)));
typedef v2s_lanes4 lanes;
typedef v2s_lanes_bin bin;

#define INLINE static inline __attribute__((always_inline))

INLINE bin turned(lanes re, lanes im, double c, double s) {
    return (bin){re * c - im * s, re * s + im * c};
}

// One pass over sub-sequences of `length` with stride s.
static void radix4(const v2s_lanes_fft *f, int length, int s, const bin *x, bin *y) {
    int quarter = length / 4, step = f->n / length;
    for (int p = 0; p < quarter; p++) {
        double c1 = f->turn_re[p * step], s1 = f->turn_im[p * step];
        double c2 = f->turn_re[2 * p * step], s2 = f->turn_im[2 * p * step];
        double c3 = f->turn_re[3 * p * step], s3 = f->turn_im[3 * p * step];
        for (int q = 0; q < s; q++) {
            const bin *in = x + q + s * p;
            bin *out = y + q + 4 * s * p;
            bin a = in[0], b = in[s * quarter], c = in[2 * s * quarter], d = in[3 * s * quarter];
            lanes sum_re = a.re + c.re, sum_im = a.im + c.im;
            lanes gap_re = a.re - c.re, gap_im = a.im - c.im;
            lanes odd_re = b.re + d.re, odd_im = b.im + d.im;
            lanes turn_re = d.im - b.im, turn_im = b.re - d.re; // i (b - d)
            out[0] = (bin){sum_re + odd_re, sum_im + odd_im};
            out[s] = turned(gap_re - turn_re, gap_im - turn_im, c1, s1);
            out[2 * s] = turned(sum_re - odd_re, sum_im - odd_im, c2, s2);
            out[3 * s] = turned(gap_re + turn_re, gap_im + turn_im, c3, s3);
        }
    }
}

static void radix2(int s, const bin *x, bin *y) {
    for (int q = 0; q < s; q++) {
        y[q] = (bin){x[q].re + x[q + s].re, x[q].im + x[q + s].im};
        y[q + s] = (bin){x[q].re - x[q + s].re, x[q].im - x[q + s].im};
    }
}

static void split(const v2s_lanes_fft *f, const bin *z, bin *x) {
    int h = f->n / 2;
    const lanes zero = {0};
    x[0] = (bin){z[0].re + z[0].im, zero};
    x[h] = (bin){z[0].re - z[0].im, zero};
    x[h / 2] = (bin){z[h / 2].re, -z[h / 2].im};
    for (int k = 1; k < h - k; k++) {
        bin a = z[k], b = z[h - k];
        lanes even_re = 0.5 * (a.re + b.re), even_im = 0.5 * (a.im - b.im);
        bin odd = turned(0.5 * (a.im + b.im), 0.5 * (b.re - a.re), f->turn_re[k], f->turn_im[k]);
        x[k] = (bin){even_re + odd.re, even_im + odd.im};
        x[h - k] = (bin){even_re - odd.re, odd.im - even_im};
    }
}

INLINE lanes windowed(const float *x, double w) {
    return (lanes){(double)x[0], (double)x[1], (double)x[2], (double)x[3]} * w;
}

static void transform(v2s_lanes_fft *f, const double *window, const float *x, bin *spectrum) {
    int length = f->n / 2, s = 1, now = 0;
    for (int j = 0; j < length; j++)
        f->work[0][j] = (bin){windowed(x + 8 * (ptrdiff_t)j, window[2 * j]),
                              windowed(x + 8 * (ptrdiff_t)j + 4, window[2 * j + 1])};
    for (; length >= 4; length /= 4, s *= 4, now ^= 1)
        radix4(f, length, s, f->work[now], f->work[now ^ 1]);
    if (length == 2) {
        radix2(s, f->work[now], f->work[now ^ 1]);
        now ^= 1;
    }
    split(f, f->work[now], spectrum);
}

// ---- sums -------------------------------------------------------------------------------------

INLINE void add(v2s_lanes_sums *to, const v2s_lanes_sums *m) {
    to->own += m->own;
    to->next_re += m->next_re;
    to->next_im += m->next_im;
    to->across_re += m->across_re;
    to->across_im += m->across_im;
}

static void collect(int bins, const int *low, const double *rise, const bin *x, int bands,
                    v2s_lanes_sums *sums) {
    const whole4 by_one = {1, 2, 3, 0}, by_two = {2, 3, 0, 1};
    const lanes zero = {0};
    for (int k = 0; k < bins;) {
        v2s_lanes_sums up = {zero, zero, zero, zero, zero}, down = up;
        int band = low[k];
        for (; k < bins && low[k] == band; k++) {
            lanes re = x[k].re, im = x[k].im;
            lanes re1 = __builtin_shuffle(re, by_one), im1 = __builtin_shuffle(im, by_one);
            lanes re2 = __builtin_shuffle(re, by_two), im2 = __builtin_shuffle(im, by_two);
            v2s_lanes_sums m = {re * re + im * im, re * re1 + im * im1, im * re1 - re * im1,
                                re * re2 + im * im2, im * re2 - re * im2};
            double r = rise[k], rest = 1 - r;
            v2s_lanes_sums risen = {m.own * r, m.next_re * r, m.next_im * r, m.across_re * r,
                                    m.across_im * r};
            v2s_lanes_sums fallen = {m.own * rest, m.next_re * rest, m.next_im * rest,
                                     m.across_re * rest, m.across_im * rest};
            add(&up, &risen);
            add(&down, &fallen);
        }
        if (band < bands)
            add(&sums[band], &up);
        if (band > 0)
            add(&sums[band - 1], &down);
    }
}

// ---- logarithms -------------------------------------------------------------------------------

INLINE lanes root(lanes x) {
    return (lanes){__builtin_sqrt(x[0]), __builtin_sqrt(x[1]), __builtin_sqrt(x[2]),
                   __builtin_sqrt(x[3])};
}

INLINE lanes magnitude(bin x) {
    return root(x.re * x.re + x.im * x.im);
}

// ln x of positive normal numbers: x = 2^e m with m in [sqrt 1/2, sqrt 2) and
// ln m = 2 (s + s^3/3 + ... ), s = (m - 1) / (m + 1), |s| < 0.172, cut off below 1e-12.
INLINE lanes logarithm(lanes x) {
    const whole4 fraction = {0xfffffffffffff, 0xfffffffffffff, 0xfffffffffffff, 0xfffffffffffff};
    const whole4 one_bits = {0x3ff0000000000000, 0x3ff0000000000000, 0x3ff0000000000000,
                             0x3ff0000000000000};
    const whole4 magic = {0x4330000000000000, 0x4330000000000000, 0x4330000000000000,
                          0x4330000000000000}; // 2^52: adding small whole numbers by their bits
    whole4 bits = (whole4)x;                   // the sign is 0, so that either shift does
    lanes e = (lanes)((bits >> 52) | magic) - 4503599627370496.0 - 1023.0;
    lanes m = (lanes)((bits & fraction) | one_bits);
    whole4 high = m >= 1.4142135623730951;
    lanes one = {1, 1, 1, 1}, half = {0.5, 0.5, 0.5, 0.5};
    m *= (lanes)(((whole4)half & high) | ((whole4)one & ~high));
    e += (lanes)((whole4)one & high);
    lanes s = (m - 1.0) / (m + 1.0), z = s * s;
    lanes p = z * (1.0 / 13) + 1.0 / 11;
    p = p * z + 1.0 / 9;
    p = p * z + 1.0 / 7;
    p = p * z + 1.0 / 5;
    p = p * z + 1.0 / 3;
    return e * 0.69314718055994530942 + 2.0 * (s + s * z * p);
}

static void magnitudes(int bins, const bin *x, double floor_magnitude, lanes *out) {
    for (int k = 0; k < bins; k++)
        out[k] = magnitude(x[k]) + floor_magnitude;
}

static double log_distance(int bins, const bin *x, double floor_magnitude, const lanes *other) {
    lanes sum = {0};
    for (int k = 0; k < bins; k++) {
        lanes d = logarithm((magnitude(x[k]) + floor_magnitude) / other[k]);
        sum += d * d;
    }
    return sum[1] + sum[2] + sum[3];
}

extern const v2s_field_ops V2S_FIELD_OPS_TABLE;
const v2s_field_ops V2S_FIELD_OPS_TABLE = {transform, collect, magnitudes, log_distance};
