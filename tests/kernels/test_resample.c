// SPDX-License-Identifier: MIT
// Level, error, alignment and length of the rate converter.
#include "kernels/resample.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846

static const double rates[][2] = {{44100, 48000}, {48000, 44100}, {48000, 16000}, {16000, 48000},
                                  {22050, 96000}, {96000, 44100}, {48000, 48000}};
enum { PAIRS = sizeof rates / sizeof *rates };

// Signal to error of a sine at `hz`, away from the two ends, in dB. Phase is part of the error, so
// this checks the alignment too.
static double sine_snr_db(double in_hz, double out_hz, double hz) {
    size_t n = (size_t)in_hz / 2, m = 0;
    float *x = malloc(2 * n * sizeof *x), *y = NULL;
    for (size_t t = 0; t < n; t++) {
        x[2 * t] = (float)(0.5 * sin(2 * PI * hz * (double)t / in_hz));
        x[2 * t + 1] = -x[2 * t];
    }
    cr_assert_eq(v2s_resample(x, n, 2, in_hz, out_hz, &y, &m), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(m, v2s_resampled_frames(n, in_hz, out_hz));
    double signal = 0.0, error = 0.0;
    for (size_t t = m / 4; t < 3 * m / 4; t++) {
        double want = 0.5 * sin(2 * PI * hz * (double)t / out_hz);
        signal += 2 * want * want;
        error += pow(y[2 * t] - want, 2) + pow(y[2 * t + 1] + want, 2);
    }
    free(x);
    free(y);
    return 10.0 * log10(signal / (error + 1e-30));
}

Test(resample, sines_keep_level_and_phase) {
    for (int p = 0; p < PAIRS; p++) {
        double top = 0.9 * fmin(rates[p][0], rates[p][1]) / 2;
        for (double hz = 50.0; hz < top; hz *= 2.7) {
            double snr = sine_snr_db(rates[p][0], rates[p][1], hz);
            cr_assert_gt(snr, 140.0, "%g -> %g, %g Hz: %g dB", rates[p][0], rates[p][1], hz, snr);
        }
        double snr = sine_snr_db(rates[p][0], rates[p][1], top);
        cr_assert_gt(snr, 140.0, "%g -> %g, %g Hz: %g dB", rates[p][0], rates[p][1], top, snr);
    }
}

Test(resample, what_does_not_fit_is_removed) {
    double in_hz = 48000, out_hz = 16000;
    size_t n = 24000, m = 0;
    float *x = malloc(n * sizeof *x), *y = NULL;
    for (size_t t = 0; t < n; t++)
        x[t] = (float)sin(2 * PI * 9000.0 * (double)t / in_hz);
    cr_assert_eq(v2s_resample(x, n, 1, in_hz, out_hz, &y, &m), V2S_OK);
    double peak = 0.0;
    for (size_t t = m / 4; t < 3 * m / 4; t++)
        peak = fmax(peak, fabs(y[t]));
    cr_assert_lt(peak, 1e-6);
    free(x);
    free(y);
}

Test(resample, an_impulse_stays_at_its_time) {
    for (int p = 0; p < PAIRS; p++) {
        size_t n = 4000, at = 1500, m = 0;
        float *x = calloc(n, sizeof *x), *y = NULL;
        x[at] = 1.0F;
        cr_assert_eq(v2s_resample(x, n, 1, rates[p][0], rates[p][1], &y, &m), V2S_OK);
        double sum = 0.0, moment = 0.0;
        for (size_t t = 0; t < m; t++) {
            sum += (double)y[t] * y[t];
            moment += (double)y[t] * y[t] * (double)t;
        }
        // Centre of energy of the (symmetric) response.
        double seconds = moment / sum / rates[p][1];
        cr_assert_float_eq(seconds, (double)at / rates[p][0], 1e-8, "%g -> %g", rates[p][0],
                           rates[p][1]);
        free(x);
        free(y);
    }
}

// Pushes x through small pieces and a small output buffer; returns the frames written.
static size_t stream(v2s_resampler *r, const float *x, size_t n, size_t piece, float *y,
                     size_t room) {
    size_t done = 0, got = 0, used = 0;
    for (size_t at = 0; at < n;) {
        size_t count = n - at < piece ? n - at : piece;
        cr_assert_eq(v2s_resampler_process(r, x + 2 * at, count, &used, y + 2 * done, room, &got),
                     V2S_OK);
        cr_assert(got <= room && used <= count);
        at += used;
        done += got;
    }
    do {
        cr_assert_eq(v2s_resampler_flush(r, y + 2 * done, room, &got), V2S_OK);
        done += got;
    } while (got > 0);
    return done;
}

Test(resample, streaming_equals_one_call) {
    for (int p = 0; p < PAIRS; p++) {
        size_t n = 5003, m = 0;
        float *x = malloc(2 * n * sizeof *x), *y = NULL;
        for (size_t t = 0; t < 2 * n; t++)
            x[t] = (float)sin(0.1 * (double)t + 0.00003 * (double)(t * t));
        cr_assert_eq(v2s_resample(x, n, 2, rates[p][0], rates[p][1], &y, &m), V2S_OK);
        float *z = malloc((2 * m + 4096) * sizeof *z);
        v2s_resampler *r = NULL;
        cr_assert_eq(v2s_resampler_open(rates[p][0], rates[p][1], 2, &r), V2S_OK);
        for (int round = 0; round < 2; round++) {
            cr_assert_eq(stream(r, x, n, round ? 77 : 1000, z, round ? 100 : 2000), m, "%g -> %g",
                         rates[p][0], rates[p][1]);
            double worst = 0.0;
            for (size_t t = 0; t < 2 * m; t++)
                worst = fmax(worst, fabs(z[t] - y[t]));
            cr_assert_lt(worst, 1e-6, "%g -> %g", rates[p][0], rates[p][1]);
            cr_assert_eq(v2s_resampler_reset(r), V2S_OK);
        }
        v2s_resampler_close(&r);
        cr_assert_null(r);
        free(x);
        free(y);
        free(z);
    }
}

Test(resample, refuses_impossible_rates) {
    v2s_resampler *r = NULL;
    cr_assert_eq(v2s_resampler_open(0.0, 48000, 1, &r), V2S_ARG);
    cr_assert_eq(v2s_resampler_open(48000, NAN, 1, &r), V2S_ARG);
    cr_assert_eq(v2s_resampler_open(48000, 48000, 0, &r), V2S_ARG);
    cr_assert_eq(v2s_resampler_open(1.0, 48000, 1, &r), V2S_ARG);
    cr_assert_null(r);
}

Test(resample, a_sound_shorter_than_the_filter_keeps_its_energy) {
    for (int p = 0; p < PAIRS; p++) {
        enum { N = 64 };
        float x[N], *y = NULL;
        size_t m = 0;
        double before = 0, after = 0;
        for (int t = 0; t < N; t++) { // a slow bump
            x[t] = (float)exp(-0.01 * (t - N / 2) * (t - N / 2));
            before += (double)x[t] * x[t] / rates[p][0];
        }
        cr_assert_eq(v2s_resample(x, N, 1, rates[p][0], rates[p][1], &y, &m), V2S_OK);
        for (size_t t = 0; t < m; t++)
            after += (double)y[t] * y[t] / rates[p][1];
        cr_expect_float_eq(after / before, 1, 0.02, "%g -> %g: %g", rates[p][0], rates[p][1],
                           after / before);
        free(y);
    }
}

Test(resample, an_empty_sound_stays_empty) {
    float *y = NULL, x = 0.0F;
    size_t m = 1;
    cr_assert_eq(v2s_resample(&x, 0, 1, 44100, 48000, &y, &m), V2S_OK);
    cr_assert_eq(m, 0);
    free(y);
}
