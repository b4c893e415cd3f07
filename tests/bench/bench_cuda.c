// SPDX-License-Identifier: MIT
// Speed of every operation, and of whole refiners, on a device: time, GFLOP/s, GB/s, and the share
// of the nearer of the machine's own ceilings, which are measured first (a large copy, a large
// product in the same precision).
//
//   bench_cuda [--device D] [--group G] [--precision LIST] [--filter TEXT] [--quick] [--tiny]
//              [--json FILE] [--budget SECONDS] [--clock-mhz N]
//
//   --device     cuda, cuda:N or cpu; default cuda
//   --group      whole, gru, rows, tensors or signals; default: all. A GPU that a kernel has left
//                in error serves its process no more, so bench_cuda.sh runs each by itself
//   --precision  some of f32,tf32,bf16; default f32,tf32,bf16 on a GPU; gru and signals have f32
//   --filter     only what has TEXT in "<name> <shape>"
//   --quick      shorter samples          --tiny  sizes that only show that everything runs
//   --json       one line a benchmark; tests/bench/bench_cuda.py times the same in PyTorch from it
//   --budget     what does not fit the time is named and left out
//   --clock-mhz  of the multiprocessors, for the limit of a GRU's step
//
// Exit codes: 0 done, 1 some benchmarks failed, 2 wrong usage, 3 the device failed.
//
// How it is measured: tests/bench/cuda/bench.h. All of it in one table, with the device tests:
// tests/bench/bench_cuda.sh.
#include <stdlib.h>
#include <string.h>

#include "tests/bench/cuda/bench.h"

typedef struct settings {
    const char *device, *group, *precision, *json;
    double budget_s;
    bench b;
} settings;

static const char usage[] =
    "usage: bench_cuda [--device D] [--group whole|gru|rows|tensors|signals] [--precision LIST]\n"
    "                  [--filter TEXT] [--quick] [--tiny] [--json FILE] [--budget SECONDS]\n"
    "                  [--clock-mhz N]\n";

static bool parse(int argc, char **argv, settings *s) {
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(name, "--quick") == 0)
            s->b.size = BENCH_QUICK;
        else if (strcmp(name, "--tiny") == 0)
            s->b.size = BENCH_TINY;
        else if (value == NULL)
            return false;
        else if (strcmp(name, "--device") == 0)
            s->device = argv[++i];
        else if (strcmp(name, "--group") == 0)
            s->group = argv[++i];
        else if (strcmp(name, "--precision") == 0)
            s->precision = argv[++i];
        else if (strcmp(name, "--filter") == 0)
            s->b.filter = argv[++i];
        else if (strcmp(name, "--json") == 0)
            s->json = argv[++i];
        else if (strcmp(name, "--budget") == 0)
            s->budget_s = atof(argv[++i]);
        else if (strcmp(name, "--clock-mhz") == 0)
            s->b.clock_hz = 1e6 * atof(argv[++i]);
        else
            return false;
    }
    return true;
}

static bool group_is_known(const char *group) {
    static const char *const groups[] = {"whole", "gru", "rows", "tensors", "signals"};
    bool known = group == NULL;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        known = known || strcmp(group, groups[i]) == 0;
    return known;
}

// The line of `info --devices` about the device, and what can be read in it.
static void describe(bench *b, const char *device, char line[V2S_DEVICE_LINE_MAX]) {
    int index = strncmp(device, "cuda", 4) != 0 ? 0 : device[4] == ':' ? atoi(device + 5) + 1 : 1;
    if (!v2s_device_describe(index, line))
        snprintf(line, V2S_DEVICE_LINE_MAX, "%s", device);
    const char *count = strstr(line, " multiprocessors");
    while (count != NULL && count > line && count[-1] >= '0' && count[-1] <= '9')
        count--;
    b->multiprocessors = index > 0 && count != NULL ? atoi(count) : 0;
    b->warning = index == 0 ? "NOT A MEASUREMENT OF A GPU: this is the processor"
                 : strstr(b->dev->name, "emulated") != NULL ? "EMULATED: NOT A MEASUREMENT"
                                                            : NULL;
}

// The GRU has two ways to run; V2S_CUDA_GRU is read when a device is opened.
static v2s_status run_gru(settings *s, const v2s_device_options *options) {
    bench_gru(&s->b);
    if (s->b.dev->cuda == NULL)
        return V2S_OK;
    v2s_device_close(&s->b.dev);
    setenv("V2S_CUDA_GRU", "cudnn", 1);
    V2S_TRY(v2s_device_open_with(s->device, options, &s->b.dev));
    bench_gru(&s->b);
    unsetenv("V2S_CUDA_GRU");
    v2s_device_close(&s->b.dev);
    return v2s_device_open_with(s->device, options, &s->b.dev);
}

static bool wants(const settings *s, const char *group) {
    return s->group == NULL || strcmp(s->group, group) == 0;
}

// What matters most comes first, should the time run out.
static v2s_status run_groups(settings *s, const v2s_device_options *options) {
    bench *b = &s->b;
    bool f32 = options->precision == V2S_PRECISION_F32;
    bench_ceilings(b);
    if (wants(s, "whole")) {
        bench_inference(b);
        bench_training(b);
    }
    if (f32 && wants(s, "gru"))
        V2S_TRY(run_gru(s, options));
    if (wants(s, "rows"))
        bench_rows(b);
    if (wants(s, "tensors"))
        bench_tensors(b);
    if (f32 && wants(s, "signals"))
        bench_signals(b);
    return V2S_OK;
}

static v2s_status run_precision(settings *s, v2s_precision precision) {
    const v2s_device_options options = {.precision = precision};
    char line[V2S_DEVICE_LINE_MAX];
    V2S_TRY(v2s_device_open_with(s->device, &options, &s->b.dev));
    describe(&s->b, s->device, line);
    bench_report_start(&s->b, line);
    v2s_status status = run_groups(s, &options);
    v2s_device_close(&s->b.dev);
    return status;
}

static v2s_status run(settings *s) {
    static const char *const names[] = {"f32", "tf32", "bf16"};
    bool gpu = strncmp(s->device, "cuda", 4) == 0;
    const char *wanted = s->precision != NULL ? s->precision : gpu ? "f32,tf32,bf16" : "f32";
    for (const char *at = wanted; *at != '\0';) {
        size_t length = strcspn(at, ",");
        int p = 0;
        while (p < 3 && (strlen(names[p]) != length || strncmp(at, names[p], length) != 0))
            p++;
        if (p == 3)
            return V2S_FAIL(V2S_USAGE, "--precision: expected f32, tf32 or bf16, found '%.*s'",
                            (int)length, at);
        V2S_TRY(run_precision(s, (v2s_precision)p));
        at += length + (at[length] == ',');
    }
    return V2S_OK;
}

int main(int argc, char **argv) {
    settings s = {.device = "cuda", .budget_s = 3600};
    if (!parse(argc, argv, &s) || !group_is_known(s.group)) {
        fputs(usage, stderr);
        return 2;
    }
    s.b.deadline = bench_now() + s.budget_s;
    if (s.json != NULL && (s.b.json = fopen(s.json, "we")) == NULL) {
        fprintf(stderr, "bench_cuda: cannot write %s\n", s.json);
        return 3;
    }
    v2s_status status = run(&s);
    printf("\n%d failed, %d left out\n", s.b.failed, s.b.left_out);
    fflush(stdout);
    if (status != V2S_OK)
        fprintf(stderr, "bench_cuda: %s\n", v2s_error_text());
    if (s.b.json != NULL && fclose(s.b.json) != 0)
        status = V2S_IO;
    return status == V2S_USAGE ? 2 : status != V2S_OK ? 3 : s.b.failed > 0;
}
