// SPDX-License-Identifier: MIT
// Each switch of an ablation changes what it should and nothing else.
#include "infer/compare_ablation.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/air.h"
#include "tests/support/band_weights.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"

enum { RATE = 16000, FRAMES = 16000, LONG = 2 * FRAMES, C = 4 };
enum {
    DOPPLER = 1 << V2S_COMPONENT_DOPPLER,
    AIR = 1 << V2S_COMPONENT_AIR,
    DEPTH = 1 << V2S_COMPONENT_DEPTH,
    SMOOTHING = 1 << V2S_COMPONENT_SMOOTHING,
    REFINER = 1 << V2S_COMPONENT_REFINER,
    CONDITIONING = 1 << V2S_COMPONENT_CONDITIONING,
    ALL = (1 << V2S_COMPONENT_COUNT) - 1
};

TestSuite(compare_ablation, .fini = v2s_test_folder_remove, .timeout = 60);

// One clip of 1 s: a dry sound of 2 s, a truth of noise, a path.
typedef struct scene {
    v2s_manifest manifest;
    v2s_clip *clip;
    v2s_pair pair;
    v2s_device *dev;
    v2s_clip_refiner *refiner;
} scene;

static const char HEAD[] = "time_s,object,az_deg,el_deg,dist_m,confidence\n";

static void write_files(const float *dry, const char *path, const char *pairing,
                        const char *fields) {
    char text[8192];
    float *truth = malloc(C * FRAMES * sizeof *truth);
    hash_noise(77, C * FRAMES, 0.2f, truth);
    v2s_test_make_wav(v2s_test_path("t.wav"), truth, FRAMES, C, RATE);
    free(truth);
    v2s_test_make_wav(v2s_test_path("d.wav"), dry, LONG, 1, RATE);
    snprintf(text, sizeof text, "%s%s", HEAD, path);
    v2s_test_write_text("p.csv", text);
    snprintf(text, sizeof text,
             "{\"id\":\"a\",\"split\":\"test\",\"pairing\":\"%s\",\"truth\":\"t.wav\",\"dry\":"
             "\"d.wav\",\"trajectory\":\"p.csv\",\"duration_s\":1%s}\n",
             pairing, fields);
    v2s_test_write_text("m.jsonl", text);
}

static scene make_scene(const float *dry, const char *path, const char *pairing,
                        const char *fields) {
    scene s = {0};
    const v2s_manifest_rules rules = {.strict = true};
    write_files(dry, path, pairing, fields);
    cr_assert_eq(v2s_manifest_read(v2s_test_path("m.jsonl"), rules, &s.manifest), V2S_OK, "%s",
                 v2s_error_text());
    s.clip = &s.manifest.clips[0];
    cr_assert_eq(v2s_pair_load(s.clip, 0, &s.pair), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(s.pair.frames, FRAMES);
    return s;
}

static scene noise_scene(const char *path, const char *pairing, const char *fields) {
    float *dry = malloc(LONG * sizeof *dry);
    hash_noise(5, LONG, 0.3f, dry);
    scene s = make_scene(dry, path, pairing, fields);
    free(dry);
    return s;
}

static scene sine_scene(double freq_hz, const char *path) {
    float *dry = malloc(LONG * sizeof *dry);
    for (int i = 0; i < LONG; i++)
        dry[i] = (float)sin(2 * V2S_PI * freq_hz * i / RATE);
    scene s = make_scene(dry, path, "dry", "");
    free(dry);
    return s;
}

static void give_refiner(scene *s, bool dry) {
    v2s_test_make_band_weights(v2s_test_path("w.safetensors"), dry, 4);
    cr_assert_eq(v2s_device_open("cpu", 1, &s->dev), V2S_OK);
    cr_assert_eq(v2s_clip_refiner_open(v2s_test_path("w.safetensors"), s->dev, &s->refiner), V2S_OK,
                 "%s", v2s_error_text());
}

static void close_scene(scene *s) {
    v2s_clip_refiner_close(&s->refiner);
    v2s_device_close(&s->dev);
    v2s_pair_free(&s->pair);
    v2s_manifest_free(&s->manifest);
}

static float *render(const scene *s, v2s_component_set without) {
    v2s_ablation *a = NULL;
    float *out = malloc(C * FRAMES * sizeof *out);
    for (int i = 0; i < C * FRAMES; i++)
        out[i] = NAN; // must be overwritten
    cr_assert_eq(v2s_ablation_open(s->clip, &s->pair, &a), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(v2s_ablation_render(a, without, s->refiner, out), V2S_OK, "%s", v2s_error_text());
    v2s_ablation_close(&a);
    cr_assert_null(a);
    return out;
}

static double gap_between(const float *a, const float *b) {
    double gap = 0;
    for (int i = 0; i < C * FRAMES; i++)
        gap = isfinite(a[i] - b[i]) ? fmax(gap, fabs((double)a[i] - b[i])) : INFINITY;
    return gap;
}

// What it changes to leave out `more` in addition.
static double effect(const scene *s, v2s_component_set without, v2s_component_set more) {
    float *a = render(s, without), *b = render(s, without | more);
    double gap = gap_between(a, b);
    free(a);
    free(b);
    return gap;
}

static const char MOVING[] = "0,1,-70,10,2,1\n0.3,1,20,-10,1,0.5\n0.6,1,40,0,6,1\n1,1,110,30,3,1\n";
static const char AT_REST[] = "0,1,50,-20,3.21,1\n0.5,1,50,-20,3.21,0.3\n1,1,50,-20,3.21,1\n";

Test(compare_ablation, without_what_renders_it_is_the_geometric_path) {
    scene s = noise_scene(MOVING, "dry", "");
    float *out = render(&s, ALL & ~(v2s_component_set)DEPTH);
    cr_expect_eq(memcmp(out, s.pair.geometric, C * FRAMES * sizeof *out), 0);
    free(out);
    close_scene(&s);
    s = noise_scene(MOVING, "omni", "");
    give_refiner(&s, false);
    out = render(&s, SMOOTHING | REFINER);
    cr_expect_eq(memcmp(out, s.pair.geometric, C * FRAMES * sizeof *out), 0);
    cr_expect_gt(effect(&s, REFINER, SMOOTHING), 1e-3);
    cr_expect_eq(effect(&s, REFINER, DOPPLER | AIR | DEPTH), 0, "they do not apply");
    free(out);
    close_scene(&s);
}

Test(compare_ablation, a_source_at_rest_has_no_doppler_no_depth_and_nothing_to_smooth) {
    scene s = noise_scene(AT_REST, "dry", "");
    cr_expect_lt(effect(&s, AIR, DOPPLER), 1e-6);
    cr_expect_lt(effect(&s, DOPPLER, DEPTH), 1e-6);
    cr_expect_lt(effect(&s, DOPPLER | AIR, SMOOTHING), 1e-6);
    cr_expect_gt(effect(&s, DOPPLER, AIR), 1e-5, "the air is there at rest, too");
    close_scene(&s);
    s = noise_scene(MOVING, "dry", "");
    cr_expect_gt(effect(&s, AIR, DOPPLER), 1e-2);
    cr_expect_gt(effect(&s, AIR | DOPPLER, DEPTH), 1e-2);
    cr_expect_gt(effect(&s, AIR | DOPPLER, SMOOTHING), 1e-3);
    close_scene(&s);
}

// Away at 30 m/s from 4 m, and towards the listener from 64 m: what is heard at t was sent at
// t / (1 + v/c), after the clip's end where it comes nearer.
static void check_doppler(const char *path, double first_m, double speed_m_s) {
    const double freq_hz = 1000;
    scene s = sine_scene(freq_hz, path);
    float *out = render(&s, AIR | SMOOTHING);
    double worst = 0;
    for (int i = 200; i < FRAMES; i++) {
        double sent_s = (double)i / RATE / (1 + speed_m_s / V2S_SPEED_OF_SOUND_M_S);
        double d = first_m + speed_m_s * sent_s;
        worst = fmax(worst, fabs(out[C * i] - sin(2 * V2S_PI * freq_hz * sent_s) / d) * d);
    }
    cr_expect_lt(worst, 2e-3, "%g m/s: %g", speed_m_s, worst);
    free(out);
    close_scene(&s);
}

Test(compare_ablation, doppler_is_that_of_the_textbook_without_the_constant_delay) {
    check_doppler("0,1,0,0,4,1\n2,1,0,0,64,1\n", 4, 30);
    check_doppler("0,1,0,0,64,1\n2,1,0,0,4,1\n", 64, -30);
}

// Amplitude of a sine of freq_hz in the middle of W.
static double amplitude(const float *foa, double freq_hz) {
    double re = 0, im = 0;
    enum { FROM = 4000, TO = 12000 };
    for (int i = FROM; i < TO; i++) {
        re += foa[C * i] * cos(2 * V2S_PI * freq_hz * i / RATE);
        im += foa[C * i] * sin(2 * V2S_PI * freq_hz * i / RATE);
    }
    return 2 * hypot(re, im) / (TO - FROM);
}

Test(compare_ablation, air_is_that_of_iso_9613) {
    const double freq_hz[] = {250, 2000, 6000};
    const v2s_air_conditions air = v2s_air_default();
    for (int i = 0; i < 3; i++) {
        scene s = sine_scene(freq_hz[i], "0,1,0,0,60,1\n");
        float *with = render(&s, 0), *without = render(&s, AIR);
        double db = 20 * log10(amplitude(with, freq_hz[i]) / amplitude(without, freq_hz[i]));
        double want_db = -60 * v2s_air_absorption_db_m(&air, freq_hz[i]);
        cr_expect_float_eq(db, want_db, 0.02 + 0.02 * fabs(want_db), "%g Hz: %g, %g dB", freq_hz[i],
                           db, want_db);
        cr_expect_float_eq(amplitude(without, freq_hz[i]), 1 / 60.0, 1e-5);
        free(with);
        free(without);
        close_scene(&s);
    }
}

// 2 m for half of the clip, then 2 to 6 m: 3 m on average.
Test(compare_ablation, without_depth_the_distance_is_the_mean_over_the_clip) {
    scene s = sine_scene(500, "-1,1,0,0,2,1\n0.5,1,0,0,2,1\n1,1,0,0,6,1\n3,1,0,0,60,1\n");
    float *out = render(&s, DEPTH | SMOOTHING | AIR);
    cr_expect_float_eq(amplitude(out, 500), 1 / 3.0, 1e-5, "%g", amplitude(out, 500));
    float *still = render(&s, DEPTH | SMOOTHING | AIR | DOPPLER);
    cr_expect_lt(gap_between(out, still), 1e-6, "a distance that is held has no doppler");
    free(out);
    free(still);
    close_scene(&s);
}

// Azimuths that jitter by 3 deg from point to point: the smoothed source stands nearer to 0.
Test(compare_ablation, smoothing_takes_jitter_out_of_the_given_path) {
    char path[4096] = "";
    for (int i = 0; i <= 50; i++)
        snprintf(path + strlen(path), sizeof path - strlen(path), "%g,1,%d,0,2,1\n", i / 50.0,
                 i % 2 == 0 ? 3 : -3);
    scene s = noise_scene(path, "dry", "");
    float *smooth = render(&s, DOPPLER | AIR), *given = render(&s, DOPPLER | AIR | SMOOTHING);
    double side[2] = {0, 0}, front = 0;
    for (int i = FRAMES / 4; i < 3 * FRAMES / 4; i++) {
        side[0] += pow(smooth[C * i + V2S_ACN_Y], 2);
        side[1] += pow(given[C * i + V2S_ACN_Y], 2);
        front += pow(given[C * i + V2S_ACN_X], 2);
    }
    cr_expect_lt(sqrt(side[0] / front), 0.25 * sqrt(side[1] / front));
    cr_expect_gt(sqrt(side[1] / front), 0.02);
    free(smooth);
    free(given);
    close_scene(&s);
}

Test(compare_ablation, the_refiner_works_on_the_ablated_path) {
    scene s = noise_scene(MOVING, "dry", ",\"rt60_s\":0.4");
    give_refiner(&s, true);
    float *out = render(&s, DOPPLER | AIR | SMOOTHING), *want = malloc(C * FRAMES * sizeof *want);
    cr_assert_eq(v2s_clip_refiner_apply(s.refiner, V2S_CLIP_REFINED, s.clip, &s.pair, want),
                 V2S_OK);
    cr_expect_eq(memcmp(out, want, C * FRAMES * sizeof *out), 0, "refined as compare has it");
    free(out);
    v2s_pair own = s.pair; // doppler and depth are left to the refiner's own input
    own.geometric = render(&s, AIR | SMOOTHING | REFINER);
    out = render(&s, AIR | SMOOTHING);
    cr_assert_eq(v2s_clip_refiner_apply(s.refiner, V2S_CLIP_REFINED, s.clip, &own, want), V2S_OK);
    cr_expect_eq(memcmp(out, want, C * FRAMES * sizeof *out), 0);
    cr_expect_gt(effect(&s, 0, REFINER), 1e-3);
    free(own.geometric);
    free(out);
    free(want);
    close_scene(&s);
}

// A refiner that is told nothing gives the same for every room.
static void check_conditioning(bool dry) {
    const char *pairing = dry ? "dry" : "omni";
    scene a = noise_scene(MOVING, pairing, ",\"rt60_s\":0.2,\"drr_db\":12");
    give_refiner(&a, dry);
    float *told_a = render(&a, 0), *a_alone = render(&a, CONDITIONING);
    scene b = noise_scene(MOVING, pairing, ",\"rt60_s\":1.5,\"drr_db\":-8");
    give_refiner(&b, dry);
    float *told_b = render(&b, 0), *b_alone = render(&b, CONDITIONING);
    cr_expect_eq(gap_between(a_alone, b_alone), 0);
    cr_expect_gt(gap_between(told_a, a_alone), 1e-6, "%s", pairing);
    if (dry)
        cr_expect_gt(gap_between(told_a, told_b), 1e-6);
    cr_expect_eq(effect(&a, REFINER, CONDITIONING), 0, "nobody is there to be told");
    free(told_a);
    free(told_b);
    free(a_alone);
    free(b_alone);
    close_scene(&a);
    close_scene(&b);
}

Test(compare_ablation, without_conditioning_every_room_is_the_same) {
    check_conditioning(true);
    check_conditioning(false);
}

// ---- the list ---------------------------------------------------------------------------------

static void expect_systems(const v2s_systems *s, const char *const *names, size_t count) {
    cr_assert_eq(s->count, count);
    for (size_t i = 0; i < count; i++)
        cr_expect_str_eq(s->items[i].name, names[i]);
    cr_expect_eq(s->contrast_count, count - 1);
    for (size_t i = 0; i + 1 < count; i++) {
        cr_expect_eq(s->contrasts[i].first, i + 1);
        cr_expect_eq(s->contrasts[i].second, 0, "against full");
    }
}

Test(compare_ablation, systems_are_full_each_without_one_and_minimal) {
    static const char *const dry[] = {"full",          "without_doppler",   "without_air",
                                      "without_depth", "without_smoothing", "minimal"};
    v2s_component_set set = 0;
    v2s_systems s = {0};
    cr_assert_eq(v2s_components_parse("all", &set), V2S_OK);
    cr_assert_eq(v2s_ablation_systems(&s, set, V2S_PAIRING_DRY, NULL), V2S_OK);
    expect_systems(&s, dry, 6);
    cr_expect_eq(s.items[5].without, DOPPLER | AIR | DEPTH | SMOOTHING);
    static const char *const one[] = {"full", "without_smoothing"};
    s = (v2s_systems){0};
    cr_assert_eq(v2s_ablation_systems(&s, set, V2S_PAIRING_OMNI, NULL), V2S_OK);
    expect_systems(&s, one, 2);
    scene with = noise_scene(AT_REST, "omni", "");
    give_refiner(&with, false);
    static const char *const omni[] = {"full", "without_smoothing", "without_refiner",
                                       "without_conditioning", "minimal"};
    s = (v2s_systems){0};
    cr_assert_eq(v2s_ablation_systems(&s, set, V2S_PAIRING_OMNI, with.refiner), V2S_OK);
    expect_systems(&s, omni, 5);
    close_scene(&with);
}

Test(compare_ablation, words_that_name_no_component_are_refused) {
    v2s_component_set set = 0;
    v2s_systems s = {0};
    cr_assert_eq(v2s_components_parse("refiner,air", &set), V2S_OK);
    cr_expect_eq(set, (v2s_component_set)(REFINER | AIR));
    cr_expect_eq(v2s_components_parse("air,wind", &set), V2S_USAGE);
    cr_expect_neq(strstr(v2s_error_text(), "'wind' is none of"), NULL);
    cr_expect_eq(v2s_components_parse("", &set), V2S_USAGE);
    cr_expect_eq(set, (v2s_component_set)(REFINER | AIR), "untouched");
    cr_expect_eq(v2s_ablation_systems(&s, DOPPLER | AIR, V2S_PAIRING_OMNI, NULL), V2S_USAGE);
    cr_expect_neq(strstr(v2s_error_text(), "the recording's own"), NULL);
    cr_expect_neq(v2s_component_absent(V2S_COMPONENT_DEPTH, V2S_PAIRING_BINAURAL, NULL), NULL);
    cr_expect_null(v2s_component_absent(V2S_COMPONENT_SMOOTHING, V2S_PAIRING_BINAURAL, NULL));
}
