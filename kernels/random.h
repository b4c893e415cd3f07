// SPDX-License-Identifier: MIT
// Arrays of random numbers from a stream of kernels/base/rng.h. Number i depends on (seed, stream,
// i) alone: it is what the i-th call of the named function gives on v2s_rng_open(seed, stream),
// rounded to the array's type, however many threads or blocks fill the array:
//
//   UNIFORM   v2s_rng_between(low, high)             words 2(i mod 2), 2(i mod 2)+1 of block i / 2
//   NORMAL    mean + sigma * v2s_rng_normal()        the four words of block i
//   MASK      v2s_rng_uniform() < p ? 0 : 1/(1-p)    words as UNIFORM
//
// All are computed in double, every product and sum rounded by itself (no fused multiply-add), and
// rounded once to the array's type. UNIFORM and MASK are therefore the same bits on every device;
// NORMAL goes through log and cos, which may differ in the last bits of the double.
//
// UNIFORM is in [low, high); rounding to float may give high itself. MASK is what dropout
// multiplies by: 0 with probability p, mean 1; p is in [0, 1], and 1 gives zeros only.
//
// Shapes: y [count], overwritten. count may be 0. There is no backward.
#ifndef V2S_KERNELS_RANDOM_H
#define V2S_KERNELS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

#ifndef V2S_KERNELS_RANDOM_KIND // one for both precisions (kernels/f64_tensor.h)
#define V2S_KERNELS_RANDOM_KIND
typedef enum v2s_random_kind {
    V2S_RANDOM_UNIFORM,
    V2S_RANDOM_NORMAL,
    V2S_RANDOM_MASK
} v2s_random_kind;
#endif

typedef struct v2s_random_args {
    v2s_random_kind kind;
    size_t count;
    uint64_t seed, stream;
    double low, high;   // UNIFORM
    double mean, sigma; // NORMAL
    double p;           // MASK
    real *y;            // [count]
} v2s_random_args;

// Takes no scratch.
void v2s_random_fill(const struct v2s_device *dev, const v2s_random_args *a, v2s_arena *scratch);

#endif
