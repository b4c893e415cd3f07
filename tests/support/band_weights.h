// SPDX-License-Identifier: MIT
// A small v2s checkpoint with random weights and floors.
#ifndef V2S_TESTS_SUPPORT_BAND_WEIGHTS_H
#define V2S_TESTS_SUPPORT_BAND_WEIGHTS_H

#include <stdbool.h>

// Kernel 5, 8 channels, 8 units; floor.scaled and floor.constant included.
void v2s_test_make_band_weights(const char *path, bool dry, unsigned seed);

#endif
