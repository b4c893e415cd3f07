// SPDX-License-Identifier: MIT
// What every back end checks before it opens a loss; the losses' own headers say the rest.
#ifndef V2S_KERNELS_LOSS_CONFIG_H
#define V2S_KERNELS_LOSS_CONFIG_H

#include <stdbool.h>

#include "kernels/loss.h"

static inline v2s_status v2s_loss_config_check(const v2s_loss_config *c) {
    bool first_order = c->type == V2S_LOSS_TYPE_INTENSITY || c->type == V2S_LOSS_TYPE_BINAURAL;
    if (c->B < 1 || c->T < 1)
        return V2S_FAIL(V2S_ARG, "loss of %d rows of %d samples: need 1 or more", c->B, c->T);
    if (c->C < 1 || c->C > V2S_LOSS_CHANNELS_MAX || (first_order && c->C != 4))
        return V2S_FAIL(V2S_ARG, "loss of %d channels: need %s", c->C,
                        first_order ? "4" : "1 to 64");
    if (c->resolutions < (c->type == V2S_LOSS_TYPE_MRSTFT) ||
        c->resolutions > V2S_LOSS_RESOLUTIONS_MAX)
        return V2S_FAIL(V2S_ARG, "loss of %d resolutions: need %d to %d", c->resolutions,
                        c->type == V2S_LOSS_TYPE_MRSTFT, V2S_LOSS_RESOLUTIONS_MAX);
    return V2S_OK;
}

#endif
