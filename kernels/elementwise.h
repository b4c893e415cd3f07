// SPDX-License-Identifier: MIT
// Sums, products and multiples, element by element:
//
//   ADD     y = a + b         da += dy,      db += dy
//   MUL     y = a b           da += dy b,    db += dy a
//   SCALE   y = factor a      da += factor dy
//
// Shapes: all [count]. y may be a or b in a forward call. A gradient that is NULL is not wanted;
// da and db may be the same (a is b).
#ifndef V2S_KERNELS_ELEMENTWISE_H
#define V2S_KERNELS_ELEMENTWISE_H

#include <stddef.h>

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

#ifndef V2S_KERNELS_ELEMENTWISE_KIND // one for both precisions (kernels/f64_signal.h)
#define V2S_KERNELS_ELEMENTWISE_KIND
typedef enum v2s_elementwise_kind {
    V2S_ELEMENTWISE_ADD,
    V2S_ELEMENTWISE_MUL,
    V2S_ELEMENTWISE_SCALE
} v2s_elementwise_kind;
#endif

typedef struct v2s_elementwise_args {
    v2s_elementwise_kind kind;
    size_t count;
    real factor;    // SCALE
    const real *a;  // [count]; forward, and backward of MUL
    const real *b;  // [count]; ADD and MUL, as a
    real *y;        // [count]; forward writes
    const real *dy; // [count]; backward
    real *da;       // [count]; backward adds
    real *db;       // [count]; ADD and MUL, backward adds
} v2s_elementwise_args;

// Neither takes scratch.
void v2s_elementwise_forward(const struct v2s_device *dev, const v2s_elementwise_args *a,
                             v2s_arena *scratch);
void v2s_elementwise_backward(const struct v2s_device *dev, const v2s_elementwise_args *a,
                              v2s_arena *scratch);

#endif
