// SPDX-License-Identifier: MIT
// The walk step by step: one product and one kernel each. Bound by the launches, but any H, and
// nothing that depends on the machine.
#include "kernels/gru_cuda.cuh"

size_t v2s_gru_steps_scratch(int B, int H) {
    size_t state = v2s_size_mul((size_t)B, (size_t)H * sizeof(float));
    return v2s_scratch_round(v2s_size_mul(state, 4), 2);
}

// The row of step i of direction d in a batch row's T.
static int step_of(const v2s_gru_walk *w, int d, int i) {
    return v2s_gru_reversed(w, d) ? w->T - 1 - i : i;
}

// What one step of one direction works on; rows b are T apart in gi, y, saved and dy.
struct step_args {
    int B, T, H, ldy;
    const float *gi, *b_ih, *b_hh;
    const float *product; // [B,3H] W_hh h; back [B,H] W_hh^T da
    float *h;             // [B,H] the state; back dh, without the product
    float *y, *saved;
    const float *dy, *h_before; // [..] rows T ldy apart, or H where `border` is set
    bool border;
};

static step_args step_of_all(const v2s_gru_walk *w) {
    step_args a = {};
    a.B = w->B;
    a.T = w->T;
    a.H = w->H;
    a.ldy = w->ldy;
    return a;
}

// An [B,H] matrix of zeros where `from` is NULL.
static __global__ void start_kernel(size_t count, const float *from, float *to) {
    size_t i = v2s_item();
    if (i < count)
        to[i] = from != NULL ? from[i] : 0.0f;
}

static void start(const v2s_device *dev, const char *what, size_t count, const float *from,
                  float *to) {
    v2s_launch(dev, what, start_kernel, v2s_blocks(count, V2S_CUDA_BLOCK), V2S_CUDA_BLOCK, 0, count,
               from, to);
}

// h_end = h, or dh0 += dh.
static __global__ void end_kernel(size_t count, const float *from, const float *more, float *to) {
    size_t i = v2s_item();
    if (i < count)
        to[i] = more != NULL ? to[i] + (from[i] + more[i]) : from[i];
}

// ---- forward ----------------------------------------------------------------------------------

static __global__ void gates_kernel(step_args a) {
    size_t i = v2s_item();
    int H = a.H;
    if (i >= (size_t)a.B * H)
        return;
    size_t b = i / H;
    int j = (int)(i % H);
    const float *gi = a.gi + b * a.T * 3 * H + j, *gh = a.product + b * 3 * H + j;
    float r = v2s_gru_sigmoid(gi[0] + gh[0] + (a.b_ih[j] + a.b_hh[j]));
    float z = v2s_gru_sigmoid(gi[H] + gh[H] + (a.b_ih[H + j] + a.b_hh[H + j]));
    float q = gh[2 * H] + a.b_hh[2 * H + j];
    float n = v2s_gru_tanh(fmaf(r, q, gi[2 * H] + a.b_ih[2 * H + j]));
    float h = fmaf(z, a.h[i] - n, n);
    a.h[i] = h;
    if (a.y != NULL)
        a.y[b * a.T * a.ldy + j] = h;
    if (a.saved == NULL)
        return;
    float *saved = a.saved + b * a.T * 4 * H + j;
    saved[0] = n;
    saved[H] = r;
    saved[2 * H] = z;
    saved[3 * H] = q;
}

static void forward_direction(const v2s_device *dev, const v2s_gru_walk *w, int d, float *h,
                              float *product) {
    const v2s_gru_walk_direction *dir = &w->dir[d];
    size_t states = (size_t)w->B * w->H, rows = (size_t)w->B * w->T;
    v2s_product p = {};
    p.M = w->B;
    p.N = p.ldc = 3 * w->H;
    p.K = p.lda = p.ldb = w->H;
    p.transpose_b = true;
    p.alpha = 1.0f;
    p.a = h;
    p.b = dir->w_hh;
    p.c = product;
    start(dev, "gru_forward", states, dir->h0, h);
    for (int i = 0; i < w->T; i++) {
        size_t at = (size_t)step_of(w, d, i);
        v2s_cuda_product(dev, "gru_forward", &p);
        step_args a = step_of_all(w);
        a.gi = w->gi + (d * rows + at) * 3 * w->H;
        a.b_ih = dir->b_ih;
        a.b_hh = dir->b_hh;
        a.product = product;
        a.h = h;
        a.y = w->y != NULL ? w->y + at * w->ldy + (size_t)d * w->H : NULL;
        a.saved = w->saved != NULL ? w->saved + (d * rows + at) * 4 * w->H : NULL;
        v2s_launch(dev, "gru_forward", gates_kernel, v2s_blocks(states, V2S_CUDA_BLOCK),
                   V2S_CUDA_BLOCK, 0, a);
    }
    if (dir->h_end != NULL)
        v2s_launch(dev, "gru_forward", end_kernel, v2s_blocks(states, V2S_CUDA_BLOCK),
                   V2S_CUDA_BLOCK, 0, states, (const float *)h, (const float *)NULL, dir->h_end);
}

void v2s_gru_steps_forward(const v2s_device *dev, const v2s_gru_walk *w, v2s_arena *scratch) {
    size_t mark = scratch->used, states = (size_t)w->B * w->H;
    float *h = (float *)v2s_arena_take(scratch, states, sizeof(float));
    float *product = (float *)v2s_arena_take(scratch, 3 * states, sizeof(float));
    for (int d = 0; d < w->D; d++)
        forward_direction(dev, w, d, h, product);
    v2s_arena_rewind(scratch, mark);
}

// ---- back -------------------------------------------------------------------------------------

static __global__ void gradients_kernel(step_args a) {
    size_t i = v2s_item();
    int H = a.H;
    if (i >= (size_t)a.B * H)
        return;
    size_t b = i / H;
    int j = (int)(i % H);
    float *saved = a.saved + b * a.T * 4 * H + j;
    float n = saved[0], r = saved[H], z = saved[2 * H], q = saved[3 * H], h = 0.0f;
    if (a.h_before != NULL)
        h = a.h_before[b * (a.border ? (size_t)H : (size_t)a.T * a.ldy) + j];
    float dh = a.h[i] + a.product[i] + a.dy[b * a.T * a.ldy + j];
    float da_n = dh * (1.0f - z) * fmaf(-n, n, 1.0f), dq = da_n * r;
    a.h[i] = dh * z;
    saved[0] = da_n;
    saved[H] = dq * q * (1.0f - r);
    saved[2 * H] = dh * (h - n) * z * (1.0f - z);
    saved[3 * H] = dq;
}

static void backward_direction(const v2s_device *dev, const v2s_gru_walk *w, int d, float *dh,
                               float *product) {
    const v2s_gru_walk_direction *dir = &w->dir[d];
    size_t states = (size_t)w->B * w->H, rows = (size_t)w->B * w->T;
    v2s_product p = {};
    p.M = w->B;
    p.N = p.ldb = p.ldc = w->H;
    p.K = 3 * w->H;
    p.alpha = 1.0f;
    p.b = dir->w_hh;
    p.c = product;
    p.lda = w->T * 4 * w->H;
    start(dev, "gru_backward", states, dir->dh_end, dh);
    start(dev, "gru_backward", states, NULL, product);
    for (int i = w->T - 1; i >= 0; i--) {
        size_t at = (size_t)step_of(w, d, i);
        step_args a = step_of_all(w);
        a.product = product;
        a.h = dh;
        a.saved = w->saved + (d * rows + at) * 4 * w->H;
        a.dy = w->dy + at * w->ldy + (size_t)d * w->H;
        a.border = i == 0;
        a.h_before =
            a.border ? dir->h0 : w->y + (size_t)step_of(w, d, i - 1) * w->ldy + (size_t)d * w->H;
        v2s_launch(dev, "gru_backward", gradients_kernel, v2s_blocks(states, V2S_CUDA_BLOCK),
                   V2S_CUDA_BLOCK, 0, a);
        p.a = a.saved + w->H; // da_r, da_z, dq
        v2s_cuda_product(dev, "gru_backward", &p);
    }
    if (dir->dh0 != NULL)
        v2s_launch(dev, "gru_backward", end_kernel, v2s_blocks(states, V2S_CUDA_BLOCK),
                   V2S_CUDA_BLOCK, 0, states, (const float *)dh, (const float *)product, dir->dh0);
}

void v2s_gru_steps_backward(const v2s_device *dev, const v2s_gru_walk *w, v2s_arena *scratch) {
    size_t mark = scratch->used, states = (size_t)w->B * w->H;
    float *dh = (float *)v2s_arena_take(scratch, states, sizeof(float));
    float *product = (float *)v2s_arena_take(scratch, states, sizeof(float));
    for (int d = 0; d < w->D; d++)
        backward_direction(dev, w, d, dh, product);
    v2s_arena_rewind(scratch, mark);
}
