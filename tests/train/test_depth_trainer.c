// SPDX-License-Identifier: MIT
// Updates on given gradients against the formulas in double, and what a step of the depth trainer
// takes, changes and leaves alone.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "kernels/base/rng.h"
#include "kernels/device.h"
#include "tests/support/make_depth_data.h"
#include "train/depth_trainer.h"

enum { SIZE = V2S_TEST_DEPTH_SIZE, PIXELS = SIZE * SIZE };

static v2s_device *one_thread(void) {
    v2s_device *dev = NULL;
    cr_assert(v2s_device_open("cpu", 1, &dev) == V2S_OK);
    return dev;
}

static v2s_depth_config small_net(int size) {
    v2s_depth_config net = v2s_depth_default();
    net.base_channels = 8;
    net.size = size;
    net.max_depth_m = 10;
    return net;
}

// ---- updates ----------------------------------------------------------------------------------

// torch.optim in double, for one number.
typedef struct number {
    double p, m, v, ema;
} number;

static void reference(number *n, const v2s_depth_weights_config *c, double g, double rate,
                      int step) {
    if (c->optimizer == V2S_OPTIM_SGD) {
        g += c->decay * n->p;
        n->m = c->momentum * n->m + g;
        n->p -= rate * n->m;
    } else {
        if (c->optimizer == V2S_OPTIM_ADAMW)
            n->p *= 1 - rate * c->decay;
        else
            g += c->decay * n->p;
        n->m = 0.9 * n->m + 0.1 * g;
        n->v = 0.999 * n->v + 0.001 * g * g;
        double m = n->m / (1 - pow(0.9, step)), v = n->v / (1 - pow(0.999, step));
        n->p -= rate * m / (sqrt(v) + 1e-8);
    }
    n->ema = c->ema_decay * n->ema + (1 - c->ema_decay) * n->p;
}

static void fill_gradient(real *grads, size_t count, int step) {
    v2s_rng rng = v2s_rng_open(7, (uint64_t)step);
    for (size_t i = 0; i < count; i++)
        grads[i] = (real)v2s_rng_between(&rng, -0.1, 0.1);
}

static double norm_of(const real *grads, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)grads[i] * (double)grads[i];
    return sqrt(sum);
}

static void expect_updates(const v2s_depth_weights_config *config) {
    v2s_device *dev = one_thread();
    v2s_depth_config net = small_net(16);
    v2s_depth_weights w;
    cr_assert(v2s_depth_weights_open(config, &net, dev, NULL, &w) == V2S_OK);
    size_t count;
    real *p = v2s_depth_net_flat(w.weights, &count), *g = v2s_depth_net_flat(w.grads, &count);
    const real *ema = w.ema != NULL ? v2s_depth_net_flat(w.ema, &count) : p;
    number *n = calloc(count, sizeof *n);
    for (size_t i = 0; i < count; i++)
        n[i].p = n[i].ema = p[i];
    double off = 0, off_ema = 0, all = 0, worst = 0;
    for (int step = 1; step <= 4; step++) {
        double rate = 1e-2 / step, norm;
        bool done;
        v2s_depth_weights_begin(&w);
        fill_gradient(g, count, step);
        double expected = norm_of(g, count);
        double scale = config->clip_norm > 0 ? fmin(1, config->clip_norm / (expected + 1e-6)) : 1;
        for (size_t i = 0; i < count; i++)
            reference(&n[i], config, scale * (double)g[i], rate, step);
        cr_assert(v2s_depth_weights_update(&w, rate, step, 1.5, &norm, &done) == V2S_OK);
        cr_assert(done && fabs(norm / expected - 1) < 1e-6, "%g %g", norm, expected);
    }
    for (size_t i = 0; i < count; i++) {
        off += (p[i] - n[i].p) * (p[i] - n[i].p);
        off_ema += (ema[i] - n[i].ema) * (ema[i] - n[i].ema);
        all += n[i].p * n[i].p;
        worst = fmax(worst, fabs(p[i] - n[i].p));
    }
    cr_expect(sqrt(off / all) <= 1e-6, "%g", sqrt(off / all));
    cr_expect(worst <= 1e-6, "%g", worst);
    if (w.ema != NULL)
        cr_expect(sqrt(off_ema / all) <= 1e-6, "%g", sqrt(off_ema / all));
    free(n);
    v2s_depth_weights_close(&w);
    v2s_device_close(&dev);
}

Test(depth_trainer, updates_are_those_of_torch) {
    expect_updates(&(v2s_depth_weights_config){
        .seed = 3, .optimizer = V2S_OPTIM_ADAMW, .decay = 0.01, .ema_decay = 0.9});
    expect_updates(&(v2s_depth_weights_config){
        .seed = 3, .optimizer = V2S_OPTIM_ADAMW, .decay = 0.1, .clip_norm = 0.5});
    expect_updates(
        &(v2s_depth_weights_config){.seed = 3, .optimizer = V2S_OPTIM_ADAM, .decay = 0.01});
    expect_updates(&(v2s_depth_weights_config){
        .seed = 3, .optimizer = V2S_OPTIM_SGD, .decay = 0.01, .momentum = 0.9});
}

// Where it looks stays as drawn, in spite of gradients, decay and the average.
typedef struct comparison {
    const real *now, *before; // flat arrays
} comparison;

static v2s_status compare_looks(void *ctx, const char *name, v2s_tensor *param) {
    const comparison *c = ctx;
    bool look = strstr(name, "attention.") != NULL &&
                (strstr(name, ".q.") != NULL || strstr(name, ".k.") != NULL);
    bool same = memcmp(c->before + (param->data - c->now), param->data,
                       v2s_tensor_count(param) * sizeof *c->now) == 0;
    cr_expect(same == look, "%s", name);
    return V2S_OK;
}

Test(depth_trainer, frozen_looks_stay) {
    v2s_device *dev = one_thread();
    v2s_depth_config net = small_net(16);
    v2s_depth_weights_config config = {.seed = 1,
                                       .optimizer = V2S_OPTIM_ADAMW,
                                       .decay = 0.1,
                                       .ema_decay = 0.5,
                                       .freeze_looks = true};
    v2s_depth_weights w;
    cr_assert(v2s_depth_weights_open(&config, &net, dev, NULL, &w) == V2S_OK);
    size_t count;
    real *p = v2s_depth_net_flat(w.weights, &count), *g = v2s_depth_net_flat(w.grads, &count);
    real *before = malloc(count * sizeof *before);
    memcpy(before, p, count * sizeof *before);
    for (int step = 1; step <= 2; step++) {
        double norm;
        bool done;
        v2s_depth_weights_begin(&w);
        fill_gradient(g, count, step);
        cr_assert(v2s_depth_weights_update(&w, 0.01, step, 1, &norm, &done) == V2S_OK && done);
    }
    comparison c = {p, before};
    cr_assert(v2s_depth_net_each(w.weights, V2S_DEPTH_PARAMETERS, compare_looks, &c) == V2S_OK);
    c.now = v2s_depth_net_flat(w.ema, &count);
    cr_assert(v2s_depth_net_each(w.ema, V2S_DEPTH_PARAMETERS, compare_looks, &c) == V2S_OK);
    free(before);
    v2s_depth_weights_close(&w);
    v2s_device_close(&dev);
}

// ---- steps ------------------------------------------------------------------------------------

static v2s_depth_trainer_config plain(int batch, int accumulate) {
    return (v2s_depth_trainer_config){.seed = 5,
                                      .batch = batch,
                                      .accumulate = accumulate,
                                      .weights = {.optimizer = V2S_OPTIM_ADAMW, .decay = 0.01},
                                      .schedule = {.kind = V2S_SCHEDULE_CONSTANT, .rate = 1e-3}};
}

static v2s_depth_trainer *open_trainer(v2s_test_depth_data *m, const v2s_device *dev,
                                       const v2s_depth_trainer_config *config) {
    v2s_depth_trainer *t = NULL;
    v2s_depth_config net = small_net(SIZE);
    cr_assert(v2s_depth_trainer_open(config, &net, &m->data, dev, NULL, &t) == V2S_OK, "%s",
              v2s_error_text());
    return t;
}

static v2s_depth_result step(v2s_depth_trainer *t) {
    v2s_depth_result r;
    cr_assert(v2s_depth_trainer_step(t, &r) == V2S_OK, "%s", v2s_error_text());
    return r;
}

// Each epoch is a permutation, another one each time; what is left makes the last step.
Test(depth_trainer, an_epoch_takes_every_sample_once) {
    v2s_device *dev = one_thread();
    v2s_test_depth_data *m = v2s_test_make_depth_data(7, 0);
    v2s_depth_trainer_config config = plain(2, 2);
    config.swap = true;
    v2s_depth_trainer *t = open_trainer(m, dev, &config);
    cr_assert(v2s_depth_trainer_batches(t) == 2);
    v2s_depth_row first[7] = {0}, rows[7];
    bool differs = false;
    int swapped = 0;
    for (int epoch = 0; epoch < 6; epoch++) {
        cr_assert(v2s_depth_trainer_rows(t, epoch, 0, rows) == 4);
        cr_assert(v2s_depth_trainer_rows(t, epoch, 1, rows + 4) == 3);
        bool found[7] = {false};
        for (int i = 0; i < 7; i++) {
            found[rows[i].item] = true;
            swapped += rows[i].swap;
        }
        for (int i = 0; i < 7; i++)
            cr_assert(found[i]);
        if (epoch == 0)
            memcpy(first, rows, sizeof rows);
        for (int i = 0; i < 7; i++)
            differs = differs || rows[i].item != first[i].item;
    }
    cr_expect(differs && swapped > 8 && swapped < 34, "%d", swapped);
    cr_expect(!step(t).epoch_ended && step(t).epoch_ended);
    cr_expect(t->state.epoch == 1 && t->state.batch == 0 && t->state.steps == 2);
    v2s_depth_trainer_close(&t);
    v2s_test_free_depth_data(m);
    v2s_device_close(&dev);
}

// Both samples sound the same, so the statistics of the batch norms do not depend on the pieces;
// their depth maps have other valid pixels, so the counts have to be those of the step.
Test(depth_trainer, pieces_add_up_to_the_batch) {
    v2s_device *dev = one_thread();
    v2s_test_depth_data *m = v2s_test_make_depth_data(2, 0);
    memcpy(m->items[1].kept, m->items[0].kept, 2 * PIXELS * sizeof(float));
    for (int i = 0; i < PIXELS / 3; i++)
        m->items[1].kept[2 * PIXELS + i] = 0;
    v2s_depth_trainer_config whole = plain(2, 1), pieces = plain(1, 2);
    v2s_depth_trainer *a = open_trainer(m, dev, &whole), *b = open_trainer(m, dev, &pieces);
    v2s_depth_result x = step(a), y = step(b);
    cr_expect(fabs(x.loss / y.loss - 1) < 1e-5, "%.9g %.9g", x.loss, y.loss);
    cr_expect(fabs(x.l1 / y.l1 - 1) < 1e-5 && fabs(x.edge / y.edge - 1) < 1e-5);
    cr_expect(fabs(x.smooth / y.smooth - 1) < 1e-5, "%.9g %.9g", x.smooth, y.smooth);
    v2s_depth_trainer_close(&a);
    v2s_depth_trainer_close(&b);
    // The same depths too: now the gradients have to be the same.
    memcpy(m->items[1].kept, m->items[0].kept, 3 * PIXELS * sizeof(float));
    a = open_trainer(m, dev, &whole), b = open_trainer(m, dev, &pieces);
    x = step(a), y = step(b);
    cr_expect(fabs(x.gradient_norm / y.gradient_norm - 1) < 1e-3, "%.9g %.9g", x.gradient_norm,
              y.gradient_norm);
    v2s_depth_trainer_close(&a);
    v2s_depth_trainer_close(&b);
    v2s_test_free_depth_data(m);
    v2s_device_close(&dev);
}

static v2s_status zero_head(void *ctx, const char *name, v2s_tensor *param) {
    (void)ctx;
    if (strncmp(name, "head.", 5) == 0)
        memset(param->data, 0, v2s_tensor_count(param) * sizeof *param->data);
    return V2S_OK;
}

// A head of zeros says half of max_depth_m everywhere: the terms are known.
Test(depth_trainer, terms_are_means_over_all_valid_pixels_of_the_step) {
    v2s_device *dev = one_thread();
    v2s_test_depth_data *m = v2s_test_make_depth_data(3, 0);
    v2s_depth_trainer_config config = plain(2, 2);
    v2s_depth_trainer *t = open_trainer(m, dev, &config);
    cr_assert(v2s_depth_net_each(t->w.weights, V2S_DEPTH_PARAMETERS, zero_head, NULL) == V2S_OK);
    double l1 = 0, edge = 0;
    int pixels = 0, pairs = 0;
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < PIXELS; i++) {
            const float *g = m->items[k].kept + 2 * PIXELS + i;
            bool right = i % SIZE + 1 < SIZE, below = i + SIZE < PIXELS;
            if (*g <= 0)
                continue;
            l1 += fabs(5 - (double)*g);
            pixels++;
            if (right && g[1] > 0)
                edge += fabs((double)g[1] - (double)*g), pairs++;
            if (below && g[SIZE] > 0)
                edge += fabs((double)g[SIZE] - (double)*g), pairs++;
        }
    v2s_depth_result r = step(t);
    cr_expect(fabs(r.l1 / (l1 / pixels) - 1) < 1e-6, "%g %g", r.l1, l1 / pixels);
    cr_expect(fabs(r.edge - edge / pairs) < 1e-6, "%g %g", r.edge, edge / pairs);
    cr_expect(r.smooth < 1e-5);
    v2s_depth_trainer_close(&t);
    v2s_test_free_depth_data(m);
    v2s_device_close(&dev);
}

Test(depth_trainer, terms_come_in_with_the_curriculum) {
    double w[3];
    v2s_depth_trainer_term_weights(false, 0, w);
    cr_expect(w[0] == 1 && w[1] == 0.2 && w[2] == 0.1);
    v2s_depth_trainer_term_weights(true, 19, w);
    cr_expect(w[0] == 1 && w[1] == 0 && w[2] == 0);
    v2s_depth_trainer_term_weights(true, 20, w);
    cr_expect(w[0] == 1 && w[1] == 0.2 && w[2] == 0);
    v2s_depth_trainer_term_weights(true, 59, w);
    cr_expect(w[2] == 0);
    v2s_depth_trainer_term_weights(true, 60, w);
    cr_expect(w[0] == 1 && w[1] == 0.2 && w[2] == 0.1);
}

// A step that is not finite changes neither weights nor averages nor running statistics.
Test(depth_trainer, a_bad_batch_is_no_step) {
    v2s_device *dev = one_thread();
    v2s_test_depth_data *m = v2s_test_make_depth_data(3, 1);
    m->items[1].kept[5] = NAN;
    v2s_depth_trainer_config config = plain(1, 1);
    config.weights.ema_decay = 0.9;
    v2s_depth_trainer *t = open_trainer(m, dev, &config);
    size_t count, buffer_count;
    const real *p = v2s_depth_net_flat(t->w.weights, &count);
    const real *buffers = v2s_depth_net_flat_buffers(t->w.weights, &buffer_count);
    real *before = malloc((count + buffer_count) * sizeof *before);
    int skipped = 0;
    for (int i = 0; i < 3; i++) {
        memcpy(before, p, count * sizeof *before);
        memcpy(before + count, buffers, buffer_count * sizeof *before);
        v2s_depth_result r = step(t);
        bool same = memcmp(before, p, count * sizeof *before) == 0 &&
                    memcmp(before + count, buffers, buffer_count * sizeof *before) == 0;
        cr_expect(same == r.skipped);
        if (r.skipped)
            cr_expect(strstr(r.reason, "sample s1") != NULL, "%s", r.reason);
        skipped += r.skipped;
    }
    cr_expect(skipped == 1 && t->state.skipped == 1 && t->state.steps == 2);
    double l1;
    cr_assert(v2s_depth_trainer_validate(t, &l1) == V2S_OK);
    cr_expect(isfinite(l1));
    free(before);
    v2s_depth_trainer_close(&t);
    v2s_test_free_depth_data(m);
    v2s_device_close(&dev);
}

// The mean over all valid pixels, not over samples; the running statistics of the raw weights.
Test(depth_trainer, validation_is_the_mean_over_pixels) {
    v2s_device *dev = one_thread();
    v2s_test_depth_data *m = v2s_test_make_depth_data(2, 3);
    v2s_depth_trainer_config config = plain(2, 1);
    config.weights.ema_decay = 0.99;
    v2s_depth_trainer *t = open_trainer(m, dev, &config);
    step(t);
    double l1, sum = 0;
    int64_t count = 0;
    cr_assert(v2s_depth_trainer_validate(t, &l1) == V2S_OK && t->view_count == 3);
    for (int k = 0; k < t->view_count; k++)
        for (int i = 0; i < PIXELS; i++)
            if (t->views[k].truth[i] > 0) {
                sum += fabs((double)t->views[k].depth[i] - (double)t->views[k].truth[i]);
                count++;
            }
    cr_expect(fabs(l1 - sum / (double)count) < 1e-9 * l1);
    size_t n;
    const real *raw = v2s_depth_net_flat_buffers(t->w.weights, &n);
    cr_expect(memcmp(raw, v2s_depth_net_flat_buffers(t->w.ema, &n), n * sizeof *raw) == 0);
    v2s_depth_trainer_close(&t);
    v2s_test_free_depth_data(m);
    v2s_device_close(&dev);
}

Test(depth_trainer, ears_are_swapped_with_the_map) {
    float x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, truth[4] = {1, 2, 3, 4};
    v2s_depth_swap_ears(2, x, truth);
    const float swapped[8] = {5, 6, 7, 8, 1, 2, 3, 4}, mirrored[4] = {2, 1, 4, 3};
    cr_expect(memcmp(x, swapped, sizeof x) == 0 && memcmp(truth, mirrored, sizeof truth) == 0);
    v2s_test_depth_data *m = v2s_test_make_depth_data(1, 0);
    float *got = malloc(3 * PIXELS * sizeof *got);
    const float *kept = m->items[0].kept;
    m->data.left_only = true;
    cr_assert(v2s_depth_data_load(&m->data, &m->items[0], true, got, got + 2 * PIXELS) == V2S_OK);
    // Swapped first: the right ear is the left one of the mirrored scene.
    cr_expect(memcmp(got, kept + PIXELS, PIXELS * sizeof *got) == 0);
    cr_expect(memcmp(got + PIXELS, kept + PIXELS, PIXELS * sizeof *got) == 0);
    cr_expect(got[2 * PIXELS] == kept[2 * PIXELS + SIZE - 1]);
    free(got);
    v2s_test_free_depth_data(m);
}
