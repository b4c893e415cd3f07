// SPDX-License-Identifier: MIT
#include "spatial/room_builder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/conventions.h"

static v2s_status take_memory(v2s_room_builder *b) {
    // Off the powers of two, so that the same sample of all planes does not fall on one cache set.
    b->pitch = (b->n + 15) / 16 * 16 + 80;
    b->planes = v2s_fft_alloc(4 * (size_t)b->images.pivots * b->pitch, sizeof *b->planes);
    b->work = v2s_fft_alloc(b->bins, sizeof *b->work);
    bool ok = b->planes != NULL && b->work != NULL;
    for (int axis = 0; axis < 3; axis++) {
        size_t count = (size_t)(b->images.high[axis] - b->images.low[axis] + 1);
        b->along[axis] = malloc(count * sizeof *b->along[axis]);
        ok = ok && b->along[axis] != NULL;
    }
    return ok ? V2S_OK : V2S_FAIL(V2S_NOMEM, "room: out of memory for a response of %zu", b->n);
}

size_t v2s_room_fft_length(size_t least) {
    size_t fast = v2s_fft_length_above(least), power = 16;
    while (power < least)
        power *= 2;
    return v2s_fft_length_ok(power) && 5 * power <= 8 * fast ? power : fast;
}

v2s_status v2s_room_builder_open(const v2s_room_builder_config *config, v2s_room_builder *builder) {
    const v2s_room *room = config->room;
    double rate_hz = config->rate_hz;
    bool flat = config->bands->flat;
    v2s_room_builder b = {.room = *room, .rate_hz = rate_hz, .radius_m = INFINITY};
    b.ops = v2s_room_ops_for(v2s_cpu_isa());
    if (room->order < 0)
        b.radius_m = room->early_s * V2S_SPEED_OF_SOUND_M_S;
    v2s_status status;
    V2S_TRY(v2s_room_images_open(room, config->bands, config->from_order, config->to_order,
                                 b.radius_m, config->remainder, &b.images));
    V2S_TRY_GOTO(status, v2s_room_kernel_make(&b.table), done);
    double longest = b.images.longest_m * rate_hz / V2S_SPEED_OF_SOUND_M_S;
    b.span = (size_t)longest + 2 * V2S_ROOM_HALF + 2;
    b.reach = b.span + (flat ? 0 : (size_t)(config->ring_s * rate_hz));
    b.n = v2s_room_fft_length(b.reach + config->room_frames + 16);
    if (b.n == 0) {
        status =
            V2S_FAIL(V2S_ARG, "room: response of %zu samples: too long; limit the order", b.reach);
        goto done;
    }
    b.bins = b.n / 2 + 1;
    if (!flat || !config->time_only)
        V2S_TRY_GOTO(status, v2s_fft_real_open(b.n, &b.fft), done);
    V2S_TRY_GOTO(status, take_memory(&b), done);
    if (!flat)
        V2S_TRY_GOTO(status,
                     v2s_room_pivot_spectra(&b.images, config->bands, rate_hz, b.n, &b.pivots),
                     done);
done:
    if (status != V2S_OK) {
        v2s_room_builder_close(&b);
        return status;
    }
    *builder = b;
    return V2S_OK;
}

static void spread_images(v2s_room_builder *b, double ahead_frames) {
    const v2s_room_images *im = &b->images;
    const double *x = b->along[0] - im->low[0], *y = b->along[1] - im->low[1],
                 *z = b->along[2] - im->low[2];
    double frames_of_m = b->rate_hz / V2S_SPEED_OF_SOUND_M_S, last = (double)b->span;
    double limit = b->radius_m * b->radius_m;
    int pivots = im->pivots;
    bool flat = b->pivots == NULL;
    double least_m = b->room.min_distance_m;
    for (size_t i = 0; i < im->count; i++) {
        const v2s_room_image *image = &im->items[i];
        double dx = x[image->m[0]], dy = y[image->m[1]], dz = z[image->m[2]];
        double square = dx * dx + dy * dy + dz * dz;
        if (square > limit && image->order > 0)
            continue;
        double distance_m = sqrt(square);
        double position = distance_m * frames_of_m - ahead_frames + V2S_ROOM_HALF;
        if (!(position >= V2S_ROOM_HALF - 1 && position + V2S_ROOM_HALF < last))
            continue;
        size_t whole = (size_t)position;
        double inverse = distance_m > 0.0 ? 1.0 / distance_m : 0.0;
        double gain = distance_m > least_m ? inverse : 1.0 / least_m, per_m = gain * inverse;
        const float level[4] = {(float)gain, (float)(per_m * dy), (float)(per_m * dz),
                                (float)(per_m * dx)};
        float gains[4 * V2S_ROOM_MAX_PIVOTS];
        for (int p = 0; p < pivots; p++) {
            float share = flat ? v2s_room_flat_gain(im, image)
                               : im->coefficient[image->row * (size_t)pivots + (size_t)p];
            for (int c = 0; c < 4; c++)
                gains[4 * p + c] = level[c] * share;
        }
        float phase = (float)((position - (double)whole) * V2S_ROOM_PHASES);
        int index = (int)phase < V2S_ROOM_PHASES ? (int)phase : V2S_ROOM_PHASES - 1;
        b->ops->spread(b->table + (size_t)index * V2S_ROOM_TAPS, phase - (float)index, gains,
                       4 * pivots, b->pitch, b->planes + whole - (V2S_ROOM_HALF - 1));
    }
}

// Fills the planes.
static void place_images(v2s_room_builder *b, v2s_vec3 source_m, double ahead_frames) {
    const double source[3] = {source_m.x, source_m.y, source_m.z};
    const double listener[3] = {b->room.listener_m.x, b->room.listener_m.y, b->room.listener_m.z};
    const double length[3] = {b->room.size_m.x, b->room.size_m.y, b->room.size_m.z};
    for (int axis = 0; axis < 3; axis++)
        for (int m = b->images.low[axis]; m <= b->images.high[axis]; m++)
            b->along[axis][m - b->images.low[axis]] =
                v2s_room_image_at(m, length[axis], source[axis]) - listener[axis];
    for (int p = 0; p < 4 * b->images.pivots; p++)
        memset(b->planes + (size_t)p * b->pitch, 0, b->span * sizeof *b->planes);
    spread_images(b, ahead_frames);
}

void v2s_room_builder_run(v2s_room_builder *b, v2s_vec3 source_m, double ahead_frames,
                          v2s_complex *spectrum) {
    place_images(b, source_m, ahead_frames);
    for (int c = 0; c < 4; c++) {
        v2s_complex *to = spectrum + (size_t)c * b->bins;
        if (b->pivots == NULL) {
            v2s_fft_real_forward(b->fft, b->planes + (size_t)c * b->pitch, to);
            continue;
        }
        memset(to, 0, b->bins * sizeof *to);
        for (int p = 0; p < b->images.pivots; p++) {
            v2s_fft_real_forward(b->fft, b->planes + (size_t)(4 * p + c) * b->pitch, b->work);
            b->ops->multiply_add(b->pivots + (size_t)p * b->bins, b->work, b->bins, to);
        }
    }
}

static void write_channel(const float *time, size_t reach, float *out) {
    for (size_t t = 0; t < reach; t++)
        out[4 * t] = time[t];
}

v2s_status v2s_room_builder_time(v2s_room_builder *b, v2s_vec3 source_m, double ahead_frames,
                                 float *foa) {
    if (b->pivots == NULL) {
        place_images(b, source_m, ahead_frames);
        for (size_t c = 0; c < 4; c++)
            write_channel(b->planes + c * b->pitch, b->reach, foa + c);
        return V2S_OK;
    }
    v2s_complex *spectrum = v2s_fft_alloc(4 * b->bins, sizeof *spectrum);
    float *time = v2s_fft_alloc(b->n, sizeof *time);
    v2s_status status =
        spectrum && time ? V2S_OK : V2S_FAIL(V2S_NOMEM, "room: out of memory for a response");
    if (status == V2S_OK)
        v2s_room_builder_run(b, source_m, ahead_frames, spectrum);
    for (size_t c = 0; status == V2S_OK && c < 4; c++) {
        v2s_fft_real_inverse(b->fft, spectrum + c * b->bins, time);
        write_channel(time, b->reach, foa + c);
    }
    v2s_fft_free(spectrum);
    v2s_fft_free(time);
    return status;
}

void v2s_room_builder_close(v2s_room_builder *b) {
    v2s_room_images_close(&b->images);
    free(b->table);
    v2s_fft_real_close(&b->fft);
    v2s_fft_free(b->pivots);
    v2s_fft_free(b->work);
    v2s_fft_free(b->planes);
    for (int axis = 0; axis < 3; axis++)
        free(b->along[axis]);
    *b = (v2s_room_builder){0};
}
