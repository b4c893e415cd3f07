// SPDX-License-Identifier: MIT
// Private to data/: the images of a folder as decoded frames, in natural order of their names.
#ifndef V2S_DATA_FRAME_FOLDER_H
#define V2S_DATA_FRAME_FOLDER_H

#include <stddef.h>

#include <libavutil/frame.h>

#include "kernels/base/status.h"

typedef struct v2s_frame_folder v2s_frame_folder;

// Lists the folder. FORMAT if it holds no image (jpg, jpeg, png, bmp, ppm, pgm, pbm, pnm, pam,
// tif, tiff, webp; hidden files are passed over).
V2S_MUST_USE v2s_status v2s_frame_folder_open(const char *path, v2s_frame_folder **folder);

size_t v2s_frame_folder_count(const v2s_frame_folder *folder);

// Path of the image that the last v2s_frame_folder_next read (or the first, before it).
const char *v2s_frame_folder_name(const v2s_frame_folder *folder);

// Decodes the next image; END after the last. Errors name the image.
V2S_MUST_USE v2s_status v2s_frame_folder_next(v2s_frame_folder *folder, AVFrame *frame);

// Sets *folder to NULL; accepts NULL inside.
void v2s_frame_folder_close(v2s_frame_folder **folder);

#endif
