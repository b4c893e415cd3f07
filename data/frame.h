// SPDX-License-Identifier: MIT
// Private to data/: from what a decoder delivers to what a v2s_picture can say, and back.
//
// A picture is planar 8-bit YUV or grey. Frames that are so already pass by reference; all others
// are converted by swscale to the nearest such format. Then the display matrix is applied.
#ifndef V2S_DATA_FRAME_H
#define V2S_DATA_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/buffer.h>
#include <libavutil/frame.h>
#include <libswscale/swscale.h>

#include "kernels/base/status.h"
#include "spatial/picture.h"

// One of the eight ways to put a picture on a screen: pixel (x, y) of the source goes to
// (flip_x(x), flip_y(y)), with x and y exchanged first if transpose is set.
typedef struct v2s_orientation {
    bool transpose, flip_x, flip_y;
} v2s_orientation;

// Nearest of the eight to a display matrix (libavutil/display.h: row vector times matrix, 16.16).
v2s_orientation v2s_orientation_of_matrix(const int32_t matrix[9]);

// Rotation in degrees counter-clockwise (0, 90, 180, 270), after a mirror image left to right if
// *mirrored.
int v2s_orientation_rotation_deg(v2s_orientation o, bool *mirrored);

// Buffers that are used again and again for frames of one size and format.
typedef struct v2s_frame_pool {
    AVBufferPool *pool;
    int width, height, format;
} v2s_frame_pool;

// A swscale context with what it was made for; zeroed: none yet.
typedef struct v2s_scaler {
    struct SwsContext *sws;
    int from[4], to[4]; // width, height, format, full range
} v2s_scaler;

void v2s_scaler_close(v2s_scaler *scaler);

typedef struct v2s_frame_converter {
    v2s_scaler scaler;
    v2s_frame_pool scaled, turned;
} v2s_frame_converter;

void v2s_frame_converter_close(v2s_frame_converter *c);

// out <- in as a picture's frame, turned by `o`. width, height: size before turning that `in` is
// scaled to (0: keep). `in` is left empty. Colour range and matrix are set on `out`.
V2S_MUST_USE v2s_status v2s_frame_convert(v2s_frame_converter *c, AVFrame *in, v2s_orientation o,
                                          int width, int height, AVFrame *out);

// Borrows the planes of a converted frame.
v2s_picture v2s_frame_picture(const AVFrame *frame);

// The pixel format of a picture.
enum AVPixelFormat v2s_picture_pixel_format(const v2s_picture *p);

// Scales, converts or copies a picture into `frame`: allocated, with size, planar 8-bit YUV format,
// color_range and colorspace set to what is wanted. `scaler` is reused.
V2S_MUST_USE v2s_status v2s_picture_to_frame(const v2s_picture *p, v2s_scaler *scaler,
                                             AVFrame *frame);

#endif
