// SPDX-License-Identifier: MIT
#include "spatial/envelope.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

// A whole number of periods: the analytic signal of a cosine is a circle, whatever the length.
Test(envelope, of_a_tone_is_its_amplitude) {
    static const size_t lengths[] = {64, 97, 1000, 4093, 12500, 160000, 131101};
    const double pi = acos(-1.0);
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        size_t n = lengths[k];
        double *x = malloc(2 * n * sizeof *x), *e = malloc(2 * n * sizeof *e);
        v2s_envelope *envelope = NULL;
        cr_assert_eq(v2s_envelope_open(n, &envelope), V2S_OK);
        for (size_t i = 0; i < n; i++) {
            x[2 * i] = 0.7 * cos(2 * pi * 5 * (double)i / (double)n + 0.3);
            x[2 * i + 1] = 0.2 * cos(2 * pi * 11 * (double)i / (double)n - 1);
        }
        v2s_envelope_take(envelope, x, x + 1, 2, e, e + n);
        for (size_t i = 0; i < n; i++)
            cr_assert(fabs(e[i] - 0.7) < 1e-12 && fabs(e[n + i] - 0.2) < 1e-12,
                      "length %zu, sample %zu: %g, %g", n, i, e[i], e[n + i]);
        v2s_envelope_take(envelope, x, NULL, 2, e + n, NULL);
        for (size_t i = 0; i < n; i++)
            cr_assert_float_eq(e[n + i], 0.7, 1e-12);
        v2s_envelope_close(&envelope);
        v2s_envelope_close(&envelope);
        free(x);
        free(e);
    }
}

// A constant has no negative frequency to take away.
Test(envelope, of_a_constant_is_the_constant) {
    const double x[3] = {0.25, 0.25, 0.25};
    double e[3];
    for (size_t n = 1; n <= 3; n++) {
        v2s_envelope *envelope = NULL;
        cr_assert_eq(v2s_envelope_open(n, &envelope), V2S_OK);
        v2s_envelope_take(envelope, x, NULL, 1, e, NULL);
        for (size_t i = 0; i < n; i++)
            cr_expect_float_eq(e[i], 0.25, 1e-15);
        v2s_envelope_close(&envelope);
    }
}

Test(envelope, lengths_that_have_no_answer_are_refused) {
    v2s_envelope *envelope = NULL;
    cr_expect_eq(v2s_envelope_open(0, &envelope), V2S_FORMAT);
    cr_expect_eq(v2s_envelope_open(V2S_ENVELOPE_FRAMES_MAX + 1, &envelope), V2S_FORMAT);
    cr_expect_null(envelope);
}
