// SPDX-License-Identifier: MIT
#include "tests/support/hash_noise.h"

#include <stdint.h>
#include <string.h>

void hash_noise(unsigned stream, size_t count, float scale, float *out) {
    for (size_t i = 0; i < count; i++) {
        uint32_t x = (uint32_t)i + 0x9E3779B9u * (stream + 1);
        x = (x ^ x >> 16) * 0x85EBCA6Bu;
        x = (x ^ x >> 13) * 0xC2B2AE35u;
        x ^= x >> 16;
        out[i] = ((float)(x >> 8) * 0x1p-23f - 1.0f) * scale;
    }
}

static v2s_status fill(void *ctx, const char *name, v2s_tensor *param) {
    unsigned *stream = ctx;
    float scale = strncmp(name, "gru", 3) == 0 ? 0.15f : 0.25f;
    hash_noise((*stream)++, v2s_tensor_count(param), scale, param->data);
    return V2S_OK;
}

v2s_refiner *hash_refiner(void) {
    v2s_refiner_config config = v2s_refiner_seed();
    v2s_refiner *m = NULL;
    unsigned stream = 0;
    V2S_ASSERT(v2s_refiner_open(&config, &m) == V2S_OK);
    V2S_ASSERT(v2s_refiner_each_param(m, fill, &stream) == V2S_OK);
    return m;
}

void hash_foa(int frames, float *foa) {
    hash_noise(100, (size_t)frames * V2S_REFINER_CHANNELS, 1.0f, foa);
}
