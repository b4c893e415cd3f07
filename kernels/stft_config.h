// SPDX-License-Identifier: MIT
// What describes a short-time Fourier transform (kernels/stft.h has the equations), for both
// precisions and every device.
#ifndef V2S_KERNELS_STFT_CONFIG_H
#define V2S_KERNELS_STFT_CONFIG_H

#include <stdbool.h>

#include "kernels/base/status.h"
#include "kernels/fft_length.h"

typedef enum v2s_stft_pad {
    V2S_STFT_NO_PAD,     // center=False
    V2S_STFT_ZERO_PAD,   // center=True, pad_mode="constant"
    V2S_STFT_REFLECT_PAD // center=True, pad_mode="reflect"
} v2s_stft_pad;

typedef struct v2s_stft_config {
    int n;   // points of the transform, a length of kernels/fft.h
    int hop; // samples from frame to frame, >= 1
    int win; // samples of the window, 1 .. n
    v2s_stft_pad pad;
} v2s_stft_config;

#define V2S_STFT_LEAST_ENVELOPE 1e-11 // torch.istft's

// ARG names the field that is out of range.
static inline v2s_status v2s_stft_config_check(const v2s_stft_config *c) {
    if (c->n < 1 || c->hop < 1)
        return V2S_FAIL(V2S_ARG, "stft of %d points every %d samples: need 1 or more", c->n,
                        c->hop);
    if (c->win < 1 || c->win > c->n)
        return V2S_FAIL(V2S_ARG, "stft of %d points: window of %d samples, need 1 to %d", c->n,
                        c->win, c->n);
    if (!v2s_fft_length_ok((size_t)c->n))
        return V2S_FAIL(V2S_ARG, "stft of %d points: need {1,3,5,7,9,15} 2^k, k >= 2", c->n);
    return V2S_OK;
}

static inline int v2s_stft_config_bins(const v2s_stft_config *c) {
    return c->n / 2 + 1;
}

// Samples before the first and after the last one of x.
static inline int v2s_stft_config_padding(const v2s_stft_config *c) {
    return c->pad == V2S_STFT_NO_PAD ? 0 : c->n / 2;
}

// Frames of a signal of T samples: 1 + (T + 2 pad - n) / hop. 0 where T is 0, below n without
// padding, or not above n/2 with a mirrored one.
static inline int v2s_stft_config_frames(const v2s_stft_config *c, int T) {
    int spare = T - c->n + 2 * v2s_stft_config_padding(c);
    bool short_mirror = c->pad == V2S_STFT_REFLECT_PAD && T <= c->n / 2;
    return T < 1 || spare < 0 || short_mirror ? 0 : 1 + spare / c->hop;
}

#endif
