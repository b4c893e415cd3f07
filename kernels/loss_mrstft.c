// SPDX-License-Identifier: MIT
#include "kernels/loss_mrstft.h"

#include <stdlib.h>
#include <string.h>
#include <tgmath.h>

#include "kernels/base/arena.h"
#include "kernels/loss_constants.h"
#include "kernels/stft.h"

struct v2s_loss_mrstft {
    int T, C, resolutions;
    v2s_stft **stft; // [resolutions]
    int *n;          // [resolutions]
    v2s_arena memory;
    real *signal;   // [T], one channel; then its gradient
    real *X;        // [C][F][bins][2], of the largest resolution
    real *M;        // [C][F][bins]: |Y|^2, then M_y
    real *spectrum; // [F][bins][2], of one channel of y
};

static void take_memory(v2s_loss_mrstft *l, v2s_arena *arena) {
    size_t most = 0;
    for (int r = 0; r < l->resolutions; r++) {
        size_t frames = (size_t)v2s_stft_frames(l->stft[r], l->T);
        size_t size = v2s_size_mul(frames, (size_t)v2s_stft_bins(l->stft[r]));
        most = size > most ? size : most;
    }
    l->signal = v2s_arena_take(arena, (size_t)l->T, sizeof(real));
    l->X = v2s_arena_take(arena, v2s_size_mul(2 * (size_t)l->C, most), sizeof(real));
    l->M = v2s_arena_take(arena, v2s_size_mul((size_t)l->C, most), sizeof(real));
    l->spectrum = v2s_arena_take(arena, 2 * most, sizeof(real));
}

v2s_status v2s_loss_mrstft_open(int T, int C, int resolutions, const int *n,
                                v2s_loss_mrstft **out) {
    if (T < 1 || C < 1 || resolutions < 1)
        return V2S_FAIL(V2S_ARG,
                        "STFT loss of %d samples, %d channels, %d resolutions: need 1 or more", T,
                        C, resolutions);
    v2s_loss_mrstft *l = calloc(1, sizeof *l);
    if (l == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = V2S_OK;
    *l = (v2s_loss_mrstft){.T = T, .C = C, .resolutions = resolutions};
    l->stft = calloc((size_t)resolutions, sizeof *l->stft);
    l->n = calloc((size_t)resolutions, sizeof *l->n);
    if (l->stft == NULL || l->n == NULL)
        V2S_TRY_GOTO(status, V2S_FAIL(V2S_NOMEM, "out of memory"), fail);
    for (int r = 0; r < resolutions; r++) {
        v2s_stft_config config = {n[r], n[r] / 4, n[r], V2S_STFT_ZERO_PAD};
        l->n[r] = n[r];
        V2S_TRY_GOTO(status, v2s_stft_open(&config, &l->stft[r]), fail);
    }
    v2s_arena count = v2s_arena_count();
    take_memory(l, &count);
    V2S_TRY_GOTO(status, v2s_arena_open(&l->memory, count.used), fail);
    take_memory(l, &l->memory);
    *out = l;
    return V2S_OK;
fail:
    v2s_loss_mrstft_close(&l);
    return status;
}

static const real *channel_of(v2s_loss_mrstft *l, int T, const real *x, int c) {
    for (int t = 0; t < T; t++)
        l->signal[t] = x[(size_t)t * l->C + c];
    return l->signal;
}

// M_y of every channel into l->M; returns the floor of the squared magnitudes.
static real truth_magnitudes(v2s_loss_mrstft *l, int r, int T, size_t size, const real *y) {
    double sum = 0.0;
    for (int c = 0; c < l->C; c++) {
        real *M = l->M + (size_t)c * size;
        v2s_stft_forward(l->stft[r], T, channel_of(l, T, y, c), l->spectrum);
        for (size_t i = 0; i < size; i++) {
            real re = l->spectrum[2 * i], im = l->spectrum[2 * i + 1];
            M[i] = re * re + im * im;
            sum += (double)M[i];
        }
    }
    size_t count = size * (size_t)l->C;
    real floor_power = (real)(V2S_MRSTFT_RELATIVE_FLOOR * sum / (double)count +
                              V2S_LOSS_ABSOLUTE_FLOOR * V2S_LOSS_WINDOW_POWER * (double)l->n[r]);
    for (size_t i = 0; i < count; i++)
        l->M[i] = sqrt(l->M[i] + floor_power);
    return floor_power;
}

// X becomes d(the two terms)/dX; `norms` is ||M_x - M_y|| ||M_y||.
static void spectrum_gradient(v2s_loss_mrstft *l, size_t count, real floor_power, double norms) {
    const real convergence = norms > 0.0 ? (real)(1.0 / norms) : 0;
    const real share = (real)(1.0 / (double)count);
    for (size_t i = 0; i < count; i++) {
        real re = l->X[2 * i], im = l->X[2 * i + 1];
        real power = re * re + im * im + floor_power, M = sqrt(power), gap = M - l->M[i];
        real sign = gap > 0 ? share : gap < 0 ? -share : 0;
        real factor = gap * convergence / M + sign / power;
        l->X[2 * i] = factor * re;
        l->X[2 * i + 1] = factor * im;
    }
}

static double resolution_value(v2s_loss_mrstft *l, int r, int T, const real *x, const real *y,
                               real scale, real *dx) {
    const size_t bins = (size_t)v2s_stft_bins(l->stft[r]);
    const size_t size = (size_t)v2s_stft_frames(l->stft[r], T) * bins;
    const size_t count = size * (size_t)l->C;
    const real floor_power = truth_magnitudes(l, r, T, size, y);
    double gaps = 0.0, truth = 0.0, logs = 0.0;
    for (int c = 0; c < l->C; c++)
        v2s_stft_forward(l->stft[r], T, channel_of(l, T, x, c), l->X + 2 * (size_t)c * size);
    for (size_t i = 0; i < count; i++) {
        real re = l->X[2 * i], im = l->X[2 * i + 1], M_y = l->M[i];
        real M = sqrt(re * re + im * im + floor_power), gap = M - M_y;
        gaps += (double)(gap * gap);
        truth += (double)(M_y * M_y);
        logs += (double)fabs(log(M / M_y));
    }
    for (int c = 0; dx != NULL && c < l->C; c++) {
        if (c == 0)
            spectrum_gradient(l, count, floor_power, sqrt(gaps * truth));
        memset(l->signal, 0, (size_t)T * sizeof(real));
        v2s_stft_backward(l->stft[r], T, l->X + 2 * (size_t)c * size, l->signal);
        for (int t = 0; t < T; t++)
            dx[(size_t)t * l->C + c] += scale * l->signal[t];
    }
    return sqrt(gaps / truth) + logs / (double)count;
}

double v2s_loss_mrstft_value(v2s_loss_mrstft *l, int T, const real *x, const real *y, real scale,
                             real *dx) {
    double sum = 0.0;
    V2S_ASSERT(T <= l->T);
    for (int r = 0; T > 0 && r < l->resolutions; r++)
        sum += resolution_value(l, r, T, x, y, scale / (real)l->resolutions, dx);
    return sum / l->resolutions;
}

void v2s_loss_mrstft_close(v2s_loss_mrstft **loss) {
    v2s_loss_mrstft *l = *loss;
    if (l == NULL)
        return;
    for (int r = 0; l->stft != NULL && r < l->resolutions; r++)
        v2s_stft_close(&l->stft[r]);
    v2s_arena_close(&l->memory);
    free(l->stft);
    free(l->n);
    free(l);
    *loss = NULL;
}
