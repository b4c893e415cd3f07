// SPDX-License-Identifier: MIT
// v2s-infer render in a room, judged by the files that it writes.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "spatial/room.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

enum { RATE = 16000, FRAMES = 4000, AT = 800 };

TestSuite(render_room_program, .fini = v2s_test_folder_remove);

static const char head[] = "time_s,object,az_deg,el_deg,dist_m,confidence\n";

static void write_path(const char *name, const char *rows) {
    char text[1024];
    int size = snprintf(text, sizeof text, "%s%s", head, rows);
    v2s_test_write_file(v2s_test_path(name), text, (size_t)size);
}

// A smooth pulse at sample AT, its spectrum well below the Nyquist frequency.
static void make_pulse(const char *name) {
    static float x[FRAMES];
    for (int i = 0; i < FRAMES; i++)
        x[i] = 0.2F * (float)exp(-0.5 * pow((i - AT) / 1.6, 2.0));
    v2s_test_make_wav(v2s_test_path(name), x, FRAMES, 1, RATE);
}

#define RENDER(...) V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "n.wav", __VA_ARGS__)

static v2s_room room_of(double absorption, int order, double early_s) {
    v2s_room r = {.size_m = {6, 5, 3},
                  .listener_m = {2, 2.5, 1.5},
                  .order = order,
                  .early_s = early_s,
                  .min_distance_m = 0.5};
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        for (int b = 0; b < V2S_ROOM_BANDS; b++)
            r.absorption[w][b] = absorption;
    return r;
}

// The output must be the pulse through the response of spatial/room.h, `ahead` frames earlier.
static void expect_response(const char *name, const v2s_room *room, double distance_m, int ahead) {
    float *foa = NULL;
    size_t frames;
    v2s_vec3 source = {room->listener_m.x + distance_m, room->listener_m.y, room->listener_m.z};
    cr_assert_eq(v2s_room_response(room, source, RATE, &foa, &frames), V2S_OK);
    v2s_test_sound s = v2s_test_sound_read(v2s_test_path(name));
    v2s_test_sound in = v2s_test_sound_read(v2s_test_path("n.wav"));
    double error = 0.0, power = 0.0;
    for (int c = 0; c < 4; c++)
        for (int t = 0; t < (int)s.frames; t++) {
            double want = 0.0;
            for (int k = AT - 12; k < AT + 12; k++)
                if (t - k + ahead >= 0 && t - k + ahead < (int)frames)
                    want += (double)in.samples[k] * foa[4 * (t - k + ahead) + c];
            error += pow(s.samples[4 * (size_t)t + (size_t)c] - want, 2.0);
            power += want * want;
        }
    cr_expect_lt(10.0 * log10(error / power), -55.0, "%s: %.1f dB", name,
                 10.0 * log10(error / power));
    v2s_test_sound_free(&s);
    v2s_test_sound_free(&in);
    free(foa);
}

// 100 samples of delay, so that "relative to the direct sound" is a whole number of samples.
static const double far_m = 100.0 * 343.0 / RATE;

Test(render_room_program, a_still_source_gives_the_response_of_the_room) {
    make_pulse("n.wav");
    char row[64];
    snprintf(row, sizeof row, "0,1,0,0,%.9g,1\n", far_m);
    write_path("p.csv", row);
    v2s_room room = room_of(0.4, 2, 0.0);
    RENDER("--room", "6,5,3", "--absorption", "0.4", "--listener", "2,2.5,1.5", "--room-order", "2",
           "--room-tail", "off", "--doppler", "-o", "late.wav");
    expect_response("late.wav", &room, far_m, 0);
    RENDER("--room", "6,5,3", "--absorption", "0.4", "--listener", "2,2.5,1.5", "--room-order", "2",
           "--room-tail", "off", "-o", "now.wav");
    expect_response("now.wav", &room, far_m, 100);
}

Test(render_room_program, a_source_that_hardly_moves_gives_the_same) {
    make_pulse("n.wav");
    char rows[128];
    snprintf(rows, sizeof rows, "0,1,0,0,%.9g,1\n1,1,0.01,0,%.9g,1\n", far_m, far_m);
    write_path("p.csv", rows);
    v2s_room room = room_of(0.4, 5, 0.0);
    RENDER("--room", "6,5,3", "--absorption", "0.4", "--listener", "2,2.5,1.5", "--room-order", "5",
           "--room-tail", "off", "-o", "now.wav");
    expect_response("now.wav", &room, far_m, 100);
    RENDER("--room", "6,5,3", "--absorption", "0.4", "--listener", "2,2.5,1.5", "--room-order", "5",
           "--room-tail", "off", "--doppler", "-o", "late.wav");
    expect_response("late.wav", &room, far_m, 0);
}

Test(render_room_program, the_output_grows_by_the_tail_and_says_so) {
    make_pulse("n.wav");
    write_path("p.csv", "0,1,30,0,1.5,1\n");
    RENDER("--room", "6,5,3", "--rt60", "0.5", "-o", "o.wav", "--json", "o.json");
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    v2s_test_sound s = v2s_test_sound_read(v2s_test_path("o.wav"));
    double tail_s = v2s_test_number(json, "room_tail_s");
    cr_expect_float_eq(((double)s.frames - FRAMES) / RATE, tail_s, 1e-9);
    cr_expect(tail_s > 0.45 && tail_s < 0.7, "%g", tail_s);
    cr_expect_float_eq(v2s_test_number(json, "rt60_s"), 0.5, 1e-6);
    cr_expect_gt(v2s_test_rms(&s, 0, FRAMES, FRAMES + 3000), 0.0);
    cJSON_Delete(json);
    v2s_test_sound_free(&s);
    RENDER("--room", "6,5,3", "--rt60", "0.9,0.8,0.7,0.6,0.5,0.4,0.3,0.3", "--room-tail", "off",
           "-o", "short.wav");
    s = v2s_test_sound_read(v2s_test_path("short.wav"));
    cr_expect_lt(s.frames, FRAMES + 3000);
    v2s_test_sound_free(&s);
}

Test(render_room_program, reflections_do_not_reach_above_order_one) {
    make_pulse("n.wav");
    write_path("p.csv", "0,1,30,0,1.5,1\n");
    RENDER("--order", "3", "-o", "dry.wav");
    RENDER("--order", "3", "--room", "6,5,3", "--rt60", "0.5", "-o", "wet.wav");
    v2s_test_sound dry = v2s_test_sound_read(v2s_test_path("dry.wav"));
    v2s_test_sound wet = v2s_test_sound_read(v2s_test_path("wet.wav"));
    double low = 0.0;
    for (size_t t = 0; t < wet.frames; t++)
        for (size_t c = 0; c < 16; c++) {
            double is = wet.samples[16 * t + c];
            double was = t < dry.frames ? dry.samples[16 * t + c] : 0.0;
            if (c >= 4)
                cr_assert_float_eq(is, was, 1e-7);
            low += c < 4 ? fabs(is - was) : 0.0;
        }
    cr_expect_gt(low, 0.1);
    v2s_test_sound_free(&dry);
    v2s_test_sound_free(&wet);
}

Test(render_room_program, two_objects_keep_their_time_and_add) {
    make_pulse("n.wav");
    static const char a[] = "0,a,40,0,1.5,1\n";
    static const char b[] = "0,b,-40,0,1,1\n0.3,b,-80,0,1.4,1\n";
    char both[256];
    snprintf(both, sizeof both, "%s%s", a, b);
    const char *const rows[3] = {a, b, both}, *const names[3] = {"a.wav", "b.wav", "ab.wav"};
    v2s_test_sound s[3];
    for (int i = 0; i < 3; i++) {
        write_path("p.csv", rows[i]);
        RENDER("--room", "6,5,3", "--rt60", "0.3", "-o", names[i]);
        s[i] = v2s_test_sound_read(v2s_test_path(names[i]));
    }
    double worst = 0.0;
    for (size_t i = 0; i < 4 * s[2].frames; i++) {
        double sum = (i < 4 * s[0].frames ? s[0].samples[i] : 0.0F) +
                     (i < 4 * s[1].frames ? s[1].samples[i] : 0.0F);
        worst = fmax(worst, fabs(sum - s[2].samples[i]));
    }
    cr_expect_lt(worst, 1e-5, "%g", worst); // steps of the encoders fall on other samples
    for (int i = 0; i < 3; i++)
        v2s_test_sound_free(&s[i]);
}

Test(render_room_program, a_path_that_leaves_the_room_is_counted) {
    make_pulse("n.wav");
    write_path("p.csv", "0,1,0,0,1,1\n0.1,1,0,0,9,1\n0.2,1,0,0,12,1\n");
    v2s_test_run run = v2s_test_run_program(
        (const char *const[]){"render", "--trajectory", "p.csv", "--sound", "n.wav", "-o", "o.wav",
                              "--room", "6,5,3", "--rt60", "0.3", NULL});
    cr_expect(run.code == 0 && strstr(run.err, "2 of 3 points lie outside the room") != NULL,
              "%d %s", run.code, run.err);
    v2s_test_run_free(&run);
}

// ---- a response from a file -------------------------------------------------------------------

Test(render_room_program, a_response_follows_the_direct_sound_at_its_own_level) {
    enum { LENGTH = 1200, PEAK = 57 };
    static float foa[4 * LENGTH];
    memset(foa, 0, sizeof foa);
    foa[4 * PEAK] = foa[4 * PEAK + 3] = 0.05F;                 // direct, from the front
    foa[4 * (PEAK + 300)] = foa[4 * (PEAK + 300) + 1] = 0.02F; // an echo from the left
    v2s_test_make_wav(v2s_test_path("room.wav"), foa, LENGTH, 4, RATE);
    make_pulse("n.wav");
    write_path("p.csv", "0,1,-90,0,2,1\n");
    RENDER("--room-response", "room.wav", "-o", "o.wav");
    v2s_test_sound s = v2s_test_sound_read(v2s_test_path("o.wav"));
    v2s_test_sound in = v2s_test_sound_read(v2s_test_path("n.wav"));
    cr_expect_eq(s.frames, FRAMES + LENGTH - PEAK);
    for (size_t t = 0; t < s.frames; t++) {
        double direct = t < FRAMES ? 0.5 * in.samples[t] : 0.0; // 2 m, from the right
        double echo = t >= 300 && t < FRAMES + 300 ? 0.2 * in.samples[t - 300] : 0.0;
        cr_assert_float_eq(s.samples[4 * t], direct + echo, 1e-6, "%zu", t);
        cr_assert_float_eq(s.samples[4 * t + 1], echo - direct, 1e-6, "%zu", t);
    }
    v2s_test_sound_free(&s);
    v2s_test_sound_free(&in);
}

// ---- words ------------------------------------------------------------------------------------

static void expect_usage(const char *part, const char *const *words) {
    v2s_test_run run = v2s_test_run_program(words);
    cr_expect(run.code == 2 && strstr(run.err, part) != NULL, "%d, no '%s' in %s", run.code, part,
              run.err);
    v2s_test_run_free(&run);
}

#define USAGE(part, ...)                                                                           \
    expect_usage(part, (const char *const[]){"render", "--trajectory", "p.csv", "--sound",         \
                                             "n.wav", "-o", "o.wav", __VA_ARGS__, NULL})

Test(render_room_program, rooms_that_make_no_sense_are_refused_in_words) {
    make_pulse("n.wav");
    write_path("p.csv", "0,1,0,0,1,1\n");
    USAGE("--rt60 SECONDS or --absorption", "--room", "6,5,3");
    USAGE("contradict", "--room", "6,5,3", "--rt60", "1", "--absorption", "0.2");
    USAGE("needs --room", "--rt60", "1");
    USAGE("needs --room", "--listener", "1,1,1");
    USAGE("needs --room", "--room-order", "3");
    USAGE("--room:", "--room", "6,5", "--rt60", "1");
    USAGE("height", "--room", "6,5,0", "--rt60", "1");
    USAGE("--room:", "--room", "nan,5,3", "--rt60", "1");
    USAGE("--rt60:", "--room", "6,5,3", "--rt60", "1,2,3");
    USAGE("cannot be reached", "--room", "6,5,3", "--rt60", "0");
    USAGE("absorption", "--room", "6,5,3", "--absorption", "1.5");
    USAGE("listener", "--room", "6,5,3", "--absorption", "0.5", "--listener", "7,1,1");
    USAGE("contradict", "--room", "6,5,3", "--rt60", "1", "--room-response", "n.wav");
    V2S_TEST_REFUSED("1 channels", "render", "--trajectory", "p.csv", "--sound", "n.wav", "-o",
                     "o.wav", "--room-response", "n.wav");
    V2S_TEST_REFUSED("missing.wav", "render", "--trajectory", "p.csv", "--sound", "n.wav", "-o",
                     "o.wav", "--room-response", "missing.wav");
    V2S_TEST_REFUSED("tail", "render", "--trajectory", "p.csv", "--sound", "n.wav", "-o", "o.wav",
                     "--room", "6,5,3", "--absorption", "0");
}
