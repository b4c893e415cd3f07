// SPDX-License-Identifier: MIT
#include "kernels/fft_large.h"

#include <math.h>
#include <stdlib.h>

struct v2s_fft_large {
    size_t n, n1, n2;
    v2s_fft_complex *first, *second; // n1 and n2 points
    v2s_complex *turn;               // [n1][n2] w_n^(j2 k1)
    v2s_complex *table;              // [n1][n2]
    v2s_complex *in, *out;           // one row or column
};

static v2s_status take_memory(v2s_fft_large *f) {
    size_t longest = f->n1 > f->n2 ? f->n1 : f->n2;
    f->turn = v2s_fft_alloc(f->n, sizeof *f->turn);
    f->table = v2s_fft_alloc(f->n, sizeof *f->table);
    f->in = v2s_fft_alloc(longest, sizeof *f->in);
    f->out = v2s_fft_alloc(longest, sizeof *f->out);
    if (f->turn == NULL || f->table == NULL || f->in == NULL || f->out == NULL)
        return V2S_FAIL(V2S_NOMEM, "Fourier transform of %zu points: out of memory", f->n);
    V2S_TRY(v2s_fft_complex_open(f->n1, &f->first));
    return v2s_fft_complex_open(f->n2, &f->second);
}

v2s_status v2s_fft_large_open(size_t n, v2s_fft_large **fft) {
    v2s_fft_large *f = calloc(1, sizeof *f);
    if (f == NULL)
        return V2S_FAIL(V2S_NOMEM, "Fourier transform of %zu points: out of memory", n);
    f->n = n;
    for (f->n1 = 4; f->n1 * f->n1 < n / 4; f->n1 *= 2) {
    }
    f->n2 = n / f->n1;
    v2s_status status = take_memory(f);
    if (status != V2S_OK) {
        v2s_fft_large_close(&f);
        return status;
    }
    double step = -2 * acos(-1.0) / (double)n;
    for (size_t k1 = 0; k1 < f->n1; k1++)
        for (size_t j2 = 0; j2 < f->n2; j2++) {
            double angle = step * (double)(j2 * k1 % n);
            f->turn[k1 * f->n2 + j2] = (v2s_complex){(float)cos(angle), (float)sin(angle)};
        }
    *fft = f;
    return V2S_OK;
}

void v2s_fft_large_forward(v2s_fft_large *f, const v2s_complex *x, v2s_complex *spectrum) {
    size_t n1 = f->n1, n2 = f->n2;
    for (size_t j2 = 0; j2 < n2; j2++) {
        for (size_t j1 = 0; j1 < n1; j1++)
            f->in[j1] = x[j1 * n2 + j2];
        v2s_fft_complex_forward(f->first, f->in, f->out);
        for (size_t k1 = 0; k1 < n1; k1++) {
            v2s_complex a = f->out[k1], w = f->turn[k1 * n2 + j2];
            f->table[k1 * n2 + j2] =
                (v2s_complex){a.re * w.re - a.im * w.im, a.re * w.im + a.im * w.re};
        }
    }
    for (size_t k1 = 0; k1 < n1; k1++) {
        v2s_fft_complex_forward(f->second, f->table + k1 * n2, f->out);
        for (size_t k2 = 0; k2 < n2; k2++)
            spectrum[k1 + n1 * k2] = f->out[k2];
    }
}

void v2s_fft_large_close(v2s_fft_large **fft) {
    v2s_fft_large *f = *fft;
    if (f == NULL)
        return;
    v2s_fft_complex_close(&f->first);
    v2s_fft_complex_close(&f->second);
    v2s_fft_free(f->turn);
    v2s_fft_free(f->table);
    v2s_fft_free(f->in);
    v2s_fft_free(f->out);
    free(f);
    *fft = NULL;
}
