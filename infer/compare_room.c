// SPDX-License-Identifier: MIT
#include "infer/compare_room.h"

#include <stdlib.h>
#include <string.h>

#include "infer/room_setup.h"

_Static_assert((int)V2S_CLIP_BANDS == (int)V2S_ROOM_BANDS, "the same octaves");

// ARG where no room has the clip's decay times.
static v2s_status open_room(const v2s_clip *clip, const v2s_pair *pair, v2s_room_renderer **room) {
    double rt60_s[V2S_ROOM_BANDS];
    v2s_room_setup setup = {0};
    for (int b = 0; b < V2S_ROOM_BANDS; b++)
        rt60_s[b] = clip->rt60_s[clip->rt60_count == 1 ? 0 : b];
    V2S_TRY(v2s_room_setup_of_rt60(v2s_room_setup_box_m, rt60_s, &setup));
    return v2s_room_setup_renderer(&setup, pair->rate_hz, &pair->path, false,
                                   setup.room.min_distance_m, room);
}

v2s_status v2s_compare_room(const v2s_clip *clip, const v2s_pair *pair, float *out,
                            bool *has_room) {
    v2s_room_renderer *room = NULL;
    float *mono = NULL;
    memcpy(out, pair->geometric, V2S_FOA_CHANNELS * pair->frames * sizeof *out);
    *has_room = false;
    if (clip->free_field || clip->rt60_count == 0)
        return V2S_OK;
    v2s_status status = open_room(clip, pair, &room);
    if (status == V2S_ARG)
        return V2S_OK;
    if (status == V2S_OK)
        status = v2s_pair_dry(clip, pair, &mono);
    if (status == V2S_OK)
        status = v2s_room_renderer_add(room, mono, pair->frames, out);
    *has_room = status == V2S_OK;
    free(mono);
    v2s_room_renderer_close(&room);
    return status;
}
