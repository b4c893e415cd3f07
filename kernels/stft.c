// SPDX-License-Identifier: MIT
#include "kernels/stft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/arena.h"
#include "kernels/rdft.h"

struct v2s_stft {
    v2s_stft_config config;
    int bins, padding; // n/2 + 1; samples before the first of x
    v2s_rdft *dft;
    v2s_arena memory;
    real *window;   // [n]
    real *frame;    // [n]
    real *spectrum; // [bins][2]
};

static void take_memory(v2s_stft *s, v2s_arena *arena) {
    s->window = v2s_arena_take(arena, (size_t)s->config.n, sizeof(real));
    s->frame = v2s_arena_take(arena, (size_t)s->config.n, sizeof(real));
    s->spectrum = v2s_arena_take(arena, 2 * (size_t)s->bins, sizeof(real));
}

v2s_status v2s_stft_open(const v2s_stft_config *config, v2s_stft **out) {
    V2S_TRY(v2s_stft_config_check(config));
    v2s_stft *s = calloc(1, sizeof *s);
    if (s == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    s->config = *config;
    s->bins = v2s_stft_config_bins(config);
    s->padding = v2s_stft_config_padding(config);
    v2s_arena count = v2s_arena_count();
    take_memory(s, &count);
    v2s_status status = v2s_rdft_open((size_t)config->n, &s->dft);
    if (status == V2S_OK)
        status = v2s_arena_open(&s->memory, count.used);
    if (status != V2S_OK) {
        v2s_stft_close(&s);
        return status;
    }
    take_memory(s, &s->memory);
    for (int j = 0; j < config->win; j++)
        s->window[(config->n - config->win) / 2 + j] =
            (real)(0.5 - 0.5 * cos(2.0 * 3.14159265358979323846 * j / config->win));
    *out = s;
    return V2S_OK;
}

int v2s_stft_bins(const v2s_stft *s) {
    return s->bins;
}

int v2s_stft_frames(const v2s_stft *s, int T) {
    return v2s_stft_config_frames(&s->config, T);
}

// Which sample of x stands at place t of the padded signal (t counts from x[0]); -1: a zero.
static int source(const v2s_stft *s, int T, int t) {
    if (t >= 0 && t < T)
        return t;
    if (s->config.pad != V2S_STFT_REFLECT_PAD)
        return -1;
    t = t < 0 ? -t : 2 * (T - 1) - t;
    return t >= 0 && t < T ? t : -1;
}

void v2s_stft_forward(v2s_stft *s, int T, const real *x, real *X) {
    const int F = v2s_stft_frames(s, T), n = s->config.n;
    for (int f = 0; f < F; f++) {
        int start = f * s->config.hop - s->padding;
        if (start >= 0 && start + n <= T)
            for (int i = 0; i < n; i++)
                s->frame[i] = s->window[i] * x[start + i];
        else
            for (int i = 0; i < n; i++) {
                int t = source(s, T, start + i);
                s->frame[i] = t < 0 ? 0 : s->window[i] * x[t];
            }
        v2s_rdft_forward(s->dft, s->frame, X + 2 * (size_t)f * s->bins);
    }
}

// The sum over k of Re{dX_k exp(+...)} is the inverse transform of n dX_k at k = 0 and n/2 and of
// n/2 dX_k elsewhere, because the inverse counts those twice (as X_k and X_{n-k}).
void v2s_stft_backward(v2s_stft *s, int T, const real *dX, real *dx) {
    const int F = v2s_stft_frames(s, T), n = s->config.n;
    for (int f = 0; f < F; f++) {
        const real *from = dX + 2 * (size_t)f * s->bins;
        int start = f * s->config.hop - s->padding;
        for (int k = 0; k < 2 * s->bins; k++)
            s->spectrum[k] = (real)0.5 * (real)n * from[k];
        s->spectrum[0] *= 2;
        s->spectrum[2 * (s->bins - 1)] *= 2;
        v2s_rdft_inverse(s->dft, s->spectrum, s->frame);
        if (start >= 0 && start + n <= T)
            for (int i = 0; i < n; i++)
                dx[start + i] += s->window[i] * s->frame[i];
        else
            for (int i = 0; i < n; i++) {
                int t = source(s, T, start + i);
                if (t >= 0)
                    dx[t] += s->window[i] * s->frame[i];
            }
    }
}

// The sum of w^2 over the F frames that cover place p of the padded signal.
static real envelope(const v2s_stft *s, int F, int p) {
    const int n = s->config.n, hop = s->config.hop;
    real sum = 0;
    for (int f = p < n ? 0 : (p - n) / hop + 1; f < F && f * hop <= p; f++)
        sum += s->window[p - f * hop] * s->window[p - f * hop];
    return sum;
}

void v2s_istft_forward(v2s_stft *s, int F, const real *X, int T, real *x) {
    const int n = s->config.n;
    for (int t = 0; t < T; t++)
        x[t] = 0;
    for (int f = 0; f < F; f++) {
        int start = f * s->config.hop - s->padding;
        v2s_rdft_inverse(s->dft, X + 2 * (size_t)f * s->bins, s->frame);
        for (int i = start < 0 ? -start : 0; i < n && start + i < T; i++)
            x[start + i] += s->window[i] * s->frame[i];
    }
    for (int t = 0; t < T; t++) {
        real sum = envelope(s, F, t + s->padding);
        x[t] = (double)sum < V2S_STFT_LEAST_ENVELOPE ? 0 : x[t] / sum;
    }
}

void v2s_istft_backward(v2s_stft *s, int F, int T, const real *dx, real *dX) {
    const int n = s->config.n;
    for (int f = 0; f < F; f++) {
        int start = f * s->config.hop - s->padding;
        for (int i = 0; i < n; i++) {
            int t = start + i;
            real sum = t < 0 || t >= T ? 0 : envelope(s, F, t + s->padding);
            s->frame[i] = (double)sum < V2S_STFT_LEAST_ENVELOPE ? 0 : s->window[i] * dx[t] / sum;
        }
        v2s_rdft_forward(s->dft, s->frame, s->spectrum);
        real *to = dX + 2 * (size_t)f * s->bins;
        const real share = (real)(2.0 / n);
        to[0] += s->spectrum[0] * share / 2;
        for (int k = 2; k < 2 * (s->bins - 1); k++)
            to[k] += s->spectrum[k] * share;
        to[2 * (s->bins - 1)] += s->spectrum[2 * (s->bins - 1)] * share / 2;
    }
}

void v2s_stft_close(v2s_stft **stft) {
    v2s_stft *s = *stft;
    if (s == NULL)
        return;
    v2s_rdft_close(&s->dft);
    v2s_arena_close(&s->memory);
    free(s);
    *stft = NULL;
}
