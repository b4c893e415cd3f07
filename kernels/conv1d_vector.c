// SPDX-License-Identifier: MIT
// The convolution as one matrix product: row t of the left matrix is the window of K*C inputs
// around t, which lie side by side in memory. Only the rows near the ends need zeros around them;
// their windows are copied out first.
#include <string.h>

#include "kernels/base/parallel.h"
#include "kernels/device.h"
#include "kernels/train_vector.h"
#include "kernels/vector.h"

// Rows whose window is copied at a time: as many as hang over one end.
static size_t edge_floats(const v2s_conv1d_args *a) {
    return v2s_size_mul((size_t)3 * (a->K / 2), (size_t)a->C);
}

size_t v2s_conv1d_scratch_vector(const v2s_device *dev, const v2s_conv1d_args *a) {
    size_t packed = v2s_gemm_packed_floats(dev->vector, a->O, a->K * a->C);
    return v2s_scratch_round((packed + edge_floats(a)) * sizeof(float), 2);
}

static void pack(const v2s_vector *v, const v2s_conv1d_args *a, float *packed) {
    int rows = a->K * a->C;
    memset(packed, 0, v2s_gemm_packed_floats(v, a->O, rows) * sizeof *packed);
    for (int o = 0; o < a->O; o++) {
        *v2s_gemm_packed_at(v, packed, rows, o, -1) = a->bias[o];
        for (int c = 0; c < a->C; c++)
            for (int k = 0; k < a->K; k++)
                *v2s_gemm_packed_at(v, packed, rows, o, k * a->C + c) =
                    a->w[((size_t)o * a->C + c) * a->K + k];
    }
}

typedef struct conv_job {
    const v2s_vector *v;
    const v2s_conv1d_args *a;
    const float *packed, *x;
    float *y;
} conv_job;

// y[begin..end) from `x`, whose first row is the first input of row begin's window.
static void windows(const conv_job *job, const float *x, int begin, int end) {
    const v2s_conv1d_args *a = job->a;
    v2s_gemm_args args = {.M = end - begin,
                          .N = a->O,
                          .K = a->K * a->C,
                          .x = x,
                          .ldx = (size_t)a->C,
                          .w = job->packed,
                          .y = job->y + (size_t)begin * a->O,
                          .ldy = (size_t)a->O};
    job->v->gemm(&args);
}

static void interior(void *ctx, int i, int n) {
    const conv_job *job = ctx;
    int half = job->a->K / 2, count = job->a->T - 2 * half, begin, end;
    v2s_parallel_share(count, 64, i, n, &begin, &end);
    if (begin < end)
        windows(job, job->x + (size_t)begin * job->a->C, half + begin, half + end);
}

// Rows begin .. end-1 (at most K/2), whose windows hang over an end of x.
static void edge(const conv_job *job, float *padded, int begin, int end) {
    const v2s_conv1d_args *a = job->a;
    int half = a->K / 2, C = a->C;
    for (int i = 0; i < end - begin + 2 * half; i++) {
        int t = begin - half + i;
        float *to = padded + (size_t)i * C;
        if (t < 0 || t >= a->T)
            memset(to, 0, (size_t)C * sizeof *to);
        else
            memcpy(to, job->x + (size_t)t * C, (size_t)C * sizeof *to);
    }
    windows(job, padded, begin, end);
}

void v2s_conv1d_forward_vector(const v2s_device *dev, const v2s_conv1d_args *a,
                               v2s_arena *scratch) {
    size_t mark = scratch->used;
    const v2s_vector *v = dev->vector;
    int half = a->K / 2;
    float *packed =
        v2s_arena_take(scratch, v2s_gemm_packed_floats(v, a->O, a->K * a->C), sizeof *packed);
    float *padded = v2s_arena_take(scratch, edge_floats(a), sizeof *padded);
    pack(v, a, packed);
    for (int b = 0; b < a->B; b++) {
        conv_job job = {.v = v,
                        .a = a,
                        .packed = packed,
                        .x = a->x + (size_t)b * a->T * a->C,
                        .y = a->y + (size_t)b * a->T * a->O};
        int head = half < a->T ? half : a->T;
        int tail = a->T - half > head ? a->T - half : head;
        if (head > 0)
            edge(&job, padded, 0, head);
        if (tail > head)
            v2s_parallel(dev->threads, a->T >= 1024 ? dev->threads : 1, interior, &job);
        if (a->T > tail)
            edge(&job, padded, tail, a->T);
    }
    v2s_arena_rewind(scratch, mark);
}

// Window of K*C inputs of every row: where it lies, or a copy with zeros where it hangs over an
// end of x.
static void fetch_windows(void *ctx, int first, int S, float *work, const float **row) {
    const v2s_conv1d_args *a = ctx;
    int half = a->K / 2;
    size_t C = (size_t)a->C, size = C * a->K;
    for (int s = 0; s < S; s++) {
        int t = (first + s) % a->T;
        const float *x = a->x + (size_t)(first + s - t) * C; // of this batch row
        if (t >= half && t + half < a->T) {
            row[s] = x + (size_t)(t - half) * C;
            continue;
        }
        float *to = work + s * size;
        int begin = t < half ? half - t : 0; // of the taps inside
        int end = t + half < a->T ? a->K : a->T - t + half;
        memset(to, 0, size * sizeof *to);
        memcpy(to + begin * C, x + (size_t)(t - half + begin) * C,
               (size_t)(end - begin) * C * sizeof *to);
        row[s] = to;
    }
}

static v2s_affine_job backward_job(const v2s_conv1d_backward_args *g, float *dw) {
    size_t window = v2s_size_mul((size_t)g->of.K, (size_t)g->of.C);
    return (v2s_affine_job){.rows = g->of.B * g->of.T,
                            .M = g->of.O,
                            .N = (int)window,
                            .dy = g->dy,
                            .ctx = (void *)&g->of,
                            .fetch = fetch_windows,
                            .work_floats = v2s_size_mul(window, V2S_TRAIN_BLOCK),
                            .dw = dw,
                            .dbias = g->dbias};
}

// dx is the convolution of dy with the taps turned round and the channels exchanged.
static v2s_conv1d_args turned(const v2s_conv1d_backward_args *g) {
    return (v2s_conv1d_args){
        .B = g->of.B, .T = g->of.T, .C = g->of.O, .O = g->of.C, .K = g->of.K, .x = g->dy};
}

static size_t weights_of(const v2s_conv1d_args *a) {
    return v2s_size_mul((size_t)a->O * a->C, (size_t)a->K);
}

size_t v2s_conv1d_backward_scratch_vector(const v2s_device *dev,
                                          const v2s_conv1d_backward_args *g) {
    v2s_affine_job job = backward_job(g, NULL);
    size_t weights = weights_of(&g->of), inputs = v2s_size_mul((size_t)job.rows, (size_t)g->of.C);
    v2s_conv1d_args back = turned(g);
    size_t for_dw = v2s_affine_scratch(dev, &job) + v2s_scratch_round(weights * sizeof(float), 1);
    size_t for_dx = v2s_conv1d_scratch_vector(dev, &back) +
                    v2s_scratch_round((weights + inputs + g->of.C) * sizeof(float), 3);
    return for_dw > for_dx ? for_dw : for_dx;
}

static void add_dx(const v2s_device *dev, const v2s_conv1d_backward_args *g, v2s_arena *scratch) {
    size_t mark = scratch->used;
    v2s_conv1d_args back = turned(g);
    int C = g->of.C, O = g->of.O, K = g->of.K;
    size_t inputs = (size_t)g->of.B * g->of.T * C;
    float *w = v2s_arena_take(scratch, weights_of(&g->of), sizeof *w);
    float *zeros = v2s_arena_take(scratch, (size_t)C, sizeof *zeros);
    float *dx = v2s_arena_take(scratch, inputs, sizeof *dx);
    for (int o = 0; o < O; o++)
        for (int c = 0; c < C; c++)
            for (int k = 0; k < K; k++)
                w[((size_t)c * O + o) * K + K - 1 - k] = g->of.w[((size_t)o * C + c) * K + k];
    memset(zeros, 0, (size_t)C * sizeof *zeros);
    back.w = w;
    back.bias = zeros;
    back.y = dx;
    v2s_conv1d_forward_vector(dev, &back, scratch);
    for (size_t i = 0; i < inputs; i++)
        g->dx[i] += dx[i];
    v2s_arena_rewind(scratch, mark);
}

void v2s_conv1d_backward_vector(const v2s_device *dev, const v2s_conv1d_backward_args *g,
                                v2s_arena *scratch) {
    size_t mark = scratch->used;
    int C = g->of.C, O = g->of.O, K = g->of.K;
    float *dw = v2s_arena_take(scratch, weights_of(&g->of), sizeof *dw); // [O,K,C]
    memset(dw, 0, weights_of(&g->of) * sizeof *dw);
    v2s_affine_job job = backward_job(g, dw);
    v2s_affine_backward(dev, &job, scratch);
    for (int o = 0; o < O; o++)
        for (int c = 0; c < C; c++)
            for (int k = 0; k < K; k++)
                g->dw[((size_t)o * C + c) * K + k] += dw[((size_t)o * K + k) * C + c];
    v2s_arena_rewind(scratch, mark);
    if (g->dx != NULL)
        add_dx(dev, g, scratch);
}
