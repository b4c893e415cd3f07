// SPDX-License-Identifier: MIT
#include "kernels/activation.h"

#include <tgmath.h>

void v2s_activation_forward(const struct v2s_device *dev, const v2s_activation_args *a,
                            v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    switch (a->kind) {
    case V2S_ACTIVATION_RELU:
        for (size_t i = 0; i < a->count; i++)
            a->y[i] = a->x[i] <= 0 ? 0 : a->x[i]; // keeps what is not a number
        break;
    case V2S_ACTIVATION_SIGMOID:
        for (size_t i = 0; i < a->count; i++)
            a->y[i] = 1 / (1 + exp(-a->x[i]));
        break;
    case V2S_ACTIVATION_TANH:
        for (size_t i = 0; i < a->count; i++)
            a->y[i] = tanh(a->x[i]);
        break;
    }
}

void v2s_activation_backward(const struct v2s_device *dev, const v2s_activation_args *a,
                             v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    switch (a->kind) {
    case V2S_ACTIVATION_RELU:
        for (size_t i = 0; i < a->count; i++)
            a->dx[i] += a->y[i] <= 0 ? 0 : a->dy[i];
        break;
    case V2S_ACTIVATION_SIGMOID:
        for (size_t i = 0; i < a->count; i++)
            a->dx[i] += a->dy[i] * a->y[i] * (1 - a->y[i]);
        break;
    case V2S_ACTIVATION_TANH:
        for (size_t i = 0; i < a->count; i++)
            a->dx[i] += a->dy[i] * (1 - a->y[i] * a->y[i]);
        break;
    }
}
