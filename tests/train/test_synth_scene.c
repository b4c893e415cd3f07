// SPDX-License-Identifier: MIT
// One scene: what its truth holds, against the equations it is said to follow.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "train/scene.h"

enum {
    RATE_HZ = 8000,
    FRAMES = RATE_HZ,
    W = V2S_ACN_W,
    Y = V2S_ACN_Y,
    Z = V2S_ACN_Z,
    X = V2S_ACN_X
};

TestSuite(synth_scene, .fini = v2s_test_folder_remove);

// One recording of white noise, two seconds long.
static v2s_sounds make_sounds(void) {
    enum { LONG = 2 * RATE_HZ };
    float samples[LONG];
    hash_noise(1, LONG, 0.3f, samples);
    v2s_test_make_wav(v2s_test_path("noise.wav"), samples, LONG, 1, RATE_HZ);
    const char *path = v2s_test_path("noise.wav");
    v2s_text_list list = {.items = &path, .count = 1};
    v2s_sounds sounds = {0};
    cr_assert(v2s_sounds_scan(&list, NULL, &sounds) == V2S_OK, "%s", v2s_error_text());
    return sounds;
}

// The first place of this kind from a number on.
static v2s_venue venue_of(v2s_venue_kind kind, uint64_t *number) {
    v2s_venue venue;
    do
        v2s_venue_draw(1, (*number)++, V2S_VENUE_OPEN, &venue);
    while (venue.kind != kind);
    return venue;
}

static v2s_scene_plan plan_of(const v2s_sounds *sounds, const v2s_venue *venue, v2s_motion motion,
                              uint64_t index) {
    return (v2s_scene_plan){
        .sounds = sounds,
        .split = V2S_SPLIT_TRAIN,
        .venue = venue,
        .motion = motion,
        .rate_hz = RATE_HZ,
        .duration_s = (double)FRAMES / RATE_HZ,
        .seed = 3,
        .index = index,
    };
}

static v2s_synth_scene make(const v2s_scene_plan *plan) {
    v2s_synth_scene scene = {0};
    cr_assert(v2s_scene_make(plan, &scene) == V2S_OK, "%s", v2s_error_text());
    cr_assert(scene.frames == FRAMES);
    return scene;
}

// dry / max(d, 0.5) times (1, u): foa[FRAMES][4].
static void geometric(const v2s_synth_scene *s, float *foa) {
    size_t cursor = 0;
    for (size_t i = 0; i < FRAMES; i++) {
        v2s_point p = v2s_trajectory_at(&s->path, (double)i / RATE_HZ, &cursor);
        float x = s->dry[i] / (float)fmax(p.distance_m, 0.5);
        foa[4 * i + W] = x;
        foa[4 * i + Y] = x * (float)p.unit.y;
        foa[4 * i + Z] = x * (float)p.unit.z;
        foa[4 * i + X] = x * (float)p.unit.x;
    }
}

static double power(const float *x, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)x[i] * (double)x[i];
    return sum / (double)count;
}

static void subtract(float *from, const float *x) {
    for (size_t i = 0; i < 4 * (size_t)FRAMES; i++)
        from[i] -= x[i];
}

// Mean of W times the dipoles: points to where sound comes from.
static v2s_vec3 intensity(const float *foa, size_t from, size_t to) {
    v2s_vec3 sum = {0};
    for (size_t i = from; i < to; i++) {
        double w = (double)foa[4 * i + W];
        sum.x += w * (double)foa[4 * i + X];
        sum.y += w * (double)foa[4 * i + Y];
        sum.z += w * (double)foa[4 * i + Z];
    }
    double norm = v2s_norm(sum);
    return (v2s_vec3){sum.x / norm, sum.y / norm, sum.z / norm};
}

static double angle_deg(v2s_vec3 a, v2s_vec3 b) {
    return v2s_deg(acos(fmax(-1, fmin(1, a.x * b.x + a.y * b.y + a.z * b.z))));
}

Test(synth_scene, in_a_free_field_the_truth_is_the_geometric_path) {
    v2s_sounds sounds = make_sounds();
    uint64_t number = 0;
    v2s_venue venue = venue_of(V2S_VENUE_FREE_FIELD, &number);
    float path[4 * FRAMES];
    for (int m = 0; m < V2S_MOTION_COUNT; m++) {
        v2s_scene_plan plan = plan_of(&sounds, &venue, (v2s_motion)m, (uint64_t)m);
        v2s_synth_scene s = make(&plan);
        geometric(&s, path);
        double whole = power(path, 4 * FRAMES);
        subtract(path, s.truth);
        double error_db = 10 * log10(power(path, 4 * FRAMES) / whole);
        // A jump of 10 ms is two or three steps of the encoder.
        cr_expect(error_db < (m == V2S_MOTION_JUMP ? -30 : -70), "%s: %.1f dB",
                  v2s_motion_name((v2s_motion)m), error_db);
        cr_expect(s.drr_db == V2S_SCENE_DRR_LIMIT_DB && isnan(s.snr_db));
        v2s_scene_release(&s);
    }
    v2s_sounds_free(&sounds);
}

// Heads are turned: that of the sound must be that of the trajectory, all the way.
Test(synth_scene, intensity_follows_the_trajectory) {
    v2s_sounds sounds = make_sounds();
    uint64_t number = 0;
    v2s_venue venue = venue_of(V2S_VENUE_FREE_FIELD, &number);
    double yaws[V2S_MOTION_COUNT];
    for (int m = 0; m < V2S_MOTION_JUMP; m++) {
        v2s_scene_plan plan = plan_of(&sounds, &venue, (v2s_motion)m, 20 + (uint64_t)m);
        v2s_synth_scene s = make(&plan);
        enum { BLOCK = RATE_HZ / 50 };
        for (size_t at = 0; at + BLOCK <= FRAMES; at += BLOCK) {
            if (power(s.dry + at, BLOCK) == 0)
                continue;
            double middle_s = ((double)at + BLOCK / 2.0) / RATE_HZ;
            v2s_point p = v2s_trajectory_at(&s.path, middle_s, NULL);
            double off_deg = angle_deg(intensity(s.truth, at, at + BLOCK), p.unit);
            cr_expect(off_deg < 1.5, "%s at %g s: %.2f deg", v2s_motion_name((v2s_motion)m),
                      middle_s, off_deg);
        }
        yaws[m] = s.yaw_rad;
        v2s_scene_release(&s);
    }
    for (int m = 1; m < V2S_MOTION_JUMP; m++)
        cr_expect(fabs(yaws[m] - yaws[0]) > 1e-3, "no head is turned like another");
    v2s_sounds_free(&sounds);
}

// The image below the ground is at the source's azimuth and lower, whatever way the head is turned.
Test(synth_scene, a_reflection_from_the_ground_comes_from_below_the_source) {
    v2s_sounds sounds = make_sounds();
    uint64_t number = 0;
    float rest[4 * FRAMES], path[4 * FRAMES];
    for (uint64_t i = 0; i < 5; i++) {
        v2s_venue venue = venue_of(V2S_VENUE_OUTDOOR, &number);
        v2s_scene_plan plan = plan_of(&sounds, &venue, V2S_MOTION_STATIC, 40 + i);
        v2s_synth_scene s = make(&plan);
        memcpy(rest, s.truth, sizeof rest);
        geometric(&s, path);
        subtract(rest, path);
        v2s_vec3 from = intensity(rest, 0, FRAMES), u = s.path.points[0].unit;
        double turned_deg = v2s_deg(remainder(atan2(from.y, from.x) - atan2(u.y, u.x), 2 * V2S_PI));
        cr_expect(fabs(turned_deg) < 0.5, "%.2f deg beside the source", turned_deg);
        cr_expect(from.z < u.z && from.z < 0, "%g, source at %g", from.z, u.z);
        double drr_db = 10 * log10(power(path, 4 * FRAMES) / power(rest, 4 * FRAMES));
        cr_expect(fabs(drr_db - s.drr_db) < 0.1, "%.2f dB, said to be %.2f", drr_db, s.drr_db);
        v2s_scene_release(&s);
    }
    v2s_sounds_free(&sounds);
}

// Cross-correlation of the dry sound with a channel at a lag, over the dry sound's power.
static double response(const v2s_synth_scene *s, int channel, int lag) {
    double sum = 0, whole = 0;
    for (int i = 200; i < FRAMES - 200; i++) {
        sum += (double)s->dry[i] * (double)s->truth[4 * (i + lag) + channel];
        whole += (double)s->dry[i] * (double)s->dry[i];
    }
    return sum / whole;
}

Test(synth_scene, nothing_in_a_room_comes_before_the_dry_sound) {
    v2s_sounds sounds = make_sounds();
    uint64_t number = 0;
    for (uint64_t i = 0; i < 6; i++) {
        v2s_venue venue = venue_of(i % 3 == 2 ? V2S_VENUE_BOOTH : V2S_VENUE_ROOM, &number);
        v2s_scene_plan plan = plan_of(&sounds, &venue, V2S_MOTION_STATIC, 60 + i);
        v2s_synth_scene s = make(&plan);
        double direct = response(&s, W, 0), before = 0;
        for (int lag = -200; lag < -20; lag++)
            before = fmax(before, fabs(response(&s, W, lag)));
        // A correlation over 7600 samples has an error of 1 % of the whole, echoes included.
        double whole = sqrt(power(s.truth, 4 * FRAMES) / power(s.dry, FRAMES));
        cr_expect(before < 0.12 * whole, "%g before, %g in all", before, whole);
        double due = 1 / fmax(s.path.points[0].distance_m, 0.5);
        cr_expect(direct > 0.7 * due, "direct %g, due %g", direct, due);
        cr_expect(s.drr_db > -25 && s.drr_db < 25, "%g dB", s.drr_db);
        v2s_scene_release(&s);
    }
    v2s_sounds_free(&sounds);
}

Test(synth_scene, levels_are_as_said_and_below_full_scale) {
    v2s_sounds sounds = make_sounds();
    uint64_t number = 0;
    double lowest = 0, highest = -100;
    for (uint64_t i = 0; i < 12; i++) {
        v2s_venue venue = venue_of(i % 2 ? V2S_VENUE_FREE_FIELD : V2S_VENUE_BOOTH, &number);
        v2s_scene_plan plan = plan_of(&sounds, &venue, V2S_MOTION_APPROACH, 80 + i);
        v2s_synth_scene s = make(&plan);
        double level_db = 20 * log10(v2s_active_rms(s.dry, FRAMES, RATE_HZ));
        cr_expect(fabs(level_db - s.level_db) < 0.01, "%g, said to be %g", level_db, s.level_db);
        cr_expect(s.level_db > -45.1 && s.level_db < -21.9);
        lowest = fmin(lowest, s.level_db);
        highest = fmax(highest, s.level_db);
        for (size_t k = 0; k < 4 * (size_t)FRAMES; k++)
            cr_assert(fabsf(s.truth[k]) <= 0.9001f);
        v2s_scene_release(&s);
    }
    cr_expect(highest - lowest > 5, "%g to %g dB", lowest, highest);
    v2s_sounds_free(&sounds);
}

Test(synth_scene, noise_has_the_ratio_asked_for_and_changes_nothing_else) {
    v2s_sounds sounds = make_sounds();
    uint64_t number = 0;
    double sum_db = 0;
    enum { SCENES = 12 };
    for (uint64_t i = 0; i < SCENES; i++) {
        v2s_venue venue = venue_of(V2S_VENUE_ROOM, &number);
        v2s_scene_plan plan = plan_of(&sounds, &venue, V2S_MOTION_STATIC, 100 + i);
        v2s_synth_scene clean = make(&plan);
        plan.noise = true;
        plan.snr_low_db = 10;
        plan.snr_high_db = 30;
        v2s_synth_scene noisy = make(&plan);
        cr_assert(clean.level_db == noisy.level_db, "a scene that is not limited");
        cr_expect(memcmp(clean.dry, noisy.dry, FRAMES * sizeof *clean.dry) == 0);
        cr_expect(noisy.snr_db >= 10 && noisy.snr_db < 30 && noisy.drr_db == clean.drr_db);
        double signal = 0, noise = 0;
        subtract(noisy.truth, clean.truth);
        for (size_t k = 0; k < FRAMES; k++) {
            signal += (double)clean.truth[4 * k] * (double)clean.truth[4 * k];
            noise += (double)noisy.truth[4 * k] * (double)noisy.truth[4 * k];
        }
        // Brown noise varies by 0.8 dB within a second.
        double off_db = 10 * log10(signal / noise) - noisy.snr_db;
        cr_expect(fabs(off_db) < 3, "%.2f dB off", off_db);
        sum_db += off_db;
        v2s_scene_release(&clean);
        v2s_scene_release(&noisy);
    }
    cr_expect(fabs(sum_db / SCENES) < 0.7, "%.2f dB off on average", sum_db / SCENES);
    v2s_sounds_free(&sounds);
}
