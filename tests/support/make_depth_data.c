// SPDX-License-Identifier: MIT
#include "tests/support/make_depth_data.h"

#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "kernels/base/rng.h"

enum { SIZE = V2S_TEST_DEPTH_SIZE, PIXELS = SIZE * SIZE };

static float *make_sample(int k) {
    v2s_rng rng = v2s_rng_open(11, (uint64_t)k);
    float *kept = malloc(3 * PIXELS * sizeof *kept);
    cr_assert(kept != NULL);
    double level = v2s_rng_between(&rng, 0.5, 4);
    for (int i = 0; i < 2 * PIXELS; i++)
        kept[i] = (float)(level * v2s_rng_uniform(&rng));
    for (int i = 0; i < PIXELS; i++)
        kept[2 * PIXELS + i] = v2s_rng_uniform(&rng) < 0.1 * k ? 0 : (float)(2 * level);
    return kept;
}

v2s_test_depth_data *v2s_test_make_depth_data(int train, int val) {
    static const char ids[V2S_TEST_DEPTH_ITEMS][3] = {"s0", "s1", "s2", "s3",
                                                      "s4", "s5", "s6", "s7"};
    v2s_test_depth_data *m = calloc(1, sizeof *m);
    cr_assert(m != NULL && train + val <= V2S_TEST_DEPTH_ITEMS);
    for (int k = 0; k < train + val; k++) {
        m->samples[k].id = (char *)ids[k];
        m->items[k] = (v2s_depth_item){&m->samples[k], make_sample(k)};
    }
    m->data = (v2s_depth_data){.size = SIZE,
                               .threads = 1,
                               .train = m->items,
                               .train_count = (size_t)train,
                               .val = m->items + train,
                               .val_count = (size_t)val};
    return m;
}

void v2s_test_free_depth_data(v2s_test_depth_data *m) {
    for (int k = 0; k < V2S_TEST_DEPTH_ITEMS; k++)
        free(m->items[k].kept);
    free(m);
}
