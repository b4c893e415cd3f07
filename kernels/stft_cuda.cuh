// SPDX-License-Identifier: MIT
// Short-time Fourier transforms of batches on a GPU, for kernels/stft_batch.h and the losses.
//
// Spectra lie in work space of the caller, rows of n + 2 floats for kernels/fft_rows.cuh, row
// (b C + c) F + f, so that they are X [B,C,F,n/2 + 1][2]; frames are put there, and transformed in
// place. Overlapping frames are added by gathering: each sample sums its frames in their order.
#ifndef V2S_KERNELS_STFT_CUDA_CUH
#define V2S_KERNELS_STFT_CUDA_CUH

#include "kernels/fft_rows.cuh"

extern "C" {
#include "kernels/stft_config.h"
}

// What kernels need to know of a transform.
struct v2s_stft_shape {
    int n, hop, padding, bins;
    bool mirror;
    const float *window; // [n]
};

struct v2s_stft_cuda {
    v2s_stft_config config;
    v2s_stft_shape shape;
    v2s_fft_rows fft;
    void *window;
};

// For B sounds of T samples, C channels. ARG as v2s_stft_config_check; NOMEM, CUDA. Closes itself
// where it fails.
v2s_status v2s_stft_cuda_open(const v2s_device *dev, const v2s_stft_config *config, int B, int T,
                              int C, v2s_stft_cuda *out);
void v2s_stft_cuda_close(const v2s_device *dev, v2s_stft_cuda *s); // accepts zeros

// Bytes of the spectra of so many frames.
size_t v2s_stft_cuda_bytes(const v2s_stft_cuda *s, int B, int C, int F);

// X = stft(x) for x [B,T,C].
void v2s_stft_cuda_forward(const v2s_device *dev, const v2s_stft_cuda *s, int B, int T, int C,
                           const float *x, float *X);

// dx += scale * adjoint of stft (dX). X comes as v2s_adjoint_share(k) dX_k, with imaginary parts 0
// at k = 0 and n/2, and is destroyed.
void v2s_stft_cuda_adjoint(const v2s_device *dev, const v2s_stft_cuda *s, int B, int T, int C,
                           float *X, float scale, float *dx);

// sum_k Re{dX_k exp(+...)} over k = 0 .. n/2 is the inverse transform of this share of dX, because
// that one counts all but the first and the last twice, as X_k and X_{n-k}.
static __device__ __forceinline__ float v2s_adjoint_share(int k, int bins) {
    return k == 0 || k == bins - 1 ? 1.0f : 0.5f;
}

#endif
