// SPDX-License-Identifier: MIT
#include "spatial/air.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "spatial/conventions.h"

// dB per km as printed in ISO 9613-2:1996, table 2, which was computed by ISO 9613-1 at the exact
// midband frequencies 1000 * 10^(3k/10); every digit of it must come out (the standard prints 4.1
// where the formula gives 4.151).
Test(air, coefficients_equal_the_printed_table_of_the_standard) {
    const struct {
        double temperature_c, humidity_percent, db_km[8];
    } row[6] = {{10, 70, {0.1, 0.4, 1.0, 1.9, 3.7, 9.7, 32.8, 117}},
                {20, 70, {0.1, 0.3, 1.1, 2.8, 5.0, 9.0, 22.9, 76.6}},
                {30, 70, {0.1, 0.3, 1.0, 3.1, 7.4, 12.7, 23.1, 59.3}},
                {15, 20, {0.3, 0.6, 1.2, 2.7, 8.2, 28.2, 88.8, 202}},
                {15, 50, {0.1, 0.5, 1.2, 2.2, 4.2, 10.8, 36.2, 129}},
                {15, 80, {0.1, 0.3, 1.1, 2.4, 4.1, 8.3, 23.7, 82.8}}};
    for (int r = 0; r < 6; r++)
        for (int k = 0; k < 8; k++) {
            v2s_air_conditions c = {row[r].temperature_c, row[r].humidity_percent, 101325.0};
            double freq_hz = 1000.0 * pow(10.0, 0.3 * (k - 4));
            double got = 1000.0 * v2s_air_absorption_db_m(&c, freq_hz), want = row[r].db_km[k];
            double last_digit = want > 100 ? 1.0 : 0.1;
            cr_expect(fabs(got - want) <= 0.52 * last_digit, "%g C %g %% %g Hz: %g, want %g",
                      c.temperature_c, c.humidity_percent, freq_hz, got, want);
        }
}

Test(air, the_default_is_20_c_50_percent) {
    v2s_air_conditions c = v2s_air_default();
    cr_expect(fabs(1000.0 * v2s_air_absorption_db_m(&c, 1000.0) - 4.665) < 0.001);
    cr_expect(fabs(1000.0 * v2s_air_absorption_db_m(&c, 4000.0) - 29.666) < 0.001);
    cr_expect(fabs(1000.0 * v2s_air_absorption_db_m(&c, 8000.0) - 105.291) < 0.001);
}

// Attenuation in dB of a sine of `freq_hz` at a fixed distance.
static double measured_db(double rate_hz, double freq_hz, double distance_m) {
    enum { FRAMES = 8192 };
    static float x[FRAMES], y[FRAMES];
    static double distance[FRAMES];
    v2s_air_conditions c = v2s_air_default();
    v2s_air_filter *f = NULL;
    cr_assert_eq(v2s_air_filter_open(&c, rate_hz, &f), V2S_OK);
    for (int i = 0; i < FRAMES; i++) {
        x[i] = (float)sin(2.0 * V2S_PI * freq_hz * i / rate_hz);
        distance[i] = distance_m;
    }
    cr_assert_eq(v2s_air_filter_process(f, x, distance, FRAMES, y), V2S_OK);
    int late = (int)v2s_air_filter_latency_frames(f);
    v2s_air_filter_close(&f);
    double along = 0.0, energy = 0.0; // projection on the delayed input: phase counts too
    for (int i = 1000; i < FRAMES; i++) {
        along += (double)y[i] * x[i - late];
        energy += (double)x[i - late] * x[i - late];
    }
    return -20.0 * log10(along / energy);
}

// The stated error (filter length, window and interpolation between filters together), up to an
// attenuation of 40 dB: 0.05 dB + 0.05 dB per 100 m + 1 %. The second part is the lowest octaves.
Test(air, the_filter_has_the_attenuation_of_the_formula) {
    const double freqs[] = {50, 125, 250, 500, 1000, 2000, 4000, 8000, 12000, 16000, 20000};
    const double distances[] = {0.0, 0.5, 1.0, 3.3, 10.5, 33.0, 104.0, 330.0};
    const double rates[] = {44100, 48000, 96000};
    v2s_air_conditions c = v2s_air_default();
    double worst = 0.0;
    for (int r = 0; r < 3; r++)
        for (int d = 0; d < 8; d++)
            for (int f = 0; f < 11; f++) {
                double want = distances[d] * v2s_air_absorption_db_m(&c, freqs[f]);
                if (want > 40.0)
                    continue;
                double got = measured_db(rates[r], freqs[f], distances[d]);
                worst = fmax(worst, fabs(got - want));
                cr_expect(fabs(got - want) < 0.05 + 0.0005 * distances[d] + 0.01 * want,
                          "%g Hz, %g m, %g Hz: %g dB, want %g", rates[r], distances[d], freqs[f],
                          got, want);
            }
    cr_log_info("worst %g dB", worst);
}

Test(air, at_no_distance_the_filter_only_delays) {
    float x[600] = {0}, y[600];
    double d[600] = {0};
    v2s_air_conditions c = v2s_air_default();
    v2s_air_filter *f = NULL;
    cr_assert_eq(v2s_air_filter_open(&c, 48000, &f), V2S_OK);
    x[100] = 1.0f;
    cr_assert_eq(v2s_air_filter_process(f, x, d, 600, y), V2S_OK);
    for (size_t i = 0; i < 600; i++)
        cr_expect(fabsf(y[i] - (i == 100 + v2s_air_filter_latency_frames(f))) < 1e-6f);
    v2s_air_filter_close(&f);
}

Test(air, impossible_conditions_are_refused) {
    v2s_air_conditions bad[] = {{NAN, 50, 101325}, {20, 101, 101325}, {20, 50, 0}, {-300, 50, 1e5}};
    for (int i = 0; i < 4; i++) {
        v2s_air_filter *f = NULL;
        cr_expect_eq(v2s_air_filter_open(&bad[i], 48000, &f), V2S_ARG);
        cr_expect_null(f);
    }
}
