// SPDX-License-Identifier: MIT
#include "train/depth_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/progress.h"
#include "kernels/base/arena.h"
#include "kernels/base/cancel.h"
#include "kernels/base/parallel.h"

enum { CHUNK = 32, BINS = 65536 };

// What looking through the samples gathers.
typedef struct gathering {
    size_t done; // samples
    double *sum; // [size,size] of valid depths
    int64_t *count;
    int64_t bins[BINS]; // of valid depths, 0 .. max_depth_m
    size_t short_sounds, silent, clipped;
    const char *first_short, *first_silent, *first_clipped;
} gathering;

// One of the samples that are read at the same time.
typedef struct reading {
    v2s_depth_item *item;
    float *into; // [3,size,size]
    bool keep;
    v2s_echo_notes notes;
    v2s_status status;
    char error[V2S_ERROR_TEXT_MAX];
} reading;

typedef struct chunk {
    const v2s_depth_data *data;
    reading readings[CHUNK];
} chunk;

static size_t pixels_of(const v2s_depth_data *d) {
    return (size_t)d->size * (size_t)d->size;
}

// ---- one sample -------------------------------------------------------------------------------

void v2s_depth_swap_ears(int size, float *x, float *truth) {
    size_t pixels = (size_t)size * (size_t)size;
    for (size_t i = 0; i < pixels; i++) {
        float left = x[i];
        x[i] = x[pixels + i];
        x[pixels + i] = left;
    }
    for (int row = 0; row < size; row++) {
        float *line = truth + (size_t)row * (size_t)size;
        for (int a = 0, b = size - 1; a < b; a++, b--) {
            float left = line[a];
            line[a] = line[b];
            line[b] = left;
        }
    }
}

static v2s_status read_item(const v2s_depth_data *d, const v2s_depth_item *item, float *x,
                            float *truth, v2s_echo_notes *notes) {
    v2s_depth_map_options maps = d->maps;
    maps.millimetres = item->sample->millimetres;
    if (item->sample->depth == NULL)
        return V2S_FAIL(V2S_FORMAT, "sample %s: no depth map", item->sample->id);
    return v2s_depth_sample_load(item->sample, d->echo, &maps, x, truth, notes);
}

v2s_status v2s_depth_data_load(const v2s_depth_data *d, const v2s_depth_item *item, bool swap,
                               float *x, float *truth) {
    size_t pixels = pixels_of(d);
    v2s_echo_notes notes;
    if (item->kept != NULL) {
        memcpy(x, item->kept, 2 * pixels * sizeof *x);
        memcpy(truth, item->kept + 2 * pixels, pixels * sizeof *truth);
    } else {
        V2S_TRY(read_item(d, item, x, truth, &notes));
    }
    if (swap)
        v2s_depth_swap_ears(d->size, x, truth);
    if (d->left_only)
        memcpy(x + pixels, x, pixels * sizeof *x);
    return V2S_OK;
}

// ---- looking through --------------------------------------------------------------------------

static void read_part(void *ctx, int i, int parts) {
    (void)parts;
    chunk *c = ctx;
    reading *r = &c->readings[i];
    r->status = read_item(c->data, r->item, r->into, r->into + 2 * pixels_of(c->data), &r->notes);
    if (r->status != V2S_OK)
        v2s_error_save(r->error);
}

static void note(bool odd, const v2s_depth_sample *sample, size_t *count, const char **first) {
    if (!odd)
        return;
    if ((*count)++ == 0)
        *first = sample->id;
}

static void gather(const v2s_depth_data *d, gathering *g, const reading *r) {
    size_t pixels = pixels_of(d);
    const float *truth = r->into + 2 * pixels;
    for (size_t i = 0; i < pixels; i++) {
        if (!(truth[i] > 0))
            continue;
        g->sum[i] += truth[i];
        g->count[i]++;
        int bin = (int)((double)truth[i] / d->maps.max_depth_m * BINS);
        g->bins[bin < BINS ? bin : BINS - 1]++;
    }
}

// A sample as it was read: kept, gathered, or left out (item->sample becomes NULL).
static v2s_status settle(v2s_depth_data *d, const v2s_depth_data_setup *s, gathering *g,
                         reading *r) {
    const v2s_depth_sample *sample = r->item->sample;
    if (r->status == V2S_OK) {
        note(r->notes.short_sound, sample, &g->short_sounds, &g->first_short);
        note(r->notes.silent, sample, &g->silent, &g->first_silent);
        note(r->notes.clipped, sample, &g->clipped, &g->first_clipped);
        if (sample->split == V2S_SPLIT_TRAIN)
            gather(d, g, r);
        r->item->kept = r->keep ? r->into : NULL;
        d->kept += r->keep;
        return V2S_OK;
    }
    if (r->keep)
        free(r->into);
    r->item->sample = NULL;
    if (s->rules.strict || r->status == V2S_NOMEM || r->status == V2S_CANCELLED) {
        v2s_error_restore(r->error);
        return r->status;
    }
    d->skipped++;
    v2s_run_log_warn(s->log, "skipped: %s", r->error);
    return V2S_OK;
}

// Where a sample is read to: memory of its own while there is room, else `spare`.
static v2s_status take_place(const v2s_depth_data *d, const v2s_depth_data_setup *s,
                             size_t in_chunk, float *spare, reading *r) {
    size_t bytes = 3 * pixels_of(d) * sizeof(float);
    r->keep = (d->kept + in_chunk + 1) <= s->cache_bytes / bytes;
    r->into = r->keep ? malloc(bytes) : spare;
    return r->into != NULL ? V2S_OK
                           : V2S_FAIL(V2S_NOMEM, "out of memory: --cache-mb asks for less");
}

static v2s_status read_chunk(v2s_depth_data *d, const v2s_depth_data_setup *s, gathering *g,
                             chunk *c, v2s_depth_item *items, size_t count, float *spare) {
    size_t ready = 0;
    v2s_status status = v2s_cancel_check();
    for (; ready < count && status == V2S_OK; ready++) {
        c->readings[ready] = (reading){.item = &items[ready]};
        status = take_place(d, s, ready, spare + ready * 3 * pixels_of(d), &c->readings[ready]);
    }
    if (status == V2S_OK)
        v2s_parallel(s->threads, (int)count, read_part, c);
    for (size_t i = 0; i < ready; i++) {
        reading *r = &c->readings[i];
        if (status == V2S_OK)
            status = settle(d, s, g, r);
        else if (r->keep)
            free(r->into);
    }
    return status;
}

static v2s_status read_items(v2s_depth_data *d, const v2s_depth_data_setup *s, gathering *g,
                             v2s_depth_item *items, size_t count, v2s_progress *progress) {
    chunk *c = calloc(1, sizeof *c);
    float *spare = malloc(CHUNK * 3 * pixels_of(d) * sizeof *spare);
    v2s_status status = V2S_OK;
    if (c == NULL || spare == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    else
        c->data = d;
    for (size_t i = 0; i < count && status == V2S_OK; i += CHUNK) {
        size_t some = count - i < CHUNK ? count - i : CHUNK;
        status = read_chunk(d, s, g, c, items + i, some, spare);
        g->done += some;
        v2s_progress_update(progress, (double)g->done);
    }
    free(spare);
    free(c);
    return status;
}

static size_t close_gaps(v2s_depth_item *items, size_t count) {
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        if (items[i].sample != NULL)
            items[left++] = items[i];
    return left;
}

// ---- floors -----------------------------------------------------------------------------------

static void find_floors(v2s_depth_data *d, const gathering *g) {
    size_t pixels = pixels_of(d);
    double sum = 0, mean;
    int64_t count = 0, below = 0;
    for (size_t i = 0; i < pixels; i++) {
        sum += g->sum[i];
        count += g->count[i];
    }
    mean = count > 0 ? sum / (double)count : 0;
    for (size_t i = 0; i < pixels; i++)
        d->mean_depth[i] = (float)(g->count[i] > 0 ? g->sum[i] / (double)g->count[i] : mean);
    for (int bin = 0; bin < BINS; bin++) {
        below += g->bins[bin];
        if (2 * below >= count) {
            d->constant_depth = (float)((bin + 0.5) / BINS * d->maps.max_depth_m);
            return;
        }
    }
}

static void tell(v2s_run_log *log, size_t count, const char *first, const char *what) {
    if (count > 0)
        v2s_run_log_warn(log, "%zu samples %s; the first is %s", count, what, first);
}

static v2s_status look_through(v2s_depth_data *d, const v2s_depth_data_setup *s) {
    gathering *g = calloc(1, sizeof *g);
    if (g != NULL) {
        g->sum = calloc(pixels_of(d), sizeof *g->sum);
        g->count = calloc(pixels_of(d), sizeof *g->count);
    }
    v2s_status status = V2S_OK;
    if (g == NULL || g->sum == NULL || g->count == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_progress progress = v2s_progress_begin(
        "reading", "samples", (double)(d->train_count + d->val_count), s->log->quiet);
    if (status == V2S_OK)
        status = read_items(d, s, g, d->train, d->train_count, &progress);
    if (status == V2S_OK)
        status = read_items(d, s, g, d->val, d->val_count, &progress);
    v2s_progress_end(&progress);
    if (status == V2S_OK) {
        tell(s->log, g->short_sounds, g->first_short,
             "have a sound that is too short: zeros stand behind it");
        tell(s->log, g->silent, g->first_silent, "have a silent ear");
        tell(s->log, g->clipped, g->first_clipped, "are clipped");
        find_floors(d, g);
    }
    if (g != NULL) {
        free(g->sum);
        free(g->count);
    }
    free(g);
    return status;
}

// ---- life -------------------------------------------------------------------------------------

static v2s_status open_sets(v2s_depth_data *d, const v2s_depth_data_setup *s) {
    d->sets = calloc(s->inputs->count, sizeof *d->sets);
    if (d->sets == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    size_t counts[V2S_SPLIT_COUNT] = {0};
    for (size_t i = 0; i < s->inputs->count; i++) {
        v2s_depth_set *set = &d->sets[i];
        V2S_TRY(v2s_depth_set_open(s->inputs->items[i], s->rules, set));
        d->set_count++;
        d->skipped += set->skipped;
        if (set->flagged > 0)
            v2s_run_log_warn(s->log, "%s: %zu clips are flagged as doubtful: %s",
                             s->inputs->items[i], set->flagged,
                             s->rules.keep_flagged ? "kept" : "left out");
        for (size_t k = 0; k < set->skipped; k++)
            v2s_run_log_warn(s->log, "skipped: %s", set->skip_reasons[k]);
        for (size_t k = 0; k < set->count; k++)
            counts[set->samples[k].split]++;
    }
    d->train = calloc(counts[V2S_SPLIT_TRAIN] + 1, sizeof *d->train);
    d->val = calloc(counts[V2S_SPLIT_VAL] + 1, sizeof *d->val);
    if (d->train == NULL || d->val == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < d->set_count; i++)
        for (size_t k = 0; k < d->sets[i].count; k++) {
            const v2s_depth_sample *sample = &d->sets[i].samples[k];
            if (sample->split == V2S_SPLIT_TRAIN)
                d->train[d->train_count++].sample = sample;
            else if (sample->split == V2S_SPLIT_VAL)
                d->val[d->val_count++].sample = sample;
        }
    return V2S_OK;
}

static v2s_status fill(v2s_depth_data *d, const v2s_depth_data_setup *s) {
    V2S_TRY(v2s_echo_open(&s->echo, &d->echo));
    V2S_TRY(open_sets(d, s));
    d->mean_depth = calloc(pixels_of(d), sizeof *d->mean_depth);
    if (d->mean_depth == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    V2S_TRY(look_through(d, s));
    size_t listed = d->train_count;
    d->train_count = close_gaps(d->train, d->train_count);
    d->val_count = close_gaps(d->val, d->val_count);
    if (d->train_count == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: no sample of the split train can be used (%zu are listed)",
                        s->inputs->items[0], listed);
    return V2S_OK;
}

v2s_status v2s_depth_data_open(const v2s_depth_data_setup *setup, v2s_depth_data **out) {
    v2s_depth_data *d = calloc(1, sizeof *d);
    if (d == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    d->size = setup->echo.size;
    d->left_only = setup->left_only;
    d->threads = setup->threads;
    d->maps = (v2s_depth_map_options){
        .max_depth_m = setup->echo.max_depth_m, .size = d->size, .resize = setup->resize};
    v2s_status status = fill(d, setup);
    if (status != V2S_OK) {
        v2s_depth_data_close(&d);
        return status;
    }
    *out = d;
    return V2S_OK;
}

void v2s_depth_data_close(v2s_depth_data **out) {
    v2s_depth_data *d = *out;
    if (d == NULL)
        return;
    for (size_t i = 0; d->train != NULL && i < d->train_count; i++)
        free(d->train[i].kept);
    for (size_t i = 0; d->val != NULL && i < d->val_count; i++)
        free(d->val[i].kept);
    free(d->train);
    free(d->val);
    for (size_t i = 0; i < d->set_count; i++)
        v2s_depth_set_free(&d->sets[i]);
    free(d->sets);
    v2s_echo_close(&d->echo);
    free(d->mean_depth);
    free(d);
    *out = NULL;
}
