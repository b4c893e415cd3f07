// SPDX-License-Identifier: MIT
#include "infer/depth_pass.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/progress.h"
#include "kernels/base/cancel.h"

enum { NAMED_MAX = 10 };

typedef struct walk {
    const v2s_depth_pass *pass;
    v2s_depth_result *results;
    size_t count, next, failed, odd;
    size_t pixels;
    v2s_depth_result **chosen; // [batch]
    float *x, *depth, *other, *truth;
    float *constant; // [pixels] of the floor
    int filled;
} walk;

size_t v2s_depth_pass_systems(const v2s_depth_pass *pass) {
    return V2S_DEPTH_OTHERS + pass->model_count - 1;
}

bool v2s_depth_pass_has(const v2s_depth_pass *pass, size_t system) {
    const v2s_depth_file *file = &pass->models[0].file;
    if (system == V2S_DEPTH_MEAN_MAP)
        return file->mean_depth != NULL;
    return system != V2S_DEPTH_CONSTANT || isfinite(file->constant_depth);
}

const char *v2s_depth_pass_name(const v2s_depth_pass *pass, size_t system) {
    static const char *const own[V2S_DEPTH_OTHERS] = {"model", "mean_map", "constant"};
    if (system < V2S_DEPTH_OTHERS)
        return own[system];
    return pass->models[system - V2S_DEPTH_OTHERS + 1].name;
}

// ---- loading ----------------------------------------------------------------------------------

static void note_oddities(walk *w, const v2s_depth_result *r) {
    const v2s_echo_notes *n = &r->notes;
    v2s_run_log *log = w->pass->log;
    const char *name = r->sample->audio[0];
    if (!n->short_sound && !n->silent && !n->clipped && n->resampled_from == 0)
        return;
    if (w->odd++ >= NAMED_MAX)
        return;
    if (n->short_sound)
        v2s_run_log_warn(log, "%s: %zu samples, fewer than the network hears: zeros behind them",
                         name, n->found_samples);
    if (n->silent)
        v2s_run_log_warn(log, "%s: an ear is silent", name);
    if (n->clipped)
        v2s_run_log_warn(log, "%s: clipped", name);
    if (n->resampled_from != 0)
        v2s_run_log_warn(log, "%s: converted from %d Hz", name, n->resampled_from);
}

// The truth of a sound, beside it; a fault is the truth's alone.
static v2s_status load_truth(walk *w, v2s_depth_result *r, float *truth) {
    memset(truth, 0, w->pixels * sizeof *truth);
    if (r->sample->depth == NULL)
        return V2S_OK;
    v2s_status status = v2s_depth_map_read(r->sample->depth, &w->pass->map, truth);
    r->has_truth = status == V2S_OK;
    if (status == V2S_OK || w->pass->strict || w->count == 1 || status == V2S_NOMEM)
        return status;
    v2s_run_log_warn(w->pass->log, "%s: no score", v2s_error_text());
    return V2S_OK;
}

static v2s_status load_sample(walk *w, v2s_depth_result *r) {
    const v2s_depth_pass *p = w->pass;
    float *x = w->x + 2 * (size_t)w->filled * w->pixels;
    float *truth = w->truth + (size_t)w->filled * w->pixels;
    if (!p->need_truth) {
        V2S_TRY(v2s_depth_sample_load(r->sample, p->echo, &p->map, x, NULL, &r->notes));
        return load_truth(w, r, truth);
    }
    if (r->sample->depth == NULL)
        return V2S_FAIL(V2S_FORMAT, "%s: no depth map", r->sample->id);
    r->has_truth = true;
    return v2s_depth_sample_load(r->sample, p->echo, &p->map, x, truth, &r->notes);
}

static v2s_status keep_reason(walk *w, v2s_depth_result *r, v2s_status status) {
    if (w->pass->strict || status == V2S_NOMEM || status == V2S_CANCELLED || w->count == 1)
        return status;
    r->status = status;
    r->has_truth = false;
    r->reason = strdup(v2s_error_text());
    if (r->reason == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    if (w->failed++ < NAMED_MAX)
        v2s_run_log_warn(w->pass->log, "%s: left out", r->reason);
    return V2S_OK;
}

static v2s_status take_scores(walk *w, v2s_depth_result *r) {
    size_t systems = v2s_depth_pass_systems(w->pass);
    r->score = calloc(systems, sizeof *r->score);
    r->absolute_m = calloc(systems, sizeof *r->absolute_m);
    if (r->score == NULL || r->absolute_m == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t k = 0; k < systems; k++) {
        r->absolute_m[k] = NAN;
        for (int m = 0; m < V2S_DEPTH_METRICS; m++)
            r->score[k][m] = NAN;
    }
    return V2S_OK;
}

static v2s_status fill_batch(walk *w) {
    w->filled = 0;
    while (w->filled < w->pass->models[0].batch && w->next < w->count) {
        v2s_depth_result *r = &w->results[w->next++];
        V2S_TRY(v2s_cancel_check());
        v2s_status status = load_sample(w, r);
        if (status != V2S_OK) {
            V2S_TRY(keep_reason(w, r, status));
            continue;
        }
        note_oddities(w, r);
        V2S_TRY(take_scores(w, r));
        w->chosen[w->filled++] = r;
    }
    return V2S_OK;
}

// ---- scores -----------------------------------------------------------------------------------

static void score(walk *w, size_t system, int row, const float *depth) {
    v2s_depth_result *r = w->chosen[row];
    const float *truth = w->truth + (size_t)row * w->pixels;
    v2s_depth_scores scores;
    if (!r->has_truth || !v2s_depth_scores_of((int)w->pixels, depth, truth, &scores))
        return;
    v2s_depth_scores_list(&scores, r->score[system]);
    r->absolute_m[system] = 0;
    r->valid = 0;
    for (size_t i = 0; i < w->pixels; i++)
        if (truth[i] > 0) {
            r->absolute_m[system] += fabs((double)depth[i] - (double)truth[i]);
            r->valid++;
        }
}

static void describe(walk *w, int row) {
    v2s_depth_result *r = w->chosen[row];
    const float *depth = w->depth + (size_t)row * w->pixels;
    double sum = 0;
    r->least_m = r->most_m = (double)depth[0];
    for (size_t i = 0; i < w->pixels; i++) {
        r->least_m = fmin(r->least_m, (double)depth[i]);
        r->most_m = fmax(r->most_m, (double)depth[i]);
        sum += (double)depth[i];
    }
    r->mean_m = sum / (double)w->pixels;
}

static v2s_status answer(walk *w) {
    const v2s_depth_pass *p = w->pass;
    V2S_TRY(v2s_depth_model_predict(&p->models[0], w->filled, w->x, w->depth));
    for (int i = 0; i < w->filled; i++) {
        describe(w, i);
        score(w, 0, i, w->depth + (size_t)i * w->pixels);
        if (v2s_depth_pass_has(p, V2S_DEPTH_MEAN_MAP))
            score(w, V2S_DEPTH_MEAN_MAP, i, p->models[0].file.mean_depth);
        if (v2s_depth_pass_has(p, V2S_DEPTH_CONSTANT))
            score(w, V2S_DEPTH_CONSTANT, i, w->constant);
    }
    for (size_t k = 1; k < p->model_count; k++) {
        V2S_TRY(v2s_depth_model_predict(&p->models[k], w->filled, w->x, w->other));
        for (int i = 0; i < w->filled; i++)
            score(w, V2S_DEPTH_OTHERS + k - 1, i, w->other + (size_t)i * w->pixels);
    }
    return V2S_OK;
}

// -----------------------------------------------------------------------------------------------

static v2s_status take_memory(walk *w) {
    const v2s_depth_model *m = &w->pass->models[0];
    size_t batch = (size_t)m->batch;
    w->pixels = (size_t)m->file.config.size * (size_t)m->file.config.size;
    w->chosen = calloc(batch, sizeof(v2s_depth_result *));
    w->x = calloc(batch * 2 * w->pixels, sizeof(float));
    w->depth = calloc(batch * w->pixels, sizeof(float));
    w->other = calloc(batch * w->pixels, sizeof(float));
    w->truth = calloc(batch * w->pixels, sizeof(float));
    w->constant = calloc(w->pixels, sizeof(float));
    if (w->chosen == NULL || w->x == NULL || w->depth == NULL || w->other == NULL ||
        w->truth == NULL || w->constant == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for batches of %d (--batch)", m->batch);
    for (size_t i = 0; i < w->pixels; i++)
        w->constant[i] = (float)m->file.constant_depth;
    return V2S_OK;
}

static void give_memory(walk *w) {
    free(w->chosen);
    free(w->x);
    free(w->depth);
    free(w->other);
    free(w->truth);
    free(w->constant);
}

static v2s_status all_batches(walk *w) {
    v2s_progress progress =
        v2s_progress_begin("depth", "samples", (double)w->count, w->pass->quiet);
    v2s_status status = V2S_OK;
    while (status == V2S_OK && w->next < w->count) {
        status = fill_batch(w);
        if (status == V2S_OK && w->filled > 0)
            status = answer(w);
        if (status == V2S_OK && w->filled > 0 && w->pass->each != NULL) {
            v2s_depth_batch batch = {w->filled, w->chosen, w->x, w->depth, w->truth};
            status = w->pass->each(w->pass->ctx, &batch);
        }
        v2s_progress_update(&progress, (double)w->next);
    }
    v2s_progress_end(&progress);
    return status;
}

v2s_status v2s_depth_pass_run(const v2s_depth_pass *pass, v2s_depth_result *results, size_t count) {
    walk w = {.pass = pass, .results = results, .count = count};
    v2s_status status = take_memory(&w);
    if (status == V2S_OK)
        status = all_batches(&w);
    give_memory(&w);
    V2S_TRY(status);
    if (w.failed > NAMED_MAX)
        v2s_run_log_warn(pass->log, "%zu more samples left out", w.failed - NAMED_MAX);
    if (w.odd > NAMED_MAX)
        v2s_run_log_warn(pass->log, "%zu more sounds are short, silent, clipped or converted",
                         w.odd - NAMED_MAX);
    if (w.failed == count)
        return V2S_FAIL(V2S_FORMAT, "none of the %zu sounds can be used; the first: %s", count,
                        results[0].reason);
    return V2S_OK;
}

void v2s_depth_results_free(v2s_depth_result *results, size_t count) {
    for (size_t i = 0; results != NULL && i < count; i++) {
        free(results[i].reason);
        free(results[i].score);
        free(results[i].absolute_m);
    }
    free(results);
}
