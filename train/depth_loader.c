// SPDX-License-Identifier: MIT
#include "train/depth_loader.h"

void v2s_depth_loader_open(const v2s_depth_data *data, v2s_depth_loader *loader) {
    *loader = (v2s_depth_loader){.data = data};
}

// In order: the first failure is the one that is told.
static void *fill(void *ctx) {
    v2s_depth_loader *l = ctx;
    size_t pixels = (size_t)l->data->size * (size_t)l->data->size;
    l->status = V2S_OK;
    for (int i = 0; i < l->count && l->status == V2S_OK; i++)
        l->status =
            v2s_depth_data_load(l->data, &l->items[l->rows[i].item], l->rows[i].swap,
                                l->x + 2 * pixels * (size_t)i, l->truth + pixels * (size_t)i);
    if (l->status != V2S_OK)
        v2s_error_save(l->error);
    return NULL;
}

void v2s_depth_loader_start(v2s_depth_loader *l, const v2s_depth_item *items,
                            const v2s_depth_row *rows, int count, float *x, float *truth) {
    V2S_ASSERT(!l->busy);
    l->items = items;
    l->rows = rows;
    l->count = count;
    l->x = x;
    l->truth = truth;
    l->busy = true;
    bool in_memory = true;
    for (int i = 0; i < count; i++)
        in_memory = in_memory && items[rows[i].item].kept != NULL;
    l->threaded = !in_memory && pthread_create(&l->thread, NULL, fill, l) == 0;
    if (!l->threaded)
        fill(l);
}

v2s_status v2s_depth_loader_wait(v2s_depth_loader *l) {
    if (!l->busy)
        return V2S_OK;
    if (l->threaded)
        pthread_join(l->thread, NULL);
    l->busy = false;
    if (l->status != V2S_OK)
        v2s_error_restore(l->error);
    return l->status;
}

void v2s_depth_loader_close(v2s_depth_loader *l) {
    if (l->busy && l->threaded)
        pthread_join(l->thread, NULL);
    *l = (v2s_depth_loader){0};
}
