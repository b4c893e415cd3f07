// SPDX-License-Identifier: MIT
// In double, like the definition. A pixel's gradient is gathered from what the pixel takes part in:
// itself, four pairs, and the bends around it and its four neighbours, in a fixed order.
//
// Bound by memory in principle: p and g are read and dp is written, 12 bytes a pixel (neighbours
// come from the caches); 16 maps of 256 x 256 are 12.6 MB. The exponentials, five a pixel for the
// gradient, are of the same order as that. (Counted, not measured.)
#include "kernels/group_sums.cuh"

enum { BLOCK = 256, TERMS = 3 };

// What the kernels of a call share, by value: the factors are weight / count, 0 for no count.
struct depth_work {
    v2s_loss_depth_args a;
    double l1, edge, smooth;
    double *partial; // [blocks][TERMS]
};

// A pixel of a map.
struct pixel {
    size_t at;
    int row, column;
};

static __device__ __forceinline__ double sign(double x) {
    return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : 0.0;
}

// The pixel so many rows and columns further on; false where it is outside or not valid.
static __device__ __forceinline__ bool step(const v2s_loss_depth_args &a, pixel p, int rows,
                                            int columns, pixel *to) {
    *to = {p.at + (ptrdiff_t)rows * a.W + columns, p.row + rows, p.column + columns};
    return to->row >= 0 && to->row < a.H && to->column >= 0 && to->column < a.W &&
           a.g[to->at] > 0.0f;
}

// What edge sums for a pair.
static __device__ __forceinline__ double edge_of(const v2s_loss_depth_args &a, size_t from,
                                                 size_t to) {
    return ((double)a.p[to] - (double)a.p[from]) - ((double)a.g[to] - (double)a.g[from]);
}

// What smooth sums around a pixel, and its share; false where it does not count.
static __device__ __forceinline__ bool bend_of(const v2s_loss_depth_args &a, pixel p, double *bend,
                                               double *share) {
    pixel above, left, right, below;
    if (!step(a, p, -1, 0, &above) || !step(a, p, 0, -1, &left) || !step(a, p, 0, 1, &right) ||
        !step(a, p, 1, 0, &below))
        return false;
    *bend = 4.0 * a.p[p.at] - a.p[above.at] - a.p[left.at] - a.p[right.at] - a.p[below.at];
    *share =
        exp(-(fabs((double)a.g[right.at] - a.g[p.at]) + fabs((double)a.g[below.at] - a.g[p.at])));
    return true;
}

static __device__ double gradient_of(const depth_work &w, pixel p) {
    const v2s_loss_depth_args &a = w.a;
    const int rows[] = {-1, 0, 0, 1}, columns[] = {0, -1, 1, 0};
    double bend, share, sum = w.l1 * sign((double)a.p[p.at] - (double)a.g[p.at]);
    if (bend_of(a, p, &bend, &share))
        sum += w.smooth * 4.0 * share * sign(bend);
#pragma unroll
    for (int i = 0; i < 4; i++) {
        pixel other;
        if (!step(a, p, rows[i], columns[i], &other))
            continue;
        sum -= w.edge * sign(edge_of(a, p.at, other.at)); // odd, so either may be the first
        if (bend_of(a, other, &bend, &share))
            sum -= w.smooth * share * sign(bend);
    }
    return sum;
}

static __device__ __forceinline__ void add_terms(const v2s_loss_depth_args &a, pixel p,
                                                 double (&sum)[TERMS]) {
    pixel other;
    double bend, share;
    sum[0] += fabs((double)a.p[p.at] - (double)a.g[p.at]);
    if (step(a, p, 0, 1, &other))
        sum[1] += fabs(edge_of(a, p.at, other.at));
    if (step(a, p, 1, 0, &other))
        sum[1] += fabs(edge_of(a, p.at, other.at));
    if (bend_of(a, p, &bend, &share))
        sum[2] += fabs(bend) * share;
}

static __global__ void pixels_kernel(depth_work w, size_t count) {
    const v2s_loss_depth_args &a = w.a;
    double sum[TERMS] = {0.0, 0.0, 0.0};
    for (size_t at = v2s_item(); at < count; at += (size_t)gridDim.x * BLOCK) {
        size_t line = at / (size_t)a.W;
        pixel p = {at, (int)(line % (size_t)a.H), (int)(at - line * (size_t)a.W)};
        bool valid = a.g[at] > 0.0f;
        if (valid)
            add_terms(a, p, sum);
        if (a.dp != NULL)
            a.dp[at] = valid ? (float)gradient_of(w, p) : 0.0f;
    }
    for (int k = 0; k < TERMS; k++) {
        sum[k] = v2s_group_join<BLOCK>(sum[k], v2s_add());
        if (threadIdx.x == 0)
            w.partial[blockIdx.x * TERMS + k] = sum[k];
    }
}

static __global__ void terms_kernel(depth_work w, int blocks) {
    const int64_t counts[] = {w.a.counts.pixels, w.a.counts.pairs, w.a.counts.inner};
    for (int k = 0; k < TERMS; k++) {
        double sum = 0.0;
        for (int i = threadIdx.x; i < blocks; i += BLOCK)
            sum += w.partial[i * TERMS + k];
        sum = v2s_group_join<BLOCK>(sum, v2s_add());
        if (threadIdx.x == 0)
            w.a.terms[k] = counts[k] > 0 ? sum / (double)counts[k] : 0.0;
    }
}

static size_t pixels_of(const v2s_loss_depth_args *a) {
    return (size_t)a->N * (size_t)a->H * (size_t)a->W;
}

// Blocks that fill the multiprocessors; each thread takes every so many-th pixel.
static size_t blocks_of(const v2s_device *dev, const v2s_loss_depth_args *a) {
    size_t most = (pixels_of(a) + BLOCK - 1) / BLOCK, want = 8 * (size_t)dev->cuda->multiprocessors;
    return want < most ? want : most;
}

static double factor(double weight, int64_t count) {
    return count > 0 ? weight / (double)count : 0.0;
}

extern "C" void v2s_loss_depth_cuda(const v2s_device *dev, const v2s_loss_depth_args *a,
                                    v2s_arena *scratch) {
    size_t mark = scratch->used, blocks = blocks_of(dev, a);
    depth_work w = {};
    w.a = *a;
    w.l1 = factor(a->weight_l1, a->counts.pixels);
    w.edge = factor(a->weight_edge, a->counts.pairs);
    w.smooth = factor(a->weight_smooth, a->counts.inner);
    w.partial = (double *)v2s_arena_take(scratch, blocks * TERMS, sizeof(double));
    v2s_launch(dev, "loss_depth", pixels_kernel, dim3((unsigned)blocks), BLOCK, 0, w, pixels_of(a));
    v2s_launch(dev, "loss_depth", terms_kernel, dim3(1), BLOCK, 0, w, (int)blocks);
    v2s_arena_rewind(scratch, mark);
}

extern "C" size_t v2s_loss_depth_scratch_cuda(const v2s_device *dev, const v2s_loss_depth_args *a) {
    return v2s_scratch_round(blocks_of(dev, a) * TERMS * sizeof(double), 1);
}
