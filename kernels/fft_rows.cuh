// SPDX-License-Identifier: MIT
// Fourier transforms of many real rows side by side, in place, by cuFFT: its batched plans are fast
// at every length of kernels/fft_length.h, from the shortest STFT frame to a whole signal.
//
//   forward   X_k = sum_t x_t exp(-2 pi i k t / n)
//   inverse   x_t = sum_k X_k exp(+2 pi i k t / n),   X_{n-k} = conj(X_k)      (not divided by n)
//
// Shapes     a row is n + 2 floats: x [n] and two of no meaning, or X [n/2 + 1][2]. The imaginary
//            parts of X_0 and X_{n/2} have to be 0 for an inverse.
// Ownership  Plans and their work area are made when it is opened, and every plan has run once
//            then, so that nothing is taken or loaded later: calls can be part of recorded work.
#ifndef V2S_KERNELS_FFT_ROWS_CUH
#define V2S_KERNELS_FFT_ROWS_CUH

#include "kernels/cuda.cuh"

struct v2s_fft_rows {
    int n;
    size_t rows;    // of one execution; more rows are several ones
    bool opened[2]; // plans: forward, inverse
    int plan[2];    // cufftHandle
    void *work;     // their work area
};

// For up to `most` rows of n points, at least one. Closes itself where it fails.
v2s_status v2s_fft_rows_open(const v2s_device *dev, int n, size_t most, v2s_fft_rows *out);
void v2s_fft_rows_close(const v2s_device *dev, v2s_fft_rows *f); // accepts zeros

// Bytes of the memory that `rows` rows need: whole executions, the last of which may be larger than
// what it is asked for. 8-byte aligned.
size_t v2s_fft_rows_bytes(const v2s_fft_rows *f, size_t rows);

void v2s_fft_rows_forward(const v2s_device *dev, const v2s_fft_rows *f, size_t rows, float *data);
void v2s_fft_rows_inverse(const v2s_device *dev, const v2s_fft_rows *f, size_t rows, float *data);

#endif
