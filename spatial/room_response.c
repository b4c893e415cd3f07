// SPDX-License-Identifier: MIT
#include "spatial/room.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/conventions.h"
#include "spatial/room_builder.h"
#include "spatial/room_tail.h"

static v2s_status check_source(const v2s_room *room, v2s_vec3 p, double rate_hz) {
    v2s_vec3 l = room->size_m;
    V2S_TRY(v2s_room_check(room));
    if (!(p.x >= 0.0 && p.x <= l.x && p.y >= 0.0 && p.y <= l.y && p.z >= 0.0 && p.z <= l.z))
        return V2S_FAIL(V2S_ARG,
                        "room: source at %g,%g,%g: expected inside the room of %g x %g x %g m", p.x,
                        p.y, p.z, l.x, l.y, l.z);
    if (!(rate_hz >= 1000.0 && rate_hz <= 1e6))
        return V2S_FAIL(V2S_ARG, "room: rate: expected 1000 to 1e6 Hz, found %g", rate_hz);
    return V2S_OK;
}

v2s_status v2s_room_response(const v2s_room *room, v2s_vec3 source_m, double rate_hz, float **foa,
                             size_t *frames) {
    V2S_TRY(check_source(room, source_m, rate_hz));
    v2s_room_builder b = {0};
    v2s_room_bands bands = {0};
    float *tail = NULL, *made = NULL;
    size_t begin = 0, tail_frames = 0, length = 0;
    v2s_status status = V2S_OK;
    if (room->tail)
        V2S_TRY_GOTO(status, v2s_room_tail(room, rate_hz, &tail, &begin, &tail_frames), done);
    V2S_TRY_GOTO(status, v2s_room_bands_open(room, rate_hz, &bands), done);
    v2s_room_builder_config config = {.room = room,
                                      .bands = &bands,
                                      .rate_hz = rate_hz,
                                      .to_order =
                                          room->order < 0 ? V2S_ROOM_ANY_ORDER : room->order,
                                      .remainder = V2S_ROOM_EXACT,
                                      .time_only = true,
                                      .ring_s = V2S_ROOM_RING_S};
    V2S_TRY_GOTO(status, v2s_room_builder_open(&config, &b), done);
    length = b.reach;
    if (tail_frames > 0 && begin + tail_frames + V2S_ROOM_HALF > length)
        length = begin + tail_frames + V2S_ROOM_HALF;
    made = calloc(4 * length, sizeof *made);
    if (made == NULL) {
        status = V2S_FAIL(V2S_NOMEM, "room: out of memory for a response of %zu samples", length);
        goto done;
    }
    V2S_TRY_GOTO(status, v2s_room_builder_time(&b, source_m, 0.0, made), done);
    length -= V2S_ROOM_HALF;
    memmove(made, made + 4 * V2S_ROOM_HALF, 4 * length * sizeof *made);
    for (size_t i = 0; i < 4 * tail_frames; i++)
        made[4 * begin + i] += tail[i];
    *foa = made;
    *frames = length;
    made = NULL;
done:
    free(made);
    free(tail);
    v2s_room_builder_close(&b);
    v2s_room_bands_close(&bands);
    return status;
}
