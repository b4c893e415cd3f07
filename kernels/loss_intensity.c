// SPDX-License-Identifier: MIT
#include "kernels/loss_intensity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/arena.h"
#include "kernels/loss_constants.h"
#include "kernels/stft.h"

enum {
    CHANNELS = V2S_INTENSITY_CHANNELS,
    BANDS = V2S_INTENSITY_BANDS,
    BLOCK = V2S_INTENSITY_BLOCK
};

// Band `band` takes a bin with height `low`, band + 1 with 1 - low (where they exist).
typedef struct bin_bands {
    int band;
    real low;
} bin_bands;

typedef real vector3[3]; // Y, Z, X

struct v2s_loss_intensity {
    int T, bins, used_bins; // bins up to highest_hz
    v2s_stft *stft;
    double tiny;
    v2s_arena memory;
    bin_bands *bands; // [used_bins]
    real *signal;     // [T]
    real *X;          // [4][F][bins][2], of x; then the gradient
    real *Y;          // [4][F][bins][2], of y
    vector3 *I_x;     // [blocks][BANDS]; then dL/dI_x
    vector3 *I_y;     // [blocks][BANDS]
};

static int blocks_of(int frames) {
    return (frames + BLOCK - 1) / BLOCK;
}

static void take_memory(v2s_loss_intensity *l, v2s_arena *arena) {
    int frames = v2s_stft_frames(l->stft, l->T);
    size_t values = v2s_size_mul((size_t)frames * 2 * CHANNELS, (size_t)l->bins);
    size_t vectors = v2s_size_mul((size_t)blocks_of(frames), BANDS);
    l->bands = v2s_arena_take(arena, (size_t)l->used_bins, sizeof *l->bands);
    l->signal = v2s_arena_take(arena, (size_t)l->T, sizeof(real));
    l->X = v2s_arena_take(arena, values, sizeof(real));
    l->Y = v2s_arena_take(arena, values, sizeof(real));
    l->I_x = v2s_arena_take(arena, vectors, sizeof *l->I_x);
    l->I_y = v2s_arena_take(arena, vectors, sizeof *l->I_y);
}

v2s_status v2s_loss_intensity_open(int T, double rate_hz, v2s_loss_intensity **out) {
    if (T < 1 || !(rate_hz >= 1000.0 && rate_hz <= 400000.0))
        return V2S_FAIL(V2S_ARG,
                        "intensity loss of %d samples at %g Hz: need 1 or more at 1 kHz "
                        "to 400 kHz",
                        T, rate_hz);
    v2s_loss_intensity *l = calloc(1, sizeof *l);
    if (l == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    int n = v2s_intensity_points(rate_hz);
    v2s_stft_config config = {n, n / 4, n, V2S_STFT_ZERO_PAD};
    v2s_arena count = v2s_arena_count();
    v2s_status status = V2S_OK;
    l->T = T;
    l->tiny = V2S_LOSS_ABSOLUTE_FLOOR * V2S_LOSS_WINDOW_POWER * n;
    V2S_TRY_GOTO(status, v2s_stft_open(&config, &l->stft), fail);
    l->bins = v2s_stft_bins(l->stft);
    while (l->used_bins < l->bins && v2s_intensity_place(l->used_bins, n, rate_hz) >= 0.0)
        l->used_bins++;
    take_memory(l, &count);
    V2S_TRY_GOTO(status, v2s_arena_open(&l->memory, count.used), fail);
    take_memory(l, &l->memory);
    for (int k = 0; k < l->used_bins; k++) {
        double place = v2s_intensity_place(k, n, rate_hz);
        l->bands[k].band = (int)place - 1;
        l->bands[k].low = (real)(1.0 - (place - floor(place)));
    }
    *out = l;
    return V2S_OK;
fail:
    v2s_loss_intensity_close(&l);
    return status;
}

static void transform(v2s_loss_intensity *l, int T, const real *x, real *X) {
    size_t size = 2 * (size_t)v2s_stft_frames(l->stft, T) * l->bins;
    for (int c = 0; c < CHANNELS; c++) {
        for (int t = 0; t < T; t++)
            l->signal[t] = x[(size_t)t * CHANNELS + c];
        v2s_stft_forward(l->stft, T, l->signal, X + (size_t)c * size);
    }
}

static void add_scaled(vector3 to, real factor, const vector3 v) {
    for (int d = 0; d < 3; d++)
        to[d] += factor * v[d];
}

// I [blocks][BANDS] of X [4][F][bins][2].
static void intensities(const v2s_loss_intensity *l, int F, const real *X, vector3 *I) {
    const size_t size = 2 * (size_t)F * l->bins;
    memset(I, 0, (size_t)blocks_of(F) * BANDS * sizeof *I);
    for (int f = 0; f < F; f++)
        for (int k = 0; k < l->used_bins; k++) {
            const real *W = X + 2 * ((size_t)f * l->bins + k);
            vector3 flow, *to = I + (size_t)(f / BLOCK) * BANDS;
            int b = l->bands[k].band;
            for (int d = 0; d < 3; d++) {
                const real *dipole = W + (size_t)(d + 1) * size;
                flow[d] = W[0] * dipole[0] + W[1] * dipole[1];
            }
            if (b >= 0 && b < BANDS)
                add_scaled(to[b], l->bands[k].low, flow);
            if (b + 1 < BANDS)
                add_scaled(to[b + 1], 1 - l->bands[k].low, flow);
        }
}

static double dot(const vector3 a, const vector3 b) {
    return (double)a[0] * (double)b[0] + (double)a[1] * (double)b[1] + (double)a[2] * (double)b[2];
}

// L; I_x becomes dL/dI_x.
static double directions(v2s_loss_intensity *l, size_t count) {
    double flow = 0.0, sum = 0.0;
    for (size_t i = 0; i < count; i++)
        flow += sqrt(dot(l->I_y[i], l->I_y[i]));
    const double soft = V2S_INTENSITY_SOFT_SHARE * flow / (double)count + l->tiny;
    const double total = flow + l->tiny;
    for (size_t i = 0; i < count; i++) {
        real *I_x = l->I_x[i];
        const real *I_y = l->I_y[i];
        double product = dot(I_x, I_y), r = sqrt(dot(I_x, I_x) + soft * soft);
        sum += sqrt(dot(I_y, I_y)) - product / r;
        for (int d = 0; d < 3; d++)
            I_x[d] = (real)(-((double)I_y[d] - product / (r * r) * (double)I_x[d]) / (r * total));
    }
    return sum / total;
}

// X becomes dL/dX, from dL/dI_x in l->I_x.
static void spectrum_gradient(v2s_loss_intensity *l, int F) {
    const size_t size = 2 * (size_t)F * l->bins;
    for (int f = 0; f < F; f++)
        for (int k = 0; k < l->bins; k++) {
            real *W = l->X + 2 * ((size_t)f * l->bins + k), dW[2] = {0, 0};
            const vector3 *from = l->I_x + (size_t)(f / BLOCK) * BANDS;
            vector3 g = {0, 0, 0};
            int b = k < l->used_bins ? l->bands[k].band : BANDS;
            if (b >= 0 && b < BANDS)
                add_scaled(g, l->bands[k].low, from[b]);
            if (b + 1 < BANDS)
                add_scaled(g, 1 - l->bands[k].low, from[b + 1]);
            for (int d = 0; d < 3; d++) {
                real *dipole = W + (size_t)(d + 1) * size;
                dW[0] += g[d] * dipole[0];
                dW[1] += g[d] * dipole[1];
                dipole[0] = g[d] * W[0];
                dipole[1] = g[d] * W[1];
            }
            W[0] = dW[0];
            W[1] = dW[1];
        }
}

double v2s_loss_intensity_value(v2s_loss_intensity *l, int T, const real *x, const real *y,
                                real scale, real *dx) {
    V2S_ASSERT(T <= l->T);
    if (T == 0)
        return 0.0;
    const int F = v2s_stft_frames(l->stft, T);
    const size_t size = 2 * (size_t)F * l->bins;
    transform(l, T, x, l->X);
    transform(l, T, y, l->Y);
    intensities(l, F, l->X, l->I_x);
    intensities(l, F, l->Y, l->I_y);
    double value = directions(l, (size_t)blocks_of(F) * BANDS);
    if (dx == NULL)
        return value;
    spectrum_gradient(l, F);
    for (int c = 0; c < CHANNELS; c++) {
        memset(l->signal, 0, (size_t)T * sizeof(real));
        v2s_stft_backward(l->stft, T, l->X + (size_t)c * size, l->signal);
        for (int t = 0; t < T; t++)
            dx[(size_t)t * CHANNELS + c] += scale * l->signal[t];
    }
    return value;
}

void v2s_loss_intensity_close(v2s_loss_intensity **loss) {
    if (*loss == NULL)
        return;
    v2s_stft_close(&(*loss)->stft);
    v2s_arena_close(&(*loss)->memory);
    free(*loss);
    *loss = NULL;
}
