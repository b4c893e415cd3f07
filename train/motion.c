// SPDX-License-Identifier: MIT
#include "train/motion.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE_TRIES = 2000, PATH_TRIES = 600, TRIES_A_HALVING = 30, LEGS_MAX = 8192 };

static const double STEP_S = 0.02, SLOWEST_M_S = 0.3;

static const char *const NAMES[V2S_MOTION_COUNT] = {"static",   "linear", "circle",      "pendulum",
                                                    "approach", "zigzag", "random-walk", "jump"};

const char *v2s_motion_name(v2s_motion motion) {
    return NAMES[motion];
}

static v2s_vec3 add(v2s_vec3 a, v2s_vec3 b, double gain) {
    return (v2s_vec3){a.x + gain * b.x, a.y + gain * b.y, a.z + gain * b.z};
}

static bool is_inside(const v2s_motion_space *s, v2s_vec3 p) {
    double d = v2s_norm(add(p, s->listener_m, -1));
    return p.x >= s->low_m.x && p.x <= s->high_m.x && p.y >= s->low_m.y && p.y <= s->high_m.y &&
           p.z >= s->low_m.z && p.z <= s->high_m.z && d >= s->distance_min_m &&
           d <= s->distance_max_m;
}

static double log_between(v2s_rng *rng, double low, double high) {
    return low * exp(v2s_rng_uniform(rng) * log(high / low));
}

static double farthest_m(const v2s_motion_space *s) {
    v2s_vec3 l = s->listener_m;
    v2s_vec3 d = {fmax(l.x - s->low_m.x, s->high_m.x - l.x),
                  fmax(l.y - s->low_m.y, s->high_m.y - l.y),
                  fmax(l.z - s->low_m.z, s->high_m.z - l.z)};
    return fmin(s->distance_max_m, v2s_norm(d));
}

// Heights: more than half of all sources are at the height of a mouth.
static v2s_status draw_place(const v2s_motion_space *s, v2s_rng *rng, v2s_vec3 *place) {
    double far_m = farthest_m(s);
    for (int i = 0; i < PLACE_TRIES && far_m > s->distance_min_m; i++) {
        double distance = log_between(rng, s->distance_min_m, far_m);
        double azimuth = v2s_rng_between(rng, -V2S_PI, V2S_PI);
        double height = v2s_rng_uniform(rng) < 0.6 ? 1.5 + 0.25 * v2s_rng_normal(rng)
                                                   : v2s_rng_between(rng, s->low_m.z, s->high_m.z);
        double rise = height - s->listener_m.z;
        if (fabs(rise) >= distance)
            continue;
        double ground = sqrt(distance * distance - rise * rise);
        v2s_vec3 p = {s->listener_m.x + ground * cos(azimuth),
                      s->listener_m.y + ground * sin(azimuth), height};
        if (is_inside(s, p)) {
            *place = p;
            return V2S_OK;
        }
    }
    return V2S_FAIL(V2S_ARG, "a room of which no place is between %g and %g m from the listener",
                    s->distance_min_m, s->distance_max_m);
}

// ---- one try of each motion: points[count], STEP_S apart ---------------------------------------

typedef struct draft {
    const v2s_motion_space *space;
    v2s_vec3 start;
    double speed_m_s; // already slowed down
    int attempt;
    size_t count;
    v2s_vec3 *points;
} draft;

static void linear(draft *d, v2s_rng *rng) {
    double azimuth = v2s_rng_between(rng, -V2S_PI, V2S_PI);
    v2s_vec3 course = v2s_unit_from_angles(azimuth, v2s_rad(v2s_rng_between(rng, -8, 8)));
    for (size_t i = 0; i < d->count; i++)
        d->points[i] = add(d->start, course, d->speed_m_s * STEP_S * (double)i);
}

static void circle(draft *d, v2s_rng *rng) {
    v2s_vec3 centre = d->space->listener_m;
    double radius = hypot(d->start.x - centre.x, d->start.y - centre.y);
    double phase = atan2(d->start.y - centre.y, d->start.x - centre.x);
    if (d->attempt % 2 == 1 || radius < 0.3) { // a circle beside the listener
        radius = v2s_rng_between(rng, 0.3, 1.5);
        phase = v2s_rng_between(rng, -V2S_PI, V2S_PI);
        centre = (v2s_vec3){d->start.x - radius * cos(phase), d->start.y - radius * sin(phase), 0};
    }
    double turn = (v2s_rng_uniform(rng) < 0.5 ? -1 : 1) * d->speed_m_s / radius * STEP_S;
    for (size_t i = 0; i < d->count; i++) {
        double at = phase + turn * (double)i;
        d->points[i] =
            (v2s_vec3){centre.x + radius * cos(at), centre.y + radius * sin(at), d->start.z};
    }
}

static void pendulum(draft *d, v2s_rng *rng) {
    double azimuth =
        atan2(d->start.y - d->space->listener_m.y, d->start.x - d->space->listener_m.x);
    azimuth += V2S_PI / 2 + v2s_rad(v2s_rng_between(rng, -30, 30));
    v2s_vec3 across = v2s_unit_from_angles(azimuth, v2s_rad(v2s_rng_between(rng, -8, 8)));
    double width = v2s_rng_between(rng, 0.2, 1.5), phase = v2s_rng_between(rng, -V2S_PI, V2S_PI);
    // Not faster than 0.8 times a second, however narrow.
    double turn = fmin(d->speed_m_s / width, 2 * V2S_PI * 0.8) * STEP_S;
    width *= fmin(1, d->speed_m_s / SLOWEST_M_S); // a slowed-down one swings less
    for (size_t i = 0; i < d->count; i++)
        d->points[i] = add(d->start, across, width * sin(phase + turn * (double)i));
}

static void approach(draft *d, v2s_rng *rng) {
    v2s_vec3 towards = add(d->space->listener_m, d->start, -1);
    double distance = v2s_norm(towards);
    double step = (v2s_rng_uniform(rng) < 0.6 ? 1 : -1) * d->speed_m_s * STEP_S / distance;
    for (size_t i = 0; i < d->count; i++)
        d->points[i] = add(d->start, towards, step * (double)i);
}

static void zigzag(draft *d, v2s_rng *rng) {
    double course = v2s_rng_between(rng, -V2S_PI, V2S_PI);
    double angle = v2s_rad(v2s_rng_between(rng, 35, 60));
    double leg_s = v2s_rng_between(rng, 0.5, 1.2);
    v2s_vec3 p = d->start;
    for (size_t i = 0; i < d->count; i++) {
        bool left = fmod((double)i * STEP_S / leg_s, 2) < 1;
        d->points[i] = p;
        p = add(p, v2s_unit_from_angles(course + (left ? angle : -angle), 0),
                d->speed_m_s * STEP_S);
    }
}

static void random_walk(draft *d, v2s_rng *rng) {
    double course = v2s_rng_between(rng, -V2S_PI, V2S_PI), climb = 0;
    v2s_vec3 p = d->start;
    for (size_t i = 0; i < d->count; i++) {
        d->points[i] = p;
        course += 1.5 * sqrt(STEP_S) * v2s_rng_normal(rng);
        climb += 0.15 * sqrt(STEP_S) * v2s_rng_normal(rng);
        climb = fmax(-0.15, fmin(0.15, climb));
        p = add(p, v2s_unit_from_angles(course, climb), d->speed_m_s * STEP_S);
    }
}

// ---- the path ---------------------------------------------------------------------------------

static bool try_path(v2s_motion motion, draft *d, v2s_rng *rng) {
    void (*const makers[V2S_MOTION_COUNT])(draft *, v2s_rng *) = {
        [V2S_MOTION_LINEAR] = linear,     [V2S_MOTION_CIRCLE] = circle,
        [V2S_MOTION_PENDULUM] = pendulum, [V2S_MOTION_APPROACH] = approach,
        [V2S_MOTION_ZIGZAG] = zigzag,     [V2S_MOTION_RANDOM_WALK] = random_walk,
    };
    makers[motion](d, rng);
    for (size_t i = 0; i < d->count; i++)
        if (!is_inside(d->space, d->points[i]))
            return false;
    return true;
}

static v2s_status draw_moving(v2s_motion motion, draft *d, v2s_rng *rng) {
    for (d->attempt = 0; d->attempt < PATH_TRIES; d->attempt++) {
        double slowed = pow(0.5, d->attempt / TRIES_A_HALVING);
        V2S_TRY(draw_place(d->space, rng, &d->start));
        d->speed_m_s = slowed * log_between(rng, SLOWEST_M_S, V2S_MOTION_MAX_SPEED_M_S);
        if (try_path(motion, d, rng))
            return V2S_OK;
    }
    return V2S_FAIL(V2S_ARG, "a room in which no %s path finds space", v2s_motion_name(motion));
}

static v2s_point point_of(const v2s_motion_space *space, v2s_vec3 place, double time_s) {
    v2s_vec3 u = add(place, space->listener_m, -1);
    double distance = v2s_norm(u);
    return (v2s_point){time_s, {u.x / distance, u.y / distance, u.z / distance}, distance, 1};
}

static v2s_status draw_jumps(const v2s_motion_space *space, double duration_s, v2s_rng *rng,
                             v2s_motion_path *made) {
    size_t most = duration_s < 1.5 ? 2 : duration_s < 3 ? 3 : V2S_MOTION_PLACES_MAX;
    made->places = 2 + (size_t)v2s_rng_below(rng, most - 1);
    double each_s = duration_s / (double)made->places, half_s = V2S_MOTION_JUMP_S / 2;
    v2s_vec3 place = {0};
    for (size_t i = 0; i < made->places; i++) {
        double start_s = each_s * ((double)i + v2s_rng_between(rng, -0.3, 0.3));
        made->start_s[i] = i == 0 ? 0 : start_s;
        if (i > 0)
            made->path.points[made->path.count++] = point_of(space, place, start_s - half_s);
        V2S_TRY(draw_place(space, rng, &place));
        made->path.points[made->path.count++] =
            point_of(space, place, i == 0 ? 0 : start_s + half_s);
    }
    return V2S_OK;
}

v2s_status v2s_motion_draw(v2s_motion motion, const v2s_motion_space *space, double duration_s,
                           v2s_rng *rng, v2s_motion_path *path) {
    draft d = {.space = space, .count = (size_t)ceil(duration_s / STEP_S) + 1};
    size_t capacity = d.count + (size_t)2 * V2S_MOTION_PLACES_MAX;
    v2s_motion_path made = {.places = 1};
    made.path.points = malloc(capacity * sizeof *made.path.points);
    d.points = malloc(d.count * sizeof *d.points);
    strcpy(made.path.name, "1");
    v2s_status status = V2S_OK;
    if (made.path.points == NULL || d.points == NULL) {
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    } else if (motion == V2S_MOTION_JUMP) {
        status = draw_jumps(space, duration_s, rng, &made);
    } else if (motion == V2S_MOTION_STATIC) {
        status = draw_place(space, rng, &d.start);
        made.path.points[made.path.count++] = point_of(space, d.start, 0);
    } else {
        status = draw_moving(motion, &d, rng);
        for (size_t i = 0; status == V2S_OK && i < d.count; i++)
            made.path.points[made.path.count++] = point_of(space, d.points[i], STEP_S * (double)i);
    }
    free(d.points);
    if (status == V2S_OK)
        *path = made;
    else
        v2s_trajectory_free(&made.path);
    return status;
}
