// SPDX-License-Identifier: MIT
// The processor's form: rows one by one through the losses of single rows, side by side on the
// device's threads, each thread with a work space of its own.
#include "kernels/loss.h"

#include <stdlib.h>

#include "kernels/base/arena.h"
#include "kernels/base/parallel.h"
#include "kernels/device.h"
#include "kernels/loss_binaural.h"
#include "kernels/loss_config.h"
#include "kernels/loss_edc.h"
#include "kernels/loss_intensity.h"
#include "kernels/loss_mrstft.h"
#include "kernels/loss_mse.h"

// Of one thread; what the loss does not need is NULL.
typedef struct lane {
    v2s_loss_mrstft *mrstft;
    v2s_loss_intensity *intensity;
    v2s_loss_binaural *binaural;
    v2s_arena memory;
    double *decay; // [T], work of edc
} lane;

struct v2s_loss {
    v2s_loss_type type;
    int B, T, C;
    int count; // of lanes
    lane *lanes;
};

static v2s_status open_lane(const v2s_loss_config *c, lane *l) {
    switch (c->type) {
    case V2S_LOSS_TYPE_MSE:
        break;
    case V2S_LOSS_TYPE_EDC:
        V2S_TRY(v2s_arena_open(&l->memory, v2s_size_mul((size_t)c->T, sizeof(double))));
        l->decay = v2s_arena_take(&l->memory, (size_t)c->T, sizeof(double));
        break;
    case V2S_LOSS_TYPE_MRSTFT:
        return v2s_loss_mrstft_open(c->T, c->C, c->resolutions, c->n, &l->mrstft);
    case V2S_LOSS_TYPE_INTENSITY:
        return v2s_loss_intensity_open(c->T, c->rate_hz, &l->intensity);
    case V2S_LOSS_TYPE_BINAURAL:
        return v2s_loss_binaural_open(c->T, c->taps, c->filters, c->resolutions, c->n,
                                      &l->binaural);
    }
    return V2S_OK;
}

v2s_status v2s_loss_open(const v2s_device *dev, const v2s_loss_config *config, v2s_loss **out) {
    V2S_TRY(v2s_loss_config_check(config));
    int lanes = dev->threads < config->B ? dev->threads : config->B;
    v2s_loss *l = calloc(1, sizeof *l);
    if (l == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    *l = (v2s_loss){config->type, config->B, config->T, config->C, lanes, NULL};
    v2s_status status = V2S_OK;
    l->lanes = calloc((size_t)lanes, sizeof *l->lanes);
    if (l->lanes == NULL)
        V2S_TRY_GOTO(status, V2S_FAIL(V2S_NOMEM, "out of memory"), fail);
    for (int i = 0; i < lanes; i++)
        V2S_TRY_GOTO(status, open_lane(config, &l->lanes[i]), fail);
    *out = l;
    return V2S_OK;
fail:
    v2s_loss_close(dev, &l);
    return status;
}

// L of one row; adds factor * dL/dx to dx.
static double row_value(const v2s_loss *l, lane *work, int T, const real *x, const real *truth,
                        real factor, real *dx) {
    switch (l->type) {
    case V2S_LOSS_TYPE_MSE:
        return v2s_loss_mse((size_t)T * (size_t)l->C, x, truth, factor, dx);
    case V2S_LOSS_TYPE_EDC:
        return v2s_loss_edc(T, l->C, x, truth, factor, dx, work->decay);
    case V2S_LOSS_TYPE_MRSTFT:
        return v2s_loss_mrstft_value(work->mrstft, T, x, truth, factor, dx);
    case V2S_LOSS_TYPE_INTENSITY:
        return v2s_loss_intensity_value(work->intensity, T, x, truth, factor, dx);
    case V2S_LOSS_TYPE_BINAURAL:
        return v2s_loss_binaural_value(work->binaural, T, x, truth, factor, dx);
    }
    return 0.0;
}

typedef struct batch {
    const v2s_loss *loss;
    const v2s_loss_args *args;
} batch;

static void run_lane(void *ctx, int part, int parts) {
    const batch *of = ctx;
    const v2s_loss_args *a = of->args;
    const size_t row = (size_t)a->T * (size_t)of->loss->C;
    const real factor = (real)(a->weight * a->scale);
    for (int b = part; b < a->B; b += parts) {
        size_t at = (size_t)b * row;
        double value = row_value(of->loss, &of->loss->lanes[part], a->T, a->x + at, a->truth + at,
                                 factor, a->dx != NULL ? a->dx + at : NULL);
        if (a->value != NULL)
            a->value[b] += a->weight * value;
    }
}

void v2s_loss_run(const v2s_device *dev, v2s_loss *loss, const v2s_loss_args *a) {
    V2S_ASSERT(a->B >= 0 && a->B <= loss->B && a->T >= 0 && a->T <= loss->T);
    batch of = {loss, a};
    int lanes = a->B < loss->count ? a->B : loss->count;
    v2s_parallel(dev->threads, lanes, run_lane, &of);
}

void v2s_loss_close(const v2s_device *dev, v2s_loss **loss) {
    (void)dev;
    v2s_loss *l = *loss;
    if (l == NULL)
        return;
    for (int i = 0; l->lanes != NULL && i < l->count; i++) {
        v2s_loss_mrstft_close(&l->lanes[i].mrstft);
        v2s_loss_intensity_close(&l->lanes[i].intensity);
        v2s_loss_binaural_close(&l->lanes[i].binaural);
        v2s_arena_close(&l->lanes[i].memory);
    }
    free(l->lanes);
    free(l);
    *loss = NULL;
}
