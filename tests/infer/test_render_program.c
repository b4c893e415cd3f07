// SPDX-License-Identifier: MIT
// v2s-infer render, judged by the files that it writes.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <sndfile.h>

#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

static const double pi = 3.14159265358979323846;
enum { W, Y, Z, X };

TestSuite(render_program, .fini = v2s_test_folder_remove);

static void make_noise(const char *name, size_t frames, int rate_hz, float level) {
    float *noise = malloc(frames * sizeof *noise);
    cr_assert(noise != NULL);
    hash_noise(7, frames, level, noise);
    v2s_test_make_wav(v2s_test_path(name), noise, frames, 1, rate_hz);
    free(noise);
}

static void make_tone(const char *name, size_t frames, int rate_hz, double hz, float level) {
    float *tone = malloc(frames * sizeof *tone);
    cr_assert(tone != NULL);
    for (size_t i = 0; i < frames; i++)
        tone[i] = level * (float)sin(2 * pi * hz * (double)i / rate_hz);
    v2s_test_make_wav(v2s_test_path(name), tone, frames, 1, rate_hz);
    free(tone);
}

static const char head[] = "time_s,object,az_deg,el_deg,dist_m,confidence\n";

// A source that stands still.
static void write_point(const char *name, double az_deg, double el_deg, double dist_m) {
    char text[256];
    snprintf(text, sizeof text, "%s0,1,%g,%g,%g,1\n", head, az_deg, el_deg, dist_m);
    v2s_test_write_text(name, text);
}

static bool same_bytes(const char *a, const char *b) {
    size_t size_a, size_b;
    unsigned char *x = v2s_test_read_file(v2s_test_path(a), &size_a);
    unsigned char *y = v2s_test_read_file(v2s_test_path(b), &size_b);
    bool same = size_a == size_b && memcmp(x, y, size_a) == 0;
    free(x);
    free(y);
    return same;
}

// ---- layout -----------------------------------------------------------------------------------

Test(render_program, left_of_the_picture_is_positive_y) {
    make_noise("n.wav", 4800, 48000, 0.3f);
    v2s_test_video video = {.width = 320, .height = 240, .frames = 10, .fps_hz = 25};
    v2s_test_make_video(v2s_test_path("v.mp4"), &video); // the square is at the top left
    V2S_TEST_RUN("render", "v.mp4", "--box", "5,7,24,24", "--sound", "n.wav", "-o", "o.wav");
    v2s_test_sound s = v2s_test_sound_read(v2s_test_path("o.wav"));
    cr_assert(s.channels == 4);
    cr_expect(v2s_test_gain(&s, W, Y, 0, s.frames) > 0.3, "left is +Y");
    cr_expect(v2s_test_gain(&s, W, Z, 0, s.frames) > 0.2, "up is +Z");
    cr_expect(v2s_test_gain(&s, W, X, 0, s.frames) > 0.5, "front is +X");
    v2s_test_sound_free(&s);
}

Test(render_program, axes_in_words) {
    static const struct {
        const char *where;
        double az_deg, el_deg, y, z, x;
    } cases[] = {
        {"front", 0, 0, 0, 0, 1},
        {"left", 90, 0, 1, 0, 0},
        {"right", -90, 0, -1, 0, 0},
        {"up", 0, 90, 0, 1, 0},
        {"down", 0, -90, 0, -1, 0},
        {"behind", 180, 0, 0, 0, -1},
        {"left and up", 30, 45, 0.35355339, 0.70710678, 0.61237244},
    };
    make_noise("n.wav", 2000, 16000, 0.3f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_point("p.csv", cases[i].az_deg, cases[i].el_deg, 1);
        V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "n.wav", "-o", "o.wav");
        v2s_test_sound s = v2s_test_sound_read(v2s_test_path("o.wav"));
        v2s_test_sound in = v2s_test_sound_read(v2s_test_path("n.wav"));
        cr_assert(s.frames == in.frames && s.rate_hz == 16000 && s.channels == 4);
        cr_expect(fabs(v2s_test_rms(&s, W, 0, s.frames) / v2s_test_rms(&in, 0, 0, s.frames) - 1) <
                      1e-6,
                  "%s: W is the sound itself at 1 m", cases[i].where);
        const double expected[3] = {cases[i].y, cases[i].z, cases[i].x};
        for (int c = 0; c < 3; c++) {
            double gain = v2s_test_gain(&s, W, c + 1, 0, s.frames);
            cr_expect(fabs(gain - expected[c]) < 1e-6, "%s: channel %d: %f", cases[i].where, c + 1,
                      gain);
        }
        v2s_test_sound_free(&s);
        v2s_test_sound_free(&in);
    }
}

Test(render_program, level_is_one_over_the_distance_down_to_the_least) {
    static const struct {
        double dist_m, gain;
    } cases[] = {{1, 1}, {2, 0.5}, {8, 0.125}, {0.5, 2}, {0.1, 2}};
    make_noise("n.wav", 2000, 48000, 0.1f);
    v2s_test_sound in = v2s_test_sound_read(v2s_test_path("n.wav"));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_point("p.csv", 20, 10, cases[i].dist_m);
        V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "n.wav", "-o", "o.wav");
        v2s_test_sound s = v2s_test_sound_read(v2s_test_path("o.wav"));
        double gain = v2s_test_rms(&s, W, 0, s.frames) / v2s_test_rms(&in, 0, 0, in.frames);
        cr_expect(fabs(gain / cases[i].gain - 1) < 1e-6, "%g m: %f", cases[i].dist_m, gain);
        v2s_test_sound_free(&s);
    }
    V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "n.wav", "-o", "o.wav",
                 "--min-distance", "0.2");
    v2s_test_sound s = v2s_test_sound_read(v2s_test_path("o.wav"));
    cr_expect(fabs(v2s_test_rms(&s, W, 0, s.frames) / v2s_test_rms(&in, 0, 0, in.frames) - 5) <
              1e-4);
    v2s_test_sound_free(&s);
    v2s_test_sound_free(&in);
}

Test(render_program, order_three_has_the_first_order_in_front) {
    make_noise("n.wav", 9000, 48000, 0.3f);
    char text[512];
    snprintf(text, sizeof text, "%s0,1,-60,5,2,1\n0.1,1,40,-20,1,1\n0.2,1,170,30,4,1\n", head);
    v2s_test_write_text("p.csv", text);
    V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "n.wav", "-o", "o1.wav");
    V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "n.wav", "-o", "o3.wav", "--order",
                 "3");
    V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "n.wav", "-o", "o7.caf", "--order",
                 "7");
    v2s_test_sound one = v2s_test_sound_read(v2s_test_path("o1.wav"));
    v2s_test_sound three = v2s_test_sound_read(v2s_test_path("o3.wav"));
    v2s_test_sound seven = v2s_test_sound_read(v2s_test_path("o7.caf"));
    cr_expect(three.channels == 16 && seven.channels == 64);
    cr_expect(v2s_test_difference(&one, &three) <= 1e-7, "%g", v2s_test_difference(&one, &three));
    cr_expect(v2s_test_difference(&three, &seven) <= 1e-7);
    v2s_test_sound_free(&one);
    v2s_test_sound_free(&three);
    v2s_test_sound_free(&seven);
}

// ---- time -------------------------------------------------------------------------------------

Test(render_program, sound_that_starts_later_in_the_film_starts_later_in_the_file) {
    enum { RATE = 48000, FRAMES = 24000 };
    static float noise[FRAMES];
    hash_noise(3, FRAMES, 0.3f, noise);
    v2s_test_video video = {.width = 160,
                            .height = 120,
                            .frames = 25,
                            .fps_hz = 25,
                            .sound = noise,
                            .sound_frames = FRAMES,
                            .sound_channels = 1,
                            .sound_rate_hz = RATE,
                            .sound_start_s = 0.3};
    v2s_test_make_video(v2s_test_path("late.mov"), &video);
    V2S_TEST_RUN("render", "late.mov", "--box", "5,7,24,24", "-o", "o.wav", "--smooth", "off",
                 "--distance", "1");
    v2s_test_sound s = v2s_test_sound_read(v2s_test_path("o.wav"));
    size_t start = (size_t)(0.3 * RATE);
    cr_assert(s.rate_hz == RATE && s.frames == start + FRAMES, "%zu frames", s.frames);
    for (size_t i = 0; i < start; i++)
        cr_assert(s.samples[4 * i] == 0, "sound at sample %zu", i);
    double worst = 0; // at the first box the distance is 1 m; nothing is known about it later
    for (size_t i = 0; i < 1000; i++)
        worst = fmax(worst,
                     fabs(s.samples[4 * (start + i)] / noise[i] - s.samples[4 * start] / noise[0]));
    cr_expect(worst < 0.02, "the first samples are not the first samples: %f", worst);
    v2s_test_sound_free(&s);
}

Test(render_program, rate_of_the_sound_is_kept_unless_asked) {
    make_tone("hi.wav", 19200, 96000, 30000, 0.5f);
    write_point("p.csv", 0, 0, 1);
    V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "hi.wav", "-o", "o.wav");
    v2s_test_sound s = v2s_test_sound_read(v2s_test_path("o.wav"));
    v2s_test_sound in = v2s_test_sound_read(v2s_test_path("hi.wav"));
    cr_expect(s.rate_hz == 96000 && v2s_test_difference(&s, &in) < 1e-7);
    v2s_test_sound_free(&s);
    v2s_test_sound_free(&in);
    make_tone("lo.wav", 48000, 48000, 1000, 0.5f);
    V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "lo.wav", "-o", "o.wav", "--rate",
                 "44100");
    s = v2s_test_sound_read(v2s_test_path("o.wav"));
    cr_expect(s.rate_hz == 44100 && s.frames == 44100);
    double worst = 0;
    for (size_t i = 2000; i < 42000; i++)
        worst = fmax(worst, fabs(s.samples[4 * i] - 0.5 * sin(2 * pi * 1000 * (double)i / 44100)));
    cr_expect(worst < 1e-5, "resampled tone is off by %g", worst);
    v2s_test_sound_free(&s);
}

Test(render_program, written_trajectory_gives_the_same_bytes) {
    make_noise("n.wav", 40000, 44100, 0.3f);
    v2s_test_video video = {.width = 320, .height = 240, .frames = 25, .fps_hz = 25};
    v2s_test_make_video(v2s_test_path("v.mp4"), &video);
    V2S_TEST_RUN("render", "v.mp4", "--box", "5,7,24,24", "--sound", "n.wav", "-o", "a.wav",
                 "--trajectory-out", "t.csv", "--doppler", "--air", "--order", "2");
    V2S_TEST_RUN("render", "--trajectory", "t.csv", "--sound", "n.wav", "-o", "b.wav",
                 "--trajectory-out", "u.csv", "--doppler", "--air", "--order", "2");
    cr_expect(same_bytes("a.wav", "b.wav"), "the sound differs");
    cr_expect(same_bytes("t.csv", "u.csv"), "the trajectory differs");
}

// Frequency from the phase of a windowed sum at two times.
static double frequency_hz(const v2s_test_sound *s, int c, size_t at, size_t length,
                           double near_hz) {
    double phase[2];
    size_t apart = 500;
    for (int k = 0; k < 2; k++) {
        double re = 0, im = 0;
        for (size_t i = 0; i < length; i++) {
            size_t n = at + i + (k ? apart : 0);
            double w = 0.5 - 0.5 * cos(2 * pi * (double)i / (double)length);
            double angle = 2 * pi * near_hz * (double)n / s->rate_hz;
            double x = s->samples[n * (size_t)s->channels + (size_t)c];
            re += w * x * cos(angle);
            im -= w * x * sin(angle);
        }
        phase[k] = atan2(im, re);
    }
    double turn = remainder(phase[1] - phase[0], 2 * pi);
    return near_hz + turn / (2 * pi) * s->rate_hz / (double)apart;
}

// f' = f c / (c + v) for a source that recedes at v; the gain leaves the frequency alone.
Test(render_program, doppler_shift_is_the_textbook_one) {
    make_tone("tone.wav", 96000, 48000, 1000, 0.2f);
    static const double speeds_m_s[] = {-20, 0, 20};
    for (size_t i = 0; i < 3; i++) {
        double v = speeds_m_s[i];
        char text[256];
        snprintf(text, sizeof text, "%s0,1,0,0,%g,1\n2,1,0,0,%g,1\n", head, v < 0 ? 60.0 : 20.0,
                 (v < 0 ? 60.0 : 20.0) + 2 * v);
        v2s_test_write_text("p.csv", text);
        V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "tone.wav", "-o", "o.wav",
                     "--doppler");
        v2s_test_sound s = v2s_test_sound_read(v2s_test_path("o.wav"));
        double expected_hz = 1000 * 343 / (343 + v);
        double found_hz = frequency_hz(&s, W, 40000, 8000, expected_hz);
        cr_expect(fabs(found_hz - expected_hz) < 0.05, "v = %g: %f Hz, not %f", v, found_hz,
                  expected_hz);
        size_t silent = (size_t)((v < 0 ? 60.0 : 20.0) / 343 * 48000) - 60;
        cr_expect(v2s_test_rms(&s, W, 0, silent) < 1e-6, "the sound arrives before its way");
        v2s_test_sound_free(&s);
    }
}

// ISO 9613-1 at 20 C and 50 %: near 0.1 dB a metre at 8 kHz, next to nothing at 250 Hz.
Test(render_program, air_dulls_what_is_far_away) {
    static const struct { double hz, low_db, high_db; } cases[] = {{250, -0.5, 0}, {8000, -14, -6}};
    write_point("p.csv", 10, 0, 100);
    for (size_t i = 0; i < 2; i++) {
        make_tone("tone.wav", 24000, 48000, cases[i].hz, 0.5f);
        V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "tone.wav", "-o", "dry.wav");
        V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "tone.wav", "-o", "air.wav",
                     "--air");
        v2s_test_sound dry = v2s_test_sound_read(v2s_test_path("dry.wav"));
        v2s_test_sound air = v2s_test_sound_read(v2s_test_path("air.wav"));
        double loss_db =
            20 * log10(v2s_test_rms(&air, W, 4000, 20000) / v2s_test_rms(&dry, W, 4000, 20000));
        cr_expect(loss_db >= cases[i].low_db && loss_db <= cases[i].high_db, "%g Hz: %f dB",
                  cases[i].hz, loss_db);
        v2s_test_sound_free(&dry);
        v2s_test_sound_free(&air);
    }
}

// ---- previews ---------------------------------------------------------------------------------

static double level_db(const v2s_test_sound *s, int c) {
    return 20 * log10(v2s_test_rms(s, c, 0, s->frames) + 1e-12);
}

Test(render_program, previews_have_the_length_of_the_sound_and_the_right_side) {
    make_noise("n.wav", 24000, 48000, 0.2f);
    v2s_test_sound in = v2s_test_sound_read(v2s_test_path("n.wav"));
    static const char *const methods[] = {"magls", "speakers"};
    for (size_t m = 0; m < 2; m++)
        for (int side = -1; side <= 1; side++) {
            write_point("p.csv", 60 * side, 0, 1);
            V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "n.wav", "-o", "o.wav",
                         "--binaural", "b.wav", "--stereo", "s.wav", "--binaural-method",
                         methods[m]);
            const char *const names[] = {"b.wav", "s.wav"};
            for (size_t k = 0; k < 2; k++) {
                v2s_test_sound s = v2s_test_sound_read(v2s_test_path(names[k]));
                cr_assert(s.channels == 2 && s.rate_hz == 48000 && s.frames == in.frames,
                          "%s: %d channels, %zu frames", names[k], s.channels, s.frames);
                double ild_db = level_db(&s, 0) - level_db(&s, 1);
                if (side == 0)
                    cr_expect(fabs(ild_db) < 1.5, "%s: front: %f dB", names[k], ild_db);
                else
                    cr_expect(side * ild_db > 4, "%s: azimuth %d: %f dB", names[k], 60 * side,
                              ild_db);
                double power = pow(10, level_db(&s, 0) / 10) + pow(10, level_db(&s, 1) / 10);
                double mean_db = 10 * log10(power / 2) - level_db(&in, 0);
                cr_expect(fabs(mean_db) < 3, "%s: azimuth %d: %f dB from the sound", names[k],
                          60 * side, mean_db);
                v2s_test_sound_free(&s);
            }
        }
    v2s_test_sound_free(&in);
}

Test(render_program, binaural_preview_is_in_time_with_the_sound) {
    static float click[4800];
    click[1000] = 0.5f;
    v2s_test_make_wav(v2s_test_path("click.wav"), click, 4800, 1, 48000);
    write_point("p.csv", 0, 0, 1);
    V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "click.wav", "-o", "o.wav",
                 "--binaural", "b.wav");
    v2s_test_sound s = v2s_test_sound_read(v2s_test_path("b.wav"));
    for (int c = 0; c < 2; c++) {
        size_t peak = 0;
        for (size_t i = 0; i < s.frames; i++)
            if (fabsf(s.samples[2 * i + (size_t)c]) > fabsf(s.samples[2 * peak + (size_t)c]))
                peak = i;
        // 2 ms: less than the time sound needs for 70 cm.
        cr_expect(peak + 96 > 1000 && peak < 1000 + 96, "ear %d: peak at %zu", c, peak);
    }
    v2s_test_sound_free(&s);
}

// ---- files ------------------------------------------------------------------------------------

Test(render_program, containers_hold_the_same_samples) {
    make_noise("n.wav", 5000, 44100, 0.3f);
    write_point("p.csv", 35, 12, 1.5);
    static const struct {
        const char *name;
        int major, minor;
        double tolerance;
    } cases[] = {
        {"o.wav", SF_FORMAT_WAV, SF_FORMAT_FLOAT, 0},
        {"o.w64", SF_FORMAT_W64, SF_FORMAT_FLOAT, 0},
        {"o.caf", SF_FORMAT_CAF, SF_FORMAT_FLOAT, 0},
        {"o.flac", SF_FORMAT_FLAC, SF_FORMAT_PCM_24, 1.2e-7},
    };
    v2s_test_sound first = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "n.wav", "-o", cases[i].name);
        v2s_test_sound s = v2s_test_sound_read(v2s_test_path(cases[i].name));
        int major = s.format & SF_FORMAT_TYPEMASK;
        cr_expect(major == cases[i].major || (i == 0 && major == SF_FORMAT_WAVEX), "%s: type %x",
                  cases[i].name, s.format);
        cr_expect((s.format & SF_FORMAT_SUBMASK) == cases[i].minor, "%s: samples %x", cases[i].name,
                  s.format);
        if (i == 0)
            first = s;
        else {
            cr_expect(v2s_test_difference(&first, &s) <= cases[i].tolerance, "%s: %g",
                      cases[i].name, v2s_test_difference(&first, &s));
            v2s_test_sound_free(&s);
        }
    }
    v2s_test_sound_free(&first);
}

// 0.9 at half a metre is 1.8: every channel gets the same -5.1 dB, and the program says so.
Test(render_program, clipping_is_avoided_by_one_gain_that_is_said) {
    make_tone("loud.wav", 4800, 48000, 1000, 0.9f);
    write_point("p.csv", 30, 0, 0.5);
    static const char *const formats[] = {"s16", "s24", "float"};
    for (size_t i = 0; i < 3; i++) {
        V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "loud.wav", "-o", "o.wav",
                     "--format", formats[i], "--json", "o.json");
        v2s_test_sound s = v2s_test_sound_read(v2s_test_path("o.wav"));
        cJSON *json = v2s_test_json(v2s_test_path("o.json"));
        double gain_db = v2s_test_number(json, "gain_db"), peak = 0;
        cr_expect(fabs(gain_db + 20 * log10(1.8)) < 1e-3, "%s: gain %f dB", formats[i], gain_db);
        cr_expect(fabs(v2s_test_number(json, "peak_dbfs")) < 1e-3);
        for (size_t k = 0; k < s.frames; k++)
            peak = fmax(peak, fabs(s.samples[4 * k]));
        cr_expect(peak > 0.9998 && peak <= 1.0, "%s: peak %f", formats[i], peak);
        double y = v2s_test_gain(&s, W, Y, 0, s.frames);
        cr_expect(fabs(y - 0.5) < 1e-4, "%s: the direction moved: Y is %f of W", formats[i], y);
        cJSON_Delete(json);
        v2s_test_sound_free(&s);
    }
    v2s_test_run run = v2s_test_run_program((const char *const[]){
        "render", "--trajectory", "p.csv", "--sound", "loud.wav", "-o", "o.wav", NULL});
    cr_expect(strstr(run.out, "-5.11 dB on all channels") != NULL, "%s", run.out);
    v2s_test_run_free(&run);
}

Test(render_program, loop_fills_the_film_and_no_more) {
    make_noise("n.wav", 3000, 8000, 0.3f);
    v2s_test_video video = {.width = 160, .height = 120, .frames = 30, .fps_hz = 25};
    v2s_test_make_video(v2s_test_path("v.mp4"), &video);
    V2S_TEST_RUN("render", "v.mp4", "--box", "5,7,24,24", "--sound", "n.wav", "--loop", "-o",
                 "o.wav");
    v2s_test_sound s = v2s_test_sound_read(v2s_test_path("o.wav"));
    v2s_test_sound in = v2s_test_sound_read(v2s_test_path("n.wav"));
    cr_assert(s.frames == 9600, "%zu frames", s.frames);
    for (size_t i = 0; i < 3000; i += 100) {
        double first = s.samples[4 * i] / in.samples[i];
        double second = s.samples[4 * (3000 + i)] / in.samples[i];
        cr_expect(first > 0.3 && second > 0.3, "sample %zu is not repeated", i);
    }
    v2s_test_sound_free(&s);
    v2s_test_sound_free(&in);
}

Test(render_program, channels_of_the_sound) {
    enum { FRAMES = 1000 };
    static float eight[FRAMES * 8], mono[8][FRAMES];
    for (unsigned c = 0; c < 8; c++) {
        hash_noise(c + 1, FRAMES, 0.3f, mono[c]);
        for (size_t i = 0; i < FRAMES; i++)
            eight[8 * i + c] = mono[c][i];
    }
    v2s_test_make_wav(v2s_test_path("eight.wav"), eight, FRAMES, 8, 48000);
    v2s_test_make_wav(v2s_test_path("two.wav"), eight, FRAMES, 2, 48000);
    write_point("p.csv", 0, 0, 1);
    V2S_TEST_REFUSED("--channel", "render", "--trajectory", "p.csv", "--sound", "eight.wav", "-o",
                     "no.wav");
    V2S_TEST_REFUSED("8 channels", "render", "--trajectory", "p.csv", "--sound", "eight.wav", "-o",
                     "no.wav", "--channel", "9");
    cr_expect(v2s_test_count_files(v2s_test_folder(), "no.wav") == 0);
    V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "eight.wav", "-o", "three.wav",
                 "--channel", "3");
    V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "eight.wav", "-o", "mix.wav",
                 "--mix");
    V2S_TEST_RUN("render", "--trajectory", "p.csv", "--sound", "two.wav", "-o", "mean.wav");
    v2s_test_sound three = v2s_test_sound_read(v2s_test_path("three.wav"));
    v2s_test_sound mix = v2s_test_sound_read(v2s_test_path("mix.wav"));
    v2s_test_sound mean = v2s_test_sound_read(v2s_test_path("mean.wav"));
    for (size_t i = 0; i < FRAMES; i++) {
        double sum = 0;
        for (int c = 0; c < 8; c++)
            sum += mono[c][i];
        double two = 0.5 * ((double)eight[2 * i] + (double)eight[2 * i + 1]);
        cr_assert(fabs(three.samples[4 * i] - mono[2][i]) < 1e-7);
        cr_assert(fabs(mix.samples[4 * i] - sum / 8) < 1e-6);
        cr_assert(fabs(mean.samples[4 * i] - two) < 1e-6);
    }
    v2s_test_sound_free(&three);
    v2s_test_sound_free(&mix);
    v2s_test_sound_free(&mean);
}

Test(render_program, two_objects_with_their_own_sounds_add_up) {
    make_tone("a.wav", 9600, 48000, 500, 0.2f);
    make_noise("b.wav", 7000, 48000, 0.2f);
    char text[256];
    snprintf(text, sizeof text, "%s0,left,90,0,1,1\n0,right,-90,0,2,1\n", head);
    v2s_test_write_text("two.csv", text);
    write_point("l.csv", 90, 0, 1);
    write_point("r.csv", -90, 0, 2);
    V2S_TEST_RUN("render", "--trajectory", "two.csv", "--object", "name=left;sound=a.wav",
                 "--object", "name=right;sound=b.wav", "-o", "o.wav");
    V2S_TEST_RUN("render", "--trajectory", "l.csv", "--sound", "a.wav", "-o", "a1.wav");
    V2S_TEST_RUN("render", "--trajectory", "r.csv", "--sound", "b.wav", "-o", "b1.wav");
    v2s_test_sound o = v2s_test_sound_read(v2s_test_path("o.wav"));
    v2s_test_sound a = v2s_test_sound_read(v2s_test_path("a1.wav"));
    v2s_test_sound b = v2s_test_sound_read(v2s_test_path("b1.wav"));
    cr_assert(o.frames == 9600, "%zu frames: the longest sound ends the file", o.frames);
    for (size_t i = 0; i < 4 * o.frames; i++) {
        double sum = a.samples[i] + (i < 4 * b.frames ? (double)b.samples[i] : 0.0);
        cr_assert(fabs(o.samples[i] - sum) < 1e-6, "sample %zu", i);
    }
    v2s_test_sound_free(&o);
    v2s_test_sound_free(&a);
    v2s_test_sound_free(&b);
}

Test(render_program, boxes_of_a_detector_take_sounds_by_their_numbers) {
    make_tone("a.wav", 9600, 48000, 500, 0.2f);
    make_tone("b.wav", 9600, 48000, 3000, 0.2f);
    v2s_test_video video = {.width = 160, .height = 120, .frames = 5, .fps_hz = 25};
    v2s_test_make_video(v2s_test_path("v.mp4"), &video);
    const char boxes[] = "1,3,1,50,20,20,1,-1,-1,-1\n1,9,141,50,20,20,0.5,-1,-1,-1\n"
                         "5,9,141,50,20,20,0.5,-1,-1,-1\n5,3,1,50,20,20,1,-1,-1,-1\n";
    v2s_test_write_text("b.txt", boxes);
    V2S_TEST_RUN("render", "v.mp4", "--boxes-in", "b.txt", "--object", "name=3;sound=a.wav",
                 "--object", "name=9;sound=b.wav;distance=4", "-o", "o.wav", "--trajectory-out",
                 "t.csv", "--fov", "90");
    size_t count;
    v2s_test_row *rows = v2s_test_trajectory(v2s_test_path("t.csv"), &count);
    cr_assert(count == 10);
    cr_expect(strcmp(rows[0].object, "3") == 0 && strcmp(rows[5].object, "9") == 0);
    cr_expect(rows[0].az_deg > 35 && rows[5].az_deg < -35 && rows[0].az_deg < 45);
    cr_expect(fabs(rows[0].dist_m - 2) < 0.01 && fabs(rows[5].dist_m - 4) < 0.02);
    v2s_test_sound s = v2s_test_sound_read(v2s_test_path("o.wav"));
    // What of each tone is in Y, against W: the low one is left, the high one right.
    for (int k = 0; k < 2; k++) {
        double hz = k == 0 ? 500 : 3000, sums[2] = {0};
        for (size_t i = 0; i < 9600; i++)
            for (int c = 0; c < 2; c++)
                sums[c] += s.samples[4 * i + (size_t)c] * sin(2 * pi * hz * (double)i / 48000);
        cr_expect((k == 0 ? 1 : -1) * sums[1] / sums[0] > 0.5, "%g Hz: %f", hz, sums[1] / sums[0]);
    }
    v2s_test_sound_free(&s);
    free(rows);
}

// ---- words and numbers ------------------------------------------------------------------------

Test(render_program, json_on_standard_output_is_json_alone) {
    make_noise("n.wav", 48000, 48000, 0.3f);
    v2s_test_video video = {.width = 160, .height = 120, .frames = 25, .fps_hz = 25};
    v2s_test_make_video(v2s_test_path("v.mp4"), &video);
    v2s_test_run run = v2s_test_run_program(
        (const char *const[]){"render", "v.mp4", "--box", "5,7,24,24", "--sound", "n.wav", "-o",
                              "o.wav", "--json", "-", "--verbose", NULL});
    cr_assert(run.code == 0, "%s", run.err);
    cJSON *json = cJSON_ParseWithOpts(run.out, NULL, 1);
    cr_assert(json != NULL, "%s", run.out);
    static const char *const keys[] = {"frames",          "tracked",  "held",       "redetected",
                                       "confidence_mean", "fov_deg",  "fov_source", "duration_s",
                                       "rate_hz",         "channels", "peak_dbfs",  "gain_db",
                                       "refiner",         "wall_s",   "realtime",   "warnings"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        cr_expect(cJSON_HasObjectItem(json, keys[i]), "no key %s", keys[i]);
    cr_expect(v2s_test_number(json, "frames") == 25 && v2s_test_number(json, "channels") == 4 &&
              v2s_test_number(json, "rate_hz") == 48000 && v2s_test_number(json, "fov_deg") == 60 &&
              fabs(v2s_test_number(json, "duration_s") - 1) < 1e-9);
    cr_expect(cJSON_IsNull(cJSON_GetObjectItem(json, "refiner")));
    cr_expect(cJSON_GetArraySize(cJSON_GetObjectItem(json, "warnings")) == 1, "%s", run.out);
    cJSON_Delete(json);
    v2s_test_run_free(&run);
}

Test(render_program, quiet_says_nothing_but_warnings) {
    make_noise("n.wav", 48000, 48000, 0.3f);
    write_point("p.csv", 0, 0, 1);
    v2s_test_run run = v2s_test_run_program((const char *const[]){
        "render", "--trajectory", "p.csv", "--sound", "n.wav", "-o", "o.wav", "--quiet", NULL});
    cr_expect(run.code == 0 && run.out[0] == '\0' && run.err[0] == '\0', "%s%s", run.out, run.err);
    v2s_test_run_free(&run);
    run = v2s_test_run_program((const char *const[]){"render", "--trajectory", "p.csv", "--sound",
                                                     "n.wav", "-o", "o.wav", NULL});
    static const char *const parts[] = {"sound ", "level ",  "gain ", "refiner ", "not used",
                                        "time ",  "written", "LUFS",  "AmbiX",    "azimuth"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        cr_expect(strstr(run.out, parts[i]) != NULL, "no '%s' in: %s", parts[i], run.out);
    v2s_test_run_free(&run);
}

Test(render_program, silence_is_a_warning) {
    static float zeros[4800];
    v2s_test_make_wav(v2s_test_path("silence.wav"), zeros, 4800, 1, 48000);
    write_point("p.csv", 0, 0, 1);
    v2s_test_run run = v2s_test_run_program(
        (const char *const[]){"render", "--trajectory", "p.csv", "--sound", "silence.wav", "-o",
                              "o.wav", "--json", "o.json", "--binaural", "b.wav", NULL});
    cr_expect(run.code == 0 && strstr(run.err, "silence.wav is silent") != NULL, "%d: %s", run.code,
              run.err);
    v2s_test_run_free(&run);
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect(cJSON_IsNull(cJSON_GetObjectItem(json, "peak_dbfs")));
    cJSON_Delete(json);
    v2s_test_sound s = v2s_test_sound_read(v2s_test_path("o.wav"));
    cr_expect(s.frames == 4800);
    v2s_test_sound_free(&s);
}

Test(render_program, same_command_gives_the_same_bytes_on_any_number_of_threads) {
    make_noise("n.wav", 48000, 48000, 0.3f);
    v2s_test_video video = {.width = 160, .height = 120, .frames = 25, .fps_hz = 25};
    v2s_test_make_video(v2s_test_path("v.mp4"), &video);
    V2S_TEST_RUN("render", "v.mp4", "--box", "5,7,24,24", "--sound", "n.wav", "-o", "a.wav",
                 "--binaural", "ab.wav", "--threads", "1");
    V2S_TEST_RUN("render", "v.mp4", "--box", "5,7,24,24", "--sound", "n.wav", "-o", "b.wav",
                 "--binaural", "bb.wav", "--threads", "4");
    cr_expect(same_bytes("a.wav", "b.wav") && same_bytes("ab.wav", "bb.wav"));
}
