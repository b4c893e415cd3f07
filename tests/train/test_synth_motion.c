// SPDX-License-Identifier: MIT
// Paths of sources: inside the space, not faster than people, and of the shape their name says.
#include <math.h>

#include <criterion/criterion.h>

#include "train/motion.h"

enum { SEEDS = 40 };

#define DURATION_S 2.0

static const v2s_motion_space SPACES[] = {
    {{0.2, 0.2, 0.2}, {3.8, 2.8, 2.3}, {1.1, 1.4, 1.5}, 0.5, 8},
    {{0.2, 0.2, 0.2}, {23.8, 23.8, 2.5}, {12, 9, 1.7}, 0.5, 8},
    {{0.2, 0.2, 0.2}, {1.4, 1.9, 2.0}, {0.6, 0.9, 1.2}, 0.5, 8}, // hardly any room
};
enum { SPACE_COUNT = sizeof SPACES / sizeof SPACES[0] };

static v2s_vec3 place_of(const v2s_motion_space *s, const v2s_point *p) {
    return (v2s_vec3){s->listener_m.x + p->distance_m * p->unit.x,
                      s->listener_m.y + p->distance_m * p->unit.y,
                      s->listener_m.z + p->distance_m * p->unit.z};
}

static double gap_m(v2s_vec3 a, v2s_vec3 b) {
    return v2s_norm((v2s_vec3){a.x - b.x, a.y - b.y, a.z - b.z});
}

static void draw(v2s_motion motion, const v2s_motion_space *s, uint64_t seed,
                 v2s_motion_path *path) {
    v2s_rng rng = v2s_rng_open(seed, (uint64_t)motion);
    cr_assert(v2s_motion_draw(motion, s, DURATION_S, &rng, path) == V2S_OK, "%s: %s",
              v2s_motion_name(motion), v2s_error_text());
}

static void expect_inside(const v2s_motion_space *s, const v2s_trajectory *t, const char *name) {
    const double slack = 1e-9;
    for (size_t i = 0; i < t->count; i++) {
        v2s_vec3 p = place_of(s, &t->points[i]);
        cr_assert(p.x > s->low_m.x - slack && p.x < s->high_m.x + slack &&
                      p.y > s->low_m.y - slack && p.y < s->high_m.y + slack &&
                      p.z > s->low_m.z - slack && p.z < s->high_m.z + slack,
                  "%s: point %zu at %g %g %g", name, i, p.x, p.y, p.z);
        double d = t->points[i].distance_m;
        cr_assert(d > 0.5 - slack && d < 8 + slack, "%s: distance %g", name, d);
        cr_assert(fabs(v2s_norm(t->points[i].unit) - 1) < slack);
        cr_assert(i == 0 ? t->points[0].time_s == 0
                         : t->points[i].time_s > t->points[i - 1].time_s);
    }
}

Test(synth_motion, paths_stay_inside_and_below_the_top_speed) {
    for (int m = 0; m < V2S_MOTION_COUNT; m++)
        for (int s = 0; s < SPACE_COUNT; s++)
            for (uint64_t seed = 0; seed < SEEDS; seed++) {
                v2s_motion_path path;
                draw((v2s_motion)m, &SPACES[s], seed, &path);
                const v2s_trajectory *t = &path.path;
                expect_inside(&SPACES[s], t, v2s_motion_name((v2s_motion)m));
                cr_assert((path.places > 1) == (m == V2S_MOTION_JUMP));
                for (size_t i = 1; i < t->count && m != V2S_MOTION_JUMP; i++) {
                    double way = gap_m(place_of(&SPACES[s], &t->points[i]),
                                       place_of(&SPACES[s], &t->points[i - 1]));
                    double speed = way / (t->points[i].time_s - t->points[i - 1].time_s);
                    cr_assert(speed < V2S_MOTION_MAX_SPEED_M_S * (1 + 1e-6), "%s: %g m/s",
                              v2s_motion_name((v2s_motion)m), speed);
                }
                if (m != V2S_MOTION_STATIC && m != V2S_MOTION_JUMP)
                    cr_assert(t->points[t->count - 1].time_s >= DURATION_S);
                v2s_trajectory_free(&path.path);
            }
}

Test(synth_motion, jumps_hold_a_place_and_change_it_in_ten_milliseconds) {
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        v2s_motion_path path;
        draw(V2S_MOTION_JUMP, &SPACES[1], seed, &path);
        const v2s_point *p = path.path.points;
        cr_assert(path.places >= 2 && path.places <= V2S_MOTION_PLACES_MAX);
        cr_assert(path.path.count == 2 * path.places - 1);
        for (size_t i = 1; i < path.places; i++) {
            v2s_vec3 before = place_of(&SPACES[1], &p[2 * i - 2]);
            v2s_vec3 end = place_of(&SPACES[1], &p[2 * i - 1]);
            cr_expect(gap_m(before, end) < 1e-9, "a place moves");
            cr_expect(gap_m(end, place_of(&SPACES[1], &p[2 * i])) > 0.01, "no jump");
            cr_expect(fabs(p[2 * i].time_s - p[2 * i - 1].time_s - V2S_MOTION_JUMP_S) < 1e-9);
            double middle_s = (p[2 * i].time_s + p[2 * i - 1].time_s) / 2;
            cr_expect(fabs(middle_s - path.start_s[i]) < 1e-9 && middle_s < DURATION_S);
        }
        v2s_trajectory_free(&path.path);
    }
}

// Sine of the angle at which the last point is seen from the first, against the way's beginning.
static double bend(const v2s_motion_space *s, const v2s_trajectory *t) {
    v2s_vec3 a = place_of(s, &t->points[0]), b = place_of(s, &t->points[t->count / 2]),
             c = place_of(s, &t->points[t->count - 1]);
    v2s_vec3 u = {b.x - a.x, b.y - a.y, b.z - a.z}, v = {c.x - b.x, c.y - b.y, c.z - b.z};
    v2s_vec3 w = {u.y * v.z - u.z * v.y, u.z * v.x - u.x * v.z, u.x * v.y - u.y * v.x};
    return v2s_norm(w) / (v2s_norm(u) * v2s_norm(v));
}

Test(synth_motion, shapes_are_those_of_their_names) {
    const v2s_motion_space *s = &SPACES[1];
    int round = 0, wandering = 0, cornered = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        v2s_motion_path path;
        draw(V2S_MOTION_STATIC, s, seed, &path);
        cr_expect(path.path.count == 1);
        v2s_trajectory_free(&path.path);

        draw(V2S_MOTION_LINEAR, s, seed, &path);
        cr_expect(bend(s, &path.path) < 1e-6, "a straight line bends by %g", bend(s, &path.path));
        v2s_trajectory_free(&path.path);

        draw(V2S_MOTION_APPROACH, s, seed, &path);
        const v2s_point *p = path.path.points, *last = p + path.path.count - 1;
        double along =
            p->unit.x * last->unit.x + p->unit.y * last->unit.y + p->unit.z * last->unit.z;
        cr_expect(fabs(along - 1) < 1e-9 && fabs(p->distance_m - last->distance_m) > 0.01,
                  "an approach keeps its direction");
        v2s_trajectory_free(&path.path);

        draw(V2S_MOTION_CIRCLE, s, seed, &path);
        p = path.path.points;
        last = p + path.path.count - 1;
        cr_expect(fabs(p->unit.z * p->distance_m - last->unit.z * last->distance_m) < 1e-9);
        round += fabs(p->distance_m - last->distance_m) < 1e-9; // about the listener
        v2s_trajectory_free(&path.path);

        draw(V2S_MOTION_RANDOM_WALK, s, seed, &path);
        wandering += bend(s, &path.path) > 1e-3;
        v2s_trajectory_free(&path.path);
        draw(V2S_MOTION_ZIGZAG, s, seed, &path);
        cornered += bend(s, &path.path) > 1e-3;
        v2s_trajectory_free(&path.path);
    }
    cr_expect(round > SEEDS / 4 && round < SEEDS, "%d circles about the listener", round);
    cr_expect(wandering == SEEDS && cornered > SEEDS * 3 / 4, "%d, %d", wandering, cornered);
}

Test(synth_motion, pendulums_come_back) {
    int returned = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        v2s_motion_path path;
        v2s_rng rng = v2s_rng_open(seed, 99);
        const v2s_motion_space *s = &SPACES[1];
        cr_assert(v2s_motion_draw(V2S_MOTION_PENDULUM, s, 30, &rng, &path) == V2S_OK);
        v2s_vec3 from = place_of(s, &path.path.points[0]);
        double far_m = 0, back_m = INFINITY;
        for (size_t i = 1; i < path.path.count; i++) {
            double d = gap_m(from, place_of(s, &path.path.points[i]));
            if (d > far_m) {
                far_m = d;
                back_m = INFINITY;
            }
            back_m = fmin(back_m, d);
        }
        cr_expect(far_m <= 3 + 1e-9, "a swing of %g m", far_m);
        returned += back_m < 0.1 * far_m;
        v2s_trajectory_free(&path.path);
    }
    cr_expect(returned > SEEDS * 3 / 4, "%d of %d came back", returned, SEEDS);
}

Test(synth_motion, a_space_without_a_place_is_refused) {
    const v2s_motion_space tiny = {{0, 0, 0}, {0.2, 0.2, 0.2}, {0.1, 0.1, 0.1}, 0.5, 8};
    for (int m = 0; m < V2S_MOTION_COUNT; m++) {
        v2s_rng rng = v2s_rng_open(1, 0);
        v2s_motion_path path = {0};
        cr_expect(v2s_motion_draw((v2s_motion)m, &tiny, DURATION_S, &rng, &path) == V2S_ARG);
        cr_expect(path.path.points == NULL);
    }
}
