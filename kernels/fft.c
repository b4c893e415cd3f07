// SPDX-License-Identifier: MIT
#include "kernels/fft.h"

#include <libavutil/tx.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fft_large.h"

enum { ALIGN = 64 };

struct v2s_fft_real {
    size_t n;
    v2s_fft_large *half; // of n/2 points, where av_tx cannot; then the rest is unused but:
    v2s_complex *turn;   // [n/4 + 1] exp(-2 pi i k / n)
    AVTXContext *forward, *inverse;
    av_tx_fn forward_fn, inverse_fn;
    float *x;              // [n], aligned stand-in for the caller's samples
    v2s_complex *spectrum; // [n/2 + 1], the same for the spectrum; the inverse destroys its input
};

struct v2s_fft_complex {
    size_t n;
    v2s_fft_large *large; // where av_tx cannot
    AVTXContext *forward, *inverse;
    av_tx_fn forward_fn, inverse_fn;
    v2s_complex *in, *out; // [n]
};

static bool aligned(const void *p) {
    return (uintptr_t)p % ALIGN == 0;
}

void *v2s_fft_alloc(size_t count, size_t item_size) {
    if (item_size != 0 && count > (SIZE_MAX - ALIGN) / item_size)
        return NULL;
    // A multiple of the alignment, so that a vector loop may read to the end of its last register.
    size_t size = (count * item_size + ALIGN - 1) / ALIGN * ALIGN;
    void *p = aligned_alloc(ALIGN, size > 0 ? size : ALIGN);
    if (p)
        memset(p, 0, size > 0 ? size : ALIGN);
    return p;
}

void v2s_fft_free(void *p) {
    free(p);
}

static v2s_status open_pair(enum AVTXType type, size_t n, AVTXContext **forward,
                            av_tx_fn *forward_fn, AVTXContext **inverse, av_tx_fn *inverse_fn) {
    if (!v2s_fft_length_ok(n))
        return V2S_FAIL(V2S_ARG, "Fourier transform of %zu points: need {1,3,5,7,9,15} 2^k, k >= 2",
                        n);
    float one = 1.0F, inverse_scale = 1.0F / (float)n;
    // Complex transforms of this version ignore the scale; v2s_fft_complex_inverse divides.
    if (av_tx_init(forward, forward_fn, type, 0, (int)n, &one, 0) < 0 ||
        av_tx_init(inverse, inverse_fn, type, 1, (int)n, &inverse_scale, 0) < 0)
        return V2S_FAIL(V2S_NOMEM, "Fourier transform of %zu points: cannot be set up", n);
    return V2S_OK;
}

static v2s_status open_halves(v2s_fft_real *f) {
    size_t n = f->n;
    f->turn = v2s_fft_alloc(n / 4 + 1, sizeof *f->turn);
    if (f->turn == NULL)
        return V2S_FAIL(V2S_NOMEM, "Fourier transform of %zu points: out of memory", n);
    for (size_t k = 0; k <= n / 4; k++) {
        double angle = -2 * acos(-1.0) * (double)k / (double)n;
        f->turn[k] = (v2s_complex){(float)cos(angle), (float)sin(angle)};
    }
    return v2s_fft_large_open(n / 2, &f->half);
}

v2s_status v2s_fft_real_open(size_t n, v2s_fft_real **fft) {
    v2s_fft_real *f = calloc(1, sizeof *f);
    if (!f)
        return V2S_FAIL(V2S_NOMEM, "Fourier transform of %zu points: out of memory", n);
    f->n = n;
    bool large = v2s_fft_length_ok(n) && n / 2 > V2S_FFT_COMPLEX_MAX;
    v2s_status status = large ? open_halves(f)
                              : open_pair(AV_TX_FLOAT_RDFT, n, &f->forward, &f->forward_fn,
                                          &f->inverse, &f->inverse_fn);
    if (status == V2S_OK) {
        f->x = v2s_fft_alloc(n, sizeof *f->x);
        f->spectrum = v2s_fft_alloc(n / 2 + 1, sizeof *f->spectrum);
        if (!f->x || !f->spectrum)
            status = V2S_FAIL(V2S_NOMEM, "Fourier transform of %zu points: out of memory", n);
    }
    if (status != V2S_OK) {
        v2s_fft_real_close(&f);
        return status;
    }
    *fft = f;
    return V2S_OK;
}

size_t v2s_fft_real_length(const v2s_fft_real *fft) {
    return fft->n;
}

// A real transform from a complex one of half the length, z_j = x_2j + i x_2j+1:
//   X_k = E + e^(-2 pi i k/n) O,  E = (Z_k + Z*_h-k) / 2,  O = (Z_k - Z*_h-k) / 2i,  h = n/2
// for the pair k and h - k at once; `inverse` takes it back, Z_k = E + i O.
static void split_pair(v2s_complex *a, v2s_complex *b, v2s_complex turn, bool inverse) {
    v2s_complex sum = {0.5F * (a->re + b->re), 0.5F * (a->im - b->im)};
    v2s_complex gap = {0.5F * (a->im + b->im), 0.5F * (b->re - a->re)}; // O, or -i e^.. O
    if (inverse) {
        turn.im = -turn.im;
        gap = (v2s_complex){-gap.im, gap.re}; // (X_k - X*_h-k) / 2
    }
    v2s_complex o = {gap.re * turn.re - gap.im * turn.im, gap.re * turn.im + gap.im * turn.re};
    if (inverse)
        o = (v2s_complex){-o.im, o.re};
    *a = (v2s_complex){sum.re + o.re, sum.im + o.im};
    *b = (v2s_complex){sum.re - o.re, o.im - sum.im};
}

static void split_all(v2s_fft_real *f, v2s_complex *x, bool inverse) {
    size_t h = f->n / 2;
    for (size_t k = 1; k < h - k; k++)
        split_pair(&x[k], &x[h - k], f->turn[k], inverse);
    x[h / 2].im = -x[h / 2].im;
}

static void forward_large(v2s_fft_real *f, const float *x, v2s_complex *spectrum) {
    size_t h = f->n / 2;
    memcpy(f->x, x, f->n * sizeof *x);
    v2s_fft_large_forward(f->half, (const v2s_complex *)f->x, f->spectrum);
    split_all(f, f->spectrum, false);
    v2s_complex zero = f->spectrum[0];
    f->spectrum[0] = (v2s_complex){zero.re + zero.im, 0.0F};
    f->spectrum[h] = (v2s_complex){zero.re - zero.im, 0.0F};
    memcpy(spectrum, f->spectrum, (h + 1) * sizeof *spectrum);
}

// By the conjugate: inverse(Z) = conj(forward(conj Z)) / h.
static void inverse_large(v2s_fft_real *f, const v2s_complex *spectrum, float *x) {
    size_t h = f->n / 2;
    memcpy(f->spectrum, spectrum, (h + 1) * sizeof *spectrum);
    float first = f->spectrum[0].re, last = f->spectrum[h].re, scale = 1.0F / (float)h;
    split_all(f, f->spectrum, true);
    f->spectrum[0] = (v2s_complex){0.5F * (first + last), 0.5F * (first - last)};
    for (size_t k = 0; k < h; k++)
        f->spectrum[k].im = -f->spectrum[k].im;
    v2s_fft_large_forward(f->half, f->spectrum, (v2s_complex *)f->x);
    for (size_t j = 0; j < h; j++) {
        x[2 * j] = scale * f->x[2 * j];
        x[2 * j + 1] = -scale * f->x[2 * j + 1];
    }
}

void v2s_fft_real_forward(v2s_fft_real *f, const float *x, v2s_complex *spectrum) {
    if (f->half != NULL) {
        forward_large(f, x, spectrum);
        return;
    }
    // av_tx may use its input as working space, so the caller's samples are always copied.
    memcpy(f->x, x, f->n * sizeof *x);
    v2s_complex *out = aligned(spectrum) ? spectrum : f->spectrum;
    f->forward_fn(f->forward, out, f->x, sizeof(float));
    out[0].im = 0.0F;
    out[f->n / 2].im = 0.0F; // left unwritten by av_tx
    if (out != spectrum)
        memcpy(spectrum, out, (f->n / 2 + 1) * sizeof *spectrum);
}

void v2s_fft_real_inverse(v2s_fft_real *f, const v2s_complex *spectrum, float *x) {
    if (f->half != NULL) {
        inverse_large(f, spectrum, x);
        return;
    }
    memcpy(f->spectrum, spectrum, (f->n / 2 + 1) * sizeof *spectrum);
    f->spectrum[0].im = 0.0F;
    f->spectrum[f->n / 2].im = 0.0F;
    float *out = aligned(x) ? x : f->x;
    f->inverse_fn(f->inverse, out, f->spectrum, sizeof(v2s_complex));
    if (out != x)
        memcpy(x, out, f->n * sizeof *x);
}

void v2s_fft_real_close(v2s_fft_real **fft) {
    v2s_fft_real *f = *fft;
    if (!f)
        return;
    av_tx_uninit(&f->forward);
    av_tx_uninit(&f->inverse);
    v2s_fft_large_close(&f->half);
    v2s_fft_free(f->turn);
    v2s_fft_free(f->x);
    v2s_fft_free(f->spectrum);
    free(f);
    *fft = NULL;
}

v2s_status v2s_fft_complex_open(size_t n, v2s_fft_complex **fft) {
    v2s_fft_complex *f = calloc(1, sizeof *f);
    if (!f)
        return V2S_FAIL(V2S_NOMEM, "Fourier transform of %zu points: out of memory", n);
    f->n = n;
    bool large = v2s_fft_length_ok(n) && n > V2S_FFT_COMPLEX_MAX;
    v2s_status status = large ? v2s_fft_large_open(n, &f->large)
                              : open_pair(AV_TX_FLOAT_FFT, n, &f->forward, &f->forward_fn,
                                          &f->inverse, &f->inverse_fn);
    if (status == V2S_OK) {
        f->in = v2s_fft_alloc(n, sizeof *f->in);
        f->out = v2s_fft_alloc(n, sizeof *f->out);
        if (!f->in || !f->out)
            status = V2S_FAIL(V2S_NOMEM, "Fourier transform of %zu points: out of memory", n);
    }
    if (status != V2S_OK) {
        v2s_fft_complex_close(&f);
        return status;
    }
    *fft = f;
    return V2S_OK;
}

size_t v2s_fft_complex_length(const v2s_fft_complex *fft) {
    return fft->n;
}

void v2s_fft_complex_forward(v2s_fft_complex *f, const v2s_complex *x, v2s_complex *spectrum) {
    if (f->large != NULL) {
        v2s_fft_large_forward(f->large, x, spectrum);
        return;
    }
    memcpy(f->in, x, f->n * sizeof *x);
    v2s_complex *out = aligned(spectrum) ? spectrum : f->out;
    f->forward_fn(f->forward, out, f->in, sizeof(v2s_complex));
    if (out != spectrum)
        memcpy(spectrum, out, f->n * sizeof *spectrum);
}

void v2s_fft_complex_inverse(v2s_fft_complex *f, const v2s_complex *spectrum, v2s_complex *x) {
    float scale = 1.0F / (float)f->n;
    memcpy(f->in, spectrum, f->n * sizeof *spectrum);
    if (f->large != NULL) { // by the conjugate
        for (size_t i = 0; i < f->n; i++)
            f->in[i].im = -f->in[i].im;
        v2s_fft_large_forward(f->large, f->in, f->out);
        for (size_t i = 0; i < f->n; i++)
            x[i] = (v2s_complex){f->out[i].re * scale, -f->out[i].im * scale};
        return;
    }
    v2s_complex *out = aligned(x) ? x : f->out;
    f->inverse_fn(f->inverse, out, f->in, sizeof(v2s_complex));
    for (size_t i = 0; i < f->n; i++) {
        x[i].re = out[i].re * scale;
        x[i].im = out[i].im * scale;
    }
}

void v2s_fft_complex_close(v2s_fft_complex **fft) {
    v2s_fft_complex *f = *fft;
    if (!f)
        return;
    av_tx_uninit(&f->forward);
    av_tx_uninit(&f->inverse);
    v2s_fft_large_close(&f->large);
    v2s_fft_free(f->in);
    v2s_fft_free(f->out);
    free(f);
    *fft = NULL;
}
