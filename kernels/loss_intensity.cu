// SPDX-License-Identifier: MIT
// Two transforms, one pass over the spectra that sums bands, one block per row that compares the
// directions, one pass that writes the gradient, and one adjoint: about 0.35 GB for a second at
// 16 kHz of 32 sounds, on paper 0.07 ms at 4.8 TB/s.
#include "kernels/loss_cuda.cuh"

#include <stdlib.h>

enum {
    CHANNELS = V2S_INTENSITY_CHANNELS,
    BANDS = V2S_INTENSITY_BANDS,
    FRAMES = V2S_INTENSITY_BLOCK,
    WARPS = 8
};

// Where the numbers of W of row b lie; the dipoles follow, F bins apart.
static __device__ __forceinline__ size_t spectrum_of(int b, int F, int bins) {
    return (size_t)b * CHANNELS * F * bins;
}

// I [B][gridDim.x][BANDS][3] of x (z = 0) and y (z = 1): a block sums the frames of one block of
// one row, a warp one band after another.
static __global__ void intensity_kernel(int F, int bins, v2s_intensity_ranges ranges,
                                        const v2s_intensity_bin *table, const float2 *X,
                                        const float2 *Y, double *I_x, double *I_y) {
    const int j = blockIdx.x, b = blockIdx.y, lane = threadIdx.x % 32;
    const int frames = min(FRAMES, F - j * FRAMES);
    const size_t size = (size_t)F * bins;
    const float2 *from = (blockIdx.z == 0 ? X : Y) + spectrum_of(b, F, bins);
    double *to = (blockIdx.z == 0 ? I_x : I_y) + ((size_t)b * gridDim.x + j) * BANDS * 3;
    for (int band = threadIdx.x / 32; band < BANDS; band += WARPS) {
        const int first = ranges.first[band], width = ranges.end[band] - first;
        double flow[3] = {0.0, 0.0, 0.0};
        for (int i = lane; i < frames * width; i += 32) {
            int k = first + i % width;
            const float2 *W = from + (size_t)(j * FRAMES + i / width) * bins + k;
            float height = table[k].band == band ? table[k].low : 1.0f - table[k].low;
            for (int d = 0; d < 3; d++) {
                float2 dipole = W[(d + 1) * size];
                flow[d] += (double)(height * (W->x * dipole.x + W->y * dipole.y));
            }
        }
        for (int d = 0; d < 3; d++) {
            for (int step = 16; step > 0; step /= 2)
                flow[d] += __shfl_xor_sync(0xffffffffu, flow[d], step);
            if (lane == 0)
                to[band * 3 + d] = flow[d];
        }
    }
}

static __device__ __forceinline__ double dot(const double *a, const double *b) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

// value += weight L; I_x [count][3] of the row becomes dL/dI_x.
static __global__ void direction_kernel(int count, double tiny, double weight, double *I_x,
                                        const double *I_y, double *value) {
    double flow[1] = {0.0}, sum[1] = {0.0};
    I_x += (size_t)blockIdx.x * count * 3;
    I_y += (size_t)blockIdx.x * count * 3;
    for (int i = threadIdx.x; i < count; i += V2S_SUM_BLOCK)
        flow[0] += sqrt(dot(I_y + 3 * i, I_y + 3 * i));
    v2s_block_sum(flow);
    const double soft = V2S_INTENSITY_SOFT_SHARE * flow[0] / count + tiny;
    const double total = flow[0] + tiny;
    for (int i = threadIdx.x; i < count; i += V2S_SUM_BLOCK) {
        double *of_x = I_x + 3 * i;
        const double *of_y = I_y + 3 * i;
        double product = dot(of_x, of_y), r = sqrt(dot(of_x, of_x) + soft * soft);
        sum[0] += sqrt(dot(of_y, of_y)) - product / r;
        for (int d = 0; d < 3; d++)
            of_x[d] = -(of_y[d] - product / (r * r) * of_x[d]) / (r * total);
    }
    v2s_block_sum(sum);
    if (threadIdx.x == 0 && value != NULL)
        value[blockIdx.x] += weight * sum[0] / total;
}

// X becomes dL/dX as v2s_stft_cuda_adjoint takes it, from dL/dI_x.
static __global__ void gradient_kernel(int F, int bins, int used_bins,
                                       const v2s_intensity_bin *table, int blocks, const double *dI,
                                       float2 *X) {
    const size_t item = v2s_item(), size = (size_t)F * bins;
    if (item >= size)
        return;
    const int f = (int)(item / bins), k = (int)(item % bins), b = blockIdx.y;
    const double *from = dI + ((size_t)b * blocks + f / FRAMES) * BANDS * 3;
    float2 *W = X + spectrum_of(b, F, bins) + item, w = *W, dW = make_float2(0.0f, 0.0f);
    const int band = k < used_bins ? table[k].band : BANDS;
    const float low = k < used_bins ? table[k].low : 0.0f, share = v2s_adjoint_share(k, bins);
    const float idle = k == 0 || k == bins - 1 ? 0.0f : share;
    for (int d = 0; d < 3; d++) {
        float g = 0.0f;
        if (band >= 0 && band < BANDS)
            g += low * (float)from[band * 3 + d];
        if (band + 1 < BANDS)
            g += (1.0f - low) * (float)from[(band + 1) * 3 + d];
        float2 *at = W + (d + 1) * size, dipole = *at;
        dW.x += g * dipole.x;
        dW.y += g * dipole.y;
        *at = make_float2(share * g * w.x, idle * g * w.y);
    }
    *W = make_float2(share * dW.x, idle * dW.y);
}

// ---- the loss ---------------------------------------------------------------------------------

static int blocks_of(int frames) {
    return (frames + FRAMES - 1) / FRAMES;
}

static void take_memory(v2s_intensity_cuda *l, v2s_arena *arena) {
    int frames = v2s_stft_config_frames(&l->stft.config, l->T);
    size_t bytes = v2s_stft_cuda_bytes(&l->stft, l->B, CHANNELS, frames);
    size_t vectors = v2s_size_mul((size_t)l->B * (size_t)blocks_of(frames), BANDS);
    l->bins = (v2s_intensity_bin *)v2s_arena_take(arena, (size_t)l->used_bins, sizeof *l->bins);
    l->X = (float *)v2s_arena_take(arena, bytes, 1);
    l->Y = (float *)v2s_arena_take(arena, bytes, 1);
    l->I_x = (double *)v2s_arena_take(arena, vectors, 3 * sizeof(double));
    l->I_y = (double *)v2s_arena_take(arena, vectors, 3 * sizeof(double));
}

// The heights of the bins, and which bins each band has.
static v2s_status upload_bands(const v2s_device *dev, v2s_intensity_cuda *l, double rate_hz) {
    const size_t bytes = (size_t)l->used_bins * sizeof *l->bins;
    v2s_intensity_bin *bins = (v2s_intensity_bin *)malloc(bytes);
    if (bins == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (int k = l->used_bins - 1; k >= 0; k--) {
        double place = v2s_intensity_place(k, l->stft.config.n, rate_hz);
        int band = (int)place - 1;
        bins[k].band = band;
        bins[k].low = (float)(1.0 - (place - floor(place)));
        for (int i = band > 0 ? band : 0; i <= band + 1 && i < BANDS; i++) {
            l->ranges.first[i] = k;
            if (l->ranges.end[i] == 0)
                l->ranges.end[i] = k + 1;
        }
    }
    dev->ops->memory->upload(dev, l->bins, bins, bytes);
    free(bins);
    return V2S_OK;
}

v2s_status v2s_intensity_cuda_open(const v2s_device *dev, int B, int T, double rate_hz,
                                   v2s_intensity_cuda *out) {
    if (!(rate_hz >= 1000.0 && rate_hz <= 400000.0))
        return V2S_FAIL(V2S_ARG, "intensity loss at %g Hz: need 1 kHz to 400 kHz", rate_hz);
    const int n = v2s_intensity_points(rate_hz);
    v2s_stft_config config = {n, n / 4, n, V2S_STFT_ZERO_PAD};
    v2s_intensity_cuda l = {};
    l.B = B;
    l.T = T;
    l.tiny = V2S_LOSS_ABSOLUTE_FLOOR * V2S_LOSS_WINDOW_POWER * n;
    while (l.used_bins <= n / 2 && v2s_intensity_place(l.used_bins, n, rate_hz) >= 0.0)
        l.used_bins++;
    v2s_status status = v2s_stft_cuda_open(dev, &config, B, T, CHANNELS, &l.stft);
    if (status == V2S_OK)
        status = v2s_cuda_memory_open(dev, &l, take_memory, &l.memory);
    if (status == V2S_OK)
        status = upload_bands(dev, &l, rate_hz);
    if (status != V2S_OK) {
        v2s_intensity_cuda_close(dev, &l);
        return status;
    }
    *out = l;
    return V2S_OK;
}

void v2s_intensity_cuda_run(const v2s_device *dev, const v2s_intensity_cuda *l,
                            const v2s_loss_call *a) {
    const v2s_stft_cuda *s = &l->stft;
    const int F = v2s_stft_config_frames(&s->config, a->T), bins = s->shape.bins;
    const int blocks = blocks_of(F);
    const v2s_intensity_bin *table = l->bins;
    float2 *X = reinterpret_cast<float2 *>(l->X);
    v2s_stft_cuda_forward(dev, s, a->B, a->T, CHANNELS, a->x, l->X);
    v2s_stft_cuda_forward(dev, s, a->B, a->T, CHANNELS, a->truth, l->Y);
    v2s_launch(dev, "intensity", intensity_kernel, dim3((unsigned)blocks, (unsigned)a->B, 2),
               32 * WARPS, 0, F, bins, l->ranges, table, (const float2 *)X,
               reinterpret_cast<const float2 *>(l->Y), l->I_x, l->I_y);
    v2s_launch(dev, "intensity", direction_kernel, dim3((unsigned)a->B), V2S_SUM_BLOCK, 0,
               blocks * BANDS, l->tiny, a->weight, l->I_x, (const double *)l->I_y, a->value);
    if (a->dx == NULL)
        return;
    dim3 grid = v2s_blocks((size_t)F * (size_t)bins, V2S_CUDA_BLOCK);
    grid.y = (unsigned)a->B;
    v2s_launch(dev, "intensity", gradient_kernel, grid, V2S_CUDA_BLOCK, 0, F, bins, l->used_bins,
               table, blocks, (const double *)l->I_x, X);
    v2s_stft_cuda_adjoint(dev, s, a->B, a->T, CHANNELS, l->X, (float)a->factor, a->dx);
}

void v2s_intensity_cuda_close(const v2s_device *dev, v2s_intensity_cuda *l) {
    v2s_stft_cuda_close(dev, &l->stft);
    dev->ops->memory->give(dev, l->memory);
    *l = v2s_intensity_cuda{};
}
