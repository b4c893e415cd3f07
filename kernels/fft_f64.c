// SPDX-License-Identifier: MIT
#include "kernels/fft_f64.h"

#include <libavutil/tx.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fft.h"

enum { COMPLEX_MAX = 131072 };

// Both kinds work on aligned copies: av_tx may use its input as working space and wants alignment.
struct v2s_fft_real_f64 {
    size_t n;
    AVTXContext *forward;
    av_tx_fn forward_fn;
    double *x;                 // [n]
    v2s_complex_f64 *spectrum; // [n/2 + 1]
};

struct v2s_fft_complex_f64 {
    size_t n;
    AVTXContext *forward, *inverse;
    av_tx_fn forward_fn, inverse_fn;
    v2s_complex_f64 *in, *out; // [n]
};

static v2s_status check_length(size_t n, size_t most) {
    if (v2s_fft_length_ok(n) && n <= most)
        return V2S_OK;
    return V2S_FAIL(V2S_ARG,
                    "Fourier transform of %zu points: need {1,3,5,7,9,15} 2^k, k >= 2, "
                    "and at most %zu",
                    n, most);
}

v2s_status v2s_fft_real_f64_open(size_t n, v2s_fft_real_f64 **fft) {
    V2S_TRY(check_length(n, 2 * COMPLEX_MAX));
    v2s_fft_real_f64 *f = calloc(1, sizeof *f);
    if (f == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    double one = 1.0;
    f->n = n;
    f->x = v2s_fft_alloc(n, sizeof *f->x);
    f->spectrum = v2s_fft_alloc(n / 2 + 1, sizeof *f->spectrum);
    if (f->x == NULL || f->spectrum == NULL ||
        av_tx_init(&f->forward, &f->forward_fn, AV_TX_DOUBLE_RDFT, 0, (int)n, &one, 0) < 0) {
        v2s_fft_real_f64_close(&f);
        return V2S_FAIL(V2S_NOMEM, "Fourier transform of %zu points: cannot be set up", n);
    }
    *fft = f;
    return V2S_OK;
}

void v2s_fft_real_f64_forward(v2s_fft_real_f64 *f, const double *x, v2s_complex_f64 *spectrum) {
    memcpy(f->x, x, f->n * sizeof *x);
    f->forward_fn(f->forward, f->spectrum, f->x, sizeof(double));
    f->spectrum[0].im = 0.0;
    f->spectrum[f->n / 2].im = 0.0; // left unwritten by av_tx
    memcpy(spectrum, f->spectrum, (f->n / 2 + 1) * sizeof *spectrum);
}

void v2s_fft_real_f64_close(v2s_fft_real_f64 **fft) {
    v2s_fft_real_f64 *f = *fft;
    if (f == NULL)
        return;
    av_tx_uninit(&f->forward);
    v2s_fft_free(f->x);
    v2s_fft_free(f->spectrum);
    free(f);
    *fft = NULL;
}

v2s_status v2s_fft_complex_f64_open(size_t n, v2s_fft_complex_f64 **fft) {
    V2S_TRY(check_length(n, COMPLEX_MAX));
    v2s_fft_complex_f64 *f = calloc(1, sizeof *f);
    if (f == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    double one = 1.0;
    f->n = n;
    f->in = v2s_fft_alloc(n, sizeof *f->in);
    f->out = v2s_fft_alloc(n, sizeof *f->out);
    if (f->in == NULL || f->out == NULL ||
        av_tx_init(&f->forward, &f->forward_fn, AV_TX_DOUBLE_FFT, 0, (int)n, &one, 0) < 0 ||
        av_tx_init(&f->inverse, &f->inverse_fn, AV_TX_DOUBLE_FFT, 1, (int)n, &one, 0) < 0) {
        v2s_fft_complex_f64_close(&f);
        return V2S_FAIL(V2S_NOMEM, "Fourier transform of %zu points: cannot be set up", n);
    }
    *fft = f;
    return V2S_OK;
}

void v2s_fft_complex_f64_forward(v2s_fft_complex_f64 *f, const v2s_complex_f64 *x,
                                 v2s_complex_f64 *spectrum) {
    memcpy(f->in, x, f->n * sizeof *x);
    f->forward_fn(f->forward, f->out, f->in, sizeof *x);
    memcpy(spectrum, f->out, f->n * sizeof *spectrum);
}

void v2s_fft_complex_f64_inverse(v2s_fft_complex_f64 *f, const v2s_complex_f64 *spectrum,
                                 v2s_complex_f64 *x) {
    double scale = 1.0 / (double)f->n;
    memcpy(f->in, spectrum, f->n * sizeof *spectrum);
    f->inverse_fn(f->inverse, f->out, f->in, sizeof *spectrum);
    for (size_t i = 0; i < f->n; i++)
        x[i] = (v2s_complex_f64){scale * f->out[i].re, scale * f->out[i].im};
}

void v2s_fft_complex_f64_close(v2s_fft_complex_f64 **fft) {
    v2s_fft_complex_f64 *f = *fft;
    if (f == NULL)
        return;
    av_tx_uninit(&f->forward);
    av_tx_uninit(&f->inverse);
    v2s_fft_free(f->in);
    v2s_fft_free(f->out);
    free(f);
    *fft = NULL;
}
