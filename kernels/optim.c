// SPDX-License-Identifier: MIT
#include "kernels/optim.h"

#include <stdbool.h>
#include <tgmath.h>

static const double clip_eps = 1e-6; // as torch.nn.utils.clip_grad_norm_

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

void v2s_total(const struct v2s_device *dev, size_t count, const double *values, double *sum) {
    (void)dev;
    double total = 0;
    for (size_t i = 0; i < count; i++)
        total += values[i];
    *sum = total;
}

static void update(const struct v2s_device *dev, const v2s_optim_update_args *a, double norm) {
    v2s_optim_args step = {.kind = a->kind,
                           .count = a->count,
                           .p = a->p,
                           .grad = a->grad,
                           .m = a->m,
                           .v = a->v,
                           .step = (int64_t)a->now->step,
                           .scale =
                               a->clip_norm > 0 ? fmin(1, a->clip_norm / (norm + clip_eps)) : 1,
                           .rate = a->now->rate,
                           .decay = a->decay,
                           .beta1 = a->beta1,
                           .beta2 = a->beta2,
                           .eps = a->eps,
                           .momentum = a->momentum};
    v2s_optim_step(dev, &step);
    v2s_ema_args average = {.count = a->count, .average = a->ema, .p = a->p, .decay = a->ema_decay};
    if (a->ema != NULL)
        v2s_ema_update(dev, &average);
}

void v2s_optim_update(const struct v2s_device *dev, const v2s_optim_update_args *a,
                      v2s_arena *scratch) {
    (void)scratch;
    v2s_optim_result r = {.loss = *a->losses / a->rows,
                          .norm = v2s_grad_norm(dev, a->grad, a->count)};
    if (*a->halt == 0 && isfinite(r.loss) && isfinite(r.norm)) {
        update(dev, a, r.norm);
        r.done = 1;
    } else {
        *a->halt = 1;
    }
    *a->result = r;
}

size_t v2s_optim_update_scratch(const struct v2s_device *dev, const v2s_optim_update_args *a) {
    (void)dev;
    (void)a;
    return 0;
}
