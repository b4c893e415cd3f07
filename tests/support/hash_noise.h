// SPDX-License-Identifier: MIT
// Numbers that tests and tests/tools/make_refiner_golden.py make alike, from an integer hash.
#ifndef V2S_TESTS_SUPPORT_HASH_NOISE_H
#define V2S_TESTS_SUPPORT_HASH_NOISE_H

#include <stddef.h>

#include "nn/refiner.h"

// out[i] in [-scale, scale): murmur3's finaliser of i + golden ratio * (stream + 1).
void hash_noise(unsigned stream, size_t count, float scale, float *out);

// A seed refiner whose parameter number s is stream s, with the scales of the golden file.
v2s_refiner *hash_refiner(void);

// The golden file's input: frames [T,4].
void hash_foa(int frames, float *foa);

#endif
