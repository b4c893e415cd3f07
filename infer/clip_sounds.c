// SPDX-License-Identifier: MIT
#include "infer/clip_sounds.h"

#include <stdlib.h>
#include <string.h>

enum { C = V2S_FOA_CHANNELS };

static v2s_status make_one(const v2s_system *system, const v2s_clip_result *result,
                           const v2s_pair *pair, float **sound) {
    v2s_clip_result own = *result; // room writes into it
    float *out = calloc(pair->frames * C, sizeof *out);
    *sound = out;
    if (out == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    if (system->kind != V2S_SYSTEM_GEOMETRIC)
        return v2s_clip_sound(system, &own, pair, out);
    memcpy(out, pair->geometric, pair->frames * C * sizeof *out);
    return V2S_OK;
}

v2s_status v2s_clip_sounds_make(const v2s_systems *systems, const v2s_clip_result *result,
                                const size_t *which, size_t count, v2s_clip_sounds *out) {
    v2s_clip_sounds s = {.count = count};
    V2S_ASSERT(count <= V2S_CLIP_SOUNDS_MAX);
    V2S_TRY(v2s_pair_load(result->clip, 0, &s.pair));
    for (size_t i = 0; result->recorded && s.pair.truth != NULL && i < s.pair.frames; i++)
        for (int c = 1; c < C; c++)
            s.pair.truth[i * C + (size_t)c] *= (float)result->dipole_gain;
    v2s_status status = V2S_OK;
    for (size_t i = 0; status == V2S_OK && i < count; i++)
        status = make_one(&systems->items[which[i]], result, &s.pair, &s.sound[i]);
    if (status != V2S_OK) {
        v2s_clip_sounds_free(&s);
        return v2s_error_prefix(status, "clip %s", result->clip->id);
    }
    *out = s;
    return V2S_OK;
}

void v2s_clip_sounds_free(v2s_clip_sounds *s) {
    v2s_pair_free(&s->pair);
    for (size_t i = 0; i < s->count; i++)
        free(s->sound[i]);
    *s = (v2s_clip_sounds){0};
}
