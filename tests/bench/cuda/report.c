// SPDX-License-Identifier: MIT
// A line of JSON for programs and a line of text for people, per benchmark.
#include <string.h>

#include "tests/bench/cuda/bench.h"

static const char *const precision_names[] = {"f32", "tf32", "bf16"};

// The names here hold nothing that JSON would have to escape but what a device may be called.
static void json_text(FILE *json, const char *key, const char *text) {
    fprintf(json, "\"%s\": \"", key);
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= ' ')
            fprintf(json, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    fputs("\", ", json);
}

static void json_head(const bench *b) {
    fputc('{', b->json);
    json_text(b->json, "name", b->name);
    json_text(b->json, "shape", b->shape);
    json_text(b->json, "precision", precision_names[b->dev->precision]);
    json_text(b->json, "path", b->path);
    json_text(b->json, "device", b->dev->name);
    fprintf(b->json, "\"measured\": %s, ", b->warning == NULL ? "true" : "false");
}

void bench_report_start(const bench *b, const char *line) {
    printf("\n%s\n%s\n", b->dev->name, line);
    if (b->warning != NULL)
        puts(b->warning);
    printf("%-24s %-36s %-5s %12s %10s %9s %7s %s\n", "operation", "shape", "", "us a call",
           "GFLOP/s", "GB/s", "share", "");
    if (b->json == NULL)
        return;
    fputc('{', b->json);
    json_text(b->json, "name", "device");
    json_text(b->json, "device", b->dev->name);
    json_text(b->json, "line", line);
    fprintf(b->json, "\"multiprocessors\": %d, \"clock_hz\": %.0f, \"measured\": %s}\n",
            b->multiprocessors, b->clock_hz, b->warning == NULL ? "true" : "false");
}

// The time that the nearer ceiling would take, and its name.
static double limit_of(const bench *b, const bench_work *work, const char **bound) {
    double products = b->product_rate[b->dev->precision], compute = 0, memory = 0;
    if (products > 0)
        compute = work->flops / products;
    if (b->copy_rate > 0)
        memory = work->bytes / b->copy_rate;
    *bound = compute > memory ? "compute" : memory > 0 ? "memory" : "";
    return compute > memory ? compute : memory;
}

static void report_json(const bench *b, const bench_work *work, const bench_result *r) {
    const char *bound;
    double limit = limit_of(b, work, &bound);
    json_head(b);
    fprintf(b->json,
            "\"seconds\": %.9g, \"best\": %.9g, \"samples\": %d, \"calls\": %d, \"recorded\": %s, "
            "\"flops\": %.9g, \"bytes\": %.9g, \"limit_s\": %.9g, \"bound\": \"%s\"",
            r->median, r->best, r->samples, r->calls, work->recorded ? "true" : "false",
            work->flops, work->bytes, limit, bound);
    if (work->steps > 0)
        fprintf(b->json, ", \"steps\": %d, \"step_us\": %.9g, \"step_limit_us\": %.9g", work->steps,
                1e6 * r->median / work->steps,
                b->clock_hz > 0 ? 1e6 * work->step_clocks / b->clock_hz : 0.0);
    fputs("}\n", b->json);
    fflush(b->json);
}

void bench_report(const bench *b, const bench_work *work, const bench_result *r) {
    const char *bound;
    double limit = limit_of(b, work, &bound);
    printf("%-24s %-36s %-5s %12.2f ", b->name, b->shape, precision_names[b->dev->precision],
           1e6 * r->median);
    if (work->flops > 0)
        printf("%10.1f ", work->flops / r->median / 1e9);
    else
        printf("%10s ", "-");
    printf("%9.1f ", work->bytes / r->median / 1e9);
    if (limit > 0)
        printf("%5.1f %% %s", 100 * limit / r->median, bound);
    if (work->steps > 0)
        printf("; %.3f us a step", 1e6 * r->median / work->steps);
    if (work->steps > 0 && b->clock_hz > 0 && work->step_clocks > 0)
        printf(" (limit %.3f)", 1e6 * work->step_clocks / b->clock_hz);
    printf("%s%s\n", b->path[0] != '\0' ? "; " : "", b->path);
    fflush(stdout);
    if (b->json != NULL)
        report_json(b, work, r);
}

void bench_report_failure(const bench *b, const char *why) {
    printf("%-24s %-36s %-5s FAILED: %s\n", b->name, b->shape, precision_names[b->dev->precision],
           why);
    fflush(stdout);
    if (b->json == NULL)
        return;
    json_head(b);
    json_text(b->json, "failed", why);
    fputs("\"seconds\": null}\n", b->json);
    fflush(b->json);
}

void bench_report_left_out(const bench *b) {
    printf("%-24s %-36s %-5s left out: no time left\n", b->name, b->shape,
           precision_names[b->dev->precision]);
    fflush(stdout);
    if (b->json == NULL)
        return;
    json_head(b);
    fputs("\"left_out\": true, \"seconds\": null}\n", b->json);
    fflush(b->json);
}
