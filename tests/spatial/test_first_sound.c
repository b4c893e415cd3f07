// SPDX-License-Identifier: MIT
#include "spatial/first_sound.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

enum { RATE = 16000, FRAMES = 4000 };

static void add(float *foa, size_t at, double gain, v2s_vec3 u) {
    foa[4 * at + V2S_ACN_W] += (float)gain;
    foa[4 * at + V2S_ACN_Y] += (float)(gain * u.y);
    foa[4 * at + V2S_ACN_Z] += (float)(gain * u.z);
    foa[4 * at + V2S_ACN_X] += (float)(gain * u.x);
}

Test(first_sound, is_the_direct_pulse_and_not_a_louder_reflection) {
    float *foa = calloc(FRAMES, 4 * sizeof *foa);
    v2s_vec3 u = v2s_unit_from_angles(v2s_rad(70), v2s_rad(-20));
    v2s_first_sound f;
    add(foa, 200, 0.25, u);
    add(foa, 217, 0.5, v2s_unit_from_angles(v2s_rad(-100), 0)); // 1.06 ms later
    add(foa, 900, 0.3, v2s_unit_from_angles(v2s_rad(10), 0.5));
    cr_assert(v2s_first_sound_find(foa, FRAMES, RATE, &f) == V2S_OK, "%s", v2s_error_text());
    cr_expect(f.onset == 200 && f.arrival == 200);
    cr_expect(v2s_angle_between_rad(f.unit, u) < 1e-6);
    cr_expect(fabs(f.gain - 0.25) < 1e-7);
    // Inside 2.5 ms: the pulse and the first reflection.
    cr_expect(fabs(f.drr_db - 10 * log10((0.0625 + 0.25) / 0.09)) < 1e-4, "%g", f.drr_db);
    free(foa);
}

Test(first_sound, a_pulse_of_several_samples_counts_whole_and_keeps_its_sign) {
    float *foa = calloc(FRAMES, 4 * sizeof *foa);
    v2s_vec3 u = v2s_unit_from_angles(v2s_rad(-30), v2s_rad(45));
    v2s_first_sound f;
    add(foa, 0, -0.3, u);
    add(foa, 1, -0.4, u);
    cr_assert(v2s_first_sound_find(foa, FRAMES, RATE, &f) == V2S_OK);
    cr_expect(f.onset == 0 && f.arrival == 1);
    cr_expect(fabs(f.gain + 0.5) < 1e-6);
    cr_expect(v2s_angle_between_rad(f.unit, u) < 1e-6);
    cr_expect(isinf(f.drr_db) && f.drr_db > 0);
    free(foa);
}

Test(first_sound, silence_and_a_response_without_dipoles_are_refused) {
    float *foa = calloc(FRAMES, 4 * sizeof *foa);
    v2s_first_sound f;
    cr_assert(v2s_first_sound_find(foa, FRAMES, RATE, &f) == V2S_FORMAT);
    cr_expect(strstr(v2s_error_text(), "silent") != NULL);
    cr_assert(v2s_first_sound_find(foa, 0, RATE, &f) == V2S_FORMAT);
    foa[4 * 100] = 1;
    cr_assert(v2s_first_sound_find(foa, FRAMES, RATE, &f) == V2S_FORMAT);
    cr_expect(strstr(v2s_error_text(), "no direction") != NULL);
    free(foa);
}
