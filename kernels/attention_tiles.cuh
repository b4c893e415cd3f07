// SPDX-License-Identifier: MIT
// Tiles of attention: what its forward and backward kernels are made of.
//
// A block of 256 threads owns TILE rows (queries, or keys) and walks over the others, TILE at a
// time. Two products of tiles do all the work:
//
//   v2s_tile_products   s [row,other] += sum over d of a[row,d] b[other,d]. Both pass through
//   shared
//                       memory in steps of 32 of d, the next step on its way while this one is
//                       used. A thread has 4 x 4 of s: rows 4 ty + r, others tx + 16 k for ty =
//                       thread / 16, tx = thread % 16.
//   v2s_tile_add        acc [row,e] += sum over others of p[other,row] m[other,e], p in shared
//                       memory, m passing through it 16 others at a time. A thread has 8 x WIDTH of
//                       acc: rows 8 warp + r, columns lane + 32 c.
//
// A warp has the same 8 rows in both. Registers: a step of four d is 8 loads of 16 bytes for 64
// multiply-adds, one other 2 + WIDTH loads for 8 WIDTH; rows of 36 floats keep the loads of 8
// neighbouring threads in different banks.
#ifndef V2S_KERNELS_ATTENTION_TILES_CUH
#define V2S_KERNELS_ATTENTION_TILES_CUH

#include <cuda_pipeline.h>

#include "kernels/cuda.cuh"

enum {
    V2S_TILE = 64,
    V2S_TILE_BLOCK = 256,
    V2S_TILE_STEP = 32,                 // of d
    V2S_TILE_PITCH = V2S_TILE_STEP + 4, // floats from row to row of what is staged
    V2S_TILE_OTHERS = 16,
    V2S_P_PITCH = V2S_TILE + 4, // of p
    V2S_STAGE = V2S_TILE * V2S_TILE_PITCH,
    V2S_STAGES = 4 * V2S_STAGE, // floats: two steps of a and of b, or two of m
    V2S_WIDTH_MAX = 8,
    V2S_TILE_SHARED = V2S_STAGES + V2S_TILE * V2S_P_PITCH
};
static_assert(2 * V2S_TILE_OTHERS * 32 * V2S_WIDTH_MAX <= V2S_STAGES, "m needs more room");

// count rows of `length` numbers. `four`: four neighbours are 16 bytes at a multiple of 16.
struct v2s_rows {
    const float *at;
    int count, length;
    bool four;
};

static __host__ __device__ __forceinline__ v2s_rows v2s_rows_of(const float *at, int count,
                                                                int length) {
    return {at, count, length, length % 4 == 0 && (uintptr_t)at % 16 == 0};
}

// Those of item b of a batch of such.
static __device__ __forceinline__ v2s_rows v2s_item_rows(v2s_rows m, size_t b) {
    m.at += b * (size_t)m.count * (size_t)m.length;
    return m;
}

// to = *from where `inside`, else 0, of T: a float or four.
template <typename T>
static __device__ __forceinline__ void v2s_stage_numbers(float *to, const float *from,
                                                         bool inside) {
    if (inside)
        __pipeline_memcpy_async(to, from, sizeof(T));
    else
        *reinterpret_cast<T *>(to) = T();
}

// to [ROWS], PITCH floats from row to row = COLUMNS numbers of rows first .. of m, from `column`
// on. The loop stays a loop: unrolled, its addresses would take the registers of the products, and
// nobody waits for a copy here.
template <typename T, int ROWS, int COLUMNS, int PITCH>
static __device__ __forceinline__ void v2s_stage_by(float *to, const v2s_rows &m, int first,
                                                    int column) {
    const int pack = sizeof(T) / sizeof(float), packs = COLUMNS / pack;
#pragma unroll 1
    for (int i = (int)threadIdx.x; i < ROWS * packs; i += V2S_TILE_BLOCK) {
        int row = i / packs, own = (i - row * packs) * pack;
        bool inside = first + row < m.count && column + own < m.length;
        v2s_stage_numbers<T>(to + row * PITCH + own,
                             m.at + (size_t)(first + row) * (size_t)m.length + column + own,
                             inside);
    }
}

template <int ROWS, int COLUMNS, int PITCH>
static __device__ __forceinline__ void v2s_stage(float *to, const v2s_rows &m, int first,
                                                 int column) {
    if (m.four)
        v2s_stage_by<float4, ROWS, COLUMNS, PITCH>(to, m, first, column);
    else
        v2s_stage_by<float, ROWS, COLUMNS, PITCH>(to, m, first, column);
}

static __device__ __forceinline__ void v2s_stage_step(float *to, const v2s_rows &m, int first,
                                                      int column) {
    v2s_stage<V2S_TILE, V2S_TILE_STEP, V2S_TILE_PITCH>(to, m, first, column);
}

// What one step of `count` d adds.
static __device__ __forceinline__ void v2s_step_products(float (&s)[4][4], const float *a,
                                                         const float *b, int count) {
    a += (int)threadIdx.x / 16 * 4 * V2S_TILE_PITCH;
    b += (int)threadIdx.x % 16 * V2S_TILE_PITCH;
#pragma unroll 1
    for (int d = 0; d < count; d += 4) {
        float4 x[4], y[4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            x[i] = *reinterpret_cast<const float4 *>(a + i * V2S_TILE_PITCH + d);
            y[i] = *reinterpret_cast<const float4 *>(b + i * 16 * V2S_TILE_PITCH + d);
        }
#pragma unroll
        for (int r = 0; r < 4; r++)
#pragma unroll
            for (int k = 0; k < 4; k++) {
                s[r][k] += x[r].x * y[k].x;
                s[r][k] += x[r].y * y[k].y;
                s[r][k] += x[r].z * y[k].z;
                s[r][k] += x[r].w * y[k].w;
            }
    }
}

// Rows first_a .. of a, others first_b .. of b. The block comes and goes together, and has
// finished with `stages` before.
static __device__ __forceinline__ void v2s_tile_products(float (&s)[4][4], float *stages,
                                                         const v2s_rows &a, int first_a,
                                                         const v2s_rows &b, int first_b) {
    float *of_b = stages + 2 * V2S_STAGE;
    v2s_stage_step(stages, a, first_a, 0);
    v2s_stage_step(of_b, b, first_b, 0);
    __pipeline_commit();
    for (int at = 0, now = 0; at < a.length; at += V2S_TILE_STEP, now = V2S_STAGE - now) {
        int next = at + V2S_TILE_STEP;
        if (next < a.length) {
            v2s_stage_step(stages + V2S_STAGE - now, a, first_a, next);
            v2s_stage_step(of_b + V2S_STAGE - now, b, first_b, next);
        }
        __pipeline_commit();
        __pipeline_wait_prior(1);
        __syncthreads();
        v2s_step_products(s, stages + now, of_b + now, min((int)V2S_TILE_STEP, a.length - at));
        __syncthreads();
    }
}

// p of this thread's 4 x 4, as v2s_tile_add reads it.
static __device__ __forceinline__ void v2s_leave_p(float *p, const float (&s)[4][4]) {
    p += (int)threadIdx.x % 16 * V2S_P_PITCH + (int)threadIdx.x / 16 * 4;
#pragma unroll
    for (int k = 0; k < 4; k++)
        *reinterpret_cast<float4 *>(p + k * 16 * V2S_P_PITCH) =
            make_float4(s[0][k], s[1][k], s[2][k], s[3][k]);
}

// Others first .. of m, columns column .. of it. As v2s_tile_products, and p is there by the time
// of the first barrier.
template <int WIDTH>
static __device__ __forceinline__ void v2s_tile_add(float (&acc)[8][WIDTH], float *stages,
                                                    const float *p, const v2s_rows &m, int first,
                                                    int column) {
    const int stage = V2S_TILE_OTHERS * 32 * WIDTH;
    int end = min((int)V2S_TILE, m.count - first), lane = (int)threadIdx.x % 32;
    p += (int)threadIdx.x / 32 * 8;
    v2s_stage<V2S_TILE_OTHERS, 32 * WIDTH, 32 * WIDTH>(stages, m, first, column);
    __pipeline_commit();
    for (int at = 0, now = 0; at < end; at += V2S_TILE_OTHERS, now = stage - now) {
        if (at + V2S_TILE_OTHERS < end)
            v2s_stage<V2S_TILE_OTHERS, 32 * WIDTH, 32 * WIDTH>(
                stages + stage - now, m, first + at + V2S_TILE_OTHERS, column);
        __pipeline_commit();
        __pipeline_wait_prior(1);
        __syncthreads();
#pragma unroll 2
        for (int o = 0; o < V2S_TILE_OTHERS; o++) {
            const float4 *row = reinterpret_cast<const float4 *>(p + (at + o) * V2S_P_PITCH);
            float4 low = row[0], high = row[1];
            float x[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
            for (int c = 0; c < WIDTH; c++) {
                float y = stages[now + (o * WIDTH + c) * 32 + lane];
#pragma unroll
                for (int r = 0; r < 8; r++)
                    acc[r][c] += x[r] * y;
            }
        }
        __syncthreads();
    }
}

// The value that the threads of row 8 warp + r have in v[r % 4].
static __device__ __forceinline__ float v2s_of_row(const float (&v)[4], int r) {
    return __shfl_sync(0xffffffffu, v[r % 4], r / 4 * 16);
}

#endif
