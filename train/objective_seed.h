// SPDX-License-Identifier: MIT
// The objective of preset `seed`: FOA in, FOA out, a loss of waveforms (train/loss_list.h).
//
//   x = geometric [T,4],  refined = x + residual,  loss(refined, truth)
//
// A training row is a stretch of T samples of a clip, begun anywhere with equal probability (a clip
// of exactly T samples is used whole). Augmentations change geometric path and truth alike, which
// is the same as changing trajectory and truth: the geometric path is linear in the direction.
//   rotation  about the vertical by any angle      mirror  left and right, one time in two
//   gain      -6 .. +6 dB, uniform in dB
// Validation is the loss on the whole of every clip of the split `val`, mean over clips, without
// augmentation; scores[1] is that of the geometric path (residual 0).
//
// floor.scaled [4], the constant gain of each channel of the geometric path that is nearest to the
// truth of the training split by least squares, goes into the checkpoints.
//
// Clips are read once when the objective is opened and stay in memory (32 bytes a sample) up to
// memory_bytes; others are read again for each row. Clips that cannot be used are named in the log,
// counted and left out; a training clip with samples that are not finite stays, and `prepare`
// refuses it.
#ifndef V2S_TRAIN_OBJECTIVE_SEED_H
#define V2S_TRAIN_OBJECTIVE_SEED_H

#include "infer/run_log.h"
#include "train/loss_list.h"
#include "train/objective.h"

typedef struct v2s_augment {
    bool rotation, mirror, gain;
} v2s_augment;

// "none", or names with commas. USAGE for others; `option` ("--augment") begins the sentence.
V2S_MUST_USE v2s_status v2s_augment_parse(const char *option, const char *text, v2s_augment *out);

typedef struct v2s_objective_seed_config {
    v2s_refiner_config network;
    double rate_hz;   // 0: that of the first training clip's truth
    double segment_s; // 0: 1 s, or the shortest clip if that is shorter
    v2s_augment augment;
    v2s_loss_weights loss;
    const char *pairing; // for the metadata
    int rows;            // most rows of a batch
    int threads;         // for reading and validation
    size_t memory_bytes;
    bool strict;      // a clip that cannot be used is an error
    v2s_run_log *log; // for warnings; NULL: none
} v2s_objective_seed_config;

// The clips are borrowed until close. FORMAT: no clip of `train` can be used. Without validation
// clips val_clips is 0.
V2S_MUST_USE v2s_status v2s_objective_seed_open(const v2s_objective_seed_config *config,
                                                const v2s_clip *const *train, size_t train_count,
                                                const v2s_clip *const *val, size_t val_count,
                                                v2s_objective **out);

#endif
