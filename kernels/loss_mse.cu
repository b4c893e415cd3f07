// SPDX-License-Identifier: MIT
// One pass: reads x, truth and dx, writes dx. 16 bytes an item; a second at 16 kHz of 32 sounds of
// 4 channels is 33 MB, on paper 7 us at 4.8 TB/s.
#include "kernels/loss_cuda.cuh"

static __global__ void mse_kernel(size_t count, const float *x, const float *truth, float factor,
                                  float *dx, double *partials) {
    size_t end, row = blockIdx.y * count;
    double sum[1] = {0.0};
    for (size_t i = v2s_slice(count, &end) + threadIdx.x; i < end; i += V2S_SUM_BLOCK) {
        float u = x[row + i], v = truth[row + i];
        double difference = (double)u - (double)v;
        sum[0] += difference * difference;
        if (dx != NULL)
            dx[row + i] += factor * (u - v);
    }
    v2s_store_sums(sum, partials);
}

static __global__ void mse_value_kernel(const double *partials, int slices, double share,
                                        double *value) {
    double sum[1];
    v2s_row_sums(partials, slices, blockIdx.x, sum);
    if (threadIdx.x == 0)
        value[blockIdx.x] += share * sum[0];
}

static void take_memory(v2s_mse_cuda *l, v2s_arena *arena) {
    size_t slices = (size_t)v2s_row_slices(l->count);
    l->partials =
        (double *)v2s_arena_take(arena, v2s_size_mul((size_t)l->B, slices), sizeof(double));
}

v2s_status v2s_mse_cuda_open(const v2s_device *dev, int B, size_t count, v2s_mse_cuda *out) {
    v2s_mse_cuda l = {};
    l.B = B;
    l.count = count;
    V2S_TRY(v2s_cuda_memory_open(dev, &l, take_memory, &l.memory));
    *out = l;
    return V2S_OK;
}

void v2s_mse_cuda_run(const v2s_device *dev, const v2s_mse_cuda *l, size_t count,
                      const v2s_loss_call *a) {
    const float factor = (float)(2.0 * a->factor / (double)count);
    v2s_launch(dev, "mse", mse_kernel, v2s_slice_grid(count, a->B), V2S_SUM_BLOCK, 0, count, a->x,
               a->truth, factor, a->dx, l->partials);
    if (a->value != NULL)
        v2s_launch(dev, "mse", mse_value_kernel, dim3((unsigned)a->B), V2S_SUM_BLOCK, 0,
                   (const double *)l->partials, v2s_row_slices(count), a->weight / (double)count,
                   a->value);
}

void v2s_mse_cuda_close(const v2s_device *dev, v2s_mse_cuda *l) {
    dev->ops->memory->give(dev, l->memory);
    *l = v2s_mse_cuda{};
}
