// SPDX-License-Identifier: MIT
// Runners and streams on a device that watches them: whatever they do with its memory they do in
// their turn, and its failures come back.
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "nn/refiner_runner.h"
#include "nn/refiner_stream.h"
#include "tests/device/tested_device.h"
#include "tests/support/hash_noise.h"

enum { THREADS = 4, FRAMES = 200 };

// ---- the watching device ----------------------------------------------------------------------

// The tested device with other functions around its own; it has memory of its own even where that
// is the processor's.
typedef struct watch {
    v2s_device *of;
    v2s_device dev;
    v2s_ops ops;
    v2s_memory_ops memory;
} watch;

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local bool inside;
static atomic_int outside_calls, calls, turns;
static atomic_bool broken;
static const v2s_memory_ops *own; // of the device that is watched

static void called(void) {
    calls++;
    outside_calls += !inside;
}

static void enter(const v2s_device *dev) {
    pthread_mutex_lock(&turn);
    own->enter(dev);
    inside = true;
    turns++;
}

static void leave(const v2s_device *dev) {
    inside = false;
    own->leave(dev);
    pthread_mutex_unlock(&turn);
}

static v2s_status take(const v2s_device *dev, size_t bytes, void **out) {
    called();
    return own->take(dev, bytes, out);
}

static void give(const v2s_device *dev, void *memory) {
    called();
    own->give(dev, memory);
}

static v2s_status host_take(const v2s_device *dev, size_t bytes, void **out) {
    called();
    return own->host_take(dev, bytes, out);
}

static void host_give(const v2s_device *dev, void *memory) {
    called();
    own->host_give(dev, memory);
}

static void upload(const v2s_device *dev, void *to, const void *from, size_t bytes) {
    called();
    own->upload(dev, to, from, bytes);
}

static void download(const v2s_device *dev, void *to, const void *from, size_t bytes) {
    called();
    own->download(dev, to, from, bytes);
}

static v2s_status synchronize(const v2s_device *dev) {
    called();
    v2s_status status = own->synchronize(dev);
    return broken ? V2S_FAIL(V2S_CUDA, "CUDA: work: it broke") : status;
}

static watch *open_watch(void) {
    watch *w = calloc(1, sizeof *w);
    cr_assert_not_null(w);
    w->of = tested_device();
    own = w->of->ops->memory;
    w->memory = *own;
    w->memory.host_memory = false;
    w->memory.enter = enter;
    w->memory.leave = leave;
    w->memory.take = take;
    w->memory.give = give;
    w->memory.host_take = host_take;
    w->memory.host_give = host_give;
    w->memory.upload = upload;
    w->memory.download = download;
    w->memory.synchronize = synchronize;
    w->ops = *w->of->ops;
    w->ops.memory = &w->memory;
    w->dev = *w->of;
    w->dev.ops = &w->ops;
    return w;
}

static void close_watch(watch *w) {
    v2s_device_close(&w->of);
    free(w);
}

// ---- its users --------------------------------------------------------------------------------

static v2s_refiner *network(void) {
    const v2s_refiner_config config = {4, 5, 6, 7, 4};
    v2s_refiner *m = NULL;
    cr_assert_eq(v2s_refiner_open(&config, &m), V2S_OK);
    v2s_refiner_init_weights(m, 3);
    return m;
}

static v2s_status run_rows(const v2s_refiner *m, const v2s_device *dev, const float *foa,
                           float *residual) {
    v2s_refiner_runner *runner = NULL;
    V2S_TRY(v2s_refiner_runner_open(m, dev, 1, FRAMES, &runner));
    v2s_status status = v2s_refiner_runner_forward(runner, 1, FRAMES, foa, residual);
    v2s_refiner_runner_close(&runner);
    return status;
}

static v2s_status run_stream(const v2s_refiner *m, const v2s_device *dev, const float *foa,
                             float *residual) {
    const v2s_refiner_stream_config config = {48, 8, 256, 1e-6f};
    v2s_refiner_stream *s = NULL;
    V2S_TRY(v2s_refiner_stream_open(m, dev, &config, &s));
    v2s_status status = v2s_refiner_stream_push(s, foa, FRAMES);
    if (status == V2S_OK)
        status = v2s_refiner_stream_finish(s);
    v2s_refiner_stream_pull(s, residual, FRAMES);
    v2s_refiner_stream_close(&s);
    return status;
}

typedef v2s_status run(const v2s_refiner *m, const v2s_device *dev, const float *foa, float *out);

typedef struct user {
    pthread_t thread;
    run *run;
    const v2s_refiner *m;
    const v2s_device *dev;
    v2s_status status;
    float foa[4 * FRAMES], residual[4 * FRAMES];
} user;

static void *use(void *ctx) {
    user *u = ctx;
    u->status = u->run(u->m, u->dev, u->foa, u->residual);
    return NULL;
}

Test(refiner_turns, all_that_is_done_with_a_device_is_done_in_turn) {
    watch *w = open_watch();
    v2s_refiner *m = network();
    user *users = calloc(THREADS, sizeof *users);
    for (int i = 0; i < THREADS; i++) {
        users[i].run = i % 2 == 0 ? run_rows : run_stream;
        users[i].m = m;
        users[i].dev = &w->dev;
        hash_noise((unsigned)i, 4 * FRAMES, 1.0f, users[i].foa);
        cr_assert_eq(pthread_create(&users[i].thread, NULL, use, &users[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(users[i].thread, NULL);
        cr_expect_eq(users[i].status, V2S_OK);
        float alone[4 * FRAMES];
        cr_assert_eq(run_rows(m, w->of, users[i].foa, alone), V2S_OK);
        for (int k = 0; k < 4 * FRAMES; k++)
            cr_assert_float_eq(users[i].residual[k], alone[k], 2e-6);
    }
    cr_expect_gt(turns, 2 * THREADS);
    cr_expect_gt(calls, 10 * THREADS);
    cr_expect_eq(outside_calls, 0);
    free(users);
    v2s_refiner_close(&m);
    close_watch(w);
}

Test(refiner_turns, failures_of_the_device_come_back) {
    watch *w = open_watch();
    v2s_refiner *m = network();
    v2s_refiner_runner *runner = NULL;
    v2s_refiner_stream *s = NULL;
    float foa[4 * FRAMES] = {0}, residual[4 * FRAMES] = {0};
    const v2s_refiner_stream_config config = {48, 8, 256, 1e-6f};
    cr_assert_eq(v2s_refiner_runner_open(m, &w->dev, 1, FRAMES, &runner), V2S_OK);
    cr_assert_eq(v2s_refiner_stream_open(m, &w->dev, &config, &s), V2S_OK);
    broken = true;
    cr_expect_eq(v2s_refiner_runner_forward(runner, 1, FRAMES, foa, residual), V2S_CUDA);
    cr_expect_not_null(strstr(v2s_error_text(), "it broke"));
    cr_expect_eq(residual[0], 0.0f);
    cr_expect_eq(v2s_refiner_stream_push(s, foa, FRAMES), V2S_CUDA);
    cr_expect_eq(v2s_refiner_stream_pull(s, residual, FRAMES), 0);
    cr_expect_eq(v2s_refiner_stream_finish(s), V2S_CUDA);
    v2s_refiner_stream_close(&s);
    v2s_refiner_runner_close(&runner);
    cr_expect_eq(v2s_refiner_stream_open(m, &w->dev, &config, &s), V2S_CUDA);
    cr_expect_eq(v2s_refiner_runner_open(m, &w->dev, 1, FRAMES, &runner), V2S_CUDA);
    cr_expect(s == NULL && runner == NULL);
    v2s_refiner_close(&m);
    close_watch(w);
}
