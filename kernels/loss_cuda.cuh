// SPDX-License-Identifier: MIT
// What the losses on a GPU share; formulas in kernels/loss_<type>.h, kernels in loss_<type>.cu.
//
// Values are summed in double in a fixed order (kernels/row_sums.cuh). Every open closes itself
// where it fails, every close accepts zeros.
#ifndef V2S_KERNELS_LOSS_CUDA_CUH
#define V2S_KERNELS_LOSS_CUDA_CUH

#include "kernels/fft_rows.cuh"
#include "kernels/row_sums.cuh"
#include "kernels/stft_cuda.cuh"

extern "C" {
#include "kernels/base/arena.h"
#include "kernels/loss_config.h"
#include "kernels/loss_constants.h"
}

// One call: value[b] += weight L_b, dx += factor dL/dx; B and T are at least 1.
struct v2s_loss_call {
    int B, T;
    const float *x, *truth;
    double weight, factor;
    float *dx;     // NULL: not wanted
    double *value; // NULL: not wanted
};

// Memory of a loss: its `take` runs once counting, once on what was counted.
template <typename Loss>
static v2s_status v2s_cuda_memory_open(const v2s_device *dev, Loss *loss,
                                       void (*take)(Loss *, v2s_arena *), void **memory) {
    v2s_arena arena = v2s_arena_count();
    take(loss, &arena);
    V2S_TRY(dev->ops->memory->take(dev, arena.used, memory));
    arena = v2s_arena{(unsigned char *)*memory, arena.used, 0};
    take(loss, &arena);
    return V2S_OK;
}

struct v2s_mse_cuda {
    int B;
    size_t count; // of the longest row
    void *memory;
    double *partials; // [B][slices]
};
v2s_status v2s_mse_cuda_open(const v2s_device *dev, int B, size_t count, v2s_mse_cuda *out);
void v2s_mse_cuda_run(const v2s_device *dev, const v2s_mse_cuda *l, size_t count,
                      const v2s_loss_call *a);
void v2s_mse_cuda_close(const v2s_device *dev, v2s_mse_cuda *l);

struct v2s_edc_cuda {
    int B, T, C;
    void *memory;
    double *energy;   // [B][chunks][C][2], of x and y: behind the chunk
    double *slope;    // [B][chunks][C]: before the chunk
    double *floor;    // [B]
    double *partials; // [B][chunks]
};
v2s_status v2s_edc_cuda_open(const v2s_device *dev, int B, int T, int C, v2s_edc_cuda *out);
void v2s_edc_cuda_run(const v2s_device *dev, const v2s_edc_cuda *l, const v2s_loss_call *a);
void v2s_edc_cuda_close(const v2s_device *dev, v2s_edc_cuda *l);

struct v2s_mrstft_cuda {
    int B, T, C, resolutions;
    v2s_stft_cuda stft[V2S_LOSS_RESOLUTIONS_MAX];
    void *memory;
    float *X, *Y;    // spectra of x and y, of the largest resolution
    double *power;   // [B][slices]
    double *compare; // [B][slices][3]
};
v2s_status v2s_mrstft_cuda_open(const v2s_device *dev, int B, int T, int C, int resolutions,
                                const int *n, v2s_mrstft_cuda *out);
void v2s_mrstft_cuda_run(const v2s_device *dev, const v2s_mrstft_cuda *l, const v2s_loss_call *a);
void v2s_mrstft_cuda_close(const v2s_device *dev, v2s_mrstft_cuda *l);

// Bins first[i] .. end[i] - 1 are the ones in band i.
struct v2s_intensity_ranges {
    int first[V2S_INTENSITY_BANDS], end[V2S_INTENSITY_BANDS];
};
// Band `band` takes a bin with height `low`, band + 1 with 1 - low (where they exist).
struct v2s_intensity_bin {
    int band;
    float low;
};

struct v2s_intensity_cuda {
    int B, T, used_bins; // bins up to the highest frequency
    double tiny;
    v2s_stft_cuda stft;
    v2s_intensity_ranges ranges;
    void *memory;
    v2s_intensity_bin *bins; // [used_bins]
    float *X, *Y;            // spectra of x and y
    double *I_x, *I_y;       // [B][blocks][BANDS][3]
};
v2s_status v2s_intensity_cuda_open(const v2s_device *dev, int B, int T, double rate_hz,
                                   v2s_intensity_cuda *out);
void v2s_intensity_cuda_run(const v2s_device *dev, const v2s_intensity_cuda *l,
                            const v2s_loss_call *a);
void v2s_intensity_cuda_close(const v2s_device *dev, v2s_intensity_cuda *l);

struct v2s_binaural_cuda {
    int B, T, taps;
    v2s_fft_rows fft;
    v2s_mse_cuda mse;       // where there is no resolution
    v2s_mrstft_cuda mrstft; // else
    void *memory;
    float *H;         // [2][4][n + 2], spectra of the filters
    float *channels;  // [B][4][n + 2]
    float *ears;      // [B][2][n + 2]
    float *x, *y, *d; // [B,T + taps - 1,2]: the ears' sounds, and the gradient
};
v2s_status v2s_binaural_cuda_open(const v2s_device *dev, const v2s_loss_config *config,
                                  v2s_binaural_cuda *out);
void v2s_binaural_cuda_run(const v2s_device *dev, const v2s_binaural_cuda *l,
                           const v2s_loss_call *a);
void v2s_binaural_cuda_close(const v2s_device *dev, v2s_binaural_cuda *l);

#endif
