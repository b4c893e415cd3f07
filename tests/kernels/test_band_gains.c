// SPDX-License-Identifier: MIT
// Smoothing of gains: what it keeps, and its gradient as the transposed sum.
#include <criterion/criterion.h>

#include "kernels/band_gains.h"
#include "tests/support/hash_noise.h"

enum { FRAMES = 23, COUNT = 5, ALL = FRAMES * COUNT };

Test(band_gains, constants_stay_and_one_frame_spreads_over_seven) {
    float raw[ALL], gains[ALL];
    for (int i = 0; i < ALL; i++)
        raw[i] = (float)(i % COUNT);
    v2s_band_gains(false, FRAMES, COUNT, raw, gains);
    for (int i = 0; i < ALL; i++)
        cr_assert_float_eq(gains[i], raw[i], 1e-6);
    for (int i = 0; i < ALL; i++)
        raw[i] = i == 10 * COUNT + 2;
    v2s_band_gains(false, FRAMES, COUNT, raw, gains);
    for (int i = 0; i < ALL; i++) {
        int t = i / COUNT;
        cr_assert_float_eq(gains[i], i % COUNT == 2 && t >= 7 && t <= 13 ? 1.0 / 7 : 0, 1e-7);
    }
}

Test(band_gains, the_gradient_is_the_transposed_map) {
    for (int n = 2; n <= 2 * FRAMES + 1; n++) {
        int frames = n / 2;
        bool dry = n % 2 == 1;
        float x[ALL], y[ALL], sx[ALL], sy[ALL];
        double left = 0, right = 0;
        hash_noise(1, ALL, 1, x);
        hash_noise(2, ALL, 1, y);
        v2s_band_gains(dry, frames, COUNT, x, sx);
        v2s_band_gains_back(dry, frames, COUNT, y, sy);
        for (int i = 0; i < frames * COUNT; i++) {
            left += (double)sx[i] * y[i];
            right += (double)x[i] * sy[i];
        }
        cr_expect_float_eq(left, right, 1e-5);
        for (int i = 0; i < frames * COUNT && dry; i++)
            cr_assert_eq(sx[i], x[i], "dry: as they are");
    }
}
