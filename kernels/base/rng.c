// SPDX-License-Identifier: MIT
#include "kernels/base/rng.h"

#include <math.h>

// Multipliers and key increments of the paper; ten rounds.
void v2s_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t block[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    block[0] = c0;
    block[1] = c1;
    block[2] = c2;
    block[3] = c3;
}

static void block_at(uint64_t seed, uint64_t stream, uint64_t position, uint32_t block[4]) {
    const uint32_t counter[4] = {(uint32_t)position, (uint32_t)(position >> 32), (uint32_t)stream,
                                 (uint32_t)(stream >> 32)};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    v2s_philox(counter, key, block);
}

v2s_rng v2s_rng_open(uint64_t seed, uint64_t stream) {
    return (v2s_rng){.seed = seed, .stream = stream};
}

// Position 2^64 - 1 is left to this: no stream gets there.
uint64_t v2s_rng_derive(uint64_t seed, uint64_t index) {
    uint32_t block[4];
    block_at(seed, index, UINT64_MAX, block);
    return block[0] | (uint64_t)block[1] << 32;
}

uint32_t v2s_rng_word(v2s_rng *rng) {
    if (rng->left == 0) {
        block_at(rng->seed, rng->stream, rng->position++, rng->block);
        rng->left = 4;
    }
    return rng->block[4 - rng->left--];
}

static uint64_t two_words(v2s_rng *rng) {
    uint64_t low = v2s_rng_word(rng);
    return low | (uint64_t)v2s_rng_word(rng) << 32;
}

double v2s_rng_uniform(v2s_rng *rng) {
    return (double)(two_words(rng) >> 11) * 0x1p-53;
}

double v2s_rng_between(v2s_rng *rng, double low, double high) {
    return low + (high - low) * v2s_rng_uniform(rng);
}

double v2s_rng_normal(v2s_rng *rng) {
    const double two_pi = 6.283185307179586;
    double radius = sqrt(-2.0 * log(1.0 - v2s_rng_uniform(rng))); // of (0, 1]
    return radius * cos(two_pi * v2s_rng_uniform(rng));
}

// Words past the last multiple of n are drawn again.
uint64_t v2s_rng_below(v2s_rng *rng, uint64_t n) {
    uint64_t rest = (UINT64_MAX % n + 1) % n, word;
    do
        word = two_words(rng);
    while (word > UINT64_MAX - rest);
    return word % n;
}

void v2s_rng_shuffle(v2s_rng *rng, size_t *items, size_t count) {
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)v2s_rng_below(rng, i), keep = items[i - 1];
        items[i - 1] = items[j];
        items[j] = keep;
    }
}
