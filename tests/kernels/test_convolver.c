// SPDX-License-Identifier: MIT
// The block convolver against the sum that defines it.
#include "kernels/convolver.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static float noise(uint32_t *state) {
    *state = *state * 1664525U + 1013904223U;
    return (float)((double)*state / 4294967296.0 * 2.0 - 1.0);
}

static float *noise_array(size_t count, uint32_t seed) {
    float *a = malloc(count * sizeof *a);
    for (size_t i = 0; i < count; i++)
        a[i] = noise(&seed);
    return a;
}

// Pushes `frames` frames in blocks of `block` and compares with the direct sum.
static void check(int inputs, int outputs, size_t taps, size_t frames, size_t block) {
    size_t ins = (size_t)inputs, outs = (size_t)outputs;
    float *h = noise_array(ins * outs * taps, 1), *in = noise_array(frames * ins, 2);
    float *out = malloc(frames * outs * sizeof *out);
    v2s_convolver *c = NULL;
    cr_assert_eq(v2s_convolver_open(inputs, outputs, taps, h, &c), V2S_OK, "%s", v2s_error_text());
    for (size_t t = 0; t < frames; t += block)
        v2s_convolver_process(c, in + t * ins, frames - t < block ? frames - t : block,
                              out + t * outs);
    size_t late = v2s_convolver_latency_frames(c);
    cr_assert_lt(late, frames);
    double worst = 0.0;
    // Every 7th frame is enough, and the two sides of each block border.
    for (size_t t = 0; t + late < frames; t += t % late < 2 || t % late > late - 9 ? 1 : 7)
        for (size_t o = 0; o < outs; o++) {
            double sum = 0.0;
            for (size_t i = 0; i < ins; i++)
                for (size_t k = 0; k < taps && k <= t; k++)
                    sum += (double)h[(o * ins + i) * taps + k] * in[(t - k) * ins + i];
            worst = fmax(worst, fabs(sum - out[(t + late) * outs + o]));
        }
    for (size_t t = 0; t < late * outs; t++)
        cr_assert_eq(out[t], 0.0F);
    cr_assert_lt(worst, 3e-6 * sqrt((double)(taps * ins)), "%d x %d, %zu taps: %g", inputs, outputs,
                 taps, worst);
    v2s_convolver_close(&c);
    cr_assert_null(c);
    free(h);
    free(in);
    free(out);
}

Test(convolver, equals_the_direct_sum) {
    check(1, 1, 1, 3000, 64);
    check(4, 2, 256, 4000, 1000);
    check(4, 2, 300, 4000, 4000);
    check(16, 2, 65, 3000, 333);
    check(2, 3, 513, 9000, 1);
}

Test(convolver, output_does_not_depend_on_the_blocks) {
    enum { FRAMES = 5000, TAPS = 200 };
    float *h = noise_array(8 * TAPS, 3), *in = noise_array(4 * FRAMES, 4);
    float *a = malloc(2 * FRAMES * sizeof *a), *b = malloc(2 * FRAMES * sizeof *b);
    v2s_convolver *c = NULL;
    cr_assert_eq(v2s_convolver_open(4, 2, TAPS, h, &c), V2S_OK);
    v2s_convolver_process(c, in, FRAMES, a);
    v2s_convolver_reset(c);
    uint32_t seed = 5;
    for (size_t t = 0; t < FRAMES;) {
        size_t n = (size_t)(fabsf(noise(&seed)) * 700.0F);
        n = n < FRAMES - t ? n : FRAMES - t;
        v2s_convolver_process(c, in + 4 * t, n, b + 2 * t);
        t += n;
    }
    cr_assert_eq(memcmp(a, b, 2 * FRAMES * sizeof *a), 0);
    v2s_convolver_close(&c);
    free(h);
    free(in);
    free(a);
    free(b);
}

Test(convolver, refuses_impossible_sizes) {
    float h = 1.0F;
    v2s_convolver *c = NULL;
    cr_assert_eq(v2s_convolver_open(0, 1, 1, &h, &c), V2S_ARG);
    cr_assert_eq(v2s_convolver_open(1, 65, 1, &h, &c), V2S_ARG);
    cr_assert_eq(v2s_convolver_open(1, 1, 0, &h, &c), V2S_ARG);
    cr_assert_eq(v2s_convolver_open(1, 1, V2S_CONVOLVER_MAX_TAPS + 1, &h, &c), V2S_ARG);
    cr_assert_null(c);
    v2s_convolver_close(&c);
}
