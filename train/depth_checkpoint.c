// SPDX-License-Identifier: MIT
#include "train/depth_checkpoint.h"

#include <stdio.h>

#include "infer/depth_file.h"

enum { NAME_MAX_BYTES = V2S_PARAM_NAME_MAX + 32 };

// ---- saving -----------------------------------------------------------------------------------

static v2s_status list_net(v2s_tensor_list *list, const char *prefix, v2s_depth_tensors which,
                           v2s_depth_net *net) {
    list->prefix = prefix;
    return net == NULL ? V2S_OK : v2s_depth_net_each(net, which, v2s_tensor_list_param, list);
}

static v2s_status write_list(v2s_tensor_list *list, const char *path, const v2s_depth_trainer *t,
                             int rate_hz, const v2s_run_provenance *provenance) {
    const v2s_depth_data *d = t->data;
    char text[V2S_DEPTH_FILE_TEXT_MAX];
    v2s_safetensors_pair pair;
    list->prefix = NULL;
    v2s_tensor_list_add(list, &(v2s_safetensors_tensor){.name = "floor.mean_depth",
                                                        .rank = 2,
                                                        .dim = {d->size, d->size},
                                                        .data = d->mean_depth});
    v2s_tensor_list_add(
        list, &(v2s_safetensors_tensor){
                  .name = "floor.constant", .rank = 1, .dim = {1}, .data = &d->constant_depth});
    for (int i = 0; v2s_depth_file_metadata(&t->net, rate_hz, d->left_only, i, text, &pair); i++)
        v2s_tensor_list_text(list, pair.key, pair.value);
    v2s_train_state_list_texts(list, &t->state, t->config.seed, provenance);
    return v2s_tensor_list_write(list, path);
}

v2s_status v2s_depth_checkpoint_save_last(const char *path, v2s_depth_trainer *t, int rate_hz,
                                          const v2s_run_provenance *provenance) {
    v2s_tensor_list list = {0};
    v2s_train_numbers numbers;
    const v2s_depth_copies *host = &t->w.host;
    const v2s_depth_tensors trained = V2S_DEPTH_PARAMETERS;
    v2s_status status;
    V2S_TRY_GOTO(status, v2s_depth_weights_download(&t->w), done);
    V2S_TRY_GOTO(status, list_net(&list, NULL, V2S_DEPTH_ALL, host->weights), done);
    V2S_TRY_GOTO(status, list_net(&list, "optimizer.m.", trained, host->m), done);
    V2S_TRY_GOTO(status, list_net(&list, "optimizer.v.", trained, host->v), done);
    V2S_TRY_GOTO(status, list_net(&list, "ema.", trained, host->ema), done);
    v2s_train_state_list(&list, &t->state, t->config.seed, &numbers);
    status = write_list(&list, path, t, rate_hz, provenance);
done:
    v2s_tensor_list_free(&list);
    return status;
}

v2s_status v2s_depth_checkpoint_save_best(const char *path, v2s_depth_trainer *t, int rate_hz,
                                          const v2s_run_provenance *provenance) {
    v2s_tensor_list list = {0};
    v2s_status status = v2s_depth_weights_download(&t->w);
    if (status == V2S_OK)
        status = list_net(&list, NULL, V2S_DEPTH_ALL, v2s_depth_weights_judged_copy(&t->w));
    if (status == V2S_OK)
        status = write_list(&list, path, t, rate_hz, provenance);
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

static v2s_status load_net(v2s_safetensors *file, const char *prefix, v2s_depth_tensors which,
                           v2s_depth_net *net) {
    load_list list = {file, prefix};
    return net == NULL ? V2S_OK : v2s_depth_net_each(net, which, load_param, &list);
}

v2s_status v2s_depth_checkpoint_load_last(const char *path, v2s_depth_trainer *t, double *wall_s,
                                          double *cpu_s) {
    v2s_safetensors *file = NULL;
    const v2s_depth_copies *host = &t->w.host;
    const v2s_depth_tensors trained = V2S_DEPTH_PARAMETERS;
    V2S_TRY(v2s_safetensors_open(path, &file));
    v2s_status status;
    V2S_TRY_GOTO(status, load_net(file, "", V2S_DEPTH_ALL, host->weights), done);
    V2S_TRY_GOTO(status, load_net(file, "optimizer.m.", trained, host->m), done);
    V2S_TRY_GOTO(status, load_net(file, "optimizer.v.", trained, host->v), done);
    V2S_TRY_GOTO(status, load_net(file, "ema.", trained, host->ema), done);
    V2S_TRY_GOTO(
        status,
        v2s_train_state_load(file, path, t->config.seed, v2s_depth_trainer_batches(t), &t->state),
        done);
    V2S_TRY_GOTO(status, v2s_depth_weights_upload(&t->w), done);
    *wall_s = v2s_train_state_text_number(file, "wall_s");
    *cpu_s = v2s_train_state_text_number(file, "cpu_s");
done:
    v2s_safetensors_close(&file);
    return status;
}
