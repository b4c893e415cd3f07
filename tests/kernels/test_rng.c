// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/rng.h"

// Known answers of the authors' library Random123 (kat_vectors, philox4x32 10).
Test(rng, philox_equals_its_authors_known_answers) {
    static const struct {
        uint32_t counter[4], key[2], block[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t block[4];
        v2s_philox(cases[i].counter, cases[i].key, block);
        cr_assert_eq(memcmp(block, cases[i].block, sizeof block), 0, "case %d", i);
    }
}

Test(rng, a_stream_is_its_blocks_in_order) {
    v2s_rng rng = v2s_rng_open(0x0123456789abcdef, 0xfedcba9876543210);
    for (uint32_t position = 0; position < 3; position++) {
        const uint32_t counter[4] = {position, 0, 0x76543210, 0xfedcba98};
        const uint32_t key[2] = {0x89abcdef, 0x01234567};
        uint32_t block[4];
        v2s_philox(counter, key, block);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(v2s_rng_word(&rng), block[i]);
    }
}

// Mean, variance and neighbours' correlation of n numbers within five standard errors.
static void check_moments(double (*draw)(v2s_rng *), double mean, double variance) {
    enum { N = 200000 };
    v2s_rng rng = v2s_rng_open(7, 3);
    double sum = 0.0, squares = 0.0, product = 0.0, last = 0.0;
    for (int i = 0; i < N; i++) {
        double x = draw(&rng) - mean;
        sum += x;
        squares += x * x;
        product += x * last;
        last = x;
    }
    cr_assert_lt(fabs(sum / N), 5.0 * sqrt(variance / N));
    cr_assert_lt(fabs(squares / N - variance), 5.0 * variance * sqrt(2.0 / N));
    cr_assert_lt(fabs(product / N), 5.0 * variance / sqrt(N));
}

Test(rng, uniform_numbers_have_the_moments_of_0_to_1) {
    check_moments(v2s_rng_uniform, 0.5, 1.0 / 12.0);
}

Test(rng, normal_numbers_have_mean_0_and_variance_1) {
    check_moments(v2s_rng_normal, 0.0, 1.0);
}

Test(rng, uniform_numbers_stay_in_their_range) {
    v2s_rng rng = v2s_rng_open(1, 1);
    for (int i = 0; i < 10000; i++) {
        double x = v2s_rng_between(&rng, -3.0, 5.0);
        cr_assert(x >= -3.0 && x < 5.0);
    }
}

Test(rng, integers_are_spread_evenly) {
    v2s_rng rng = v2s_rng_open(5, 0);
    int counts[7] = {0};
    for (int i = 0; i < 70000; i++)
        counts[v2s_rng_below(&rng, 7)]++;
    for (int i = 0; i < 7; i++)
        cr_assert_lt(abs(counts[i] - 10000), 5 * 93); // standard deviation of a count: 93
    cr_assert_eq(v2s_rng_below(&rng, 1), 0);
}

Test(rng, a_shuffle_is_a_permutation_and_every_place_is_as_likely) {
    int first[5] = {0};
    for (uint64_t stream = 0; stream < 5000; stream++) {
        v2s_rng rng = v2s_rng_open(9, stream);
        size_t items[] = {0, 1, 2, 3, 4};
        unsigned seen = 0;
        v2s_rng_shuffle(&rng, items, 5);
        for (int i = 0; i < 5; i++)
            seen |= 1u << items[i];
        cr_assert_eq(seen, 31);
        first[items[0]]++;
    }
    for (int i = 0; i < 5; i++)
        cr_assert_lt(abs(first[i] - 1000), 5 * 29);
}

Test(rng, derived_seeds_differ_from_one_another) {
    cr_assert_neq(v2s_rng_derive(1, 0), v2s_rng_derive(1, 1));
    cr_assert_neq(v2s_rng_derive(1, 0), v2s_rng_derive(2, 0));
    cr_assert_eq(v2s_rng_derive(4, 2), v2s_rng_derive(4, 2));
}
