// SPDX-License-Identifier: MIT
// Sounds of v2s-train prepare: surveyed once, in parallel.
#include <math.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "infer/progress.h"
#include "kernels/base/array.h"
#include "kernels/base/cancel.h"
#include "kernels/base/parallel.h"
#include "train/prepare_internal.h"

#define RATE_TOLERANCE_HZ 0.5

// ---- parallel work ----------------------------------------------------------------------------

typedef struct queue {
    v2s_status (*one)(void *ctx, size_t i);
    void *ctx;
    size_t count;
    pthread_mutex_t lock; // of everything below
    size_t next, done;
    v2s_status status;
    char error[V2S_ERROR_TEXT_MAX];
    v2s_progress progress;
} queue;

static void worker(void *ctx, int part, int parts) {
    (void)part;
    (void)parts;
    queue *q = ctx;
    for (;;) {
        pthread_mutex_lock(&q->lock);
        bool over = q->status != V2S_OK || q->next == q->count;
        size_t index = over ? 0 : q->next++;
        pthread_mutex_unlock(&q->lock);
        if (over)
            return;
        v2s_status status = v2s_cancel_check();
        if (status == V2S_OK)
            status = q->one(q->ctx, index);
        pthread_mutex_lock(&q->lock);
        if (status != V2S_OK && q->status == V2S_OK) {
            q->status = status;
            v2s_error_save(q->error);
        }
        v2s_progress_update(&q->progress, (double)++q->done);
        pthread_mutex_unlock(&q->lock);
    }
}

v2s_status v2s_prepare_each(v2s_prepare *p, const char *what, const char *unit, size_t count,
                            v2s_status (*one)(void *ctx, size_t i), void *ctx) {
    int threads = v2s_train_threads(&p->settings->common);
    queue q = {.one = one, .ctx = ctx, .count = count};
    if (count == 0)
        return V2S_OK;
    pthread_mutex_init(&q.lock, NULL);
    q.progress = v2s_progress_begin(what, unit, (double)count, p->settings->common.quiet);
    v2s_parallel(threads, threads, worker, &q);
    v2s_progress_end(&q.progress);
    pthread_mutex_destroy(&q.lock);
    if (q.status != V2S_OK)
        v2s_error_restore(q.error);
    return q.status;
}

// ---- the survey -------------------------------------------------------------------------------

static int by_path(const void *a, const void *b) {
    const v2s_prepare_sound_entry *x = a, *y = b;
    return strcmp(x->path, y->path);
}

static v2s_prepare_sound_entry *find(const v2s_prepare *p, const char *path) {
    const v2s_prepare_sound_entry key = {.path = path};
    void *found = tfind(&key, &p->state->sound_tree, by_path);
    return found == NULL ? NULL : *(v2s_prepare_sound_entry **)found;
}

const v2s_sound_survey *v2s_prepare_sound(const v2s_prepare *p, const char *path) {
    const v2s_prepare_sound_entry *entry = find(p, path);
    return entry == NULL ? NULL : &entry->survey;
}

v2s_status v2s_prepare_note_sound(v2s_prepare *p, const char *path, v2s_sound_survey *survey) {
    v2s_prepare_state *s = p->state;
    V2S_ASSERT(find(p, path) == NULL);
    v2s_prepare_sound_entry **grown =
        v2s_array_grow(s->sounds, s->sound_count, &s->sound_room, sizeof *grown);
    if (grown == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    s->sounds = grown;
    v2s_prepare_sound_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = v2s_prepare_text(p, &entry->path, "%s", path);
    if (status == V2S_OK && tsearch(entry, &s->sound_tree, by_path) == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status != V2S_OK) {
        free(entry);
        return status;
    }
    entry->survey = *survey;
    *survey = (v2s_sound_survey){0};
    s->sounds[s->sound_count++] = entry;
    return V2S_OK;
}

typedef struct survey_work {
    const char *const *paths;
    const size_t *wanted; // indices of `paths`
    const v2s_sound_tap *tap;
    v2s_sound_survey *results; // [number of wanted]
} survey_work;

static v2s_status survey_one(void *ctx, size_t i) {
    survey_work *w = ctx;
    return v2s_sound_survey_read(w->paths[w->wanted[i]], w->tap, w->wanted[i], &w->results[i]);
}

v2s_status v2s_prepare_survey(v2s_prepare *p, size_t count, const char *const *paths,
                              const v2s_sound_tap *tap) {
    size_t *wanted = calloc(count + 1, sizeof *wanted), n = 0;
    v2s_sound_survey *results = calloc(count + 1, sizeof *results);
    v2s_status status =
        wanted != NULL && results != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; status == V2S_OK && i < count; i++)
        if (find(p, paths[i]) == NULL)
            wanted[n++] = i;
    survey_work w = {paths, wanted, tap, results};
    if (status == V2S_OK)
        status = v2s_prepare_each(p, "reading", "sounds", n, survey_one, &w);
    for (size_t i = 0; status == V2S_OK && i < n; i++)
        if (find(p, paths[wanted[i]]) == NULL) // the same path may stand twice in the list
            status = v2s_prepare_note_sound(p, paths[wanted[i]], &results[i]);
    for (size_t i = 0; results != NULL && i < n; i++)
        v2s_sound_survey_free(&results[i]);
    free(results);
    free(wanted);
    return status;
}

static v2s_status check(v2s_prepare *p, const char *path, const v2s_sound_survey *s, int channels,
                        double rate_hz, bool *usable) {
    if (s->status != V2S_OK)
        return v2s_prepare_skip(p, path, "%s", s->reason);
    if (channels != 0 && s->channels != channels)
        return v2s_prepare_skip(p, path, "wrong number of channels: %d, expected %d", s->channels,
                                channels);
    if (rate_hz > 0 && fabs(s->rate_hz - rate_hz) > RATE_TOLERANCE_HZ)
        return v2s_prepare_skip(p, path, "wrong rate: %g Hz, expected %g Hz", s->rate_hz, rate_hz);
    if (s->warning != NULL)
        V2S_TRY(v2s_prepare_problem(p, "%s: %s", path, s->warning));
    *usable = true;
    return V2S_OK;
}

v2s_status v2s_prepare_check_sound(v2s_prepare *p, const char *path, int channels, double rate_hz,
                                   bool *usable) {
    v2s_prepare_sound_entry *entry = find(p, path);
    V2S_ASSERT(entry != NULL);
    *usable = false;
    return check(p, path, &entry->survey, channels, rate_hz, usable);
}

static void keep_entry(void *entry) {
    (void)entry; // belongs to the list
}

void v2s_prepare_free_sounds(v2s_prepare *p) {
    v2s_prepare_state *s = p->state;
    tdestroy(s->sound_tree, keep_entry);
    for (size_t i = 0; i < s->sound_count; i++) {
        v2s_sound_survey_free(&s->sounds[i]->survey);
        free(s->sounds[i]);
    }
    free(s->sounds);
}
