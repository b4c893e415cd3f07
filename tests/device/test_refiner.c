// SPDX-License-Identifier: MIT
// The whole network on the device against the processor's plain definition: as it is trained, by
// runners and by streams from host memory, and from several threads.
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "nn/refiner_runner.h"
#include "nn/refiner_stream.h"
#include "tests/device/tested_device.h"
#include "tests/support/guarded.h"
#include "tests/support/hash_noise.h"

// seed, v2s of both pairings, and sizes that are no multiples of anything.
static const v2s_refiner_config configs[] = {
    {4, 15, 64, 128, 4}, {66, 15, 48, 64, 192}, {44, 15, 48, 64, 512}, {3, 5, 7, 9, 2}};
enum { CONFIGS = sizeof configs / sizeof configs[0], TENSORS_MAX = 16 };

static v2s_refiner *drawn(const v2s_refiner_config *config, uint64_t seed) {
    v2s_refiner *m = NULL;
    cr_assert_eq(v2s_refiner_open(config, &m), V2S_OK);
    v2s_refiner_init_weights(m, seed);
    return m;
}

static float *scaled_noise(unsigned stream, size_t count, float scale) {
    float *x = malloc((count + 1) * sizeof *x);
    cr_assert_not_null(x);
    hash_noise(stream, count, scale, x);
    return x;
}

static float *noise(unsigned stream, size_t count) {
    return scaled_noise(stream, count, 1.0f);
}

// What gradients start from: small, because a sum with large numbers would round what is added.
#define START 0.01f

static float *dx_start(size_t count) {
    return scaled_noise(5, count, START);
}

static v2s_refiner *grads_start(const v2s_refiner_config *config) {
    v2s_refiner *m = drawn(config, 2);
    size_t count;
    real *flat = v2s_refiner_flat(m, &count);
    for (size_t i = 0; i < count; i++)
        flat[i] *= START;
    return m;
}

static void assert_done(const v2s_device *dev) {
    cr_assert_eq(dev->ops->memory->synchronize(dev), V2S_OK, "%s", v2s_error_text());
}

// ---- training ---------------------------------------------------------------------------------

// All in host memory.
typedef struct result {
    float *residual, *dx; // [B,T,outputs], [B,T,inputs]
    v2s_refiner *grads;
} result;

static void free_result(result *r) {
    free(r->residual);
    free(r->dx);
    v2s_refiner_close(&r->grads);
}

// A model of the host in the device's memory.
static v2s_refiner *placed(const v2s_device *dev, const v2s_refiner *m) {
    v2s_refiner *on = NULL;
    cr_assert_eq(v2s_refiner_open_on(&m->config, dev, &on), V2S_OK);
    v2s_refiner_upload(on, m);
    assert_done(dev);
    return on;
}

// Forward and backward; every gradient is added to noise.
static result train_on(const v2s_device *dev, const v2s_refiner_config *c, int B, int T) {
    size_t in = (size_t)B * (size_t)T * (size_t)c->inputs;
    size_t out = (size_t)B * (size_t)T * (size_t)c->outputs, bytes = sizeof(float);
    v2s_refiner *m = drawn(c, 1);
    result r = {.grads = grads_start(c)};
    v2s_refiner *on = placed(dev, m), *grads = placed(dev, r.grads);
    v2s_refiner_work work = {0};
    cr_assert_eq(v2s_refiner_work_open_training(&work, on, dev, B, T), V2S_OK);
    float *host[3] = {noise(3, in), noise(4, out), dx_start(in)};
    float *x = put(dev, host[0], in * bytes), *dy = put(dev, host[1], out * bytes);
    float *dx = put(dev, host[2], in * bytes), *y = put(dev, NULL, out * bytes);
    v2s_refiner_forward(on, dev, B, T, x, y, &work);
    v2s_refiner_backward(on, grads, dev, B, T, x, dy, dx, &work);
    r.residual = fetch_floats(dev, y, out);
    r.dx = fetch_floats(dev, dx, in);
    v2s_refiner_download(r.grads, grads);
    assert_done(dev);
    drop(dev, x, in * bytes);
    drop(dev, dx, in * bytes);
    drop(dev, dy, out * bytes);
    drop(dev, y, out * bytes);
    v2s_refiner_work_close(&work);
    v2s_refiner_close(&grads);
    v2s_refiner_close(&on);
    v2s_refiner_close(&m);
    for (int i = 0; i < 3; i++)
        free(host[i]);
    return r;
}

// Norm of a - b relative to the norm of b - start.
static double distance(const float *a, const float *b, const float *start, size_t count) {
    double gap = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        double moved = (double)b[i] - (start != NULL ? start[i] : 0);
        gap += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += moved * moved;
    }
    return gap == 0 ? 0 : sqrt(gap / norm); // one step has no gradient of W_hh
}

typedef struct tensor_list {
    int count;
    v2s_tensor *at[TENSORS_MAX];
} tensor_list;

static v2s_status collect(void *ctx, const char *name, v2s_tensor *param) {
    (void)name;
    tensor_list *list = ctx;
    cr_assert_lt(list->count, TENSORS_MAX);
    list->at[list->count++] = param;
    return V2S_OK;
}

// Each tensor on its own, so that a large one does not hide a small one.
static void compare_gradients(const result *found, const result *expected) {
    v2s_refiner *models[3] = {found->grads, expected->grads, grads_start(&found->grads->config)};
    tensor_list list[3] = {0};
    for (int i = 0; i < 3; i++)
        cr_assert_eq(v2s_refiner_each_param(models[i], collect, &list[i]), V2S_OK);
    for (int i = 0; i < list[0].count; i++) {
        double d = distance(list[0].at[i]->data, list[1].at[i]->data, list[2].at[i]->data,
                            v2s_tensor_count(list[0].at[i]));
        cr_assert_leq(d, 2e-5, "gradient of tensor %d: %g", i, d);
    }
    v2s_refiner_close(&models[2]);
}

// Sums of up to 1000 products in another order, through 2 x T steps of the recurrence: relative
// to the whole they were seen to differ by 1e-6.
static void check_training(const v2s_device *dev, const v2s_refiner_config *c, int B, int T) {
    v2s_device *definition = device_of(V2S_ISA_SCALAR, 1);
    result found = train_on(dev, c, B, T), expected = train_on(definition, c, B, T);
    size_t rows = (size_t)B * (size_t)T, in = rows * (size_t)c->inputs;
    double d = distance(found.residual, expected.residual, NULL, rows * (size_t)c->outputs);
    cr_assert_leq(d, 5e-6, "residual: %g", d);
    float *start = dx_start(in);
    d = distance(found.dx, expected.dx, start, in);
    cr_assert_leq(d, 2e-5, "dx: %g", d);
    compare_gradients(&found, &expected);
    free(start);
    free_result(&found);
    free_result(&expected);
    v2s_device_close(&definition);
}

Test(refiner, forward_and_gradients_equal_the_definition) {
    v2s_device *dev = tested_device();
    for (int i = 0; i < CONFIGS; i++)
        check_training(dev, &configs[i], 2, 33);
    check_training(dev, &configs[3], 1, 1);
    check_training(dev, &configs[3], 5, 2);
    check_training(dev, &configs[3], 1, 257);
    v2s_device_close(&dev);
}

Test(refiner, two_runs_are_bit_equal) {
    v2s_device *dev = tested_device();
    result a = train_on(dev, &configs[1], 3, 20), b = train_on(dev, &configs[1], 3, 20);
    size_t count, in = 60 * (size_t)configs[1].inputs, out = 60 * (size_t)configs[1].outputs;
    cr_assert_eq(memcmp(a.residual, b.residual, out * sizeof(float)), 0);
    cr_assert_eq(memcmp(a.dx, b.dx, in * sizeof(float)), 0);
    const real *flat = v2s_refiner_flat(a.grads, &count);
    cr_assert_eq(memcmp(flat, v2s_refiner_flat(b.grads, &count), count * sizeof *flat), 0);
    free_result(&a);
    free_result(&b);
    v2s_device_close(&dev);
}

// ---- runners ----------------------------------------------------------------------------------

static void run(v2s_refiner_runner *runner, int B, int T, const float *x, float *residual) {
    cr_assert_eq(v2s_refiner_runner_forward(runner, B, T, x, residual), V2S_OK, "%s",
                 v2s_error_text());
}

// What a device gives to rows in host memory.
static float *residual_of(const v2s_device *dev, const v2s_refiner *m, int B, int T,
                          const float *x) {
    v2s_refiner_runner *runner = NULL;
    float *residual = noise(99, (size_t)B * (size_t)T * (size_t)m->config.outputs);
    cr_assert_eq(v2s_refiner_runner_open(m, dev, B, T, &runner), V2S_OK, "%s", v2s_error_text());
    run(runner, B, T, x, residual);
    v2s_refiner_runner_close(&runner);
    cr_assert_null(runner);
    return residual;
}

Test(refiner, runners_equal_the_definition_for_every_size_up_to_their_own) {
    enum { B = 3, T = 40 };
    v2s_device *dev = tested_device(), *definition = device_of(V2S_ISA_SCALAR, 1);
    for (int i = 0; i < CONFIGS; i++) {
        v2s_refiner *m = drawn(&configs[i], 7);
        v2s_refiner_runner *runner = NULL;
        size_t outputs = (size_t)m->config.outputs;
        float *x = noise(8, B * T * (size_t)m->config.inputs), *y = noise(9, B * T * outputs + 1);
        cr_assert_eq(v2s_refiner_runner_open(m, dev, B, T, &runner), V2S_OK);
        const int sizes[][2] = {{B, T}, {1, 1}, {1, T}, {2, 7}};
        for (int k = 0; k < 4; k++) {
            int b = sizes[k][0], t = sizes[k][1];
            size_t count = (size_t)b * (size_t)t * outputs;
            float *expected = residual_of(definition, m, b, t, x), behind = y[count];
            run(runner, b, t, x, y);
            cr_assert_leq(distance(y, expected, NULL, count), 5e-6);
            cr_assert_eq(y[count], behind);
            free(expected);
        }
        float first = y[0];
        run(runner, 0, T, x, y);
        run(runner, B, 0, x, y);
        cr_assert_eq(y[0], first);
        v2s_refiner_runner_close(&runner);
        v2s_refiner_close(&m);
        free(x);
        free(y);
    }
    v2s_device_close(&definition);
    v2s_device_close(&dev);
}

Test(refiner, a_runner_takes_a_model_that_lies_on_the_device_as_it_is) {
    v2s_device *dev = tested_device();
    v2s_refiner *m = drawn(&configs[3], 7), *on = placed(dev, m);
    float *x = noise(8, 30), *expected = residual_of(dev, m, 1, 10, x);
    float *found = residual_of(dev, on, 1, 10, x);
    cr_assert_eq(memcmp(found, expected, 20 * sizeof(float)), 0);
    free(x);
    free(expected);
    free(found);
    v2s_refiner_close(&on);
    v2s_refiner_close(&m);
    v2s_device_close(&dev);
}

// BF16 keeps 8 bits of each factor, TF32 11. TF32 is a GPU's.
Test(refiner, coarser_products_stay_close) {
    v2s_device *fine = tested_device();
    v2s_refiner *m = drawn(&configs[0], 7);
    float *x = noise(8, 100 * 4), *expected = residual_of(fine, m, 1, 100, x);
    for (int p = V2S_PRECISION_TF32; p <= V2S_PRECISION_BF16; p++) {
        v2s_device *dev = NULL;
        v2s_device_options options = {.threads = 2, .precision = (v2s_precision)p};
        v2s_status status = v2s_device_open_with(tested_device_spec(), &options, &dev);
        if (status == V2S_UNSUPPORTED && fine->ops->memory->host_memory)
            continue;
        cr_assert_eq(status, V2S_OK, "%s", v2s_error_text());
        float *found = residual_of(dev, m, 1, 100, x);
        double d = distance(found, expected, NULL, 400);
        cr_assert_leq(d, p == V2S_PRECISION_BF16 ? 2e-2 : 2e-3, "precision %d: %g", p, d);
        free(found);
        v2s_device_close(&dev);
    }
    free(x);
    free(expected);
    v2s_refiner_close(&m);
    v2s_device_close(&fine);
}

enum { THREADS = 4, TURNS = 5, FRAMES = 30 };

typedef struct user {
    pthread_t thread;
    const v2s_device *dev;
    const v2s_refiner *m;
    float *x, *expected;
    int wrong;
} user;

static void *use(void *ctx) {
    user *u = ctx;
    size_t count = FRAMES * (size_t)u->m->config.outputs;
    for (int i = 0; i < TURNS; i++) {
        v2s_refiner_runner *runner = NULL;
        float *y = calloc(count, sizeof *y);
        if (v2s_refiner_runner_open(u->m, u->dev, 1, FRAMES, &runner) != V2S_OK ||
            v2s_refiner_runner_forward(runner, 1, FRAMES, u->x, y) != V2S_OK ||
            memcmp(y, u->expected, count * sizeof *y) != 0)
            u->wrong++;
        v2s_refiner_runner_close(&runner);
        free(y);
    }
    return NULL;
}

Test(refiner, several_threads_may_use_runners_of_one_device) {
    v2s_device *dev = tested_device();
    user users[THREADS];
    for (int i = 0; i < THREADS; i++) {
        v2s_refiner *m = drawn(&configs[3], 20 + (uint64_t)i);
        users[i] = (user){.dev = dev, .m = m, .x = noise(30 + (unsigned)i, FRAMES * 3)};
        users[i].expected = residual_of(dev, m, 1, FRAMES, users[i].x);
    }
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&users[i].thread, NULL, use, &users[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(users[i].thread, NULL);
        cr_expect_eq(users[i].wrong, 0);
        v2s_refiner_close((v2s_refiner **)&users[i].m);
        free(users[i].x);
        free(users[i].expected);
    }
    v2s_device_close(&dev);
}

Test(refiner, more_rows_than_memory_holds_are_refused_with_a_sentence) {
    v2s_device *dev = tested_device();
    v2s_refiner_runner *runner = NULL;
    v2s_refiner *m = drawn(&configs[2], 7);
    cr_assert_eq(v2s_refiner_runner_open(m, dev, 2, INT32_MAX, &runner), V2S_ARG);
    cr_assert_eq(v2s_refiner_runner_open(m, dev, 1, INT32_MAX, &runner), V2S_NOMEM);
    cr_assert_null(runner);
    cr_assert_not_null(strstr(v2s_error_text(), "out of memory"));
    float x[44] = {0}, *residual = residual_of(dev, m, 1, 1, x); // the device is as it was
    free(residual);
    v2s_refiner_close(&m);
    v2s_device_close(&dev);
}

// ---- streams ----------------------------------------------------------------------------------

typedef struct streaming {
    v2s_refiner_stream *s;
    float *y;
    int got, frames;
    int lookahead_at_first; // when the first residual came
} streaming;

static void pull(streaming *t) {
    int n = v2s_refiner_stream_pull(t->s, t->y + 4 * (size_t)t->got, t->frames - t->got);
    if (t->got == 0 && n > 0)
        t->lookahead_at_first = v2s_refiner_stream_get_report(t->s).lookahead_frames;
    t->got += n;
}

// The caller frees y.
static streaming stream_on(const v2s_device *dev, const v2s_refiner *m, int frames,
                           const float *foa, int step) {
    v2s_refiner_stream_config config = {64, 24, 1024, 1e-6f};
    streaming t = {.frames = frames, .y = noise(99, (size_t)frames * 4)};
    cr_assert_eq(v2s_refiner_stream_open(m, dev, &config, &t.s), V2S_OK, "%s", v2s_error_text());
    for (int at = 0; at < frames; at += step) {
        int n = frames - at < step ? frames - at : step;
        cr_assert_eq(v2s_refiner_stream_push(t.s, foa + 4 * (size_t)at, n), V2S_OK, "%s",
                     v2s_error_text());
        pull(&t);
    }
    cr_assert_eq(v2s_refiner_stream_finish(t.s), V2S_OK, "%s", v2s_error_text());
    pull(&t);
    cr_assert_eq(t.got, frames);
    return t;
}

Test(refiner, streams_equal_the_whole) {
    const v2s_refiner_config config = {4, 15, 8, 12, 4};
    v2s_device *dev = tested_device(), *definition = device_of(V2S_ISA_SCALAR, 1);
    v2s_refiner *m = drawn(&config, 7);
    const int lengths[] = {0, 1, 63, 64, 95, 96, 300};
    for (int i = 0; i < 7; i++) {
        int frames = lengths[i];
        float *foa = noise(8, (size_t)frames * 4);
        float *whole = residual_of(definition, m, 1, frames, foa);
        streaming t = stream_on(dev, m, frames, foa, frames == 300 ? 33 : 1000);
        for (int k = 0; k < 4 * frames; k++)
            cr_assert_float_eq(t.y[k], whole[k], 2e-6, "%d frames, number %d", frames, k);
        cr_assert_eq(v2s_refiner_stream_get_report(t.s).open_borders, 0);
        v2s_refiner_stream_close(&t.s);
        free(foa);
        free(whole);
        free(t.y);
    }
    v2s_refiner_close(&m);
    v2s_device_close(&definition);
    v2s_device_close(&dev);
}

// Loud input drives the gates to their ends, where states are soon forgotten: the sound's second
// half needs more look-ahead than its first, and what the buffers hold has to move with them.
Test(refiner, streams_go_on_when_they_look_farther_ahead) {
    enum { LENGTH = 500 };
    const v2s_refiner_config config = {4, 15, 8, 12, 4};
    v2s_device *dev = tested_device(), *definition = device_of(V2S_ISA_SCALAR, 1);
    v2s_refiner *m = drawn(&config, 7);
    for (int d = 0; d < 2; d++)
        for (int j = 0; j < config.hidden; j++)
            m->gru.dir[d].bias_ih.data[config.hidden + j] += 1.0f;
    float *foa = noise(8, LENGTH * 4);
    for (int i = 0; i < LENGTH * 4; i++)
        foa[i] *= i < LENGTH * 2 ? 100.0f : 1.0f;
    float *whole = residual_of(definition, m, 1, LENGTH, foa);
    streaming t = stream_on(dev, m, LENGTH, foa, 33);
    for (int k = 0; k < 4 * LENGTH; k++)
        cr_assert_float_eq(t.y[k], whole[k], 2e-6, "number %d", k);
    v2s_refiner_stream_report report = v2s_refiner_stream_get_report(t.s);
    cr_assert_eq(report.open_borders, 0);
    cr_assert_gt(report.lookahead_frames, t.lookahead_at_first);
    v2s_refiner_stream_close(&t.s);
    free(foa);
    free(whole);
    free(t.y);
    v2s_refiner_close(&m);
    v2s_device_close(&definition);
    v2s_device_close(&dev);
}

Test(refiner, streams_refuse_a_residual_that_is_no_number) {
    const v2s_refiner_config config = {4, 3, 5, 6, 4};
    v2s_device *dev = tested_device();
    v2s_refiner *m = drawn(&config, 7);
    v2s_refiner_stream *s = NULL;
    float *foa = noise(8, 40);
    m->output.bias.data[2] = INFINITY;
    cr_assert_eq(v2s_refiner_stream_open(m, dev, NULL, &s), V2S_OK);
    cr_assert_eq(v2s_refiner_stream_push(s, foa, 10), V2S_OK);
    cr_assert_eq(v2s_refiner_stream_finish(s), V2S_NUMERIC);
    cr_assert_not_null(strstr(v2s_error_text(), "frame 0, channel 2"));
    v2s_refiner_stream_close(&s);
    v2s_refiner_close(&m);
    free(foa);
    v2s_device_close(&dev);
}
