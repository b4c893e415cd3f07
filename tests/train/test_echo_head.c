// SPDX-License-Identifier: MIT
// The table of head responses: time, level, direction, fractions of a sample.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "data/sofa.h"
#include "train/echo_head.h"

TestSuite(echo_head);

enum { TAPS = V2S_ECHO_HEAD_TAPS, LEAD = V2S_ECHO_HEAD_LEAD, PHASES = V2S_ECHO_HEAD_PHASES };

static double energy(const float *response) {
    double sum = 0;
    for (int k = 0; k < TAPS; k++)
        sum += (double)response[k] * response[k];
    return sum;
}

static int loudest(const float *response) {
    int best = 0;
    for (int k = 0; k < TAPS; k++)
        best = fabsf(response[k]) > fabsf(response[best]) ? k : best;
    return best;
}

static v2s_echo_head *open_file(const char *path, double rate_hz) {
    v2s_hrtf hrtf = {0};
    v2s_echo_head *head = NULL;
    cr_assert(v2s_sofa_read(path, &hrtf) == V2S_OK, "%s", v2s_error_text());
    cr_assert(v2s_echo_head_open(&hrtf, rate_hz, &head) == V2S_OK);
    v2s_hrtf_free(&hrtf);
    return head;
}

Test(echo_head, a_response_of_one_sample_stays_where_and_what_it_is) {
    v2s_vec3 unit = {1, 0, 0};
    float ir[2 * 64] = {0};
    ir[17] = ir[64 + 17] = 0.3f;
    const v2s_hrtf hrtf = {
        .rate_hz = 44100, .measurements = 1, .taps = 64, .unit = &unit, .ir = ir};
    v2s_echo_head *head = NULL;
    cr_assert(v2s_echo_head_open(&hrtf, 44100, &head) == V2S_OK);
    for (int ear = 0; ear < 2; ear++) {
        const float *r = v2s_echo_head_response(head, (v2s_vec3){0, 0, -2}, ear, 0);
        for (int k = 0; k < TAPS; k++)
            cr_expect_float_eq(r[k], k == LEAD ? 1 : 0, 1e-6);
        for (int p = 0; p < PHASES; p++) {
            r = v2s_echo_head_response(head, (v2s_vec3){0, 0, -2}, ear, p);
            double centre = 0, sum = 0;
            for (int k = 0; k < TAPS; k++) {
                centre += (double)r[k] * (k - LEAD);
                sum += r[k];
            }
            cr_expect_float_eq(sum, 1, 0.01, "phase %d: a constant stays", p);
            cr_expect_float_eq(centre / sum, p / 8.0, 0.02, "phase %d", p);
        }
    }
    v2s_echo_head_close(&head);
}

Test(echo_head, kemar_hears_its_own_side_first_and_louder) {
    v2s_echo_head *head = open_file(NULL, 44100);
    for (int side = -1; side <= 1; side += 2) {
        v2s_vec3 from = {0, side, 0};
        int near = side > 0 ? 0 : 1;
        const float *here = v2s_echo_head_response(head, from, near, 0);
        const float *there = v2s_echo_head_response(head, from, 1 - near, 0);
        cr_expect(energy(here) > 4 * energy(there));
        int late = loudest(there) - loudest(here);
        cr_expect(late > 20 && late < 45, "%d samples", late); // 0.45 to 1 ms
    }
    v2s_vec3 front = {1, 0, 0};
    int time = loudest(v2s_echo_head_response(head, front, 0, 0)) - LEAD;
    cr_expect(abs(time) <= 6, "straight ahead at %d", time);
    v2s_echo_head_close(&head);
}

Test(echo_head, the_mean_energy_is_one_at_any_rate) {
    const double rates[] = {44100, 48000, 32000};
    for (int i = 0; i < 3; i++) {
        v2s_echo_head *head = open_file(NULL, rates[i]);
        double sum = 0;
        enum { COUNT = 500 };
        for (int k = 0; k < COUNT; k++) { // evenly over the sphere
            double z = 1 - (2 * k + 1.0) / COUNT, across = sqrt(1 - z * z), turn = 2.39996 * k;
            v2s_vec3 from = {across * cos(turn), across * sin(turn), z};
            for (int ear = 0; ear < 2; ear++)
                sum += energy(v2s_echo_head_response(head, from, ear, 0)) / (2 * COUNT);
        }
        cr_expect(sum > 0.7 && sum < 1.3, "%g Hz: %g", rates[i], sum);
        v2s_echo_head_close(&head);
    }
}
