// SPDX-License-Identifier: MIT
// What a depth run reads: one sound, the sounds of a folder, or a split of a data set.
//
// A folder is a data set where a csv of BatVision lies in it or in a folder of it; else its .wav
// files are taken, sorted by name. A manifest (.jsonl) is a data set. Truths of a folder's sounds
// are NAME.npy, else NAME.png.
#ifndef V2S_INFER_DEPTH_SOURCE_H
#define V2S_INFER_DEPTH_SOURCE_H

#include "data/depth_set.h"
#include "infer/run_log.h"
#include "infer/settings.h"

typedef enum v2s_depth_source_kind {
    V2S_DEPTH_SOUND,
    V2S_DEPTH_FOLDER,
    V2S_DEPTH_SET
} v2s_depth_source_kind;

typedef struct v2s_depth_source {
    v2s_depth_source_kind kind;
    const char *path;           // borrowed
    size_t count;               // samples to work on
    v2s_depth_sample **samples; // [count]; of a sound `id` is its name without folder and suffix
    size_t missing_truths;      // sounds of a folder without one in --truth
    v2s_depth_set set;          // of a data set
    v2s_depth_sample *own;      // [count] of sounds
} v2s_depth_source;

// Looks at the path alone, without the sounds: for what an option can mean. IO: not there.
V2S_MUST_USE v2s_status v2s_depth_source_kind_of(const char *path, v2s_depth_source_kind *kind);

// Lists what the settings name. IO, FORMAT (a folder without wav; no sample in the split; lines
// that cannot be used with --strict), NOMEM. What is skipped is a warning in the log.
V2S_MUST_USE v2s_status v2s_depth_source_open(const v2s_settings *settings, v2s_run_log *log,
                                              v2s_depth_source *source);
void v2s_depth_source_close(v2s_depth_source *source); // accepts a zeroed one

#endif
