// SPDX-License-Identifier: MIT
#include "kernels/upsample2d.h"

#include <stdint.h>

// A place on one axis: first * (1 - share) + second * share.
typedef struct place {
    int first, second;
    real share;
} place;

static place place_of(int i, int count, int outputs) {
    place p = {0, 0, 0};
    if (outputs > 1) {
        int64_t at = (int64_t)i * (count - 1);
        p.first = (int)(at / (outputs - 1));
        p.share = (real)(at % (outputs - 1)) / (outputs - 1);
    }
    p.second = p.first + 1 < count ? p.first + 1 : p.first;
    return p;
}

void v2s_upsample2d_forward(const struct v2s_device *dev, const v2s_upsample2d_args *a,
                            v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    size_t planes = (size_t)a->N * a->C, W = (size_t)a->W;
    real *y = a->y;
    for (size_t p = 0; p < planes; p++)
        for (int i = 0; i < a->OH; i++) {
            place v = place_of(i, a->H, a->OH);
            const real *top = a->x + (p * a->H + v.first) * W;
            const real *below = a->x + (p * a->H + v.second) * W;
            for (int j = 0; j < a->OW; j++) {
                place h = place_of(j, a->W, a->OW);
                real upper = (1 - h.share) * top[h.first] + h.share * top[h.second];
                real lower = (1 - h.share) * below[h.first] + h.share * below[h.second];
                *y++ = (1 - v.share) * upper + v.share * lower;
            }
        }
}

void v2s_upsample2d_backward(const struct v2s_device *dev, const v2s_upsample2d_args *a,
                             v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    size_t planes = (size_t)a->N * a->C, W = (size_t)a->W;
    const real *dy = a->dy;
    for (size_t p = 0; p < planes; p++)
        for (int i = 0; i < a->OH; i++) {
            place v = place_of(i, a->H, a->OH);
            real *top = a->dx + (p * a->H + v.first) * W;
            real *below = a->dx + (p * a->H + v.second) * W;
            for (int j = 0; j < a->OW; j++) {
                place h = place_of(j, a->W, a->OW);
                real upper = (1 - v.share) * *dy, lower = v.share * *dy;
                top[h.first] += (1 - h.share) * upper;
                top[h.second] += h.share * upper;
                below[h.first] += (1 - h.share) * lower;
                below[h.second] += h.share * lower;
                dy++;
            }
        }
}
