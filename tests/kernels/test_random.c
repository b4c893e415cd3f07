// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/rng.h"
#include "kernels/f64_tensor.h"
#include "tests/support/guarded.h"

enum { KINDS = V2S_RANDOM_MASK + 1 };

static v2s_random_args args_of(int kind, size_t count, float *y) {
    return (v2s_random_args){.kind = (v2s_random_kind)kind,
                             .count = count,
                             .seed = 0x0123456789abcdef,
                             .stream = 0xfedcba9876543210,
                             .low = -3.0,
                             .high = 5.0,
                             .mean = 0.5,
                             .sigma = 2.0,
                             .p = 0.3,
                             .y = y};
}

// What the header promises number i to be, from the block itself.
static double promised(const v2s_random_args *a, size_t i) {
    uint64_t block_number = a->kind == V2S_RANDOM_NORMAL ? i : i / 2;
    const uint32_t counter[4] = {(uint32_t)block_number, (uint32_t)(block_number >> 32),
                                 (uint32_t)a->stream, (uint32_t)(a->stream >> 32)};
    const uint32_t key[2] = {(uint32_t)a->seed, (uint32_t)(a->seed >> 32)};
    uint32_t w[4];
    v2s_philox(counter, key, w);
    double first = (double)((w[0] | (uint64_t)w[1] << 32) >> 11) * 0x1p-53;
    double second = (double)((w[2] | (uint64_t)w[3] << 32) >> 11) * 0x1p-53;
    if (a->kind == V2S_RANDOM_NORMAL)
        return a->mean +
               a->sigma * (sqrt(-2.0 * log(1.0 - first)) * cos(6.283185307179586 * second));
    double u = i % 2 == 0 ? first : second;
    if (a->kind == V2S_RANDOM_UNIFORM)
        return a->low + (a->high - a->low) * u;
    return u < a->p ? 0.0 : 1.0 / (1.0 - a->p);
}

Test(random, of_every_table_is_what_the_header_promises) {
    const size_t counts[] = {0, 1, 2, 3, 31, 32, 33, 257, 5001};
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *dev = device_of((v2s_isa)isa, 2);
        for (int i = 0; dev != NULL && i < 9 * KINDS; i++) {
            size_t count = counts[i / KINDS];
            float *y = guarded_noise(1, count, 9.0f);
            v2s_random_args a = args_of(i % KINDS, count, y);
            dev->ops->random_fill(dev, &a, NULL);
            for (size_t j = 0; j < count; j++)
                cr_assert_eq(y[j], (float)promised(&a, j), "kind %d: %zu", i % KINDS, j);
            guarded_free(y, count);
        }
        v2s_device_close(&dev);
    }
}

Test(random, is_the_generator_called_in_order) {
    enum { COUNT = 1000 };
    float y[KINDS][COUNT];
    v2s_rng uniform = v2s_rng_open(7, 3), normal = uniform, mask = uniform;
    for (int kind = 0; kind < KINDS; kind++) {
        v2s_random_args a = args_of(kind, COUNT, y[kind]);
        a.seed = 7;
        a.stream = 3;
        v2s_random_fill(NULL, &a, NULL);
    }
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(y[V2S_RANDOM_UNIFORM][i], (float)v2s_rng_between(&uniform, -3.0, 5.0));
        cr_assert_eq(y[V2S_RANDOM_NORMAL][i], (float)(0.5 + 2.0 * v2s_rng_normal(&normal)));
        cr_assert_eq(y[V2S_RANDOM_MASK][i],
                     v2s_rng_uniform(&mask) < 0.3 ? 0.0f : (float)(1.0 / 0.7));
    }
}

Test(random, in_double_rounds_to_the_float_array) {
    enum { COUNT = 257 };
    for (int kind = 0; kind < KINDS; kind++) {
        float y[COUNT];
        double yd[COUNT];
        v2s_random_args a = args_of(kind, COUNT, y);
        v2s_random_args_f64 ad = {a.kind, a.count, a.seed,  a.stream, a.low,
                                  a.high, a.mean,  a.sigma, a.p,      yd};
        v2s_random_fill(NULL, &a, NULL);
        v2s_random_fill_f64(NULL, &ad, NULL);
        for (int i = 0; i < COUNT; i++)
            cr_assert_eq(y[i], (float)yd[i]);
    }
}

Test(random, has_the_moments_of_its_kind) {
    enum { COUNT = 200000 };
    float *y = malloc(COUNT * sizeof *y);
    const double mean[] = {1.0, 0.5, 1.0}, variance[] = {64.0 / 12.0, 4.0, 0.3 / 0.7};
    for (int kind = 0; kind < KINDS; kind++) {
        v2s_random_args a = args_of(kind, COUNT, y);
        double sum = 0.0, squares = 0.0;
        v2s_random_fill(NULL, &a, NULL);
        for (int i = 0; i < COUNT; i++) {
            sum += y[i];
            squares += (y[i] - mean[kind]) * (y[i] - mean[kind]);
        }
        double error = sqrt(variance[kind] / COUNT);
        cr_assert_float_eq(sum / COUNT, mean[kind], 5.0 * error, "kind %d", kind);
        cr_assert_float_eq(squares / COUNT / variance[kind], 1.0, 0.02, "kind %d", kind);
    }
    free(y);
}

Test(random, of_a_mask_at_its_limits_keeps_everything_or_nothing) {
    float y[100];
    v2s_random_args a = args_of(V2S_RANDOM_MASK, 100, y);
    for (int all = 0; all < 2; all++) {
        a.p = all ? 1.0 : 0.0;
        v2s_random_fill(NULL, &a, NULL);
        for (int i = 0; i < 100; i++)
            cr_assert_eq(y[i], all ? 0.0f : 1.0f);
    }
}
