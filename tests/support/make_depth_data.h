// SPDX-License-Identifier: MIT
// Samples of a depth network in memory: noise at a level that tells the depth, a share of the
// pixels not valid.
#ifndef V2S_TESTS_SUPPORT_MAKE_DEPTH_DATA_H
#define V2S_TESTS_SUPPORT_MAKE_DEPTH_DATA_H

#include "train/depth_data.h"

enum { V2S_TEST_DEPTH_SIZE = 32, V2S_TEST_DEPTH_ITEMS = 8 };

typedef struct v2s_test_depth_data {
    v2s_depth_data data; // its items may be changed
    v2s_depth_sample samples[V2S_TEST_DEPTH_ITEMS];
    v2s_depth_item items[V2S_TEST_DEPTH_ITEMS]; // training samples "s0", .., then those of val
} v2s_test_depth_data;

// train + val is at most V2S_TEST_DEPTH_ITEMS.
v2s_test_depth_data *v2s_test_make_depth_data(int train, int val);
void v2s_test_free_depth_data(v2s_test_depth_data *made);

#endif
