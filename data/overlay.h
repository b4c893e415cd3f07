// SPDX-License-Identifier: MIT
// The video with boxes drawn into it: MP4, H.264 where libx264 is there, else MPEG-4 part 2.
//
// The time stamps of the source are kept (variable frame rate stays variable). The sound stream
// of the source is copied, not encoded again, where MP4 can hold it; else it is left out and
// v2s_overlay_warning says so. The file appears under its name at commit.
#ifndef V2S_DATA_OVERLAY_H
#define V2S_DATA_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>

#include "data/video.h"
#include "kernels/base/status.h"
#include "spatial/picture.h"

typedef struct v2s_overlay v2s_overlay;

typedef struct v2s_overlay_box {
    v2s_box box;       // pixels of the displayed picture; may reach outside
    int object;        // chooses the colour
    bool held;         // drawn dashed
    const char *label; // short ASCII text such as "1 0.93"; NULL: none
} v2s_overlay_box;

// `source_path`: where the sound comes from; NULL: no sound. `info`: of the source video. Pictures
// of odd size lose their last column or row (4:2:0 needs even sizes).
V2S_MUST_USE v2s_status v2s_overlay_open(const char *path, const char *source_path,
                                         const v2s_video_info *info, v2s_overlay **overlay);

// Copies the picture, draws the boxes, encodes. Times must increase. The picture is not kept.
V2S_MUST_USE v2s_status v2s_overlay_write(v2s_overlay *overlay, const v2s_picture *picture,
                                          double time_s, const v2s_overlay_box *boxes,
                                          size_t count);

// NULL or one sentence.
const char *v2s_overlay_warning(const v2s_overlay *overlay);

V2S_MUST_USE v2s_status v2s_overlay_commit(v2s_overlay *overlay);

// Frees; without commit nothing appears. Sets *overlay to NULL; accepts NULL inside.
void v2s_overlay_close(v2s_overlay **overlay);

#endif
