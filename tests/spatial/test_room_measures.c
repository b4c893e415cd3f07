// SPDX-License-Identifier: MIT
#include "spatial/room_measures.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "tests/support/golden_numbers.h"
#include "tests/support/hash_noise.h"

static const double TOLERANCE = 1e-6; // of the contract

typedef struct response {
    double rate_hz;
    size_t frames, lead, tail;
    unsigned stream;
    double r1, a2, r2;
} response;

// As tests/tools/make_metrics_room_golden.py.
static float *make(const response *r) {
    size_t n = r->frames - r->lead - r->tail;
    float *h = calloc(r->frames, sizeof *h), *noise = calloc(n + 1, sizeof *noise);
    hash_noise(r->stream, n, 1, noise);
    double first = 1, second = 1;
    for (size_t i = 0; i < n; i++, first *= r->r1, second *= r->r2)
        h[r->lead + i] = (float)((double)noise[i] * (first + r->a2 * second));
    free(noise);
    return h;
}

static response of_line(const golden_numbers *line) {
    const double *x = line->in;
    return (response){x[0],           (size_t)x[1], (size_t)x[3], (size_t)x[4],
                      (unsigned)x[2], x[5],         x[6],         x[7]};
}

static v2s_room_measures measure(const float *h, size_t frames, double rate_hz) {
    v2s_room_measures m;
    cr_assert_eq(v2s_room_measure(h, frames, 1, rate_hz, V2S_RT60_CROSSINGS, 30, &m), V2S_OK);
    return m;
}

static void check_response(const golden_numbers *line, void *context) {
    (void)context;
    response r = of_line(line);
    float *h = make(&r);
    v2s_room_measures m;
    cr_assert_eq(
        v2s_room_measure(h, r.frames, 1, r.rate_hz, (v2s_rt60_family)line->in[8], line->in[9], &m),
        V2S_OK);
    const double found[] = {m.rt60_s, m.edt_s, m.c50_db, m.drr_db};
    for (size_t i = 0; i < 4; i++)
        golden_numbers_expect(line, i, found[i], TOLERANCE);
    free(h);
}

Test(room_measures, equal_numpy_and_pyroomacoustics) {
    golden_numbers_each("metrics_room.txt", "response", check_response, NULL);
}

static void check_difference(const golden_numbers *line, void *context) {
    (void)context;
    response r = of_line(line), other = r;
    other.stream += 50;
    other.lead += 7;
    other.r1 *= 0.9999;
    float *t = make(&r), *p = make(&other);
    v2s_room_measures mt = measure(t, r.frames, r.rate_hz), mp = measure(p, r.frames, r.rate_hz);
    v2s_room_differences d = v2s_room_difference(&mp, &mt);
    const double found[] = {d.rt60_percent, d.rt60_s, d.edt_s, d.c50_db, d.drr_db};
    for (size_t i = 0; i < 5; i++)
        golden_numbers_expect(line, i, found[i], TOLERANCE);
    free(t);
    free(p);
}

Test(room_measures, differences_equal_numpy) {
    golden_numbers_each("metrics_room.txt", "difference", check_difference, NULL);
}

// h = r^i decays by 20 log10 r a sample, whatever its level and wherever its channel stands.
Test(room_measures, a_decay_of_known_time_has_it_in_every_family) {
    enum { RATE = 16000, FRAMES = 32000 };
    const double rt60_s = 0.7, r = pow(10, -3 / (rt60_s * RATE));
    float *h = calloc(2 * FRAMES, sizeof *h);
    double x = 0.3;
    for (size_t i = 0; i < FRAMES; i++, x *= r)
        h[2 * i + 1] = (float)x;
    const v2s_rt60_family family[] = {V2S_RT60_CROSSINGS, V2S_RT60_REGRESSION, V2S_RT60_REDUCED};
    for (int i = 0; i < 3; i++) {
        v2s_room_measures m;
        cr_assert_eq(
            v2s_room_measure(h + 1, FRAMES, 2, RATE, family[i], v2s_rt60_decay_db(family[i]), &m),
            V2S_OK);
        cr_expect_float_eq(m.rt60_s, rt60_s, 1e-3, "family %d: %g", i, m.rt60_s);
        cr_expect_float_eq(m.edt_s, rt60_s, 1e-3);
        // Energy up to t is 1 - 10^(-6 t / RT60).
        cr_expect_float_eq(m.c50_db, 10 * log10(pow(10, 6 * 801 / (rt60_s * RATE)) - 1), 1e-4);
        cr_expect_float_eq(m.drr_db, 10 * log10(pow(10, 6 * 49 / (rt60_s * RATE)) - 1), 1e-4);
    }
    free(h);
}

Test(room_measures, a_difference_is_undefined_where_a_measure_is) {
    v2s_room_measures good = {0.5, 0.4, 3, 2}, none = {NAN, NAN, NAN, 1}, still = {0, 0.4, 3, 2};
    v2s_room_differences d = v2s_room_difference(&none, &good);
    cr_expect(isnan(d.rt60_percent) && isnan(d.rt60_s) && isnan(d.edt_s) && isnan(d.c50_db));
    cr_expect_eq(d.drr_db, 1);
    d = v2s_room_difference(&good, &still);
    cr_expect(isnan(d.rt60_percent));
    cr_expect_eq(d.rt60_s, 0.5);
}
