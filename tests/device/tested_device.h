// SPDX-License-Identifier: MIT
// The device that the tests of this folder run on: the same test source serves the processor, a
// GPU, and the CUDA module compiled for the processor (tests/emulation). ctest says which by
// V2S_TEST_DEVICE ("cpu" where it is not set) and V2S_CUDA_MODULE.
//
// A test makes its input and what it expects in host memory, puts the input on the device, runs the
// operation through dev->ops and takes the output back.
#ifndef V2S_TESTS_DEVICE_TESTED_DEVICE_H
#define V2S_TESTS_DEVICE_TESTED_DEVICE_H

#include <stddef.h>

#include "kernels/device.h"

// "cpu", "cuda" or "cuda:N".
const char *tested_device_spec(void);

// Opened with 2 threads; asserts that it is there. Close with v2s_device_close.
v2s_device *tested_device(void);
v2s_device *tested_device_with(v2s_precision precision, bool deterministic);

// `bytes` of device memory between guard zones, filled from `host` (NULL: with 0xFF, which is NaN
// in float). The start is aligned to 4 bytes only, as rows of a batch are.
void *put(const v2s_device *dev, const void *host, size_t bytes);

// Copies back. Fails the test where the device has noted a failure.
void fetch(const v2s_device *dev, void *host, const void *device, size_t bytes);

// The same into new memory; free() it.
float *fetch_floats(const v2s_device *dev, const void *device, size_t count);

// Asserts that the guard zones are as they were, and gives the memory back.
void drop(const v2s_device *dev, void *device, size_t bytes);

// Scratch in device memory, exactly as large as asked for; close with v2s_device_arena_close.
v2s_arena device_scratch(const v2s_device *dev, size_t bytes);

#endif
