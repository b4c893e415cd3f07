// SPDX-License-Identifier: MIT
// One pass over a sound file: what it is, how loud it gets, and whether anything is wrong with it.
//
//   silent    every sample of every channel is 0
//   clipped   samples in runs of at least 3 in one channel with |x| >= 32767/32768, the largest
//             value of 16 bits: a single sample there may be a peak that was made to fit
//
// A tap sees the same samples, so that a second pass is not needed.
#ifndef V2S_TRAIN_SOUND_SURVEY_H
#define V2S_TRAIN_SOUND_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "data/sound_in.h"

typedef struct v2s_sound_survey {
    v2s_status status; // of opening and reading; where it is not OK the rest is what was learnt
    char *reason;      // owned sentence, without the file's name in front; NULL where OK
    char *warning;     // owned ("truncated ..."), without the file's name; or NULL
    double rate_hz, duration_s;
    int channels;
    int64_t frames; // that could be read
    double peak;    // largest |x|
    bool silent;
    int64_t clipped;
} v2s_sound_survey;

// What else is to be learnt from a file's samples. Any function may be NULL. One file is served by
// one thread; several files may be open at once, told apart by `index`.
typedef struct v2s_sound_tap {
    void *ctx;
    // Before the first samples; what it fails with becomes the survey's status.
    v2s_status (*open)(void *ctx, size_t index, const v2s_sound_info *info);
    v2s_status (*add)(void *ctx, size_t index, const float *interleaved, size_t frames);
    // Always after an open that went well; `survey` is complete.
    v2s_status (*close)(void *ctx, size_t index, const v2s_sound_survey *survey);
} v2s_sound_tap;

// Reads the whole file. Returns NOMEM and CANCELLED alone; what is wrong with the file stands in
// survey->status. `tap` may be NULL. Free with v2s_sound_survey_free.
V2S_MUST_USE v2s_status v2s_sound_survey_read(const char *path, const v2s_sound_tap *tap,
                                              size_t index, v2s_sound_survey *survey);
void v2s_sound_survey_free(v2s_sound_survey *survey); // accepts a zeroed one

// Whether a file holds the address of its content instead of the content (Git LFS): it begins with
// "version https://git-lfs".
bool v2s_lfs_pointer(const char *path);

// A sentence about a file without "path: " in front: points into it.
const char *v2s_without_path(const char *sentence, const char *path);

#define V2S_LFS_REASON                                                                             \
    "Git LFS pointer: the file holds only the address of its content (git lfs pull fetches it)"

#endif
