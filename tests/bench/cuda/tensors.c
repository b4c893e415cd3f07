// SPDX-License-Identifier: MIT
// The operations of networks on pictures and on flat arrays: conv2d .. random.
#include "tests/bench/cuda/bench.h"

static const double F = sizeof(float);

// ---- conv2d -----------------------------------------------------------------------------------

typedef struct conv2d_state {
    v2s_conv2d_args forward;
    v2s_conv2d_backward_args backward;
    v2s_arena *scratch;
} conv2d_state;

static void run_conv2d(const v2s_device *dev, void *ctx) {
    conv2d_state *s = ctx;
    dev->ops->conv2d_forward(dev, &s->forward, s->scratch);
}

static void run_conv2d_backward(const v2s_device *dev, void *ctx) {
    conv2d_state *s = ctx;
    dev->ops->conv2d_backward(dev, &s->backward, s->scratch);
}

static void take_conv2d(bench *b, conv2d_state *s, int N, int C, int H, int K) {
    v2s_conv2d_args *a = &s->forward;
    size_t numbers = (size_t)N * C * H * H;
    *a = (v2s_conv2d_args){.N = N, .C = C, .O = C, .H = H, .W = H, .KH = K, .KW = K};
    a->x = bench_noise(b, numbers);
    a->w = bench_noise(b, (size_t)C * C * K * K);
    a->y = bench_zeros(b, numbers * sizeof(float));
}

// Square pictures, as many channels out as in, no bias (a batch norm follows).
static void conv2d(bench *b, int N, int C, int H, int K) {
    conv2d_state s = {0};
    size_t numbers = (size_t)N * C * H * H, weights = (size_t)C * C * K * K;
    double flops = 2.0 * (double)numbers * C * K * K;
    if (bench_wants(b, "conv2d_forward", "N%d C%d H%d K%d", N, C, H, K)) {
        take_conv2d(b, &s, N, C, H, K);
        s.scratch = bench_scratch(b, b->dev->ops->conv2d_scratch(b->dev, &s.forward));
        bench_time(b, &(bench_work){.run = run_conv2d,
                                    .ctx = &s,
                                    .flops = flops,
                                    .bytes = F * (double)(2 * numbers + weights)});
    }
    if (bench_wants(b, "conv2d_backward", "N%d C%d H%d K%d", N, C, H, K)) {
        take_conv2d(b, &s, N, C, H, K);
        s.backward = (v2s_conv2d_backward_args){.of = s.forward,
                                                .dy = bench_noise(b, numbers),
                                                .dx = bench_zeros(b, numbers * sizeof(float)),
                                                .dw = bench_zeros(b, weights * sizeof(float))};
        s.scratch = bench_scratch(b, b->dev->ops->conv2d_backward_scratch(b->dev, &s.backward));
        bench_time(b, &(bench_work){.run = run_conv2d_backward,
                                    .ctx = &s,
                                    .flops = 2 * flops,
                                    .bytes = F * (double)(4 * numbers + 3 * weights)});
    }
}

// ---- batch norm -------------------------------------------------------------------------------

typedef struct norm_state {
    v2s_batch_norm_args forward;
    v2s_batch_norm_backward_args backward;
    v2s_arena *scratch;
} norm_state;

static void run_norm(const v2s_device *dev, void *ctx) {
    norm_state *s = ctx;
    dev->ops->batch_norm_forward(dev, &s->forward, s->scratch);
}

static void run_norm_backward(const v2s_device *dev, void *ctx) {
    norm_state *s = ctx;
    dev->ops->batch_norm_backward(dev, &s->backward, s->scratch);
}

static void take_norm(bench *b, norm_state *s, int N, int C, int H) {
    size_t numbers = (size_t)N * C * H * H, channels = (size_t)C;
    v2s_batch_norm_args *a = &s->forward;
    *a = (v2s_batch_norm_args){.N = N, .C = C, .H = H, .W = H, .training = true};
    a->eps = 1e-5f;
    a->momentum = 0.1f;
    a->x = bench_noise(b, numbers);
    a->weight = bench_noise(b, channels);
    a->bias = bench_noise(b, channels);
    a->running_mean = bench_zeros(b, channels * sizeof(float));
    a->running_var = bench_noise(b, channels);
    a->y = bench_zeros(b, numbers * sizeof(float));
    a->saved_mean = bench_zeros(b, channels * sizeof(float));
    a->saved_inv_std = bench_noise(b, channels);
}

// Statistics need x once and y needs it again; backward needs x and dy twice, and adds
// into dx.
static void batch_norm(bench *b, int N, int C, int H) {
    norm_state s = {0};
    size_t numbers = (size_t)N * C * H * H;
    double n = (double)numbers;
    if (bench_wants(b, "batch_norm_forward", "N%d C%d H%d", N, C, H)) {
        take_norm(b, &s, N, C, H);
        s.scratch = bench_scratch(b, b->dev->ops->batch_norm_scratch(b->dev, &s.forward));
        bench_time(b,
                   &(bench_work){.run = run_norm, .ctx = &s, .flops = 5 * n, .bytes = F * 3 * n});
    }
    if (bench_wants(b, "batch_norm_backward", "N%d C%d H%d", N, C, H)) {
        take_norm(b, &s, N, C, H);
        s.backward =
            (v2s_batch_norm_backward_args){.of = s.forward,
                                           .dy = bench_noise(b, numbers),
                                           .dx = bench_zeros(b, numbers * sizeof(float)),
                                           .dweight = bench_zeros(b, (size_t)C * sizeof(float)),
                                           .dbias = bench_zeros(b, (size_t)C * sizeof(float))};
        s.scratch = bench_scratch(b, b->dev->ops->batch_norm_backward_scratch(b->dev, &s.backward));
        bench_time(b, &(bench_work){
                          .run = run_norm_backward, .ctx = &s, .flops = 9 * n, .bytes = F * 6 * n});
    }
}

// ---- pooling, upsampling ----------------------------------------------------------------------

static void run_pool(const v2s_device *dev, void *ctx) {
    dev->ops->pool2d_forward(dev, ctx, NULL);
}

static void run_pool_backward(const v2s_device *dev, void *ctx) {
    dev->ops->pool2d_backward(dev, ctx, NULL);
}

// Forward reads x, writes y and a byte of index; backward reads dy and the index, and adds to a
// quarter of dx, whose lines all have to be fetched.
static void pool2d(bench *b, int N, int C, int H) {
    size_t numbers = (size_t)N * C * H * H, quarter = numbers / 4;
    v2s_pool2d_args a = {.N = N, .C = C, .H = H, .W = H};
    double n = (double)numbers, q = (double)quarter;
    if (bench_wants(b, "pool2d_forward", "N%d C%d H%d", N, C, H)) {
        a.x = bench_noise(b, numbers);
        a.y = bench_zeros(b, quarter * sizeof(float));
        a.index = bench_zeros(b, quarter);
        bench_time(b, &(bench_work){.run = run_pool, .ctx = &a, .bytes = F * (n + q) + q});
    }
    if (bench_wants(b, "pool2d_backward", "N%d C%d H%d", N, C, H)) {
        a.dy = bench_noise(b, quarter);
        a.dx = bench_zeros(b, numbers * sizeof(float));
        a.index = bench_zeros(b, quarter);
        bench_time(
            b, &(bench_work){.run = run_pool_backward, .ctx = &a, .bytes = F * (2 * n + q) + q});
    }
}

static void run_upsample(const v2s_device *dev, void *ctx) {
    dev->ops->upsample2d_forward(dev, ctx, NULL);
}

static void run_upsample_backward(const v2s_device *dev, void *ctx) {
    dev->ops->upsample2d_backward(dev, ctx, NULL);
}

static void upsample2d(bench *b, int N, int C, int H) {
    size_t numbers = (size_t)N * C * H * H;
    v2s_upsample2d_args a = {.N = N, .C = C, .H = H, .W = H, .OH = 2 * H, .OW = 2 * H};
    double n = (double)numbers;
    if (bench_wants(b, "upsample2d_forward", "N%d C%d H%d", N, C, H)) {
        a.x = bench_noise(b, numbers);
        a.y = bench_zeros(b, 4 * numbers * sizeof(float));
        bench_time(b, &(bench_work){.run = run_upsample, .ctx = &a, .bytes = F * 5 * n});
    }
    if (bench_wants(b, "upsample2d_backward", "N%d C%d H%d", N, C, H)) {
        a.dy = bench_noise(b, 4 * numbers);
        a.dx = bench_zeros(b, numbers * sizeof(float));
        bench_time(b, &(bench_work){.run = run_upsample_backward, .ctx = &a, .bytes = F * 6 * n});
    }
}

// ---- between layers ----------------------------------------------------------------------------

static void run_to_rows(const v2s_device *dev, void *ctx) {
    dev->ops->picture_to_rows(dev, ctx, NULL);
}

static void run_from_rows(const v2s_device *dev, void *ctx) {
    dev->ops->picture_from_rows(dev, ctx, NULL);
}

static void rows(bench *b, int N, int C, int H) {
    size_t numbers = (size_t)N * C * H * H;
    v2s_picture_rows_args a = {.N = N, .C = C, .P = H * H, .block = 1};
    double n = (double)numbers;
    if (bench_wants(b, "picture_to_rows", "N%d C%d H%d", N, C, H)) {
        a.from = bench_noise(b, numbers);
        a.to = bench_zeros(b, numbers * sizeof(float));
        bench_time(b, &(bench_work){.run = run_to_rows, .ctx = &a, .bytes = F * 2 * n});
    }
    if (bench_wants(b, "picture_from_rows", "N%d C%d H%d", N, C, H)) {
        a.from = bench_noise(b, numbers);
        a.to = bench_zeros(b, numbers * sizeof(float));
        a.add = true;
        bench_time(b, &(bench_work){.run = run_from_rows, .ctx = &a, .bytes = F * 3 * n});
    }
}

static void run_concat(const v2s_device *dev, void *ctx) {
    dev->ops->concat_forward(dev, ctx, NULL);
}

static void run_concat_backward(const v2s_device *dev, void *ctx) {
    dev->ops->concat_backward(dev, ctx, NULL);
}

static void concat(bench *b, int N, int C, int H) {
    size_t item = (size_t)C * H * H, numbers = (size_t)N * item;
    v2s_concat_args a = {.N = N, .A = item, .B = item};
    double n = (double)numbers;
    if (bench_wants(b, "concat_forward", "N%d C%d H%d", N, C, H)) {
        a.a = bench_noise(b, numbers);
        a.b = bench_noise(b, numbers);
        a.y = bench_zeros(b, 2 * numbers * sizeof(float));
        bench_time(b, &(bench_work){.run = run_concat, .ctx = &a, .bytes = F * 4 * n});
    }
    if (bench_wants(b, "concat_backward", "N%d C%d H%d", N, C, H)) {
        a.dy = bench_noise(b, 2 * numbers);
        a.da = bench_zeros(b, numbers * sizeof(float));
        a.db = bench_zeros(b, numbers * sizeof(float));
        bench_time(b, &(bench_work){.run = run_concat_backward, .ctx = &a, .bytes = F * 6 * n});
    }
}

typedef struct residual_state {
    v2s_residual_args args;
    v2s_arena *scratch;
} residual_state;

static void run_residual(const v2s_device *dev, void *ctx) {
    residual_state *s = ctx;
    dev->ops->residual_forward(dev, &s->args, s->scratch);
}

static void run_residual_backward(const v2s_device *dev, void *ctx) {
    residual_state *s = ctx;
    dev->ops->residual_backward(dev, &s->args, s->scratch);
}

static void residual(bench *b, size_t count) {
    residual_state s = {.args = {.count = count}};
    v2s_residual_args *a = &s.args;
    double n = (double)count;
    if (bench_wants(b, "residual_forward", "N%zu", count)) {
        a->x = bench_noise(b, count);
        a->branch = bench_noise(b, count);
        a->gamma = bench_noise(b, 1);
        a->y = bench_zeros(b, count * sizeof(float));
        bench_time(
            b, &(bench_work){.run = run_residual, .ctx = &s, .flops = 2 * n, .bytes = F * 3 * n});
    }
    if (bench_wants(b, "residual_backward", "N%zu", count)) {
        a->branch = bench_noise(b, count);
        a->gamma = bench_noise(b, 1);
        a->dy = bench_noise(b, count);
        a->dx = bench_zeros(b, count * sizeof(float));
        a->dbranch = bench_zeros(b, count * sizeof(float));
        a->dgamma = bench_zeros(b, sizeof(float));
        s.scratch = bench_scratch(b, b->dev->ops->residual_backward_scratch(b->dev, a));
        bench_time(
            b, &(bench_work){
                   .run = run_residual_backward, .ctx = &s, .flops = 5 * n, .bytes = F * 6 * n});
    }
}

typedef struct depth_state {
    v2s_loss_depth_args args;
    v2s_arena *scratch;
} depth_state;

static void run_loss_depth(const v2s_device *dev, void *ctx) {
    depth_state *s = ctx;
    dev->ops->loss_depth(dev, &s->args, s->scratch);
}

// Noise as truth: about half of the pixels are not valid.
static void loss_depth(bench *b, int N, int H) {
    size_t numbers = (size_t)N * H * H;
    depth_state s = {.args = {.N = N, .H = H, .W = H, .counts = {1, 1, 1}}};
    v2s_loss_depth_args *a = &s.args;
    if (!bench_wants(b, "loss_depth", "N%d H%d", N, H))
        return;
    a->weight_l1 = a->weight_edge = a->weight_smooth = 1.0;
    a->p = bench_noise(b, numbers);
    a->g = bench_noise(b, numbers);
    a->dp = bench_zeros(b, numbers * sizeof(float));
    a->terms = bench_zeros(b, 3 * sizeof(double));
    s.scratch = bench_scratch(b, b->dev->ops->loss_depth_scratch(b->dev, a));
    bench_time(b,
               &(bench_work){.run = run_loss_depth, .ctx = &s, .bytes = F * 3 * (double)numbers});
}

// ---- softmax, attention -----------------------------------------------------------------------

static void run_softmax(const v2s_device *dev, void *ctx) {
    dev->ops->softmax_forward(dev, ctx, NULL);
}

static void run_softmax_backward(const v2s_device *dev, void *ctx) {
    dev->ops->softmax_backward(dev, ctx, NULL);
}

static void softmax(bench *b, int M, int N) {
    size_t numbers = (size_t)M * N;
    v2s_softmax_args a = {.M = M, .N = N};
    double n = (double)numbers;
    if (bench_wants(b, "softmax_forward", "M%d N%d", M, N)) {
        a.x = bench_noise(b, numbers);
        a.y = bench_zeros(b, numbers * sizeof(float));
        bench_time(b, &(bench_work){.run = run_softmax, .ctx = &a, .bytes = F * 2 * n});
    }
    if (bench_wants(b, "softmax_backward", "M%d N%d", M, N)) {
        a.y = bench_noise(b, numbers);
        a.dy = bench_noise(b, numbers);
        a.dx = bench_zeros(b, numbers * sizeof(float));
        bench_time(b, &(bench_work){.run = run_softmax_backward, .ctx = &a, .bytes = F * 4 * n});
    }
}

typedef struct attention_state {
    v2s_attention_args forward;
    v2s_attention_backward_args backward;
    v2s_arena *scratch;
} attention_state;

static void run_attention(const v2s_device *dev, void *ctx) {
    attention_state *s = ctx;
    dev->ops->attention_forward(dev, &s->forward, s->scratch);
}

static void run_attention_backward(const v2s_device *dev, void *ctx) {
    attention_state *s = ctx;
    dev->ops->attention_backward(dev, &s->backward, s->scratch);
}

static void take_attention(bench *b, attention_state *s, int B, int N, int D, int E) {
    v2s_attention_args *a = &s->forward;
    size_t rows = (size_t)B * N;
    *a = (v2s_attention_args){.B = B, .Nq = N, .Nk = N, .D = D, .E = E, .scale = 0.25f};
    a->q = bench_noise(b, rows * D);
    a->k = bench_noise(b, rows * D);
    a->v = bench_noise(b, rows * E);
    a->o = bench_zeros(b, rows * E * sizeof(float));
    a->lse = bench_zeros(b, rows * sizeof(float));
    s->scratch = bench_scratch(b, b->dev->ops->attention_scratch(b->dev, a));
    if (b->status == V2S_OK) // what backward reads
        b->dev->ops->attention_forward(b->dev, a, s->scratch);
    bench_ok(b, b->dev->ops->memory->synchronize(b->dev));
}

// Products: 2 N^2 (D + E) forward; backward makes s (D), dP and dv (E each), dq and dk (D each).
static void attention(bench *b, int B, int N, int D, int E) {
    attention_state s = {0};
    double pairs = (double)B * N * N, rows = (double)B * N;
    if (bench_wants(b, "attention_forward", "B%d N%d D%d E%d", B, N, D, E)) {
        take_attention(b, &s, B, N, D, E);
        bench_time(b, &(bench_work){.run = run_attention,
                                    .ctx = &s,
                                    .flops = 2 * pairs * (D + E),
                                    .bytes = F * rows * (2 * D + 2 * E + 1)});
    }
    if (bench_wants(b, "attention_backward", "B%d N%d D%d E%d", B, N, D, E)) {
        take_attention(b, &s, B, N, D, E);
        size_t count = (size_t)B * N;
        s.backward = (v2s_attention_backward_args){
            .of = s.forward,
            .d_o = bench_noise(b, count * E),
            .dq = bench_zeros(b, count * D * sizeof(float)),
            .dk = bench_zeros(b, count * D * sizeof(float)),
            .dv = bench_zeros(b, count * E * sizeof(float)),
        };
        s.scratch = bench_scratch(b, b->dev->ops->attention_backward_scratch(b->dev, &s.backward));
        bench_time(b, &(bench_work){.run = run_attention_backward,
                                    .ctx = &s,
                                    .flops = 2 * pairs * (3 * D + 2 * E),
                                    .bytes = F * rows * (6 * D + 5 * E + 1)});
    }
}

// ---- reductions, random numbers ---------------------------------------------------------------

typedef struct reduce_state {
    v2s_reduce_args args;
    v2s_arena *scratch;
} reduce_state;

static void run_reduce(const v2s_device *dev, void *ctx) {
    reduce_state *s = ctx;
    dev->ops->reduce_forward(dev, &s->args, s->scratch);
}

static void reduce(bench *b, const char *name, v2s_reduce_axis axis, int M, int N) {
    reduce_state s = {.args = {.kind = V2S_REDUCE_SUM, .axis = axis, .M = M, .N = N}};
    if (!bench_wants(b, name, "M%d N%d", M, N))
        return;
    s.args.x = bench_noise(b, (size_t)M * N);
    s.args.y = bench_zeros(b, (size_t)(axis == V2S_REDUCE_ROWS ? M : N) * sizeof(float));
    s.scratch = bench_scratch(b, b->dev->ops->reduce_scratch(b->dev, &s.args));
    double n = (double)M * N;
    bench_time(b, &(bench_work){.run = run_reduce, .ctx = &s, .flops = n, .bytes = F * n});
}

static void run_random(const v2s_device *dev, void *ctx) {
    dev->ops->random_fill(dev, ctx, NULL);
}

static void random_numbers(bench *b, const char *name, v2s_random_kind kind, size_t count) {
    v2s_random_args a = {.kind = kind, .count = count, .seed = 1, .stream = 2};
    a.high = a.sigma = 1;
    a.p = 0.1;
    if (!bench_wants(b, name, "N%zu", count))
        return;
    a.y = bench_zeros(b, count * sizeof(float));
    bench_time(b, &(bench_work){.run = run_random, .ctx = &a, .bytes = F * (double)count});
}

// ---- element by element -----------------------------------------------------------------------

static void run_elementwise(const v2s_device *dev, void *ctx) {
    dev->ops->elementwise_forward(dev, ctx, NULL);
}

static void run_activation(const v2s_device *dev, void *ctx) {
    dev->ops->activation_forward(dev, ctx, NULL);
}

static void run_activation_backward(const v2s_device *dev, void *ctx) {
    dev->ops->activation_backward(dev, ctx, NULL);
}

static void elements(bench *b, size_t count) {
    double n = (double)count;
    if (bench_wants(b, "elementwise_add", "N%zu", count)) {
        v2s_elementwise_args a = {.kind = V2S_ELEMENTWISE_ADD, .count = count};
        a.a = bench_noise(b, count);
        a.b = bench_noise(b, count);
        a.y = bench_zeros(b, count * sizeof(float));
        bench_time(
            b, &(bench_work){.run = run_elementwise, .ctx = &a, .flops = n, .bytes = F * 3 * n});
    }
    v2s_activation_args t = {.kind = V2S_ACTIVATION_TANH, .count = count};
    if (bench_wants(b, "tanh_forward", "N%zu", count)) {
        t.x = bench_noise(b, count);
        t.y = bench_zeros(b, count * sizeof(float));
        bench_time(b, &(bench_work){.run = run_activation, .ctx = &t, .bytes = F * 2 * n});
    }
    if (bench_wants(b, "tanh_backward", "N%zu", count)) {
        t.y = bench_noise(b, count);
        t.dy = bench_noise(b, count);
        t.dx = bench_zeros(b, count * sizeof(float));
        bench_time(
            b, &(bench_work){
                   .run = run_activation_backward, .ctx = &t, .flops = 4 * n, .bytes = F * 4 * n});
    }
}

void bench_tensors(bench *b) {
    bool tiny = b->size == BENCH_TINY;
    int N = tiny ? 1 : 16, C = tiny ? 2 : 64, H = tiny ? 6 : 256;
    conv2d(b, tiny ? 1 : 8, C, H, 3);
    if (b->dev->precision == V2S_PRECISION_F32) {
        batch_norm(b, N, C, H);
        pool2d(b, N, C, H);
        upsample2d(b, N, C, H / 2);
        rows(b, N, C, tiny ? H : 64);
        concat(b, N, C, H);
        residual(b, (size_t)N * C * H * H);
        loss_depth(b, N, H);
        softmax(b, tiny ? 3 : 16384, tiny ? 65 : 16384);
    }
    attention(b, tiny ? 1 : 4, tiny ? 33 : 16384, tiny ? 4 : 16, tiny ? 8 : 128);
    if (b->dev->precision != V2S_PRECISION_F32)
        return;
    reduce(b, "reduce_rows", V2S_REDUCE_ROWS, tiny ? 3 : 16384, tiny ? 65 : 16384);
    reduce(b, "reduce_columns", V2S_REDUCE_COLUMNS, tiny ? 3 : 16384, tiny ? 65 : 16384);
    size_t count = tiny ? 257 : (size_t)1 << 28;
    random_numbers(b, "random_uniform", V2S_RANDOM_UNIFORM, count);
    random_numbers(b, "random_normal", V2S_RANDOM_NORMAL, count);
    elements(b, count);
}
