// SPDX-License-Identifier: MIT
#include "infer/compare_recordings.h"

#include <stdlib.h>
#include <string.h>

#include "infer/compare.h"

typedef struct part {
    const char *truth;
    size_t index;
} part;

static int by_truth(const void *a, const void *b) {
    const part *x = a, *y = b;
    int order = strcmp(x->truth, y->truth);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

// A recording and the index of its first clip, by which recordings are put in order.
typedef struct place {
    size_t index;
    v2s_recording recording;
} place;

static int by_index(const void *a, const void *b) {
    const place *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

static size_t list_parts(const v2s_clip_result *results, size_t count, bool judged_only,
                         part *parts) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (results[i].recorded && (!judged_only || results[i].fate == V2S_FATE_JUDGED))
            parts[n++] = (part){results[i].clip->truth, i};
    qsort(parts, n, sizeof *parts, by_truth);
    return n;
}

static size_t list_places(const part *parts, size_t n, place *places) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(parts[i].truth, parts[i - 1].truth) != 0)
            places[count++] = (place){parts[i].index, {i, 0}};
        places[count - 1].recording.count++;
    }
    qsort(places, count, sizeof *places, by_index);
    return count;
}

v2s_status v2s_recordings_find(const v2s_clip_result *results, size_t count, bool judged_only,
                               v2s_recordings *out) {
    part *parts = calloc(count + 1, sizeof *parts);
    place *places = calloc(count + 1, sizeof *places);
    v2s_recordings made = {.order = calloc(count + 1, sizeof *made.order)};
    v2s_status status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (parts != NULL && places != NULL && made.order != NULL) {
        size_t n = list_parts(results, count, judged_only, parts);
        made.count = list_places(parts, n, places);
        made.items = calloc(made.count + 1, sizeof *made.items);
        for (size_t i = 0; i < n; i++)
            made.order[i] = parts[i].index;
        for (size_t i = 0; made.items != NULL && i < made.count; i++)
            made.items[i] = places[i].recording;
        status = made.items != NULL ? V2S_OK : status;
    }
    free(parts);
    free(places);
    if (status != V2S_OK) {
        v2s_recordings_free(&made);
        return status;
    }
    *out = made;
    return V2S_OK;
}

void v2s_recordings_free(v2s_recordings *r) {
    free(r->items);
    free(r->order);
    *r = (v2s_recordings){0};
}
