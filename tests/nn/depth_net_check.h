// SPDX-License-Identifier: MIT
// The depth network against PyTorch in double (tests/data/golden/depth_net.safetensors,
// tests/tools/make_depth_golden.py). Included by a test in float and by one in double.
#ifndef V2S_TESTS_NN_DEPTH_NET_CHECK_H
#define V2S_TESTS_NN_DEPTH_NET_CHECK_H

#include <stdio.h>

#include "checkpoints/safetensors.h"
#include "tests/nn/depth_net_small.h"

enum { GOLDEN_BATCH = 2, GOLDEN_SIZE = 32, GOLDEN_SUMS = 16, GOLDEN_STEPS = 10 };
enum { GOLDEN_PIXELS = GOLDEN_BATCH * GOLDEN_SIZE * GOLDEN_SIZE };

// A tensor of the file: free() it.
static double *golden_read(const char *group, const char *name, int *rows) {
    v2s_safetensors *file = NULL;
    char full[64];
    snprintf(full, sizeof full, "%s%s", group, name);
    cr_assert_eq(v2s_safetensors_open(V2S_TEST_DATA "/golden/depth_net.safetensors", &file), V2S_OK,
                 "%s", v2s_error_text());
    const v2s_safetensors_entry *e = v2s_safetensors_find(file, full);
    cr_assert_not_null(e, "no golden %s", full);
    int dim[V2S_SAFETENSORS_RANK_MAX];
    for (int i = 0; i < e->rank; i++)
        dim[i] = (int)e->dim[i];
    double *numbers = malloc(e->end - e->begin);
    cr_assert_eq(v2s_safetensors_read_raw(file, full, "F64", e->rank, dim, numbers), V2S_OK);
    *rows = dim[0];
    v2s_safetensors_close(&file);
    return numbers;
}

typedef struct golden_list {
    const char *what;
    double *rows; // [count, 1 + GOLDEN_SUMS]
    int count, index;
    double largest;   // norm
    double tolerance; // of a difference, relative to the golden norm
    double worst;     // found
    char worst_name[V2S_PARAM_NAME_MAX];
} golden_list;

static golden_list golden_open(const char *group, const char *name, double tolerance) {
    golden_list g = {.what = name, .tolerance = tolerance};
    g.rows = golden_read(group, name, &g.count);
    for (int i = 0; i < g.count; i++)
        g.largest = fmax(g.largest, g.rows[i * (1 + GOLDEN_SUMS)]);
    return g;
}

// The norm of the difference between a tensor and PyTorch's, from the sums.
static v2s_status golden_tensor(void *ctx, const char *name, v2s_tensor *t) {
    golden_list *g = ctx;
    size_t count = v2s_tensor_count(t);
    cr_assert_lt(g->index, g->count);
    const double *row = g->rows + g->index * (1 + GOLDEN_SUMS);
    float *noise = malloc(count * sizeof *noise);
    double square = 0.0, norm = fmax(row[0], 1e-5 * g->largest);
    for (int j = 0; j < GOLDEN_SUMS; j++) {
        double sum = 0.0;
        hash_noise(1000 + GOLDEN_SUMS * (unsigned)g->index + (unsigned)j, count, 1.0f, noise);
        for (size_t i = 0; i < count; i++)
            sum += (double)t->data[i] * (double)noise[i];
        square += 3.0 * (sum - row[1 + j]) * (sum - row[1 + j]) / GOLDEN_SUMS;
    }
    free(noise);
    // Rounding is all that some have (biases before a batch norm): those only have to be small.
    double off =
        row[0] > 1e-5 * g->largest ? sqrt(square) / norm : sqrt(square) / norm * g->tolerance;
    if (!(off <= g->worst)) {
        g->worst = off;
        snprintf(g->worst_name, sizeof g->worst_name, "%s", name);
    }
    g->index++;
    return V2S_OK;
}

static void golden_close(golden_list *g) {
    cr_assert_eq(g->index, g->count);
    cr_assert_leq(g->worst, g->tolerance, "%s of %s differs by %g of it", g->what, g->worst_name,
                  g->worst);
    free(g->rows);
}

// Largest difference in metres.
static void golden_depth(const char *group, const char *name, const real *depth, double tolerance) {
    int rows;
    double *golden = golden_read(group, name, &rows), gap = 0.0;
    for (int i = 0; i < GOLDEN_PIXELS; i++)
        gap = fmax(gap, fabs((double)depth[i] - golden[i]));
    cr_assert_leq(gap, tolerance, "%s%s: differs by %g m", group, name, gap);
    cr_assert(isfinite(depth[0]));
    free(golden);
}

static void golden_truth(unsigned stream, real *g) {
    depth_noise(stream, GOLDEN_PIXELS, 5.0, 6.0, g);
    for (int i = 0; i < GOLDEN_PIXELS; i++)
        g[i] = g[i] > 0 ? g[i] : 0;
}

typedef struct golden_run {
    v2s_depth_config config;
    v2s_depth_net *net, *grads;
    v2s_depth_work *work;
    real *x, depth[GOLDEN_PIXELS], truth[GOLDEN_PIXELS], ddepth[GOLDEN_PIXELS];
} golden_run;

static golden_run *golden_run_open(const v2s_device *dev, const char *levels,
                                   v2s_attention_scale scale, double peak) {
    golden_run *r = calloc(1, sizeof *r);
    r->config = depth_small(GOLDEN_SIZE, levels, scale);
    r->net = depth_open(&r->config, peak);
    r->grads = depth_open(&r->config, 0.0);
    r->x = depth_input(&r->config, GOLDEN_BATCH);
    cr_assert_eq(v2s_depth_work_open(r->net, dev, GOLDEN_BATCH, true, &r->work), V2S_OK);
    return r;
}

static void golden_run_close(golden_run *r) {
    v2s_depth_work_close(&r->work);
    v2s_depth_net_close(&r->net);
    v2s_depth_net_close(&r->grads);
    free(r->x);
    free(r);
}

// Forward and backward of the loss against r->truth; terms [3].
static void golden_step(golden_run *r, const v2s_device *dev, double terms[3]) {
    v2s_loss_depth_counts counts = {0, 0, 0};
    float valid[GOLDEN_PIXELS];
    for (int i = 0; i < GOLDEN_PIXELS; i++)
        valid[i] = (float)r->truth[i];
    v2s_loss_depth_count(GOLDEN_BATCH, GOLDEN_SIZE, GOLDEN_SIZE, valid, &counts);
    v2s_loss_depth_args a = {GOLDEN_BATCH, GOLDEN_SIZE, GOLDEN_SIZE, counts,    1.0,  0.2,
                             0.1,          r->depth,    r->truth,    r->ddepth, terms};
    v2s_arena scratch;
    cr_assert_eq(v2s_arena_open(&scratch, dev->ops->loss_depth_scratch(dev, &a)), V2S_OK);
    v2s_depth_net_forward_training(r->net, dev, GOLDEN_BATCH, r->x, r->depth, r->work);
    dev->ops->loss_depth(dev, &a, &scratch);
    v2s_depth_net_backward(r->net, r->grads, dev, GOLDEN_BATCH, r->x, r->ddepth, r->work);
    v2s_arena_close(&scratch);
}

typedef struct golden_case {
    const char *group, *levels;
    v2s_attention_scale scale;
    double peak;
    double depth_m, gradient, running; // tolerances
} golden_case;

static void golden_check(const v2s_device *dev, const golden_case *c) {
    golden_run *r = golden_run_open(dev, c->levels, c->scale, c->peak);
    double terms[3];
    v2s_depth_net_forward(r->net, dev, GOLDEN_BATCH, r->x, r->depth, r->work);
    golden_depth(c->group, ".eval", r->depth, c->depth_m);
    golden_truth(501, r->truth);
    golden_step(r, dev, terms);
    golden_depth(c->group, ".training", r->depth, c->depth_m);
    golden_list running = golden_open(c->group, ".running", c->running);
    cr_assert_eq(v2s_depth_net_each(r->net, V2S_DEPTH_BUFFERS, golden_tensor, &running), V2S_OK);
    golden_close(&running);
    golden_list gradient = golden_open(c->group, ".gradient", c->gradient);
    cr_assert_eq(v2s_depth_net_each(r->grads, V2S_DEPTH_PARAMETERS, golden_tensor, &gradient),
                 V2S_OK);
    golden_close(&gradient);
    golden_run_close(r);
}

// One AdamW step over all parameters.
static void golden_update(golden_run *r, const v2s_device *dev, double rate, int step, real *m,
                          real *v) {
    v2s_optim_args a = {.kind = V2S_OPTIM_ADAMW,
                        .step = step + 1,
                        .scale = 1.0,
                        .rate = rate,
                        .decay = 1e-2,
                        .beta1 = 0.9,
                        .beta2 = 0.999,
                        .eps = 1e-8,
                        .m = m,
                        .v = v};
    a.p = v2s_depth_net_flat(r->net, &a.count);
    a.grad = v2s_depth_net_flat(r->grads, &a.count);
    dev->ops->optim_step(dev, &a);
}

// Losses of ten steps; the tolerance is relative to the loss.
static void golden_losses(const v2s_device *dev, const char *group, double rate, double tolerance) {
    golden_run *r = golden_run_open(dev, "12345", V2S_ATTENTION_SCALE_KEY, 1.0);
    size_t count;
    int rows;
    real *grad = v2s_depth_net_flat(r->grads, &count);
    real *m = calloc(count, sizeof *m), *v = calloc(count, sizeof *v);
    double *golden = golden_read(group, ".losses", &rows);
    for (int step = 0; step < GOLDEN_STEPS; step++) {
        double terms[3];
        golden_truth(510 + (unsigned)step % 2, r->truth);
        memset(grad, 0, count * sizeof *grad);
        golden_step(r, dev, terms);
        golden_update(r, dev, rate, step, m, v);
        double losses[4] = {terms[0] + 0.2 * terms[1] + 0.1 * terms[2], terms[0], terms[1],
                            terms[2]};
        for (int i = 0; i < 4; i++)
            cr_assert_leq(fabs(losses[i] - golden[4 * step + i]), tolerance * golden[4 * step],
                          "step %d, number %d: %.9g, PyTorch %.9g", step + 1, i, losses[i],
                          golden[4 * step + i]);
    }
    free(m);
    free(v);
    free(golden);
    golden_run_close(r);
}

typedef struct golden_given {
    unsigned step, index;
} golden_given;

static v2s_status golden_give(void *ctx, const char *name, v2s_tensor *t) {
    golden_given *g = ctx;
    (void)name;
    depth_noise(2000 + 200 * g->step + g->index++, v2s_tensor_count(t), 0.0, 1e-2, t->data);
    return V2S_OK;
}

static void golden_optimizer(const v2s_device *dev, double tolerance) {
    golden_run *r = golden_run_open(dev, "", V2S_ATTENTION_SCALE_KEY, 1.0);
    size_t count;
    v2s_depth_net_flat(r->net, &count);
    real *m = calloc(count, sizeof *m), *v = calloc(count, sizeof *v);
    for (int step = 0; step < GOLDEN_STEPS; step++) {
        golden_given given = {(unsigned)step, 0};
        cr_assert_eq(v2s_depth_net_each(r->grads, V2S_DEPTH_PARAMETERS, golden_give, &given),
                     V2S_OK);
        golden_update(r, dev, 1e-3, step, m, v);
    }
    golden_list g = golden_open("", "optimizer", tolerance);
    cr_assert_eq(v2s_depth_net_each(r->net, V2S_DEPTH_PARAMETERS, golden_tensor, &g), V2S_OK);
    golden_close(&g);
    free(m);
    free(v);
    golden_run_close(r);
}

#endif
