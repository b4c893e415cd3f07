// SPDX-License-Identifier: MIT
// Bound by memory (counted, in bytes per number): forward reads x for the statistics, reads it
// again and writes y, 12; inference 8; backward reads x and dy for the sums, reads both again and
// changes dx, 24, or 8 without dx. At 4.8 TB/s (H200) 64 channels of 16 x 128 x 128 are 16.8
// million numbers: 0.04 ms forward and 0.08 ms backward at best (counted, not measured).
//
// One pass gives mean and variance: the sums of x - s and of its square in double, where s is the
// channel's first number. The variance is what (mean - s)^2 takes off the mean square; since s is
// one of the K numbers, (mean - s)^2 is at most K variances, so no more than K of the double's
// 2^53 are lost, whatever the mean is.
#include "kernels/channel_sums.cuh"

static size_t pixels_of(const v2s_batch_norm_args *a) {
    return (size_t)a->H * (size_t)a->W;
}

static size_t slices_of(const v2s_device *dev, const v2s_batch_norm_args *a) {
    return v2s_channel_slices(dev, a->N, a->C, pixels_of(a));
}

// Two numbers of a channel: sums of a slice, or what the last kernel needs.
typedef struct pair {
    double first, second;
} pair;
typedef struct halves {
    float first, second;
} halves;

// One channel's way from x to y, with a product that is fused with the sum wherever it is used: so
// that backward finds the same numbers below zero as forward has.
struct channel {
    float weight, bias, mean, inv_std;
    bool relu;

    __device__ __forceinline__ float normalized(float x) const {
        return fmaf(weight, (x - mean) * inv_std, bias);
    }
    __device__ __forceinline__ float output(float x) const {
        float y = normalized(x);
        return relu && y <= 0.0f ? 0.0f : y;
    }
    // dy as it is before relu.
    __device__ __forceinline__ float change(float x, float dy) const {
        return relu && normalized(x) <= 0.0f ? 0.0f : dy;
    }
};

// As backward sees channel c; bias is read where relu needs it.
static __device__ __forceinline__ channel saved_channel(const v2s_batch_norm_args &a, int c) {
    return {a.weight[c], a.relu ? a.bias[c] : 0.0f, a.saved_mean[c], a.saved_inv_std[c], a.relu};
}

static __device__ __forceinline__ void leave_sums(double first, double second, pair *partial) {
    first = v2s_group_join<V2S_CHANNEL_BLOCK>(first, v2s_add());
    second = v2s_group_join<V2S_CHANNEL_BLOCK>(second, v2s_add());
    if (threadIdx.x == 0)
        partial[(size_t)blockIdx.y * gridDim.x + blockIdx.x] = {first, second};
}

static __device__ __forceinline__ pair joined(const pair *partial, int slices, int C, int c) {
    pair all = {0.0, 0.0};
    for (int i = 0; i < slices; i++) {
        all.first += partial[(size_t)i * C + c].first;
        all.second += partial[(size_t)i * C + c].second;
    }
    return all;
}

// ---- forward ----------------------------------------------------------------------------------

template <int V> static __global__ void statistics_kernel(v2s_batch_norm_args a, pair *partial) {
    size_t pixels = (size_t)a.H * (size_t)a.W;
    double start = a.x[blockIdx.x * pixels], sum = 0.0, squares = 0.0;
    v2s_channel_walk<V>(a.N, a.C, pixels, [&](size_t at) {
        v2s_pack<V> x = v2s_load<V>(a.x, at);
#pragma unroll
        for (int i = 0; i < V; i++) {
            double off = x.v[i] - start;
            sum += off;
            squares += off * off;
        }
    });
    leave_sums(sum, squares, partial);
}

// stats[c] = mean and inv_std. `count` is K, 0 where the running statistics are to be taken.
static __global__ void finish_kernel(v2s_batch_norm_args a, size_t count, int slices,
                                     const pair *partial, halves *stats) {
    int c = (int)v2s_item();
    if (c >= a.C)
        return;
    double mean = a.running_mean[c], var = a.running_var[c], K = (double)count;
    if (count > 0) {
        pair sums = joined(partial, slices, a.C, c);
        double off = sums.first / K, keep = 1.0 - (double)a.momentum;
        mean = a.x[(size_t)c * a.H * a.W] + off;
        var = sums.second / K - off * off;
        var = var < 0.0 ? 0.0 : var;
        double unbiased = count > 1 ? var * (K / (K - 1.0)) : var;
        a.running_mean[c] = (float)(keep * a.running_mean[c] + a.momentum * mean);
        a.running_var[c] = (float)(keep * a.running_var[c] + a.momentum * unbiased);
    }
    stats[c] = {(float)mean, (float)(1.0 / sqrt(var + (double)a.eps))};
    if (a.saved_mean != NULL) {
        a.saved_mean[c] = stats[c].first;
        a.saved_inv_std[c] = stats[c].second;
    }
}

template <int V>
static __global__ void normalize_kernel(v2s_batch_norm_args a, size_t packs, const halves *stats) {
    size_t at = v2s_item(), picture = (size_t)a.H * (size_t)a.W / V;
    if (at >= packs)
        return;
    int c = (int)(at / picture % (size_t)a.C);
    channel to = {a.weight[c], a.bias[c], stats[c].first, stats[c].second, a.relu};
    v2s_pack<V> x = v2s_load<V>(a.x, at);
#pragma unroll
    for (int i = 0; i < V; i++)
        x.v[i] = to.output(x.v[i]);
    v2s_store<V>(a.y, at, x);
}

extern "C" size_t v2s_batch_norm_scratch_cuda(const v2s_device *dev, const v2s_batch_norm_args *a) {
    size_t parts = v2s_size_mul(slices_of(dev, a), (size_t)a->C);
    return v2s_scratch_round(v2s_size_mul(parts, sizeof(pair)) + (size_t)a->C * sizeof(halves), 2);
}

extern "C" void v2s_batch_norm_forward_cuda(const v2s_device *dev, const v2s_batch_norm_args *a,
                                            v2s_arena *scratch) {
    const char *what = "batch_norm_forward";
    V2S_ASSERT(a->block <= 1); // v2s_picture_block
    size_t mark = scratch->used, slices = slices_of(dev, a), pixels = pixels_of(a);
    pair *partial = (pair *)v2s_arena_take(scratch, slices * (size_t)a->C, sizeof(pair));
    halves *stats = (halves *)v2s_arena_take(scratch, (size_t)a->C, sizeof(halves));
    bool four = v2s_by_four(pixels, a->x) && v2s_by_four(pixels, a->y);
    size_t count = a->training ? (size_t)a->N * pixels : 0;
    if (count > 0)
        v2s_launch(dev, what, four ? statistics_kernel<4> : statistics_kernel<1>,
                   dim3((unsigned)a->C, (unsigned)slices), V2S_CHANNEL_BLOCK, 0, *a, partial);
    v2s_launch(dev, what, finish_kernel, v2s_blocks((size_t)a->C, V2S_CUDA_BLOCK), V2S_CUDA_BLOCK,
               0, *a, count, (int)slices, (const pair *)partial, stats);
    size_t packs = (size_t)a->N * (size_t)a->C * pixels / (four ? 4 : 1);
    v2s_launch(dev, what, four ? normalize_kernel<4> : normalize_kernel<1>,
               v2s_blocks(packs, V2S_CUDA_BLOCK), V2S_CUDA_BLOCK, 0, *a, packs,
               (const halves *)stats);
    v2s_arena_rewind(scratch, mark);
}

// ---- backward ---------------------------------------------------------------------------------

// Sums of dy and of dy h.
template <int V>
static __global__ void gradient_sums_kernel(v2s_batch_norm_backward_args g, pair *partial) {
    const v2s_batch_norm_args &a = g.of;
    channel of = saved_channel(a, (int)blockIdx.x);
    double sum = 0.0, sum_h = 0.0;
    v2s_channel_walk<V>(a.N, a.C, (size_t)a.H * (size_t)a.W, [&](size_t at) {
        v2s_pack<V> x = v2s_load<V>(a.x, at), dy = v2s_load<V>(g.dy, at);
#pragma unroll
        for (int i = 0; i < V; i++) {
            double change = of.change(x.v[i], dy.v[i]);
            sum += change;
            sum_h += change * ((x.v[i] - of.mean) * of.inv_std);
        }
    });
    leave_sums(sum, sum_h, partial);
}

// means[c] = those of dy and of dy h; zeros where the statistics were constants.
static __global__ void gradient_finish_kernel(v2s_batch_norm_backward_args g, size_t count,
                                              int slices, const pair *partial, halves *means) {
    int c = (int)v2s_item();
    if (c >= g.of.C)
        return;
    pair sums = joined(partial, slices, g.of.C, c);
    g.dbias[c] += (float)sums.first;
    g.dweight[c] += (float)sums.second;
    double K = (double)count;
    means[c] = {0.0f, 0.0f};
    if (g.of.training)
        means[c] = {(float)(sums.first / K), (float)(sums.second / K)};
}

template <int V>
static __global__ void input_gradient_kernel(v2s_batch_norm_backward_args g, size_t packs,
                                             const halves *means) {
    const v2s_batch_norm_args &a = g.of;
    size_t at = v2s_item(), picture = (size_t)a.H * (size_t)a.W / V;
    if (at >= packs)
        return;
    int c = (int)(at / picture % (size_t)a.C);
    channel of = saved_channel(a, c);
    float slope = of.weight * of.inv_std;
    halves m = means[c];
    v2s_pack<V> x = v2s_load<V>(a.x, at), dy = v2s_load<V>(g.dy, at), dx = v2s_load<V>(g.dx, at);
#pragma unroll
    for (int i = 0; i < V; i++)
        dx.v[i] += slope * (of.change(x.v[i], dy.v[i]) - m.first -
                            (x.v[i] - of.mean) * of.inv_std * m.second);
    v2s_store<V>(g.dx, at, dx);
}

extern "C" size_t v2s_batch_norm_backward_scratch_cuda(const v2s_device *dev,
                                                       const v2s_batch_norm_backward_args *g) {
    return v2s_batch_norm_scratch_cuda(dev, &g->of);
}

extern "C" void v2s_batch_norm_backward_cuda(const v2s_device *dev,
                                             const v2s_batch_norm_backward_args *g,
                                             v2s_arena *scratch) {
    const char *what = "batch_norm_backward";
    const v2s_batch_norm_args *a = &g->of;
    V2S_ASSERT(a->block <= 1);
    size_t mark = scratch->used, slices = slices_of(dev, a), pixels = pixels_of(a);
    size_t count = (size_t)a->N * pixels;
    pair *partial = (pair *)v2s_arena_take(scratch, slices * (size_t)a->C, sizeof(pair));
    halves *means = (halves *)v2s_arena_take(scratch, (size_t)a->C, sizeof(halves));
    bool four =
        v2s_by_four(pixels, a->x) && v2s_by_four(pixels, g->dy) && v2s_by_four(pixels, g->dx);
    if (count > 0) {
        v2s_launch(dev, what, four ? gradient_sums_kernel<4> : gradient_sums_kernel<1>,
                   dim3((unsigned)a->C, (unsigned)slices), V2S_CHANNEL_BLOCK, 0, *g, partial);
        v2s_launch(dev, what, gradient_finish_kernel, v2s_blocks((size_t)a->C, V2S_CUDA_BLOCK),
                   V2S_CUDA_BLOCK, 0, *g, count, (int)slices, (const pair *)partial, means);
    }
    size_t packs = g->dx != NULL ? count * (size_t)a->C / (four ? 4 : 1) : 0;
    v2s_launch(dev, what, four ? input_gradient_kernel<4> : input_gradient_kernel<1>,
               v2s_blocks(packs, V2S_CUDA_BLOCK), V2S_CUDA_BLOCK, 0, *g, packs,
               (const halves *)means);
    v2s_arena_rewind(scratch, mark);
}
