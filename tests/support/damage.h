// SPDX-License-Identifier: MIT
// Damaged copies of small valid files, with a fixed seed: truncations, flipped bits, overwritten
// runs.
#ifndef V2S_TESTS_SUPPORT_DAMAGE_H
#define V2S_TESTS_SUPPORT_DAMAGE_H

#include <stddef.h>
#include <stdint.h>

// A copy of data (malloc) with one to eight faults; *size may shrink, *state moves on.
unsigned char *v2s_test_damage(const unsigned char *data, size_t *size, uint32_t *state);

#endif
