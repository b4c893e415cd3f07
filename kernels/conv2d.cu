// SPDX-License-Identifier: MIT
// The products of our own. A column of the unfolded picture holds the C KH KW inputs of one output
// pixel, zero outside; it is made piece by piece, as much as the second-level cache can hold. With
// the picture of item n as a matrix [channels, pixels],
//
//   y_n = w unfolded_n      dw = sum over n of dy_n unfolded_n^T
//
// and dx is the convolution of dy with w turned around and its channels exchanged. A kernel of
// 1 x 1 needs no unfolding.
//
// 2 O C KH KW operations per pixel and item, each pass; on an H200 in FP32 (67 T operations a
// second) 64 to 64 channels by 3 x 3 at 16 x 128 x 128 are 19.3 G or 0.29 ms (counted, not
// measured).
#include "kernels/conv2d_cuda.cuh"

#include <stdlib.h>
#include <string.h>

static const size_t unfolded_floats = (size_t)4 << 20; // 16 MiB

v2s_status v2s_conv2d_open(v2s_cuda_state *state) {
    const char *way = getenv("V2S_CUDA_CONV");
    bool own = way != NULL && strcmp(way, "own") == 0;
    if (way != NULL && way[0] != '\0' && !own && strcmp(way, "cudnn") != 0)
        return V2S_FAIL(V2S_ARG, "V2S_CUDA_CONV=%s, expected cudnn or own", way);
    state->conv2d = (v2s_conv2d_state *)calloc(1, sizeof *state->conv2d);
    if (state->conv2d == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    state->conv2d->own = own;
    return V2S_OK;
}

void v2s_conv2d_close(v2s_cuda_state *state) {
    free(state->conv2d);
    state->conv2d = NULL;
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

// ---- pieces -----------------------------------------------------------------------------------

// From C to O channels, or the other way round for dx.
struct shape {
    int N, C, O, H, W, KH, KW;
};

static shape shape_of(const v2s_conv2d_args *a) {
    return {a->N, a->C, a->O, a->H, a->W, a->KH, a->KW};
}

static size_t pixels_of(const shape &s) {
    return (size_t)s.H * (size_t)s.W;
}

static int columns_of(const shape &s) { // that is, rows of what is unfolded
    return s.C * s.KH * s.KW;
}

static bool is_product(const shape &s) {
    return s.KH == 1 && s.KW == 1;
}

// What is unfolded at a time: `items` whole pictures, or `pixels` of one.
struct piece {
    size_t items, pixels;
};

static piece piece_of(const shape &s) {
    size_t pixels = pixels_of(s), columns = (size_t)columns_of(s);
    size_t most = unfolded_floats / columns / 64 * 64; // rows that start on whole lines
    if (is_product(s) || pixels == 0)
        return {(size_t)s.N, pixels};
    if (pixels <= most)
        return {smaller((size_t)s.N, most / pixels), pixels};
    return {1, larger(most, 64)};
}

static size_t unfolded_bytes(const shape &s) {
    if (is_product(s))
        return 0;
    piece p = piece_of(s);
    return v2s_size_mul(p.items * p.pixels, (size_t)columns_of(s) * sizeof(float));
}

// out [items][C,KH,KW][pixels] of pixels first .. and items from x on; a thread has one pixel of a
// channel.
static __global__ void unfold_kernel(shape s, size_t items, size_t first, unsigned pixels,
                                     const float *x, float *out) {
    unsigned p = blockIdx.x * blockDim.x + threadIdx.x;
    if (p >= pixels)
        return;
    int i = (int)((first + p) / (unsigned)s.W), j = (int)(first + p - (size_t)i * s.W);
    int taps = s.KH * s.KW;
    for (size_t n = blockIdx.z; n < items; n += gridDim.z)
        for (size_t c = blockIdx.y; c < (size_t)s.C; c += gridDim.y) {
            const float *from = x + (n * s.C + c) * (size_t)s.H * s.W;
            float *to = out + (n * s.C + c) * taps * (size_t)pixels + p;
            for (int ki = 0; ki < s.KH; ki++)
                for (int kj = 0; kj < s.KW; kj++) {
                    int row = i + ki - s.KH / 2, column = j + kj - s.KW / 2;
                    bool inside = row >= 0 && row < s.H && column >= 0 && column < s.W;
                    *to = inside ? from[(size_t)row * s.W + column] : 0.0f;
                    to += pixels;
                }
        }
}

static void unfold(const v2s_device *dev, const char *what, const shape &s, size_t items,
                   size_t first, size_t pixels, const float *x, float *out) {
    const size_t grid_max = 65535;
    dim3 grid = v2s_blocks(pixels, V2S_CUDA_BLOCK);
    grid.y = (unsigned)smaller((size_t)s.C, grid_max);
    grid.z = (unsigned)smaller(items, grid_max);
    v2s_launch(dev, what, unfold_kernel, grid, V2S_CUDA_BLOCK, 0, s, items, first, (unsigned)pixels,
               x, out);
}

// visit(items, first item, pixels, first pixel) for every piece.
template <typename Visit> static void each_piece(const shape &s, Visit visit) {
    piece p = piece_of(s);
    size_t pixels = pixels_of(s), N = (size_t)s.N;
    for (size_t n = 0; n < N && pixels > 0; n += p.items)
        for (size_t first = 0; first < pixels; first += p.pixels)
            visit(smaller(p.items, N - n), n, smaller(p.pixels, pixels - first), first);
}

// to [N,O,pixels] = beta to + w [O,columns] unfolded(from).
static void convolve(const v2s_device *dev, const char *what, const shape &s, const float *from,
                     const float *w, float *to, float beta, v2s_arena *scratch) {
    size_t mark = scratch->used, pixels = pixels_of(s);
    float *unfolded = (float *)v2s_arena_take(scratch, unfolded_bytes(s), 1);
    each_piece(s, [&](size_t items, size_t n, size_t count, size_t first) {
        const float *x = from + n * (size_t)s.C * pixels;
        if (!is_product(s))
            unfold(dev, what, s, items, first, count, x, unfolded);
        v2s_product p = {};
        p.M = s.O;
        p.N = p.ldb = (int)count;
        p.K = p.lda = columns_of(s);
        p.alpha = 1.0f;
        p.beta = beta;
        p.a = w;
        p.b = is_product(s) ? x : unfolded;
        p.c = to + n * (size_t)s.O * pixels + first;
        p.ldc = (int)pixels;
        p.batch = (int)items;
        p.stride_b = (long long)columns_of(s) * (long long)count;
        p.stride_c = (long long)s.O * (long long)pixels;
        v2s_cuda_product(dev, what, &p);
    });
    v2s_arena_rewind(scratch, mark);
}

// ---- the gradient of the weight ---------------------------------------------------------------

// Partial results that grow side by side, an item each: as many as give each multiprocessor two
// tiles of cuBLAS.
static size_t results_of(const v2s_device *dev, const shape &s) {
    const size_t tile = 128;
    size_t tiles = ((size_t)s.O + tile - 1) / tile * (((size_t)columns_of(s) + tile - 1) / tile);
    size_t want = (2 * (size_t)dev->cuda->multiprocessors + tiles - 1) / tiles;
    return smaller(want, piece_of(s).items);
}

static size_t weight_scratch(const v2s_device *dev, const shape &s) {
    size_t results = results_of(dev, s), outputs = (size_t)s.O * (size_t)columns_of(s);
    size_t bytes = v2s_size_mul(results, outputs * sizeof(float));
    bytes += v2s_column_sums_scratch(results, (int)outputs) + unfolded_bytes(s);
    return v2s_scratch_round(bytes, 3);
}

// dw += sum over items and pixels of dy unfolded(x)^T. `results` are added up in order at the end.
static void weight_gradient(const v2s_device *dev, const v2s_conv2d_backward_args *g,
                            v2s_arena *scratch) {
    const char *what = "conv2d_backward";
    shape s = shape_of(&g->of);
    size_t mark = scratch->used, pixels = pixels_of(s), results = results_of(dev, s);
    size_t outputs = (size_t)s.O * (size_t)columns_of(s);
    float *unfolded = (float *)v2s_arena_take(scratch, unfolded_bytes(s), 1);
    float *sums = (float *)v2s_arena_take(scratch, results * outputs, sizeof(float));
    float *partial =
        (float *)v2s_arena_take(scratch, v2s_column_sums_scratch(results, (int)outputs), 1);
    bool begun = false;
    each_piece(s, [&](size_t items, size_t n, size_t count, size_t first) {
        const float *x = g->of.x + n * (size_t)s.C * pixels;
        if (!is_product(s))
            unfold(dev, what, s, items, first, count, x, unfolded);
        for (size_t i = 0; i < items; i += results) {
            v2s_product p = {};
            p.M = s.O;
            p.N = p.ldc = columns_of(s);
            p.K = p.ldb = (int)count;
            p.transpose_b = true;
            p.alpha = 1.0f;
            p.beta = begun ? 1.0f : 0.0f; // the first piece and round is a full one
            p.lda = (int)pixels;
            p.a = g->dy + (n + i) * (size_t)s.O * pixels + first;
            p.b = (is_product(s) ? x : unfolded) + i * (size_t)columns_of(s) * count;
            p.c = sums;
            p.batch = (int)smaller(results, items - i);
            p.stride_a = (long long)s.O * (long long)pixels;
            p.stride_b = (long long)columns_of(s) * (long long)count;
            p.stride_c = (long long)outputs;
            v2s_cuda_product(dev, what, &p);
            begun = true;
        }
    });
    if (begun)
        v2s_column_sums(dev, results, (int)outputs, sums, (int)outputs, g->dw, partial);
    v2s_arena_rewind(scratch, mark);
}

// ---- the gradients of input and bias ----------------------------------------------------------

// turned[c,o,k] = w[o,c,taps-1-k].
static __global__ void turn_kernel(shape s, const float *w, float *turned) {
    size_t i = v2s_item(), taps = (size_t)s.KH * s.KW;
    if (i >= (size_t)s.O * s.C * taps)
        return;
    size_t tap = i % taps, pair = i / taps, o = pair % s.O, c = pair / s.O;
    turned[i] = w[(o * s.C + c) * taps + (taps - 1 - tap)];
}

static shape turned(const shape &s) {
    return {s.N, s.O, s.C, s.H, s.W, s.KH, s.KW};
}

static size_t weight_bytes(const shape &s) {
    return (size_t)s.O * (size_t)columns_of(s) * sizeof(float);
}

static void input_gradient(const v2s_device *dev, const v2s_conv2d_backward_args *g,
                           v2s_arena *scratch) {
    shape s = shape_of(&g->of);
    size_t mark = scratch->used, weights = (size_t)s.O * (size_t)columns_of(s);
    float *w = (float *)v2s_arena_take(scratch, weight_bytes(s), 1);
    v2s_launch(dev, "conv2d_backward", turn_kernel, v2s_blocks(weights, V2S_CUDA_BLOCK),
               V2S_CUDA_BLOCK, 0, s, g->of.w, w);
    convolve(dev, "conv2d_backward", turned(s), g->dy, w, g->dx, 1.0f, scratch);
    v2s_arena_rewind(scratch, mark);
}

// y[n,o,pixels] = bias[o].
static __global__ void fill_kernel(shape s, size_t count, const float *bias, float *y) {
    size_t i = v2s_item();
    if (i < count)
        y[i] = bias[i / ((size_t)s.H * s.W) % s.O];
}

static __global__ void bias_sums_kernel(shape s, const float *dy, double *partial) {
    double sum = 0.0;
    v2s_channel_walk<1>(s.N, s.O, (size_t)s.H * s.W, [&](size_t at) { sum += dy[at]; });
    sum = v2s_group_join<V2S_CHANNEL_BLOCK>(sum, v2s_add());
    if (threadIdx.x == 0)
        partial[(size_t)blockIdx.y * gridDim.x + blockIdx.x] = sum;
}

static __global__ void bias_join_kernel(int O, int slices, const double *partial, float *dbias) {
    int o = (int)v2s_item();
    if (o >= O)
        return;
    double sum = 0.0;
    for (int i = 0; i < slices; i++)
        sum += partial[(size_t)i * O + o];
    dbias[o] += (float)sum;
}

static size_t bias_slices(const v2s_device *dev, const shape &s) {
    return v2s_channel_slices(dev, s.N, s.O, pixels_of(s));
}

static void bias_gradient(const v2s_device *dev, const v2s_conv2d_backward_args *g,
                          v2s_arena *scratch) {
    shape s = shape_of(&g->of);
    size_t mark = scratch->used, slices = bias_slices(dev, s);
    double *partial = (double *)v2s_arena_take(scratch, slices * (size_t)s.O, sizeof(double));
    v2s_launch(dev, "conv2d_backward", bias_sums_kernel, dim3((unsigned)s.O, (unsigned)slices),
               V2S_CHANNEL_BLOCK, 0, s, g->dy, partial);
    v2s_launch(dev, "conv2d_backward", bias_join_kernel, v2s_blocks((size_t)s.O, V2S_CUDA_BLOCK),
               V2S_CUDA_BLOCK, 0, s.O, (int)slices, (const double *)partial, g->dbias);
    v2s_arena_rewind(scratch, mark);
}

// ---- the operation ----------------------------------------------------------------------------

static bool is_empty(const shape &s) {
    return s.N == 0 || s.H == 0 || s.W == 0;
}

// cuDNN's plan; refused where we do it ourselves.
static v2s_conv2d_plan plan_of(const v2s_device *dev, const v2s_conv2d_args *a,
                               v2s_conv2d_pass pass) {
    if (dev->cuda->conv2d->own || is_product(shape_of(a)) || is_empty(shape_of(a))) {
        v2s_conv2d_plan refused = {};
        refused.refused = true;
        return refused;
    }
    return v2s_conv2d_dnn_plan(dev, a, pass);
}

// cuDNN has a status for pointers that lie elsewhere, and does not say where it returns it.
static bool at_16(const void *a, const void *b, const void *c) {
    return ((uintptr_t)a | (uintptr_t)b | (uintptr_t)c) % 16 == 0;
}

static void run_plan(const v2s_device *dev, const v2s_conv2d_args *a, v2s_conv2d_dnn_call call,
                     v2s_arena *scratch) {
    size_t mark = scratch->used;
    call.workspace = v2s_arena_take(scratch, call.plan.workspace, 1);
    v2s_conv2d_dnn_run(dev, a, &call);
    v2s_arena_rewind(scratch, mark);
}

extern "C" size_t v2s_conv2d_scratch_cuda(const v2s_device *dev, const v2s_conv2d_args *a) {
    v2s_conv2d_plan plan = plan_of(dev, a, V2S_CONV2D_FORWARD);
    return v2s_scratch_round(larger(unfolded_bytes(shape_of(a)), plan.workspace), 1);
}

extern "C" void v2s_conv2d_forward_cuda(const v2s_device *dev, const v2s_conv2d_args *a,
                                        v2s_arena *scratch) {
    V2S_ASSERT(a->x_block <= 1 && a->y_block <= 1); // v2s_picture_block
    shape s = shape_of(a);
    size_t count = (size_t)s.N * (size_t)s.O * pixels_of(s);
    float beta = a->bias != NULL ? 1.0f : 0.0f;
    if (a->bias != NULL)
        v2s_launch(dev, "conv2d_forward", fill_kernel, v2s_blocks(count, V2S_CUDA_BLOCK),
                   V2S_CUDA_BLOCK, 0, s, count, a->bias, a->y);
    v2s_conv2d_plan plan = plan_of(dev, a, V2S_CONV2D_FORWARD);
    if (plan.refused || !at_16(a->x, a->w, a->y))
        convolve(dev, "conv2d_forward", s, a->x, a->w, a->y, beta, scratch);
    else
        run_plan(dev, a, {plan, a->x, a->w, NULL, a->y, beta, NULL}, scratch);
}

extern "C" size_t v2s_conv2d_backward_scratch_cuda(const v2s_device *dev,
                                                   const v2s_conv2d_backward_args *g) {
    shape s = shape_of(&g->of);
    v2s_conv2d_plan weight = plan_of(dev, &g->of, V2S_CONV2D_WEIGHT);
    size_t most = larger(weight_scratch(dev, s), v2s_scratch_round(weight.workspace, 1));
    if (g->dx != NULL) {
        v2s_conv2d_plan input = plan_of(dev, &g->of, V2S_CONV2D_INPUT);
        size_t own = weight_bytes(s) + unfolded_bytes(turned(s));
        most = larger(most, v2s_scratch_round(own, 2));
        most = larger(most, v2s_scratch_round(input.workspace, 1));
    }
    size_t bias = v2s_size_mul(bias_slices(dev, s), (size_t)s.O * sizeof(double));
    return larger(most, v2s_scratch_round(bias, 1));
}

extern "C" void v2s_conv2d_backward_cuda(const v2s_device *dev, const v2s_conv2d_backward_args *g,
                                         v2s_arena *scratch) {
    const v2s_conv2d_args *a = &g->of;
    V2S_ASSERT(a->x_block <= 1 && a->y_block <= 1);
    if (is_empty(shape_of(a)))
        return;
    v2s_conv2d_plan weight = plan_of(dev, a, V2S_CONV2D_WEIGHT);
    if (weight.refused || !at_16(a->x, g->dy, g->dw))
        weight_gradient(dev, g, scratch);
    else
        run_plan(dev, a, {weight, a->x, NULL, g->dy, g->dw, 1.0f, NULL}, scratch);
    if (g->dx != NULL) {
        v2s_conv2d_plan input = plan_of(dev, a, V2S_CONV2D_INPUT);
        if (input.refused || !at_16(a->w, g->dy, g->dx))
            input_gradient(dev, g, scratch);
        else
            run_plan(dev, a, {input, NULL, a->w, g->dy, g->dx, 1.0f, NULL}, scratch);
    }
    if (g->dbias != NULL)
        bias_gradient(dev, g, scratch);
}
