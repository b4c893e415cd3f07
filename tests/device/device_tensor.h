// SPDX-License-Identifier: MIT
// Numbers that an operation gets on the device, and the same for its definition in double.
#ifndef V2S_TESTS_DEVICE_DEVICE_TENSOR_H
#define V2S_TESTS_DEVICE_DEVICE_TENSOR_H

#include "tests/device/tested_device.h"

typedef struct device_tensor {
    size_t count;
    float *host;   // as it was made
    double *exact; // the same; the definition changes it
    float *at;     // on the device, between guard zones, aligned to 4 bytes only
    size_t lead;   // floats between the guard zone and `at`
} device_tensor;

// Whether the tests run on a GPU, which has time for large shapes; it is not an emulated one.
bool device_is_gpu(void);

// Noise of this stream in [-scale, scale).
device_tensor device_noise(const v2s_device *dev, unsigned stream, size_t count, float scale);

// Whole numbers from -most to most.
device_tensor device_integers(const v2s_device *dev, unsigned stream, size_t count, int most);

// These numbers; `aligned`: `at` is a multiple of 16 bytes.
device_tensor device_copy_of(const v2s_device *dev, const float *host, size_t count, bool aligned);

// Not-numbers, for an output.
device_tensor device_output(const v2s_device *dev, size_t count);

// What is on the device now; free() it.
float *device_tensor_now(const v2s_device *dev, const device_tensor *t);

// Largest difference of what is on the device from `exact`; infinite where it is not a number.
double device_tensor_gap(const v2s_device *dev, const device_tensor *t);

// Writes host there again, and into exact.
void device_tensor_reset(const v2s_device *dev, device_tensor *t);

// Checks the guard zones, gives everything back.
void device_tensor_drop(const v2s_device *dev, device_tensor *t);

#endif
