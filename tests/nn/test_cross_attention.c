// SPDX-License-Identifier: MIT
#include "nn/cross_attention.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/hash_noise.h"

enum { B = 2, N = 11, C = 24, K = 3, COUNT = B * N * C };

static const v2s_device definition = {.ops = &v2s_ops_scalar, .threads = 1};

typedef struct block {
    v2s_arena params, keep, scratch;
    v2s_cross_attention m;
    v2s_cross_attention_saved saved;
    float x[2 * COUNT + 1], y[2 * COUNT + 1]; // one more: the ears may lie apart
} block;

static v2s_status fill(void *ctx, const char *name, v2s_tensor *t) {
    unsigned *stream = ctx;
    (void)name;
    hash_noise((*stream)++, v2s_tensor_count(t), 0.5f, t->data);
    return V2S_OK;
}

static block *block_open(v2s_attention_scale scale, bool training) {
    block *b = calloc(1, sizeof *b);
    unsigned stream = 0;
    v2s_arena count = v2s_arena_count();
    v2s_cross_attention_init(&b->m, C, scale, &count);
    cr_assert_eq(v2s_arena_open(&b->params, count.used), V2S_OK);
    v2s_cross_attention_init(&b->m, C, scale, &b->params);
    cr_assert_eq(v2s_cross_attention_each_param(&b->m, "block", fill, &stream), V2S_OK);
    cr_assert_eq(stream, 10);
    count = v2s_arena_count();
    v2s_cross_attention_take(&b->saved, &b->m, B, N, training, &count);
    cr_assert_eq(v2s_arena_open(&b->keep, count.used), V2S_OK);
    v2s_cross_attention_take(&b->saved, &b->m, B, N, training, &b->keep);
    cr_assert_eq(v2s_arena_open(&b->scratch, v2s_cross_attention_scratch(&b->m, &definition, B, N)),
                 V2S_OK);
    hash_noise(50, 2 * COUNT + 1, 1.0f, b->x);
    return b;
}

static void block_close(block *b) {
    v2s_arena_close(&b->params);
    v2s_arena_close(&b->keep);
    v2s_arena_close(&b->scratch);
    free(b);
}

// Of `apart` numbers between the ears.
static void forward(block *b, int apart) {
    const float *const x[2] = {b->x, b->x + COUNT + apart};
    float *const y[2] = {b->y, b->y + COUNT + apart};
    v2s_cross_attention_forward(&b->m, &definition, B, N, x, y, &b->saved, &b->scratch);
    cr_assert_eq(b->scratch.used, 0);
}

static void affine(const v2s_linear *m, const float *x, double *y) {
    for (int o = 0; o < m->out_features; o++) {
        y[o] = (double)m->bias.data[o];
        for (int c = 0; c < m->in_features; c++)
            y[o] += (double)m->weight.data[o * m->in_features + c] * (double)x[c];
    }
}

// Row i of item n of `own` after it looked into `other`, from the equations.
static void look(const block *b, double scale, const float *own, const float *other, double gamma,
                 double *to) {
    double q[K], weight[N], sum = 0.0, found[C] = {0}, out[C];
    affine(&b->m.q, own, q);
    for (int j = 0; j < N; j++) {
        double k[K], dot = 0.0;
        affine(&b->m.k, other + j * C, k);
        for (int c = 0; c < K; c++)
            dot += q[c] * k[c];
        weight[j] = exp(scale * dot);
        sum += weight[j];
    }
    for (int j = 0; j < N; j++) {
        double v[C];
        affine(&b->m.v, other + j * C, v);
        for (int c = 0; c < C; c++)
            found[c] += weight[j] / sum * v[c];
    }
    float narrow[C];
    for (int c = 0; c < C; c++)
        narrow[c] = (float)found[c];
    affine(&b->m.out, narrow, out);
    for (int c = 0; c < C; c++)
        to[c] = (double)own[c] + gamma * out[c];
}

static void check_equations(v2s_attention_scale scale, double factor) {
    block *b = block_open(scale, false);
    for (int apart = 0; apart < 2; apart++) {
        forward(b, apart);
        for (int ear = 0; ear < 2; ear++)
            for (int row = 0; row < B * N; row++) {
                const float *own = b->x + ear * (COUNT + apart) + row * C;
                const float *other = b->x + (1 - ear) * (COUNT + apart) + row / N * N * C;
                const v2s_tensor *gamma = ear == 0 ? &b->m.gamma_left : &b->m.gamma_right;
                double expected[C];
                look(b, factor, own, other, (double)gamma->data[0], expected);
                for (int c = 0; c < C; c++)
                    cr_assert_float_eq(b->y[ear * (COUNT + apart) + row * C + c], expected[c],
                                       2e-4);
            }
    }
    block_close(b);
}

Test(cross_attention, each_ear_looks_into_the_other_with_its_own_gamma) {
    check_equations(V2S_ATTENTION_SCALE_KEY, 1.0 / sqrt(K));
}

Test(cross_attention, the_published_scale_is_of_all_channels) {
    check_equations(V2S_ATTENTION_SCALE_CHANNELS, 1.0 / sqrt(C));
}

Test(cross_attention, gammas_of_zero_change_nothing_also_in_place) {
    block *b = block_open(V2S_ATTENTION_SCALE_KEY, true);
    float before[2 * COUNT];
    memcpy(before, b->x, sizeof before);
    b->m.gamma_left.data[0] = b->m.gamma_right.data[0] = 0.0f;
    const float *const x[2] = {b->x, b->x + COUNT};
    float *const y[2] = {b->x, b->x + COUNT};
    v2s_cross_attention_forward(&b->m, &definition, B, N, x, y, &b->saved, &b->scratch);
    cr_assert_eq(memcmp(b->x, before, sizeof before), 0);
    block_close(b);
}

Test(cross_attention, a_map_says_how_what_was_found_is_made_of_the_other_ears_rows) {
    block *b = block_open(V2S_ATTENTION_SCALE_KEY, true);
    forward(b, 0);
    for (int ear = 0; ear < 2; ear++)
        for (int i = 0; i < N; i += 5) {
            float map[N];
            cr_assert_eq(
                v2s_cross_attention_map(&b->m, &definition, B, N, 1, ear, i, &b->saved, map),
                V2S_OK);
            for (int c = 0; c < C; c++) {
                double found = 0.0;
                for (int j = 0; j < N; j++)
                    found += (double)map[j] * (double)b->saved.v[1 - ear][(N + j) * C + c];
                cr_assert_float_eq(b->saved.a[ear][(N + i) * C + c], found, 1e-4);
            }
        }
    block_close(b);
}

// Gradients of ears that lie apart are those of ears that follow one another.
static void backward(block *b, v2s_cross_attention *grads, int apart, float *dx) {
    v2s_arena scratch;
    size_t bytes = v2s_cross_attention_backward_scratch(&b->m, &definition, B, N);
    const float *const x[2] = {b->x, b->x + COUNT + apart};
    const float *const dy[2] = {b->y, b->y + COUNT + apart};
    float *const to[2] = {dx, dx + COUNT + apart};
    cr_assert_eq(v2s_arena_open(&scratch, bytes), V2S_OK);
    memset(scratch.base, 0xff, scratch.size); // what was there before does not matter
    v2s_cross_attention_backward(&b->m, grads, &definition, B, N, x, dy, to, &b->saved, &scratch);
    cr_assert_eq(scratch.used, 0);
    v2s_arena_close(&scratch);
}

static void gradients(int apart, float *parameters, size_t count, float *dx) {
    block *b = block_open(V2S_ATTENTION_SCALE_KEY, true),
          *grads = block_open(V2S_ATTENTION_SCALE_KEY, true);
    if (apart > 0)
        memmove(b->x + COUNT + apart, b->x + COUNT, COUNT * sizeof *b->x);
    forward(b, apart);
    hash_noise(60, COUNT, 1.0f, b->y);
    hash_noise(61, COUNT, 1.0f, b->y + COUNT + apart);
    cr_assert_eq(grads->params.used, count * sizeof *parameters);
    backward(b, &grads->m, apart, dx);
    memcpy(parameters, grads->params.base, grads->params.used);
    block_close(b);
    block_close(grads);
}

Test(cross_attention, ears_may_lie_apart_in_backward) {
    v2s_arena counted = v2s_arena_count();
    v2s_cross_attention m;
    v2s_cross_attention_init(&m, C, V2S_ATTENTION_SCALE_KEY, &counted);
    size_t count = counted.used / sizeof(float);
    float *joined = calloc(count, sizeof *joined), *apart = calloc(count, sizeof *apart);
    float dx[2 * COUNT], dx_apart[2 * COUNT + 1];
    hash_noise(70, COUNT, 1.0f, dx); // backward adds
    hash_noise(71, COUNT, 1.0f, dx + COUNT);
    memcpy(dx_apart, dx, COUNT * sizeof *dx);
    memcpy(dx_apart + COUNT + 1, dx + COUNT, COUNT * sizeof *dx);
    gradients(0, joined, count, dx);
    gradients(1, apart, count, dx_apart);
    for (size_t i = 0; i < count; i++)
        cr_assert_float_eq(joined[i], apart[i], 1e-3);
    cr_assert_eq(memcmp(dx, dx_apart, COUNT * sizeof *dx), 0);
    cr_assert_eq(memcmp(dx + COUNT, dx_apart + COUNT + 1, COUNT * sizeof *dx), 0);
    free(joined);
    free(apart);
}
