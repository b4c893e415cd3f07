// SPDX-License-Identifier: MIT
// Private to data/: boxes and short texts into the planes of a picture.
#ifndef V2S_DATA_OVERLAY_DRAW_H
#define V2S_DATA_OVERLAY_DRAW_H

#include <libavutil/frame.h>

#include "data/overlay.h"

// Draws into a writable planar 8-bit YUV frame with chroma (range and matrix from the frame). Box
// coordinates are multiplied by `scale` first; line width follows the frame's height.
void v2s_overlay_draw(AVFrame *frame, double scale, const v2s_overlay_box *boxes, size_t count);

#endif
