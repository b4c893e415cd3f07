// SPDX-License-Identifier: MIT
// What goes into a weight file: tensors and texts, gathered one after the other, then written.
//
// Names and texts are copied; the numbers stay the caller's until the file is written. The first
// failure (NOMEM) is kept and returned by v2s_tensor_list_write.
#ifndef V2S_TRAIN_TENSOR_LIST_H
#define V2S_TRAIN_TENSOR_LIST_H

#include "checkpoints/safetensors.h"
#include "nn/params.h"

typedef struct v2s_tensor_list {
    const char *prefix; // of the names that v2s_tensor_list_param adds; NULL: none
    v2s_safetensors_tensor *tensors;
    int count, room;
    v2s_safetensors_pair *pairs;
    int pair_count, pair_room;
    bool failed;
} v2s_tensor_list;

void v2s_tensor_list_free(v2s_tensor_list *list); // accepts a zeroed one

void v2s_tensor_list_add(v2s_tensor_list *list, const v2s_safetensors_tensor *tensor);

// A v2s_param_visit whose ctx is the list: a parameter as F32.
v2s_status v2s_tensor_list_param(void *list, const char *name, v2s_tensor *param);

void v2s_tensor_list_text(v2s_tensor_list *list, const char *key, const char *value);
void v2s_tensor_list_textf(v2s_tensor_list *list, const char *key, const char *fmt, ...)
    V2S_PRINTF(3, 4);

V2S_MUST_USE v2s_status v2s_tensor_list_write(const v2s_tensor_list *list, const char *path);

#endif
