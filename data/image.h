// SPDX-License-Identifier: MIT
// Still pictures: JPEG and PNG as bytes in memory (the caller's: free()), and 16-bit PNG files.
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

// PNG, 16-bit grey, of grey[height][width].
V2S_MUST_USE v2s_status v2s_image_png_grey16(const uint16_t *grey, int width, int height,
                                             unsigned char **bytes, size_t *size);

// The pixels of a 16-bit grey PNG file: grey[height][width], the caller's. IO, FORMAT (another kind
// of picture, a damaged one), NOMEM.
V2S_MUST_USE v2s_status v2s_image_read_grey16(const char *path, int *width, int *height,
                                              uint16_t **grey);

#endif
