// SPDX-License-Identifier: MIT
#include "spatial/room_blocks.h"

#include <string.h>

static const double keep_m = 1e-4; // a source that moved less keeps its response

v2s_status v2s_room_blocks_open(const v2s_room *room, double rate_hz, int from_order, int to_order,
                                size_t hop, bool relative, v2s_room_path *path,
                                v2s_room_blocks *blocks) {
    v2s_room_blocks b = {.path = path, .relative = relative, .hop = hop};
    V2S_TRY(v2s_room_builder_open(room, rate_hz, from_order, to_order, 2 * hop, &b.builder));
    size_t bins = b.builder.bins;
    b.sound = v2s_fft_alloc(2 * hop, sizeof *b.sound);
    b.block = v2s_fft_alloc(b.builder.n, sizeof *b.block);
    b.response = v2s_fft_alloc(4 * bins, sizeof *b.response);
    b.x = v2s_fft_alloc(bins, sizeof *b.x);
    b.y = v2s_fft_alloc(bins, sizeof *b.y);
    if (!b.sound || !b.block || !b.response || !b.x || !b.y) {
        v2s_room_blocks_close(&b);
        return V2S_FAIL(V2S_NOMEM, "room: out of memory");
    }
    *blocks = b;
    return V2S_OK;
}

static void follow(v2s_room_blocks *b, int64_t time) {
    v2s_vec3 at = v2s_room_path_at(b->path, (double)time), l = b->builder.room.listener_m;
    v2s_vec3 moved = {at.x - b->source_m.x, at.y - b->source_m.y, at.z - b->source_m.z};
    if (b->has_response && v2s_norm(moved) <= keep_m)
        return;
    v2s_vec3 to = {at.x - l.x, at.y - l.y, at.z - l.z};
    double ahead = b->relative ? v2s_norm(to) * b->builder.rate_hz / V2S_SPEED_OF_SOUND_M_S : 0.0;
    v2s_room_builder_run(&b->builder, at, ahead, b->response);
    b->has_response = true;
    b->source_m = at;
}

void v2s_room_blocks_push(v2s_room_blocks *b, int64_t time, const float *x, v2s_room_ring *ring) {
    size_t hop = b->hop, bins = b->builder.bins, n = b->builder.n;
    memmove(b->sound, b->sound + hop, hop * sizeof *b->sound);
    memcpy(b->sound + hop, x, hop * sizeof *x);
    bool silent = true;
    for (size_t i = 0; i < hop; i++) {
        float rise = (float)i / (float)hop;
        b->block[i] = rise * b->sound[i];
        b->block[hop + i] = (1.0f - rise) * b->sound[hop + i];
    }
    for (size_t i = 0; i < 2 * hop; i++)
        silent = silent && b->block[i] == 0.0f;
    if (silent)
        return;
    memset(b->block + 2 * hop, 0, (n - 2 * hop) * sizeof *b->block);
    follow(b, time);
    v2s_fft_real_forward(b->builder.fft, b->block, b->x);
    for (int c = 0; c < 4; c++) {
        const v2s_complex *h = b->response + (size_t)c * bins;
        for (size_t k = 0; k < bins; k++) {
            b->y[k].re = h[k].re * b->x[k].re - h[k].im * b->x[k].im;
            b->y[k].im = h[k].re * b->x[k].im + h[k].im * b->x[k].re;
        }
        v2s_fft_real_inverse(b->builder.fft, b->y, b->block);
        v2s_room_ring_add(ring, time - (int64_t)hop - V2S_ROOM_HALF, c, b->block,
                          b->builder.reach + 2 * hop);
    }
}

void v2s_room_blocks_close(v2s_room_blocks *b) {
    v2s_room_builder_close(&b->builder);
    v2s_fft_free(b->sound);
    v2s_fft_free(b->block);
    v2s_fft_free(b->response);
    v2s_fft_free(b->x);
    v2s_fft_free(b->y);
    *b = (v2s_room_blocks){0};
}
