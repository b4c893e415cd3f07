// SPDX-License-Identifier: MIT
// A sound file read whole, for comparisons of two of them.
#ifndef V2S_INFER_WHOLE_SOUND_H
#define V2S_INFER_WHOLE_SOUND_H

#include <stddef.h>

#include "infer/run_log.h"
#include "kernels/base/status.h"

typedef struct v2s_whole_sound {
    double rate_hz;
    int channels;
    size_t frames;
    float *samples; // [frames][channels], owned
} v2s_whole_sound;

// What is wrong with the end of the file is a warning. IO, FORMAT, NUMERIC, NOMEM; free in any
// case.
V2S_MUST_USE v2s_status v2s_whole_sound_read(const char *path, v2s_whole_sound *sound,
                                             v2s_run_log *log);

// Same channels and rate, or FORMAT with both names; the longer one is cut, with a warning
// unless `log` is NULL.
V2S_MUST_USE v2s_status v2s_whole_sound_match(const char *prediction_path, v2s_whole_sound *p,
                                              const char *truth_path, v2s_whole_sound *t,
                                              v2s_run_log *log);

void v2s_whole_sound_free(v2s_whole_sound *sound);

#endif
