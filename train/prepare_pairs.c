// SPDX-License-Identifier: MIT
// Any folder of first-order sounds, with or without dry sounds and trajectories (which files belong
// together: train/pairs_folder.h).
//
//   sound + trajectory          one `omni` clip, the whole sound
//   sound + dry + trajectory    one `dry` clip, the whole sound
//   sound alone, or with dry    `omni` clips of the spans with one clear direction, which is
//                               estimated (train/pair_direction.h); a dry sound is of no use then,
//                               because its distance is not known
//
// Labelled clips are checked against the sound as those of other sets are (train/seld_check.h).
// Estimated ones agree with it by construction, so they cannot be flagged.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/trajectory_csv.h"
#include "train/pair_direction.h"
#include "train/pairs_folder.h"
#include "train/prepare_channels.h"

// What one sound turned out to be.
typedef struct sound {
    bool four;
    v2s_layout layout; // of the manifest; UNCERTAIN: cannot be told
    v2s_layout_result guess;
    v2s_seld_evidence evidence; // with a trajectory
    v2s_clear_spans spans;      // without
    v2s_foa_cells *cells;       // while it is read
    v2s_layout_guess *guessing;
} sound;

typedef struct work {
    v2s_prepare *p;
    v2s_pairs_folder folder;
    sound *sounds;         // [folder.sound_count]
    v2s_trajectory *paths; // [folder.count], empty where there is none
    bool *used;            // [folder.count] recordings
    size_t *foa, *mono;    // [folder.count] indices of sounds, SIZE_MAX: none
    size_t labelled, estimated, estimated_spans, dry, dry_unused, guesses[V2S_LAYOUTS];
    double estimated_s, whole_s; // of the recordings that were estimated
    v2s_seld_channels channels;
} work;

static v2s_status no_memory(void) {
    return V2S_FAIL(V2S_NOMEM, "out of memory");
}

static void work_free(work *w) {
    for (size_t i = 0; w->sounds != NULL && i < w->folder.sound_count; i++) {
        v2s_clear_spans_free(&w->sounds[i].spans);
        v2s_foa_cells_close(&w->sounds[i].cells);
        v2s_layout_guess_close(&w->sounds[i].guessing);
    }
    for (size_t i = 0; w->paths != NULL && i < w->folder.count; i++)
        v2s_trajectory_free(&w->paths[i]);
    free(w->sounds);
    free(w->paths);
    free(w->used);
    free(w->foa);
    free(w->mono);
    v2s_seld_channels_free(&w->channels);
    v2s_pairs_folder_free(&w->folder);
}

static v2s_status work_open(work *w) {
    size_t n = w->folder.count;
    w->sounds = calloc(w->folder.sound_count + 1, sizeof *w->sounds);
    w->paths = calloc(n + 1, sizeof *w->paths);
    w->used = calloc(n + 1, sizeof *w->used);
    w->foa = calloc(n + 1, sizeof *w->foa);
    w->mono = calloc(n + 1, sizeof *w->mono);
    if (!w->sounds || !w->paths || !w->used || !w->foa || !w->mono)
        return no_memory();
    for (size_t i = 0; i < n; i++)
        w->foa[i] = w->mono[i] = SIZE_MAX;
    return V2S_OK;
}

// ---- trajectories -----------------------------------------------------------------------------

static v2s_status read_path(work *w, size_t i) {
    v2s_pairs_recording *r = &w->folder.recordings[i];
    v2s_trajectory_set set = {0};
    if (r->csv == NULL || r->count == 0)
        return V2S_OK;
    v2s_status status = v2s_trajectory_csv_read(r->csv, &set);
    if (status != V2S_OK || set.count != 1) {
        size_t count = set.count;
        r->bad = true;
        v2s_trajectory_set_free(&set);
        return status != V2S_OK
                   ? v2s_prepare_skip_error(w->p, r->csv, status)
                   : v2s_prepare_skip(w->p, r->csv, "several objects: %zu, expected one", count);
    }
    w->paths[i] = set.items[0];
    free(set.items);
    return V2S_OK;
}

// ---- sounds -----------------------------------------------------------------------------------

static v2s_status tap_open(void *ctx, size_t index, const v2s_sound_info *info) {
    sound *s = &((work *)ctx)->sounds[index];
    s->four = info->channels == V2S_FOA_CHANNELS;
    if (!s->four)
        return V2S_OK;
    V2S_TRY(v2s_foa_cells_open(info->rate_hz, &s->cells));
    return v2s_layout_guess_open(info->rate_hz, &s->guessing);
}

static v2s_status tap_add(void *ctx, size_t index, const float *interleaved, size_t frames) {
    sound *s = &((work *)ctx)->sounds[index];
    if (s->cells == NULL)
        return V2S_OK;
    V2S_TRY(v2s_foa_cells_add(s->cells, interleaved, frames));
    return v2s_layout_guess_add(s->guessing, interleaved, frames);
}

static bool is_wxyz(v2s_layout layout) {
    return layout == V2S_LAYOUT_FUMA || layout == V2S_LAYOUT_WXYZ_SN3D;
}

static v2s_status judge(const work *w, size_t index, const v2s_sound_survey *survey) {
    static const v2s_layout LAYOUTS[] = {V2S_LAYOUT_AMBIX, V2S_LAYOUT_N3D, V2S_LAYOUT_FUMA,
                                         V2S_LAYOUT_WXYZ_SN3D};
    sound *s = &w->sounds[index];
    const v2s_trajectory *path = &w->paths[w->folder.owner[index]];
    size_t count = 0;
    const v2s_foa_cell *cells = v2s_foa_cells_all(s->cells, &count);
    V2S_TRY(v2s_layout_guess_finish(s->guessing, &s->guess));
    s->layout = w->p->settings->layout == V2S_PREPARE_LAYOUT_AUTO ? s->guess.layout
                                                                  : LAYOUTS[w->p->settings->layout];
    if (path->count == 0)
        return v2s_clear_spans_find(cells, count, is_wxyz(s->layout), survey->duration_s,
                                    &s->spans);
    s->evidence = v2s_seld_judge(cells, count, survey->rate_hz, 0, survey->duration_s, path);
    return V2S_OK;
}

static v2s_status tap_close(void *ctx, size_t index, const v2s_sound_survey *survey) {
    work *w = ctx;
    sound *s = &w->sounds[index];
    v2s_status status = V2S_OK;
    if (s->cells != NULL && s->guessing != NULL && survey->status == V2S_OK)
        status = judge(w, index, survey);
    v2s_foa_cells_close(&s->cells);
    v2s_layout_guess_close(&s->guessing);
    return status;
}

// One sound takes its place in its recording.
static v2s_status place_sound(work *w, size_t index) {
    const char *path = w->folder.sounds[index];
    size_t owner = w->folder.owner[index];
    v2s_pairs_recording *r = &w->folder.recordings[owner];
    size_t *place = w->sounds[index].four ? &w->foa[owner] : &w->mono[owner];
    bool usable;
    V2S_TRY(v2s_prepare_check_sound(w->p, path, 0, 0, &usable));
    r->bad |= !usable;
    if (!usable)
        return V2S_OK;
    int channels = v2s_prepare_sound(w->p, path)->channels;
    bool wrong = channels != 1 && channels != V2S_FOA_CHANNELS, twice = *place != SIZE_MAX;
    if (!wrong && !twice) {
        *place = index;
        return V2S_OK;
    }
    r->bad = true;
    return wrong ? v2s_prepare_skip(w->p, path, "wrong number of channels: %d, expected %d or 1",
                                    channels, V2S_FOA_CHANNELS)
                 : v2s_prepare_skip(w->p, path, "named twice: %s is the same recording",
                                    w->folder.sounds[*place]);
}

// *used: the recording has all it needs.
static v2s_status choose(work *w, size_t i) {
    const v2s_pairs_recording *r = &w->folder.recordings[i];
    size_t foa = w->foa[i];
    if (r->bad || r->count == 0)
        return V2S_OK;
    if (foa == SIZE_MAX)
        return v2s_prepare_skip(w->p, w->folder.sounds[r->first],
                                "no first-order sound: nothing of %s has 4 channels", r->key);
    const sound *s = &w->sounds[foa];
    if (v2s_prepare_sound(w->p, w->folder.sounds[foa])->silent ||
        (w->paths[i].count > 0 && s->evidence.silent))
        return v2s_prepare_skip(w->p, w->folder.sounds[foa], "silence: nothing to hear in it");
    if (s->layout == V2S_LAYOUT_UNCERTAIN)
        return v2s_prepare_skip(w->p, w->folder.sounds[foa],
                                "layout uncertain: %s; say it with --layout", s->guess.evidence);
    if (w->paths[i].count == 0 && s->spans.count == 0)
        return v2s_prepare_skip(w->p, w->folder.sounds[foa],
                                "no direction: no stretch of 0.5 s with one clear direction");
    w->guesses[s->guess.layout]++;
    w->used[i] = true;
    return V2S_OK;
}

// ---- clips ------------------------------------------------------------------------------------

static v2s_clip clip_of(const work *w, size_t i) {
    const v2s_pairs_recording *r = &w->folder.recordings[i];
    const char *slash = strrchr(w->p->root, '/');
    return (v2s_clip){
        .id = (char *)r->id,
        .split = r->split,
        .pairing = V2S_PAIRING_OMNI,
        .truth = (char *)w->folder.sounds[w->foa[i]],
        .layout = (char *)v2s_layout_name(w->sounds[w->foa[i]].layout),
        .drr_db = NAN,
        .room = (char *)r->room,
        .source = (char *)(slash != NULL && slash[1] != '\0' ? slash + 1 : w->p->root),
    };
}

static v2s_status add_labelled(work *w, size_t i) {
    const v2s_pairs_recording *r = &w->folder.recordings[i];
    const sound *s = &w->sounds[w->foa[i]];
    const char *file = w->folder.sounds[w->foa[i]], *flag = NULL;
    double angle_deg = is_wxyz(s->layout) ? s->evidence.angle_wxyz_deg : s->evidence.angle_deg;
    v2s_clip clip = clip_of(w, i);
    V2S_TRY(v2s_seld_channels_add(&w->channels, &s->evidence));
    if (isnan(angle_deg))
        V2S_TRY(v2s_prepare_flag(w->p, file, NAN, &flag, "no direction: it has no intensity"));
    else if (angle_deg > V2S_SELD_ANGLE_MAX_DEG)
        V2S_TRY(v2s_prepare_flag(w->p, file, angle_deg, &flag,
                                 "wrong direction: the sound is %.1f deg from its trajectory",
                                 angle_deg));
    clip.flag = (char *)flag;
    clip.duration_s = v2s_prepare_sound(w->p, file)->duration_s;
    clip.trajectory = (char *)r->csv;
    if (w->mono[i] != SIZE_MAX) {
        clip.pairing = V2S_PAIRING_DRY;
        clip.dry = (char *)w->folder.sounds[w->mono[i]];
        w->dry++;
    }
    w->labelled++;
    return v2s_prepare_add(w->p, &clip);
}

static v2s_status add_estimated(work *w, size_t i) {
    const sound *s = &w->sounds[w->foa[i]];
    const v2s_pairs_recording *r = &w->folder.recordings[i];
    w->estimated++;
    w->dry_unused += w->mono[i] != SIZE_MAX;
    w->estimated_spans += s->spans.count;
    w->estimated_s += s->spans.duration_s;
    w->whole_s += v2s_prepare_sound(w->p, w->folder.sounds[w->foa[i]])->duration_s;
    for (size_t k = 0; k < s->spans.count; k++) {
        const v2s_clear_span *span = &s->spans.spans[k];
        v2s_clip clip = clip_of(w, i);
        const char *id, *path;
        V2S_TRY(v2s_prepare_text(w->p, &id, "%s-%03zu", r->id, k + 1));
        if (v2s_prepare_has(w->p, id))
            return v2s_prepare_skip(w->p, clip.truth, "named twice: %s is a clip of another file",
                                    id);
        V2S_TRY(v2s_prepare_trajectory(w->p, id, &span->path, &path));
        clip.id = (char *)id;
        clip.trajectory = (char *)path;
        clip.start_s = span->start_s;
        clip.duration_s = (double)llround((span->end_s - span->start_s) * 1e6) / 1e6;
        V2S_TRY(v2s_prepare_add(w->p, &clip));
    }
    return V2S_OK;
}

// ---- the whole --------------------------------------------------------------------------------

static void report(work *w) {
    v2s_run_log *log = w->p->log;
    static const v2s_layout ASSUMED[] = {V2S_LAYOUT_AMBIX, V2S_LAYOUT_N3D, V2S_LAYOUT_FUMA,
                                         V2S_LAYOUT_WXYZ_SN3D, V2S_LAYOUT_UNCERTAIN};
    v2s_run_log_row(log, "recordings", "%zu with a trajectory (%zu with a dry sound), %zu without",
                    w->labelled, w->dry, w->estimated);
    if (w->estimated > 0)
        v2s_run_log_row(log, "direction",
                        "estimated from the sound for %zu recordings: %zu spans, %.1f s of %.1f s; "
                        "distance 1 m; such clips agree with their sound, so none can be flagged",
                        w->estimated, w->estimated_spans, w->estimated_s, w->whole_s);
    if (w->dry_unused > 0)
        v2s_run_log_row(log, "dry sounds",
                        "%zu not used: without a trajectory their distance is "
                        "not known",
                        w->dry_unused);
    v2s_run_log_row(log, "splits", "%s",
                    w->folder.has_splits ? "by splits.csv" : "70/15/15 % by recording, by --seed");
    v2s_run_log_number(log, "labelled", (double)w->labelled);
    v2s_run_log_number(log, "with_dry", (double)w->dry);
    v2s_run_log_number(log, "estimated", (double)w->estimated);
    v2s_run_log_number(log, "estimated_spans", (double)w->estimated_spans);
    v2s_run_log_number(log, "estimated_s", w->estimated_s);
    v2s_prepare_channels(w->p, &w->channels, w->guesses, ASSUMED[w->p->settings->layout]);
}

static v2s_status run_all(work *w) {
    const v2s_sound_tap tap = {w, tap_open, tap_add, tap_close};
    V2S_TRY(v2s_pairs_folder_read(w->p, &w->folder));
    V2S_TRY(work_open(w));
    for (size_t i = 0; i < w->folder.count; i++)
        V2S_TRY(read_path(w, i));
    V2S_TRY(v2s_prepare_survey(w->p, w->folder.sound_count, w->folder.sounds, &tap));
    for (size_t i = 0; i < w->folder.sound_count; i++)
        V2S_TRY(place_sound(w, i));
    for (size_t i = 0; i < w->folder.count; i++)
        V2S_TRY(choose(w, i));
    V2S_TRY(v2s_pairs_deal(&w->folder, w->used, (uint64_t)w->p->settings->common.seed));
    for (size_t i = 0; i < w->folder.count; i++)
        if (w->used[i])
            V2S_TRY(w->paths[i].count > 0 ? add_labelled(w, i) : add_estimated(w, i));
    report(w);
    return V2S_OK;
}

static v2s_status run(v2s_prepare *p) {
    work w = {.p = p};
    v2s_status status = run_all(&w);
    work_free(&w);
    return status;
}

const v2s_prepare_format v2s_prepare_pairs = {"pairs", V2S_PREPARE_LAYOUT, run};
