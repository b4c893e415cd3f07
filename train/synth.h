// SPDX-License-Identifier: MIT
// A folder of paired data: scenes (scene.h) as files and their manifest.
//
//   FOLDER/foa/sNNNNN.wav    truth, AmbiX, float      FOLDER/dry/sNNNNN.wav   dry sound, float
//   FOLDER/traj/sNNNNN.csv   trajectory               FOLDER/manifest.jsonl   written last
//
// Every scene gives one line per pairing, sNNNNN-dry and sNNNNN-omni, over the same files. Splits
// share neither rooms nor sound files. Scene i depends on seed, i and the options, not on the
// number of threads. If the work fails or is interrupted, what was written is removed again.
#ifndef V2S_TRAIN_SYNTH_H
#define V2S_TRAIN_SYNTH_H

#include "infer/run_log.h"
#include "train/scene.h"

typedef struct v2s_synth_config {
    const char *folder;
    size_t rooms, clips;
    double open;            // share of the rooms that are outdoors or free field
    v2s_motion motions[16]; // drawn evenly from these
    size_t motion_count;
    bool dry, omni; // pairings
    bool noise;
    double snr_low_db, snr_high_db;
    double rate_hz, duration_s;
    uint64_t seed;
    int threads;
    bool quiet;
} v2s_synth_config;

typedef struct v2s_synth_stats {
    size_t scenes[V2S_SPLIT_COUNT], rooms[V2S_VENUE_KIND_COUNT];
    size_t sounds_used;
    double rt60_min_s, rt60_max_s; // of rooms with reverberation; 0 where there is none
    double drr_min_db, drr_max_db; // below V2S_SCENE_DRR_LIMIT_DB; NAN where there is none
} v2s_synth_stats;

// Splits the sounds and makes everything. Warnings about recordings go to the log.
V2S_MUST_USE v2s_status v2s_synth_make(const v2s_synth_config *config, v2s_sounds *sounds,
                                       v2s_run_log *log, v2s_synth_stats *stats);

#endif
