// SPDX-License-Identifier: MIT
#include "train/tensor_list.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void v2s_tensor_list_free(v2s_tensor_list *list) {
    for (int i = 0; i < list->count; i++)
        free((char *)list->tensors[i].name);
    for (int i = 0; i < list->pair_count; i++) {
        free((char *)list->pairs[i].key);
        free((char *)list->pairs[i].value);
    }
    free(list->tensors);
    free(list->pairs);
    *list = (v2s_tensor_list){0};
}

// Room for one item more; false: no memory.
static bool grow(void **items, int count, int *room, size_t item) {
    if (count < *room)
        return true;
    int more = 2 * *room + 64;
    void *grown = realloc(*items, (size_t)more * item);
    if (grown == NULL)
        return false;
    *items = grown;
    *room = more;
    return true;
}

void v2s_tensor_list_add(v2s_tensor_list *list, const v2s_safetensors_tensor *tensor) {
    char *name = NULL;
    const char *prefix = list->prefix != NULL ? list->prefix : "";
    if (asprintf(&name, "%s%s", prefix, tensor->name) < 0) {
        list->failed = true;
        return;
    }
    if (!grow((void **)&list->tensors, list->count, &list->room, sizeof *list->tensors)) {
        list->failed = true;
        free(name);
        return;
    }
    list->tensors[list->count] = *tensor;
    list->tensors[list->count++].name = name;
}

v2s_status v2s_tensor_list_param(void *ctx, const char *name, v2s_tensor *param) {
    v2s_safetensors_tensor tensor = {.name = name, .rank = param->rank, .data = param->data};
    for (int i = 0; i < param->rank; i++)
        tensor.dim[i] = param->dim[i];
    v2s_tensor_list_add(ctx, &tensor);
    return V2S_OK;
}

void v2s_tensor_list_text(v2s_tensor_list *list, const char *key, const char *value) {
    char *own_key = strdup(key), *own_value = strdup(value);
    if (own_key == NULL || own_value == NULL ||
        !grow((void **)&list->pairs, list->pair_count, &list->pair_room, sizeof *list->pairs)) {
        list->failed = true;
        free(own_key);
        free(own_value);
        return;
    }
    list->pairs[list->pair_count++] = (v2s_safetensors_pair){own_key, own_value};
}

void v2s_tensor_list_textf(v2s_tensor_list *list, const char *key, const char *fmt, ...) {
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    v2s_tensor_list_text(list, key, text);
}

v2s_status v2s_tensor_list_write(const v2s_tensor_list *list, const char *path) {
    if (list->failed)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    return v2s_safetensors_write(path, list->tensors, list->count, list->pairs, list->pair_count);
}
