// SPDX-License-Identifier: MIT
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "infer/export.h"

typedef struct copies {
    v2s_safetensors_tensor *tensors; // [count], data owned
    int count, left_out;
} copies;

static bool begins_with_any(const char *name, const char *const *prefixes) {
    for (; *prefixes != NULL; prefixes++)
        if (strncmp(name, *prefixes, strlen(*prefixes)) == 0)
            return true;
    return false;
}

static bool is_wanted(const char *name, bool is_depth, bool weights_only) {
    static const char *const state[] = {"optimizer.", "ema.", "trainer.", NULL},
                             *const refiner[] = {"conv1d.", "gru.", "output.", NULL},
                             *const depth[] = {
                                 "encoder_left.", "encoder_right.", "attention.", "fusion.",
                                 "decoder.",      "head.",          NULL};
    if (weights_only)
        return begins_with_any(name, is_depth ? depth : refiner);
    return !begins_with_any(name, state);
}

static v2s_status copy_tensor(const v2s_export *e, const v2s_safetensors_entry *entry,
                              v2s_safetensors_tensor *t) {
    *t = (v2s_safetensors_tensor){.name = entry->name, .dtype = entry->dtype, .rank = entry->rank};
    for (int i = 0; i < entry->rank; i++) {
        if (entry->dim[i] > INT_MAX)
            return V2S_FAIL(V2S_UNSUPPORTED,
                            "%s: tensor %.64s: expected dimensions up to %d, found %lld", e->path,
                            entry->name, INT_MAX, (long long)entry->dim[i]);
        t->dim[i] = (int)entry->dim[i];
    }
    void *data = malloc((size_t)(entry->end - entry->begin) + 1);
    if (data == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    t->data = data;
    return v2s_safetensors_read_raw(e->file, t->name, t->dtype, t->rank, t->dim, data);
}

static v2s_status copy_all(const v2s_export *e, bool weights_only, copies *c) {
    const v2s_safetensors_entry *entry;
    int total = 0;
    while (v2s_safetensors_at(e->file, total) != NULL)
        total++;
    c->tensors = calloc((size_t)total + 1, sizeof *c->tensors);
    if (c->tensors == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (int i = 0; (entry = v2s_safetensors_at(e->file, i)) != NULL; i++) {
        if (is_wanted(entry->name, e->is_depth, weights_only))
            V2S_TRY(copy_tensor(e, entry, &c->tensors[c->count++]));
        else
            c->left_out++;
    }
    return V2S_OK;
}

v2s_status v2s_export_write_tensors(const v2s_export *e, const char *path, bool weights_only,
                                    v2s_run_log *log) {
    copies c = {0};
    v2s_status status = copy_all(e, weights_only, &c);
    if (status == V2S_OK)
        status = v2s_safetensors_write(path, c.tensors, c.count, e->metadata, e->metadata_count);
    if (status == V2S_OK) {
        v2s_run_log_row(log, "tensors", "%d, bit for bit; %d left out%s", c.count, c.left_out,
                        c.left_out == 0 ? ""
                        : weights_only  ? " (not PyTorch's module's)"
                                        : " (training state)");
        v2s_run_log_number(log, "tensors", c.count);
        v2s_run_log_number(log, "tensors_left_out", c.left_out);
    }
    for (int i = 0; i < c.count; i++)
        free((void *)c.tensors[i].data);
    free(c.tensors);
    return status;
}
