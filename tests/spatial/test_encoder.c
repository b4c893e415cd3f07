// SPDX-License-Identifier: MIT
#include "spatial/encoder.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/ambisonics.h"
#include "spatial/delay_line.h"
#include "spatial/sh.h"

#define RATE 48000.0

static v2s_point at_deg(double time_s, double az, double el, double distance_m) {
    v2s_point p = {time_s, v2s_unit_from_angles(v2s_rad(az), v2s_rad(el)), distance_m, 1.0};
    return p;
}

static v2s_encoder_config config_of(const v2s_trajectory *t, int order, bool doppler, bool air) {
    v2s_encoder_config c = {order, RATE, 0.5, doppler, air, v2s_air_default(), t, 0.0, 0.0};
    return c;
}

// Encodes x[frames] as a file would be: latency dropped, the same length out. Blocks of `block`
// frames (0: random odd ones). The caller frees.
static float *encode(const v2s_encoder_config *c, const float *x, size_t frames, size_t block) {
    v2s_encoder *e = NULL;
    cr_assert_eq(v2s_encoder_open(c, &e), V2S_OK, "%s", v2s_error_text());
    size_t channels = (size_t)v2s_channels_of_order(c->order);
    size_t latency = v2s_encoder_latency_frames(e), total = frames + latency;
    float *in = calloc(total, sizeof *in), *out = calloc(total * channels, sizeof *out);
    memcpy(in, x, frames * sizeof *x);
    for (size_t done = 0; done < total;) {
        size_t n = block > 0 ? block : 1 + (size_t)rand() % 701;
        n = n < total - done ? n : total - done;
        cr_assert_eq(v2s_encoder_process(e, in + done, n, out + done * channels), V2S_OK);
        done += n;
    }
    v2s_encoder_close(&e);
    cr_assert_null(e);
    free(in);
    memmove(out, out + latency * channels, frames * channels * sizeof *out);
    return out;
}

static float *noise(size_t frames, unsigned seed) {
    float *x = malloc(frames * sizeof *x);
    srand(seed);
    for (size_t i = 0; i < frames; i++)
        x[i] = (float)(2.0 * rand() / RAND_MAX - 1.0);
    return x;
}

static float *sine(size_t frames, double freq_hz) {
    float *x = malloc(frames * sizeof *x);
    for (size_t i = 0; i < frames; i++)
        x[i] = (float)sin(2.0 * V2S_PI * freq_hz * (double)i / RATE);
    return x;
}

Test(encoder, every_direction_of_a_grid_comes_back_from_the_intensity_vector) {
    enum { FRAMES = 64 };
    float *x = noise(FRAMES, 1);
    double worst = 0.0;
    for (int az = -180; az < 180; az += 5)
        for (int el = -90; el <= 90; el += 5) {
            v2s_point p = at_deg(0, az, el, 2.0);
            v2s_trajectory t = {"1", 1, &p};
            v2s_encoder_config c = config_of(&t, 1, false, false);
            float *foa = encode(&c, x, FRAMES, FRAMES);
            worst = fmax(worst, v2s_angle_between_rad(p.unit, v2s_foa_intensity(foa, FRAMES)));
            free(foa);
        }
    cr_expect(v2s_deg(worst) < 0.01, "worst %g deg", v2s_deg(worst));
    cr_expect(v2s_deg(worst) < 1e-4, "worst %g deg", v2s_deg(worst)); // what floats allow
    free(x);
}

Test(encoder, a_source_on_the_left_is_positive_in_y_above_in_z_in_front_in_x) {
    const double az[3] = {90, 0, 0}, el[3] = {0, 90, 0};
    const int channel[3] = {V2S_ACN_Y, V2S_ACN_Z, V2S_ACN_X};
    for (int k = 0; k < 3; k++) {
        v2s_point p = at_deg(0, az[k], el[k], 1.0);
        v2s_trajectory t = {"1", 1, &p};
        v2s_encoder_config c = config_of(&t, 1, false, false);
        float x = 0.5f, *foa = encode(&c, &x, 1, 1);
        for (int ch = 0; ch < 4; ch++)
            cr_expect(fabsf(foa[ch] - (ch == V2S_ACN_W || ch == channel[k] ? 0.5f : 0.0f)) < 1e-7f);
        free(foa);
    }
}

Test(encoder, the_level_falls_with_distance_and_stops_growing_at_the_minimum) {
    const double distance[6] = {0.001, 0.5, 1.0, 2.0, 10.0, 1000.0};
    const double gain[6] = {2.0, 2.0, 1.0, 0.5, 0.1, 0.001};
    for (int k = 0; k < 6; k++) {
        v2s_point p = at_deg(0, 33, -10, distance[k]);
        v2s_trajectory t = {"1", 1, &p};
        v2s_encoder_config c = config_of(&t, 0, false, false);
        float x = 1.0f, *w = encode(&c, &x, 1, 1);
        cr_expect(fabs(w[0] - gain[k]) < 1e-7 * gain[k] + 1e-9, "%g m: %g", distance[k], w[0]);
        free(w);
    }
}

Test(encoder, output_is_added_to_what_is_there) {
    v2s_point p = at_deg(0, 90, 0, 1.0);
    v2s_trajectory t = {"1", 1, &p};
    v2s_encoder_config c = config_of(&t, 1, false, false);
    v2s_encoder *e = NULL;
    cr_assert_eq(v2s_encoder_open(&c, &e), V2S_OK);
    float x = 0.25f, out[4] = {1.0f, 2.0f, 3.0f, 4.0f};
    cr_assert_eq(v2s_encoder_process(e, &x, 1, out), V2S_OK);
    v2s_encoder_close(&e);
    cr_expect(out[0] == 1.25f && fabsf(out[1] - 2.25f) < 1e-6f && fabsf(out[2] - 3.0f) < 1e-6f &&
              fabsf(out[3] - 4.0f) < 1e-6f);
}

// A ball thrown across: 25 points a second, all of azimuth, elevation and distance move.
static v2s_trajectory thrown(v2s_point *p, int count) {
    for (int i = 0; i < count; i++)
        p[i] = at_deg(i / 25.0, 150.0 * sin(i * 0.21), 40.0 * sin(i * 0.13), 2.0 + sin(i * 0.3));
    v2s_trajectory t = {"1", (size_t)count, p};
    return t;
}

// Stated error: a second derivative a of a gain costs a h^2 / 8 between control points h = 32
// samples apart; here a reaches some 500 / s^2, and corners of the trajectory add to it.
Test(encoder, gains_follow_the_trajectory_at_every_sample) {
    enum { FRAMES = 48000 };
    v2s_point p[30];
    v2s_trajectory t = thrown(p, 30);
    v2s_encoder_config c = config_of(&t, 3, false, false);
    c.start_s = 0.1;
    float *x = malloc(FRAMES * sizeof *x);
    for (int i = 0; i < FRAMES; i++)
        x[i] = 1.0f;
    float *out = encode(&c, x, FRAMES, 1024);
    double worst = 0.0;
    for (int i = 0; i < FRAMES; i++) {
        double y[16];
        v2s_point q = v2s_trajectory_at(&t, 0.1 + i / RATE, NULL);
        v2s_sh_sn3d(3, q.unit, y);
        for (int ch = 0; ch < 16; ch++)
            worst = fmax(worst, fabs(out[16 * i + ch] - y[ch] / q.distance_m));
    }
    cr_expect(worst < 1e-4, "worst gain error %g", worst);
    free(x);
    free(out);
}

Test(encoder, block_sizes_do_not_change_one_bit) {
    enum { FRAMES = 20000 };
    v2s_point p[30];
    v2s_trajectory t = thrown(p, 30);
    float *x = noise(FRAMES, 2);
    for (int options = 0; options < 4; options++) {
        v2s_encoder_config c = config_of(&t, 2, options & 1, options & 2);
        float *whole = encode(&c, x, FRAMES, FRAMES * 2), *ones = encode(&c, x, FRAMES, 1);
        float *odd = encode(&c, x, FRAMES, 0);
        cr_expect_eq(memcmp(whole, ones, 9 * FRAMES * sizeof *x), 0, "options %d", options);
        cr_expect_eq(memcmp(whole, odd, 9 * FRAMES * sizeof *x), 0, "options %d", options);
        free(whole);
        free(ones);
        free(odd);
    }
    free(x);
}

Test(encoder, encoding_is_linear) {
    enum { FRAMES = 5000 };
    v2s_point p[30];
    v2s_trajectory t = thrown(p, 30);
    float *a = noise(FRAMES, 3), *b = noise(FRAMES, 4), *both = malloc(FRAMES * sizeof *both);
    for (int i = 0; i < FRAMES; i++)
        both[i] = 2.0f * a[i] - 0.5f * b[i];
    v2s_encoder_config c = config_of(&t, 1, true, true);
    float *ya = encode(&c, a, FRAMES, 512), *yb = encode(&c, b, FRAMES, 512);
    float *y = encode(&c, both, FRAMES, 512);
    for (int i = 0; i < 4 * FRAMES; i++)
        cr_assert(fabsf(y[i] - (2.0f * ya[i] - 0.5f * yb[i])) < 2e-6f);
    free(a);
    free(b);
    free(both);
    free(ya);
    free(yb);
    free(y);
}

Test(encoder, without_options_there_is_no_latency) {
    v2s_point p = at_deg(0, 0, 0, 1.0);
    v2s_trajectory t = {"1", 1, &p};
    v2s_encoder_config c = config_of(&t, 1, false, false);
    v2s_encoder *e = NULL;
    cr_assert_eq(v2s_encoder_open(&c, &e), V2S_OK);
    cr_expect_eq(v2s_encoder_latency_frames(e), 0);
    cr_expect_eq(v2s_encoder_tail_frames(e), 0);
    v2s_encoder_close(&e);
}

// Amplitude and phase of freq_hz in x[0..frames) under a Hann window.
static void analyse(const float *x, size_t frames, double freq_hz, double *amplitude,
                    double *phase) {
    double re = 0.0, im = 0.0, sum = 0.0;
    for (size_t i = 0; i < frames; i++) {
        double w = 0.5 - 0.5 * cos(2.0 * V2S_PI * (double)i / (double)frames);
        re += w * x[i] * cos(2.0 * V2S_PI * freq_hz * (double)i / RATE);
        im -= w * x[i] * sin(2.0 * V2S_PI * freq_hz * (double)i / RATE);
        sum += w;
    }
    *amplitude = 2.0 * hypot(re, im) / sum;
    *phase = atan2(im, re);
}

Test(encoder, a_source_at_rest_is_delayed_by_exactly_d_over_c) {
    enum { FRAMES = 24000 };
    const double distance[4] = {0.6, 3.43, 10.123, 51.7};
    const double freq[3] = {300.0, 5000.0, 15000.0};
    for (int f = 0; f < 3; f++) {
        float *x = sine(FRAMES, freq[f]);
        for (int k = 0; k < 4; k++) {
            v2s_point p = at_deg(0, 0, 0, distance[k]);
            v2s_trajectory t = {"1", 1, &p};
            v2s_encoder_config c = config_of(&t, 0, true, false);
            float *y = encode(&c, x, FRAMES, 480);
            double delay = distance[k] / 343.0 * RATE, worst = 0.0;
            for (int i = (int)delay + 100; i < FRAMES - 100; i++) {
                double want = sin(2.0 * V2S_PI * freq[f] * (i - delay) / RATE) / distance[k];
                worst = fmax(worst, fabs(y[i] - want) * distance[k]);
            }
            cr_expect(worst < 3e-5, "%g Hz %g m: %g", freq[f], distance[k], worst); // -90 dB
            for (int i = 0; i < (int)delay - V2S_DELAY_HALF_TAPS; i++)
                cr_assert_eq(y[i], 0.0f);
            free(y);
        }
        free(x);
    }
}

Test(encoder, a_delay_of_whole_samples_is_exact) {
    enum { FRAMES = 3000 };
    v2s_point p = at_deg(0, 0, 0, 343.0 * 1000 / RATE);
    v2s_trajectory t = {"1", 1, &p};
    v2s_encoder_config c = config_of(&t, 0, true, false);
    c.min_distance_m = 10.0;
    float *x = noise(FRAMES, 5), *y = encode(&c, x, FRAMES, 256);
    for (int i = 0; i < FRAMES; i++)
        cr_assert(fabsf(y[i] - (i < 1000 ? 0.0f : x[i - 1000] / 10.0f)) < 1e-6f);
    free(x);
    free(y);
}

// At rest at the origin there is no delay at all; elsewhere the sound is early by the origin's.
Test(encoder, an_origin_takes_its_delay_away) {
    enum { FRAMES = 6000, LEAD = 32 * V2S_ENCODER_STEP }; // whole steps: the same gains
    const double origin_m = 343.0 * LEAD / RATE;
    float *x = noise(FRAMES, 6);
    v2s_point rest = at_deg(0, 0, 0, 3.21);
    v2s_trajectory t = {"1", 1, &rest};
    v2s_encoder_config c = config_of(&t, 1, true, true);
    c.origin_m = rest.distance_m;
    v2s_encoder_config still = config_of(&t, 1, false, true);
    float *y = encode(&c, x, FRAMES, 0), *want = encode(&still, x, FRAMES, 256);
    for (int i = 0; i < 4 * FRAMES; i++)
        cr_assert(fabsf(y[i] - want[i]) < 1e-6f, "%d: %g, %g", i, y[i], want[i]);
    free(y);
    free(want);
    v2s_point p[3] = {at_deg(0, 0, 0, origin_m), at_deg(0.05, 40, 0, origin_m + 3),
                      at_deg(0.1, 80, 0, 0.7)}; // away and back, nearer than the origin
    v2s_trajectory moving = {"1", 3, p};
    v2s_encoder_config plain = config_of(&moving, 1, true, false);
    c = plain;
    c.origin_m = origin_m;
    y = encode(&c, x, FRAMES, 100);
    want = encode(&plain, x, FRAMES, 256);
    for (int i = 0; i < 4 * (FRAMES - LEAD); i++)
        cr_assert(fabsf(y[i] - want[i + 4 * LEAD]) < 1e-5f, "%d: %g, %g", i, y[i],
                  want[i + 4 * LEAD]);
    free(y);
    free(want);
    free(x);
}

// A source that recedes at v from d0; what is heard at t was sent at (t - d0/c) / (1 + v/c).
static void check_doppler(double speed_m_s, double first_m, double freq_hz) {
    enum { FRAMES = 96000 };
    v2s_point p[2] = {at_deg(0, 0, 0, first_m), at_deg(2.0, 0, 0, first_m + 2.0 * speed_m_s)};
    v2s_trajectory t = {"1", 2, p};
    v2s_encoder_config c = config_of(&t, 0, true, false);
    c.min_distance_m = 1000.0; // a constant level, so that only the time is looked at
    float *x = sine(FRAMES, freq_hz), *y = encode(&c, x, FRAMES, 1000);
    double heard_hz = freq_hz * 343.0 / (343.0 + speed_m_s), a0, p0, a1, p1;
    analyse(y + 40000, 8000, heard_hz, &a0, &p0);
    analyse(y + 80000, 8000, heard_hz, &a1, &p1);
    // the phase moves by the frequency error between the two spans
    double moved = p1 - p0 - 2.0 * V2S_PI * heard_hz * 40000 / RATE;
    moved -= 2.0 * V2S_PI * round(moved / (2.0 * V2S_PI));
    double error_hz = moved / (2.0 * V2S_PI) * RATE / 40000;
    cr_expect(fabs(error_hz) < 1e-4 * 1.0, "%g m/s: off by %g Hz", speed_m_s, error_hz);
    cr_expect(fabs(a0 * 1000.0 - 1.0) < 1e-3 && fabs(a1 * 1000.0 - 1.0) < 1e-3);
    double residual = 0.0, energy = 0.0;
    for (int i = 30000; i < FRAMES - 1000; i++) {
        double sent_s = (i / RATE - first_m / 343.0) / (1.0 + speed_m_s / 343.0);
        double want = sin(2.0 * V2S_PI * freq_hz * sent_s) / 1000.0;
        residual += pow(y[i] - want, 2);
        energy += want * want;
    }
    cr_expect(residual < 1e-9 * energy, "%g m/s: %g dB", speed_m_s,
              10.0 * log10(residual / energy));
    free(x);
    free(y);
}

Test(encoder, constant_speed_has_the_textbook_doppler_shift) {
    check_doppler(20.0, 5.0, 1000.0);
    check_doppler(-20.0, 80.0, 1000.0);
    check_doppler(-100.0, 205.0, 4000.0);
    check_doppler(300.0, 2.0, 4000.0);
    check_doppler(1.0, 2.0, 15000.0);
}

static double fly_by_m(double time_s) {
    return hypot(5.0, 15.0 * (time_s - 1.0));
}

// Passing at 5 m with 15 m/s, 30 points a second. The smooth distance follows the true one within
// 0.2 mm, 0.2 % of a wave at 4 kHz; a distance made of chords gives -16 dB here.
Test(encoder, a_fly_by_has_no_zipper_noise) {
    enum { FRAMES = 96000 };
    v2s_point p[61];
    for (int i = 0; i < 61; i++)
        p[i] = at_deg(i / 30.0, 0, 0, fly_by_m(i / 30.0));
    v2s_trajectory t = {"1", 61, p};
    v2s_encoder_config c = config_of(&t, 0, true, false);
    c.min_distance_m = 1000.0;
    float *x = sine(FRAMES, 4000.0), *y = encode(&c, x, FRAMES, 1024);
    double residual = 0.0, energy = 0.0;
    for (int i = 9600; i < 90000; i++) {
        double sent_s = i / RATE;
        for (int k = 0; k < 50; k++)
            sent_s = i / RATE - fly_by_m(sent_s) / 343.0;
        double want = sin(2.0 * V2S_PI * 4000.0 * sent_s) / 1000.0;
        residual += pow(y[i] - want, 2);
        energy += want * want;
    }
    double db = 10.0 * log10(residual / energy);
    cr_expect(db < -50.0, "%g dB", db);
    free(x);
    free(y);
}

Test(encoder, direction_and_level_are_those_of_the_moment_of_sending) {
    enum { FRAMES = 48000 };
    v2s_point p[2] = {at_deg(0, -60, 0, 100.0), at_deg(1.0, 60, 0, 130.0)};
    v2s_trajectory t = {"1", 2, p};
    v2s_encoder_config c = config_of(&t, 1, true, false);
    float *x = malloc(FRAMES * sizeof *x);
    for (int i = 0; i < FRAMES; i++)
        x[i] = 1.0f;
    float *y = encode(&c, x, FRAMES, 480);
    for (int i = 20000; i < FRAMES; i += 331) {
        double sent_s = (i / RATE - 100.0 / 343.0) / (1.0 + 30.0 / 343.0);
        double az = atan2(y[4 * i + V2S_ACN_Y], y[4 * i + V2S_ACN_X]);
        cr_expect(fabs(v2s_deg(az) - (-60.0 + 120.0 * sent_s)) < 1e-3);
        cr_expect(fabs(y[4 * i] * (100.0 + 30.0 * sent_s) - 1.0) < 1e-4);
    }
    free(x);
    free(y);
}

Test(encoder, a_jump_faster_than_sound_is_a_glissando_and_not_a_click) {
    enum { FRAMES = 48000 };
    v2s_point p[6] = {at_deg(0, 0, 0, 100),   at_deg(0.4, 0, 0, 100),    at_deg(0.4001, 180, 0, 1),
                      at_deg(0.6, -90, 0, 1), at_deg(0.6001, 0, 90, 90), at_deg(1, 0, 90, 90)};
    v2s_trajectory t = {"1", 6, p};
    v2s_encoder_config c = config_of(&t, 0, true, false);
    c.min_distance_m = 1000.0; // a constant level, so that only the reading is looked at
    float *x = sine(FRAMES, 440.0), *y = encode(&c, x, FRAMES, 333), largest_step = 0.0f;
    for (int i = 0; i < FRAMES; i++) {
        cr_assert(isfinite(y[i]) && fabsf(y[i]) < 1.01f / 1000.0f);
        if (i > (int)(100.0 / 343.0 * RATE) + 30)
            largest_step = fmaxf(largest_step, fabsf(y[i] - y[i - 1]) * 1000.0f);
    }
    // a 440 Hz sine moves by 0.0576 a sample, 4 times that where it is read 4 times as fast
    cr_expect(largest_step < 4.0f * 0.0577f, "%g", (double)largest_step);
    cr_expect(largest_step > 3.9f * 0.0576f, "%g", (double)largest_step);
    // 0.29 s after the last jump everything is settled: exactly delayed again
    double delay = 90.0 / 343.0 * RATE, worst = 0.0;
    for (int i = 45000; i < FRAMES; i++)
        worst = fmax(worst, fabs(y[i] * 1000.0 - sin(2.0 * V2S_PI * 440.0 * (i - delay) / RATE)));
    cr_expect(worst < 1e-4, "%g", worst);
    free(x);
    free(y);
}

Test(encoder, the_tail_holds_all_that_is_still_under_way) {
    enum { FRAMES = 5000, MORE = 40000 };
    v2s_point p = at_deg(0, 0, 0, 100.0);
    v2s_trajectory t = {"1", 1, &p};
    for (int options = 0; options < 2; options++) {
        v2s_encoder_config c = config_of(&t, 0, true, options == 1);
        v2s_encoder *e = NULL;
        cr_assert_eq(v2s_encoder_open(&c, &e), V2S_OK);
        float *x = noise(FRAMES, 6), *out = calloc(FRAMES + MORE, sizeof *out);
        float *zeros = calloc(MORE, sizeof *zeros);
        cr_assert_eq(v2s_encoder_process(e, x, FRAMES, out), V2S_OK);
        size_t tail = v2s_encoder_tail_frames(e);
        cr_expect(tail >= v2s_encoder_latency_frames(e) && tail < MORE);
        cr_assert_eq(v2s_encoder_process(e, zeros, MORE, out + FRAMES), V2S_OK);
        for (size_t i = FRAMES + tail; i < FRAMES + MORE; i++)
            cr_assert(fabsf(out[i]) < 1e-9f, "options %d, %zu after the tail: %g", options,
                      i - FRAMES - tail, (double)out[i]);
        bool early = true; // and it is not needlessly long
        for (size_t i = FRAMES + tail - 2 * v2s_encoder_latency_frames(e) - 4; i < FRAMES + tail;
             i++)
            early = early && fabsf(out[i]) < 1e-9f;
        cr_expect(!early, "options %d", options);
        v2s_encoder_close(&e);
        free(x);
        free(out);
        free(zeros);
    }
}

Test(encoder, with_air_alone_the_output_is_as_long_as_the_input) {
    v2s_point p = at_deg(0, 0, 0, 100.0);
    v2s_trajectory t = {"1", 1, &p};
    v2s_encoder_config c = config_of(&t, 0, false, true);
    v2s_encoder *e = NULL;
    cr_assert_eq(v2s_encoder_open(&c, &e), V2S_OK);
    cr_expect_eq(v2s_encoder_tail_frames(e), v2s_encoder_latency_frames(e));
    cr_expect_gt(v2s_encoder_latency_frames(e), 0);
    v2s_encoder_close(&e);
}

Test(encoder, air_takes_from_the_highs_what_the_standard_says) {
    enum { FRAMES = 24000 };
    v2s_point p = at_deg(0, 0, 0, 80.0);
    v2s_trajectory t = {"1", 1, &p};
    v2s_air_conditions air = v2s_air_default();
    const double freq[4] = {500.0, 2000.0, 8000.0, 12000.0};
    for (int k = 0; k < 8; k++) {
        v2s_encoder_config c = config_of(&t, 0, k >= 4, true);
        float *x = sine(FRAMES, freq[k % 4]), *y = encode(&c, x, FRAMES, 480);
        double amplitude, phase;
        analyse(y + 14400, 9600, freq[k % 4], &amplitude, &phase);
        double want_db = 80.0 * v2s_air_absorption_db_m(&air, freq[k % 4]);
        double got_db = -20.0 * log10(amplitude * 80.0);
        cr_expect(fabs(got_db - want_db) < 0.1, "%g Hz: %g dB, want %g", freq[k % 4], got_db,
                  want_db);
        if (k < 4) // and it comes at the same time as without air
            cr_expect(fabs(phase + V2S_PI / 2) < 1e-3, "%g Hz: %g rad", freq[k % 4], phase);
        free(x);
        free(y);
    }
}

Test(encoder, moving_through_air_makes_no_steps) {
    enum { FRAMES = 48000 };
    v2s_point p[2] = {at_deg(0, 0, 0, 5.0), at_deg(1, 0, 0, 200.0)};
    v2s_trajectory t = {"1", 2, p};
    v2s_encoder_config c = config_of(&t, 0, false, true);
    c.min_distance_m = 1000.0;
    float *x = sine(FRAMES, 6000.0), *y = encode(&c, x, FRAMES, 480);
    v2s_air_conditions air = v2s_air_default();
    double db_m = v2s_air_absorption_db_m(&air, 6000.0), worst = 0.0;
    for (int i = 200; i < FRAMES - 200; i++) {
        double distance_m = 5.0 + 195.0 * i / RATE;
        double want = x[i] * pow(10.0, -distance_m * db_m / 20.0);
        worst = fmax(worst, fabs(y[i] * 1000.0 - want));
    }
    cr_expect(worst < 1e-3, "%g", worst);
    free(x);
    free(y);
}

Test(encoder, what_cannot_be_encoded_is_refused_in_words) {
    v2s_point p = at_deg(0, 0, 0, 30000.0);
    v2s_trajectory t = {"far", 1, &p};
    v2s_encoder_config good = config_of(&t, 1, false, false), c;
    v2s_encoder *e = NULL;
    c = good;
    c.order = 8;
    cr_expect_eq(v2s_encoder_open(&c, &e), V2S_ARG);
    c = good;
    c.rate_hz = NAN;
    cr_expect_eq(v2s_encoder_open(&c, &e), V2S_ARG);
    c = good;
    c.min_distance_m = 0.0;
    cr_expect_eq(v2s_encoder_open(&c, &e), V2S_ARG);
    c = good;
    c.doppler = true; // 30 km
    cr_expect_eq(v2s_encoder_open(&c, &e), V2S_ARG);
    cr_expect_neq(strstr(v2s_error_text(), "far"), NULL);
    c = good;
    c.origin_m = -1.0;
    cr_expect_eq(v2s_encoder_open(&c, &e), V2S_ARG);
    c = good;
    c.air = true;
    c.air_conditions.humidity_percent = 500.0;
    cr_expect_eq(v2s_encoder_open(&c, &e), V2S_ARG);
    cr_expect_null(e);
}

// The stated error of the interpolation: -98 dB up to 0.85 of Nyquist, over all phases.
Test(delay_line, reads_a_sine_between_its_samples) {
    enum { FRAMES = 2000, READS = 997 };
    for (int k = 1; k <= 17; k++) {
        double w = V2S_PI * 0.05 * k, error = 0.0, position[READS];
        float x[FRAMES], y[READS];
        v2s_delay_line *d = NULL;
        cr_assert_eq(v2s_delay_line_open(FRAMES, &d), V2S_OK);
        for (int i = 0; i < FRAMES; i++)
            x[i] = (float)sin(w * i);
        v2s_delay_line_write(d, x, FRAMES);
        for (int i = 0; i < READS; i++)
            position[i] = 100.0 + 1.7030281 * i;
        v2s_delay_line_read(d, position, READS, y);
        for (int i = 0; i < READS; i++)
            error += pow(y[i] - sin(w * position[i]), 2);
        double db = 10.0 * log10(error / READS * 2.0);
        cr_expect(db < -98.0, "%g of Nyquist: %g dB", 0.05 * k, db);
        v2s_delay_line_close(&d);
    }
}

Test(delay_line, keeps_its_history_over_many_small_writes) {
    v2s_delay_line *d = NULL;
    cr_assert_eq(v2s_delay_line_open(777, &d), V2S_OK);
    for (int i = 0; i < 50000; i++) {
        float x = (float)(i % 4096), y[2];
        v2s_delay_line_write(d, &x, 1);
        cr_assert_eq(v2s_delay_line_written(d), i + 1);
        double position[2] = {i - V2S_DELAY_HALF_TAPS, i - 777 + V2S_DELAY_HALF_TAPS};
        v2s_delay_line_read(d, position, 2, y);
        for (int k = 0; k < 2; k++)
            cr_assert_eq(y[k], position[k] < 0 ? 0.0f : (float)((int)position[k] % 4096));
    }
    v2s_delay_line_close(&d);
}
