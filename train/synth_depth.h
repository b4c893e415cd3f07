// SPDX-License-Identifier: MIT
// A folder of synthetic echoes and depth maps in BatVision V2's layout:
//
//   ROOT/roomNNNN/audio/audio_NNNNN.wav    two ears, 16 bits, 44.1 kHz, 8192 samples (echo_scene.h)
//   ROOT/roomNNNN/depth/depth_NNNNN.npy    uint16, mm, size x size (depth_scene.h)
//   ROOT/roomNNNN/{train,val,test}.csv     columns depth path, depth file name, audio path,
//                                          audio file name; paths relative to ROOT; written last
//
// A room lies in one split: of its three csv files one lists all its samples, the others have no
// line but the head. About 15 % of the rooms, at least one, are for validation, as many for tests.
// Sample i depends on seed, i and the options, not on the number of threads. If the work fails or
// is interrupted, what was written is removed again. Lists of an earlier run in the same folder are
// removed at the start.
#ifndef V2S_TRAIN_SYNTH_DEPTH_H
#define V2S_TRAIN_SYNTH_DEPTH_H

#include "data/manifest.h"
#include "spatial/hrtf.h"
#include "train/depth_scene.h"

enum { V2S_SYNTH_DEPTH_LEAST_ROOMS = V2S_SPLIT_COUNT };

typedef struct v2s_synth_depth_config {
    const char *folder;
    size_t rooms, clips; // rooms >= V2S_SYNTH_DEPTH_LEAST_ROOMS, clips >= rooms
    int depth_size;
    bool noise;
    double snr_low_db, snr_high_db; // range of the signal-to-noise ratio
    uint64_t seed;
    int threads;
    bool quiet;
} v2s_synth_depth_config;

typedef struct v2s_synth_depth_stats {
    size_t samples[V2S_SPLIT_COUNT], rooms[V2S_SPLIT_COUNT], places[V2S_DEPTH_PLACES];
    double nearest_m, farthest_m, mean_m; // depth, over all pixels
    double peak;                          // of all sounds; 1 is full scale
    size_t clipped;                       // sounds with samples that were cut
} v2s_synth_depth_stats;

// Makes everything. IO, NOMEM, CANCELLED.
V2S_MUST_USE v2s_status v2s_synth_depth_make(const v2s_synth_depth_config *config,
                                             const v2s_hrtf *hrtf, v2s_synth_depth_stats *stats);

#endif
