// SPDX-License-Identifier: MIT
// Still pictures in memory, for the report. The bytes are the caller's: free().
#ifndef V2S_DATA_IMAGE_H
#define V2S_DATA_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "data/overlay.h"
#include "kernels/base/status.h"
#include "spatial/picture.h"

// JPEG of a picture with boxes, made smaller (never larger) to at most max_width pixels wide
// (0: as it is). Boxes are drawn after scaling, so that lines and text stay readable.
V2S_MUST_USE v2s_status v2s_image_jpeg(const v2s_picture *picture, const v2s_overlay_box *boxes,
                                       size_t count, int max_width, unsigned char **bytes,
                                       size_t *size);

// PNG, 8-bit RGB, of rgb[height][width][3].
V2S_MUST_USE v2s_status v2s_image_png_rgb(const uint8_t *rgb, int width, int height,
                                          unsigned char **bytes, size_t *size);

#endif
