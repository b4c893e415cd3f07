// SPDX-License-Identifier: MIT
// Per resolution: two transforms, three passes over the spectra, and one adjoint. A spectrum of a
// second at 16 kHz of 32 sounds of 4 channels is 33 MB, so that about 0.45 GB are moved, 0.1 ms a
// resolution on paper at 4.8 TB/s (less where the second-level cache holds what was just written).
#include "kernels/loss_cuda.cuh"

// The same rounding wherever it stands, so that equal spectra have no distance.
static __device__ __forceinline__ float power_of(float2 X, float floor_power) {
    return fmaf(X.x, X.x, fmaf(X.y, X.y, floor_power));
}

// Partial sums of |Y|^2.
static __global__ void power_kernel(size_t count, const float2 *Y, double *power) {
    size_t end, row = blockIdx.y * count;
    double sum[1] = {0.0};
    for (size_t i = v2s_slice(count, &end) + threadIdx.x; i < end; i += V2S_SUM_BLOCK)
        sum[0] += (double)power_of(Y[row + i], 0.0f);
    v2s_store_sums(sum, power);
}

static __device__ float row_floor(size_t count, const double *power, double absolute_floor) {
    double sum[1];
    v2s_row_sums(power, gridDim.x, blockIdx.y, sum);
    return (float)(V2S_MRSTFT_RELATIVE_FLOOR * sum[0] / (double)count + absolute_floor);
}

enum { GAPS, TRUTH, LOGS, SUMS };

// Partial sums of (M_x - M_y)^2, M_y^2 and |ln M_x - ln M_y|.
static __global__ void compare_kernel(size_t count, const float2 *X, const float2 *Y,
                                      const double *power, double absolute_floor, double *compare) {
    size_t end, row = blockIdx.y * count;
    const float floor_power = row_floor(count, power, absolute_floor);
    double sum[SUMS] = {0.0, 0.0, 0.0};
    for (size_t i = v2s_slice(count, &end) + threadIdx.x; i < end; i += V2S_SUM_BLOCK) {
        float M_x = sqrtf(power_of(X[row + i], floor_power));
        float M_y = sqrtf(power_of(Y[row + i], floor_power)), gap = M_x - M_y;
        sum[GAPS] += (double)gap * gap;
        sum[TRUTH] += (double)M_y * M_y;
        sum[LOGS] += (double)fabsf(logf(M_x / M_y));
    }
    v2s_store_sums(sum, compare);
}

// X becomes d(the two terms)/dX as v2s_stft_cuda_adjoint takes it.
static __global__ void gradient_kernel(size_t count, int bins, float2 *X, const float2 *Y,
                                       const double *power, double absolute_floor,
                                       const double *compare) {
    size_t end, row = blockIdx.y * count;
    const float floor_power = row_floor(count, power, absolute_floor);
    double sum[SUMS];
    v2s_row_sums(compare, gridDim.x, blockIdx.y, sum);
    const double norms = sqrt(sum[GAPS] * sum[TRUTH]);
    const float convergence = norms > 0.0 ? (float)(1.0 / norms) : 0.0f;
    const float share = (float)(1.0 / (double)count);
    for (size_t i = v2s_slice(count, &end) + threadIdx.x; i < end; i += V2S_SUM_BLOCK) {
        float2 x = X[row + i];
        float square = power_of(x, floor_power), M_x = sqrtf(square);
        float gap = M_x - sqrtf(power_of(Y[row + i], floor_power));
        float sign = gap > 0.0f ? share : gap < 0.0f ? -share : 0.0f;
        int k = (int)(i % (size_t)bins);
        float factor = v2s_adjoint_share(k, bins) * (gap * convergence / M_x + sign / square);
        X[row + i] = make_float2(factor * x.x, k == 0 || k == bins - 1 ? 0.0f : factor * x.y);
    }
}

static __global__ void mrstft_value_kernel(size_t count, const double *compare, int slices,
                                           double weight, double *value) {
    double sum[SUMS];
    v2s_row_sums(compare, slices, blockIdx.x, sum);
    if (threadIdx.x == 0)
        value[blockIdx.x] += weight * (sqrt(sum[GAPS] / sum[TRUTH]) + sum[LOGS] / (double)count);
}

// ---- the loss ---------------------------------------------------------------------------------

// Numbers of a row's spectra.
static size_t count_of(const v2s_mrstft_cuda *l, int r, int T) {
    const v2s_stft_cuda *s = &l->stft[r];
    size_t frames = (size_t)v2s_stft_config_frames(&s->config, T);
    return v2s_size_mul((size_t)l->C * frames, (size_t)s->shape.bins);
}

static void take_memory(v2s_mrstft_cuda *l, v2s_arena *arena) {
    size_t spectra = 0, slices = 0;
    for (int r = 0; r < l->resolutions; r++) {
        const v2s_stft_cuda *s = &l->stft[r];
        int frames = v2s_stft_config_frames(&s->config, l->T);
        size_t bytes = v2s_stft_cuda_bytes(s, l->B, l->C, frames);
        size_t row = v2s_size_mul((size_t)l->B, (size_t)v2s_row_slices(count_of(l, r, l->T)));
        spectra = bytes > spectra ? bytes : spectra;
        slices = row > slices ? row : slices;
    }
    l->X = (float *)v2s_arena_take(arena, spectra, 1);
    l->Y = (float *)v2s_arena_take(arena, spectra, 1);
    l->power = (double *)v2s_arena_take(arena, slices, sizeof(double));
    l->compare = (double *)v2s_arena_take(arena, slices, SUMS * sizeof(double));
}

v2s_status v2s_mrstft_cuda_open(const v2s_device *dev, int B, int T, int C, int resolutions,
                                const int *n, v2s_mrstft_cuda *out) {
    v2s_mrstft_cuda l = {};
    v2s_status status = V2S_OK;
    l.B = B;
    l.T = T;
    l.C = C;
    l.resolutions = resolutions;
    for (int r = 0; status == V2S_OK && r < resolutions; r++) {
        v2s_stft_config config = {n[r], n[r] / 4, n[r], V2S_STFT_ZERO_PAD};
        status = v2s_stft_cuda_open(dev, &config, B, T, C, &l.stft[r]);
    }
    if (status == V2S_OK)
        status = v2s_cuda_memory_open(dev, &l, take_memory, &l.memory);
    if (status != V2S_OK) {
        v2s_mrstft_cuda_close(dev, &l);
        return status;
    }
    *out = l;
    return V2S_OK;
}

static void run_resolution(const v2s_device *dev, const v2s_mrstft_cuda *l, int r,
                           const v2s_loss_call *a) {
    const v2s_stft_cuda *s = &l->stft[r];
    const size_t count = count_of(l, r, a->T);
    const dim3 grid = v2s_slice_grid(count, a->B);
    const double absolute = V2S_LOSS_ABSOLUTE_FLOOR * V2S_LOSS_WINDOW_POWER * s->shape.n;
    const double share = 1.0 / l->resolutions;
    float2 *X = reinterpret_cast<float2 *>(l->X);
    const float2 *Y = reinterpret_cast<const float2 *>(l->Y);
    const double *power = l->power, *compare = l->compare;
    v2s_stft_cuda_forward(dev, s, a->B, a->T, l->C, a->truth, l->Y);
    v2s_launch(dev, "mrstft", power_kernel, grid, V2S_SUM_BLOCK, 0, count, Y, l->power);
    v2s_stft_cuda_forward(dev, s, a->B, a->T, l->C, a->x, l->X);
    v2s_launch(dev, "mrstft", compare_kernel, grid, V2S_SUM_BLOCK, 0, count, (const float2 *)X, Y,
               power, absolute, l->compare);
    if (a->value != NULL)
        v2s_launch(dev, "mrstft", mrstft_value_kernel, dim3((unsigned)a->B), V2S_SUM_BLOCK, 0,
                   count, compare, v2s_row_slices(count), a->weight * share, a->value);
    if (a->dx == NULL)
        return;
    v2s_launch(dev, "mrstft", gradient_kernel, grid, V2S_SUM_BLOCK, 0, count, s->shape.bins, X, Y,
               power, absolute, compare);
    v2s_stft_cuda_adjoint(dev, s, a->B, a->T, l->C, l->X, (float)(a->factor * share), a->dx);
}

void v2s_mrstft_cuda_run(const v2s_device *dev, const v2s_mrstft_cuda *l, const v2s_loss_call *a) {
    for (int r = 0; r < l->resolutions; r++)
        run_resolution(dev, l, r, a);
}

void v2s_mrstft_cuda_close(const v2s_device *dev, v2s_mrstft_cuda *l) {
    for (int r = 0; r < l->resolutions; r++)
        v2s_stft_cuda_close(dev, &l->stft[r]);
    dev->ops->memory->give(dev, l->memory);
    *l = v2s_mrstft_cuda{};
}
