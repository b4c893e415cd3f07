// SPDX-License-Identifier: MIT
#include "infer/depth_album.h"

#include <stdlib.h>
#include <string.h>

void v2s_depth_album_open(v2s_depth_album *album, int size) {
    *album = (v2s_depth_album){.size = size};
}

void v2s_depth_album_close(v2s_depth_album *album) {
    for (size_t i = 0; i < album->count; i++) {
        v2s_depth_leaf *leaf = &album->leaves[i];
        for (size_t k = 0; k < leaf->look_count; k++)
            free(leaf->looks[k].png);
        free(leaf->looks);
        free(leaf->x);
    }
    *album = (v2s_depth_album){0};
}

// An empty leaf; its pictures lie in one piece of memory.
static v2s_status new_leaf(v2s_depth_album *album, const v2s_depth_result *result,
                           const char *heading, v2s_depth_leaf **out) {
    size_t pixels = (size_t)album->size * (size_t)album->size;
    float *x = malloc(4 * pixels * sizeof *x);
    if (x == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for the page's pictures");
    *out = &album->leaves[album->count++];
    **out = (v2s_depth_leaf){.result = result,
                             .heading = heading,
                             .x = x,
                             .depth = x + 2 * pixels,
                             .truth = x + 3 * pixels};
    return V2S_OK;
}

v2s_status v2s_depth_album_add(v2s_depth_album *album, const v2s_depth_batch *batch, int i) {
    size_t pixels = (size_t)album->size * (size_t)album->size, bytes = pixels * sizeof(float);
    v2s_depth_leaf *leaf = NULL;
    album->seen++;
    if (album->count == V2S_DEPTH_ALBUM_MAX)
        return V2S_OK;
    V2S_TRY(new_leaf(album, batch->results[i], "", &leaf));
    memcpy(leaf->x, batch->x + 2 * (size_t)i * pixels, 2 * bytes);
    memcpy(leaf->depth, batch->depth + (size_t)i * pixels, bytes);
    memcpy(leaf->truth, batch->truth + (size_t)i * pixels, bytes);
    return V2S_OK;
}

bool v2s_depth_album_look(v2s_depth_album *album, const char *id, const v2s_depth_look *look) {
    if (album->count == 0 || album->count < album->seen)
        return false;
    v2s_depth_leaf *leaf = &album->leaves[album->count - 1];
    if (strcmp(leaf->result->sample->id, id) != 0)
        return false;
    v2s_depth_look *grown = realloc(leaf->looks, (leaf->look_count + 1) * sizeof *grown);
    if (grown == NULL)
        return false;
    leaf->looks = grown;
    grown[leaf->look_count++] = *look;
    return true;
}

// ---- the best and the worst -------------------------------------------------------------------

static int by_error(const void *a, const void *b) {
    const v2s_depth_result *x = *(const v2s_depth_result *const *)a;
    const v2s_depth_result *y = *(const v2s_depth_result *const *)b;
    return (x->score[0][0] > y->score[0][0]) - (x->score[0][0] < y->score[0][0]);
}

static v2s_status take(v2s_depth_album *album, const v2s_depth_pass *pass,
                       const v2s_depth_result *result, const char *heading) {
    v2s_depth_leaf *leaf = NULL;
    v2s_echo_notes notes;
    V2S_TRY(new_leaf(album, result, heading, &leaf));
    V2S_TRY(v2s_depth_sample_load(result->sample, pass->echo, &pass->map, leaf->x, leaf->truth,
                                  &notes));
    return v2s_depth_model_predict(&pass->models[0], 1, leaf->x, leaf->depth);
}

v2s_status v2s_depth_album_choose(v2s_depth_album *album, const v2s_depth_pass *pass,
                                  const v2s_depth_result *results, size_t count) {
    const v2s_depth_result **ranked = calloc(count + 1, sizeof *ranked);
    size_t n = 0, ends = V2S_DEPTH_ALBUM_ENDS;
    v2s_status status = V2S_OK;
    if (ranked == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        if (results[i].has_truth)
            ranked[n++] = &results[i];
    qsort(ranked, n, sizeof *ranked, by_error);
    ends = 2 * ends > n ? n / 2 : ends;
    for (size_t i = 0; status == V2S_OK && i < n - ends && i < ends + n % 2; i++)
        status = take(album, pass, ranked[i], "best");
    for (size_t i = 0; status == V2S_OK && i < ends; i++)
        status = take(album, pass, ranked[n - 1 - i], "worst");
    free(ranked);
    return status;
}
