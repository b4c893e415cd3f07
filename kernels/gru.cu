// SPDX-License-Identifier: MIT
// The operation: which way it runs, the products before a walk, and those after a walk back.
#include "kernels/gru_cuda.cuh"
#include "kernels/row_products.cuh"

#include <stdlib.h>
#include <string.h>

// ---- ways -------------------------------------------------------------------------------------

v2s_status v2s_gru_open(v2s_cuda_state *state) {
    static const struct {
        const char *name;
        v2s_gru_way way;
    } ways[] = {{"auto", V2S_GRU_AUTO},
                {"persistent", V2S_GRU_PERSISTENT},
                {"cudnn", V2S_GRU_CUDNN},
                {"steps", V2S_GRU_STEPS}};
    v2s_gru_state *gru = (v2s_gru_state *)calloc(1, sizeof *gru);
    if (gru == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    state->gru = gru;
    v2s_gru_persistent_open(state);
    const char *wanted = getenv("V2S_CUDA_GRU");
    if (wanted == NULL || wanted[0] == '\0')
        return V2S_OK;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(wanted, ways[i].name) == 0) {
            gru->wanted = ways[i].way;
            return V2S_OK;
        }
    return V2S_FAIL(V2S_ARG, "V2S_CUDA_GRU=%s, expected auto, persistent, cudnn or steps", wanted);
}

void v2s_gru_close(v2s_cuda_state *state) {
    if (state->gru == NULL)
        return;
    v2s_gru_cudnn_close(state->gru);
    free(state->gru);
    state->gru = NULL;
}

// From nothing but shapes and device, because `saved` depends on it.
static v2s_gru_way way_of(const v2s_device *dev, const v2s_gru_args *a) {
    v2s_gru_way wanted = dev->cuda->gru->wanted;
    bool persistent = v2s_gru_persistent_serves(dev, a->H);
    if (wanted == V2S_GRU_STEPS)
        return V2S_GRU_STEPS;
    if (persistent && wanted != V2S_GRU_CUDNN)
        return V2S_GRU_PERSISTENT;
    if (v2s_gru_cudnn_serves(dev, a))
        return V2S_GRU_CUDNN;
    return persistent ? V2S_GRU_PERSISTENT : V2S_GRU_STEPS;
}

static void note_kind(const v2s_device *dev, v2s_gru_way way, int H) {
    dev->cuda->gru_kind = way == V2S_GRU_PERSISTENT ? v2s_gru_persistent_kind(H)
                          : way == V2S_GRU_CUDNN    ? "cuDNN"
                                                    : "steps";
}

static size_t rows_of(const v2s_gru_args *a) {
    return v2s_size_mul((size_t)a->B, (size_t)a->T);
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static v2s_gru_walk walk_of(const v2s_gru_args *a) {
    v2s_gru_walk w = {};
    w.B = a->B;
    w.T = a->T;
    w.H = a->H;
    w.D = a->D;
    w.ldy = a->ldy;
    w.reverse = a->reverse;
    w.aligned = a->H % 4 == 0;
    w.y = a->y;
    w.saved = (float *)a->saved;
    for (int d = 0; d < a->D; d++) {
        const v2s_gru_direction *from = &a->dir[d];
        w.dir[d].w_hh = from->w_hh;
        w.dir[d].b_ih = from->b_ih;
        w.dir[d].b_hh = from->b_hh;
        w.dir[d].h0 = from->h0;
        w.dir[d].h_end = from->h_end;
        w.aligned = w.aligned && (uintptr_t)from->w_hh % 16 == 0;
    }
    return w;
}

// ---- forward ----------------------------------------------------------------------------------

extern "C" size_t v2s_gru_packed_size_cuda(const v2s_device *dev, int C, int H) {
    (void)dev;
    (void)C;
    (void)H;
    return 0;
}

extern "C" void v2s_gru_pack_cuda(const v2s_device *dev, int C, int H, const v2s_gru_direction *dir,
                                  void *packed) {
    (void)dev;
    (void)C;
    (void)H;
    (void)dir;
    (void)packed;
}

extern "C" size_t v2s_gru_scratch_cuda(const v2s_device *dev, const v2s_gru_args *a) {
    size_t numbers = v2s_size_mul(rows_of(a), 3 * (size_t)a->D * (size_t)a->H);
    size_t own = v2s_scratch_round(v2s_size_mul(numbers, sizeof(float)), 1) +
                 larger(v2s_gru_steps_scratch(a->B, a->H), v2s_gru_persistent_scratch(dev, a->H));
    size_t dnn = way_of(dev, a) == V2S_GRU_CUDNN ? v2s_gru_cudnn_scratch(dev, a) : 0;
    return larger(own, dnn);
}

extern "C" size_t v2s_gru_saved_size_cuda(const v2s_device *dev, const v2s_gru_args *a) {
    if (way_of(dev, a) == V2S_GRU_CUDNN)
        return v2s_gru_cudnn_saved_size(dev, a);
    return v2s_size_mul(v2s_size_mul(rows_of(a), (size_t)a->D), 4 * (size_t)a->H * sizeof(float));
}

// gi [D][B*T,3H] = W_ih x of all steps; the biases come in with the gates.
static void project(const v2s_device *dev, const v2s_gru_args *a, float *gi) {
    for (int d = 0; d < a->D; d++) {
        v2s_product p = {};
        p.M = (int)rows_of(a);
        p.N = p.ldc = 3 * a->H;
        p.K = p.lda = p.ldb = a->C;
        p.transpose_b = true;
        p.alpha = 1.0f;
        p.a = a->x;
        p.b = a->dir[d].w_ih;
        p.c = gi + d * rows_of(a) * 3 * a->H;
        v2s_cuda_product(dev, "gru_forward", &p);
    }
}

extern "C" void v2s_gru_forward_cuda(const v2s_device *dev, const v2s_gru_args *a,
                                     v2s_arena *scratch) {
    size_t mark = scratch->used, rows = rows_of(a);
    v2s_gru_way way = rows == 0 ? V2S_GRU_STEPS : way_of(dev, a);
    note_kind(dev, way, a->H);
    if (way == V2S_GRU_CUDNN) {
        v2s_gru_cudnn_forward(dev, a, scratch);
        return;
    }
    v2s_gru_walk w = walk_of(a);
    float *gi = (float *)v2s_arena_take(scratch, rows * 3 * a->D * a->H, sizeof(float));
    project(dev, a, gi);
    w.gi = gi;
    if (way == V2S_GRU_PERSISTENT)
        v2s_gru_persistent_forward(dev, &w, a->saved == NULL ? a->overlap : 0, scratch);
    else
        v2s_gru_steps_forward(dev, &w, scratch);
    v2s_arena_rewind(scratch, mark);
}

// ---- backward ---------------------------------------------------------------------------------

enum { BEFORE_THREADS = 128 }; // a row at once for most H

// out [rows,H]: the state before each step; h0 (NULL: 0) where the walk begins. A block per row.
static __global__ void before_kernel(v2s_gru_walk w, int d, float *out) {
    size_t row = blockIdx.x, b = blockIdx.x / (unsigned)w.T;
    int t = (int)(blockIdx.x % (unsigned)w.T);
    bool reverse = d == 1 || w.reverse, begins = t == (reverse ? w.T - 1 : 0);
    const float *from = w.dir[d].h0;
    if (begins)
        from = from != NULL ? from + b * w.H : NULL;
    else
        from = w.y + (reverse ? row + 1 : row - 1) * w.ldy + (size_t)d * w.H;
    for (int j = (int)threadIdx.x; j < w.H; j += (int)blockDim.x)
        out[row * w.H + j] = from != NULL ? from[j] : 0.0f;
}

// Sums of da_n, da_r, da_z, dq [4H] to both biases, whose gates are r, z, n.
static __global__ void bias_kernel(int H, const float *sums, float *db_ih, float *db_hh) {
    int j = (int)v2s_item();
    if (j >= H)
        return;
    float r = sums[H + j], z = sums[2 * H + j];
    db_ih[j] += r;
    db_ih[H + j] += z;
    db_ih[2 * H + j] += sums[j];
    db_hh[j] += r;
    db_hh[H + j] += z;
    db_hh[2 * H + j] += sums[3 * H + j];
}

static void bias_gradients(const v2s_device *dev, const v2s_gru_args *a, const float *da,
                           const v2s_gru_gradients *grad, v2s_arena *scratch) {
    size_t mark = scratch->used, rows = rows_of(a);
    float *sums = (float *)v2s_arena_take(scratch, 4 * (size_t)a->H, sizeof(float));
    float *partial = (float *)v2s_arena_take(scratch, v2s_column_sums_scratch(rows, 4 * a->H), 1);
    dev->ops->memory->zero(dev, sums, 4 * (size_t)a->H * sizeof(float));
    v2s_column_sums(dev, rows, 4 * a->H, da, 4 * a->H, sums, partial);
    v2s_launch(dev, "gru_backward", bias_kernel, v2s_blocks((size_t)a->H, V2S_CUDA_BLOCK),
               V2S_CUDA_BLOCK, 0, a->H, (const float *)sums, grad->db_ih, grad->db_hh);
    v2s_arena_rewind(scratch, mark);
}

// dx += (da_n, da_r, da_z) W_ih with W_ih's gates in that order.
static void input_gradient(const v2s_device *dev, const v2s_gru_backward_args *g, int d,
                           const float *da, v2s_arena *scratch) {
    const v2s_gru_args *a = &g->of;
    size_t mark = scratch->used, gate = (size_t)a->H * a->C;
    float *w = (float *)v2s_arena_take(scratch, 3 * gate, sizeof(float));
    dev->ops->memory->copy(dev, w, a->dir[d].w_ih + 2 * gate, gate * sizeof(float));
    dev->ops->memory->copy(dev, w + gate, a->dir[d].w_ih, 2 * gate * sizeof(float));
    v2s_product p = {};
    p.M = (int)rows_of(a);
    p.N = p.ldb = p.ldc = a->C;
    p.K = 3 * a->H;
    p.alpha = p.beta = 1.0f;
    p.a = da;
    p.lda = 4 * a->H;
    p.b = w;
    p.c = g->dx;
    v2s_cuda_product(dev, "gru_backward", &p);
    v2s_arena_rewind(scratch, mark);
}

static void direction_gradients(const v2s_device *dev, const v2s_gru_backward_args *g,
                                const v2s_gru_walk *w, int d, v2s_arena *scratch) {
    const v2s_gru_args *a = &g->of;
    size_t mark = scratch->used, rows = rows_of(a);
    const float *da = w->saved + d * rows * 4 * a->H;
    v2s_row_sum ih = {rows, 3 * a->H, a->C, da, a->x, 4 * a->H, a->C, a->H, g->grad[d].dw_ih};
    v2s_row_product(dev, "gru_backward", &ih, scratch);
    bias_gradients(dev, a, da, &g->grad[d], scratch);
    if (g->dx != NULL)
        input_gradient(dev, g, d, da, scratch);
    float *before = (float *)v2s_arena_take(scratch, rows * a->H, sizeof(float));
    v2s_launch(dev, "gru_backward", before_kernel, dim3((unsigned)rows), BEFORE_THREADS, 0, *w, d,
               before);
    v2s_row_sum hh = {rows, 3 * a->H, a->H, da + a->H, before, 4 * a->H, a->H, 0, g->grad[d].dw_hh};
    v2s_row_product(dev, "gru_backward", &hh, scratch);
    v2s_arena_rewind(scratch, mark);
}

extern "C" size_t v2s_gru_backward_scratch_cuda(const v2s_device *dev,
                                                const v2s_gru_backward_args *g) {
    const v2s_gru_args *a = &g->of;
    size_t rows = rows_of(a), H = (size_t)a->H, three = 3 * H * (size_t)a->C;
    size_t ih = v2s_row_product_scratch(dev, rows, 3 * a->H, a->C);
    size_t hh = v2s_scratch_round(v2s_size_mul(rows, H * sizeof(float)), 1) +
                v2s_row_product_scratch(dev, rows, 3 * a->H, a->H);
    size_t bias =
        v2s_scratch_round(4 * H * sizeof(float) + v2s_column_sums_scratch(rows, 4 * a->H), 2);
    size_t dx = v2s_scratch_round(three * sizeof(float), 1);
    size_t own = larger(larger(ih, hh), larger(bias, dx));
    own = larger(own, v2s_gru_steps_scratch(a->B, a->H));
    return way_of(dev, a) == V2S_GRU_CUDNN ? larger(own, v2s_gru_cudnn_backward_scratch(dev, g))
                                           : own;
}

extern "C" void v2s_gru_backward_cuda(const v2s_device *dev, const v2s_gru_backward_args *g,
                                      v2s_arena *scratch) {
    const v2s_gru_args *a = &g->of;
    size_t rows = rows_of(a);
    v2s_gru_way way = rows == 0 ? V2S_GRU_STEPS : way_of(dev, a);
    if (way == V2S_GRU_CUDNN) {
        v2s_gru_cudnn_backward(dev, g, scratch);
        return;
    }
    v2s_gru_walk w = walk_of(a);
    w.dy = g->dy;
    for (int d = 0; d < a->D; d++) {
        w.dir[d].dh_end = g->grad[d].dh_end;
        w.dir[d].dh0 = g->grad[d].dh0;
    }
    if (way == V2S_GRU_PERSISTENT)
        v2s_gru_persistent_backward(dev, &w);
    else
        v2s_gru_steps_backward(dev, &w, scratch);
    for (int d = 0; d < a->D && rows > 0; d++)
        direction_gradients(dev, g, &w, d, scratch);
}
