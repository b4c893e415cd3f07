// SPDX-License-Identifier: MIT
#include "spatial/room_lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/conventions.h"

enum { STEP = V2S_ROOM_STEP, MAX_ROUNDS = 8 };

static const double solved_frames = 1e-3; // change of p after which the next is below v/c of it

// ---- where the source was ---------------------------------------------------------------------

static v2s_vec3 *place_at(const v2s_room_lines *s, int64_t number) {
    int64_t count = (int64_t)s->place_count;
    return &s->places[((number % count) + count) % count];
}

static void add_place(v2s_room_lines *s) {
    s->place_last++;
    *place_at(s, s->place_last) = v2s_room_path_at(s->path, (double)s->place_last * STEP);
}

static v2s_vec3 source_at(const v2s_room_lines *s, double frame) {
    double x = frame / STEP, whole = floor(x), share = x - whole;
    int64_t number = (int64_t)whole;
    v2s_vec3 a = *place_at(s, number);
    if (number >= s->place_last)
        return *place_at(s, s->place_last);
    v2s_vec3 b = *place_at(s, number + 1);
    return (v2s_vec3){a.x + share * (b.x - a.x), a.y + share * (b.y - a.y),
                      a.z + share * (b.z - a.z)};
}

// ---- one image --------------------------------------------------------------------------------

static v2s_vec3 image_of(const v2s_room_lines *s, const v2s_room_image *image, v2s_vec3 source) {
    const v2s_room *r = &s->room;
    return (v2s_vec3){v2s_room_image_at(image->m[0], r->size_m.x, source.x) - r->listener_m.x,
                      v2s_room_image_at(image->m[1], r->size_m.y, source.y) - r->listener_m.y,
                      v2s_room_image_at(image->m[2], r->size_m.z, source.z) - r->listener_m.z};
}

// State at output n; heard_at is n or, with relative delays, n + d_0(n) rate / c.
static v2s_room_line_state solve(const v2s_room_lines *s, const v2s_room_image *image, double n,
                                 double heard_at, double guess) {
    double frames_of_m = s->rate_hz / V2S_SPEED_OF_SOUND_M_S, p = guess, distance_m = 0.0;
    double oldest = n - (double)(s->history - s->hop) + 2 * STEP;
    v2s_vec3 to = {0};
    for (int i = 0; i < MAX_ROUNDS; i++) {
        p = fmin(fmax(p, oldest), n);
        to = image_of(s, image, source_at(s, p));
        distance_m = v2s_norm(to);
        double next = heard_at - distance_m * frames_of_m;
        double change = next - p;
        p = next;
        if (fabs(change) < solved_frames)
            break;
    }
    v2s_room_line_state state = {fmin(fmax(p, oldest), n), {0}};
    if (distance_m > s->radius_m)
        return state;
    float coefficient = s->flat ? v2s_room_flat_gain(&s->images, image) : 1.0f;
    float gain = coefficient / (float)fmax(distance_m, s->room.min_distance_m);
    float per_m = distance_m > 0.0 ? gain / (float)distance_m : 0.0f;
    state.gain[0] = gain;
    state.gain[1] = per_m * (float)to.y;
    state.gain[2] = per_m * (float)to.z;
    state.gain[3] = per_m * (float)to.x;
    return state;
}

static const float *line_of(const v2s_room_lines *s, const v2s_room_image *image) {
    return s->line + (s->flat ? 0 : image->row) * s->pitch;
}

// `first` is the sample that line[0] holds.
static void read_image(const v2s_room_lines *s, const v2s_room_image *image, double first,
                       const v2s_room_line_state *from, const v2s_room_line_state *to, float *out) {
    const float *line = line_of(s, image);
    float slope[4], zero[4] = {0};
    double rate = (to->position - from->position) / STEP;
    if (fabs(rate - 1.0) <= 0.5) {
        for (int c = 0; c < 4; c++)
            slope[c] = (to->gain[c] - from->gain[c]) * (1.0f / STEP);
        s->ops->read(s->table, line, from->position - first, rate, STEP, from->gain, slope, out);
        return;
    }
    for (int c = 0; c < 4; c++)
        slope[c] = -from->gain[c] * (1.0f / STEP);
    s->ops->read(s->table, line, from->position - first, 1.0, STEP, from->gain, slope, out);
    for (int c = 0; c < 4; c++)
        slope[c] = to->gain[c] * (1.0f / STEP);
    s->ops->read(s->table, line, to->position - STEP - first, 1.0, STEP, zero, slope, out);
}

// Outputs n .. n + STEP - 1.
static void run_step(v2s_room_lines *s, int64_t n, double first, float *out) {
    add_place(s);
    double end = (double)(n + STEP), heard_at = end;
    if (s->relative) {
        v2s_vec3 at = source_at(s, end), l = s->room.listener_m;
        v2s_vec3 to = {at.x - l.x, at.y - l.y, at.z - l.z};
        heard_at += v2s_norm(to) * s->rate_hz / V2S_SPEED_OF_SOUND_M_S;
    }
    for (size_t i = 0; i < s->images.count; i++) {
        const v2s_room_image *image = &s->images.items[i];
        v2s_room_line_state next = solve(s, image, end, heard_at, s->state[i].position + STEP);
        read_image(s, image, first, &s->state[i], &next, out);
        s->state[i] = next;
    }
}

// ---- walls ------------------------------------------------------------------------------------

// The pivots' outputs for the hop, overlap-add.
static void filter_hop(v2s_room_lines *s, const float *x) {
    memcpy(s->block, x, s->hop * sizeof *x);
    memset(s->block + s->hop, 0, (s->n - s->hop) * sizeof *x);
    v2s_fft_real_forward(s->fft, s->block, s->x);
    for (int p = 0; p < s->images.pivots; p++) {
        const v2s_complex *h = s->pivots + (size_t)p * s->bins;
        float *ringing = s->ringing + (size_t)p * s->n;
        memset(s->y, 0, s->bins * sizeof *s->y);
        s->ops->multiply_add(h, s->x, s->bins, s->y);
        v2s_fft_real_inverse(s->fft, s->y, s->block);
        for (size_t t = 0; t < s->n; t++)
            ringing[t] += s->block[t];
        memcpy(s->filtered + (size_t)p * s->hop, ringing, s->hop * sizeof *ringing);
        memmove(ringing, ringing + s->hop, (s->n - s->hop) * sizeof *ringing);
        memset(ringing + s->n - s->hop, 0, s->hop * sizeof *ringing);
    }
}

static void extend_lines(v2s_room_lines *s, const float *x) {
    if (!s->flat)
        filter_hop(s, x);
    int pivots = s->images.pivots;
    for (size_t r = 0; r < s->lines; r++) {
        float *line = s->line + r * s->pitch, *to = line + s->history;
        memmove(line, line + s->hop, s->history * sizeof *line);
        if (s->flat) {
            memcpy(to, x, s->hop * sizeof *x);
            continue;
        }
        memset(to, 0, s->hop * sizeof *to);
        for (int p = 0; p < pivots; p++) {
            float share = s->images.coefficient[r * (size_t)pivots + (size_t)p];
            const float *from = s->filtered + (size_t)p * s->hop;
            for (size_t t = 0; t < s->hop; t++)
                to[t] += share * from[t];
        }
    }
}

// States at output n, so that a step can begin there.
static void start(v2s_room_lines *s, int64_t n) {
    s->place_last = n / STEP - (int64_t)s->place_count;
    while (s->place_last < n / STEP)
        add_place(s);
    v2s_vec3 at = source_at(s, (double)n), l = s->room.listener_m;
    v2s_vec3 to = {at.x - l.x, at.y - l.y, at.z - l.z};
    double direct = s->relative ? v2s_norm(to) * s->rate_hz / V2S_SPEED_OF_SOUND_M_S : 0.0;
    for (size_t i = 0; i < s->images.count; i++)
        s->state[i] = solve(s, &s->images.items[i], (double)n, (double)n + direct, (double)n);
}

static bool is_silent(const float *x, size_t frames) {
    for (size_t t = 0; t < frames; t++)
        if (x[t] != 0.0f)
            return false;
    return true;
}

void v2s_room_lines_push(v2s_room_lines *s, int64_t time, const float *x, v2s_room_ring *ring) {
    // Nothing left in any line: so it stays until sound comes.
    bool silent = is_silent(x, s->hop);
    s->silent = silent ? s->silent + s->hop : 0;
    if (s->silent > s->history + s->hop + s->n) {
        s->idle = true;
        return;
    }
    if (s->idle)
        start(s, time - STEP);
    s->idle = false;
    extend_lines(s, x);
    memset(s->out, 0, 4 * s->hop * sizeof *s->out);
    double first = (double)time - (double)s->history;
    for (size_t t = 0; t < s->hop; t += STEP)
        run_step(s, time - STEP + (int64_t)t, first, s->out + 4 * t);
    v2s_room_ring_add_frames(ring, time - STEP, s->out, s->hop);
}

// ---- life -------------------------------------------------------------------------------------

static v2s_status take_memory(v2s_room_lines *s) {
    size_t pivots = (size_t)s->images.pivots;
    s->pitch = (s->history + s->hop + 15) / 16 * 16;
    s->place_count = s->history / STEP + 8;
    s->line = v2s_fft_alloc(s->lines * s->pitch + 16, sizeof *s->line);
    s->state = calloc(s->images.count + 1, sizeof *s->state);
    s->places = malloc(s->place_count * sizeof *s->places);
    s->out = v2s_fft_alloc(4 * s->hop, sizeof *s->out);
    bool ok = s->line && s->state && s->places && s->out;
    if (!s->flat) {
        s->x = v2s_fft_alloc(s->bins, sizeof *s->x);
        s->y = v2s_fft_alloc(s->bins, sizeof *s->y);
        s->block = v2s_fft_alloc(s->n, sizeof *s->block);
        s->ringing = v2s_fft_alloc(pivots * s->n, sizeof *s->ringing);
        s->filtered = v2s_fft_alloc(pivots * s->hop, sizeof *s->filtered);
        ok = ok && s->x && s->y && s->block && s->ringing && s->filtered;
    }
    return ok ? V2S_OK : V2S_FAIL(V2S_NOMEM, "room: out of memory");
}

static v2s_status open_filters(v2s_room_lines *s, const v2s_room_bands *bands) {
    s->n = v2s_fft_length_above(s->hop + (size_t)(V2S_ROOM_RING_S * s->rate_hz));
    s->bins = s->n / 2 + 1;
    V2S_TRY(v2s_fft_real_open(s->n, &s->fft));
    return v2s_room_pivot_spectra(&s->images, bands, s->rate_hz, s->n, &s->pivots);
}

v2s_status v2s_room_lines_open(const v2s_room *room, const v2s_room_bands *bands, double rate_hz,
                               int from_order, int to_order, size_t hop, bool relative,
                               v2s_room_path *path, v2s_room_lines *lines) {
    v2s_room_lines s = {.room = *room,
                        .rate_hz = rate_hz,
                        .radius_m =
                            room->order < 0 ? room->early_s * V2S_SPEED_OF_SOUND_M_S : INFINITY,
                        .relative = relative,
                        .flat = bands->flat,
                        .hop = hop,
                        .path = path,
                        .ops = v2s_room_ops_for(v2s_cpu_isa())};
    V2S_ASSERT(hop % STEP == 0);
    v2s_status status;
    V2S_TRY(v2s_room_images_open(room, bands, from_order, to_order, s.radius_m, V2S_ROOM_EXACT,
                                 &s.images));
    double longest = s.images.longest_m * rate_hz / V2S_SPEED_OF_SOUND_M_S;
    s.history = ((size_t)longest / STEP + 6) * STEP + hop;
    s.lines = s.flat ? 1 : s.images.rows;
    V2S_TRY_GOTO(status, v2s_room_read_kernel_make(&s.table), done);
    if (!s.flat)
        V2S_TRY_GOTO(status, open_filters(&s, bands), done);
    V2S_TRY_GOTO(status, take_memory(&s), done);
    s.idle = true;
    s.silent = s.history + s.hop + s.n;
done:
    if (status != V2S_OK) {
        v2s_room_lines_close(&s);
        return status;
    }
    *lines = s;
    return V2S_OK;
}

void v2s_room_lines_close(v2s_room_lines *s) {
    v2s_room_images_close(&s->images);
    free(s->table);
    free(s->state);
    free(s->places);
    v2s_fft_free(s->line);
    v2s_fft_real_close(&s->fft);
    v2s_fft_free(s->pivots);
    v2s_fft_free(s->x);
    v2s_fft_free(s->y);
    v2s_fft_free(s->block);
    v2s_fft_free(s->ringing);
    v2s_fft_free(s->filtered);
    v2s_fft_free(s->out);
    *s = (v2s_room_lines){0};
}
