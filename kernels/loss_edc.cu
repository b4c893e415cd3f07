// SPDX-License-Identifier: MIT
// Two scans over a row in double, the energy behind a sample and the slopes before it. A row is cut
// into chunks, one block each, and three passes are made: sums of the chunks, which one thread per
// channel then adds up; distances of the curves and sums of the slopes, which are added up
// likewise; and the gradient. 32 bytes an item are read, 4 written; a second at 16 kHz of 32 sounds
// of 4 channels is 74 MB, on paper 15 us at 4.8 TB/s.
//
// A block walks its chunk in tiles. Thread i of a tile stands at channel i % C and step i / C, as
// the samples lie in memory, so that a scan over time goes in strides of C threads.
#include "kernels/loss_cuda.cuh"

enum { BLOCK = V2S_SUM_BLOCK, TILES = 8 };
static_assert((int)V2S_LOSS_CHANNELS_MAX <= (int)BLOCK, "a tile has at least one step");

static __host__ __device__ __forceinline__ int steps_of(int C) {
    return BLOCK / C;
}

static int chunks_of(int T, int C) {
    int steps = TILES * steps_of(C);
    return (T - 1) / steps + 1;
}

// room[c] becomes the sum over a tile's steps of room[step C + c]. Ends with a barrier.
static __device__ void sum_steps(double *room, int C) {
    const int i = threadIdx.x, step = i / C;
    __syncthreads();
    for (int left = steps_of(C); left > 1; left = (left + 1) / 2) {
        int half = (left + 1) / 2;
        if (step < left - half)
            room[i] += room[i + half * C];
        __syncthreads();
    }
}

// The sum of `value` over the steps from this thread's on; `room` has BLOCK places.
static __device__ double scan_after(double *room, int C, double value) {
    const int i = threadIdx.x, step = i / C, steps = steps_of(C);
    for (int by = 1; by < steps; by *= 2) {
        room[i] = value;
        __syncthreads();
        if (step + by < steps)
            value += room[i + by * C];
        __syncthreads();
    }
    return value;
}

// The sum over the steps up to this thread's.
static __device__ double scan_before(double *room, int C, double value) {
    const int i = threadIdx.x, step = i / C, steps = steps_of(C);
    for (int by = 1; by < steps; by *= 2) {
        room[i] = value;
        __syncthreads();
        if (step >= by && step < steps)
            value += room[i - by * C];
        __syncthreads();
    }
    return value;
}

// This thread's place in tile `tile` of the block's chunk; no sample of the row: false.
static __device__ __forceinline__ bool place_of(int T, int C, int tile, size_t *at) {
    int step = threadIdx.x / C, steps = steps_of(C);
    long long t = ((long long)blockIdx.x * TILES + tile) * steps + step;
    *at = ((size_t)blockIdx.y * T + (size_t)t) * C + threadIdx.x % C;
    return step < steps && t < T;
}

static __device__ __forceinline__ double square_at(const float *x, size_t at) {
    return (double)x[at] * (double)x[at];
}

// Energies of the chunks into energy [B][chunks][C][2].
static __global__ void energy_kernel(int T, int C, const float *x, const float *y, double *energy) {
    __shared__ double room[2][BLOCK];
    double of_x = 0.0, of_y = 0.0;
    size_t at;
    for (int tile = 0; tile < TILES; tile++)
        if (place_of(T, C, tile, &at)) {
            of_x += square_at(x, at);
            of_y += square_at(y, at);
        }
    room[0][threadIdx.x] = of_x;
    room[1][threadIdx.x] = of_y;
    sum_steps(room[0], C);
    sum_steps(room[1], C);
    size_t chunk = (size_t)blockIdx.y * gridDim.x + blockIdx.x;
    if ((int)threadIdx.x < C)
        for (int i = 0; i < 2; i++)
            energy[(chunk * C + threadIdx.x) * 2 + i] = room[i][threadIdx.x];
}

// Energy [b][.][c] becomes that of all later chunks, floor[b] the floor of the row.
static __global__ void energy_behind_kernel(int chunks, int T, int C, double *energy,
                                            double *floor) {
    __shared__ double truth[V2S_LOSS_CHANNELS_MAX];
    const int b = blockIdx.x, c = threadIdx.x;
    double sum[2] = {0.0, 0.0};
    for (int chunk = chunks - 1; c < C && chunk >= 0; chunk--) {
        double *of = energy + (((size_t)b * chunks + chunk) * C + c) * 2;
        for (int i = 0; i < 2; i++) {
            double own = of[i];
            of[i] = sum[i];
            sum[i] += own;
        }
    }
    truth[c] = sum[1];
    __syncthreads();
    if (c > 0)
        return;
    for (int i = 1; i < C; i++)
        sum[1] += truth[i];
    floor[b] = V2S_EDC_RELATIVE_FLOOR * sum[1] / C + V2S_LOSS_ABSOLUTE_FLOOR * T;
}

// Slope[t,c] = sign(D) / (E_x + floor) of this thread's places; returns their sum of |ln E_x/E_y|.
static __device__ double walk(int T, int C, const float *x, const float *y, const double *energy,
                              double floor, double slope[TILES]) {
    __shared__ double room[BLOCK], carry[2][V2S_LOSS_CHANNELS_MAX];
    const int i = threadIdx.x, c = i % C;
    size_t chunk = (size_t)blockIdx.y * gridDim.x + blockIdx.x, at;
    double sum = 0.0;
    if (i < C) {
        carry[0][i] = energy[(chunk * C + i) * 2] + floor;
        carry[1][i] = energy[(chunk * C + i) * 2 + 1] + floor;
    }
    __syncthreads();
#pragma unroll
    for (int tile = TILES - 1; tile >= 0; tile--) {
        bool there = place_of(T, C, tile, &at);
        double E_x = scan_after(room, C, there ? square_at(x, at) : 0.0) + carry[0][c];
        double E_y = scan_after(room, C, there ? square_at(y, at) : 0.0) + carry[1][c];
        slope[tile] = 0.0;
        if (there) {
            sum += fabs(log(E_x / E_y));
            slope[tile] = E_x > E_y ? 1.0 / E_x : E_x < E_y ? -1.0 / E_x : 0.0;
        }
        __syncthreads();
        if (i < C) {
            carry[0][i] = E_x;
            carry[1][i] = E_y;
        }
        __syncthreads();
    }
    return sum;
}

// Sums of the chunks: |D| / (10 / ln 10) into partials [B][chunks], slopes into slope
// [B][chunks][C].
static __global__ void distance_kernel(int T, int C, const float *x, const float *y,
                                       const double *energy, const double *floor, double *slope,
                                       double *partials) {
    __shared__ double room[BLOCK];
    double slopes[TILES], all = 0.0;
    double sum[1] = {walk(T, C, x, y, energy, floor[blockIdx.y], slopes)};
#pragma unroll
    for (int tile = 0; tile < TILES; tile++)
        all += slopes[tile];
    room[threadIdx.x] = all;
    sum_steps(room, C);
    size_t chunk = (size_t)blockIdx.y * gridDim.x + blockIdx.x;
    if ((int)threadIdx.x < C)
        slope[chunk * C + threadIdx.x] = room[threadIdx.x];
    v2s_store_sums(sum, partials);
}

// Slope [b][.][c] becomes that of all earlier chunks.
static __global__ void slope_before_kernel(int chunks, int C, double *slope) {
    double sum = 0.0;
    for (int chunk = 0; (int)threadIdx.x < C && chunk < chunks; chunk++) {
        double *of = slope + ((size_t)blockIdx.x * chunks + chunk) * C + threadIdx.x;
        double own = *of;
        *of = sum;
        sum += own;
    }
}

static __global__ void gradient_kernel(int T, int C, const float *x, const float *y,
                                       const double *energy, const double *floor,
                                       const double *slope, double factor, float *dx) {
    __shared__ double room[BLOCK], carry[V2S_LOSS_CHANNELS_MAX];
    const int i = threadIdx.x, c = i % C, last = (steps_of(C) - 1) * C;
    size_t chunk = (size_t)blockIdx.y * gridDim.x + blockIdx.x, at;
    double slopes[TILES];
    walk(T, C, x, y, energy, floor[blockIdx.y], slopes);
    if (i < C)
        carry[i] = slope[chunk * C + i];
    __syncthreads();
#pragma unroll
    for (int tile = 0; tile < TILES; tile++) {
        double before = scan_before(room, C, slopes[tile]) + carry[c];
        if (place_of(T, C, tile, &at))
            dx[at] += (float)(factor * before * (double)x[at]);
        __syncthreads();
        if (i >= last && i < last + C)
            carry[c] = before;
        __syncthreads();
    }
}

static __global__ void edc_value_kernel(const double *partials, int chunks, double share,
                                        double *value) {
    double sum[1];
    v2s_row_sums(partials, chunks, blockIdx.x, sum);
    if (threadIdx.x == 0)
        value[blockIdx.x] += share * sum[0];
}

// ---- the loss ---------------------------------------------------------------------------------

static void take_memory(v2s_edc_cuda *l, v2s_arena *arena) {
    size_t chunks = v2s_size_mul((size_t)l->B, (size_t)chunks_of(l->T, l->C));
    size_t values = v2s_size_mul(chunks, (size_t)l->C);
    l->energy = (double *)v2s_arena_take(arena, values, 2 * sizeof(double));
    l->slope = (double *)v2s_arena_take(arena, values, sizeof(double));
    l->floor = (double *)v2s_arena_take(arena, (size_t)l->B, sizeof(double));
    l->partials = (double *)v2s_arena_take(arena, chunks, sizeof(double));
}

v2s_status v2s_edc_cuda_open(const v2s_device *dev, int B, int T, int C, v2s_edc_cuda *out) {
    v2s_edc_cuda l = {};
    l.B = B;
    l.T = T;
    l.C = C;
    V2S_TRY(v2s_cuda_memory_open(dev, &l, take_memory, &l.memory));
    *out = l;
    return V2S_OK;
}

void v2s_edc_cuda_run(const v2s_device *dev, const v2s_edc_cuda *l, const v2s_loss_call *a) {
    const int T = a->T, C = l->C, chunks = chunks_of(T, C);
    const dim3 grid((unsigned)chunks, (unsigned)a->B), rows((unsigned)a->B);
    const double count = (double)T * C, share = V2S_EDC_DB_PER_NEPER / count;
    const double *energy = l->energy, *floor = l->floor;
    v2s_launch(dev, "edc", energy_kernel, grid, BLOCK, 0, T, C, a->x, a->truth, l->energy);
    v2s_launch(dev, "edc", energy_behind_kernel, rows, V2S_LOSS_CHANNELS_MAX, 0, chunks, T, C,
               l->energy, l->floor);
    v2s_launch(dev, "edc", distance_kernel, grid, BLOCK, 0, T, C, a->x, a->truth, energy, floor,
               l->slope, l->partials);
    if (a->value != NULL)
        v2s_launch(dev, "edc", edc_value_kernel, rows, BLOCK, 0, (const double *)l->partials,
                   chunks, a->weight * share, a->value);
    if (a->dx == NULL)
        return;
    v2s_launch(dev, "edc", slope_before_kernel, rows, V2S_LOSS_CHANNELS_MAX, 0, chunks, C,
               l->slope);
    v2s_launch(dev, "edc", gradient_kernel, grid, BLOCK, 0, T, C, a->x, a->truth, energy, floor,
               (const double *)l->slope, a->factor * 2.0 * share, a->dx);
}

void v2s_edc_cuda_close(const v2s_device *dev, v2s_edc_cuda *l) {
    dev->ops->memory->give(dev, l->memory);
    *l = v2s_edc_cuda{};
}
