// SPDX-License-Identifier: MIT
#include "kernels/dft_f64.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fft.h"

typedef v2s_complex_f64 point;

enum { FAST_MAX = 131072 }; // of kernels/fft_f64.h
enum { TILE = 8 };          // columns taken at once: two lines of cache hold that many points

// exp(-2 pi i j / n) for all j < n, as the product of two of about sqrt(n) each.
typedef struct roots {
    int shift;
    point *coarse, *fine; // of multiples of 2^shift, and of what is below
} roots;

struct v2s_dft_f64 {
    size_t n;
    v2s_fft_complex_f64 *fast; // where this is there, nothing else is
    roots root;                // of n (two factors) or 2 n (chirp)
    // two factors
    size_t n1, n2;
    v2s_dft_f64 *first, *second;
    point *in, *out; // [TILE][n1], [n1]
    // chirp
    size_t m;
    v2s_dft_f64 *inner; // m points
    point *filter;      // [m] transform of w^(-k^2), k = -(n-1) .. n-1
    point *a, *b;       // [m]
};

static point times(point a, point b) {
    return (point){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

// ---- roots of one -----------------------------------------------------------------------------

static point unit(size_t j, size_t n) {
    double angle = -2 * acos(-1.0) * (double)j / (double)n;
    return (point){cos(angle), sin(angle)};
}

static bool roots_make(size_t n, roots *r) {
    for (r->shift = 1; n >> r->shift >> r->shift > 0;)
        r->shift++;
    size_t step = (size_t)1 << r->shift, count = (n >> r->shift) + 1;
    r->coarse = malloc(count * sizeof *r->coarse);
    r->fine = malloc(step * sizeof *r->fine);
    if (r->coarse == NULL || r->fine == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        r->coarse[i] = unit(i * step, n);
    for (size_t i = 0; i < step; i++)
        r->fine[i] = unit(i, n);
    return true;
}

static point root_of(const roots *r, size_t j) {
    return times(r->coarse[j >> r->shift], r->fine[j & (((size_t)1 << r->shift) - 1)]);
}

// ---- two factors ------------------------------------------------------------------------------

// The largest divisor of n up to sqrt(n).
static size_t lower_factor(size_t n) {
    size_t d = (size_t)sqrt((double)n);
    while (d * d > n || n % d != 0)
        d--;
    return d;
}

static v2s_status open_factors(v2s_dft_f64 *d) {
    d->in = v2s_fft_alloc(TILE * d->n1, sizeof *d->in);
    d->out = v2s_fft_alloc(d->n1, sizeof *d->out);
    if (d->in == NULL || d->out == NULL || !roots_make(d->n, &d->root))
        return V2S_FAIL(V2S_NOMEM, "Fourier transform of %zu points: out of memory", d->n);
    V2S_TRY(v2s_dft_f64_open(d->n1, &d->first));
    return v2s_dft_f64_open(d->n2, &d->second);
}

// Columns j2 .. j2 + width - 1 in place, with their turns.
static void forward_columns(v2s_dft_f64 *d, point *x, size_t j2, size_t width) {
    size_t n1 = d->n1, n2 = d->n2;
    for (size_t j1 = 0; j1 < n1; j1++)
        for (size_t i = 0; i < width; i++)
            d->in[i * n1 + j1] = x[j1 * n2 + j2 + i];
    for (size_t i = 0; i < width; i++) {
        point *column = d->in + i * n1;
        v2s_dft_f64_forward(d->first, column, d->out);
        for (size_t k1 = 0; k1 < n1; k1++)
            column[k1] = times(d->out[k1], root_of(&d->root, (j2 + i) * k1));
    }
    for (size_t k1 = 0; k1 < n1; k1++)
        for (size_t i = 0; i < width; i++)
            x[k1 * n2 + j2 + i] = d->in[i * n1 + k1];
}

// [n1][n2] into [n2][n1].
static void transpose(size_t n1, size_t n2, const point *x, point *out) {
    for (size_t k1 = 0; k1 < n1; k1 += TILE)
        for (size_t k2 = 0; k2 < n2; k2++)
            for (size_t i = k1; i < k1 + TILE && i < n1; i++)
                out[k2 * n1 + i] = x[i * n2 + k2];
}

static void forward_factors(v2s_dft_f64 *d, point *x, point *spectrum) {
    size_t n1 = d->n1, n2 = d->n2;
    for (size_t j2 = 0; j2 < n2; j2 += TILE)
        forward_columns(d, x, j2, n2 - j2 < TILE ? n2 - j2 : TILE);
    // Rows into the spectrum's memory, each beginning at its own n2 points, then into place.
    for (size_t k1 = 0; k1 < n1; k1++)
        v2s_dft_f64_forward(d->second, x + k1 * n2, spectrum + k1 * n2);
    memcpy(x, spectrum, d->n * sizeof *x);
    transpose(n1, n2, x, spectrum);
}

// ---- chirp ------------------------------------------------------------------------------------

// w^(k^2); k^2 modulo 2n, for w has that period.
static point chirp_at(const v2s_dft_f64 *d, size_t k) {
    return root_of(&d->root, (size_t)((uint64_t)k * k % (2 * d->n)));
}

// The smallest {1,3,5,7,9,15} 2^k from `least` on, k >= 2: fast, or two factors that are.
static size_t smooth_above(size_t least) {
    size_t best = SIZE_MAX;
    for (int i = 0; v2s_fft_odd_factor(i) != 0; i++) {
        size_t m = v2s_fft_odd_factor(i) * V2S_FFT_LEAST_POWER;
        while (m < least)
            m *= 2;
        best = m < best ? m : best;
    }
    return best;
}

static v2s_status open_chirp(v2s_dft_f64 *d) {
    d->m = smooth_above(2 * d->n - 1);
    d->filter = v2s_fft_alloc(d->m, sizeof *d->filter);
    d->a = v2s_fft_alloc(d->m, sizeof *d->a);
    d->b = v2s_fft_alloc(d->m, sizeof *d->b);
    if (d->filter == NULL || d->a == NULL || d->b == NULL || !roots_make(2 * d->n, &d->root))
        return V2S_FAIL(V2S_NOMEM, "Fourier transform of %zu points: out of memory", d->n);
    V2S_TRY(v2s_dft_f64_open(d->m, &d->inner));
    for (size_t k = 0; k < d->n; k++) {
        point w = chirp_at(d, k);
        d->a[k] = (point){w.re, -w.im};
        if (k > 0)
            d->a[d->m - k] = d->a[k];
    }
    v2s_dft_f64_forward(d->inner, d->a, d->filter);
    return V2S_OK;
}

static void forward_chirp(v2s_dft_f64 *d, const point *x, point *spectrum) {
    memset(d->a, 0, d->m * sizeof *d->a);
    for (size_t k = 0; k < d->n; k++)
        d->a[k] = times(x[k], chirp_at(d, k));
    v2s_dft_f64_forward(d->inner, d->a, d->b);
    for (size_t k = 0; k < d->m; k++)
        d->b[k] = times(d->b[k], d->filter[k]);
    v2s_dft_f64_inverse(d->inner, d->b, d->a);
    for (size_t k = 0; k < d->n; k++)
        spectrum[k] = times(d->a[k], chirp_at(d, k));
}

// ---- any --------------------------------------------------------------------------------------

static bool is_fast(size_t n) {
    return n <= FAST_MAX && v2s_fft_length_ok(n);
}

// Two factors pay where both are transforms of some size; a prime number has none.
static bool has_factors(v2s_dft_f64 *d) {
    enum { LEAST = 16 };
    if (d->n <= FAST_MAX)
        return false;
    d->n1 = lower_factor(d->n);
    d->n2 = d->n / d->n1;
    return d->n1 >= LEAST;
}

v2s_status v2s_dft_f64_open(size_t n, v2s_dft_f64 **dft) {
    if (n == 0 || n > V2S_DFT_F64_POINTS_MAX)
        return V2S_FAIL(V2S_ARG, "Fourier transform of %zu points: need 1 .. %zu", n,
                        V2S_DFT_F64_POINTS_MAX);
    v2s_dft_f64 *d = calloc(1, sizeof *d);
    if (d == NULL)
        return V2S_FAIL(V2S_NOMEM, "Fourier transform of %zu points: out of memory", n);
    d->n = n;
    v2s_status status = is_fast(n)       ? v2s_fft_complex_f64_open(n, &d->fast)
                        : has_factors(d) ? open_factors(d)
                                         : open_chirp(d);
    if (status != V2S_OK) {
        v2s_dft_f64_close(&d);
        return status;
    }
    *dft = d;
    return V2S_OK;
}

void v2s_dft_f64_forward(v2s_dft_f64 *d, point *x, point *spectrum) {
    if (d->fast != NULL)
        v2s_fft_complex_f64_forward(d->fast, x, spectrum);
    else if (d->first != NULL)
        forward_factors(d, x, spectrum);
    else
        forward_chirp(d, x, spectrum);
}

// The conjugate of the transform of the conjugate.
void v2s_dft_f64_inverse(v2s_dft_f64 *d, point *spectrum, point *x) {
    double scale = 1.0 / (double)d->n;
    for (size_t k = 0; k < d->n; k++)
        spectrum[k].im = -spectrum[k].im;
    v2s_dft_f64_forward(d, spectrum, x);
    for (size_t j = 0; j < d->n; j++)
        x[j] = (point){scale * x[j].re, -scale * x[j].im};
}

void v2s_dft_f64_close(v2s_dft_f64 **dft) {
    v2s_dft_f64 *d = *dft;
    if (d == NULL)
        return;
    v2s_fft_complex_f64_close(&d->fast);
    v2s_dft_f64_close(&d->first);
    v2s_dft_f64_close(&d->second);
    v2s_dft_f64_close(&d->inner);
    free(d->root.coarse);
    free(d->root.fine);
    v2s_fft_free(d->in);
    v2s_fft_free(d->out);
    v2s_fft_free(d->filter);
    v2s_fft_free(d->a);
    v2s_fft_free(d->b);
    free(d);
    *dft = NULL;
}
