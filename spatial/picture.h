// SPDX-License-Identifier: MIT
// A decoded picture as the tracker sees it, and a box in it.
//
// Pixels stay in the planar 8-bit YUV that video decoders deliver, so that nothing is converted
// that is not looked at. Luma and chroma use limited range (16..235) unless full_range is set.
// Pixel (0,0) is the top left one of the displayed picture (after rotation); pixel i covers the
// interval [i, i+1), so a box at x = 0 of width w covers pixels 0 .. w-1.
// A picture borrows its planes: whoever made it says until when they live.
#ifndef V2S_SPATIAL_PICTURE_H
#define V2S_SPATIAL_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct v2s_picture {
    int width, height;    // pixels, displayed orientation
    const uint8_t *y;     // [height][y_stride]
    const uint8_t *u, *v; // [ceil(height / 2^chroma_shift_y)][uv_stride]; NULL: grey
    ptrdiff_t y_stride;   // bytes; negative where rows run upwards
    ptrdiff_t uv_stride;  // bytes; likewise
    int chroma_shift_x;   // 0 (4:4:4) or 1 (4:2:x)
    int chroma_shift_y;   // 0 (4:4:4, 4:2:2) or 1 (4:2:0)
    bool full_range;      // 0..255 instead of 16..235
    bool bt709;           // matrix of the chroma; BT.601 otherwise
} v2s_picture;

typedef struct v2s_box {
    double x, y, w, h; // pixels of the displayed picture, top left corner and size
} v2s_box;

#endif
