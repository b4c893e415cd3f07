// SPDX-License-Identifier: MIT
#include "spatial/stereo_distance.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "spatial/envelope.h"
#include "spatial/si_sdr.h"
#include "tests/support/foa_scene.h"

// The scene's two channels in double.
static double *scene(int rate_hz, size_t frames, unsigned stream) {
    float *x = stereo_scene(rate_hz, frames, stream);
    double *out = malloc(2 * frames * sizeof *out);
    cr_assert(out != NULL);
    for (size_t i = 0; i < 2 * frames; i++)
        out[i] = (double)x[i];
    free(x);
    return out;
}

typedef struct numbers {
    double m1, m2, wave, phase, snr, magnitude;
} numbers;

static numbers measure(const double *t, const double *p, size_t n, bool reflect) {
    numbers m;
    cr_assert_eq(v2s_stereo_stft_distance(t, p, n, reflect, &m.m1), V2S_OK);
    cr_assert_eq(v2s_stereo_envelope_distance(t, p, n, &m.m2), V2S_OK);
    cr_assert_eq(v2s_stereo_phase_distance(t, p, n, reflect, &m.phase), V2S_OK);
    cr_assert_eq(v2s_stereo_magnitude_distance(t, p, n, reflect, &m.magnitude), V2S_OK);
    m.wave = v2s_stereo_wave_distance(t, p, n);
    m.snr = v2s_stereo_snr_db(t, p, n);
    return m;
}

Test(stereo_distance, the_same_sound_differs_by_nothing) {
    double *x = scene(16000, 3000, 1);
    for (int reflect = 0; reflect < 2; reflect++) {
        numbers m = measure(x, x, 3000, reflect == 1);
        cr_expect(m.m1 == 0 && m.m2 == 0 && m.wave == 0 && m.phase == 0 && m.magnitude == 0);
        cr_expect_gt(m.snr, 20);
    }
    free(x);
}

// The signs of a sound have neither envelope nor magnitude, and turn every phase by pi.
Test(stereo_distance, the_opposite_sound_differs_in_phase_alone) {
    enum { N = 3001 };
    double *x = scene(16000, N, 1), *y = malloc(2 * N * sizeof *y);
    for (int i = 0; i < 2 * N; i++)
        y[i] = -x[i];
    numbers m = measure(x, y, N, false), double_x = measure(y, x, N, false);
    cr_expect_float_eq(m.m2, 0, 1e-15);
    cr_expect_float_eq(m.magnitude, 0, 1e-20);
    cr_expect_float_eq(m.phase, acos(-1.0), 1e-9);
    cr_expect_float_eq(m.m1, double_x.m1, 0);
    free(x);
    free(y);
}

Test(stereo_distance, twice_the_difference_is_four_times_the_distance) {
    enum { N = 2500 };
    double *t = scene(16000, N, 1), *near = scene(16000, N, 3), *far = malloc(2 * N * sizeof *far);
    for (int i = 0; i < 2 * N; i++)
        far[i] = 2 * near[i] - t[i];
    numbers a = measure(t, near, N, true), b = measure(t, far, N, true);
    cr_expect_float_eq(b.m1, 4 * a.m1, 1e-12 * b.m1);
    cr_expect_float_eq(b.wave, 4 * a.wave, 1e-12 * b.wave);
    free(t);
    free(near);
    free(far);
}

Test(stereo_distance, normalising_makes_the_peak_one_and_keeps_silence) {
    double x[6] = {0.1, -0.5, 0.2, 0.25, 0, 0}, silence[4] = {0};
    v2s_stereo_normalise(x, 3);
    cr_expect_eq(x[1], -1);
    cr_expect_eq(x[3], 0.5);
    v2s_stereo_normalise(silence, 2);
    for (int i = 0; i < 4; i++)
        cr_expect_eq(silence[i], 0);
}

Test(stereo_distance, no_samples_are_refused) {
    double x[2] = {0}, m;
    cr_expect_eq(v2s_stereo_stft_distance(x, x, 0, false, &m), V2S_FORMAT);
    cr_expect_eq(v2s_stereo_phase_distance(x, x, 0, true, &m), V2S_FORMAT);
    cr_expect_eq(v2s_stereo_magnitude_distance(x, x, 0, true, &m), V2S_FORMAT);
    cr_expect_eq(v2s_stereo_envelope_distance(x, x, 0, &m), V2S_FORMAT);
    cr_expect_eq(v2s_stereo_envelope_distance(x, x, V2S_ENVELOPE_FRAMES_MAX + 1, &m), V2S_FORMAT);
}

// ---- M12 --------------------------------------------------------------------------------------

Test(stereo_distance, si_sdr_does_not_hear_gain_and_offset) {
    enum { N = 4000 };
    float *t = stereo_scene(16000, N, 1), *p = stereo_scene(16000, N, 3);
    double plain = v2s_si_sdr_db(N, 2, t, p), ild = v2s_ild_error_db(N, t, p);
    for (int i = 0; i < N; i++) {
        p[2 * i] = 4 * p[2 * i]; // powers of two: no rounding
        p[2 * i + 1] = 4 * p[2 * i + 1];
    }
    cr_expect_float_eq(v2s_si_sdr_db(N, 2, t, p), plain, 1e-9);
    cr_expect_float_eq(v2s_ild_error_db(N, t, p), ild, 1e-9);
    for (int i = 0; i < 2 * N; i++)
        p[i] = 0.25f * p[i] + 0.125f;
    cr_expect_float_eq(v2s_si_sdr_db(N, 2, t, p), plain, 1e-4);
    free(t);
    free(p);
}

Test(stereo_distance, what_has_no_number_has_none) {
    enum { N = 500 };
    float *t = stereo_scene(16000, N, 1), *zeros = calloc(2 * N, sizeof *zeros);
    cr_expect(!isfinite(v2s_si_sdr_db(N, 2, t, zeros)));
    cr_expect(!isfinite(v2s_si_sdr_db(N, 2, zeros, t)));
    cr_expect(!isfinite(v2s_si_sdr_db(N, 2, zeros, zeros)));
    cr_expect(!isfinite(v2s_ild_error_db(N, t, zeros)));
    for (int i = 0; i < N; i++) // the same silent ear in both: no level to compare
        t[2 * i] = 0;
    cr_expect(!isfinite(v2s_ild_error_db(N, t, t)));
    free(t);
    free(zeros);
}
