// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/encoder.h"
#include "spatial/room.h"
#include "spatial/room_blocks.h"
#include "spatial/room_fir.h"
#include "spatial/room_lines.h"
#include "spatial/room_tail.h"

// HOW IT WORKS
// A source that stands still has one response, and everything is one long convolution (fir).
// A source that moves is split:
//   direct   the encoder of encoder.h
//   lines    images of up to V2S_ROOM_LINE_ORDER reflections, followed with every sample
//   blocks   the other images, one response per hop, pieces of sound cross-faded
//   fir      the tail, which does not depend on the source
// All of them work on hops counted from the first sample, whatever blocks the caller uses, and add
// into a ring of output that is ahead of its time.

static const double hop_s = 0.04;

struct v2s_room_renderer {
    v2s_room_path path;
    v2s_room_bands bands;
    v2s_encoder *direct; // NULL: not wanted, or part of the response
    v2s_room_lines lines;
    v2s_room_blocks blocks;
    v2s_room_fir fir;
    bool has_lines, has_blocks, has_fir;
    size_t hop, latency, reach; // reach: longest response after its input
    int64_t time;               // of the first sample of the hop
    size_t fill;
    float *sound; // [hop]
    float *ambi;  // [hop][4], the direct sound
    v2s_room_ring ring;
};

static v2s_status open_direct(v2s_room_renderer *r, const v2s_room_renderer_config *c) {
    v2s_encoder_config encoder = {.order = 1,
                                  .rate_hz = c->rate_hz,
                                  .min_distance_m = c->room.min_distance_m,
                                  .doppler = c->doppler,
                                  .trajectory = c->trajectory,
                                  .start_s = c->start_s};
    V2S_TRY(v2s_encoder_open(&encoder, &r->direct));
    r->ambi = malloc(4 * r->hop * sizeof *r->ambi);
    return r->ambi ? V2S_OK : V2S_FAIL(V2S_NOMEM, "room: out of memory");
}

// The whole response of a source that stands still, from sample -V2S_ROOM_HALF on.
static v2s_status whole_response(v2s_room_renderer *r, const v2s_room_renderer_config *c,
                                 const float *tail, size_t begin, size_t tail_frames,
                                 float **response, size_t *frames) {
    v2s_room_builder b = {0};
    v2s_room_builder_config config = {.room = &c->room,
                                      .bands = &r->bands,
                                      .rate_hz = c->rate_hz,
                                      .from_order = c->direct ? 0 : 1,
                                      .to_order =
                                          c->room.order < 0 ? V2S_ROOM_ANY_ORDER : c->room.order,
                                      .remainder = V2S_ROOM_EXACT,
                                      .time_only = true,
                                      .ring_s = V2S_ROOM_RING_S};
    V2S_TRY(v2s_room_builder_open(&config, &b));
    size_t tail_at = begin + V2S_ROOM_HALF;
    size_t count =
        tail_frames > 0 && tail_at + tail_frames > b.reach ? tail_at + tail_frames : b.reach;
    float *made = calloc(4 * count, sizeof *made);
    v2s_status status = made != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "room: out of memory");
    if (status == V2S_OK) {
        double direct_s = v2s_room_path_mean_distance_m(&r->path) / V2S_SPEED_OF_SOUND_M_S;
        status = v2s_room_builder_time(&b, v2s_room_path_at(&r->path, 0.0),
                                       c->doppler ? 0.0 : direct_s * c->rate_hz, made);
    }
    v2s_room_builder_close(&b);
    if (status != V2S_OK) {
        free(made);
        return status;
    }
    for (size_t i = 0; i < 4 * tail_frames; i++)
        made[4 * tail_at + i] += tail[i];
    *response = made;
    *frames = count;
    return V2S_OK;
}

// The tail on the renderer's clock: without doppler it comes earlier by the direct sound's mean
// delay; what would come before the direct sound is left out.
static v2s_status make_tail(v2s_room_renderer *r, const v2s_room_renderer_config *c, float **tail,
                            size_t *begin, size_t *frames) {
    *frames = 0;
    *begin = 0;
    if (!c->room.tail)
        return V2S_OK;
    V2S_TRY(v2s_room_tail(&c->room, c->rate_hz, tail, begin, frames));
    double direct_s = v2s_room_path_mean_distance_m(&r->path) / V2S_SPEED_OF_SOUND_M_S;
    size_t direct = (size_t)(direct_s * c->rate_hz + 0.5);
    if (*begin < direct) {
        size_t cut = direct - *begin < *frames ? direct - *begin : *frames;
        memmove(*tail, *tail + 4 * cut, 4 * (*frames - cut) * sizeof **tail);
        *frames -= cut;
        *begin = direct;
    }
    *begin -= c->doppler ? 0 : direct;
    return V2S_OK;
}

static v2s_status open_still(v2s_room_renderer *r, const v2s_room_renderer_config *c) {
    float *tail = NULL, *response = NULL;
    size_t begin, frames, length = 0;
    V2S_TRY(make_tail(r, c, &tail, &begin, &frames));
    v2s_status status = whole_response(r, c, tail, begin, frames, &response, &length);
    if (status == V2S_OK)
        status = v2s_room_fir_open(response, length, -V2S_ROOM_HALF, r->hop, &r->fir);
    r->has_fir = status == V2S_OK;
    r->reach = length;
    free(tail);
    free(response);
    return status;
}

static v2s_status open_tail(v2s_room_renderer *r, const v2s_room_renderer_config *c) {
    float *tail = NULL;
    size_t begin, frames;
    V2S_TRY(make_tail(r, c, &tail, &begin, &frames));
    v2s_status status = V2S_OK;
    if (frames > 0) {
        status = v2s_room_fir_open(tail, frames, (int64_t)begin, r->hop, &r->fir);
        r->has_fir = status == V2S_OK;
        r->reach = begin + frames > r->reach ? begin + frames : r->reach;
    }
    free(tail);
    return status;
}

static v2s_status open_moving(v2s_room_renderer *r, const v2s_room_renderer_config *c) {
    int to_order = c->room.order < 0 ? V2S_ROOM_ANY_ORDER : c->room.order;
    int line_order = to_order < V2S_ROOM_LINE_ORDER ? to_order : V2S_ROOM_LINE_ORDER;
    if (to_order > V2S_ROOM_LINE_ORDER) {
        V2S_TRY(v2s_room_blocks_open(&c->room, &r->bands, c->rate_hz, V2S_ROOM_LINE_ORDER + 1,
                                     to_order, !c->doppler, &r->path, V2S_ROOM_STEP, &r->blocks));
        r->has_blocks = true;
        r->hop = r->blocks.hop;
        r->reach = r->blocks.builder.reach;
    }
    if (to_order > 0) {
        V2S_TRY(v2s_room_lines_open(&c->room, &r->bands, c->rate_hz, 1, line_order, r->hop,
                                    !c->doppler, &r->path, &r->lines));
        r->has_lines = true;
        size_t reach = r->lines.history + (size_t)(V2S_ROOM_RING_S * c->rate_hz);
        r->reach = reach > r->reach ? reach : r->reach;
    }
    if (c->direct)
        V2S_TRY(open_direct(r, c));
    return open_tail(r, c);
}

static v2s_status open_ring(v2s_room_renderer *r, size_t latency) {
    size_t blocks = r->has_fir ? r->fir.hop : 0;
    size_t capacity = latency + r->reach + blocks + 4 * r->hop + 4 * V2S_ROOM_STEP;
    v2s_room_ring ring;
    V2S_TRY(v2s_room_ring_open(capacity, -(int64_t)latency, &ring));
    v2s_room_ring_close(&r->ring);
    r->ring = ring;
    r->latency = latency;
    return V2S_OK;
}

static v2s_status start(v2s_room_renderer *r) {
    size_t latency = 2 * r->hop + 2 * V2S_ROOM_STEP;
    if (r->has_fir && v2s_room_fir_latency_frames(&r->fir) + r->hop > latency)
        latency = v2s_room_fir_latency_frames(&r->fir) + r->hop;
    r->sound = malloc(r->hop * sizeof *r->sound);
    if (r->sound == NULL)
        return V2S_FAIL(V2S_NOMEM, "room: out of memory");
    return open_ring(r, latency);
}

static size_t usual_hop(double rate_hz) {
    return (size_t)ceil(hop_s * rate_hz / V2S_ROOM_STEP) * V2S_ROOM_STEP;
}

v2s_status v2s_room_renderer_open_response(const float *foa, size_t frames, size_t delay_frames,
                                           double rate_hz, v2s_room_renderer **renderer) {
    V2S_ASSERT(frames > 0);
    if (!(rate_hz >= 1000.0 && rate_hz <= 1e6))
        return V2S_FAIL(V2S_ARG, "room: rate: expected 1000 to 1e6 Hz, found %g", rate_hz);
    v2s_room_renderer *r = calloc(1, sizeof *r);
    if (r == NULL)
        return V2S_FAIL(V2S_NOMEM, "room: out of memory");
    r->hop = usual_hop(rate_hz);
    r->reach = delay_frames + frames;
    v2s_status status = v2s_room_fir_open(foa, frames, (int64_t)delay_frames, r->hop, &r->fir);
    r->has_fir = status == V2S_OK;
    if (status == V2S_OK)
        status = start(r);
    if (status != V2S_OK) {
        v2s_room_renderer_close(&r);
        return status;
    }
    *renderer = r;
    return V2S_OK;
}

v2s_status v2s_room_renderer_raise_latency(v2s_room_renderer *r, size_t latency_frames) {
    V2S_ASSERT(r->time == 0 && r->fill == 0);
    return latency_frames > r->latency ? open_ring(r, latency_frames) : V2S_OK;
}

v2s_status v2s_room_renderer_open(const v2s_room_renderer_config *c, v2s_room_renderer **renderer) {
    V2S_TRY(v2s_room_check(&c->room));
    V2S_ASSERT(c->trajectory != NULL && c->trajectory->count > 0);
    if (!(c->rate_hz >= 1000.0 && c->rate_hz <= 1e6))
        return V2S_FAIL(V2S_ARG, "room: rate: expected 1000 to 1e6 Hz, found %g", c->rate_hz);
    if (!(fabs(c->start_s) <= 1e9))
        return V2S_FAIL(V2S_ARG, "room: start of the sound: expected a time, found %g s",
                        c->start_s);
    v2s_room_renderer *r = calloc(1, sizeof *r);
    if (r == NULL)
        return V2S_FAIL(V2S_NOMEM, "room: out of memory");
    r->path = (v2s_room_path){.trajectory = c->trajectory,
                              .size_m = c->room.size_m,
                              .listener_m = c->room.listener_m,
                              .rate_hz = c->rate_hz,
                              .start_s = c->start_s};
    r->hop = usual_hop(c->rate_hz);
    v2s_status status = v2s_room_bands_open(&c->room, c->rate_hz, &r->bands);
    if (status == V2S_OK)
        status = v2s_room_path_is_still(&r->path) ? open_still(r, c) : open_moving(r, c);
    if (status == V2S_OK)
        status = start(r);
    if (status != V2S_OK) {
        v2s_room_renderer_close(&r);
        return status;
    }
    *renderer = r;
    return V2S_OK;
}

static v2s_status run_hop(v2s_room_renderer *r) {
    if (r->direct != NULL) {
        memset(r->ambi, 0, 4 * r->hop * sizeof *r->ambi);
        V2S_TRY(v2s_encoder_process(r->direct, r->sound, r->hop, r->ambi));
        v2s_room_ring_add_frames(&r->ring, r->time - (int64_t)v2s_encoder_latency_frames(r->direct),
                                 r->ambi, r->hop);
    }
    if (r->has_lines)
        v2s_room_lines_push(&r->lines, r->time, r->sound, &r->ring);
    if (r->has_blocks)
        v2s_room_blocks_push(&r->blocks, r->time, r->sound, &r->ring);
    if (r->has_fir)
        v2s_room_fir_push(&r->fir, r->sound, r->hop, &r->ring);
    r->time += (int64_t)r->hop;
    r->fill = 0;
    return V2S_OK;
}

v2s_status v2s_room_renderer_process(v2s_room_renderer *r, const float *mono, size_t frames,
                                     float *out) {
    while (frames > 0) {
        size_t part = r->hop - r->fill < frames ? r->hop - r->fill : frames;
        memcpy(r->sound + r->fill, mono, part * sizeof *mono);
        r->fill += part;
        if (r->fill == r->hop)
            V2S_TRY(run_hop(r));
        v2s_room_ring_take(&r->ring, part, out);
        mono += part;
        out += 4 * part;
        frames -= part;
    }
    return V2S_OK;
}

v2s_status v2s_room_renderer_add(v2s_room_renderer *r, const float *mono, size_t frames,
                                 float *out) {
    V2S_ASSERT(r->time == 0 && r->fill == 0);
    size_t total = frames + r->latency, block = r->hop;
    float *in = malloc(block * sizeof *in), *made = malloc(4 * block * sizeof *made);
    v2s_status status =
        in != NULL && made != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "room: out of memory");
    for (size_t at = 0; status == V2S_OK && at < total; at += block) {
        size_t n = block < total - at ? block : total - at;
        for (size_t i = 0; i < n; i++)
            in[i] = at + i < frames ? mono[at + i] : 0.0F;
        memset(made, 0, 4 * n * sizeof *made);
        status = v2s_room_renderer_process(r, in, n, made);
        for (size_t i = at < r->latency ? 4 * (r->latency - at) : 0; i < 4 * n; i++)
            out[4 * at + i - 4 * r->latency] += made[i];
    }
    free(in);
    free(made);
    return status;
}

size_t v2s_room_renderer_latency_frames(const v2s_room_renderer *r) {
    return r->latency;
}

size_t v2s_room_renderer_tail_frames(const v2s_room_renderer *r) {
    size_t direct = r->direct != NULL ? v2s_encoder_tail_frames(r->direct) : 0;
    return r->latency + (r->reach > direct ? r->reach : direct);
}

void v2s_room_renderer_close(v2s_room_renderer **renderer) {
    v2s_room_renderer *r = *renderer;
    if (r == NULL)
        return;
    v2s_encoder_close(&r->direct);
    v2s_room_lines_close(&r->lines);
    v2s_room_blocks_close(&r->blocks);
    v2s_room_fir_close(&r->fir);
    v2s_room_ring_close(&r->ring);
    v2s_room_bands_close(&r->bands);
    free(r->sound);
    free(r->ambi);
    free(r);
    *renderer = NULL;
}
