// SPDX-License-Identifier: MIT
// The losses as operations of a GPU: which one, for kernels/loss_<type>.cu.
#include "kernels/loss_cuda.cuh"

#include <stdlib.h>

// The parts that the type does not need are zeros.
struct v2s_loss {
    v2s_loss_type type;
    int B, T, C;
    v2s_mse_cuda mse;
    v2s_edc_cuda edc;
    v2s_mrstft_cuda mrstft;
    v2s_intensity_cuda intensity;
    v2s_binaural_cuda binaural;
};

static v2s_status open_type(const v2s_device *dev, const v2s_loss_config *c, v2s_loss *l) {
    switch (c->type) {
    case V2S_LOSS_TYPE_MSE:
        return v2s_mse_cuda_open(dev, c->B, v2s_size_mul((size_t)c->T, (size_t)c->C), &l->mse);
    case V2S_LOSS_TYPE_EDC:
        return v2s_edc_cuda_open(dev, c->B, c->T, c->C, &l->edc);
    case V2S_LOSS_TYPE_MRSTFT:
        return v2s_mrstft_cuda_open(dev, c->B, c->T, c->C, c->resolutions, c->n, &l->mrstft);
    case V2S_LOSS_TYPE_INTENSITY:
        return v2s_intensity_cuda_open(dev, c->B, c->T, c->rate_hz, &l->intensity);
    case V2S_LOSS_TYPE_BINAURAL:
        return v2s_binaural_cuda_open(dev, c, &l->binaural);
    }
    return V2S_OK;
}

extern "C" v2s_status v2s_loss_open_cuda(const v2s_device *dev, const v2s_loss_config *config,
                                         v2s_loss **out) {
    V2S_TRY(v2s_loss_config_check(config));
    v2s_loss *l = (v2s_loss *)calloc(1, sizeof *l);
    if (l == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    l->type = config->type;
    l->B = config->B;
    l->T = config->T;
    l->C = config->C;
    v2s_status status = open_type(dev, config, l);
    if (status != V2S_OK) {
        free(l);
        return status;
    }
    *out = l;
    return V2S_OK;
}

extern "C" void v2s_loss_run_cuda(const v2s_device *dev, v2s_loss *l, const v2s_loss_args *a) {
    V2S_ASSERT(a->B >= 0 && a->B <= l->B && a->T >= 0 && a->T <= l->T);
    if (a->B == 0 || a->T == 0)
        return;
    v2s_loss_call call = {a->B,  a->T,    a->x, a->truth, a->weight, a->weight * a->scale,
                          a->dx, a->value};
    switch (l->type) {
    case V2S_LOSS_TYPE_MSE:
        v2s_mse_cuda_run(dev, &l->mse, (size_t)a->T * (size_t)l->C, &call);
        break;
    case V2S_LOSS_TYPE_EDC:
        v2s_edc_cuda_run(dev, &l->edc, &call);
        break;
    case V2S_LOSS_TYPE_MRSTFT:
        v2s_mrstft_cuda_run(dev, &l->mrstft, &call);
        break;
    case V2S_LOSS_TYPE_INTENSITY:
        v2s_intensity_cuda_run(dev, &l->intensity, &call);
        break;
    case V2S_LOSS_TYPE_BINAURAL:
        v2s_binaural_cuda_run(dev, &l->binaural, &call);
        break;
    }
}

extern "C" void v2s_loss_close_cuda(const v2s_device *dev, v2s_loss **loss) {
    v2s_loss *l = *loss;
    if (l == NULL)
        return;
    v2s_mse_cuda_close(dev, &l->mse);
    v2s_edc_cuda_close(dev, &l->edc);
    v2s_mrstft_cuda_close(dev, &l->mrstft);
    v2s_intensity_cuda_close(dev, &l->intensity);
    v2s_binaural_cuda_close(dev, &l->binaural);
    free(l);
    *loss = NULL;
}
