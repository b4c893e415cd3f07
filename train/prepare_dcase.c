// SPDX-License-Identifier: MIT
// TAU-NIGENS Spatial Sound Events 2021, STARSS22 and STARSS23, development sets:
//
//   foa_dev/dev-train[-sony|-tau]/foldF_roomR_mixM.wav       24 kHz, AmbiX
//   metadata_dev/dev-train[-sony|-tau]/foldF_roomR_mixM.csv  data/dcase_csv.h
//
// and dev-val (2021 alone), dev-test. Recordings that lie in foa_dev itself are dealt by their
// fold: 1 to 4 train, 5 val, 6 test (2021); 3 train, 4 test (STARSS). Rooms of different folds are
// different rooms.
//
// Politis, Adavanne, Krause, Deleforge, Srivastava, Virtanen, "A dataset of dynamic reverberant
// sound scenes with directional interferers", DCASE 2021; Politis et al., "STARSS22", DCASE 2022;
// Shimada et al., "STARSS23", NeurIPS 2023. Only STARSS23 has distances (from version 1.1 on).
#include <stdio.h>
#include <string.h>

#include "train/prepare_seld.h"

#define UNKNOWN_DISTANCE_M 1.0

static const char *const TAU_CLASSES[] = {
    "alarm",     "crying baby",      "crash",       "barking dog", "female scream", "female speech",
    "footsteps", "knocking on door", "male scream", "male speech", "ringing phone", "piano",
};
static const char *const STARSS_CLASSES[] = {
    "female speech", "male speech",        "clapping",          "telephone",
    "laughter",      "domestic sounds",    "walk, footsteps",   "door open or close",
    "music",         "musical instrument", "water tap, faucet", "bell",
    "knock",
};

typedef struct work {
    v2s_seld_set set;
    int train_from, train_to, val, test; // folds
    bool distances;
    const v2s_split *split; // of the folder that is read; NULL: by fold
    size_t without_distance;
} work;

static bool split_of_fold(const work *w, int fold, v2s_split *split) {
    if (fold < 1)
        return false;
    *split = fold == w->val ? V2S_SPLIT_VAL : fold == w->test ? V2S_SPLIT_TEST : V2S_SPLIT_TRAIN;
    return *split != V2S_SPLIT_TRAIN || (fold >= w->train_from && fold <= w->train_to);
}

static v2s_status read_labels(work *w, v2s_seld_recording *r, bool *usable) {
    v2s_dcase_labels rows = {0};
    *usable = false;
    v2s_status status = v2s_dcase_csv_read(r->csv, V2S_DCASE_CENTIMETRES, &rows);
    if (status != V2S_OK)
        return v2s_prepare_skip_error(w->set.p, r->csv, status);
    if (rows.columns == 6 && !w->distances) {
        status = v2s_prepare_skip(w->set.p, r->csv,
                                  "wrong number of columns: 6, expected 5; distances are in "
                                  "starss23 alone");
    } else {
        status = v2s_seld_from_rows(&rows, UNKNOWN_DISTANCE_M, &r->labels);
        *usable = status == V2S_OK;
        w->without_distance += rows.columns < 6;
    }
    v2s_dcase_labels_free(&rows);
    return status;
}

static v2s_status add_recording(void *ctx, const char *folder, const char *stem) {
    work *w = ctx;
    v2s_prepare *p = w->set.p;
    v2s_seld_recording r = {0};
    int fold = 0, room = 0, mix = 0, end = 0;
    bool usable;
    V2S_TRY(v2s_prepare_path(p, &r.csv, "metadata_dev/%s%s.csv", folder, stem));
    V2S_TRY(v2s_prepare_path(p, &r.sound, "foa_dev/%s%s.wav", folder, stem));
    if (sscanf(stem, "fold%d_room%d_mix%d%n", &fold, &room, &mix, &end) != 3 || stem[end] != '\0')
        return v2s_prepare_skip(p, r.sound, "name: expected foldF_roomR_mixM");
    if (!split_of_fold(w, fold, &r.split) && w->split == NULL)
        return v2s_prepare_skip(p, r.sound, "unknown fold: %d is in no split", fold);
    if (w->split != NULL)
        r.split = *w->split;
    V2S_TRY(v2s_prepare_text(p, &r.name, "%s", stem));
    V2S_TRY(v2s_prepare_text(p, &r.room, "fold%d_room%d", fold, room));
    V2S_TRY(read_labels(w, &r, &usable));
    return usable ? v2s_seld_add(&w->set, &r) : V2S_OK;
}

// The split that a folder's name says: dev-train, dev-train-sony, ...
static bool split_of_folder(const work *w, const char *name, v2s_split *split) {
    for (int s = 0; s < V2S_SPLIT_COUNT; s++) {
        const char *word = v2s_split_name((v2s_split)s);
        size_t n = strlen(word);
        if (strncmp(name, "dev-", 4) != 0 || strncmp(name + 4, word, n) != 0 ||
            (name[4 + n] != '\0' && name[4 + n] != '-'))
            continue;
        *split = (v2s_split)s;
        return s != V2S_SPLIT_VAL || w->val > 0;
    }
    return false;
}

static v2s_status read_folder(work *w, const char *parent, const char *name) {
    v2s_prepare *p = w->set.p;
    const char *path;
    v2s_split split;
    V2S_TRY(v2s_prepare_path(p, &path, "%s/%s", parent, name));
    if (!v2s_is_folder(path))
        return V2S_OK;
    if (!split_of_folder(w, name, &split))
        return v2s_prepare_skip(p, path, "unknown folder: expected dev-train, %sdev-test",
                                w->val > 0 ? "dev-val, " : "");
    w->split = &split;
    v2s_status status = v2s_seld_each_recording(p, name, add_recording, w);
    w->split = NULL;
    return status;
}

static v2s_status read_folders(work *w) {
    v2s_names labels = {0}, sounds = {0};
    v2s_status status;
    V2S_TRY_GOTO(status, v2s_seld_list(w->set.p, "metadata_dev", NULL, &labels), done);
    V2S_TRY_GOTO(status, v2s_seld_list(w->set.p, "foa_dev", NULL, &sounds), done);
    for (size_t i = 0; i < labels.count; i++)
        V2S_TRY_GOTO(status, read_folder(w, "metadata_dev", labels.items[i]), done);
    for (size_t i = 0; i < sounds.count; i++)
        if (!v2s_names_have(&labels, sounds.items[i]))
            V2S_TRY_GOTO(status, read_folder(w, "foa_dev", sounds.items[i]), done);
    status = v2s_seld_each_recording(w->set.p, "", add_recording, w);
done:
    v2s_names_free(&labels);
    v2s_names_free(&sounds);
    return status;
}

static v2s_status run(v2s_prepare *p, work w) {
    w.set.p = p;
    w.set.rate_hz = 24000;
    V2S_TRY(v2s_seld_check_root(p));
    v2s_status status = read_folders(&w);
    w.set.note = !w.distances              ? "1 m: the labels have none"
                 : w.without_distance == 0 ? "as labelled"
                                           : "1 m where the labels have none (version 1.0)";
    v2s_run_log_number(p->log, "recordings_without_distance", (double)w.without_distance);
    if (status == V2S_OK)
        status = v2s_seld_finish(&w.set);
    v2s_seld_set_free(&w.set);
    return status;
}

static v2s_status run_tau2021(v2s_prepare *p) {
    return run(p, (work){.set = {.source = "TAU-NIGENS Spatial Sound Events 2021",
                                 .licence = "CC BY-NC 4.0",
                                 .classes = TAU_CLASSES,
                                 .class_count = sizeof TAU_CLASSES / sizeof *TAU_CLASSES,
                                 .published = {400, 100, 100}},
                         .train_from = 1,
                         .train_to = 4,
                         .val = 5,
                         .test = 6});
}

static work starss(const char *source, int64_t train, int64_t test) {
    return (work){.set = {.source = source,
                          .licence = "MIT",
                          .classes = STARSS_CLASSES,
                          .class_count = sizeof STARSS_CLASSES / sizeof *STARSS_CLASSES,
                          .published = {train, 0, test}},
                  .train_from = 3,
                  .train_to = 3,
                  .test = 4};
}

static v2s_status run_starss22(v2s_prepare *p) {
    return run(p, starss("STARSS22", 67, 54));
}

static v2s_status run_starss23(v2s_prepare *p) {
    work w = starss("STARSS23", 90, 78);
    w.distances = true;
    return run(p, w);
}

const v2s_prepare_format v2s_prepare_tau2021 = {"tau2021", 0, run_tau2021};
const v2s_prepare_format v2s_prepare_starss22 = {"starss22", 0, run_starss22};
const v2s_prepare_format v2s_prepare_starss23 = {"starss23", 0, run_starss23};
