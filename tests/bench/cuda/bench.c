// SPDX-License-Identifier: MIT
#include "tests/bench/cuda/bench.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SAMPLES_MAX = 11, SAMPLES_MIN = 3, CALLS_MAX = 20000 };

// Of one sample, and of one benchmark: 20 ms are 2000 times the wait at a sample's end.
static const double sample_s[] = {0.02, 0.005, 0}, most_s[] = {1, 0.4, 0};

double bench_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bool bench_wants(bench *b, const char *name, const char *shape, ...) {
    va_list args;
    snprintf(b->name, sizeof b->name, "%s", name);
    va_start(args, shape);
    vsnprintf(b->shape, sizeof b->shape, shape, args);
    va_end(args);
    b->status = V2S_OK;
    b->path[0] = '\0';
    char both[BENCH_NAME_MAX + BENCH_SHAPE_MAX + 1];
    snprintf(both, sizeof both, "%s %s", b->name, b->shape);
    if (b->filter != NULL && strstr(both, b->filter) == NULL)
        return false;
    if (bench_now() < b->deadline)
        return true;
    b->left_out++;
    bench_report_left_out(b);
    return false;
}

bool bench_ok(bench *b, v2s_status status) {
    if (b->status == V2S_OK)
        b->status = status;
    return b->status == V2S_OK;
}

// ---- memory -----------------------------------------------------------------------------------

void *bench_zeros(bench *b, size_t bytes) {
    void *memory = NULL;
    V2S_ASSERT(b->taken_count < BENCH_TAKEN_MAX);
    if (b->status != V2S_OK || !bench_ok(b, b->dev->ops->memory->take(b->dev, bytes, &memory)))
        return NULL;
    b->taken[b->taken_count++] = memory;
    return memory;
}

// A block from the host, doubled on the device until it is long enough.
float *bench_noise(bench *b, size_t count) {
    enum { BLOCK = 1 << 20 };
    static float block[BLOCK];
    float *out = bench_zeros(b, count * sizeof *out);
    if (out == NULL)
        return NULL;
    if (block[0] == 0.0f) {
        unsigned seed = 1;
        for (size_t i = 0; i < BLOCK; i++)
            block[i] = 2.0f * ((float)rand_r(&seed) + 0.5f) / (float)RAND_MAX - 1.0f;
    }
    size_t done = count < BLOCK ? count : BLOCK;
    b->dev->ops->memory->upload(b->dev, out, block, done * sizeof *out);
    for (; done < count; done *= 2) {
        size_t more = count - done < done ? count - done : done;
        b->dev->ops->memory->copy(b->dev, out + done, out, more * sizeof *out);
    }
    return out;
}

v2s_arena *bench_scratch(bench *b, size_t bytes) {
    v2s_device_arena_close(b->dev, &b->scratch);
    b->scratch = (v2s_arena){0};
    if (b->status == V2S_OK)
        bench_ok(b, v2s_device_arena_open(b->dev, bytes, &b->scratch));
    return &b->scratch;
}

static void give_back(bench *b) {
    v2s_device_arena_close(b->dev, &b->scratch);
    b->scratch = (v2s_arena){0};
    while (b->taken_count > 0)
        b->dev->ops->memory->give(b->dev, b->taken[--b->taken_count]);
}

// ---- timing -----------------------------------------------------------------------------------

typedef struct repeated {
    const v2s_device *dev;
    const bench_work *work;
    v2s_recording *recording; // NULL: the work itself
    v2s_status status;
} repeated;

static void run_once(void *ctx) {
    const repeated *r = ctx;
    r->work->run(r->dev, r->work->ctx);
}

static double seconds_of(repeated *r, int calls) {
    const v2s_memory_ops *memory = r->dev->ops->memory;
    double start = bench_now();
    for (int i = 0; i < calls; i++)
        if (r->recording != NULL)
            memory->replay(r->dev, r->recording);
        else
            run_once(r);
    v2s_status status = memory->synchronize(r->dev);
    if (r->status == V2S_OK)
        r->status = status;
    return bench_now() - start;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bench_result measure(repeated *r, bench_size size) {
    double all[SAMPLES_MAX], once = seconds_of(r, 1), begin = bench_now();
    double calls = once > 0 ? sample_s[size] / once : CALLS_MAX;
    bench_result out = {.calls = calls < 1 ? 1 : calls > CALLS_MAX ? CALLS_MAX : (int)calls};
    if (out.calls > 1) { // one call alone is slower than one of many: its wait is in it
        once = seconds_of(r, out.calls) / out.calls;
        calls = once > 0 ? sample_s[size] / once : CALLS_MAX;
        out.calls = calls < 1 ? 1 : calls > CALLS_MAX ? CALLS_MAX : (int)calls;
    }
    while (out.samples < SAMPLES_MAX &&
           (out.samples < SAMPLES_MIN || bench_now() - begin < most_s[size]))
        all[out.samples++] = seconds_of(r, out.calls) / out.calls;
    qsort(all, (size_t)out.samples, sizeof *all, by_value);
    out.median = all[out.samples / 2];
    out.best = all[0];
    return out;
}

// Of the kernels that ran ("cuda, capability 9.0, GRU: persistent"), which GRU's.
static void note_path(bench *b) {
    static const char mark[] = "GRU: ";
    const char *kernels = strstr(b->dev->ops->memory->kernels(b->dev), mark);
    if (kernels != NULL)
        snprintf(b->path, sizeof b->path, "%s", kernels + sizeof mark - 1);
}

double bench_time(bench *b, const bench_work *work) {
    const v2s_memory_ops *memory = b->dev->ops->memory;
    repeated r = {.dev = b->dev, .work = work};
    bench_result result = {0};
    if (b->status == V2S_OK) { // what is opened or chosen at the first run is not timed
        run_once(&r);
        bench_ok(b, memory->synchronize(b->dev));
    }
    if (b->status == V2S_OK && work->steps > 0)
        note_path(b);
    if (b->status == V2S_OK && work->recorded)
        bench_ok(b, memory->record(b->dev, run_once, &r, &r.recording));
    if (b->status == V2S_OK) {
        result = measure(&r, b->size);
        bench_ok(b, r.status);
    }
    memory->forget(b->dev, &r.recording);
    if (b->status == V2S_OK) {
        bench_report(b, work, &result);
    } else {
        b->failed++;
        bench_report_failure(b, v2s_error_text());
    }
    give_back(b);
    return b->status == V2S_OK ? result.median : 0;
}
