// SPDX-License-Identifier: MIT
// YT-Ambigen: clips of 5 s of 360-degree videos with first-order ambisonics and one direction each.
//
//   LISTS = ROOT, or ROOT/csv/yt_ambigen
//   LISTS/{train,valid,test}.csv    a header row, then <video>_<second>.npy
//   LISTS/ambi.json                 {"<video>_<second>": [e, a], ..}
//   ROOT/audio/<video>_<second>.opus, .wav or .npy      AmbiX (YouTube's order and normalisation)
//
// e and a are in units of 2 deg, e from the zenith, a counter-clockwise from the back:
//
//   elevation = 89 - 2 e deg       azimuth = 2 a - 179 deg, left +
//
// (README of the authors' repository, ViSAGe, and data/prepare_test.py there. The script that cuts
// their pictures, utils/prepare_dataset.py, turns to the right for the same azimuth: the sound is
// what is followed here.)
//
// Arrays are [4, T] or [T, 4] of floats or signed integers, and become wav beside the manifest.
// They carry no rate: clips last 5 s, so T / 5 is it where that is a usual one (within 1 %), else
// 48 kHz, at which Opus decodes. The authors' own npy hold codes of a neural codec, [36, T], and
// are refused.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/prepare.h"
#include "train/prepare_channels.h"
#include "train/ytambigen.h"

#define CLIP_S 5.0
#define DISTANCE_M 1.0

typedef struct recording {
    const v2s_ytambigen_item *item;
    const char *path;            // as it is there
    const char *truth;           // what is trained on: path, or the wav made of it
    bool array, usable, guessed; // guessed: no rate fits
    v2s_point place;
    v2s_sound_survey survey; // of an array
    // Filled by the survey.
    v2s_seld_evidence evidence;
    v2s_layout guess;
    v2s_foa_cells *cells; // while it is read
    v2s_layout_guess *guessing;
} recording;

typedef struct job {
    v2s_prepare *p;
    v2s_ytambigen_lists lists;
    size_t count, tapped; // tapped: recordings [count], first the sounds, then the arrays
    recording *recordings;
} job;

// ---- what is there ----------------------------------------------------------------------------

static v2s_status find_sound(job *j, const v2s_ytambigen_item *item, recording *r) {
    static const char *const suffixes[] = {"opus", "wav", "npy"};
    for (int i = 0; i < 3; i++) {
        V2S_TRY(v2s_prepare_path(j->p, &r->path, "audio/%s.%s", item->id, suffixes[i]));
        if (!v2s_is_file(r->path))
            continue;
        r->array = i == 2;
        r->truth = r->path;
        return v2s_prepare_usable(j->p, r->path, &r->usable);
    }
    V2S_TRY(v2s_prepare_path(j->p, &r->path, "audio/%s", item->id));
    return v2s_prepare_skip(j->p, r->path, "not there: no .opus, .wav or .npy of this name");
}

static v2s_status place(job *j, recording *r) {
    v2s_vec3 unit;
    v2s_status status = v2s_ytambigen_direction(&j->lists, r->item->id, &unit);
    r->place = (v2s_point){.unit = unit, .distance_m = DISTANCE_M, .confidence = 1};
    if (status == V2S_OK)
        return V2S_OK;
    r->usable = false;
    return v2s_prepare_skip_error(j->p, r->item->id, status);
}

static v2s_status find_all(job *j) {
    j->recordings = calloc(j->lists.count + 1, sizeof *j->recordings);
    if (j->recordings == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < j->lists.count; i++) {
        recording r = {.item = &j->lists.items[i]};
        V2S_TRY(find_sound(j, r.item, &r));
        if (r.usable)
            V2S_TRY(place(j, &r));
        if (r.usable)
            j->recordings[j->count++] = r;
    }
    return V2S_OK;
}

// ---- sounds -----------------------------------------------------------------------------------

static v2s_status open_evidence(recording *r, double rate_hz) {
    V2S_TRY(v2s_foa_cells_open(rate_hz, &r->cells));
    return v2s_layout_guess_open(rate_hz, &r->guessing);
}

static v2s_status add_evidence(recording *r, const float *interleaved, size_t frames) {
    V2S_TRY(v2s_foa_cells_add(r->cells, interleaved, frames));
    return v2s_layout_guess_add(r->guessing, interleaved, frames);
}

static v2s_status judge(recording *r, const v2s_sound_survey *survey) {
    v2s_layout_result guess;
    size_t count = 0;
    const v2s_trajectory still = {.count = 1, .points = &r->place};
    const v2s_foa_cell *cells = v2s_foa_cells_all(r->cells, &count);
    V2S_TRY(v2s_layout_guess_finish(r->guessing, &guess));
    r->guess = guess.layout;
    r->evidence =
        v2s_seld_judge(cells, count, survey->rate_hz, 0, fmin(CLIP_S, survey->duration_s), &still);
    return V2S_OK;
}

static v2s_status close_evidence(recording *r, const v2s_sound_survey *survey) {
    v2s_status status = V2S_OK;
    if (r->cells != NULL && r->guessing != NULL && survey->status == V2S_OK)
        status = judge(r, survey);
    v2s_foa_cells_close(&r->cells);
    v2s_layout_guess_close(&r->guessing);
    return status;
}

static v2s_status tap_open(void *ctx, size_t index, const v2s_sound_info *info) {
    if (info->channels != V2S_FOA_CHANNELS) // said later, with the file's name
        return V2S_OK;
    return open_evidence(&((job *)ctx)->recordings[index], info->rate_hz);
}

static v2s_status tap_add(void *ctx, size_t index, const float *interleaved, size_t frames) {
    recording *r = &((job *)ctx)->recordings[index];
    return r->cells == NULL ? V2S_OK : add_evidence(r, interleaved, frames);
}

static v2s_status tap_close(void *ctx, size_t index, const v2s_sound_survey *survey) {
    return close_evidence(&((job *)ctx)->recordings[index], survey);
}

static int arrays_last(const void *a, const void *b) {
    const recording *x = a, *y = b;
    if (x->array != y->array)
        return x->array ? 1 : -1;
    return (x->item > y->item) - (x->item < y->item); // in the order of the lists
}

static v2s_status survey_sounds(job *j) {
    const v2s_sound_tap tap = {j, tap_open, tap_add, tap_close};
    const char **paths = malloc((j->count + 1) * sizeof *paths);
    if (paths == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    qsort(j->recordings, j->count, sizeof *j->recordings, arrays_last);
    while (j->tapped < j->count && !j->recordings[j->tapped].array) {
        paths[j->tapped] = j->recordings[j->tapped].path;
        j->tapped++;
    }
    v2s_status status = v2s_prepare_survey(j->p, j->tapped, paths, &tap);
    free(paths);
    return status;
}

// ---- arrays -----------------------------------------------------------------------------------

static v2s_status convert(recording *r) {
    v2s_ytambigen_array a = {0};
    V2S_TRY(v2s_ytambigen_array_read(r->path, &a));
    r->guessed = a.guessed;
    v2s_status status = open_evidence(r, a.rate_hz);
    if (status == V2S_OK)
        status = add_evidence(r, a.samples, a.frames);
    if (status == V2S_OK)
        status = v2s_ytambigen_array_write(r->truth, &a);
    v2s_ytambigen_array_survey(&a, &r->survey);
    v2s_ytambigen_array_free(&a);
    v2s_status closed = close_evidence(r, &r->survey);
    return status != V2S_OK ? status : closed;
}

static v2s_status convert_one(void *ctx, size_t i) {
    job *j = ctx;
    recording *r = &j->recordings[j->tapped + i];
    v2s_status status = convert(r);
    r->survey.status = status;
    if (status == V2S_OK || status == V2S_NOMEM || status == V2S_CANCELLED || status == V2S_IO)
        return status;
    r->survey.reason = strdup(v2s_without_path(v2s_error_text(), r->path));
    return r->survey.reason != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
}

static v2s_status convert_arrays(job *j) {
    size_t guessed = 0;
    for (size_t i = j->tapped; i < j->count; i++)
        V2S_TRY(v2s_prepare_file(j->p, "foa", j->recordings[i].item->id, "wav",
                                 &j->recordings[i].truth));
    V2S_TRY(v2s_prepare_each(j->p, "converting", "arrays", j->count - j->tapped, convert_one, j));
    for (size_t i = j->tapped; i < j->count; i++) {
        recording *r = &j->recordings[i];
        guessed += r->guessed;
        if (v2s_prepare_sound(j->p, r->path) == NULL)
            V2S_TRY(v2s_prepare_note_sound(j->p, r->path, &r->survey));
    }
    if (guessed > 0)
        V2S_TRY(v2s_prepare_problem(j->p,
                                    "%s: %zu arrays are not 5 s long at any usual rate; 48000 Hz "
                                    "is assumed",
                                    j->p->root, guessed));
    return V2S_OK;
}

// ---- clips ------------------------------------------------------------------------------------

static v2s_status flag(v2s_prepare *p, const recording *r, const char **reason) {
    const v2s_seld_evidence *e = &r->evidence;
    v2s_vec3 label = r->place.unit;
    *reason = NULL;
    if (e->angle_deg <= V2S_SELD_ANGLE_MAX_DEG)
        return V2S_OK;
    if (isnan(e->angle_deg))
        return v2s_prepare_flag(p, r->path, NAN, reason, "no direction: it has no intensity");
    return v2s_prepare_flag(p, r->path, e->angle_deg, reason,
                            "wrong direction: it sounds from az %.0f el %.0f, %.1f deg from its "
                            "label (az %.0f el %.0f)",
                            v2s_deg(v2s_azimuth_rad(e->intensity)),
                            v2s_deg(v2s_elevation_rad(e->intensity)), e->angle_deg,
                            v2s_deg(v2s_azimuth_rad(label)), v2s_deg(v2s_elevation_rad(label)));
}

static v2s_status add_clip(job *j, const recording *r) {
    const v2s_trajectory still = {.count = 1, .points = (v2s_point *)&r->place};
    const v2s_sound_survey *s = v2s_prepare_sound(j->p, r->path);
    const char *source, *path, *reason, *id = r->item->id;
    V2S_TRY(v2s_prepare_text(j->p, &source, "YT-Ambigen, video %.*s", (int)(strrchr(id, '_') - id),
                             id));
    V2S_TRY(flag(j->p, r, &reason));
    V2S_TRY(v2s_prepare_trajectory(j->p, r->item->id, &still, &path));
    const v2s_clip clip = {
        .id = (char *)id,
        .split = r->item->split,
        .pairing = V2S_PAIRING_OMNI,
        .truth = (char *)r->truth,
        .trajectory = (char *)path,
        .duration_s = fmin(CLIP_S, s->duration_s),
        .layout = "ambix",
        .drr_db = NAN,
        .source = (char *)source,
        .licence = "none stated (YouTube)",
        .recorded = true,
        .flag = (char *)reason,
    };
    return v2s_prepare_add(j->p, &clip);
}

static v2s_status add(job *j, const recording *r, v2s_seld_channels *channels,
                      size_t guesses[V2S_LAYOUTS]) {
    bool usable;
    V2S_TRY(v2s_prepare_check_sound(j->p, r->path, V2S_FOA_CHANNELS, 0, &usable));
    if (!usable)
        return V2S_OK;
    if (r->evidence.silent)
        return v2s_prepare_skip(j->p, r->path, "silence: W is below -120 dB of full scale");
    guesses[r->guess]++;
    V2S_TRY(v2s_seld_channels_add(channels, &r->evidence));
    return add_clip(j, r);
}

static v2s_status add_all(job *j) {
    v2s_seld_channels channels = {0};
    size_t guesses[V2S_LAYOUTS] = {0};
    v2s_status status = V2S_OK;
    for (size_t i = 0; i < j->count && status == V2S_OK; i++)
        status = add(j, &j->recordings[i], &channels, guesses);
    if (status == V2S_OK)
        v2s_prepare_channels(j->p, &channels, guesses, V2S_LAYOUT_AMBIX);
    v2s_seld_channels_free(&channels);
    return status;
}

// ---- the run ----------------------------------------------------------------------------------

static v2s_status read_set(job *j) {
    static const int64_t PUBLISHED[V2S_SPLIT_COUNT] = {81594, 9604, 11166};
    size_t found[V2S_SPLIT_COUNT];
    V2S_TRY(v2s_ytambigen_lists_read(j->p, &j->lists));
    V2S_TRY(find_all(j));
    V2S_TRY(survey_sounds(j));
    V2S_TRY(convert_arrays(j));
    V2S_TRY(add_all(j));
    for (int s = 0; s < V2S_SPLIT_COUNT; s++)
        found[s] = v2s_prepare_clip_count(j->p, (v2s_split)s);
    v2s_prepare_published(j->p, "listed", j->lists.listed, PUBLISHED);
    v2s_prepare_published(j->p, "recordings", found, PUBLISHED);
    v2s_run_log_row(j->p->log, "distance", "%g m for all: the set has none", DISTANCE_M);
    return V2S_OK;
}

static v2s_status run(v2s_prepare *p) {
    job j = {.p = p};
    v2s_status status = read_set(&j);
    for (size_t i = 0; i < j.count; i++) {
        v2s_sound_survey_free(&j.recordings[i].survey);
        v2s_foa_cells_close(&j.recordings[i].cells);
        v2s_layout_guess_close(&j.recordings[i].guessing);
    }
    free(j.recordings);
    v2s_ytambigen_lists_free(&j.lists);
    return status;
}

const v2s_prepare_format v2s_prepare_ytambigen = {"ytambigen", 0, run};
