// SPDX-License-Identifier: MIT
// SoundSpaces 1.0: simulated ambisonic responses of scanned rooms, convolved with its own sounds.
//
//   DATA = ROOT/data, or ROOT where that has the folders
//   DATA/ambisonic_rirs/<data set>/<scene>/irs/R_S.wav, or R-S.wav: receiver and source place
//   DATA/metadata/<data set>/<scene>/points.txt, or point.txt (graph.pkl is not needed)
//   DATA/datasets/<data set>/<version>/<split>/content/<scene>.json.gz: the published splits
//   DATA/sounds/1s_all/*.wav (or beside DATA)
//
// Clips go round the scenes, each round the shuffled responses of its scene and the shuffled sounds
// of its split. Sounds have one split for every seed; so have scenes where none is published.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/array.h"
#include "train/soundspaces.h"
#include "train/usual_rate.h"

enum {
    USUAL_CLIPS = 200,
    PUBLISHED_SOUNDS = 102,
    STREAM_SOUND_ORDER = 1 << 20
}; // stream i below: responses of scene i

typedef struct sound {
    const char *path, *name;
    v2s_split split;
} sound;

typedef struct job {
    v2s_soundspaces s;
    size_t sound_count;
    sound *sounds;
} job;

static v2s_status no_memory(void) {
    return V2S_FAIL(V2S_NOMEM, "out of memory");
}

// ---- sounds -----------------------------------------------------------------------------------

// Keeps those that can be used.
static v2s_status check_sounds(job *j, const v2s_names *names, const char *folder) {
    v2s_prepare *p = j->s.p;
    j->sounds = calloc(names->count + 1, sizeof *j->sounds);
    const char **paths = calloc(names->count + 1, sizeof *paths);
    v2s_status status = j->sounds == NULL || paths == NULL ? no_memory() : V2S_OK;
    size_t n = 0;
    for (size_t i = 0; i < names->count && status == V2S_OK; i++) {
        bool usable = false;
        status = v2s_prepare_path(p, &paths[n], "%s/%s", folder, names->items[i]);
        if (status == V2S_OK)
            status = v2s_prepare_usable(p, paths[n], &usable);
        n += usable;
    }
    if (status == V2S_OK)
        status = v2s_prepare_survey(p, n, paths, NULL);
    for (size_t i = 0; i < n && status == V2S_OK; i++) {
        bool usable = false;
        status = v2s_prepare_check_sound(p, paths[i], 0, 0, &usable);
        const v2s_sound_survey *s = v2s_prepare_sound(p, paths[i]);
        if (usable && (s->silent || s->duration_s > V2S_LONGEST_SOUND_S))
            status = v2s_prepare_skip(p, paths[i], "%s", s->silent ? "silent" : "too long");
        else if (usable)
            j->sounds[j->sound_count++] =
                (sound){.path = paths[i], .name = strrchr(paths[i], '/') + 1};
    }
    free(paths);
    return status;
}

// Beside the responses' data folder or in it: both are found in copies of the data set.
static v2s_status sounds_folder(job *j, const char **folder) {
    const char *beside;
    V2S_TRY(v2s_prepare_path(j->s.p, &beside, "sounds/1s_all"));
    return v2s_prepare_text(j->s.p, folder, "%ssounds/1s_all",
                            v2s_is_folder(beside) ? "" : j->s.data);
}

static v2s_status list_sounds(job *j) {
    v2s_names names = {0};
    const char *folder;
    v2s_split *splits = NULL;
    V2S_TRY(sounds_folder(j, &folder));
    V2S_TRY(v2s_prepare_list(j->s.p, folder, ".wav", &names));
    v2s_status status = check_sounds(j, &names, folder);
    if (names.count != PUBLISHED_SOUNDS)
        v2s_run_log_warn(j->s.p->log, "%s/%s: %zu sounds differ from the published number, %d",
                         j->s.p->root, folder, names.count, PUBLISHED_SOUNDS);
    v2s_names_free(&names);
    if (status == V2S_OK && j->sound_count == 0)
        status = V2S_FAIL(V2S_FORMAT, "%s/%s: no sound that can be used", j->s.p->root, folder);
    if (status == V2S_OK)
        status = v2s_splits_draw(V2S_STREAM_SOUNDS, j->sound_count, &splits);
    for (size_t i = 0; i < j->sound_count && status == V2S_OK; i++)
        j->sounds[i].split = splits[i];
    free(splits);
    return status;
}

// The sounds of each split in a random order, round and round: *next is where a split is.
static v2s_status deal_sounds(job *j) {
    size_t *order = NULL, next[V2S_SPLIT_COUNT] = {0}, count[V2S_SPLIT_COUNT] = {0};
    V2S_TRY(v2s_random_order((uint64_t)j->s.p->settings->common.seed, STREAM_SOUND_ORDER,
                             j->sound_count, &order));
    for (size_t i = 0; i < j->sound_count; i++)
        count[j->sounds[i].split]++;
    bool shared = false;
    for (size_t i = 0; i < j->s.clip_count; i++) {
        v2s_response_clip *c = &j->s.clips[i];
        v2s_split split = j->s.scenes[j->s.responses[c->response].scene].split;
        bool own = count[split] > 0;
        shared |= !own;
        do
            c->sound = order[next[split]++ % j->sound_count];
        while (own && j->sounds[c->sound].split != split);
    }
    free(order);
    return shared ? v2s_prepare_problem(j->s.p,
                                        "%s: %zu sounds are too few for three splits: some are "
                                        "heard in several",
                                        j->s.p->root, j->sound_count)
                  : V2S_OK;
}

// ---- which responses --------------------------------------------------------------------------

static bool parse_name(const char *name, int64_t *receiver, int64_t *source) {
    char *end;
    if (name[0] < '0' || name[0] > '9')
        return false;
    *receiver = strtoll(name, &end, 10);
    if ((*end != '_' && *end != '-') || end[1] < '0' || end[1] > '9')
        return false;
    *source = strtoll(end + 1, &end, 10);
    return strcmp(end, ".wav") == 0;
}

static v2s_status add_response(job *j, size_t scene, const char *name) {
    v2s_response r = {.scene = scene};
    v2s_prepare *p = j->s.p;
    V2S_TRY(v2s_prepare_path(p, &r.path, "%s/%s", j->s.scenes[scene].irs, name));
    r.file = strrchr(r.path, '/') + 1;
    if (!parse_name(name, &r.receiver, &r.source))
        return v2s_prepare_skip(p, r.path, "unusable name: expected R_S.wav or R-S.wav");
    V2S_TRY(v2s_prepare_usable(p, r.path, &r.usable));
    if (!r.usable)
        return V2S_OK;
    v2s_response *grown =
        v2s_array_grow(j->s.responses, j->s.response_count, &j->s.response_room, sizeof *grown);
    if (grown == NULL)
        return no_memory();
    j->s.responses = grown;
    j->s.responses[j->s.response_count++] = r;
    return V2S_OK;
}

// Receiver and source at one place have no direction; they are in every scene.
static bool at_one_place(const char *name) {
    int64_t receiver, source;
    return parse_name(name, &receiver, &source) && receiver == source;
}

// `wanted` responses of a scene, or all it has.
static v2s_status choose_responses(job *j, size_t scene, size_t wanted) {
    v2s_names names = {0};
    size_t *order = NULL;
    v2s_room_scene *s = &j->s.scenes[scene];
    V2S_TRY(v2s_prepare_list(j->s.p, s->irs, ".wav", &names));
    v2s_status status =
        v2s_random_order((uint64_t)j->s.p->settings->common.seed, scene, names.count, &order);
    s->first = j->s.response_count;
    for (size_t i = 0; i < names.count && status == V2S_OK; i++)
        if (j->s.response_count - s->first < wanted && !at_one_place(names.items[order[i]]))
            status = add_response(j, scene, names.items[order[i]]);
    s->count = j->s.response_count - s->first;
    free(order);
    v2s_names_free(&names);
    return status;
}

// Clip i belongs to scene i modulo their number, in a random order of scenes.
static size_t wanted_clips(const job *j) {
    int64_t asked = j->s.p->settings->clips;
    return asked > 0 ? (size_t)asked : USUAL_CLIPS;
}

static v2s_status choose_clips(job *j) {
    const v2s_prepare_settings *settings = j->s.p->settings;
    size_t scenes = j->s.scene_count, clips = wanted_clips(j), *order = NULL, *dealt = NULL;
    V2S_TRY(
        v2s_random_order((uint64_t)settings->common.seed, STREAM_SOUND_ORDER + 1, scenes, &order));
    dealt = calloc(scenes, sizeof *dealt);
    j->s.clips = calloc(clips, sizeof *j->s.clips);
    v2s_status status = dealt == NULL || j->s.clips == NULL ? no_memory() : V2S_OK;
    for (size_t k = 0; k < scenes && k < clips && status == V2S_OK; k++)
        status = choose_responses(j, order[k], (clips - k + scenes - 1) / scenes);
    for (size_t i = 0; i < clips && status == V2S_OK; i++) {
        const v2s_room_scene *s = &j->s.scenes[order[i % scenes]];
        if (s->count == 0)
            continue;
        v2s_response_clip *c = &j->s.clips[j->s.clip_count];
        c->response = s->first + dealt[order[i % scenes]]++ % s->count;
        snprintf(c->id, sizeof c->id, "ss%06zu", i);
        j->s.clip_count++;
    }
    free(order);
    free(dealt);
    return status;
}

// ---- work -------------------------------------------------------------------------------------

static v2s_status look_one(void *ctx, size_t i) {
    job *j = ctx;
    return v2s_response_look(&j->s.responses[i]);
}

// What the published sets are sampled at; 0: not known.
static double published_rate_hz(const char *set) {
    return strcmp(set, "replica") == 0 ? 44100 : strcmp(set, "mp3d") == 0 ? 16000 : 0;
}

// Responses of another rate than most of their data set have are left out.
static v2s_status check_rates(job *j, const char *set, double *rates_hz) {
    size_t n = 0;
    for (size_t i = 0; i < j->s.response_count; i++) {
        const v2s_response *r = &j->s.responses[i];
        if (r->usable && strcmp(j->s.scenes[r->scene].set, set) == 0)
            rates_hz[n++] = r->rate_hz;
    }
    double usual_hz = v2s_usual_rate(rates_hz, n), published_hz = published_rate_hz(set);
    if (n > 0 && published_hz > 0 && usual_hz != published_hz)
        V2S_TRY(v2s_prepare_problem(j->s.p,
                                    "%s: most responses of %s have %g Hz, published are %g "
                                    "Hz",
                                    j->s.p->root, set, usual_hz, published_hz));
    for (size_t i = 0; i < j->s.response_count; i++) {
        v2s_response *r = &j->s.responses[i];
        if (!r->usable || strcmp(j->s.scenes[r->scene].set, set) != 0 || r->rate_hz == usual_hz)
            continue;
        r->usable = false;
        V2S_TRY(v2s_prepare_skip(j->s.p, r->path, "wrong rate: %g Hz, most have %g Hz", r->rate_hz,
                                 usual_hz));
    }
    return V2S_OK;
}

static v2s_status check_all_rates(job *j) {
    double *rates_hz = malloc((j->s.response_count + 1) * sizeof *rates_hz);
    v2s_status status = rates_hz == NULL ? no_memory() : V2S_OK;
    for (size_t i = 0; i < j->s.scene_count && status == V2S_OK; i++)
        if (i == 0 || strcmp(j->s.scenes[i].set, j->s.scenes[i - 1].set) != 0)
            status = check_rates(j, j->s.scenes[i].set, rates_hz);
    free(rates_hz);
    return status;
}

static v2s_status look_at_all(job *j) {
    v2s_prepare *p = j->s.p;
    V2S_TRY(v2s_prepare_each(p, "reading", "responses", j->s.response_count, look_one, j));
    for (size_t i = 0; i < j->s.response_count; i++) {
        const v2s_response *r = &j->s.responses[i];
        if (!r->usable)
            V2S_TRY(v2s_prepare_skip(p, r->path, "%s", r->reason));
        else if (r->warning != NULL)
            V2S_TRY(v2s_prepare_problem(p, "%s", r->warning));
    }
    return check_all_rates(j);
}

static void report_responses(const job *j) {
    size_t used = 0, decays = 0;
    double least_s = INFINITY, most_s = 0;
    v2s_run_log *log = j->s.p->log;
    for (size_t i = 0; i < j->s.response_count; i++) {
        const v2s_response *r = &j->s.responses[i];
        used += r->usable;
        if (!r->usable || !isfinite(r->rt60_s))
            continue;
        decays++;
        least_s = fmin(least_s, r->rt60_s);
        most_s = fmax(most_s, r->rt60_s);
    }
    v2s_run_log_number(log, "responses", (double)used);
    if (decays == 0)
        v2s_run_log_row(log, "responses", "%zu used", used);
    else
        v2s_run_log_row(log, "responses", "%zu used, RT60 %.2f to %.2f s", used, least_s, most_s);
}

// Files of a clip; its direction is that of the response's first sound.
static v2s_status name_files(job *j, v2s_response_clip *c) {
    const v2s_response *r = &j->s.responses[c->response];
    v2s_point point = {.unit = r->first.unit, .distance_m = r->distance_m, .confidence = 1};
    const v2s_trajectory still = {.count = 1, .points = &point};
    V2S_TRY(v2s_prepare_file(j->s.p, "foa", c->id, "wav", &c->truth));
    V2S_TRY(v2s_prepare_file(j->s.p, "dry", c->id, "wav", &c->dry));
    return v2s_prepare_trajectory(j->s.p, c->id, &still, &c->trajectory);
}

static v2s_status make_one(void *ctx, size_t i) {
    job *j = ctx;
    v2s_response_clip *c = &j->s.clips[i];
    const v2s_response *r = &j->s.responses[c->response];
    return r->usable
               ? v2s_response_clip_make(r, j->sounds[c->sound].path, j->s.scenes[r->scene].gain, c)
               : V2S_OK;
}

static v2s_status add(job *j, const v2s_response_clip *c) {
    const v2s_response *r = &j->s.responses[c->response];
    const v2s_room_scene *scene = &j->s.scenes[r->scene];
    const char *room, *source, *name;
    V2S_TRY(v2s_prepare_text(j->s.p, &room, "%s/%s", scene->set, scene->name));
    V2S_TRY(v2s_prepare_text(j->s.p, &source, "SoundSpaces %s/%s", room, r->file));
    V2S_TRY(v2s_prepare_text(j->s.p, &name, "1s_all/%s", j->sounds[c->sound].name));
    v2s_clip clip = {
        .id = (char *)c->id,
        .split = scene->split,
        .pairing = V2S_PAIRING_DRY,
        .truth = (char *)c->truth,
        .dry = (char *)c->dry,
        .trajectory = (char *)c->trajectory,
        .duration_s = c->duration_s,
        .layout = "ambix",
        .rt60_count = isfinite(r->rt60_s) ? 1 : 0,
        .rt60_s = {r->rt60_s},
        .drr_db = isfinite(r->first.drr_db) ? r->first.drr_db : NAN,
        .room = (char *)room,
        .sound = (char *)name,
        .source = (char *)source,
        .licence = "CC BY 4.0",
        .flag = (char *)r->flag,
    };
    return v2s_prepare_add(j->s.p, &clip);
}

static v2s_status make_all(job *j) {
    for (size_t i = 0; i < j->s.clip_count; i++)
        if (j->s.responses[j->s.clips[i].response].usable)
            V2S_TRY(name_files(j, &j->s.clips[i]));
    V2S_TRY(v2s_prepare_each(j->s.p, "convolving", "clips", j->s.clip_count, make_one, j));
    for (size_t i = 0; i < j->s.clip_count; i++)
        if (j->s.responses[j->s.clips[i].response].usable)
            V2S_TRY(add(j, &j->s.clips[i]));
    size_t made = 0, wanted = wanted_clips(j);
    for (int s = 0; s < V2S_SPLIT_COUNT; s++)
        made += v2s_prepare_clip_count(j->s.p, (v2s_split)s);
    if (made < wanted)
        v2s_run_log_warn(j->s.p->log,
                         "%s: %zu of the %zu clips were made: the other draws met responses that "
                         "cannot be used",
                         j->s.p->root, made, wanted);
    return V2S_OK;
}

static v2s_status read_set(job *j) {
    V2S_TRY(v2s_soundspaces_scenes(&j->s));
    V2S_TRY(list_sounds(j));
    V2S_TRY(choose_clips(j));
    V2S_TRY(deal_sounds(j));
    V2S_TRY(look_at_all(j));
    report_responses(j);
    V2S_TRY(v2s_soundspaces_place(&j->s));
    V2S_TRY(v2s_soundspaces_check(&j->s));
    return make_all(j);
}

static v2s_status run(v2s_prepare *p) {
    job j = {.s = {.p = p}};
    v2s_status status = read_set(&j);
    for (size_t i = 0; i < j.s.response_count; i++) {
        free(j.s.responses[i].reason);
        free(j.s.responses[i].warning);
    }
    free(j.s.responses);
    free(j.s.scenes);
    free(j.s.clips);
    free(j.sounds);
    return status;
}

const v2s_prepare_format v2s_prepare_soundspaces = {"soundspaces", V2S_PREPARE_CLIPS, run};
