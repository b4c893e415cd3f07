// SPDX-License-Identifier: MIT
// The layout test on scenes made here in all four layouts, on what has no layout, and on the real
// recordings of ../shared/data. The rule everywhere: right or uncertain, never wrong.
#include "spatial/layout_guess.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/sound_in.h"
#include "spatial/sh.h"

enum { RATE = 48000, SECONDS = 8, FRAMES = RATE * SECONDS };

static float uniform(uint32_t *state) {
    *state = *state * 1664525U + 1013904223U;
    return (float)((double)*state / 4294967296.0 * 2.0 - 1.0);
}

// Adds a plane wave of noise in syllables (5 a second) for frames from..to-1, AmbiX.
static void add_wave(float *ambix, size_t from, size_t to, double az_deg, double el_deg,
                     uint32_t seed) {
    double y[V2S_MAX_CHANNELS];
    float low = 0.0F;
    v2s_sh_sn3d(1, v2s_unit_from_angles(v2s_rad(az_deg), v2s_rad(el_deg)), y);
    for (size_t t = from; t < to; t++) {
        low += 0.3F * (uniform(&seed) - low);
        float s = low * (float)pow(sin(5.0 * V2S_PI * (double)t / RATE), 2.0);
        for (int c = 0; c < 4; c++)
            ambix[4 * t + (size_t)c] += (float)y[c] * s;
    }
}

static void add_diffuse(float *ambix, float level, uint32_t seed) {
    for (size_t t = 0; t < FRAMES; t++)
        for (int c = 0; c < 4; c++)
            ambix[4 * t + (size_t)c] += level * uniform(&seed) * (c == 0 ? 1.0F : 0.57735F);
}

static void convert(float *a, v2s_layout layout) {
    for (size_t t = 0; t < FRAMES; t++, a += 4) {
        float w = a[0], y = a[1], z = a[2], x = a[3];
        if (layout == V2S_LAYOUT_N3D) {
            for (int c = 1; c < 4; c++)
                a[c] *= 1.7320508F;
        } else if (layout != V2S_LAYOUT_AMBIX) {
            a[0] = layout == V2S_LAYOUT_FUMA ? w * 0.70710678F : w;
            a[1] = x;
            a[2] = y;
            a[3] = z;
        }
    }
}

static v2s_layout_result guess(const float *sound, size_t frames, double rate_hz) {
    v2s_layout_guess *g = NULL;
    v2s_layout_result r;
    cr_assert_eq(v2s_layout_guess_open(rate_hz, &g), V2S_OK);
    for (size_t t = 0, n; t < frames; t += n) {
        n = frames - t < 1111 ? frames - t : 1111;
        cr_assert_eq(v2s_layout_guess_add(g, sound + 4 * t, n), V2S_OK);
    }
    cr_assert_eq(v2s_layout_guess_finish(g, &r), V2S_OK);
    v2s_layout_guess_close(&g);
    cr_assert_null(g);
    cr_assert_eq(r.frames_used, frames);
    cr_assert(strlen(r.evidence) > 5);
    return r;
}

// Makes the scene in each layout; wants that layout where `sure`, else that or uncertain.
static void check_scene(void (*scene)(float *ambix), const bool sure[5], const char *what) {
    float *sound = malloc(4UL * FRAMES * sizeof *sound);
    for (int l = V2S_LAYOUT_AMBIX; l <= V2S_LAYOUT_WXYZ_SN3D; l++) {
        memset(sound, 0, 4UL * FRAMES * sizeof *sound);
        scene(sound);
        convert(sound, (v2s_layout)l);
        v2s_layout_result r = guess(sound, FRAMES, RATE);
        if (sure[l] || r.layout != V2S_LAYOUT_UNCERTAIN)
            cr_assert_eq((int)r.layout, l, "%s in %s: %s (%s)", what, v2s_layout_name(l),
                         v2s_layout_name(r.layout), r.evidence);
    }
    free(sound);
}

// One speaker after another round the listener, near the horizon.
static void round_table(float *a) {
    static const double az[] = {10, -50, 95, 150, -120, 45, -85, 175};
    static const double el[] = {0, 10, -5, 5, 20, -10, 0, 15};
    for (size_t i = 0; i < 8; i++)
        add_wave(a, i * RATE, (i + 1) * RATE, az[i], el[i], (uint32_t)i + 1);
}

static void round_table_in_noise(float *a) {
    round_table(a);
    add_diffuse(a, 0.02F, 99);
}

// A source that crosses the picture, as this program renders it.
static void crossing(float *a) {
    for (size_t t = 0; t < FRAMES; t += 480)
        add_wave(a, t, t + 480, -45.0 + 90.0 * (double)t / FRAMES, 3.0, (uint32_t)t);
}

// Directions spread evenly over the whole sphere: no channel is height.
static void sphere(float *a) {
    for (size_t i = 0; i < 64; i++) {
        double z = 1.0 - (2.0 * (double)i + 1.0) / 64;
        add_wave(a, i * (FRAMES / 64), (i + 1) * (FRAMES / 64), 137.5 * (double)i, v2s_deg(asin(z)),
                 (uint32_t)i);
    }
}

static void duet(float *a) {
    add_wave(a, 0, FRAMES, 60.0, 5.0, 1);
    add_wave(a, FRAMES / 3, FRAMES, -110.0, -5.0, 2);
}

static void one_place(float *a) {
    add_wave(a, 0, FRAMES, 30.0, 10.0, 1);
}

static void diffuse(float *a) {
    add_diffuse(a, 0.3F, 5);
}

Test(layout_guess, talkers_round_the_listener_are_recognised_in_every_layout) {
    check_scene(round_table, (const bool[]){0, 1, 1, 1, 1}, "round table");
    check_scene(round_table_in_noise, (const bool[]){0, 1, 1, 1, 1}, "round table in noise");
}

Test(layout_guess, a_source_that_crosses_is_recognised_where_the_order_can_be_told) {
    check_scene(crossing, (const bool[]){0, 1, 1, 1, 0}, "crossing");
}

Test(layout_guess, never_wrong_on_scenes_that_do_not_tell) {
    check_scene(sphere, (const bool[]){0, 0, 0, 0, 0}, "sphere");
    check_scene(duet, (const bool[]){0, 0, 0, 0, 0}, "duet");
}

Test(layout_guess, one_direction_fits_every_order) {
    float *sound = calloc(4UL * FRAMES, sizeof *sound);
    for (int l = V2S_LAYOUT_AMBIX; l <= V2S_LAYOUT_WXYZ_SN3D; l++) {
        memset(sound, 0, 4UL * FRAMES * sizeof *sound);
        one_place(sound);
        convert(sound, (v2s_layout)l);
        v2s_layout_result r = guess(sound, FRAMES, RATE);
        cr_assert_eq(r.layout, V2S_LAYOUT_UNCERTAIN);
        cr_assert(strstr(r.evidence, "one direction"), "%s", r.evidence);
    }
    free(sound);
}

Test(layout_guess, no_direction_is_uncertain) {
    float *sound = calloc(4UL * FRAMES, sizeof *sound);
    v2s_layout_result r = guess(sound, FRAMES, RATE);
    cr_assert_eq(r.layout, V2S_LAYOUT_UNCERTAIN);
    cr_assert(strstr(r.evidence, "silence"), "%s", r.evidence);
    cr_assert_eq(r.directional_share, 0.0);
    diffuse(sound);
    r = guess(sound, FRAMES, RATE);
    cr_assert_eq(r.layout, V2S_LAYOUT_UNCERTAIN, "%s", r.evidence);
    r = guess(sound, 0, RATE);
    cr_assert_eq(r.layout, V2S_LAYOUT_UNCERTAIN);
    r = guess(sound, 3, 8000.0);
    cr_assert_eq(r.layout, V2S_LAYOUT_UNCERTAIN);
    for (size_t i = 0; i < 4UL * FRAMES; i++) // four times the same channel
        sound[i] = sound[i / 4 * 4];
    r = guess(sound, FRAMES, RATE);
    cr_assert_eq(r.layout, V2S_LAYOUT_UNCERTAIN, "%s", r.evidence);
    free(sound);
}

Test(layout_guess, level_and_rate_do_not_matter) {
    float *sound = calloc(4UL * FRAMES, sizeof *sound);
    round_table(sound);
    convert(sound, V2S_LAYOUT_FUMA);
    cr_assert_eq(guess(sound, FRAMES, 44100.0).layout, V2S_LAYOUT_FUMA);
    cr_assert_eq(guess(sound, FRAMES, 16000.0).layout, V2S_LAYOUT_FUMA);
    for (size_t i = 0; i < 4UL * FRAMES; i++)
        sound[i] *= 1e-3F;
    v2s_layout_result r = guess(sound, FRAMES, RATE);
    cr_assert_eq(r.layout, V2S_LAYOUT_FUMA, "%s", r.evidence);
    cr_assert_float_eq(r.dipole_ratio, 2.0, 0.1);
    free(sound);
}

Test(layout_guess, a_sample_that_is_no_number_is_refused) {
    float sound[8] = {0, 0, 0, 0, 0, 0, NAN, 0};
    v2s_layout_guess *g = NULL;
    cr_assert_eq(v2s_layout_guess_open(1.0, &g), V2S_ARG);
    cr_assert_null(g);
    cr_assert_eq(v2s_layout_guess_open(48000.0, &g), V2S_OK);
    cr_assert_eq(v2s_layout_guess_add(g, sound, 2), V2S_NUMERIC);
    cr_assert(strstr(v2s_error_text(), "sample 1 of channel 2"), "%s", v2s_error_text());
    v2s_layout_guess_close(&g);
}

// Guesses a file of ../shared/data/foa; skips where it is absent.
static v2s_layout_result guess_file(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/foa/%s", V2S_SHARED_DATA, name);
    if (access(path, R_OK) != 0)
        cr_skip("%s is absent", path);
    v2s_sound_in *in = NULL;
    v2s_layout_guess *g = NULL;
    v2s_layout_result r;
    float block[4 * 4096];
    size_t got;
    cr_assert_eq(v2s_sound_in_open(path, &in), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(v2s_sound_in_info(in)->channels, 4);
    cr_assert_eq(v2s_layout_guess_open(v2s_sound_in_info(in)->rate_hz, &g), V2S_OK);
    do {
        cr_assert_eq(v2s_sound_in_read(in, block, 4096, &got), V2S_OK, "%s", v2s_error_text());
        cr_assert_eq(v2s_layout_guess_add(g, block, got), V2S_OK);
    } while (got > 0);
    cr_assert_eq(v2s_layout_guess_finish(g, &r), V2S_OK);
    v2s_layout_guess_close(&g);
    v2s_sound_in_close(&in);
    return r;
}

Test(layout_guess, real_recordings_of_known_layout) {
    v2s_layout_result r = guess_file("fuma_speech_positions_chapman.mp4");
    cr_assert_eq(r.layout, V2S_LAYOUT_FUMA, "%s", r.evidence);
    r = guess_file("yt360-order/kqAZkf5Odyw-80.ambix_wyzx.flac");
    cr_assert_eq(r.layout, V2S_LAYOUT_AMBIX, "%s", r.evidence);
    r = guess_file("yt360-order/redownloaded_from_YT.ambix_wyzx.flac");
    cr_assert_eq(r.layout, V2S_LAYOUT_AMBIX, "%s", r.evidence);
}

Test(layout_guess, real_recordings_of_strong_dipoles_are_not_mistaken) {
    v2s_layout_result r = guess_file("jsambisonics/BF_rec2.ogg"); // FuMa
    cr_assert(r.layout == V2S_LAYOUT_UNCERTAIN || r.layout == V2S_LAYOUT_FUMA, "%s", r.evidence);
    r = guess_file("jsambisonics/BF_rec3.ogg");
    cr_assert(r.layout == V2S_LAYOUT_UNCERTAIN || r.layout == V2S_LAYOUT_FUMA, "%s", r.evidence);
    r = guess_file("tau2019sse/foa_dev/split1_ir0_ov1_1.wav");
    cr_assert(r.layout == V2S_LAYOUT_UNCERTAIN || r.layout == V2S_LAYOUT_AMBIX, "%s", r.evidence);
}
