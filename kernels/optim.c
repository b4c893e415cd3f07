// SPDX-License-Identifier: MIT
#include "kernels/optim.h"

#include <stdbool.h>
#include <tgmath.h>

static void step_sgd(const v2s_optim_args *a) {
    const real scale = (real)a->scale, rate = (real)a->rate, decay = (real)a->decay;
    const real momentum = (real)a->momentum;
    for (size_t i = 0; i < a->count; i++) {
        real g = scale * a->grad[i] + decay * a->p[i];
        if (momentum != 0)
            a->m[i] = g = momentum * a->m[i] + g;
        a->p[i] -= rate * g;
    }
}

static void step_adam(const v2s_optim_args *a) {
    bool decoupled = a->kind == V2S_OPTIM_ADAMW;
    const real scale = (real)a->scale, keep = (real)(decoupled ? 1 - a->rate * a->decay : 1);
    const real decay = (real)(decoupled ? 0 : a->decay), eps = (real)a->eps;
    const real new1 = (real)(1 - a->beta1), beta2 = (real)a->beta2, new2 = (real)(1 - a->beta2);
    const real size = (real)(a->rate / (1 - pow(a->beta1, (double)a->step)));
    const real root = (real)sqrt(1 - pow(a->beta2, (double)a->step));
    real *restrict p = a->p, *restrict m = a->m, *restrict v = a->v;
    const real *restrict grad = a->grad;
    for (size_t i = 0; i < a->count; i++) {
        real before = p[i] * keep, g = scale * grad[i] + decay * before;
        m[i] += new1 * (g - m[i]);
        v[i] = beta2 * v[i] + new2 * g * g;
        p[i] = before - size * (m[i] / (sqrt(v[i]) / root + eps));
    }
}

void v2s_optim_step(const struct v2s_device *dev, const v2s_optim_args *a) {
    (void)dev;
    if (a->kind == V2S_OPTIM_SGD)
        step_sgd(a);
    else
        step_adam(a);
}

// Eight sums, so that an addition need not wait for the one before.
double v2s_grad_norm(const struct v2s_device *dev, const real *grad, size_t count) {
    (void)dev;
    double sum[8] = {0};
    for (size_t i = 0; i < count; i++)
        sum[i % 8] += (double)grad[i] * (double)grad[i];
    return sqrt(((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7])));
}

void v2s_ema_update(const struct v2s_device *dev, const v2s_ema_args *a) {
    (void)dev;
    const real fresh = (real)(1 - a->decay);
    for (size_t i = 0; i < a->count; i++)
        a->average[i] += fresh * (a->p[i] - a->average[i]);
}
