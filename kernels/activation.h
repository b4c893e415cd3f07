// SPDX-License-Identifier: MIT
// Activations, element by element:
//
//   RELU      y = max(x, 0)             dx += dy [y > 0]
//   SIGMOID   y = 1 / (1 + exp(-x))     dx += dy y (1 - y)
//   TANH      y = tanh(x)               dx += dy (1 - y^2)
//
// The backward needs y only. RELU's gradient at 0 is 0, and what is not a number stays so, as in
// PyTorch.
//
// Shapes: x, y, dx, dy [count]. y may be x.
#ifndef V2S_KERNELS_ACTIVATION_H
#define V2S_KERNELS_ACTIVATION_H

#include <stddef.h>

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

#ifndef V2S_KERNELS_ACTIVATION_KIND // one for both precisions (kernels/f64_signal.h)
#define V2S_KERNELS_ACTIVATION_KIND
typedef enum v2s_activation_kind {
    V2S_ACTIVATION_RELU,
    V2S_ACTIVATION_SIGMOID,
    V2S_ACTIVATION_TANH
} v2s_activation_kind;
#endif

typedef struct v2s_activation_args {
    v2s_activation_kind kind;
    size_t count;
    const real *x;  // [count]; forward
    real *y;        // [count]; forward writes, backward reads
    const real *dy; // [count]; backward
    real *dx;       // [count]; backward adds
} v2s_activation_args;

// Neither takes scratch.
void v2s_activation_forward(const struct v2s_device *dev, const v2s_activation_args *a,
                            v2s_arena *scratch);
void v2s_activation_backward(const struct v2s_device *dev, const v2s_activation_args *a,
                             v2s_arena *scratch);

#endif
