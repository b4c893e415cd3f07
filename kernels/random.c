// SPDX-License-Identifier: MIT
#include "kernels/random.h"

#include "kernels/base/rng.h"

void v2s_random_fill(const struct v2s_device *dev, const v2s_random_args *a, v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    v2s_rng rng = v2s_rng_open(a->seed, a->stream);
    switch (a->kind) {
    case V2S_RANDOM_UNIFORM:
        for (size_t i = 0; i < a->count; i++)
            a->y[i] = (real)v2s_rng_between(&rng, a->low, a->high);
        break;
    case V2S_RANDOM_NORMAL:
        for (size_t i = 0; i < a->count; i++)
            a->y[i] = (real)(a->mean + a->sigma * v2s_rng_normal(&rng));
        break;
    case V2S_RANDOM_MASK:
        for (size_t i = 0; i < a->count; i++)
            a->y[i] = (real)(v2s_rng_uniform(&rng) < a->p ? 0.0 : 1.0 / (1.0 - a->p));
        break;
    }
}
