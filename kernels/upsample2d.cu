// SPDX-License-Identifier: MIT
// A thread finds the place and the weights of one pixel once and uses them for PLANES pictures:
// finding them takes divisions, which would cost more than the pixel's bytes.
//
// Bound by memory: y is written and x read once (neighbours come from the caches), 5 bytes per
// output at twice the size; backward reads dy once and changes dx, 6 bytes per dy (counted).
//
// Backward gathers, without atomics: row r of dx gets from the rows i of dy whose place is r - 1 or
// r, which are neighbours; the sum runs over them in order.
#include "kernels/cuda.cuh"

enum { PLANES = 8 };
static const size_t grid_y_max = 65535;

// first * (1 - share) + second * share.
struct place {
    int first, second;
    float share;
};

static __device__ __forceinline__ place place_of(int i, int count, int outputs) {
    place p = {0, 0, 0.0f};
    if (outputs > 1) {
        uint64_t at = (uint64_t)i * (uint64_t)(count - 1), by = (uint64_t)(outputs - 1);
        uint64_t first = at / by;
        p.first = (int)first;
        p.share = (float)(at - first * by) / (float)(outputs - 1);
    }
    p.second = min(p.first + 1, count - 1);
    return p;
}

// Thread: pixel (i,j) of PLANES pictures at a time.
static __global__ void forward_kernel(v2s_upsample2d_args a, size_t planes) {
    size_t pixel = v2s_item(), outputs = (size_t)a.OH * (size_t)a.OW;
    if (pixel >= outputs)
        return;
    int i = (int)(pixel / (size_t)a.OW), j = (int)(pixel - (size_t)i * (size_t)a.OW);
    place v = place_of(i, a.H, a.OH), h = place_of(j, a.W, a.OW);
    size_t inputs = (size_t)a.H * (size_t)a.W;
    const float *top = a.x + (size_t)v.first * (size_t)a.W;
    const float *below = a.x + (size_t)v.second * (size_t)a.W;
    for (size_t start = (size_t)blockIdx.y * PLANES; start < planes; start += gridDim.y * PLANES) {
#pragma unroll
        for (int k = 0; k < PLANES; k++) {
            size_t p = start + k, at = p * inputs;
            if (p >= planes)
                return;
            float upper = (1.0f - h.share) * top[at + h.first] + h.share * top[at + h.second];
            float lower = (1.0f - h.share) * below[at + h.first] + h.share * below[at + h.second];
            a.y[p * outputs + pixel] = (1.0f - v.share) * upper + v.share * lower;
        }
    }
}

// Outputs begin .. end-1 of an axis that have a part of place r.
struct range {
    int begin, end;
};

// The first output whose place is r or later: i (count-1) >= r (outputs-1).
static __device__ __forceinline__ int first_from(int r, int count, int outputs) {
    uint64_t by = (uint64_t)(count - 1);
    return (int)(((uint64_t)r * (uint64_t)(outputs - 1) + by - 1) / by);
}

static __device__ __forceinline__ range outputs_of(int r, int count, int outputs) {
    range all = {0, outputs};
    if (outputs == 1)
        all.end = r <= 1;
    else if (count > 1) {
        if (r > 0)
            all.begin = first_from(r - 1, count, outputs);
        if (r < count - 1)
            all.end = first_from(r + 1, count, outputs);
    }
    return all;
}

// Weight with which output i reads place r.
static __device__ __forceinline__ float weight_of(int i, int r, int count, int outputs) {
    place p = place_of(i, count, outputs);
    return (p.first == r ? 1.0f - p.share : 0.0f) + (p.second == r ? p.share : 0.0f);
}

// Thread: pixel (r,s) of dx in PLANES pictures at a time.
static __global__ void backward_kernel(v2s_upsample2d_args a, size_t planes) {
    size_t pixel = v2s_item(), inputs = (size_t)a.H * (size_t)a.W;
    if (pixel >= inputs)
        return;
    int r = (int)(pixel / (size_t)a.W), s = (int)(pixel - (size_t)r * (size_t)a.W);
    range rows = outputs_of(r, a.H, a.OH), columns = outputs_of(s, a.W, a.OW);
    size_t outputs = (size_t)a.OH * (size_t)a.OW;
    for (size_t start = (size_t)blockIdx.y * PLANES; start < planes; start += gridDim.y * PLANES) {
        float sum[PLANES] = {};
        for (int i = rows.begin; i < rows.end; i++) {
            float upright = weight_of(i, r, a.H, a.OH);
            for (int j = columns.begin; j < columns.end; j++) {
                float weight = upright * weight_of(j, s, a.W, a.OW);
                const float *dy = a.dy + start * outputs + (size_t)i * (size_t)a.OW + (size_t)j;
#pragma unroll
                for (int k = 0; k < PLANES; k++)
                    if (start + k < planes)
                        sum[k] += weight * dy[k * outputs];
            }
        }
#pragma unroll
        for (int k = 0; k < PLANES; k++)
            if (start + k < planes)
                a.dx[(start + k) * inputs + pixel] += sum[k];
    }
}

static dim3 grid_of(const v2s_upsample2d_args *a, int rows, int columns) {
    size_t groups = ((size_t)a->N * (size_t)a->C + PLANES - 1) / PLANES;
    dim3 grid = v2s_blocks((size_t)rows * (size_t)columns, V2S_CUDA_BLOCK);
    grid.y = (unsigned)(groups < grid_y_max ? groups : grid_y_max);
    return grid;
}

extern "C" void v2s_upsample2d_forward_cuda(const v2s_device *dev, const v2s_upsample2d_args *a,
                                            v2s_arena *scratch) {
    (void)scratch;
    V2S_ASSERT(a->block <= 1); // v2s_picture_block
    v2s_launch(dev, "upsample2d_forward", forward_kernel, grid_of(a, a->OH, a->OW), V2S_CUDA_BLOCK,
               0, *a, (size_t)a->N * (size_t)a->C);
}

extern "C" void v2s_upsample2d_backward_cuda(const v2s_device *dev, const v2s_upsample2d_args *a,
                                             v2s_arena *scratch) {
    (void)scratch;
    V2S_ASSERT(a->block <= 1);
    if (a->OH == 0 || a->OW == 0)
        return;
    v2s_launch(dev, "upsample2d_backward", backward_kernel, grid_of(a, a->H, a->W), V2S_CUDA_BLOCK,
               0, *a, (size_t)a->N * (size_t)a->C);
}
