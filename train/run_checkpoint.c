// SPDX-License-Identifier: MIT
#include "train/run_checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoints/safetensors.h"

enum { VERSION = 1, TENSORS_MAX = 128, PAIRS_MAX = 32, NAME_MAX_BYTES = 128 };
enum { COUNTERS = 9, SCORES = 3 };

// The state as the numbers of trainer.counters and trainer.scores.
typedef struct numbers {
    int64_t counters[COUNTERS];
    double scores[SCORES];
} numbers;

static numbers numbers_of(const v2s_trainer *t) {
    const v2s_train_state *s = &t->state;
    return (numbers){{VERSION, (int64_t)t->config.seed, s->steps, s->epoch, s->batch, s->skipped,
                      s->skipped_in_row, s->stale, s->has_best},
                     {s->best, s->loss_sum, s->loss_count}};
}

// ---- saving -----------------------------------------------------------------------------------

typedef struct save_list {
    const char *prefix; // of the names of the model being listed
    char names[TENSORS_MAX][NAME_MAX_BYTES];
    v2s_safetensors_tensor tensors[TENSORS_MAX];
    int count;
    v2s_safetensors_pair pairs[PAIRS_MAX];
    int pair_count;
    char texts[5][32]; // of numbers among the metadata
} save_list;

static void add_tensor(save_list *list, const v2s_safetensors_tensor *tensor) {
    V2S_ASSERT(list->count < TENSORS_MAX);
    list->tensors[list->count++] = *tensor;
}

static v2s_status list_param(void *ctx, const char *name, v2s_tensor *param) {
    save_list *list = ctx;
    V2S_ASSERT(list->count < TENSORS_MAX);
    char *full = list->names[list->count];
    snprintf(full, NAME_MAX_BYTES, "%s%s", list->prefix, name);
    v2s_safetensors_tensor tensor = {.name = full, .rank = param->rank, .data = param->data};
    for (int i = 0; i < param->rank; i++)
        tensor.dim[i] = param->dim[i];
    add_tensor(list, &tensor);
    return V2S_OK;
}

static v2s_status list_model(save_list *list, const char *prefix, v2s_refiner *m) {
    list->prefix = prefix;
    return m == NULL ? V2S_OK : v2s_refiner_each_param(m, list_param, list);
}

static void list_extra(save_list *list, const v2s_objective *o) {
    v2s_safetensors_tensor tensor;
    for (int i = 0; o->cls->extra_tensor != NULL && o->cls->extra_tensor(o, i, &tensor); i++)
        add_tensor(list, &tensor);
}

static void add_pair(save_list *list, const char *key, const char *value) {
    V2S_ASSERT(list->pair_count < PAIRS_MAX);
    list->pairs[list->pair_count++] = (v2s_safetensors_pair){key, value};
}

static void list_metadata(save_list *list, const v2s_trainer *t,
                          const v2s_run_provenance *provenance) {
    const v2s_objective *o = t->objective;
    add_pair(list, "model", "refiner");
    add_pair(list, "preset", o->cls->preset);
    v2s_safetensors_pair pair;
    for (int i = 0; o->cls->metadata != NULL && o->cls->metadata(o, i, &pair); i++)
        add_pair(list, pair.key, pair.value);
    snprintf(list->texts[0], 32, "%" PRId64, t->state.steps);
    snprintf(list->texts[1], 32, "%" PRIu64, t->config.seed);
    snprintf(list->texts[2], 32, "%.3f", provenance->wall_s);
    snprintf(list->texts[3], 32, "%.3f", provenance->cpu_s);
    add_pair(list, "steps", list->texts[0]);
    add_pair(list, "seed", list->texts[1]);
    add_pair(list, "wall_s", list->texts[2]);
    add_pair(list, "cpu_s", list->texts[3]);
    add_pair(list, "command", provenance->command);
    add_pair(list, "version", V2S_VERSION);
}

static v2s_status write_list(save_list *list, const char *path, const v2s_trainer *t,
                             const v2s_run_provenance *provenance) {
    list_extra(list, t->objective);
    list_metadata(list, t, provenance);
    return v2s_safetensors_write(path, list->tensors, list->count, list->pairs, list->pair_count);
}

v2s_status v2s_run_checkpoint_save_last(const char *path, const v2s_trainer *t,
                                        const v2s_run_provenance *provenance) {
    save_list *list = calloc(1, sizeof *list);
    if (list == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    numbers n = numbers_of(t);
    v2s_status status;
    V2S_TRY_GOTO(status, v2s_trainer_download(t), done);
    V2S_TRY_GOTO(status, list_model(list, "", t->host.weights), done);
    V2S_TRY_GOTO(status, list_model(list, "optimizer.m.", t->host.m), done);
    V2S_TRY_GOTO(status, list_model(list, "optimizer.v.", t->host.v), done);
    V2S_TRY_GOTO(status, list_model(list, "ema.", t->host.ema), done);
    add_tensor(list,
               &(v2s_safetensors_tensor){"trainer.counters", 1, {COUNTERS}, n.counters, "I64"});
    add_tensor(list, &(v2s_safetensors_tensor){"trainer.scores", 1, {SCORES}, n.scores, "F64"});
    status = write_list(list, path, t, provenance);
done:
    free(list);
    return status;
}

v2s_status v2s_run_checkpoint_save_best(const char *path, const v2s_trainer *t,
                                        const v2s_run_provenance *provenance) {
    save_list *list = calloc(1, sizeof *list);
    if (list == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = v2s_trainer_download(t);
    if (status == V2S_OK)
        status = list_model(list, "", v2s_trainer_judged_copy(t));
    if (status == V2S_OK)
        status = write_list(list, path, t, provenance);
    free(list);
    return status;
}

// ---- loading ----------------------------------------------------------------------------------

typedef struct load_list {
    v2s_safetensors *file;
    const char *prefix;
} load_list;

static v2s_status load_param(void *ctx, const char *name, v2s_tensor *param) {
    const load_list *list = ctx;
    char full[NAME_MAX_BYTES];
    snprintf(full, sizeof full, "%s%s", list->prefix, name);
    return v2s_safetensors_read_raw(list->file, full, "F32", param->rank, param->dim, param->data);
}

static v2s_status load_model(v2s_safetensors *file, const char *prefix, v2s_refiner *m) {
    load_list list = {file, prefix};
    return m == NULL ? V2S_OK : v2s_refiner_each_param(m, load_param, &list);
}

static double metadata_number(const v2s_safetensors *file, const char *key) {
    const char *text = v2s_safetensors_metadata(file, key);
    return text == NULL ? 0 : strtod(text, NULL);
}

static v2s_status load_state(v2s_safetensors *file, const char *path, v2s_trainer *t) {
    numbers n;
    V2S_TRY(v2s_safetensors_read_raw(file, "trainer.counters", "I64", 1, (int[]){COUNTERS},
                                     n.counters));
    V2S_TRY(v2s_safetensors_read_raw(file, "trainer.scores", "F64", 1, (int[]){SCORES}, n.scores));
    const int64_t *c = n.counters;
    if (c[0] != VERSION)
        return V2S_FAIL(V2S_UNSUPPORTED, "%s: training state of version %" PRId64 ", expected %d",
                        path, c[0], VERSION);
    if (c[1] != (int64_t)t->config.seed)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: seed: expected %" PRId64 " as in config.json, found %" PRId64, path,
                        (int64_t)t->config.seed, c[1]);
    for (int i = 2; i < COUNTERS; i++)
        if (c[i] < 0 || (i == 4 && c[i] >= v2s_trainer_batches(t)))
            return V2S_FAIL(V2S_FORMAT, "%s: tensor trainer.counters: number %d cannot be %" PRId64,
                            path, i, c[i]);
    t->state = (v2s_train_state){.steps = c[2],
                                 .epoch = c[3],
                                 .batch = c[4],
                                 .skipped = c[5],
                                 .skipped_in_row = c[6],
                                 .stale = c[7],
                                 .has_best = c[8],
                                 .best = n.scores[0],
                                 .loss_sum = n.scores[1],
                                 .loss_count = n.scores[2]};
    return V2S_OK;
}

v2s_status v2s_run_checkpoint_load_last(const char *path, v2s_trainer *t, double *wall_s,
                                        double *cpu_s) {
    v2s_safetensors *file = NULL;
    V2S_TRY(v2s_safetensors_open(path, &file));
    v2s_status status;
    V2S_TRY_GOTO(status, load_model(file, "", t->host.weights), done);
    V2S_TRY_GOTO(status, load_model(file, "optimizer.m.", t->host.m), done);
    V2S_TRY_GOTO(status, load_model(file, "optimizer.v.", t->host.v), done);
    V2S_TRY_GOTO(status, load_model(file, "ema.", t->host.ema), done);
    V2S_TRY_GOTO(status, load_state(file, path, t), done);
    V2S_TRY_GOTO(status, v2s_trainer_upload(t), done);
    *wall_s = metadata_number(file, "wall_s");
    *cpu_s = metadata_number(file, "cpu_s");
done:
    v2s_safetensors_close(&file);
    return status;
}

static v2s_status load_finite_param(void *ctx, const char *name, v2s_tensor *param) {
    const load_list *list = ctx;
    return v2s_safetensors_read_f32(list->file, name, param->rank, param->dim, param->data);
}

v2s_status v2s_run_checkpoint_load_weights(const char *path, v2s_refiner *m) {
    load_list list = {NULL, ""};
    V2S_TRY(v2s_safetensors_open(path, &list.file));
    v2s_status status = v2s_refiner_each_param(m, load_finite_param, &list);
    v2s_safetensors_close(&list.file);
    return status;
}
