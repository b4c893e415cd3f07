// SPDX-License-Identifier: MIT
#include "kernels/picture.h"

#include "kernels/device.h"
#include "kernels/picture_layout.h"
#include "kernels/vector.h"

// Channel c of item n: to[i * to_step] = or += from[i * from_step] for all pixels i.
static void move_plane(const v2s_picture_rows_args *a, const real *from, size_t from_step, real *to,
                       size_t to_step) {
    for (size_t i = 0; i < (size_t)a->P; i++)
        if (a->add)
            to[i * to_step] += from[i * from_step];
        else
            to[i * to_step] = from[i * from_step];
}

void v2s_picture_to_rows(const struct v2s_device *dev, const v2s_picture_rows_args *a,
                         v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    size_t P = (size_t)a->P, C = (size_t)a->C, step = v2s_picture_step(a->block);
    for (int n = 0; n < a->N; n++)
        for (int c = 0; c < a->C; c++)
            move_plane(a, a->from + v2s_picture_plane(a->C, P, a->block, n, c), step,
                       a->to + (size_t)n * P * C + (size_t)c, C);
}

void v2s_picture_from_rows(const struct v2s_device *dev, const v2s_picture_rows_args *a,
                           v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    size_t P = (size_t)a->P, C = (size_t)a->C, step = v2s_picture_step(a->block);
    for (int n = 0; n < a->N; n++)
        for (int c = 0; c < a->C; c++)
            move_plane(a, a->from + (size_t)n * P * C + (size_t)c, C,
                       a->to + v2s_picture_plane(a->C, P, a->block, n, c), step);
}

int v2s_picture_block(const struct v2s_device *dev, int channels) {
    if (dev->vector == NULL) // the definitions, and a GPU
        return 1;
    if (dev->vector->lanes >= 16 && channels % 16 == 0)
        return 16;
    return channels % 8 == 0 ? 8 : 1;
}
