// SPDX-License-Identifier: MIT
// Recorded echoes: times and levels against theory, left and right, symmetry, and whether depth can
// be heard in them.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "data/sofa.h"
#include "train/echo_scene.h"

TestSuite(echo_scene);

enum { FRAMES = V2S_ECHO_SCENE_FRAMES, BANDS = V2S_ECHO_BANDS, SIZE = 32 };
enum { HEAD_TAPS = 80, AZIMUTHS = 24, ELEVATIONS = 13, HEAD_DELAY = 40 };

static const double RATE_HZ = V2S_ECHO_SCENE_RATE_HZ;

// ---- heads ------------------------------------------------------------------------------------

// Two points, `ear_m` to the left and right of the middle, of which each hears its own side
// better by `shadow`; symmetric.
static v2s_echo_head *make_head(double ear_m, double shadow) {
    enum { COUNT = AZIMUTHS * ELEVATIONS };
    v2s_hrtf hrtf = {.rate_hz = RATE_HZ, .measurements = COUNT, .taps = HEAD_TAPS};
    hrtf.unit = calloc(COUNT, sizeof *hrtf.unit);
    hrtf.ir = calloc((size_t)COUNT * 2 * HEAD_TAPS, sizeof *hrtf.ir);
    for (int i = 0; i < COUNT; i++) {
        double azimuth = v2s_rad(i % AZIMUTHS * 360.0 / AZIMUTHS);
        double elevation = v2s_rad(i / AZIMUTHS * 15.0 - 90);
        hrtf.unit[i] = v2s_unit_from_angles(azimuth, elevation);
        for (int ear = 0; ear < 2; ear++) {
            double side = ear == 0 ? hrtf.unit[i].y : -hrtf.unit[i].y;
            double late = HEAD_DELAY - ear_m * side / V2S_SPEED_OF_SOUND_M_S * RATE_HZ;
            float *ir = hrtf.ir + (size_t)(i * 2 + ear) * HEAD_TAPS;
            int whole = (int)floor(late + 1e-9);
            double rest = fmax(0, late - whole);
            ir[whole] = (float)((1 - rest) * (1 + shadow * side));
            ir[whole + 1] = (float)(rest * (1 + shadow * side));
        }
    }
    v2s_echo_head *head = NULL;
    cr_assert(v2s_echo_head_open(&hrtf, RATE_HZ, &head) == V2S_OK);
    v2s_hrtf_free(&hrtf);
    return head;
}

static v2s_echo_head *kemar(void) {
    v2s_hrtf hrtf = {0};
    v2s_echo_head *head = NULL;
    cr_assert(v2s_sofa_read(NULL, &hrtf) == V2S_OK, "%s", v2s_error_text());
    cr_assert(v2s_echo_head_open(&hrtf, RATE_HZ, &head) == V2S_OK);
    v2s_hrtf_free(&hrtf);
    return head;
}

// ---- sounds -----------------------------------------------------------------------------------

typedef struct studio {
    v2s_echo_head *head;
    v2s_echo_maker *maker;
    float stereo[2 * FRAMES];
    v2s_echo_stats stats;
} studio;

static studio *studio_open(v2s_echo_head *head) {
    studio *s = calloc(1, sizeof *s);
    s->head = head;
    cr_assert(v2s_echo_maker_open(head, &s->maker) == V2S_OK);
    return s;
}

static void studio_close(studio *s) {
    v2s_echo_maker_close(&s->maker);
    v2s_echo_head_close(&s->head);
    free(s);
}

static void record(studio *s, const v2s_world *world, v2s_depth_rig rig, int rays, double snr_db) {
    v2s_rng rng = v2s_rng_open(9, 0);
    v2s_echo_make(s->maker, world, &rig, rays, snr_db, &rng, s->stereo, &s->stats);
}

static v2s_material material(double absorption, double scattering) {
    v2s_material m;
    for (int b = 0; b < BANDS; b++) {
        m.absorption[b] = absorption;
        m.scattering[b] = scattering;
    }
    return m;
}

// All black.
static v2s_world dark(double x, double y, double z) {
    v2s_world world = {.size_m = {x, y, z}};
    for (int i = 0; i < V2S_WORLD_WALLS; i++)
        world.walls[i] = material(1, 0);
    return world;
}

// What a world adds to the same one with all surfaces black.
static void record_echo(studio *s, const v2s_world *world, v2s_depth_rig rig, float *echo) {
    v2s_world black = dark(world->size_m.x, world->size_m.y, world->size_m.z);
    v2s_world_finish(&black);
    record(s, world, rig, 0, INFINITY);
    memcpy(echo, s->stereo, sizeof s->stereo);
    record(s, &black, rig, 0, INFINITY);
    for (int i = 0; i < 2 * FRAMES; i++)
        echo[i] -= s->stereo[i];
}

static double energy(const float *stereo, int ear, int from, int to) {
    double sum = 0;
    for (int i = from; i < to; i++)
        sum += (double)stereo[2 * i + ear] * stereo[2 * i + ear];
    return sum;
}

// The lag, in samples, by which ear b of y follows ear a of x: the top of their correlation, with
// a parabola through it.
static double lag(const float *x, int a, const float *y, int b, int low, int high) {
    double *c = calloc((size_t)(high - low + 1), sizeof *c);
    int best = 0;
    for (int k = low; k <= high; k++) {
        for (int i = 0; i < FRAMES; i++)
            if (i + k >= 0 && i + k < FRAMES)
                c[k - low] += (double)x[2 * i + a] * y[2 * (i + k) + b];
        best = c[k - low] > c[best] ? k - low : best;
    }
    double result = best + low;
    if (best > 0 && best < high - low) {
        double p = c[best - 1], q = c[best], r = c[best + 1];
        result += 0.5 * (p - r) / (p - 2 * q + r);
    }
    free(c);
    return result;
}

static v2s_depth_rig before_wall(double size, double distance) {
    return v2s_depth_rig_at((v2s_vec3){size - distance, size / 2, size / 2}, 0);
}

Test(echo_scene, a_wall_twice_as_far_answers_when_and_as_loud_as_it_should) {
    studio *s = studio_open(make_head(0, 0));
    v2s_world world = dark(20, 20, 20);
    world.walls[1] = material(0, 0);
    v2s_world_finish(&world);
    static float near[2 * FRAMES], far[2 * FRAMES];
    record_echo(s, &world, before_wall(20, 2), near);
    for (double distance = 3; distance <= 8; distance++) {
        record_echo(s, &world, before_wall(20, distance), far);
        double from = hypot(2 * 2 - 0.2, 0.15), to = hypot(2 * distance - 0.2, 0.15);
        double samples = (to - from) / V2S_SPEED_OF_SOUND_M_S * RATE_HZ;
        double found = lag(near, 0, far, 0, (int)samples - 20, (int)samples + 20);
        cr_expect(fabs(found - samples) < 0.2, "%g m: %g samples, expected %g", distance, found,
                  samples);
        double level_db = 10 * log10(energy(far, 0, 0, FRAMES) / energy(near, 0, 0, FRAMES));
        double air_db = (to - from) * 0.1; // some dB/m at 8 kHz
        double law_db = -20 * log10(to / from);
        cr_expect(level_db < law_db + 0.1 && level_db > law_db - 0.5 - 2 * air_db,
                  "%g m: %g dB, expected %g", distance, level_db, law_db);
    }
    studio_close(s);
}

Test(echo_scene, the_chirp_begins_where_it_is_said_to) {
    studio *s = studio_open(make_head(0, 0));
    v2s_world world = dark(20, 20, 20);
    v2s_world_finish(&world);
    record(s, &world, before_wall(20, 5), 0, INFINITY);
    double at = (V2S_ECHO_SCENE_START_S + 0.25 / V2S_SPEED_OF_SOUND_M_S) * RATE_HZ;
    int begin = (int)at, end = (int)(at + 0.003 * RATE_HZ);
    double all = energy(s->stereo, 0, 0, FRAMES);
    double before = energy(s->stereo, 0, 0, begin - 4) / all;
    cr_expect(before < 1e-3, "%g of the energy comes before", before);
    cr_expect(energy(s->stereo, 0, begin - 4, end + 8) > 0.98 * all);
    cr_expect(energy(s->stereo, 0, begin - 4, begin + 40) > 0.05 * all);
    studio_close(s);
}

// ---- left and right ---------------------------------------------------------------------------

static v2s_depth_rig rig_beside_box(v2s_world *world, double side_m) {
    *world = dark(10, 10, 10);
    world->boxes[world->box_count++] = (v2s_world_box){
        .centre_m = {6, 5 + side_m, 5}, .half_m = {0.4, 0.4, 2}, .material = material(0.05, 0.3)};
    // Its face towards the rig, so that a mirror lies on it.
    world->boxes[0].yaw_rad = atan2(side_m, 2);
    v2s_world_finish(world);
    return v2s_depth_rig_at((v2s_vec3){4, 5, 5}, 0);
}

Test(echo_scene, what_is_near_on_the_left_is_louder_and_earlier_at_the_left_ear) {
    studio *s = studio_open(kemar());
    static float echo[2 * FRAMES];
    static v2s_world world;
    for (int side = -1; side <= 1; side += 2) {
        v2s_depth_rig rig = rig_beside_box(&world, 1.5 * side);
        uint16_t mm[SIZE * SIZE];
        double left_mm = 0, right_mm = 0;
        v2s_depth_map_draw(&world, &rig, SIZE, mm);
        for (int i = 0; i < SIZE * SIZE; i++)
            *(i % SIZE < SIZE / 2 ? &left_mm : &right_mm) += mm[i];
        cr_expect(side > 0 ? left_mm < right_mm : right_mm < left_mm, "the picture");
        record_echo(s, &world, rig, echo);
        double db = 10 * log10(energy(echo, 0, 0, FRAMES) / energy(echo, 1, 0, FRAMES));
        cr_expect(side * db > 2, "box on side %d: left louder by %g dB", side, db);
        double late = lag(echo, 0, echo, 1, -40, 40); // of the right ear
        cr_expect(side * late > 5 && side * late < 40, "box on side %d: %g samples", side, late);
        record(s, &world, rig, 1024, INFINITY);
        cr_expect(s->stats.diffuse > 50 && s->stats.mirrored > 0);
    }
    studio_close(s);
}

static void mirror_world(const v2s_world *from, v2s_world *to) {
    *to = *from;
    to->walls[2] = from->walls[3];
    to->walls[3] = from->walls[2];
    for (size_t i = 0; i < to->box_count; i++) {
        to->boxes[i].centre_m.y = from->size_m.y - from->boxes[i].centre_m.y;
        to->boxes[i].yaw_rad = -from->boxes[i].yaw_rad;
    }
    v2s_world_finish(to);
}

Test(echo_scene, a_mirrored_room_swaps_the_ears_and_flips_the_picture) {
    studio *s = studio_open(make_head(0.08, 0.5)), *t = studio_open(make_head(0.08, 0.5));
    static v2s_world world, other;
    for (uint64_t index = 0; index < 8; index++) {
        v2s_depth_place_draw(11, index, &world);
        mirror_world(&world, &other);
        v2s_rng rng = v2s_rng_open(12, index);
        v2s_depth_rig rig, flipped;
        cr_assert(v2s_depth_rig_draw(&world, &rng, &rig));
        flipped = v2s_depth_rig_at(
            (v2s_vec3){rig.head_m.x, world.size_m.y - rig.head_m.y, rig.head_m.z}, -rig.yaw_rad);
        uint16_t a[SIZE * SIZE], b[SIZE * SIZE];
        v2s_depth_map_draw(&world, &rig, SIZE, a);
        v2s_depth_map_draw(&other, &flipped, SIZE, b);
        for (int i = 0; i < SIZE * SIZE; i++)
            cr_assert(abs(a[i] - b[i / SIZE * SIZE + SIZE - 1 - i % SIZE]) <= 1);
        record(s, &world, rig, 0, INFINITY);
        record(t, &other, flipped, 0, INFINITY);
        double difference = 0;
        for (int i = 0; i < FRAMES; i++)
            for (int ear = 0; ear < 2; ear++) {
                double d = s->stereo[2 * i + ear] - t->stereo[2 * i + 1 - ear];
                difference += d * d;
            }
        double share = difference / energy(s->stereo, 0, 0, FRAMES);
        cr_expect(share < 1e-6, "place %d: %g", (int)index, share);
        // Diffuse paths are drawn by chance: the same in the mean.
        record(s, &world, rig, 4096, INFINITY);
        record(t, &other, flipped, 4096, INFINITY);
        for (int ear = 0; ear < 2; ear++) {
            double db = 10 * log10(energy(s->stereo, ear, 700, 3000) /
                                   energy(t->stereo, 1 - ear, 700, 3000));
            cr_expect(fabs(db) < 1.5, "place %d, ear %d: %g dB", (int)index, ear, db);
        }
    }
    studio_close(s);
    studio_close(t);
}

// ---- level, noise, depth ----------------------------------------------------------------------

Test(echo_scene, noise_is_as_far_below_as_asked) {
    studio *s = studio_open(make_head(0.08, 0.5));
    static v2s_world world;
    v2s_depth_place_draw(1, 1, &world);
    v2s_rng rng = v2s_rng_open(2, 1);
    v2s_depth_rig rig;
    cr_assert(v2s_depth_rig_draw(&world, &rng, &rig));
    record(s, &world, rig, 0, INFINITY);
    static float clean[2 * FRAMES];
    memcpy(clean, s->stereo, sizeof clean);
    record(s, &world, rig, 0, 20);
    double power = 0, noise = 0;
    for (int i = 0; i < 2 * FRAMES; i++) {
        double d = s->stereo[i] - clean[i];
        power += (double)clean[i] * clean[i];
        noise += d * d;
    }
    cr_expect_float_eq(10 * log10(power / noise), 20, 0.3);
    cr_expect(s->stats.clipped == 0 && s->stats.peak < 1);
    studio_close(s);
}

Test(echo_scene, echoes_carry_depth) {
    enum { PLACES = 40 };
    studio *s = studio_open(kemar());
    static v2s_world world;
    double x[PLACES], y[PLACES], mx = 0, my = 0, xy = 0, xx = 0, yy = 0;
    for (int i = 0; i < PLACES; i++) {
        v2s_depth_place_draw(21, (uint64_t)i, &world);
        v2s_rng rng = v2s_rng_open(22, (uint64_t)i);
        v2s_depth_rig rig;
        cr_assert(v2s_depth_rig_draw(&world, &rng, &rig));
        uint16_t mm[SIZE * SIZE];
        v2s_depth_map_draw(&world, &rig, SIZE, mm);
        record(s, &world, rig, 512, 30);
        double logs = 0, sum = 0, centre = 0;
        for (int k = 0; k < SIZE * SIZE; k++)
            logs += log(mm[k]) / (SIZE * SIZE);
        for (int k = 500; k < FRAMES; k++) { // after the direct sound
            double e = energy(s->stereo, 0, k, k + 1) + energy(s->stereo, 1, k, k + 1);
            sum += e;
            centre += e * k;
        }
        x[i] = logs;
        y[i] = log(centre / sum);
        mx += x[i] / PLACES;
        my += y[i] / PLACES;
    }
    for (int i = 0; i < PLACES; i++) {
        xy += (x[i] - mx) * (y[i] - my);
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
    }
    // Chance gives less than 0.4 in 99 of 100 sets of 40.
    double r = xy / sqrt(xx * yy);
    cr_expect(r > 0.45, "correlation of mean depth and the echoes' mean time: %g", r);
    studio_close(s);
}
