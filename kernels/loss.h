// SPDX-License-Identifier: MIT
// The losses between sounds as operations on a batch of rows, on any device:
//
//   value[b] += weight * L(x_b, truth_b),     dx_b += scale * weight * dL/dx_b,    b = 0 .. B-1
//
// L is one of the losses whose formulas stand in kernels/loss_<type>.h; rows do not mix.
//
// Shapes     x, truth, dx [B,T,C]; value [B] doubles; all in the device's memory; dx overlaps
//            nothing. C is 4 (AmbiX order W, Y, Z, X) for the intensity and binaural losses.
// Ownership  A handle belongs to the device that it was opened on and holds its tables and work
//            space; nothing but open allocates, so `run` can be part of recorded work.
// Threads    A handle is used by one thread at a time. On the processor the rows of a call are
//            shared out over the device's threads; a row's result does not depend on that.
// Silence    Everything is finite for finite input, silence included. B and T may be 0 (L = 0).
#ifndef V2S_KERNELS_LOSS_H
#define V2S_KERNELS_LOSS_H

#include "kernels/base/real.h"
#include "kernels/base/status.h"

struct v2s_device;

typedef enum v2s_loss_type {
    V2S_LOSS_TYPE_MSE,
    V2S_LOSS_TYPE_EDC,
    V2S_LOSS_TYPE_MRSTFT,
    V2S_LOSS_TYPE_INTENSITY,
    V2S_LOSS_TYPE_BINAURAL // MRSTFT of the two ears; their mean squared error for resolutions 0
} v2s_loss_type;

enum { V2S_LOSS_RESOLUTIONS_MAX = 8, V2S_LOSS_CHANNELS_MAX = 64 };

typedef struct v2s_loss_config {
    v2s_loss_type type;
    int B, T;                        // largest batch and longest row, >= 1
    int C;                           // channels, 1 .. V2S_LOSS_CHANNELS_MAX
    double rate_hz;                  // INTENSITY
    int resolutions;                 // MRSTFT, BINAURAL
    int n[V2S_LOSS_RESOLUTIONS_MAX]; // points of each
    int taps;                        // BINAURAL
    const real *filters;             // [2][4][taps] in host memory, copied
} v2s_loss_config;

typedef struct v2s_loss v2s_loss;

typedef struct v2s_loss_args {
    int B, T; // of this call, at most the config's
    const real *x, *truth;
    double weight;
    double scale;
    real *dx;      // NULL: not wanted
    double *value; // NULL: not wanted
} v2s_loss_args;

// Entries of the table. open: ARG names what is out of range; NOMEM.
V2S_MUST_USE v2s_status v2s_loss_open(const struct v2s_device *dev, const v2s_loss_config *config,
                                      v2s_loss **out);
void v2s_loss_run(const struct v2s_device *dev, v2s_loss *loss, const v2s_loss_args *a);
void v2s_loss_close(const struct v2s_device *dev, v2s_loss **loss); // accepts NULL inside

#endif
