// SPDX-License-Identifier: MIT
#include "infer/room_setup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/sound_in.h"
#include "kernels/resample.h"

static const double direct_s = 0.0025; // of a response, after its strongest sample
static const double fade_s = 0.001;    // in of what follows it
static const double max_response_s = 30.0;

const v2s_vec3 v2s_room_setup_box_m = {8, 6, 3};

// ---- options ----------------------------------------------------------------------------------

// "A,B,C" of exactly `count` numbers; false otherwise.
static bool parse_numbers(const char *text, double *numbers, int count) {
    char copy[256];
    if (strlen(text) >= sizeof copy)
        return false;
    strcpy(copy, text);
    char *rest = copy;
    for (int i = 0; i < count; i++) {
        const char *field = strsep(&rest, ",");
        if (field == NULL || !v2s_parse_number(field, &numbers[i]))
            return false;
    }
    return rest == NULL;
}

static v2s_status parse_place(const char *option, const char *text, v2s_vec3 *place) {
    double v[3];
    if (!parse_numbers(text, v, 3))
        return V2S_FAIL(V2S_USAGE, "%s: '%s' is not three numbers of metres with commas between",
                        option, text);
    *place = (v2s_vec3){v[0], v[1], v[2]};
    return V2S_OK;
}

v2s_status v2s_room_setup_bands(const char *option, const char *text,
                                double bands[V2S_ROOM_BANDS]) {
    if (parse_numbers(text, bands, V2S_ROOM_BANDS))
        return V2S_OK;
    if (!parse_numbers(text, bands, 1))
        return V2S_FAIL(V2S_USAGE,
                        "%s: '%s' is neither one number nor eight, one for each octave from 63 Hz "
                        "to 8 kHz",
                        option, text);
    for (int b = 1; b < V2S_ROOM_BANDS; b++)
        bands[b] = bands[0];
    return V2S_OK;
}

static v2s_status check_options(const v2s_settings *s) {
    // --rt60 alone may be meant for a refiner that makes the room (infer/refiner_stage.h).
    const char *const needs_room[] = {s->rt60, s->absorption, s->listener};
    const char *const names[] = {"--rt60", "--absorption", "--listener"};
    if (s->room != NULL && s->room_response != NULL)
        return V2S_FAIL(V2S_USAGE, "--room and --room-response contradict each other");
    for (int i = 0; i < 3; i++)
        if (needs_room[i] != NULL && s->room == NULL && !(i == 0 && s->refiner != NULL))
            return V2S_FAIL(V2S_USAGE, "%s needs --room L,W,H", names[i]);
    if (s->room_order >= 0 && s->room == NULL)
        return V2S_FAIL(V2S_USAGE, "--room-order needs --room L,W,H");
    if (s->room == NULL)
        return V2S_OK;
    if (s->rt60 == NULL && s->absorption == NULL)
        return V2S_FAIL(V2S_USAGE, "--room needs --rt60 SECONDS or --absorption A");
    if (s->rt60 != NULL && s->absorption != NULL)
        return V2S_FAIL(V2S_USAGE, "--rt60 and --absorption contradict each other");
    return V2S_OK;
}

// All that is not asked for; no walls yet.
static v2s_room usual_room(v2s_vec3 l) {
    return (v2s_room){.size_m = l,
                      .listener_m = {l.x / 2, l.y / 2, l.z > 3.0 ? 1.5 : l.z / 2},
                      .order = -1,
                      .early_s = v2s_room_mixing_s(l),
                      .tail = true,
                      .min_distance_m = 0.5};
}

static void cover_walls(v2s_room *room, const double absorption[V2S_ROOM_BANDS]) {
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        memcpy(room->absorption[w], absorption, sizeof room->absorption[w]);
}

v2s_status v2s_room_setup_of_rt60(v2s_vec3 size_m, const double rt60_s[V2S_ROOM_BANDS],
                                  v2s_room_setup *setup) {
    double absorption[V2S_ROOM_BANDS];
    V2S_TRY(v2s_room_absorption_of_rt60(size_m, rt60_s, absorption));
    v2s_room_setup made = {.has_room = true, .room = usual_room(size_m)};
    cover_walls(&made.room, absorption);
    *setup = made;
    return V2S_OK;
}

static v2s_status parse_room(const v2s_settings *s, v2s_room *room) {
    double bands[V2S_ROOM_BANDS];
    v2s_vec3 size = {0};
    V2S_TRY(parse_place("--room", s->room, &size));
    *room = usual_room(size);
    if (s->listener != NULL)
        V2S_TRY(parse_place("--listener", s->listener, &room->listener_m));
    if (s->rt60 != NULL) {
        V2S_TRY(v2s_room_setup_bands("--rt60", s->rt60, bands));
        V2S_TRY(v2s_room_absorption_of_rt60(room->size_m, bands, bands));
    } else {
        V2S_TRY(v2s_room_setup_bands("--absorption", s->absorption, bands));
    }
    cover_walls(room, bands);
    // With an order limit the tail fills in from the first image that is left out.
    if (s->room_order >= 0) {
        room->order = (int)s->room_order;
        room->early_s = 0.0;
    }
    room->tail = s->room_tail == V2S_SWITCH_ON;
    room->min_distance_m = s->min_distance_m;
    room->seed = (uint64_t)s->seed;
    return v2s_room_check(room);
}

// ---- response ---------------------------------------------------------------------------------

static v2s_status read_all(v2s_sound_in *in, v2s_room_setup *setup) {
    size_t most = (size_t)(max_response_s * setup->response_rate_hz);
    V2S_TRY(v2s_sound_in_read_rest(in, most, &setup->response, &setup->frames));
    if (setup->frames > most)
        return V2S_FAIL(V2S_ARG, "%s: longer than %g s: no room response", setup->path,
                        max_response_s);
    for (size_t t = 0; t < setup->frames; t++)
        if (setup->response[4 * t] != 0.0F)
            return V2S_OK;
    return V2S_FAIL(V2S_FORMAT, "%s: W is silent: no room response", setup->path);
}

static v2s_status read_response(v2s_room_setup *setup) {
    v2s_sound_in *in = NULL;
    V2S_TRY(v2s_sound_in_open(setup->path, &in));
    const v2s_sound_info *info = v2s_sound_in_info(in);
    setup->response_rate_hz = info->rate_hz;
    v2s_status status = V2S_OK;
    if (info->channels != V2S_FOA_CHANNELS)
        status = V2S_FAIL(V2S_FORMAT, "%s: %d channels; a room response has 4 (AmbiX: W,Y,Z,X)",
                          setup->path, info->channels);
    if (status == V2S_OK)
        status = read_all(in, setup);
    v2s_sound_in_close(&in);
    return status;
}

v2s_status v2s_room_setup_open(const v2s_settings *s, v2s_room_setup *setup) {
    v2s_room_setup made = {.has_room = s->room != NULL, .path = s->room_response};
    V2S_TRY(check_options(s));
    v2s_status status = V2S_OK;
    if (made.has_room) {
        status = parse_room(s, &made.room);
        status = status == V2S_ARG ? V2S_USAGE : status;
    }
    if (status == V2S_OK && made.path != NULL)
        status = read_response(&made);
    if (status != V2S_OK) {
        v2s_room_setup_close(&made);
        return status;
    }
    *setup = made;
    return V2S_OK;
}

// Sample of the strongest W.
static size_t strongest(const float *foa, size_t frames) {
    size_t peak = 0;
    for (size_t t = 1; t < frames; t++)
        if (fabsf(foa[4 * t]) > fabsf(foa[4 * peak]))
            peak = t;
    return peak;
}

// Cuts the direct sound off foa, scales the rest; *from is its first frame that is left.
static size_t cut_direct(float *foa, size_t frames, double rate_hz, double distance_m,
                         size_t *from) {
    size_t peak = strongest(foa, frames), near = (size_t)(direct_s * rate_hz);
    size_t fade = (size_t)(fade_s * rate_hz) + 1;
    double energy = 0.0;
    for (size_t t = peak > near ? peak - near : 0; t < frames && t <= peak + near; t++)
        energy += (double)foa[4 * t] * foa[4 * t];
    double gain = 1.0 / (distance_m * sqrt(energy));
    *from = peak + near;
    for (size_t t = *from; t < frames; t++) {
        double rise = fmin((double)(t - *from + 1) / (double)fade, 1.0);
        for (size_t c = 0; c < 4; c++)
            foa[4 * t + c] *= (float)(gain * rise);
    }
    return peak;
}

static v2s_status response_renderer(const v2s_room_setup *setup, double rate_hz,
                                    const v2s_trajectory *trajectory, bool doppler,
                                    double min_distance_m, v2s_room_renderer **renderer) {
    float *foa = NULL;
    size_t frames = 0, from;
    V2S_TRY(v2s_resample(setup->response, setup->frames, 4, setup->response_rate_hz, rate_hz, &foa,
                         &frames));
    double distance_m = v2s_trajectory_at(trajectory, 0.0, NULL).distance_m;
    size_t peak = cut_direct(foa, frames, rate_hz, fmax(distance_m, min_distance_m), &from);
    double later = doppler ? distance_m / V2S_SPEED_OF_SOUND_M_S * rate_hz : 0.0;
    v2s_status status = V2S_OK;
    if (from >= frames)
        status = V2S_FAIL(V2S_FORMAT, "%s: nothing follows the direct sound: no room response",
                          setup->path);
    else
        status = v2s_room_renderer_open_response(
            foa + 4 * from, frames - from, from - peak + (size_t)(later + 0.5), rate_hz, renderer);
    free(foa);
    return status;
}

v2s_status v2s_room_setup_renderer(const v2s_room_setup *setup, double rate_hz,
                                   const v2s_trajectory *trajectory, bool doppler,
                                   double min_distance_m, v2s_room_renderer **renderer) {
    if (setup->path != NULL)
        return response_renderer(setup, rate_hz, trajectory, doppler, min_distance_m, renderer);
    v2s_room_renderer_config config = {
        .room = setup->room, .rate_hz = rate_hz, .trajectory = trajectory, .doppler = doppler};
    // Another tail for every object: the same would make their reverberation coherent.
    for (const char *c = trajectory->name; *c != '\0'; c++)
        config.room.seed = config.room.seed * 1099511628211u + (unsigned char)*c;
    return v2s_room_renderer_open(&config, renderer);
}

// ---- words ------------------------------------------------------------------------------------

void v2s_room_setup_check_paths(const v2s_room_setup *setup, const v2s_trajectory_set *paths,
                                v2s_run_log *log) {
    for (size_t i = 0; setup->has_room && i < paths->count; i++) {
        const v2s_trajectory *t = &paths->items[i];
        size_t out = 0;
        v2s_vec3 l = setup->room.listener_m;
        for (size_t p = 0; p < t->count; p++) {
            double d = t->points[p].distance_m;
            v2s_vec3 u = t->points[p].unit, at = {l.x + d * u.x, l.y + d * u.y, l.z + d * u.z};
            bool outside;
            v2s_room_nearest_inside(setup->room.size_m, at, &outside);
            out += outside;
        }
        if (out > 0)
            v2s_run_log_warn(log,
                             "object %s: %zu of %zu points lie outside the room; its reflections "
                             "come from the nearest place inside",
                             t->name, out, t->count);
    }
}

void v2s_room_setup_report(const v2s_room_setup *setup, v2s_run_log *log) {
    if (setup->path != NULL) {
        v2s_run_log_row(log, "room", "response %s, %.2f s; the direct sound by geometry",
                        setup->path, (double)setup->frames / setup->response_rate_hz);
        v2s_run_log_text(log, "room", setup->path);
        return;
    }
    if (!setup->has_room) {
        v2s_run_log_text(log, "room", NULL);
        return;
    }
    const v2s_room *r = &setup->room;
    double rt60_s[V2S_ROOM_BANDS];
    v2s_room_rt60(r, rt60_s);
    char images[64];
    if (r->order < 0)
        snprintf(images, sizeof images, "all reflections to %.0f ms", 1e3 * r->early_s);
    else
        snprintf(images, sizeof images, "up to %d reflections", r->order);
    v2s_run_log_row(log, "room", "%g x %g x %g m, listener at %g,%g,%g; %s, %s", r->size_m.x,
                    r->size_m.y, r->size_m.z, r->listener_m.x, r->listener_m.y, r->listener_m.z,
                    images, r->tail ? "then a diffuse tail" : "no tail");
    v2s_run_log_row(log, "decay time", "%.2f s at 125 Hz, %.2f s at 1 kHz, %.2f s at 8 kHz",
                    rt60_s[1], rt60_s[4], rt60_s[7]);
    v2s_run_log_text(log, "room", "shoebox");
    v2s_run_log_number(log, "rt60_s", rt60_s[4]);
}

void v2s_room_setup_close(v2s_room_setup *setup) {
    free(setup->response);
    *setup = (v2s_room_setup){0};
}
