// SPDX-License-Identifier: MIT
// Short-time Fourier transforms of a batch of sounds as operations, on any device. Equations,
// windows, padding and gradients are those of kernels/stft.h, channel by channel:
//
//   stft_forward    X  = stft(x)               stft_backward    dx += adjoint of stft (dX)
//   istft_forward   x  = istft(X)              istft_backward   dX += adjoint of istft (dx)
//
// Shapes     x, dx [B,T,C], channels interleaved; X, dX [B,C,F,n/2 + 1][2] (real part, imaginary
//            part); all in the device's memory. F is v2s_stft_config_frames(T) for the stft; an
//            istft takes any F up to that of the longest sound.
// Ownership  A handle belongs to the device that it was opened on and holds its tables and work
//            space; nothing but open allocates, so calls can be part of recorded work.
// Threads    A handle is used by one thread at a time. On the processor channels are shared out
//            over the device's threads; the result does not depend on that.
#ifndef V2S_KERNELS_STFT_BATCH_H
#define V2S_KERNELS_STFT_BATCH_H

#include "kernels/base/real.h"
#include "kernels/base/status.h"
#include "kernels/stft_config.h"

struct v2s_device;

typedef struct v2s_stft_batch_config {
    v2s_stft_config stft;
    int B, T, C; // largest batch, longest sound, channels; all >= 1
} v2s_stft_batch_config;

typedef struct v2s_stft_batch v2s_stft_batch;

typedef struct v2s_stft_batch_args {
    int B, T;         // of this call, at most the config's
    int F;            // istft only
    const real *from; // x, dX, X or dx
    real *to;         // X, dx, x or dX; overlaps nothing
} v2s_stft_batch_args;

// Entries of the table (stft_open, ...). open: ARG names what is out of range; NOMEM.
V2S_MUST_USE v2s_status v2s_stft_batch_open(const struct v2s_device *dev,
                                            const v2s_stft_batch_config *config,
                                            v2s_stft_batch **out);
void v2s_stft_batch_forward(const struct v2s_device *dev, v2s_stft_batch *s,
                            const v2s_stft_batch_args *a);
void v2s_stft_batch_backward(const struct v2s_device *dev, v2s_stft_batch *s,
                             const v2s_stft_batch_args *a);
void v2s_istft_batch_forward(const struct v2s_device *dev, v2s_stft_batch *s,
                             const v2s_stft_batch_args *a);
void v2s_istft_batch_backward(const struct v2s_device *dev, v2s_stft_batch *s,
                              const v2s_stft_batch_args *a);
void v2s_stft_batch_close(const struct v2s_device *dev, v2s_stft_batch **s); // accepts NULL inside

static inline v2s_status v2s_stft_batch_check(const v2s_stft_batch_config *c) {
    if (c->B < 1 || c->T < 1 || c->C < 1)
        return V2S_FAIL(V2S_ARG, "stft of %d sounds of %d samples, %d channels: need 1 or more",
                        c->B, c->T, c->C);
    return v2s_stft_config_check(&c->stft);
}

#endif
