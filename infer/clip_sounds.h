// SPDX-License-Identifier: MIT
// The sounds of some systems for one clip that has been judged, made again as they were judged.
#ifndef V2S_INFER_CLIP_SOUNDS_H
#define V2S_INFER_CLIP_SOUNDS_H

#include "infer/compare.h"

enum { V2S_CLIP_SOUNDS_MAX = 4 };

typedef struct v2s_clip_sounds {
    v2s_pair pair; // the truth has the gain of its recording
    size_t count;
    float *sound[V2S_CLIP_SOUNDS_MAX]; // [frames][4], owned
} v2s_clip_sounds;

// which[count] are systems of the list. Errors name the clip.
V2S_MUST_USE v2s_status v2s_clip_sounds_make(const v2s_systems *systems,
                                             const v2s_clip_result *result, const size_t *which,
                                             size_t count, v2s_clip_sounds *out);
void v2s_clip_sounds_free(v2s_clip_sounds *sounds); // accepts a zeroed one

#endif
