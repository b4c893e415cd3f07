// SPDX-License-Identifier: MIT
#include "kernels/picture.h"

#include "kernels/device.h"
#include "kernels/picture_layout.h"
#include "kernels/vector.h"

// Where a block of channels, from number `first` on, starts in the picture and in the rows of item
// n.
typedef struct block_at {
    size_t picture, rows;
} block_at;

static block_at block_of(const v2s_picture_rows_args *a, size_t n, size_t first) {
    size_t C = (size_t)a->C, P = (size_t)a->P;
    return (block_at){(n * C + first) * P, n * P * C + first};
}

// to[i] = or += from[i] for the `step` channels of a block.
static void move(const v2s_picture_rows_args *a, size_t step, size_t from, size_t to) {
    for (size_t i = 0; i < step; i++)
        if (a->add)
            a->to[to + i] += a->from[from + i];
        else
            a->to[to + i] = a->from[from + i];
}

void v2s_picture_to_rows(const struct v2s_device *dev, const v2s_picture_rows_args *a,
                         v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    size_t P = (size_t)a->P, C = (size_t)a->C, step = v2s_picture_step(a->block);
    for (size_t n = 0; n < (size_t)a->N; n++)
        for (size_t first = 0; first < C; first += step) {
            block_at at = block_of(a, n, first);
            for (size_t i = 0; i < P; i++)
                move(a, step, at.picture + i * step, at.rows + i * C);
        }
}

void v2s_picture_from_rows(const struct v2s_device *dev, const v2s_picture_rows_args *a,
                           v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    size_t P = (size_t)a->P, C = (size_t)a->C, step = v2s_picture_step(a->block);
    for (size_t n = 0; n < (size_t)a->N; n++)
        for (size_t first = 0; first < C; first += step) {
            block_at at = block_of(a, n, first);
            for (size_t i = 0; i < P; i++)
                move(a, step, at.rows + i * C, at.picture + i * step);
        }
}

int v2s_picture_block(const struct v2s_device *dev, int channels) {
    if (dev->vector == NULL) // the definitions, and a GPU
        return 1;
    if (dev->vector->lanes >= 16 && channels % 16 == 0)
        return 16;
    return channels % 8 == 0 ? 8 : 1;
}
