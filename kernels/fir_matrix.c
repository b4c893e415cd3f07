// SPDX-License-Identifier: MIT
#include "kernels/fir_matrix.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/arena.h"
#include "kernels/fft.h"
#include "kernels/rdft.h"

struct v2s_fir_matrix {
    int T, inputs, outputs, taps;
    size_t n, values; // points of the transform; 2 (n/2 + 1)
    v2s_rdft *dft;
    v2s_arena memory;
    real *H;      // [outputs][inputs][values]
    real *X;      // [inputs or outputs][values]: of what comes in
    real *Y;      // [values]: of what goes out
    real *signal; // [n]
};

static void take_memory(v2s_fir_matrix *m, v2s_arena *arena) {
    size_t most = (size_t)(m->inputs > m->outputs ? m->inputs : m->outputs);
    size_t filters = v2s_size_mul((size_t)m->inputs, (size_t)m->outputs);
    m->H = v2s_arena_take(arena, v2s_size_mul(filters, m->values), sizeof(real));
    m->X = v2s_arena_take(arena, v2s_size_mul(most, m->values), sizeof(real));
    m->Y = v2s_arena_take(arena, m->values, sizeof(real));
    m->signal = v2s_arena_take(arena, m->n, sizeof(real));
}

v2s_status v2s_fir_matrix_open(int T, int inputs, int outputs, int taps, const real *h,
                               v2s_fir_matrix **out) {
    if (T < 1 || inputs < 1 || outputs < 1 || taps < 1 || T > INT_MAX - taps)
        return V2S_FAIL(V2S_ARG, "%d x %d filters of %d taps over %d samples: out of range",
                        outputs, inputs, taps, T);
    size_t n = v2s_fft_length_above((size_t)T + (size_t)taps - 1);
    if (n == 0)
        return V2S_FAIL(V2S_ARG, "filters of %d taps over %d samples: too long", taps, T);
    v2s_fir_matrix *m = calloc(1, sizeof *m);
    if (m == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    *m = (v2s_fir_matrix){T, inputs, outputs, taps, n, n + 2, NULL, {0}, NULL, NULL, NULL, NULL};
    v2s_arena count = v2s_arena_count();
    take_memory(m, &count);
    v2s_status status = v2s_rdft_open(n, &m->dft);
    if (status == V2S_OK)
        status = v2s_arena_open(&m->memory, count.used);
    if (status != V2S_OK) {
        v2s_fir_matrix_close(&m);
        return status;
    }
    take_memory(m, &m->memory);
    for (size_t f = 0; f < (size_t)inputs * (size_t)outputs; f++) {
        memcpy(m->signal, h + f * (size_t)taps, (size_t)taps * sizeof(real));
        v2s_rdft_forward(m->dft, m->signal, m->H + f * m->values);
    }
    *out = m;
    return V2S_OK;
}

// Spectra of the channels of x [T,channels] into m->X.
static void transform(v2s_fir_matrix *m, int T, int channels, const real *x) {
    for (int c = 0; c < channels; c++) {
        for (int t = 0; t < T; t++)
            m->signal[t] = x[(size_t)t * channels + c];
        memset(m->signal + T, 0, (m->n - (size_t)T) * sizeof(real));
        v2s_rdft_forward(m->dft, m->signal, m->X + (size_t)c * m->values);
    }
}

// m->Y += H X, or conj(H) X for sign -1.
static void add_product(v2s_fir_matrix *m, const real *H, const real *X, real sign) {
    for (size_t k = 0; k < m->values; k += 2) {
        real re = H[k], im = sign * H[k + 1];
        m->Y[k] += re * X[k] - im * X[k + 1];
        m->Y[k + 1] += re * X[k + 1] + im * X[k];
    }
}

void v2s_fir_matrix_forward(v2s_fir_matrix *m, int T, const real *x, real *y) {
    if (T == 0)
        return;
    V2S_ASSERT(T <= m->T);
    transform(m, T, m->inputs, x);
    for (int o = 0; o < m->outputs; o++) {
        memset(m->Y, 0, m->values * sizeof(real));
        for (int i = 0; i < m->inputs; i++)
            add_product(m, m->H + (size_t)(o * m->inputs + i) * m->values,
                        m->X + (size_t)i * m->values, 1);
        v2s_rdft_inverse(m->dft, m->Y, m->signal);
        for (int t = 0; t < T + m->taps - 1; t++)
            y[(size_t)t * m->outputs + o] = m->signal[t];
    }
}

void v2s_fir_matrix_backward(v2s_fir_matrix *m, int T, const real *dy, real *dx) {
    if (T == 0)
        return;
    V2S_ASSERT(T <= m->T);
    transform(m, T + m->taps - 1, m->outputs, dy);
    for (int i = 0; i < m->inputs; i++) {
        memset(m->Y, 0, m->values * sizeof(real));
        for (int o = 0; o < m->outputs; o++)
            add_product(m, m->H + (size_t)(o * m->inputs + i) * m->values,
                        m->X + (size_t)o * m->values, -1);
        v2s_rdft_inverse(m->dft, m->Y, m->signal);
        for (int t = 0; t < T; t++)
            dx[(size_t)t * m->inputs + i] += m->signal[t];
    }
}

void v2s_fir_matrix_close(v2s_fir_matrix **matrix) {
    v2s_fir_matrix *m = *matrix;
    if (m == NULL)
        return;
    v2s_rdft_close(&m->dft);
    v2s_arena_close(&m->memory);
    free(m);
    *matrix = NULL;
}
