// SPDX-License-Identifier: MIT
#include "tests/device/device_tensor.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/guarded.h"
#include "tests/support/hash_noise.h"

bool device_is_gpu(void) {
    const char *module = getenv("V2S_CUDA_MODULE");
    bool emulated = module != NULL && strstr(module, "emulated") != NULL;
    return strncmp(tested_device_spec(), "cuda", 4) == 0 && !emulated;
}

// Takes over host.
static device_tensor tensor_of(const v2s_device *dev, float *host, size_t count, size_t lead) {
    device_tensor t = {.count = count, .host = host, .exact = doubles_of(host, count)};
    t.lead = lead;
    t.at = (float *)put(dev, NULL, (lead + count) * sizeof(float)) + lead;
    dev->ops->memory->upload(dev, t.at, host, count * sizeof(float));
    cr_assert_eq(dev->ops->memory->synchronize(dev), V2S_OK, "%s", v2s_error_text());
    return t;
}

static float *floats(size_t count) {
    float *host = malloc((count + 1) * sizeof *host);
    cr_assert_not_null(host);
    return host;
}

device_tensor device_noise(const v2s_device *dev, unsigned stream, size_t count, float scale) {
    float *host = floats(count);
    hash_noise(stream, count, scale, host);
    return tensor_of(dev, host, count, 0);
}

device_tensor device_integers(const v2s_device *dev, unsigned stream, size_t count, int most) {
    float *host = floats(count);
    hash_noise(stream, count, (float)most + 0.5f, host);
    for (size_t i = 0; i < count; i++)
        host[i] = rintf(host[i]);
    return tensor_of(dev, host, count, 0);
}

device_tensor device_copy_of(const v2s_device *dev, const float *host, size_t count, bool aligned) {
    float *copy = floats(count);
    memcpy(copy, host, count * sizeof *copy);
    // put() starts 260 bytes after a multiple of 256.
    device_tensor t = tensor_of(dev, copy, count, aligned ? 3 : 0);
    cr_assert_eq((uintptr_t)t.at % 16 == 0, aligned);
    return t;
}

device_tensor device_output(const v2s_device *dev, size_t count) {
    float *host = floats(count);
    for (size_t i = 0; i < count; i++)
        host[i] = NAN;
    return tensor_of(dev, host, count, 0);
}

float *device_tensor_now(const v2s_device *dev, const device_tensor *t) {
    return fetch_floats(dev, t->at, t->count);
}

double device_tensor_gap(const v2s_device *dev, const device_tensor *t) {
    float *now = device_tensor_now(dev, t);
    double gap = largest_gap(now, t->exact, t->count);
    free(now);
    return gap;
}

void device_tensor_reset(const v2s_device *dev, device_tensor *t) {
    dev->ops->memory->upload(dev, t->at, t->host, t->count * sizeof(float));
    cr_assert_eq(dev->ops->memory->synchronize(dev), V2S_OK, "%s", v2s_error_text());
    for (size_t i = 0; i < t->count; i++)
        t->exact[i] = t->host[i];
}

void device_tensor_drop(const v2s_device *dev, device_tensor *t) {
    drop(dev, t->at - t->lead, (t->lead + t->count) * sizeof(float));
    free(t->host);
    free(t->exact);
    *t = (device_tensor){0};
}
