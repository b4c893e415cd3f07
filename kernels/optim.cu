// SPDX-License-Identifier: MIT
// Bytes of an update with Adam and an average: 40 a parameter (p, m, v, ema read and written,
// gradient read twice), so 0.25 million parameters lie in the L2 and three launches are its time.
#include "kernels/cuda.cuh"

#include <math.h>

// Threads of a block that sums, and the most blocks: the order of a sum depends on the count alone.
enum { SUM_THREADS = 256, SUM_BLOCKS = 256 };

static const double clip_eps = 1e-6; // as torch.nn.utils.clip_grad_norm_

// What a step's formulas use; made once, from doubles as on the processor.
typedef struct factors {
    int done; // 0: leave everything as it is
    float scale, rate, decay, keep, momentum;
    float new1, beta2, new2, eps, size, root, fresh;
} factors;

static __host__ __device__ factors factors_of(const v2s_optim_update_args *a, double scale,
                                              double rate, double step) {
    factors f = {};
    bool decoupled = a->kind == V2S_OPTIM_ADAMW;
    f.done = 1;
    f.scale = (float)scale;
    f.rate = (float)rate;
    f.decay = (float)(decoupled ? 0.0 : a->decay);
    f.keep = (float)(decoupled ? 1.0 - rate * a->decay : 1.0);
    f.momentum = (float)a->momentum;
    f.new1 = (float)(1.0 - a->beta1);
    f.beta2 = (float)a->beta2;
    f.new2 = (float)(1.0 - a->beta2);
    f.eps = (float)a->eps;
    f.fresh = (float)(1.0 - a->ema_decay);
    if (a->kind != V2S_OPTIM_SGD) {
        f.size = (float)(rate / (1.0 - pow(a->beta1, step)));
        f.root = (float)sqrt(1.0 - pow(a->beta2, step));
    }
    return f;
}

// ---- sums -------------------------------------------------------------------------------------

// The block's sum of every thread's value, in thread 0: halves are added to halves.
static __device__ double block_sum(double value) {
    __shared__ double sums[SUM_THREADS];
    int t = threadIdx.x;
    sums[t] = value;
    for (int half = SUM_THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (t < half)
            sums[t] += sums[t + half];
    }
    return sums[0];
}

static __global__ void squares_kernel(size_t count, const float *grad, double *partial) {
    double sum = 0.0;
    for (size_t i = v2s_item(); i < count; i += (size_t)gridDim.x * SUM_THREADS)
        sum += (double)grad[i] * (double)grad[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0)
        partial[blockIdx.x] = sum;
}

// One block: *sum = the values' sum.
static __global__ void total_kernel(size_t count, const double *values, double *sum) {
    double part = 0.0;
    for (size_t i = threadIdx.x; i < count; i += SUM_THREADS)
        part += values[i];
    part = block_sum(part);
    if (threadIdx.x == 0)
        *sum = part;
}

static int squares_blocks(size_t count) {
    size_t blocks = (count + SUM_THREADS - 1) / SUM_THREADS;
    return blocks < SUM_BLOCKS ? (int)blocks : SUM_BLOCKS;
}

static void sum_squares(const v2s_device *dev, size_t count, const float *grad, double *partial) {
    v2s_launch(dev, "grad_norm", squares_kernel, dim3((unsigned)squares_blocks(count)), SUM_THREADS,
               0, count, grad, partial);
}

extern "C" void v2s_total_cuda(const v2s_device *dev, size_t count, const double *values,
                               double *sum) {
    v2s_launch(dev, "total", total_kernel, dim3(1), SUM_THREADS, 0, count, values, sum);
}

// The sums lie in the workspace of cuBLAS: its products come before or after in the same order.
extern "C" double v2s_grad_norm_cuda(const v2s_device *dev, const float *grad, size_t count) {
    double *partial = (double *)dev->cuda->blas_workspace, *sum = partial + SUM_BLOCKS;
    double squares = NAN; // stays where the device fails, which synchronize tells
    sum_squares(dev, count, grad, partial);
    v2s_total_cuda(dev, (size_t)squares_blocks(count), partial, sum);
    dev->ops->memory->download(dev, &squares, sum, sizeof squares);
    return sqrt(squares);
}

// ---- the update -------------------------------------------------------------------------------

// One block: the norm, and whether and with what the parameters are updated.
static __global__ void decide_kernel(v2s_optim_update_args a, int blocks, const double *partial,
                                     factors *out) {
    double sum = block_sum((int)threadIdx.x < blocks ? partial[threadIdx.x] : 0.0);
    if (threadIdx.x > 0)
        return;
    v2s_optim_result r;
    r.loss = *a.losses / a.rows;
    r.norm = sqrt(sum);
    r.done = *a.halt == 0 && isfinite(r.loss) && isfinite(r.norm);
    double scale = 1.0;
    if (a.clip_norm > 0.0)
        scale = fmin(1.0, a.clip_norm / (r.norm + clip_eps));
    factors f = factors_of(&a, scale, a.now->rate, a.now->step);
    f.done = (int)r.done;
    *out = f;
    *a.result = r;
    if (r.done == 0)
        *a.halt = 1;
}

static __device__ float sgd_item(const v2s_optim_update_args *a, const factors *f, size_t i) {
    float g = f->scale * a->grad[i] + f->decay * a->p[i];
    if (f->momentum != 0.0f)
        a->m[i] = g = f->momentum * a->m[i] + g;
    return a->p[i] - f->rate * g;
}

static __device__ float adam_item(const v2s_optim_update_args *a, const factors *f, size_t i) {
    float before = a->p[i] * f->keep, g = f->scale * a->grad[i] + f->decay * before;
    float m = a->m[i] + f->new1 * (g - a->m[i]);
    float v = f->beta2 * a->v[i] + f->new2 * g * g;
    a->m[i] = m;
    a->v[i] = v;
    return before - f->size * (m / (sqrtf(v) / f->root + f->eps));
}

static __device__ void update_item(const v2s_optim_update_args *a, const factors *f, size_t i) {
    float p = a->kind == V2S_OPTIM_SGD ? sgd_item(a, f, i) : adam_item(a, f, i);
    a->p[i] = p;
    if (a->ema != NULL)
        a->ema[i] += f->fresh * (p - a->ema[i]);
}

static __global__ void update_kernel(v2s_optim_update_args a, const factors *from) {
    const factors f = *from;
    size_t i = v2s_item();
    if (f.done != 0 && i < a.count)
        update_item(&a, &f, i);
}

static __global__ void step_kernel(v2s_optim_update_args a, factors f) {
    size_t i = v2s_item();
    if (i < a.count)
        update_item(&a, &f, i);
}

extern "C" size_t v2s_optim_update_scratch_cuda(const v2s_device *dev,
                                                const v2s_optim_update_args *a) {
    (void)dev;
    (void)a;
    return v2s_scratch_round(SUM_BLOCKS * sizeof(double) + sizeof(factors), 2);
}

extern "C" void v2s_optim_update_cuda(const v2s_device *dev, const v2s_optim_update_args *a,
                                      v2s_arena *scratch) {
    size_t mark = scratch->used;
    double *partial = (double *)v2s_arena_take(scratch, SUM_BLOCKS, sizeof(double));
    factors *f = (factors *)v2s_arena_take(scratch, 1, sizeof(factors));
    sum_squares(dev, a->count, a->grad, partial);
    v2s_launch(dev, "optim_update", decide_kernel, dim3(1), SUM_THREADS, 0, *a,
               squares_blocks(a->count), (const double *)partial, f);
    v2s_launch(dev, "optim_update", update_kernel, v2s_blocks(a->count, V2S_CUDA_BLOCK),
               V2S_CUDA_BLOCK, 0, *a, (const factors *)f);
    v2s_arena_rewind(scratch, mark);
}

extern "C" void v2s_optim_step_cuda(const v2s_device *dev, const v2s_optim_args *a) {
    v2s_optim_update_args all = {};
    all.kind = a->kind;
    all.count = a->count;
    all.p = a->p;
    all.grad = a->grad;
    all.m = a->m;
    all.v = a->v;
    all.decay = a->decay;
    all.beta1 = a->beta1;
    all.beta2 = a->beta2;
    all.eps = a->eps;
    all.momentum = a->momentum;
    v2s_launch(dev, "optim_step", step_kernel, v2s_blocks(a->count, V2S_CUDA_BLOCK), V2S_CUDA_BLOCK,
               0, all, factors_of(&all, a->scale, a->rate, (double)a->step));
}

static __global__ void ema_kernel(v2s_ema_args a, float fresh) {
    size_t i = v2s_item();
    if (i < a.count)
        a.average[i] += fresh * (a.p[i] - a.average[i]);
}

extern "C" void v2s_ema_update_cuda(const v2s_device *dev, const v2s_ema_args *a) {
    v2s_launch(dev, "ema_update", ema_kernel, v2s_blocks(a->count, V2S_CUDA_BLOCK), V2S_CUDA_BLOCK,
               0, *a, (float)(1.0 - a->decay));
}
