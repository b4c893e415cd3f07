// SPDX-License-Identifier: MIT
// Windows of a picture, resampled to a fixed grid of floats, straight from the decoder's planes.
//
// Only the window is read. Reduction is a mip pyramid: 2 x 2 means until the step between samples
// lies within [0.71, 1.41) texels, then bilinear. Positions outside the picture repeat its border.
//
// Shapes, units: positions and steps in pixels of the displayed picture, pixel i covers [i, i+1),
// so sample i of a row of n is at cx + (i + 0.5 - n/2) step. Luma is 0..1 (full_range or not),
// chroma -0.5..0.5. Chroma planes are taken as centred on the luma samples they cover.
// Ownership: a source borrows the picture and the pyramid until the pyramid's next prepare.
#ifndef V2S_SPATIAL_PATCH_H
#define V2S_SPATIAL_PATCH_H

#include "spatial/picture.h"
#include "spatial/tracker_ops.h"

typedef enum v2s_plane {
    V2S_PLANE_Y,
    V2S_PLANE_U,
    V2S_PLANE_V,
} v2s_plane;

// A grid of samples.
typedef struct v2s_window {
    double cx, cy;         // centre, pixels
    double step_x, step_y; // pixels between samples, > 0
    int width, height;     // samples, each at most V2S_PATCH_MAX
} v2s_window;

enum { V2S_PATCH_MAX = 4 * V2S_FFT_MAX };

// Part of a plane at one level of the pyramid.
typedef struct v2s_patch_source {
    const uint8_t *data;     // texel (x0, y0)
    ptrdiff_t stride;        // bytes
    int x0, y0;              // of data, in texels of this level
    int width, height;       // texels
    double texel_x, texel_y; // pixels of the picture that a texel covers
    float gain, offset;      // value = code * gain + offset
} v2s_patch_source;

enum { V2S_PLANES = 3, V2S_PYRAMID_LEVELS = 17 };

// The reduced levels of the planes of one picture, made where and when they are asked for, so that
// a picture that is looked at several times is reduced once (reading it is what costs).
typedef struct v2s_pyramid {
    uint8_t *level[V2S_PLANES][V2S_PYRAMID_LEVELS]; // [1..]: the whole plane's place, borrowed
    struct v2s_texels {
        int x, y, width, height;
    } made[V2S_PLANES][V2S_PYRAMID_LEVELS]; // the part of it that is filled; width 0: nothing
} v2s_pyramid;

// Bytes of memory that the pyramid of pictures of this size needs.
size_t v2s_pyramid_bytes(int width, int height);

// Lays the levels out in `memory`, which the caller owns.
void v2s_pyramid_init(v2s_pyramid *pyramid, void *memory, int width, int height);

// Forgets what was made: the next prepare is for another picture.
void v2s_pyramid_clear(v2s_pyramid *pyramid);

// Makes the part of `plane` that `window` looks at available at the level that suits its steps.
// A source can serve any other window with similar steps whose area lies inside that window's.
v2s_patch_source v2s_patch_prepare(const v2s_track_ops *ops, const v2s_picture *picture,
                                   v2s_plane plane, const v2s_window *window, v2s_pyramid *pyramid);

// Writes out[window->height][window->width]. row is scratch of picture width + 2 floats.
void v2s_patch_sample(const v2s_track_ops *ops, const v2s_patch_source *source,
                      const v2s_window *window, float *row, float *out);

#endif
