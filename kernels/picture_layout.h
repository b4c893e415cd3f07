// SPDX-License-Identifier: MIT
// Where the numbers of a picture lie (kernels/picture.h says how): pixel i of channel c of item n
// is number v2s_picture_plane(...) + i * v2s_picture_step(block).
#ifndef V2S_KERNELS_PICTURE_LAYOUT_H
#define V2S_KERNELS_PICTURE_LAYOUT_H

#include <stddef.h>

// Numbers from a pixel of a channel to the next one.
static inline size_t v2s_picture_step(int block) {
    return block > 1 ? (size_t)block : 1;
}

// The first pixel of channel c of item n, of pictures of C channels.
static inline size_t v2s_picture_plane(int C, size_t pixels, int block, int n, int c) {
    size_t step = v2s_picture_step(block), in_block = (size_t)c % step;
    return ((size_t)n * (size_t)C + ((size_t)c - in_block)) * pixels + in_block;
}

#endif
