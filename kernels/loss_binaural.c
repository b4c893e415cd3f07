// SPDX-License-Identifier: MIT
#include "kernels/loss_binaural.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/base/arena.h"
#include "kernels/fir_matrix.h"
#include "kernels/loss_mrstft.h"
#include "kernels/loss_mse.h"

enum { CHANNELS = 4, EARS = 2 };

struct v2s_loss_binaural {
    int T, taps;
    v2s_fir_matrix *decode;
    v2s_loss_mrstft *mrstft; // NULL: mean squared error
    v2s_arena memory;
    real *x, *y, *dx; // [T + taps - 1][EARS]
};

static void take_memory(v2s_loss_binaural *l, v2s_arena *arena) {
    size_t count = v2s_size_mul((size_t)l->T + (size_t)l->taps - 1, EARS);
    l->x = v2s_arena_take(arena, count, sizeof(real));
    l->y = v2s_arena_take(arena, count, sizeof(real));
    l->dx = v2s_arena_take(arena, count, sizeof(real));
}

v2s_status v2s_loss_binaural_open(int T, int taps, const real *filters, int resolutions,
                                  const int *n, v2s_loss_binaural **out) {
    v2s_loss_binaural *l = calloc(1, sizeof *l);
    if (l == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_arena count = v2s_arena_count();
    v2s_status status = V2S_OK;
    l->T = T;
    l->taps = taps;
    V2S_TRY_GOTO(status, v2s_fir_matrix_open(T, CHANNELS, EARS, taps, filters, &l->decode), fail);
    if (resolutions > 0)
        V2S_TRY_GOTO(status, v2s_loss_mrstft_open(T + taps - 1, EARS, resolutions, n, &l->mrstft),
                     fail);
    take_memory(l, &count);
    V2S_TRY_GOTO(status, v2s_arena_open(&l->memory, count.used), fail);
    take_memory(l, &l->memory);
    *out = l;
    return V2S_OK;
fail:
    v2s_loss_binaural_close(&l);
    return status;
}

double v2s_loss_binaural_value(v2s_loss_binaural *l, int T, const real *x, const real *y,
                               real scale, real *dx) {
    if (T == 0)
        return 0.0;
    const int longer = T + l->taps - 1;
    const size_t count = (size_t)longer * EARS;
    real *gradient = dx != NULL ? l->dx : NULL;
    v2s_fir_matrix_forward(l->decode, T, x, l->x);
    v2s_fir_matrix_forward(l->decode, T, y, l->y);
    memset(l->dx, 0, count * sizeof(real));
    double value = l->mrstft != NULL
                       ? v2s_loss_mrstft_value(l->mrstft, longer, l->x, l->y, scale, gradient)
                       : v2s_loss_mse(count, l->x, l->y, scale, gradient);
    if (dx != NULL)
        v2s_fir_matrix_backward(l->decode, T, l->dx, dx);
    return value;
}

void v2s_loss_binaural_close(v2s_loss_binaural **loss) {
    v2s_loss_binaural *l = *loss;
    if (l == NULL)
        return;
    v2s_fir_matrix_close(&l->decode);
    v2s_loss_mrstft_close(&l->mrstft);
    v2s_arena_close(&l->memory);
    free(l);
    *loss = NULL;
}
