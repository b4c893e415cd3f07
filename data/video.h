// SPDX-License-Identifier: MIT
// Pictures of a video file or of a folder of numbered images, one after the other, with their
// presentation times.
//
// Time      seconds, best-effort presentation time stamp of the picture minus the container's
//           start time, so that picture and sound share one zero. Never index / rate, except for
//           a folder of images. Pictures whose stamp is missing or not after the last one get a
//           repaired stamp (none is dropped): times are strictly increasing, and the warning
//           counts the repairs.
// Pictures  planar 8-bit YUV (4:2:0, 4:2:2, 4:4:4 or grey) straight from the decoder; any other
//           pixel format is converted to the nearest of these. Rotation and mirroring of the
//           stream's display matrix are applied: the picture is what a player shows.
// Folder    every jpg, png, bmp, ppm, pgm, ... file, in natural order ("img9" before "img10");
//           the first image is picture 0 whatever its number; time = index / fps; all sizes must
//           agree.
// Field of view  from the 35 mm equivalent focal length f35 (QuickTime key
//           com.apple.quicktime.camera.focal_length.35mm_equivalent, EXIF FocalLengthIn35mmFilm),
//           which compares picture diagonals (CIPA DCG-001; 43.2666 mm is that of 36 x 24 mm):
//           f_px = f35 * diagonal_px / 43.2666, hfov = 2 atan(width_px / (2 f_px)) with the
//           width of the displayed picture.
// One thread at a time per handle.
#ifndef V2S_DATA_VIDEO_H
#define V2S_DATA_VIDEO_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/base/status.h"
#include "spatial/picture.h"

typedef struct v2s_video v2s_video;

typedef struct v2s_video_options {
    double fps_hz; // folders of images only; 0: 25, and info.fps_is_default is set
    int threads;   // of the decoder; 0: one per processor
} v2s_video_options;

typedef struct v2s_video_info {
    int width, height;       // displayed picture, after rotation
    double sample_aspect;    // pixel width / height in the displayed orientation; 1 if unknown
    int rotation_deg;        // applied, counter-clockwise: 0, 90, 180, 270
    double duration_s;       // 0 if unknown
    double frame_rate_hz;    // average; 0 if unknown
    int64_t frames_estimate; // 0 if unknown
    double fov_deg;          // horizontal, of the displayed picture, from metadata; 0 if absent
    char fov_source[96];     // which metadata said so
    double origin_s;         // container time that is called 0 (the container's start time)
    bool has_sound;          // a sound stream exists
    bool is_folder;          // a folder of images
    bool fps_is_default;     // a folder read without fps_hz
} v2s_video_info;

// Opens a video file or a folder. `options` may be NULL (all defaults). Errors: IO (cannot be
// read), FORMAT (empty, no video stream, not a media file), UNSUPPORTED (no decoder).
V2S_MUST_USE v2s_status v2s_video_open(const char *path, const v2s_video_options *options,
                                       v2s_video **video);

// Valid until close.
const v2s_video_info *v2s_video_info_of(const v2s_video *video);

// Next picture, valid until the next call or close; V2S_END (without error text) after the last.
// A damaged or truncated file gives what decodes, then END and a warning; FORMAT if nothing at
// all decodes.
V2S_MUST_USE v2s_status v2s_video_next(v2s_video *video, v2s_picture *picture, double *time_s);

// The same, but the picture lives until v2s_video_unref(ref), even past v2s_video_close, so that
// a queue can hold several. Unref may be called on any thread, once per picture.
V2S_MUST_USE v2s_status v2s_video_next_ref(v2s_video *video, v2s_picture *picture, double *time_s,
                                           void **ref);
// Sets *ref to NULL; accepts NULL inside.
void v2s_video_unref(void **ref);

// NULL or one sentence ("x.mp4: truncated: 57 of about 250 frames decoded"); complete after END.
const char *v2s_video_warning(const v2s_video *video);

// Frees; sets *video to NULL; accepts NULL inside.
void v2s_video_close(v2s_video **video);

#endif
