// SPDX-License-Identifier: MIT
// The clips of a split as the `v2s` objective keeps them: read once, by several threads, reduced to
// the sums of train/band_stats.h.
#ifndef V2S_TRAIN_BAND_CLIPS_H
#define V2S_TRAIN_BAND_CLIPS_H

#include "infer/run_log.h"
#include "spatial/foa_basis_set.h"
#include "train/band_stats.h"

typedef struct v2s_band_clips {
    size_t count;
    v2s_band_clip *sums;   // [count], owned
    const v2s_clip **from; // [count]: the clip of each, borrowed
} v2s_band_clips;

typedef struct v2s_band_reader {
    v2s_foa_basis_set *bases;
    double rate_hz; // that sounds are resampled to; 0: each has its own
    int threads;
    bool strict;      // a clip that cannot be used is an error; else it is named and left out
    v2s_run_log *log; // for progress and warnings; NULL: none
    const char *what; // for the progress: "reading training clips"
    size_t skipped;   // out: clips left out, added up
} v2s_band_reader;

// *out holds the clips that could be used, in their order; free it whatever the result.
V2S_MUST_USE v2s_status v2s_band_clips_read(v2s_band_reader *reader, const v2s_clip *const *clips,
                                            size_t count, v2s_band_clips *out);
void v2s_band_clips_free(v2s_band_clips *clips);

#endif
