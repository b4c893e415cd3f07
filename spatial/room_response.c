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

// Images in time, from sample 0 on, into foa [frames][4].
static v2s_status write_images(v2s_room_builder *b, v2s_vec3 source_m, float *foa) {
    v2s_complex *spectrum = v2s_fft_alloc(4 * b->bins, sizeof *spectrum);
    float *time = v2s_fft_alloc(b->n, sizeof *time);
    v2s_status status =
        spectrum && time ? V2S_OK : V2S_FAIL(V2S_NOMEM, "room: out of memory for a response");
    if (status == V2S_OK)
        v2s_room_builder_run(b, source_m, 0.0, spectrum);
    for (int c = 0; status == V2S_OK && c < 4; c++) {
        v2s_fft_real_inverse(b->fft, spectrum + (size_t)c * b->bins, time);
        for (size_t t = V2S_ROOM_HALF; t < b->reach; t++)
            foa[4 * (t - V2S_ROOM_HALF) + (size_t)c] = time[t];
    }
    v2s_fft_free(spectrum);
    v2s_fft_free(time);
    return status;
}

v2s_status v2s_room_response(const v2s_room *room, v2s_vec3 source_m, double rate_hz, float **foa,
                             size_t *frames) {
    V2S_TRY(check_source(room, source_m, rate_hz));
    v2s_room_builder b = {0};
    float *tail = NULL, *made = NULL;
    size_t begin = 0, tail_frames = 0, length = 0;
    int to_order = room->order < 0 ? V2S_ROOM_ANY_ORDER : room->order;
    v2s_status status = V2S_OK;
    if (room->tail)
        V2S_TRY_GOTO(status, v2s_room_tail(room, rate_hz, &tail, &begin, &tail_frames), done);
    V2S_TRY_GOTO(status, v2s_room_builder_open(room, rate_hz, 0, to_order, 0, &b), done);
    length = b.reach - V2S_ROOM_HALF;
    if (tail_frames > 0 && begin + tail_frames > length)
        length = begin + tail_frames;
    made = calloc(4 * length, sizeof *made);
    if (made == NULL) {
        status = V2S_FAIL(V2S_NOMEM, "room: out of memory for a response of %zu samples", length);
        goto done;
    }
    V2S_TRY_GOTO(status, write_images(&b, source_m, made), done);
    for (size_t i = 0; i < 4 * tail_frames; i++)
        made[4 * begin + i] += tail[i];
    *foa = made;
    *frames = length;
    made = NULL;
done:
    free(made);
    free(tail);
    v2s_room_builder_close(&b);
    return status;
}
