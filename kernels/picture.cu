// SPDX-License-Identifier: MIT
// Transposing of [C,P] and [P,C], item by item: a block takes a square of SIDE x SIDE numbers
// through shared memory, so that both sides are read and written in whole lines. A column more than
// SIDE keeps the threads of a warp on different banks.
//
// Bound by memory: 8 bytes a number, 12 where it adds (counted).
#include "kernels/cuda.cuh"

enum { SIDE = 32, ROWS = 8, BLOCK = SIDE * ROWS };
static const size_t grid_y_max = 65535;

// to[n][j][i] = or += from[n][i][j] for i < I, j < J. Grid: squares of (n, J), squares of I.
static __global__ void transpose_kernel(int N, size_t I, size_t J, bool add, const float *from,
                                        float *to) {
    __shared__ float square[SIDE][SIDE + 1];
    size_t across = (J + SIDE - 1) / SIDE, n = blockIdx.x / across;
    size_t lane = threadIdx.x % SIDE, row = threadIdx.x / SIDE;
    size_t first_j = (blockIdx.x - n * across) * SIDE;
    if (n >= (size_t)N)
        return;
    from += n * I * J;
    to += n * I * J;
    for (size_t first_i = blockIdx.y * (size_t)SIDE; first_i < I;
         first_i += gridDim.y * (size_t)SIDE) {
        for (size_t k = row; k < SIDE; k += ROWS)
            if (first_i + k < I && first_j + lane < J)
                square[k][lane] = from[(first_i + k) * J + first_j + lane];
        __syncthreads();
        for (size_t k = row; k < SIDE; k += ROWS)
            if (first_j + k < J && first_i + lane < I) {
                size_t at = (first_j + k) * I + first_i + lane;
                to[at] = add ? to[at] + square[lane][k] : square[lane][k];
            }
        __syncthreads(); // the square is filled anew
    }
}

static void transpose(const v2s_device *dev, const char *what, const v2s_picture_rows_args *a,
                      size_t I, size_t J) {
    V2S_ASSERT(a->block <= 1); // v2s_picture_block
    size_t down = (I + SIDE - 1) / SIDE;
    dim3 grid((unsigned)((size_t)a->N * ((J + SIDE - 1) / SIDE)));
    grid.y = (unsigned)(down < grid_y_max ? down : grid_y_max);
    v2s_launch(dev, what, transpose_kernel, grid, BLOCK, 0, a->N, I, J, a->add, a->from, a->to);
}

extern "C" void v2s_picture_to_rows_cuda(const v2s_device *dev, const v2s_picture_rows_args *a,
                                         v2s_arena *scratch) {
    (void)scratch;
    transpose(dev, "picture_to_rows", a, (size_t)a->C, (size_t)a->P);
}

extern "C" void v2s_picture_from_rows_cuda(const v2s_device *dev, const v2s_picture_rows_args *a,
                                           v2s_arena *scratch) {
    (void)scratch;
    transpose(dev, "picture_from_rows", a, (size_t)a->P, (size_t)a->C);
}
