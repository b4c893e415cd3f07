// SPDX-License-Identifier: MIT
#include "train/prepare_seld.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/array.h"

#define CLIP_MIN_S 0.5
#define SLACK_S 1e-6

// What happened to the spans and rows.
typedef struct totals {
    size_t rows, out_of_range, beyond, classes, unordered;
    size_t spans, used, brief, silent, overlaps;
    size_t wrong_files;      // with labels out of range
    const char *first_wrong; // of them
    double overlapped_s;
    size_t found[V2S_SPLIT_COUNT], guesses[V2S_LAYOUTS];
    v2s_seld_channels channels;
} totals;

static void recording_free(v2s_seld_recording *r) {
    v2s_seld_labels_free(&r->labels);
    free(r->evidence);
    v2s_foa_cells_close(&r->cells);
    v2s_layout_guess_close(&r->guessing);
}

void v2s_seld_set_free(v2s_seld_set *set) {
    for (size_t i = 0; i < set->count; i++)
        recording_free(&set->recordings[i]);
    free(set->recordings);
    set->recordings = NULL;
    set->count = set->room = 0;
}

v2s_status v2s_seld_add(v2s_seld_set *set, v2s_seld_recording *recording) {
    v2s_seld_recording *grown =
        v2s_array_grow(set->recordings, set->count, &set->room, sizeof *grown);
    if (grown == NULL) {
        recording_free(recording);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    set->recordings = grown;
    set->recordings[set->count++] = *recording;
    return V2S_OK;
}

// ---- files ------------------------------------------------------------------------------------

v2s_status v2s_seld_check_root(v2s_prepare *p) {
    const char *sounds, *labels, *microphones;
    V2S_TRY(v2s_prepare_path(p, &sounds, "foa_dev"));
    V2S_TRY(v2s_prepare_path(p, &labels, "metadata_dev"));
    V2S_TRY(v2s_prepare_path(p, &microphones, "mic_dev"));
    if (v2s_is_folder(sounds) || v2s_is_folder(labels))
        return V2S_OK;
    return V2S_FAIL(V2S_FORMAT, "%s: expected the folders foa_dev and metadata_dev in it%s",
                    p->root,
                    v2s_is_folder(microphones)
                        ? "; mic_dev holds the microphones themselves, not first-order ambisonics"
                        : "");
}

v2s_status v2s_seld_list(v2s_prepare *p, const char *below, const char *suffix, v2s_names *names) {
    const char *folder;
    V2S_TRY(v2s_prepare_path(p, &folder, "%s", below));
    *names = (v2s_names){0};
    return v2s_is_folder(folder) ? v2s_prepare_list(p, below, suffix, names) : V2S_OK;
}

static char *cut_suffix(char *name) {
    name[strlen(name) - 4] = '\0'; // .csv, .wav
    return name;
}

// A recording with labels; one without its sound is skipped.
static v2s_status with_labels(v2s_prepare *p, const char *folder, const char *stem, bool *usable) {
    const char *sound, *csv;
    *usable = false;
    V2S_TRY(v2s_prepare_path(p, &sound, "foa_dev/%s%s.wav", folder, stem));
    V2S_TRY(v2s_prepare_path(p, &csv, "metadata_dev/%s%s.csv", folder, stem));
    if (!v2s_is_file(sound))
        return v2s_prepare_skip(p, csv, "no sound: %s is not there", sound);
    V2S_TRY(v2s_prepare_usable(p, csv, usable));
    return *usable ? v2s_prepare_usable(p, sound, usable) : V2S_OK;
}

v2s_status v2s_seld_each_recording(v2s_prepare *p, const char *below,
                                   v2s_status (*one)(void *ctx, const char *below,
                                                     const char *stem),
                                   void *ctx) {
    v2s_names labels = {0}, sounds = {0};
    const char *where, *folder;
    v2s_status status;
    V2S_TRY(v2s_prepare_text(p, &folder, "%s%s", below, below[0] != '\0' ? "/" : ""));
    V2S_TRY(v2s_prepare_text(p, &where, "metadata_dev/%s", below));
    V2S_TRY_GOTO(status, v2s_seld_list(p, where, ".csv", &labels), done);
    V2S_TRY_GOTO(status, v2s_prepare_text(p, &where, "foa_dev/%s", below), done);
    V2S_TRY_GOTO(status, v2s_seld_list(p, where, ".wav", &sounds), done);
    for (size_t i = 0; i < labels.count; i++)
        cut_suffix(labels.items[i]);
    for (size_t i = 0; i < labels.count; i++) {
        bool usable;
        V2S_TRY_GOTO(status, with_labels(p, folder, labels.items[i], &usable), done);
        if (usable)
            V2S_TRY_GOTO(status, one(ctx, folder, labels.items[i]), done);
    }
    for (size_t i = 0; i < sounds.count; i++) {
        const char *stem = cut_suffix(sounds.items[i]), *path;
        if (bsearch(&stem, labels.items, labels.count, sizeof *labels.items, v2s_compare_texts) !=
            NULL)
            continue;
        V2S_TRY_GOTO(status, v2s_prepare_path(p, &path, "foa_dev/%s%s.wav", folder, stem), done);
        V2S_TRY_GOTO(status,
                     v2s_prepare_skip(p, path, "no labels: %s/metadata_dev/%s%s.csv is not there",
                                      p->root, folder, stem),
                     done);
    }
done:
    v2s_names_free(&labels);
    v2s_names_free(&sounds);
    return status;
}

// ---- sounds -----------------------------------------------------------------------------------

static v2s_status tap_open(void *ctx, size_t index, const v2s_sound_info *info) {
    v2s_seld_recording *r = &((v2s_seld_set *)ctx)->recordings[index];
    if (info->channels != V2S_FOA_CHANNELS) // said later, with the file's name
        return V2S_OK;
    V2S_TRY(v2s_foa_cells_open(info->rate_hz, &r->cells));
    return v2s_layout_guess_open(info->rate_hz, &r->guessing);
}

static v2s_status tap_add(void *ctx, size_t index, const float *interleaved, size_t frames) {
    v2s_seld_recording *r = &((v2s_seld_set *)ctx)->recordings[index];
    if (r->cells == NULL)
        return V2S_OK;
    V2S_TRY(v2s_foa_cells_add(r->cells, interleaved, frames));
    return v2s_layout_guess_add(r->guessing, interleaved, frames);
}

static v2s_status judge(v2s_seld_recording *r, const v2s_sound_survey *survey) {
    v2s_layout_result guess;
    size_t count = 0;
    const v2s_foa_cell *cells = v2s_foa_cells_all(r->cells, &count);
    V2S_TRY(v2s_layout_guess_finish(r->guessing, &guess));
    r->guess = guess.layout;
    r->beyond = v2s_seld_cut(&r->labels, survey->duration_s);
    r->evidence = calloc(r->labels.count + 1, sizeof *r->evidence);
    if (r->evidence == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < r->labels.count; i++) {
        const v2s_seld_span *s = &r->labels.spans[i];
        r->evidence[i] =
            v2s_seld_judge(cells, count, survey->rate_hz, s->start_s, s->end_s, &s->path);
    }
    return V2S_OK;
}

static v2s_status tap_close(void *ctx, size_t index, const v2s_sound_survey *survey) {
    v2s_seld_recording *r = &((v2s_seld_set *)ctx)->recordings[index];
    v2s_status status = V2S_OK;
    if (r->cells != NULL && r->guessing != NULL && survey->status == V2S_OK)
        status = judge(r, survey);
    v2s_foa_cells_close(&r->cells);
    v2s_layout_guess_close(&r->guessing);
    return status;
}

static v2s_status survey(v2s_seld_set *set) {
    const v2s_sound_tap tap = {set, tap_open, tap_add, tap_close};
    const char **paths = calloc(set->count + 1, sizeof *paths);
    if (paths == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < set->count; i++)
        paths[i] = set->recordings[i].sound;
    v2s_status status = v2s_prepare_survey(set->p, set->count, paths, &tap);
    free(paths);
    return status;
}

// ---- clips ------------------------------------------------------------------------------------

static v2s_status name_sound(const v2s_seld_set *set, const v2s_seld_span *s, const char **name) {
    if (s->class_index < 0)
        return v2s_prepare_text(set->p, name, "%s", s->sound[0] != '\0' ? s->sound : "unnamed");
    if (s->class_index < set->class_count)
        return v2s_prepare_text(set->p, name, "%s", set->classes[s->class_index]);
    return v2s_prepare_text(set->p, name, "class %d", s->class_index);
}

static v2s_status flag(v2s_prepare *p, const char *file, const v2s_seld_span *s,
                       const v2s_seld_evidence *e, const char **reason) {
    v2s_vec3 label = v2s_trajectory_at(&s->path, s->start_s, NULL).unit;
    *reason = NULL;
    if (e->angle_deg <= V2S_SELD_ANGLE_MAX_DEG)
        return V2S_OK;
    if (isnan(e->angle_deg))
        return v2s_prepare_flag(p, file, NAN, reason,
                                "no direction: %.2f to %.2f s has no intensity", s->start_s,
                                s->end_s);
    return v2s_prepare_flag(
        p, file, e->angle_deg, reason,
        "wrong direction: %.2f to %.2f s sounds from az %.0f el %.0f, %.1f deg from its label "
        "(az %.0f el %.0f at its start)",
        s->start_s, s->end_s, v2s_deg(v2s_azimuth_rad(e->intensity)),
        v2s_deg(v2s_elevation_rad(e->intensity)), e->angle_deg, v2s_deg(v2s_azimuth_rad(label)),
        v2s_deg(v2s_elevation_rad(label)));
}

static double to_microseconds(double s) {
    return (double)llround(s * 1e6) / 1e6;
}

static v2s_status add_clip(v2s_seld_set *set, const v2s_seld_recording *r, size_t i,
                           size_t number) {
    const v2s_seld_span *s = &r->labels.spans[i];
    const char *id, *path, *sound, *reason;
    V2S_TRY(v2s_prepare_text(set->p, &id, "%s-%03zu", r->name, number));
    if (v2s_prepare_has(set->p, id))
        return v2s_prepare_skip(set->p, r->sound, "named twice: %s is a clip of another file", id);
    V2S_TRY(flag(set->p, r->sound, s, &r->evidence[i], &reason));
    V2S_TRY(name_sound(set, s, &sound));
    V2S_TRY(v2s_prepare_trajectory(set->p, id, &s->path, &path));
    const v2s_clip clip = {
        .id = (char *)id,
        .split = r->split,
        .pairing = V2S_PAIRING_OMNI,
        .truth = (char *)r->sound,
        .trajectory = (char *)path,
        .start_s = to_microseconds(s->start_s),
        .duration_s = to_microseconds(s->end_s - s->start_s),
        .layout = "ambix",
        .drr_db = NAN,
        .room = (char *)r->room,
        .sound = (char *)sound,
        .source = (char *)set->source,
        .licence = (char *)set->licence,
        .recorded = true,
        .flag = (char *)reason,
    };
    return v2s_prepare_add(set->p, &clip);
}

static void count_labels(const v2s_seld_set *set, const v2s_seld_recording *r, totals *t) {
    const v2s_seld_labels *labels = &r->labels;
    t->found[r->split]++;
    t->guesses[r->guess]++;
    t->rows += labels->rows;
    t->out_of_range += labels->out_of_range;
    if (labels->out_of_range > 0 && t->wrong_files++ == 0)
        t->first_wrong = r->csv;
    t->unordered += labels->unordered;
    t->classes += set->class_count > 0 && labels->class_max >= set->class_count;
    t->beyond += r->beyond;
    t->overlaps += labels->overlaps;
    t->overlapped_s += labels->overlapped_s;
}

static v2s_status add_recording(v2s_seld_set *set, const v2s_seld_recording *r, totals *t) {
    bool usable;
    V2S_TRY(v2s_prepare_check_sound(set->p, r->sound, V2S_FOA_CHANNELS, set->rate_hz, &usable));
    if (!usable)
        return V2S_OK;
    size_t number = 0, silent = t->silent;
    count_labels(set, r, t);
    for (size_t i = 0; i < r->labels.count; i++) {
        const v2s_seld_span *s = &r->labels.spans[i];
        t->spans++;
        if (s->end_s - s->start_s < CLIP_MIN_S - SLACK_S) {
            t->brief++;
        } else if (r->evidence[i].silent) {
            t->silent++;
            V2S_TRY(v2s_prepare_skip(set->p, r->sound,
                                     "silence: %.2f to %.2f s is labelled but has no sound",
                                     s->start_s, s->end_s));
        } else {
            V2S_TRY(v2s_seld_channels_add(&t->channels, &r->evidence[i]));
            V2S_TRY(add_clip(set, r, i, ++number));
            t->used++;
        }
    }
    if (number == 0 && t->silent == silent)
        return v2s_prepare_skip(set->p, r->sound,
                                "no span: nothing of it has exactly one source for %.1f s (%zu "
                                "labels, %zu of them out of range, %zu beyond the sound's end)",
                                CLIP_MIN_S, r->labels.rows, r->labels.out_of_range, r->beyond);
    return V2S_OK;
}

// ---- report -----------------------------------------------------------------------------------

static void report_labels(const v2s_seld_set *set, const totals *t) {
    v2s_run_log *log = set->p->log;
    v2s_run_log_row(log, "labels", "%zu rows; %zu out of range, %zu beyond the sound's end",
                    t->rows, t->out_of_range, t->beyond);
    v2s_run_log_row(log, "single sources",
                    "%zu spans: %zu used, %zu shorter than %.1f s, %zu silent", t->spans, t->used,
                    t->brief, CLIP_MIN_S, t->silent);
    v2s_run_log_row(log, "several sources", "%zu stretches, %.1f s, left out", t->overlaps,
                    t->overlapped_s);
    v2s_run_log_row(log, "distance", "%s", set->note);
    v2s_run_log_number(log, "labels", (double)t->rows);
    v2s_run_log_number(log, "labels_out_of_range", (double)t->out_of_range);
    v2s_run_log_number(log, "labels_beyond_sound", (double)t->beyond);
    v2s_run_log_number(log, "labels_unordered", (double)t->unordered);
    v2s_run_log_number(log, "recordings_with_unknown_class", (double)t->classes);
    v2s_run_log_number(log, "spans", (double)t->spans);
    v2s_run_log_number(log, "spans_short", (double)t->brief);
    v2s_run_log_number(log, "spans_silent", (double)t->silent);
    v2s_run_log_number(log, "overlaps", (double)t->overlaps);
    v2s_run_log_number(log, "overlapped_s", t->overlapped_s);
}

static v2s_status finish(v2s_seld_set *set, totals *t) {
    V2S_TRY(survey(set));
    for (size_t i = 0; i < set->count; i++)
        V2S_TRY(add_recording(set, &set->recordings[i], t));
    if (t->out_of_range > 0)
        V2S_TRY(v2s_prepare_problem(set->p,
                                    "%s: %zu labels of %zu files are out of range (azimuth within "
                                    "180 deg, elevation within 90 deg, distance above 0), the "
                                    "first in %s",
                                    set->p->root, t->out_of_range, t->wrong_files, t->first_wrong));
    if (t->unordered > 0)
        V2S_TRY(v2s_prepare_problem(set->p,
                                    "%s: %zu labels begin before the one above them (sorted)",
                                    set->p->root, t->unordered));
    if (t->classes > 0)
        V2S_TRY(v2s_prepare_problem(set->p, "%s: %zu recordings have classes above %d",
                                    set->p->root, t->classes, set->class_count - 1));
    v2s_prepare_published(set->p, "recordings", t->found, set->published);
    report_labels(set, t);
    v2s_prepare_channels(set->p, &t->channels, t->guesses, V2S_LAYOUT_AMBIX);
    return V2S_OK;
}

v2s_status v2s_seld_finish(v2s_seld_set *set) {
    totals t = {0};
    v2s_status status = finish(set, &t);
    v2s_seld_channels_free(&t.channels);
    return status;
}
