// SPDX-License-Identifier: MIT
#include "train/venue.h"

#include <math.h>
#include <string.h>

// Energy absorption by octave, 63 Hz to 8 kHz: typical values of the kinds of material that
// building acoustics tabulates (Kuttruff, "Room Acoustics", tables of chapter 2; Vorlaender,
// "Auralization", annex), rounded. Only the shape matters: v2s_venue_draw scales them.
static const double MATERIALS[][V2S_ROOM_BANDS] = {
    {0.02, 0.02, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07}, // concrete, stone
    {0.02, 0.02, 0.03, 0.03, 0.04, 0.05, 0.07, 0.08}, // brick, painted plaster
    {0.25, 0.28, 0.20, 0.12, 0.08, 0.07, 0.07, 0.07}, // plasterboard on battens
    {0.35, 0.30, 0.20, 0.12, 0.08, 0.06, 0.05, 0.05}, // windows
    {0.20, 0.22, 0.18, 0.12, 0.10, 0.09, 0.08, 0.08}, // wood panels, doors
    {0.10, 0.12, 0.10, 0.07, 0.06, 0.06, 0.07, 0.07}, // parquet
    {0.03, 0.04, 0.07, 0.15, 0.30, 0.45, 0.55, 0.60}, // carpet
    {0.06, 0.10, 0.25, 0.45, 0.60, 0.65, 0.65, 0.65}, // heavy curtain
    {0.15, 0.25, 0.50, 0.75, 0.85, 0.85, 0.80, 0.75}, // mineral wool ceiling
    {0.10, 0.15, 0.30, 0.45, 0.60, 0.65, 0.65, 0.65}, // furniture, people
    {0.12, 0.20, 0.22, 0.20, 0.20, 0.22, 0.25, 0.28}, // shelves, diffusers
};
enum { MATERIAL_COUNT = sizeof MATERIALS / sizeof MATERIALS[0] };

static const double GROUNDS[][V2S_ROOM_BANDS] = {
    {0.01, 0.02, 0.02, 0.03, 0.03, 0.04, 0.05, 0.06}, // asphalt, water
    {0.10, 0.15, 0.25, 0.40, 0.55, 0.60, 0.60, 0.60}, // gravel, soil
    {0.10, 0.12, 0.25, 0.45, 0.65, 0.80, 0.90, 0.90}, // grass
    {0.15, 0.45, 0.75, 0.90, 0.95, 0.95, 0.95, 0.95}, // snow
};
enum { GROUND_COUNT = sizeof GROUNDS / sizeof GROUNDS[0] };

enum { FLOOR = 4, SIZE_TRIES = 400, BISECTIONS = 60, BAND_500_HZ = 3, BAND_1K_HZ = 4 };

static const double LOWEST_ABSORPTION = 0.01, HIGHEST_ABSORPTION = 0.99;

static const char *const NAMES[V2S_VENUE_KIND_COUNT] = {"room", "booth", "outdoor", "free field"};

const char *v2s_venue_kind_name(v2s_venue_kind kind) {
    return NAMES[kind];
}

static double log_between(v2s_rng *rng, double low, double high) {
    return low * exp(v2s_rng_uniform(rng) * log(high / low));
}

// ---- absorption -------------------------------------------------------------------------------

static double mid_rt60_s(const v2s_room *room) {
    double rt60_s[V2S_ROOM_BANDS];
    v2s_room_rt60(room, rt60_s);
    return (rt60_s[BAND_500_HZ] + rt60_s[BAND_1K_HZ]) / 2;
}

// Reflection factors to the power `exponent`: more of the same material, or less.
static void scale(const double base[V2S_ROOM_WALLS][V2S_ROOM_BANDS], double exponent,
                  v2s_room *room) {
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        for (int b = 0; b < V2S_ROOM_BANDS; b++)
            room->absorption[w][b] = fmin(
                HIGHEST_ABSORPTION, fmax(LOWEST_ABSORPTION, 1 - pow(1 - base[w][b], exponent)));
}

static void fit_absorption(double rt60_s, const double base[V2S_ROOM_WALLS][V2S_ROOM_BANDS],
                           v2s_room *room) {
    double low = -6, high = 6; // of the exponent's logarithm; more absorption, shorter time
    for (int i = 0; i < BISECTIONS; i++) {
        double middle = (low + high) / 2;
        scale(base, exp(middle), room);
        if (mid_rt60_s(room) > rt60_s)
            low = middle;
        else
            high = middle;
    }
    scale(base, exp((low + high) / 2), room);
}

static void draw_walls(v2s_rng *rng, double base[V2S_ROOM_WALLS][V2S_ROOM_BANDS]) {
    for (int w = 0; w < V2S_ROOM_WALLS; w++) {
        // A wall is half of one material and half of another (a window, a shelf, a carpet).
        const double *a = MATERIALS[v2s_rng_below(rng, MATERIAL_COUNT)];
        const double *b = MATERIALS[v2s_rng_below(rng, MATERIAL_COUNT)];
        double share = v2s_rng_uniform(rng);
        for (int i = 0; i < V2S_ROOM_BANDS; i++)
            base[w][i] = share * a[i] + (1 - share) * b[i];
    }
}

// ---- places -----------------------------------------------------------------------------------

// Sabine's mean absorption for a decay time, of a box.
static double sabine_absorption(v2s_vec3 size, double rt60_s) {
    double volume = size.x * size.y * size.z;
    double surface = 2 * (size.x * size.y + size.y * size.z + size.z * size.x);
    return 0.161 * volume / (surface * rt60_s);
}

// A box of a random volume between the limits whose walls can have that decay time.
static v2s_vec3 draw_size(v2s_rng *rng, double rt60_s, double low_m3, double high_m3) {
    v2s_vec3 size = {0};
    for (int i = 0; i < SIZE_TRIES; i++) {
        double volume = log_between(rng, low_m3, high_m3);
        double height = fmin(10, fmax(2.2, pow(volume, 0.3) * v2s_rng_between(rng, 0.8, 1.15)));
        double ratio = log_between(rng, 1, 2.2), ground = volume / height;
        size = (v2s_vec3){sqrt(ground * ratio), sqrt(ground / ratio), height};
        double mean = sabine_absorption(size, rt60_s);
        if (mean > 0.03 && mean < 1.1 && size.y > 1.5)
            break;
    }
    return size;
}

static void draw_room(v2s_rng *rng, double rt60_s, double low_m3, double high_m3, v2s_room *room) {
    double base[V2S_ROOM_WALLS][V2S_ROOM_BANDS];
    room->size_m = draw_size(rng, rt60_s, low_m3, high_m3);
    if (v2s_rng_uniform(rng) < 0.5)
        room->size_m = (v2s_vec3){room->size_m.y, room->size_m.x, room->size_m.z};
    draw_walls(rng, base);
    fit_absorption(rt60_s, (const double(*)[V2S_ROOM_BANDS])base, room);
    room->order = -1;
    // Three times Polack's mixing time, sqrt(V / m3) ms, from which on reflections are too dense to
    // be told apart.
    double volume_m3 = room->size_m.x * room->size_m.y * room->size_m.z;
    room->early_s = fmin(0.08, fmax(0.03, 0.003 * sqrt(volume_m3)));
    room->tail = true;
}

// Nothing but the ground (or not even that) reflects; the box only bounds where people are.
static void draw_open_air(v2s_rng *rng, bool ground, v2s_room *room) {
    room->size_m = (v2s_vec3){24, 24, 12};
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        for (int b = 0; b < V2S_ROOM_BANDS; b++)
            room->absorption[w][b] = 1;
    const double *a = GROUNDS[v2s_rng_below(rng, GROUND_COUNT)];
    const double *b = GROUNDS[v2s_rng_below(rng, GROUND_COUNT)];
    double share = v2s_rng_uniform(rng);
    for (int i = 0; ground && i < V2S_ROOM_BANDS; i++)
        room->absorption[FLOOR][i] = share * a[i] + (1 - share) * b[i];
    room->order = ground ? 1 : 0;
    room->tail = false;
}

void v2s_venue_draw(uint64_t seed, uint64_t index, double open, v2s_venue *venue) {
    v2s_rng rng = v2s_rng_open(seed, index);
    v2s_rng shift = v2s_rng_open(seed, UINT64_MAX); // the same for all places of a seed
    // Multiples of the golden ratio, and of the plastic number for what must not go along with it.
    double place = v2s_rng_uniform(&shift) + 0.6180339887498949 * (double)index;
    double time = v2s_rng_uniform(&shift) + 0.7548776662466927 * (double)index;
    place -= floor(place);
    time -= floor(time);
    memset(venue, 0, sizeof *venue);
    v2s_room *room = &venue->room;
    room->min_distance_m = 0.5;
    room->seed = v2s_rng_derive(seed, index);
    double closed = 1 - open;
    if (place < closed * 10 / 11) {
        venue->kind = V2S_VENUE_ROOM;
        draw_room(&rng, 0.15 * pow(2 / 0.15, time), 20, 6000, room);
    } else if (place < closed) {
        venue->kind = V2S_VENUE_BOOTH;
        draw_room(&rng, 0.04 * pow(0.1 / 0.04, time), 7, 60, room);
    } else {
        venue->kind = place < closed + open * 2 / 3 ? V2S_VENUE_OUTDOOR : V2S_VENUE_FREE_FIELD;
        draw_open_air(&rng, venue->kind == V2S_VENUE_OUTDOOR, room);
    }
    if (room->tail)
        v2s_room_rt60(room, venue->rt60_s);
}

void v2s_venue_listener(v2s_venue *venue, v2s_rng *rng, v2s_motion_space *space) {
    const double wall_m = 0.5, source_m = 0.2;
    v2s_vec3 size = venue->room.size_m, *listener = &venue->room.listener_m;
    listener->x = v2s_rng_between(rng, wall_m, size.x - wall_m);
    listener->y = v2s_rng_between(rng, wall_m, size.y - wall_m);
    listener->z = v2s_rng_between(rng, 1, fmin(2, size.z - wall_m));
    *space = (v2s_motion_space){
        .low_m = {source_m, source_m, source_m},
        .high_m = {size.x - source_m, size.y - source_m, fmin(2.5, size.z - source_m)},
        .listener_m = *listener,
        .distance_min_m = 0.5,
        .distance_max_m = 8,
    };
}
