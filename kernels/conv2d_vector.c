// SPDX-License-Identifier: MIT
// Who computes a convolution: oneDNN where it has code for the shape; else the kernels for one
// channel on one side and blocks on the other (first and last layers, which oneDNN leaves to its
// reference in some directions); else the definition.
#include <string.h>

#include "kernels/base/team.h"
#include "kernels/conv2d_onednn.h"
#include "kernels/device.h"
#include "kernels/picture_ops.h"
#include "kernels/picture_vector.h"
#include "kernels/vector.h"

typedef enum maker { BY_ONEDNN, BY_THIN, BY_DEFINITION } maker;

static bool is_empty(const v2s_conv2d_args *a) {
    return a->N == 0 || a->H == 0 || a->W == 0;
}

// The picture with many channels of a thin convolution is x (then O is 1) or y (C is 1).
typedef struct thin {
    const v2s_block_vector *kernels;
    int channels;
    bool many_is_x;
} thin;

// Which thin convolution this is; kernels is NULL where it is none.
static thin thin_of(const v2s_device *dev, const v2s_onednn_call *call) {
    const v2s_conv2d_args *a = &call->g.of;
    const v2s_block_vector *x = v2s_block_vector_of(dev, a->x_block);
    const v2s_block_vector *y = v2s_block_vector_of(dev, a->y_block);
    if (a->O == 1 && y == NULL && call->kind != V2S_ONEDNN_DATA)
        return (thin){x, a->C, true};
    if (a->C == 1 && x == NULL && call->kind != V2S_ONEDNN_FORWARD)
        return (thin){y, a->O, false};
    return (thin){0};
}

static maker maker_of(const v2s_device *dev, const v2s_onednn_call *call) {
    if (v2s_onednn_has(dev, call))
        return BY_ONEDNN;
    return thin_of(dev, call).kernels != NULL ? BY_THIN : BY_DEFINITION;
}

// ---- thin convolutions --------------------------------------------------------------------------

typedef struct thin_job {
    const v2s_onednn_call *call;
    thin t;
    float *w;     // [channels/block,taps,block]: sums
    float *one;   // [N,H+KH-1,W+KW-1]: taps
    double *sums; // [channels/block,taps+1,block]: taps, and the sums of the pixels behind them
} thin_job;

static size_t taps_of(const v2s_conv2d_args *a) {
    return (size_t)a->KH * a->KW;
}

static size_t padded_of(const v2s_conv2d_args *a) {
    return ((size_t)a->H + a->KH - 1) * ((size_t)a->W + a->KW - 1);
}

static size_t thin_scratch(const v2s_onednn_call *call, const thin *t) {
    const v2s_conv2d_args *a = &call->g.of;
    size_t many = (size_t)t->channels * (taps_of(a) + 1);
    size_t bytes = call->kind == V2S_ONEDNN_WEIGHTS
                       ? many * sizeof(double) + (size_t)a->N * padded_of(a) * sizeof(float)
                       : many * sizeof(float);
    return v2s_scratch_round(bytes, 2);
}

// Rows of all items, shared out.
static void thin_sums(void *ctx, int part, int parts) {
    const thin_job *job = ctx;
    const v2s_conv2d_args *a = &job->call->g.of;
    bool forward = job->call->kind == V2S_ONEDNN_FORWARD;
    size_t begin, end, pixels = (size_t)a->H * a->W, H = (size_t)a->H;
    v2s_team_share((size_t)a->N * H, 1, part, parts, &begin, &end);
    for (size_t row = begin, next; row < end; row = next) {
        size_t n = row / H;
        next = (n + 1) * H < end ? (n + 1) * H : end;
        v2s_thin_args args = {.H = a->H,
                              .W = a->W,
                              .KH = a->KH,
                              .KW = a->KW,
                              .blocks = job->t.channels / job->t.kernels->block,
                              .many = (forward ? a->x : job->call->g.dy) +
                                      n * (size_t)job->t.channels * pixels,
                              .w = job->w,
                              .bias = forward && a->bias != NULL ? a->bias[0] : 0.0f,
                              .add = !forward,
                              .y = (forward ? a->y : job->call->g.dx) + n * pixels};
        job->t.kernels->thin_sums(&args, (int)(row - n * H), (int)(next - n * H));
    }
}

// Turns the taps of dx round: dx[i] takes dy[i - di].
static void run_sums(const v2s_device *dev, thin_job *job, v2s_arena *scratch) {
    const v2s_conv2d_args *a = &job->call->g.of;
    size_t taps = taps_of(a), block = (size_t)job->t.kernels->block;
    bool forward = job->call->kind == V2S_ONEDNN_FORWARD;
    job->w = v2s_arena_take(scratch, (size_t)job->t.channels * taps, sizeof *job->w);
    for (size_t c = 0; c < (size_t)job->t.channels; c++)
        for (size_t k = 0; k < taps; k++)
            job->w[(c / block * taps + k) * block + c % block] =
                a->w[c * taps + (forward ? k : taps - 1 - k)];
    size_t work = (size_t)a->N * a->H * a->W * (size_t)job->t.channels * taps;
    int threads = v2s_picture_threads(dev, work);
    v2s_team(threads, threads, thin_sums, job);
}

static void pad_one(const thin_job *job) {
    const v2s_conv2d_args *a = &job->call->g.of;
    const float *from = job->t.many_is_x ? job->call->g.dy : a->x;
    size_t width = (size_t)a->W + a->KW - 1, W = (size_t)a->W;
    memset(job->one, 0, (size_t)a->N * padded_of(a) * sizeof *job->one);
    for (size_t n = 0; n < (size_t)a->N; n++)
        for (size_t i = 0; i < (size_t)a->H; i++)
            memcpy(job->one + n * padded_of(a) + (i + a->KH / 2) * width + a->KW / 2,
                   from + (n * a->H + i) * W, W * sizeof *from);
}

// Taps and sums of one block of channels over all items.
static void thin_taps(void *ctx, int part, int parts) {
    (void)parts;
    const thin_job *job = ctx;
    const v2s_conv2d_args *a = &job->call->g.of;
    const v2s_block_vector *kernels = job->t.kernels;
    size_t pixels = (size_t)a->H * a->W, size = pixels * (size_t)kernels->block;
    size_t blocks = (size_t)job->t.channels / (size_t)kernels->block, taps = taps_of(a);
    const float *many = job->t.many_is_x ? a->x : job->call->g.dy;
    double *sums = job->sums + (size_t)part * (taps + 1) * (size_t)kernels->block;
    memset(sums, 0, (taps + 1) * (size_t)kernels->block * sizeof *sums);
    for (size_t n = 0; n < (size_t)a->N; n++) {
        v2s_thin_args args = {.H = a->H,
                              .W = a->W,
                              .KH = a->KH,
                              .KW = a->KW,
                              .many = many + (n * blocks + (size_t)part) * size,
                              .one = job->one + n * padded_of(a),
                              .sums = sums};
        kernels->thin_taps(&args);
        if (job->call->g.dbias != NULL && !job->t.many_is_x)
            kernels->sum_pixels(pixels, args.many, sums + taps * (size_t)kernels->block);
    }
}

// dbias of the one channel of y.
static double sum_of_dy(const v2s_conv2d_backward_args *g) {
    size_t count = (size_t)g->of.N * g->of.H * g->of.W;
    double sum = 0.0;
    for (size_t i = 0; i < count; i++)
        sum += (double)g->dy[i];
    return sum;
}

// Where x is the one with blocks, the kernel's tap k moves dy, so it is tap taps - 1 - k of x.
static void run_taps(const v2s_device *dev, thin_job *job, v2s_arena *scratch) {
    const v2s_conv2d_backward_args *g = &job->call->g;
    size_t taps = taps_of(&g->of), block = (size_t)job->t.kernels->block;
    size_t channels = (size_t)job->t.channels;
    job->sums = v2s_arena_take(scratch, channels * (taps + 1), sizeof *job->sums);
    job->one = v2s_arena_take(scratch, (size_t)g->of.N * padded_of(&g->of), sizeof *job->one);
    pad_one(job);
    size_t work = (size_t)g->of.N * g->of.H * g->of.W * channels * taps;
    v2s_team(v2s_picture_threads(dev, work), (int)(channels / block), thin_taps, job);
    for (size_t c = 0; c < channels; c++) {
        const double *sums = job->sums + c / block * (taps + 1) * block + c % block;
        for (size_t k = 0; k < taps; k++)
            g->dw[c * taps + (job->t.many_is_x ? taps - 1 - k : k)] += (float)sums[k * block];
        if (g->dbias != NULL && !job->t.many_is_x)
            g->dbias[c] += (float)sums[taps * block];
    }
    if (g->dbias != NULL && job->t.many_is_x)
        g->dbias[0] += (float)sum_of_dy(g);
}

// ---- any ----------------------------------------------------------------------------------------

static size_t scratch_of(const v2s_device *dev, const v2s_onednn_call *call) {
    maker by = maker_of(dev, call);
    if (by == BY_ONEDNN)
        return v2s_onednn_scratch(dev, call);
    thin t = thin_of(dev, call);
    return by == BY_THIN ? thin_scratch(call, &t) : 0;
}

// All but what the definition does.
static void run(const v2s_device *dev, const v2s_onednn_call *call, v2s_arena *scratch) {
    if (maker_of(dev, call) == BY_ONEDNN) {
        v2s_onednn_run(dev, call, scratch);
        return;
    }
    size_t mark = scratch->used;
    thin_job job = {.call = call, .t = thin_of(dev, call)};
    if (call->kind == V2S_ONEDNN_WEIGHTS)
        run_taps(dev, &job, scratch);
    else
        run_sums(dev, &job, scratch);
    v2s_arena_rewind(scratch, mark);
}

size_t v2s_conv2d_scratch_vector(const v2s_device *dev, const v2s_conv2d_args *a) {
    v2s_onednn_call call = {V2S_ONEDNN_FORWARD, {.of = *a}};
    return is_empty(a) ? 0 : scratch_of(dev, &call);
}

void v2s_conv2d_forward_vector(const v2s_device *dev, const v2s_conv2d_args *a,
                               v2s_arena *scratch) {
    v2s_onednn_call call = {V2S_ONEDNN_FORWARD, {.of = *a}};
    if (is_empty(a))
        return;
    if (maker_of(dev, &call) == BY_DEFINITION)
        v2s_conv2d_forward(dev, a, scratch);
    else
        run(dev, &call, scratch);
}

// The definition does both gradients in one: it is taken where either is left to it.
static bool needs_definition(const v2s_device *dev, const v2s_onednn_call *data,
                             const v2s_onednn_call *weights) {
    return maker_of(dev, weights) == BY_DEFINITION ||
           (data->g.dx != NULL && maker_of(dev, data) == BY_DEFINITION);
}

size_t v2s_conv2d_backward_scratch_vector(const v2s_device *dev,
                                          const v2s_conv2d_backward_args *g) {
    v2s_onednn_call data = {V2S_ONEDNN_DATA, *g}, weights = {V2S_ONEDNN_WEIGHTS, *g};
    if (is_empty(&g->of) || needs_definition(dev, &data, &weights))
        return 0;
    size_t first = scratch_of(dev, &weights), second = g->dx != NULL ? scratch_of(dev, &data) : 0;
    return first > second ? first : second;
}

void v2s_conv2d_backward_vector(const v2s_device *dev, const v2s_conv2d_backward_args *g,
                                v2s_arena *scratch) {
    v2s_onednn_call data = {V2S_ONEDNN_DATA, *g}, weights = {V2S_ONEDNN_WEIGHTS, *g};
    if (is_empty(&g->of))
        return;
    if (needs_definition(dev, &data, &weights)) {
        v2s_conv2d_backward(dev, g, scratch);
        return;
    }
    run(dev, &weights, scratch);
    if (g->dx != NULL)
        run(dev, &data, scratch);
}
