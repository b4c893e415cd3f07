// SPDX-License-Identifier: MIT
// In double, like the definition: the sums are small differences of large numbers, and the work is
// small. Pairing `omni` moves about 260 bytes a band and frame (sums 36, twice; gains 24, as they
// come and smoothed, both ways) and computes some 500 operations in double: for 32 rows of 375
// frames an estimated 100 MB and 0.2 GFLOP, that is 20 us of an H200's memory, most of it from its
// cache, and less of its arithmetic; six launches come on top.
//
// Sums are taken in a fixed order: frames of a block by one thread, blocks of a row in PARTS equal
// stretches, then stretch after stretch.
#include "kernels/cuda.cuh"

extern "C" {
#include "kernels/band_gains.h"
#include "kernels/loss_band_math.h"
}

enum {
    BANDS = V2S_BASIS_BANDS, // one warp
    BLOCK = V2S_BAND_BLOCK,
    PARTS = 8, // warps of a block of threads
    THREADS = BANDS * PARTS
};

// What the kernels of a call share, by value.
struct band_work {
    v2s_loss_band_args a;
    int blocks, gains, sums; // of a row; of a band
    const float *gain;       // [B,T,BANDS,gains]
    float *dgain;            // the same; NULL: not wanted
    v2s_band_sum *block;     // [B,blocks,BANDS]
    v2s_band_sum *total;     // [B,BANDS]
    double *mean_w;          // [B]
    double *spectrum;        // [B,blocks]: this term's shares
    double *terms;           // [B,V2S_BAND_TERMS], all but spectrum
};

static __device__ const v2s_band_row_head *head_of(const band_work &w, int row) {
    return (const v2s_band_row_head *)((const unsigned char *)w.a.rows +
                                       (size_t)row * w.a.row_bytes);
}

// One band of one frame: what is known, and what its gains predict.
struct band_place {
    v2s_band_frame frame;
    v2s_vec3 u;
    const float *gain;
    size_t at; // of its gains
    v2s_band_prediction p;
};

static __device__ band_place place_of(const band_work &w, int row, int t, int band) {
    band_place x;
    void *memory = (void *)head_of(w, row);
    size_t in_row = (size_t)t * BANDS + band;
    x.frame =
        v2s_band_frame_at(w.a.layout, v2s_band_row_sums(memory, w.a.T) + in_row * (size_t)w.sums);
    x.u = v2s_band_row_directions(memory)[t];
    x.at = ((size_t)row * w.a.T * BANDS + in_row) * (size_t)w.gains;
    x.gain = w.gain + x.at;
    x.p = v2s_band_predict(w.a.layout, &x.frame, x.u, x.gain);
    return x;
}

// Sum of x over the THREADS of a block, in a fixed order; every thread gets it.
static __device__ double sum_of_block(double x, double *shared) {
    shared[threadIdx.x] = x;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if ((int)threadIdx.x < half)
            shared[threadIdx.x] += shared[threadIdx.x + half];
        __syncthreads();
    }
    double sum = shared[0];
    __syncthreads();
    return sum;
}

// ---- gains ------------------------------------------------------------------------------------

// Pairing `omni`: the mean over frames, and (back) its transposed. x, y [B,T,count].
static __global__ void smooth_kernel(bool back, size_t all, int T, int count, const float *x,
                                     float *y) {
    size_t i = v2s_item();
    if (i >= all)
        return;
    int t = (int)(i / (size_t)count % (size_t)T);
    v2s_band_window near = v2s_band_window_of(V2S_BAND_GAINS_RADIUS, T, t);
    const float *from = x + i - (size_t)t * count;
    float sum = 0;
    for (int f = near.first; f <= near.last; f++) {
        float share = back ? v2s_band_window_of(V2S_BAND_GAINS_RADIUS, T, f).share : near.share;
        sum += share * from[(size_t)f * count];
    }
    y[i] = sum;
}

// ---- sums of blocks ---------------------------------------------------------------------------

// Grid (blocks / PARTS, B): a warp has a block of frames, a thread a band of it.
static __global__ void blocks_kernel(band_work w) {
    int block = blockIdx.x * PARTS + threadIdx.x / BANDS, band = threadIdx.x % BANDS;
    int row = blockIdx.y;
    if (block >= w.blocks)
        return;
    v2s_band_sum sum = v2s_band_sum_zero();
    int end = (block + 1) * BLOCK < w.a.T ? (block + 1) * BLOCK : w.a.T;
    for (int t = block * BLOCK; t < end; t++) {
        band_place x = place_of(w, row, t, band);
        v2s_band_sum_add(&sum, &x.frame, &x.p);
    }
    w.block[((size_t)row * w.blocks + block) * BANDS + band] = sum;
}

// ---- terms of rows ----------------------------------------------------------------------------

static __device__ void add_predicted(v2s_band_sum *to, const v2s_band_sum *s) {
    to->w += s->w;
    to->e += s->e;
    to->i = v2s_plus(to->i, s->i);
    to->rest += s->rest;
    to->tw += s->tw;
    to->te += s->te;
    to->ti = v2s_plus(to->ti, s->ti);
}

// total[band] of a row's blocks, by all threads of a block.
static __device__ void totals(const band_work &w, const v2s_band_sum *block, v2s_band_sum *part,
                              v2s_band_sum *total) {
    int band = threadIdx.x % BANDS, which = threadIdx.x / BANDS;
    int each = (w.blocks + PARTS - 1) / PARTS;
    v2s_band_sum sum = v2s_band_sum_zero();
    for (int i = which * each; i < (which + 1) * each && i < w.blocks; i++)
        add_predicted(&sum, &block[(size_t)i * BANDS + band]);
    part[threadIdx.x] = sum;
    __syncthreads();
    if (which == 0) {
        for (int i = 1; i < PARTS; i++)
            add_predicted(&sum, &part[i * BANDS + band]);
        total[band] = sum;
    }
    __syncthreads();
}

// Of sums [count], as in the definition: one over the sum of energy^emphasis.
static __device__ double share_scale(const v2s_band_sum *sums, int count, double emphasis,
                                     double *shared) {
    double sum = 0;
    for (int i = threadIdx.x; i < count; i += THREADS)
        sum += pow(sums[i].tw, emphasis);
    sum = sum_of_block(sum, shared);
    return sum > 0 ? 1 / sum : 0;
}

// The sum of a term over the threads of row blockIdx.x.
static __device__ __forceinline__ void keep_term(const band_work &w, const v2s_band_terms *t,
                                                 v2s_band_term name, double *shared) {
    double sum = sum_of_block(t->value[name], shared);
    if (threadIdx.x == 0)
        w.terms[blockIdx.x * V2S_BAND_TERMS + name] = sum;
}

// Grid B: the terms of a row's blocks and of the row, and their derivatives.
static __global__ void __launch_bounds__(THREADS) rows_kernel(band_work w) {
    __shared__ v2s_band_sum part[THREADS], total[BANDS];
    __shared__ double shared[THREADS];
    int row = blockIdx.x, count = w.blocks * BANDS, me = threadIdx.x;
    v2s_band_sum *block = w.block + (size_t)row * count;
    double emphasis = w.a.config.emphasis;
    totals(w, block, part, total);
    double scale = share_scale(block, count, emphasis, shared);
    v2s_band_terms of_blocks = v2s_band_terms_zero(w.a.config.weight);
    for (int i = me; i < count; i += THREADS)
        v2s_band_block_terms(&of_blocks, emphasis, scale, &block[i]);
    keep_term(w, &of_blocks, V2S_BAND_DIFFUSENESS_BLOCK, shared);
    keep_term(w, &of_blocks, V2S_BAND_LEVEL_BLOCK, shared);
    keep_term(w, &of_blocks, V2S_BAND_W_LEVEL_BLOCK, shared);
    keep_term(w, &of_blocks, V2S_BAND_COHERENT, shared);
    scale = share_scale(total, BANDS, emphasis, shared);
    double energy = sum_of_block(me < BANDS ? total[me].tw : 0.0, shared);
    v2s_band_terms of_row = v2s_band_terms_zero(w.a.config.weight);
    if (me < BANDS)
        v2s_band_row_terms(&of_row, emphasis, scale, &total[me]);
    __syncthreads();
    if (me == 0)
        v2s_band_direction_term(&of_row, total);
    keep_term(w, &of_row, V2S_BAND_DIFFUSENESS, shared);
    keep_term(w, &of_row, V2S_BAND_LEVEL, shared);
    keep_term(w, &of_row, V2S_BAND_W_LEVEL, shared);
    keep_term(w, &of_row, V2S_BAND_DIRECTION, shared);
    keep_term(w, &of_row, V2S_BAND_DIRECTION_BAND, shared);
    if (me < BANDS)
        w.total[row * BANDS + me] = total[me];
    if (me == 0)
        w.mean_w[row] = energy / (double)((size_t)w.a.T * BANDS);
}

// ---- gradient ---------------------------------------------------------------------------------

// Grid (blocks, B): a warp has a frame of the block, a thread a band of it.
static __global__ void __launch_bounds__(THREADS) frames_kernel(band_work w) {
    __shared__ double shared[THREADS];
    int row = blockIdx.y, t = blockIdx.x * BLOCK + threadIdx.x / BANDS;
    int band = threadIdx.x % BANDS, used = head_of(w, row)->used;
    v2s_band_terms terms = v2s_band_terms_zero(w.a.config.weight);
    if (t < w.a.T) {
        band_place x = place_of(w, row, t, band);
        double de = 0, dez = 0;
        if (band < used)
            v2s_band_spectrum_term(&terms, 1.0 / ((double)w.a.T * used), w.mean_w[row], &x.frame,
                                   &x.p, &de, &dez);
        if (w.dgain != NULL)
            v2s_band_gradient(w.a.layout,
                              &w.block[((size_t)row * w.blocks + blockIdx.x) * BANDS + band],
                              &w.total[row * BANDS + band], &x.frame, &x.p, x.u, de, dez, x.gain,
                              w.a.scale, w.dgain + x.at);
    }
    double sum = sum_of_block(terms.value[V2S_BAND_SPECTRUM], shared);
    if (threadIdx.x == 0)
        w.spectrum[(size_t)row * w.blocks + blockIdx.x] = sum;
}

// Grid B: what the row's loss is.
static __global__ void __launch_bounds__(THREADS) values_kernel(band_work w) {
    __shared__ double shared[THREADS];
    int row = blockIdx.x;
    double spectrum = 0, loss = 0;
    for (int i = threadIdx.x; i < w.blocks; i += THREADS)
        spectrum += w.spectrum[(size_t)row * w.blocks + i];
    spectrum = sum_of_block(spectrum, shared);
    if (threadIdx.x != 0)
        return;
    for (int i = 0; i < V2S_BAND_TERMS; i++) {
        double term = i == V2S_BAND_SPECTRUM ? spectrum : w.terms[row * V2S_BAND_TERMS + i];
        loss += w.a.config.weight[i] * term;
        if (w.a.terms != NULL)
            w.a.terms[row * V2S_BAND_TERMS + i] = term;
    }
    if (w.a.values != NULL)
        w.a.values[row] = loss;
}

// ---- launches ---------------------------------------------------------------------------------

static_assert(BLOCK == PARTS, "frames_kernel has a warp for every frame of a block");

static size_t outputs_of(const v2s_loss_band_args *a) {
    return (size_t)a->B * a->T * BANDS * v2s_band_layout_gains(a->layout);
}

static band_work work_of(const v2s_loss_band_args *a, v2s_arena *scratch) {
    band_work w = {};
    size_t B = (size_t)a->B;
    w.a = *a;
    w.blocks = (a->T + BLOCK - 1) / BLOCK;
    w.gains = v2s_band_layout_gains(a->layout);
    w.sums = v2s_band_layout_sums(a->layout);
    size_t count = B * w.blocks;
    w.block = (v2s_band_sum *)v2s_arena_take(scratch, count * BANDS, sizeof *w.block);
    w.total = (v2s_band_sum *)v2s_arena_take(scratch, B * BANDS, sizeof *w.total);
    w.mean_w = (double *)v2s_arena_take(scratch, B, sizeof(double));
    w.spectrum = (double *)v2s_arena_take(scratch, count, sizeof(double));
    w.terms = (double *)v2s_arena_take(scratch, B * V2S_BAND_TERMS, sizeof(double));
    w.gain = a->residual;
    w.dgain = a->dresidual;
    if (!a->layout.with_w) {
        w.gain = (float *)v2s_arena_take(scratch, outputs_of(a), sizeof(float));
        w.dgain = (float *)v2s_arena_take(scratch, outputs_of(a), sizeof(float));
    }
    return w;
}

static void smooth(const v2s_device *dev, const v2s_loss_band_args *a, bool back, const float *x,
                   float *y) {
    size_t all = outputs_of(a);
    int count = BANDS * v2s_band_layout_gains(a->layout);
    v2s_launch(dev, back ? "loss_band_smooth_back" : "loss_band_smooth", smooth_kernel,
               v2s_blocks(all, V2S_CUDA_BLOCK), V2S_CUDA_BLOCK, 0, back, all, a->T, count, x, y);
}

extern "C" void v2s_loss_band_cuda(const v2s_device *dev, const v2s_loss_band_args *a,
                                   v2s_arena *scratch) {
    size_t mark = scratch->used;
    band_work w = work_of(a, scratch);
    unsigned B = (unsigned)a->B, blocks = (unsigned)w.blocks;
    bool smoothed = !a->layout.with_w;
    if (smoothed)
        smooth(dev, a, false, a->residual, (float *)w.gain);
    if (a->dresidual == NULL)
        w.dgain = NULL;
    v2s_launch(dev, "loss_band_blocks", blocks_kernel, dim3((blocks + PARTS - 1) / PARTS, B),
               THREADS, 0, w);
    v2s_launch(dev, "loss_band_rows", rows_kernel, dim3(B), THREADS, 0, w);
    v2s_launch(dev, "loss_band_frames", frames_kernel, dim3(blocks, B), THREADS, 0, w);
    v2s_launch(dev, "loss_band_values", values_kernel, dim3(B), THREADS, 0, w);
    if (smoothed && a->dresidual != NULL)
        smooth(dev, a, true, w.dgain, a->dresidual);
    v2s_arena_rewind(scratch, mark);
}

extern "C" size_t v2s_loss_band_scratch_cuda(const v2s_device *dev, const v2s_loss_band_args *a) {
    (void)dev;
    v2s_arena count = v2s_arena_count();
    work_of(a, &count);
    return count.used;
}
