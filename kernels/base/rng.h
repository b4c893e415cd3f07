// SPDX-License-Identifier: MIT
// Random numbers that depend on a seed, a stream and a position only: Philox4x32-10.
//
// Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A block of
// four 32-bit words is a function of a 128-bit counter and a 64-bit key, so any part of any stream
// can be had without what lies before it, on any device, on any number of threads.
//
//   key     = seed        (low word, high word)
//   counter = position, stream   (each low word, high word); position counts blocks from 0
//
// Words, uniform numbers, integers and shuffles are the same on every machine. Normal numbers go
// through the C library's log, cos and sin and may differ there in the last bit.
#ifndef V2S_KERNELS_BASE_RNG_H
#define V2S_KERNELS_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

// One block.
void v2s_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t block[4]);

// A place in a stream; a value, copied freely. Not to be shared by threads.
typedef struct v2s_rng {
    uint64_t seed, stream, position; // of the next block
    uint32_t block[4];
    int left; // words of `block` that were not handed out
} v2s_rng;

// The start of a stream. Streams of one seed are independent of one another.
v2s_rng v2s_rng_open(uint64_t seed, uint64_t stream);

// A seed from a seed and an index, for a thing that needs streams of its own (a clip, an epoch).
uint64_t v2s_rng_derive(uint64_t seed, uint64_t index);

uint32_t v2s_rng_word(v2s_rng *rng);

// Uniform in [0, 1), 53 bits; two words.
double v2s_rng_uniform(v2s_rng *rng);

// Uniform in [low, high).
double v2s_rng_between(v2s_rng *rng, double low, double high);

// Standard normal (Box-Muller, cosine branch); four words.
double v2s_rng_normal(v2s_rng *rng);

// Uniform integer in 0 .. n-1 without bias; n >= 1.
uint64_t v2s_rng_below(v2s_rng *rng, uint64_t n);

// A random order of the items (Fisher-Yates from the end).
void v2s_rng_shuffle(v2s_rng *rng, size_t *items, size_t count);

#endif
