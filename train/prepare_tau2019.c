// SPDX-License-Identifier: MIT
// TAU Spatial Sound Events 2019, development set: foa_dev/splitS_irI_ovO_N.wav (48 kHz, AmbiX) and
// metadata_dev/ with the same names (data/tau2019_csv.h). 4 splits of 100 recordings in 5 places
// (ir0 .. ir4), which occur in every split. Adavanne, Politis, Virtanen, "A multi-room reverberant
// dataset for sound event localization and detection", DCASE 2019, whose cross-validation is FOLDS.
#include <stdio.h>

#include "train/prepare_seld.h"

enum { SPLITS = 4, RECORDINGS = 100 }; // in each

// What split 1 .. 4 is in each fold.
static const v2s_split FOLDS[SPLITS][SPLITS] = {
    {V2S_SPLIT_TEST, V2S_SPLIT_VAL, V2S_SPLIT_TRAIN, V2S_SPLIT_TRAIN},
    {V2S_SPLIT_TRAIN, V2S_SPLIT_TEST, V2S_SPLIT_VAL, V2S_SPLIT_TRAIN},
    {V2S_SPLIT_TRAIN, V2S_SPLIT_TRAIN, V2S_SPLIT_TEST, V2S_SPLIT_VAL},
    {V2S_SPLIT_VAL, V2S_SPLIT_TRAIN, V2S_SPLIT_TRAIN, V2S_SPLIT_TEST},
};

static v2s_status add_recording(void *ctx, const char *folder, const char *stem) {
    v2s_seld_set *set = ctx;
    v2s_prepare *p = set->p;
    v2s_seld_recording r = {0};
    v2s_tau2019_labels labels = {0};
    int split = 0, place = 0, overlap = 0, number = 0, end = 0;
    int fold = p->settings->fold > 0 ? (int)p->settings->fold : 1;
    V2S_TRY(v2s_prepare_path(p, &r.csv, "metadata_dev/%s%s.csv", folder, stem));
    V2S_TRY(v2s_prepare_path(p, &r.sound, "foa_dev/%s%s.wav", folder, stem));
    if (sscanf(stem, "split%d_ir%d_ov%d_%d%n", &split, &place, &overlap, &number, &end) != 4 ||
        stem[end] != '\0' || split < 1 || split > SPLITS)
        return v2s_prepare_skip(p, r.sound, "name: expected splitS_irI_ovO_N with S from 1 to %d",
                                SPLITS);
    v2s_status status = v2s_tau2019_csv_read(r.csv, &labels);
    if (status != V2S_OK)
        return v2s_prepare_skip_error(p, r.csv, status);
    V2S_TRY(v2s_prepare_text(p, &r.name, "%s", stem));
    V2S_TRY(v2s_prepare_text(p, &r.room, "ir%d", place));
    r.split = FOLDS[fold - 1][split - 1];
    status = v2s_seld_from_events(&labels, &r.labels);
    v2s_tau2019_labels_free(&labels);
    return status == V2S_OK ? v2s_seld_add(set, &r) : status;
}

static v2s_status run(v2s_prepare *p) {
    v2s_seld_set set = {
        .p = p,
        .source = "TAU Spatial Sound Events 2019",
        .licence = "TAU licence, non-commercial",
        .rate_hz = 48000,
        .note = "as labelled (1 to 2 m published)",
        .published = {2 * RECORDINGS, RECORDINGS, RECORDINGS},
    };
    if (p->settings->fold > SPLITS)
        return V2S_FAIL(V2S_USAGE, "--fold: tau2019 has folds 1 to %d", SPLITS);
    V2S_TRY(v2s_seld_check_root(p));
    v2s_status status = v2s_seld_each_recording(p, "", add_recording, &set);
    if (status == V2S_OK)
        status = v2s_seld_finish(&set);
    v2s_seld_set_free(&set);
    return status;
}

const v2s_prepare_format v2s_prepare_tau2019 = {"tau2019", V2S_PREPARE_FOLD, run};
