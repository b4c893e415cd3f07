// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "infer/pointing_stimuli.h"

enum { RATE = 8000, FRAMES = 6 * RATE };

// Energy everywhere, twice the amplitude in the last second.
static float *make_truth(void) {
    float *foa = calloc((size_t)4 * FRAMES, sizeof *foa);
    for (size_t i = 0; i < FRAMES; i++)
        foa[4 * i] = i >= 5 * RATE ? 0.2f : 0.1f;
    return foa;
}

static v2s_point at(double time_s, double azimuth_deg, double elevation_deg) {
    return (v2s_point){time_s, v2s_unit_from_angles(v2s_rad(azimuth_deg), v2s_rad(elevation_deg)),
                       2, 1};
}

// Still at 170 deg until 3 s, then half around: only the beginning can be pointed at, although the
// end is louder.
Test(pointing_stimuli, the_source_stands_still_in_the_stretch) {
    v2s_point points[] = {at(0, 170, 20), at(3, 170, 20), at(6, 0, 0)};
    v2s_pair pair = {.rate_hz = RATE,
                     .frames = FRAMES,
                     .truth = make_truth(),
                     .path = {.count = 3, .points = points}};
    size_t from = 0, frames = 0;
    v2s_vec3 u = {0};
    cr_assert_eq(v2s_pointing_stretch(&pair, &from, &frames, &u), V2S_OK, "%s", v2s_error_text());
    cr_expect_eq(frames, 2 * RATE);
    cr_expect_leq((double)(from + frames) / RATE, 3.3);
    cr_expect_float_eq(v2s_deg(v2s_azimuth_rad(u)), 170, 1);
    cr_expect_float_eq(v2s_deg(v2s_elevation_rad(u)), 20, 1);
    // Standing still all the time, it takes the loudest part.
    points[1] = points[2] = points[0];
    points[1].time_s = 3;
    points[2].time_s = 6;
    cr_assert_eq(v2s_pointing_stretch(&pair, &from, &frames, &u), V2S_OK);
    cr_expect_eq(from, 4 * RATE);
    // Through behind: the mean of 179 and -179 is 180, not 0.
    points[0] = at(0, 179, 0);
    points[1] = at(3, 180, 0);
    points[2] = at(6, -179, 0);
    cr_assert_eq(v2s_pointing_stretch(&pair, &from, &frames, &u), V2S_OK);
    cr_expect_lt(u.x, -0.999);
    free(pair.truth);
}

Test(pointing_stimuli, what_cannot_be_pointed_at_is_refused) {
    v2s_point points[] = {at(0, 0, 0), at(6, 170, 0)};
    v2s_pair pair = {.rate_hz = RATE,
                     .frames = FRAMES,
                     .truth = make_truth(),
                     .path = {.count = 2, .points = points}};
    size_t from = 0, frames = 0;
    v2s_vec3 u = {0};
    cr_expect_eq(v2s_pointing_stretch(&pair, &from, &frames, &u), V2S_FORMAT, "it moves");
    points[1] = at(6, 0, 0);
    cr_expect_eq(v2s_pointing_stretch(&pair, &from, &frames, &u), V2S_OK);
    pair.frames = RATE / 4;
    cr_expect_eq(v2s_pointing_stretch(&pair, &from, &frames, &u), V2S_FORMAT, "it is short");
    for (size_t i = 0; i < (size_t)4 * FRAMES; i++)
        pair.truth[i] = 0;
    pair.frames = FRAMES;
    cr_expect_eq(v2s_pointing_stretch(&pair, &from, &frames, &u), V2S_FORMAT, "it is silent");
    free(pair.truth);
}
