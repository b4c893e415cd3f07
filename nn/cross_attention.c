// SPDX-License-Identifier: MIT
#include "nn/cross_attention.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// A 1x1 convolution is an affine map of rows; only its weight's shape is another.
static void init_map(v2s_linear *m, int in, int out, v2s_arena *params) {
    v2s_linear_init(m, in, out, params);
    m->weight.rank = 4;
}

void v2s_cross_attention_init(v2s_cross_attention *m, int channels, v2s_attention_scale scale,
                              v2s_arena *params) {
    int key = channels / 8 > 1 ? channels / 8 : 1;
    *m = (v2s_cross_attention){.channels = channels, .key = key};
    m->scale = (real)(1.0 / sqrt(scale == V2S_ATTENTION_SCALE_KEY ? key : channels));
    m->gamma_left = v2s_tensor_take(params, 1, 0, 0);
    m->gamma_right = v2s_tensor_take(params, 1, 0, 0);
    init_map(&m->q, channels, key, params);
    init_map(&m->k, channels, key, params);
    init_map(&m->v, channels, channels, params);
    init_map(&m->out, channels, channels, params);
}

// One array for both ears, right behind left, `columns` numbers a row.
static void take_pair(real *pair[2], size_t rows, int columns, v2s_arena *arena) {
    size_t count = v2s_size_mul(rows, (size_t)columns);
    pair[0] = v2s_arena_take(arena, v2s_size_mul(count, 2), sizeof(real));
    pair[1] = pair[0] == NULL ? NULL : pair[0] + count;
}

void v2s_cross_attention_take(v2s_cross_attention_saved *s, const v2s_cross_attention *m, int B,
                              int N, bool training, v2s_arena *arena) {
    size_t rows = v2s_size_mul((size_t)B, (size_t)N);
    *s = (v2s_cross_attention_saved){0};
    take_pair(s->q, rows, m->key, arena);
    take_pair(s->k, rows, m->key, arena);
    if (!training)
        return;
    take_pair(s->v, rows, m->channels, arena);
    take_pair(s->a, rows, m->channels, arena);
    take_pair(s->out, rows, m->channels, arena);
    take_pair(s->lse, rows, 1, arena);
}

// Whether the right ear's rows follow the left one's.
static bool joined(const real *left, const real *right, size_t rows, int columns) {
    return right == left + rows * (size_t)columns;
}

// y = map(x) of both ears.
static void map_both(const v2s_linear *m, const v2s_device *dev, int rows, const real *const x[2],
                     real *const y[2], v2s_arena *scratch) {
    if (joined(x[0], x[1], (size_t)rows, m->in_features) &&
        joined(y[0], y[1], (size_t)rows, m->out_features)) {
        v2s_linear_module_forward(m, dev, 2 * rows, x[0], y[0], scratch);
        return;
    }
    for (int ear = 0; ear < 2; ear++)
        v2s_linear_module_forward(m, dev, rows, x[ear], y[ear], scratch);
}

static void map_both_backward(const v2s_linear *m, v2s_linear *grads, const v2s_device *dev,
                              int rows, const real *const x[2], const real *const dy[2],
                              real *const dx[2], v2s_arena *scratch) {
    if (joined(x[0], x[1], (size_t)rows, m->in_features) &&
        joined(dx[0], dx[1], (size_t)rows, m->in_features) &&
        joined(dy[0], dy[1], (size_t)rows, m->out_features)) {
        v2s_linear_module_backward(m, grads, dev, 2 * rows, x[0], dy[0], dx[0], scratch);
        return;
    }
    for (int ear = 0; ear < 2; ear++)
        v2s_linear_module_backward(m, grads, dev, rows, x[ear], dy[ear], dx[ear], scratch);
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t map_scratch(const v2s_linear *m, const v2s_device *dev, int rows, bool backward) {
    size_t size = 0;
    for (int ears = 1; ears <= 2; ears++)
        size = larger(size, backward ? v2s_linear_module_backward_scratch(m, dev, ears * rows)
                                     : v2s_linear_module_scratch(m, dev, ears * rows));
    return size;
}

// What `ear` looks for in the other one. The gamma of `ear` scales what it finds.
static v2s_attention_args look(const v2s_cross_attention *m, int B, int N, int ear,
                               const v2s_cross_attention_saved *s) {
    return (v2s_attention_args){.B = B,
                                .Nq = N,
                                .Nk = N,
                                .D = m->key,
                                .E = m->channels,
                                .scale = m->scale,
                                .q = s->q[ear],
                                .k = s->k[1 - ear],
                                .v = s->v[1 - ear],
                                .o = s->a[ear],
                                .lse = s->lse[ear]};
}

static const v2s_tensor *gamma_of(const v2s_cross_attention *m, int ear) {
    return ear == 0 ? &m->gamma_left : &m->gamma_right;
}

static size_t count_of(const v2s_cross_attention *m, int B, int N) {
    return (size_t)B * (size_t)N * (size_t)m->channels;
}

void v2s_cross_attention_forward(const v2s_cross_attention *m, const v2s_device *dev, int B, int N,
                                 const real *const x[2], real *const y[2],
                                 v2s_cross_attention_saved *saved, v2s_arena *scratch) {
    v2s_cross_attention_saved s = *saved;
    size_t mark = scratch->used, rows = (size_t)B * (size_t)N;
    if (s.v[0] == NULL) { // inference: out takes v's place when v has been read
        take_pair(s.v, rows, m->channels, scratch);
        take_pair(s.a, rows, m->channels, scratch);
        s.out[0] = s.v[0];
        s.out[1] = s.v[1];
    }
    map_both(&m->q, dev, (int)rows, x, s.q, scratch);
    map_both(&m->k, dev, (int)rows, x, s.k, scratch);
    map_both(&m->v, dev, (int)rows, x, s.v, scratch);
    for (int ear = 0; ear < 2; ear++) {
        v2s_attention_args a = look(m, B, N, ear, &s);
        dev->ops->attention_forward(dev, &a, scratch);
    }
    map_both(&m->out, dev, (int)rows, (const real *const *)s.a, s.out, scratch);
    for (int ear = 0; ear < 2; ear++) {
        v2s_residual_args r = {.count = count_of(m, B, N),
                               .x = x[ear],
                               .branch = s.out[ear],
                               .gamma = gamma_of(m, ear)->data,
                               .y = y[ear]};
        dev->ops->residual_forward(dev, &r, scratch);
    }
    v2s_arena_rewind(scratch, mark);
}

size_t v2s_cross_attention_scratch(const v2s_cross_attention *m, const v2s_device *dev, int B,
                                   int N) {
    v2s_cross_attention_saved none = {0};
    v2s_attention_args a = look(m, B, N, 0, &none);
    size_t size = dev->ops->attention_scratch(dev, &a);
    size = larger(size, map_scratch(&m->q, dev, B * N, false));
    size = larger(size, map_scratch(&m->out, dev, B * N, false));
    return size + v2s_scratch_round(4 * count_of(m, B, N) * sizeof(real), 2);
}

// Gradients of a pass, in scratch.
typedef struct gradients {
    real *dq[2], *dk[2], *dv[2], *da[2], *dout[2];
} gradients;

static void take_gradients(gradients *g, const v2s_cross_attention *m, size_t rows,
                           v2s_arena *arena) {
    take_pair(g->dq, rows, m->key, arena);
    take_pair(g->dk, rows, m->key, arena);
    take_pair(g->dv, rows, m->channels, arena);
    take_pair(g->da, rows, m->channels, arena);
    take_pair(g->dout, rows, m->channels, arena);
}

static void residual_backward(const v2s_cross_attention *m, v2s_cross_attention *grads,
                              const v2s_device *dev, size_t count, int ear, const real *out,
                              const real *dy, real *dout, real *dx, v2s_arena *scratch) {
    v2s_residual_args r = {.count = count,
                           .branch = out,
                           .gamma = gamma_of(m, ear)->data,
                           .dy = dy,
                           .dx = dx,
                           .dbranch = dout,
                           .dgamma = gamma_of(grads, ear)->data};
    dev->ops->residual_backward(dev, &r, scratch);
}

void v2s_cross_attention_backward(const v2s_cross_attention *m, v2s_cross_attention *grads,
                                  const v2s_device *dev, int B, int N, const real *const x[2],
                                  const real *const dy[2], real *const dx[2],
                                  const v2s_cross_attention_saved *saved, v2s_arena *scratch) {
    size_t mark = scratch->used, rows = (size_t)B * (size_t)N, count = count_of(m, B, N);
    gradients g;
    take_gradients(&g, m, rows, scratch);
    dev->ops->memory->zero(dev, scratch->base + mark, scratch->used - mark);
    for (int ear = 0; ear < 2; ear++) // y = x + gamma out
        residual_backward(m, grads, dev, count, ear, saved->out[ear], dy[ear], g.dout[ear], dx[ear],
                          scratch);
    map_both_backward(&m->out, &grads->out, dev, (int)rows, (const real *const *)saved->a,
                      (const real *const *)g.dout, g.da, scratch);
    for (int ear = 0; ear < 2; ear++) {
        v2s_attention_backward_args a = {.of = look(m, B, N, ear, saved),
                                         .d_o = g.da[ear],
                                         .dq = g.dq[ear],
                                         .dk = g.dk[1 - ear],
                                         .dv = g.dv[1 - ear]};
        dev->ops->attention_backward(dev, &a, scratch);
    }
    map_both_backward(&m->v, &grads->v, dev, (int)rows, x, (const real *const *)g.dv, dx, scratch);
    map_both_backward(&m->k, &grads->k, dev, (int)rows, x, (const real *const *)g.dk, dx, scratch);
    map_both_backward(&m->q, &grads->q, dev, (int)rows, x, (const real *const *)g.dq, dx, scratch);
    v2s_arena_rewind(scratch, mark);
}

size_t v2s_cross_attention_backward_scratch(const v2s_cross_attention *m, const v2s_device *dev,
                                            int B, int N) {
    v2s_cross_attention_saved none = {0};
    v2s_attention_backward_args a = {.of = look(m, B, N, 0, &none)};
    v2s_residual_args r = {.count = count_of(m, B, N)};
    v2s_arena taken = v2s_arena_count();
    gradients g;
    take_gradients(&g, m, (size_t)B * (size_t)N, &taken);
    size_t size = dev->ops->attention_backward_scratch(dev, &a);
    size = larger(size, dev->ops->residual_backward_scratch(dev, &r));
    size = larger(size, map_scratch(&m->q, dev, B * N, true));
    size = larger(size, map_scratch(&m->out, dev, B * N, true));
    return size + taken.used;
}

// ---- looking inside -------------------------------------------------------------------------

// Row i of softmax(scale q k^T), in double, of one query [K] and all keys [N,K].
static void map_row(const real *q, const real *k, int N, int K, double scale, double *row,
                    float *map) {
    double largest = -INFINITY, sum = 0.0;
    for (int j = 0; j < N; j++) {
        double dot = 0.0;
        for (int c = 0; c < K; c++)
            dot += (double)q[c] * (double)k[(size_t)j * K + c];
        row[j] = scale * dot;
        largest = fmax(largest, row[j]);
    }
    for (int j = 0; j < N; j++) {
        row[j] = exp(row[j] - largest);
        sum += row[j];
    }
    for (int j = 0; j < N; j++)
        map[j] = (float)(row[j] / sum);
}

v2s_status v2s_cross_attention_map(const v2s_cross_attention *m, const v2s_device *dev, int B,
                                   int N, int b, int ear, int i,
                                   const v2s_cross_attention_saved *saved, float *map) {
    V2S_ASSERT(b >= 0 && b < B && i >= 0 && i < N && (ear == 0 || ear == 1));
    const v2s_memory_ops *memory = dev->ops->memory;
    size_t K = (size_t)m->key, keys = (size_t)N * K;
    real *q = malloc(K * sizeof *q), *k = malloc(keys * sizeof *k);
    double *row = malloc((size_t)N * sizeof *row);
    v2s_status status =
        q == NULL || k == NULL || row == NULL ? V2S_FAIL(V2S_NOMEM, "out of memory") : V2S_OK;
    if (status == V2S_OK) {
        memory->download(dev, q, saved->q[ear] + ((size_t)b * N + i) * K, K * sizeof *q);
        memory->download(dev, k, saved->k[1 - ear] + (size_t)b * keys, keys * sizeof *k);
        status = memory->synchronize(dev);
    }
    if (status == V2S_OK)
        map_row(q, k, N, m->key, (double)m->scale, row, map);
    free(q);
    free(k);
    free(row);
    return status;
}

v2s_status v2s_cross_attention_each_param(v2s_cross_attention *m, const char *name,
                                          v2s_param_visit visit, void *ctx) {
    static const char *const names[] = {"q", "k", "v", "out"};
    v2s_linear *const maps[] = {&m->q, &m->k, &m->v, &m->out};
    V2S_TRY(v2s_param_walk(name, "gamma_left", &m->gamma_left, visit, ctx));
    V2S_TRY(v2s_param_walk(name, "gamma_right", &m->gamma_right, visit, ctx));
    for (int i = 0; i < 4; i++) {
        char full[V2S_PARAM_NAME_MAX];
        int n = snprintf(full, sizeof full, "%s.%s", name, names[i]);
        V2S_ASSERT(n > 0 && (size_t)n < sizeof full);
        V2S_TRY(v2s_linear_each_param(maps[i], full, visit, ctx));
    }
    return V2S_OK;
}
