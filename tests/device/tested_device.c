// SPDX-License-Identifier: MIT
#include "tests/device/tested_device.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 260, GUARD_BYTE = 0xA5 }; // not a multiple of 8

const char *tested_device_spec(void) {
    const char *spec = getenv("V2S_TEST_DEVICE");
    return spec != NULL ? spec : "cpu";
}

v2s_device *tested_device_with(v2s_precision precision, bool deterministic) {
    v2s_device *dev = NULL;
    v2s_device_options options = {
        .threads = 2, .precision = precision, .deterministic = deterministic};
    cr_assert_eq(v2s_device_open_with(tested_device_spec(), &options, &dev), V2S_OK, "%s",
                 v2s_error_text());
    return dev;
}

v2s_device *tested_device(void) {
    return tested_device_with(V2S_PRECISION_F32, false);
}

static void assert_done(const v2s_device *dev) {
    cr_assert_eq(dev->ops->memory->synchronize(dev), V2S_OK, "%s", v2s_error_text());
}

void *put(const v2s_device *dev, const void *host, size_t bytes) {
    const v2s_memory_ops *memory = dev->ops->memory;
    unsigned char *all = malloc(bytes + 2 * GUARD);
    void *device = NULL;
    cr_assert_not_null(all);
    memset(all, GUARD_BYTE, bytes + 2 * GUARD);
    if (host != NULL && bytes > 0)
        memcpy(all + GUARD, host, bytes);
    else
        memset(all + GUARD, 0xFF, bytes);
    cr_assert_eq(memory->take(dev, bytes + 2 * GUARD, &device), V2S_OK, "%s", v2s_error_text());
    memory->upload(dev, device, all, bytes + 2 * GUARD);
    assert_done(dev);
    free(all);
    return (unsigned char *)device + GUARD;
}

void fetch(const v2s_device *dev, void *host, const void *device, size_t bytes) {
    dev->ops->memory->download(dev, host, device, bytes);
    assert_done(dev);
}

float *fetch_floats(const v2s_device *dev, const void *device, size_t count) {
    float *host = malloc((count + 1) * sizeof *host);
    cr_assert_not_null(host);
    fetch(dev, host, device, count * sizeof *host);
    return host;
}

void drop(const v2s_device *dev, void *device, size_t bytes) {
    unsigned char *all = malloc(bytes + 2 * GUARD);
    cr_assert_not_null(all);
    void *start = (unsigned char *)device - GUARD;
    fetch(dev, all, start, bytes + 2 * GUARD);
    for (size_t i = 0; i < GUARD; i++) {
        cr_assert_eq(all[i], GUARD_BYTE, "written before the start");
        cr_assert_eq(all[GUARD + bytes + i], GUARD_BYTE, "written past the end");
    }
    free(all);
    dev->ops->memory->give(dev, start);
}

v2s_arena device_scratch(const v2s_device *dev, size_t bytes) {
    v2s_arena arena;
    cr_assert_eq(v2s_device_arena_open(dev, bytes, &arena), V2S_OK, "%s", v2s_error_text());
    return arena;
}
