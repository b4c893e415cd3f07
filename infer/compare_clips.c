// SPDX-License-Identifier: MIT
// Judges clips in parallel, each on its own.
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "data/pair.h"
#include "infer/compare.h"
#include "infer/compare_ablation.h"
#include "infer/compare_cache.h"
#include "infer/compare_room.h"
#include "infer/progress.h"
#include "kernels/base/cancel.h"
#include "kernels/base/parallel.h"
#include "spatial/foa_stats.h"

enum { C = V2S_FOA_CHANNELS };

// The systems' sounds that one thread holds at once, unless a single one needs more.
#define SOUNDS_BYTES ((size_t)256 << 20)

typedef struct work work;
typedef v2s_status one_clip(work *w, v2s_judge *judge, size_t index);

struct work {
    v2s_clips_job *job;
    v2s_foa_summary *surveys; // [count], of recorded truths
    one_clip *one;
    size_t width; // scores of a clip
    atomic_size_t next, done, cached;
    atomic_bool stop;
    v2s_progress progress;
    pthread_mutex_t lock; // of what follows
    v2s_status status;    // why the work stopped
    char error[V2S_ERROR_TEXT_MAX];
};

static void stop_work(work *w, v2s_status status) {
    pthread_mutex_lock(&w->lock);
    if (w->status == V2S_OK) {
        w->status = status;
        v2s_error_save(w->error);
    }
    pthread_mutex_unlock(&w->lock);
    atomic_store(&w->stop, true);
}

// A fault of the clip is the clip's; what would be everybody's fault ends the work.
static void take_fault(work *w, v2s_clip_result *r, v2s_status status) {
    r->fate = V2S_FATE_FAILED;
    r->status = status;
    r->reason = strdup(v2s_error_text());
    if (r->reason == NULL || status == V2S_NOMEM || status == V2S_CANCELLED)
        stop_work(w, status);
}

static void run_part(void *ctx, int part, int parts) {
    (void)parts;
    work *w = ctx;
    v2s_judge *judge = NULL;
    v2s_status status = v2s_judge_open(w->job->options, &judge);
    if (status != V2S_OK)
        stop_work(w, status);
    while (!atomic_load(&w->stop)) {
        size_t i = atomic_fetch_add(&w->next, 1);
        if (i >= w->job->count)
            break;
        status = v2s_cancel_check();
        if (status == V2S_OK && w->job->results[i].fate == V2S_FATE_JUDGED)
            status = w->one(w, judge, i);
        if (status != V2S_OK)
            take_fault(w, &w->job->results[i], status);
        size_t done = atomic_fetch_add(&w->done, 1) + 1;
        if (part == 0)
            v2s_progress_update(&w->progress, (double)done);
    }
    v2s_judge_close(&judge);
}

static v2s_status run_all(work *w, const char *what, one_clip *one) {
    size_t count = w->job->count;
    int threads = w->job->threads < (int)count ? w->job->threads : (int)count;
    w->one = one;
    atomic_store(&w->next, 0);
    atomic_store(&w->done, 0);
    w->progress = v2s_progress_begin(what, "clips", (double)count, w->job->quiet);
    v2s_parallel(threads, threads, run_part, w);
    v2s_progress_end(&w->progress);
    if (w->status != V2S_OK)
        v2s_error_restore(w->error);
    return w->status;
}

// A cache that cannot be written is no fault of the clip.
static v2s_status add_to_cache(work *w, const v2s_digest *key, const double *values, size_t count) {
    v2s_status status = v2s_score_cache_add(w->job->cache->store, key, values, count);
    if (status != V2S_OK)
        stop_work(w, status);
    return status;
}

// ---- real recordings --------------------------------------------------------------------------
//
// Microphones' dipoles are stronger than ideal: one gain per recording (all clips of one truth
// file together) makes E_YZX = E_W, as it is for a plane wave and for a diffuse field. The clip is
// judged only where it has one clear direction, for the truth's direction is measured or annotated
// as one.

static v2s_status measure_truth(const v2s_clip_result *r, v2s_foa_summary *survey) {
    v2s_pair pair = {0};
    v2s_foa_stats *stats = NULL;
    V2S_TRY(v2s_pair_load(r->clip, 0, &pair));
    v2s_status status = v2s_foa_stats_open(pair.rate_hz, &stats);
    if (status == V2S_OK)
        status = v2s_foa_stats_summary(stats, pair.frames, pair.truth, survey);
    if (status != V2S_OK)
        v2s_error_prefix(status, "clip %s: %s", r->clip->id, r->clip->truth);
    v2s_foa_stats_close(&stats);
    v2s_pair_free(&pair);
    return status;
}

static v2s_status survey_clip(work *w, v2s_judge *judge, size_t index) {
    (void)judge;
    const v2s_clip_result *r = &w->job->results[index];
    const v2s_compare_cache *cache = w->job->cache;
    v2s_foa_summary *s = &w->surveys[index];
    double numbers[5];
    v2s_digest key;
    if (!r->recorded)
        return V2S_OK;
    if (cache == NULL)
        return measure_truth(r, s);
    V2S_TRY(v2s_compare_cache_survey_key(cache, r, &key));
    if (v2s_score_cache_find(cache->store, &key, numbers, 5)) {
        *s = (v2s_foa_summary){numbers[0], numbers[1], {numbers[2], numbers[3], numbers[4]}};
        return V2S_OK;
    }
    V2S_TRY(measure_truth(r, s));
    const double made[5] = {s->energy_w, s->energy_dipoles, s->intensity.x, s->intensity.y,
                            s->intensity.z};
    return add_to_cache(w, &key, made, 5);
}

static void settle_clip(v2s_clip_result *r, const v2s_foa_summary *survey, double gain) {
    v2s_foa_summary own = *survey;
    r->dipole_gain = gain;
    own.energy_dipoles *= gain * gain;
    own.intensity.x *= gain;
    own.intensity.y *= gain;
    own.intensity.z *= gain;
    r->directness = v2s_foa_directness(&own);
    if (r->directness < V2S_RECORDED_DIRECTNESS_MIN)
        r->fate = V2S_FATE_UNCLEAR;
}

static v2s_status settle_recordings(work *w) {
    v2s_clip_result *r = w->job->results;
    v2s_recordings all = {0};
    V2S_TRY(v2s_recordings_find(r, w->job->count, false, &all));
    for (size_t i = 0; i < all.count; i++) {
        const size_t *clips = all.order + all.items[i].first;
        double energy_w = 0, dipoles = 0;
        for (size_t k = 0; k < all.items[i].count; k++) {
            energy_w += w->surveys[clips[k]].energy_w;
            dipoles += w->surveys[clips[k]].energy_dipoles;
        }
        for (size_t k = 0; k < all.items[i].count; k++)
            if (r[clips[k]].fate == V2S_FATE_JUDGED)
                settle_clip(&r[clips[k]], &w->surveys[clips[k]],
                            dipoles > 0 ? sqrt(energy_w / dipoles) : 1);
    }
    v2s_recordings_free(&all);
    return V2S_OK;
}

// ---- one clip ---------------------------------------------------------------------------------

// The sounds of all systems; those that are ours to free.
typedef struct sounds {
    const float *prediction[V2S_SYSTEMS_MAX];
    float *owned[V2S_SYSTEMS_MAX];
} sounds;

static v2s_status ablated_sound(const v2s_system *system, const v2s_clip *clip,
                                const v2s_pair *pair, float *out) {
    v2s_ablation *ablation = NULL;
    V2S_TRY(v2s_ablation_open(clip, pair, &ablation));
    v2s_status status = v2s_ablation_render(ablation, system->without, system->refiner, out);
    v2s_ablation_close(&ablation);
    return status;
}

v2s_status v2s_clip_sound(const v2s_system *system, v2s_clip_result *r, const v2s_pair *pair,
                          float *out) {
    static const v2s_clip_system of_file[V2S_SYSTEM_KINDS] = {
        [V2S_SYSTEM_REFINED] = V2S_CLIP_REFINED,
        [V2S_SYSTEM_AGAINST] = V2S_CLIP_REFINED,
        [V2S_SYSTEM_SCALED] = V2S_CLIP_SCALED,
        [V2S_SYSTEM_CONSTANT] = V2S_CLIP_CONSTANT,
    };
    if (system->kind == V2S_SYSTEM_ROOM)
        return v2s_compare_room(r->clip, pair, out, &r->has_room);
    if (system->kind == V2S_SYSTEM_ABLATION)
        return ablated_sound(system, r->clip, pair, out);
    if (system->kind != V2S_SYSTEM_MONO)
        return v2s_clip_refiner_apply(system->refiner, of_file[system->kind], r->clip, pair, out);
    for (size_t i = 0; i < pair->frames; i++)
        out[i * C] = pair->geometric[i * C];
    return V2S_OK;
}

// Systems from .. to - 1.
static v2s_status make_sounds(const v2s_systems *systems, size_t from, size_t to,
                              v2s_clip_result *r, const v2s_pair *pair, sounds *s) {
    for (size_t i = from; i < to; i++) {
        s->prediction[i] = pair->geometric;
        if (systems->items[i].kind == V2S_SYSTEM_GEOMETRIC)
            continue;
        float *out = calloc(pair->frames * C, sizeof *out);
        s->prediction[i] = s->owned[i] = out;
        if (out == NULL)
            return V2S_FAIL(V2S_NOMEM, "out of memory");
        V2S_TRY(v2s_clip_sound(&systems->items[i], r, pair, out));
    }
    return V2S_OK;
}

// Of the scores [systems][all metrics] those in use.
static void keep_scores(const work *w, double (*scores)[V2S_METRIC_COUNT], double *kept) {
    for (size_t i = 0; i < w->job->systems->count; i++)
        for (int m = 0; m < V2S_METRIC_COUNT; m++)
            if ((w->job->options->metrics & V2S_METRIC_BIT(m)) != 0)
                *kept++ = scores[i][m];
}

// Scores of systems from .. to - 1, whose sounds are in memory together.
static v2s_status judge_some(const v2s_systems *systems, size_t from, size_t to, v2s_judge *judge,
                             v2s_clip_result *r, const v2s_pair *pair,
                             double (*scores)[V2S_METRIC_COUNT]) {
    sounds s = {{0}, {0}};
    v2s_status status = make_sounds(systems, from, to, r, pair, &s);
    if (status == V2S_OK && pair->ears != NULL)
        status = v2s_judge_decoded(judge, pair->rate_hz, pair->frames, pair->ears,
                                   s.prediction + from, to - from, scores + from);
    else if (status == V2S_OK)
        status = v2s_judge_foa(judge, pair->rate_hz, pair->frames, pair->truth, s.prediction + from,
                               to - from, scores + from);
    for (size_t i = from; i < to; i++)
        free(s.owned[i]);
    return status;
}

// Of a long clip one system after the other is judged, of a short one all together: what the truth
// is measured for is measured once then. Every system's scores are its own, so the numbers do not
// depend on it.
static v2s_status judge_sounds(work *w, v2s_judge *judge, v2s_clip_result *r,
                               const v2s_pair *pair) {
    const v2s_systems *systems = w->job->systems;
    size_t together = SOUNDS_BYTES / (pair->frames * C * sizeof(float) + 1);
    double(*scores)[V2S_METRIC_COUNT] = malloc(systems->count * sizeof *scores);
    v2s_status status = scores != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
    together = together > 0 ? together : 1;
    for (size_t from = 0; status == V2S_OK && from < systems->count; from += together) {
        size_t to = from + together < systems->count ? from + together : systems->count;
        status = judge_some(systems, from, to, judge, r, pair, scores);
    }
    if (status == V2S_OK)
        keep_scores(w, scores, r->scores);
    free(scores);
    return status;
}

static v2s_status judge_now(work *w, v2s_judge *judge, v2s_clip_result *r) {
    v2s_pair pair = {0};
    V2S_TRY(v2s_pair_load(r->clip, 0, &pair));
    for (size_t i = 0; r->recorded && i < pair.frames; i++)
        for (int c = 1; c < C; c++)
            pair.truth[i * C + (size_t)c] *= (float)r->dipole_gain;
    v2s_status status = judge_sounds(w, judge, r, &pair);
    if (status != V2S_OK)
        v2s_error_prefix(status, "clip %s: %s", r->clip->id, r->clip->truth);
    v2s_pair_free(&pair);
    return status;
}

// What is stored of a clip: has_room, then its scores.
static v2s_status judge_clip(work *w, v2s_judge *judge, size_t index) {
    v2s_clip_result *r = &w->job->results[index];
    const v2s_compare_cache *cache = w->job->cache;
    v2s_digest key;
    if (cache == NULL)
        return judge_now(w, judge, r);
    double *values = malloc((w->width + 1) * sizeof *values);
    v2s_status status = values != NULL ? v2s_compare_cache_score_key(cache, r, &key)
                                       : V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK && v2s_score_cache_find(cache->store, &key, values, w->width + 1)) {
        r->has_room = values[0] > 0;
        memcpy(r->scores, values + 1, w->width * sizeof *values);
        atomic_fetch_add(&w->cached, 1);
    } else if (status == V2S_OK) {
        status = judge_now(w, judge, r);
        if (status == V2S_OK) {
            values[0] = r->has_room;
            memcpy(values + 1, r->scores, w->width * sizeof *values);
            status = add_to_cache(w, &key, values, w->width + 1);
        }
    }
    free(values);
    return status;
}

static v2s_status judge_all(work *w) {
    bool any = false;
    for (size_t i = 0; i < w->job->count; i++) {
        v2s_clip_result *r = &w->job->results[i];
        r->recorded = (r->clip->recorded || w->job->all_recorded) &&
                      r->clip->pairing != V2S_PAIRING_BINAURAL; // the rule is one of dipoles
        r->dipole_gain = 1;
        r->directness = NAN;
        for (size_t k = 0; k < w->width; k++)
            r->scores[k] = NAN;
        any |= r->recorded;
    }
    if (any) {
        V2S_TRY(run_all(w, "measuring recordings", survey_clip));
        V2S_TRY(settle_recordings(w));
    }
    return run_all(w, "comparing", judge_clip);
}

v2s_status v2s_clips_judge(v2s_clips_job *job) {
    work w = {.job = job,
              .width = job->systems->count * (size_t)v2s_metrics_count(job->options->metrics),
              .surveys = calloc(job->count + 1, sizeof *w.surveys)};
    if (w.surveys == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    pthread_mutex_init(&w.lock, NULL);
    v2s_status status = judge_all(&w);
    job->cached = atomic_load(&w.cached);
    pthread_mutex_destroy(&w.lock);
    free(w.surveys);
    return status;
}
