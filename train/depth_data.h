// SPDX-License-Identifier: MIT
// The samples of a depth training run: looked through once, kept in memory where they fit.
//
//   x [2,size,size]      spectrograms of the ears, left first (data/echo.h)
//   truth [size,size]    metres, 0 where it is not valid (data/depth_map.h)
//
// Opening reads every sample of the splits train and val. One that cannot be used (a file that is
// missing, one channel, another rate, numbers that are not finite, no valid pixel) is named, left
// out and counted, or with the rule `strict` an error. What was read stays in memory up to
// cache_bytes, the training samples first; the others are read again whenever they are wanted.
//
// Floors, of the training split: mean_depth [size,size] is the mean over a pixel's valid depths
// (the mean of all where it is never valid); constant_depth is the median of all valid pixels, the
// constant of least mean |error|, to 1/65536 of max_depth_m.
//
// Threads  Read-only after it was opened.
#ifndef V2S_TRAIN_DEPTH_DATA_H
#define V2S_TRAIN_DEPTH_DATA_H

#include "data/depth_set.h"
#include "data/options.h"
#include "infer/run_log.h"

typedef struct v2s_depth_data_setup {
    const v2s_text_list *inputs; // ROOT or MANIFEST each
    v2s_manifest_rules rules;
    v2s_echo_config echo;
    v2s_depth_resize resize;
    bool left_only; // the left ear takes the place of the right one
    int threads;
    size_t cache_bytes;
    v2s_run_log *log; // warnings
} v2s_depth_data_setup;

typedef struct v2s_depth_item {
    const v2s_depth_sample *sample;
    float *kept; // x and truth, [3,size,size]; NULL: not in memory
} v2s_depth_item;

typedef struct v2s_depth_data {
    int size;
    bool left_only;
    int threads;
    v2s_depth_map_options maps;
    v2s_echo *echo;
    v2s_depth_set *sets; // [set_count]
    size_t set_count;
    v2s_depth_item *train, *val; // [train_count], [val_count], in the order of the inputs
    size_t train_count, val_count;
    size_t skipped; // samples that could not be used
    size_t kept;    // items in memory
    float *mean_depth;
    float constant_depth;
} v2s_depth_data;

// IO, FORMAT (also: no training sample is left), NOMEM, CANCELLED; ARG of v2s_echo_open.
V2S_MUST_USE v2s_status v2s_depth_data_open(const v2s_depth_data_setup *setup,
                                            v2s_depth_data **out);
void v2s_depth_data_close(v2s_depth_data **data); // accepts NULL inside

// x [2,size,size] and truth [size,size] of an item; `swap`: with the ears exchanged.
V2S_MUST_USE v2s_status v2s_depth_data_load(const v2s_depth_data *data, const v2s_depth_item *item,
                                            bool swap, float *x, float *truth);

// The same scene in a mirror: the two spectrograms change places, the depth map is turned left to
// right. Times and frequencies stay.
void v2s_depth_swap_ears(int size, float *x, float *truth);

#endif
