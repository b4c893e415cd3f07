// SPDX-License-Identifier: MIT
// One step of an optimizer over a flat array of parameters, as torch.optim computes it; the norm of
// a gradient; the running average of weights; and all of these at once, without the host.
//
//   g = scale * grad
//   SGD    g += decay * p;   m = momentum * m + g (m = g at the first step);   p -= rate * m
//   Adam   g += decay * p;   AdamW  p -= rate * decay * p  first
//          m += (1 - beta1) (g - m);   v = beta2 * v + (1 - beta2) g^2
//          p -= rate / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + eps)
//
// Kingma and Ba, ICLR 2015; Loshchilov and Hutter, ICLR 2019. Numbers are updated one by one:
// the result does not depend on how an array is cut. Where parameter, gradient and averages are 0
// they stay 0 (the padding of v2s_refiner_flat). All arrays are read and written as they are;
// nothing is allocated.
#ifndef V2S_KERNELS_OPTIM_H
#define V2S_KERNELS_OPTIM_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

#ifndef V2S_KERNELS_OPTIM_KIND
#define V2S_KERNELS_OPTIM_KIND
typedef enum v2s_optim_kind { V2S_OPTIM_ADAMW = 0, V2S_OPTIM_ADAM, V2S_OPTIM_SGD } v2s_optim_kind;

// What changes from update to update; in the device's memory, so that recorded work can be
// repeated.
typedef struct v2s_optim_now {
    double rate; // learning rate
    double step; // 1 for the first
} v2s_optim_now;

// What an update found and did.
typedef struct v2s_optim_result {
    double loss, norm;
    int64_t done; // 1: the parameters were updated; 0: nothing was changed
} v2s_optim_result;
#endif

typedef struct v2s_optim_args {
    v2s_optim_kind kind;
    size_t count;
    real *p;             // [count] parameters
    const real *grad;    // [count]
    real *m;             // [count] average of gradients (SGD: of the momentum); zero before step 1.
                         // SGD without momentum does not read it (may be NULL)
    real *v;             // [count] Adam, AdamW: average of squares; SGD does not read it
    int64_t step;        // 1 for the first
    double scale;        // of the gradient: 1, or less to clip it
    double rate;         // learning rate
    double decay;        // weight decay
    double beta1, beta2; // PyTorch: 0.9, 0.999
    double eps;          // PyTorch: 1e-8
    double momentum;     // SGD
} v2s_optim_args;

void v2s_optim_step(const struct v2s_device *dev, const v2s_optim_args *a);

// Euclidean norm, summed in double in an order that depends on `count` only. Not finite where a
// gradient is not.
double v2s_grad_norm(const struct v2s_device *dev, const real *grad, size_t count);

// average += (1 - decay) (p - average)
typedef struct v2s_ema_args {
    size_t count;
    real *average;
    const real *p;
    double decay;
} v2s_ema_args;

void v2s_ema_update(const struct v2s_device *dev, const v2s_ema_args *a);

// *sum = values[0] + values[1] + ..., in an order that depends on `count` only; 0 for none.
void v2s_total(const struct v2s_device *dev, size_t count, const double *values, double *sum);

// The end of a training step, decided where the numbers are:
//
//   loss = *losses / rows;  norm = |grad|
//   *halt not 0                       nothing changes, done = 0
//   loss or norm not finite           *halt = 1, nothing else changes, done = 0
//   else   scale = clip_norm > 0 ? min(1, clip_norm / (norm + 1e-6)) : 1;  one step of `kind` with
//          rate and step of `now`;  ema as above (after the parameters);  done = 1
//
// So a batch that is not finite stops those that were queued behind it, and the host, which learns
// of it later, goes on from there. All pointers are the device's memory.
typedef struct v2s_optim_update_args {
    v2s_optim_kind kind;
    size_t count;
    real *p;
    const real *grad;
    real *m, *v; // as in v2s_optim_args
    real *ema;   // NULL: no average is kept
    double decay, beta1, beta2, eps, momentum;
    double ema_decay;
    double clip_norm;     // 0: off
    double rows;          // of the whole batch
    const double *losses; // their sum
    const v2s_optim_now *now;
    v2s_optim_result *result; // overwritten
    int64_t *halt;
} v2s_optim_update_args;

void v2s_optim_update(const struct v2s_device *dev, const v2s_optim_update_args *a,
                      v2s_arena *scratch);
size_t v2s_optim_update_scratch(const struct v2s_device *dev, const v2s_optim_update_args *a);

#endif
