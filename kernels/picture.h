// SPDX-License-Identifier: MIT
// How a picture of many channels lies in memory, and the way to rows and back.
//
// PLAIN      [N,C,H,W], row-major.
// IN BLOCKS  [N,C/block,H,W,block]: the same numbers with `block` channels of a pixel side by side,
//            as vector kernels like them (oneDNN's nChw8c and nChw16c). C is a multiple of block.
//
// A block of 1 (written 0 or 1) is plain; a picture of one channel is always plain. All operations
// on pictures (conv2d, batch_norm, pool2d, upsample2d) take both; kernels/picture_layout.h says
// where a number lies. A network asks v2s_picture_block once and uses the answer throughout, so
// that nothing is turned between layers.
//
// Rows are [N,P,C], P = H*W pixels, channels side by side: what kernels/linear.h and
// kernels/attention.h take.
//
//   to rows    rows[n,p,c] = picture[n,c,p]        from rows    picture[n,c,p] = rows[n,p,c]
//   add        += in place of =: each is the other's backward
#ifndef V2S_KERNELS_PICTURE_H
#define V2S_KERNELS_PICTURE_H

#include <stdbool.h>

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

typedef struct v2s_picture_rows_args {
    int N, C, P;
    int block;        // channels a block of the picture; 0 is 1
    bool add;         // into `to`
    const real *from; // the picture (to rows) or the rows (from rows)
    real *to;         // must not overlap `from`
} v2s_picture_rows_args;

// Neither takes scratch. N, C and P may be 0.
void v2s_picture_to_rows(const struct v2s_device *dev, const v2s_picture_rows_args *a,
                         v2s_arena *scratch);
void v2s_picture_from_rows(const struct v2s_device *dev, const v2s_picture_rows_args *a,
                           v2s_arena *scratch);

// The block in which dev's operations are fastest for pictures whose numbers of channels are all
// multiples of `channels`: 16, 8 or 1. On a GPU it is 1, and its operations take nothing else.
int v2s_picture_block(const struct v2s_device *dev, int channels);

#endif
