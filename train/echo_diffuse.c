// SPDX-License-Identifier: MIT
// Diffuse paths of echo_paths.h.
#include "train/echo_paths.h"

enum { BANDS = V2S_ECHO_BANDS, MIRRORED = 3 };

static const double SURVIVAL = 0.7;               // of a ray, at each reflection after the third
static const double FAINT = 1e-5;                 // energy of a ray below which it is not followed
static const double NEAREST_M = 0.1;              // a patch is no nearer to the ears than this
static const double GOLDEN = 2.39996322972865332; // angle, rad

typedef struct ray {
    v2s_vec3 at, along; // unit vector
    double length_m, energy[BANDS];
    bool scattered;
} ray;

typedef struct rain {
    const v2s_world *world;
    const v2s_depth_rig *rig;
    const v2s_echo_air *air;
    double longest_m;
    int rays;
    v2s_rng *rng;
    v2s_echo_sink *sink;
    void *ctx;
} rain;

static v2s_vec3 minus(v2s_vec3 a, v2s_vec3 b) {
    return (v2s_vec3){a.x - b.x, a.y - b.y, a.z - b.z};
}

// Sends what the ray leaves on a face (not absorbed any more) to the head.
static void send(const rain *r, const ray *it, const v2s_world_face *face, int reflections) {
    v2s_vec3 back = minus(it->at, r->rig->head_m);
    double distance_m = v2s_norm(back), cosine = -v2s_dot(back, face->normal) / distance_m;
    v2s_echo_path path = {reflections, it->length_m + distance_m, back, {0}};
    double sign = v2s_rng_word(r->rng) & 1 ? 1 : -1;
    if (!(cosine > 0) || path.length_m > r->longest_m ||
        !v2s_world_clear(r->world, it->at, r->rig->head_m))
        return;
    distance_m = fmax(distance_m, NEAREST_M);
    double share = 4 * cosine / (r->rays * distance_m * distance_m);
    bool all = it->scattered || reflections > MIRRORED;
    for (int b = 0; b < BANDS; b++)
        path.gain[b] = sign * exp(-r->air->neper_m[b] * path.length_m) *
                       sqrt(share * it->energy[b] * (all ? 1 : face->material->scattering[b]));
    r->sink(r->ctx, &path);
}

// A direction by Lambert's law: a point on the unit sphere that touches the face.
static v2s_vec3 lambert(const v2s_world_face *face, v2s_rng *rng) {
    double z = v2s_rng_between(rng, -1, 1), angle = v2s_rng_between(rng, 0, 2 * V2S_PI);
    double across = sqrt(1 - z * z);
    v2s_vec3 d = v2s_scaled(face->normal, 1 + z);
    d = v2s_plus(d, v2s_scaled(face->u, across * cos(angle)));
    d = v2s_plus(d, v2s_scaled(face->v, across * sin(angle)));
    double length = v2s_norm(d);
    return length > 1e-6 ? v2s_scaled(d, 1 / length) : face->normal;
}

// Where the ray goes from a face, and with how much.
static void leave(ray *it, const v2s_world_face *face, v2s_rng *rng) {
    double chance = 0;
    for (int b = 0; b < BANDS; b++)
        chance += face->material->scattering[b] / BANDS;
    bool scatter = v2s_rng_uniform(rng) < chance;
    for (int b = 0; b < BANDS; b++) {
        double share = face->material->scattering[b];
        it->energy[b] *= scatter ? share / chance : (1 - share) / (1 - chance);
    }
    if (scatter) {
        it->scattered = true;
        it->along = lambert(face, rng);
    } else {
        double into = v2s_dot(it->along, face->normal);
        it->along = v2s_plus(it->along, v2s_scaled(face->normal, -2 * into));
    }
}

static double strongest(const ray *it) {
    double most = 0;
    for (int b = 0; b < BANDS; b++)
        most = fmax(most, it->energy[b]);
    return most;
}

static void follow(const rain *r, ray *it) {
    for (int reflections = 1;; reflections++) {
        int number;
        double t = v2s_world_cast(r->world, it->at, it->along, &number);
        const v2s_world_face *face = &r->world->faces[number];
        it->at = v2s_plus(it->at, v2s_scaled(it->along, t));
        it->length_m += t;
        if (it->length_m > r->longest_m)
            return;
        for (int b = 0; b < BANDS; b++)
            it->energy[b] *= 1 - face->material->absorption[b];
        send(r, it, face, reflections);
        if (reflections >= MIRRORED) {
            if (v2s_rng_uniform(r->rng) >= SURVIVAL)
                return;
            for (int b = 0; b < BANDS; b++)
                it->energy[b] /= SURVIVAL;
        }
        leave(it, face, r->rng);
        if (strongest(it) < FAINT)
            return;
    }
}

void v2s_echo_diffuse(const v2s_world *world, const v2s_depth_rig *rig, const v2s_echo_air *air,
                      double longest_m, int rays, v2s_rng *rng, v2s_echo_sink *sink, void *ctx) {
    rain r = {world, rig, air, longest_m, rays, rng, sink, ctx};
    double turn = v2s_rng_between(rng, 0, 2 * V2S_PI);
    for (int i = 0; i < rays; i++) {
        double z = 1 - 2 * (i + v2s_rng_uniform(rng)) / rays, across = sqrt(fmax(0, 1 - z * z));
        double angle = turn + i * GOLDEN;
        ray it = {.at = rig->speaker_m, .along = {across * cos(angle), across * sin(angle), z}};
        v2s_echo_speaker(rig, it.along, it.energy);
        for (int b = 0; b < BANDS; b++)
            it.energy[b] *= it.energy[b];
        follow(&r, &it);
    }
}
