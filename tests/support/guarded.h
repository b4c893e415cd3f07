// SPDX-License-Identifier: MIT
// Arrays of floats between guard zones, and what the tests of operations share.
#ifndef V2S_TESTS_SUPPORT_GUARDED_H
#define V2S_TESTS_SUPPORT_GUARDED_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/device.h"

// `count` floats, not aligned to a vector, filled with hash noise of this stream and scale, with a
// guard zone on both sides.
float *guarded_noise(unsigned stream, size_t count, float scale);

// The same numbers as doubles; free() them.
double *doubles_of(const float *from, size_t count);

// Asserts that both guard zones are untouched, and frees.
void guarded_free(float *data, size_t count);

// Largest |a[i] - b[i]|; infinite where either is not a number.
double largest_gap(const float *a, const double *b, size_t count);

// The device of an instruction set, or NULL where this processor lacks it.
v2s_device *device_of(v2s_isa isa, int threads);

// Scratch of `bytes` behind which one more byte would be noticed by the arena.
v2s_arena scratch_of(size_t bytes);

#endif
