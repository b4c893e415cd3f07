// SPDX-License-Identifier: MIT
// What the sets of labelled first-order recordings have in common: a clip is a span with one source
// (train/seld_labels.h) of at least 0.5 s, checked against the sound (train/seld_check.h).
//
// Clips are `omni` pairs in AmbiX, marked as recorded: STARSS are recordings, the TAU sets are
// sounds convolved with responses measured with the same kind of microphone, whose dipoles are as
// much stronger than ideal as a recording's, so compare's rule for recordings applies to both.
#ifndef V2S_TRAIN_PREPARE_SELD_H
#define V2S_TRAIN_PREPARE_SELD_H

#include "train/prepare_channels.h"
#include "train/seld_labels.h"

typedef struct v2s_seld_recording {
    const char *name, *sound, *csv, *room; // texts of the core
    v2s_split split;
    v2s_seld_labels labels; // owned
    // Filled by the survey.
    size_t beyond; // rows beyond the sound's end
    v2s_layout guess;
    v2s_seld_evidence *evidence; // [labels.count], owned
    v2s_foa_cells *cells;        // while it is read
    v2s_layout_guess *guessing;
} v2s_seld_recording;

typedef struct v2s_seld_set {
    v2s_prepare *p;
    const char *source, *licence; // for the manifest
    double rate_hz;
    const char *const *classes; // [class_count] names; none where labels have words
    int class_count;
    const char *note; // about distances
    int64_t published[V2S_SPLIT_COUNT];
    size_t count, room;
    v2s_seld_recording *recordings;
} v2s_seld_set;

// Takes over a recording with its labels (even on failure). NOMEM.
V2S_MUST_USE v2s_status v2s_seld_add(v2s_seld_set *set, v2s_seld_recording *recording);

// Reads the sounds, adds the clips, reports.
V2S_MUST_USE v2s_status v2s_seld_finish(v2s_seld_set *set);

void v2s_seld_set_free(v2s_seld_set *set);

// Calls one(ctx, stem) for every recording in ROOT/foa_dev/<below> and ROOT/metadata_dev/<below>
// ("" : themselves) that has both NAME.wav and NAME.csv with content, in the order of names; what
// lacks one of them is skipped.
V2S_MUST_USE v2s_status v2s_seld_each_recording(v2s_prepare *p, const char *below,
                                                v2s_status (*one)(void *ctx, const char *below,
                                                                  const char *stem),
                                                void *ctx);

// Names of a folder, none where it is not there.
V2S_MUST_USE v2s_status v2s_seld_list(v2s_prepare *p, const char *below, const char *suffix,
                                      v2s_names *names);

// FORMAT: ROOT has neither metadata_dev nor foa_dev.
V2S_MUST_USE v2s_status v2s_seld_check_root(v2s_prepare *p);

#endif
