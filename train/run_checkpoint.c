// SPDX-License-Identifier: MIT
#include "train/run_checkpoint.h"

#include <stdio.h>
#include <string.h>

#include "infer/refiner_file.h"

enum { NAME_MAX_BYTES = 128 };

// ---- saving -----------------------------------------------------------------------------------

static v2s_status list_model(v2s_tensor_list *list, const char *prefix, v2s_refiner *m) {
    list->prefix = prefix;
    return m == NULL ? V2S_OK : v2s_refiner_each_param(m, v2s_tensor_list_param, list);
}

static v2s_status write_list(v2s_tensor_list *list, const char *path, const v2s_trainer *t,
                             const v2s_run_provenance *provenance) {
    const v2s_objective *o = t->objective;
    v2s_safetensors_tensor tensor;
    list->prefix = NULL;
    for (int i = 0; o->cls->extra_tensor != NULL && o->cls->extra_tensor(o, i, &tensor); i++)
        v2s_tensor_list_add(list, &tensor);
    v2s_tensor_list_text(list, "model", "refiner");
    v2s_tensor_list_text(list, "preset", o->cls->preset);
    v2s_safetensors_pair pair;
    for (int i = 0; o->cls->metadata != NULL && o->cls->metadata(o, i, &pair); i++)
        v2s_tensor_list_text(list, pair.key, pair.value);
    bool banded = strcmp(o->cls->preset, "v2s") == 0;
    for (int i = 0; v2s_refiner_conventions(banded, i, &pair); i++)
        v2s_tensor_list_text(list, pair.key, pair.value);
    v2s_train_state_list_texts(list, &t->state, t->config.seed, provenance);
    return v2s_tensor_list_write(list, path);
}

v2s_status v2s_run_checkpoint_save_last(const char *path, const v2s_trainer *t,
                                        const v2s_run_provenance *provenance) {
    v2s_tensor_list list = {0};
    v2s_train_numbers numbers;
    v2s_status status;
    V2S_TRY_GOTO(status, v2s_trainer_download(t), done);
    V2S_TRY_GOTO(status, list_model(&list, "", t->host.weights), done);
    V2S_TRY_GOTO(status, list_model(&list, "optimizer.m.", t->host.m), done);
    V2S_TRY_GOTO(status, list_model(&list, "optimizer.v.", t->host.v), done);
    V2S_TRY_GOTO(status, list_model(&list, "ema.", t->host.ema), done);
    v2s_train_state_list(&list, &t->state, t->config.seed, &numbers);
    status = write_list(&list, path, t, provenance);
done:
    v2s_tensor_list_free(&list);
    return status;
}

v2s_status v2s_run_checkpoint_save_best(const char *path, const v2s_trainer *t,
                                        const v2s_run_provenance *provenance) {
    v2s_tensor_list list = {0};
    v2s_status status = v2s_trainer_download(t);
    if (status == V2S_OK)
        status = list_model(&list, "", v2s_trainer_judged_copy(t));
    if (status == V2S_OK)
        status = write_list(&list, path, t, provenance);
    v2s_tensor_list_free(&list);
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

v2s_status v2s_run_checkpoint_load_last(const char *path, v2s_trainer *t, double *wall_s,
                                        double *cpu_s) {
    v2s_safetensors *file = NULL;
    V2S_TRY(v2s_safetensors_open(path, &file));
    v2s_status status;
    V2S_TRY_GOTO(status, load_model(file, "", t->host.weights), done);
    V2S_TRY_GOTO(status, load_model(file, "optimizer.m.", t->host.m), done);
    V2S_TRY_GOTO(status, load_model(file, "optimizer.v.", t->host.v), done);
    V2S_TRY_GOTO(status, load_model(file, "ema.", t->host.ema), done);
    V2S_TRY_GOTO(
        status, v2s_train_state_load(file, path, t->config.seed, v2s_trainer_batches(t), &t->state),
        done);
    V2S_TRY_GOTO(status, v2s_trainer_upload(t), done);
    *wall_s = v2s_train_state_text_number(file, "wall_s");
    *cpu_s = v2s_train_state_text_number(file, "cpu_s");
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
