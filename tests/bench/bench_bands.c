// SPDX-License-Identifier: MIT
// The v2s refiner as render runs it, 48 kHz, random weights of the shipped size: times real time,
// medians.   usage: bench_bands
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "infer/band_stream.h"
#include "kernels/device.h"

enum { RATE_HZ = 48000, SECONDS = 30, RUNS = 7, BLOCK = 8192 };

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static v2s_status run_once(const v2s_band_stream_config *config, const float *w, float *out) {
    v2s_band_stream *s = NULL;
    V2S_TRY(v2s_band_stream_open(config, &s));
    v2s_status status = V2S_OK;
    const size_t n = (size_t)RATE_HZ * SECONDS;
    for (size_t at = 0; at < n && status == V2S_OK; at += BLOCK) {
        status = v2s_band_stream_push(s, w + at, n - at < BLOCK ? n - at : BLOCK);
        while (status == V2S_OK && v2s_band_stream_pull(s, out, BLOCK) > 0) {
        }
    }
    if (status == V2S_OK)
        status = v2s_band_stream_finish(s);
    while (status == V2S_OK && v2s_band_stream_pull(s, out, BLOCK) > 0) {
    }
    v2s_band_stream_close(&s);
    return status;
}

static v2s_status run_case(bool dry, int threads, const float *w, float *out) {
    v2s_foa_basis *basis = NULL;
    v2s_device *dev = NULL;
    v2s_refiner *m = NULL;
    v2s_status status;
    v2s_point point = {0, {1, 0, 0}, 1, 1};
    v2s_trajectory path = {.name = "1", .count = 1, .points = &point};
    v2s_condition room = v2s_condition_of(NULL, 1);
    double seconds[RUNS];
    V2S_TRY_GOTO(status, v2s_foa_basis_open(RATE_HZ, dry, &basis), done);
    V2S_TRY_GOTO(status, v2s_device_open("cpu", threads, &dev), done);
    v2s_refiner_config size = {.inputs = dry ? V2S_BAND_INPUTS_DRY : V2S_BAND_INPUTS_OMNI,
                               .kernel = 15,
                               .channels = 48,
                               .hidden = 64,
                               .outputs = V2S_BASIS_BANDS * basis->gains};
    V2S_TRY_GOTO(status, v2s_refiner_open(&size, &m), done);
    v2s_refiner_init_weights(m, 1);
    v2s_band_stream_config config = {.basis = basis,
                                     .network = m,
                                     .device = dev,
                                     .path = &path,
                                     .condition = dry ? &room : NULL};
    for (int i = 0; i < RUNS; i++) {
        double start = now_s();
        V2S_TRY_GOTO(status, run_once(&config, w, out), done);
        seconds[i] = now_s() - start;
    }
    qsort(seconds, RUNS, sizeof *seconds, by_value);
    printf("%-4s  %d thread%s  %6.2f ms a second  %5.0f x real time  (best %.0f)\n",
           dry ? "dry" : "omni", threads, threads > 1 ? "s" : " ",
           seconds[RUNS / 2] / SECONDS * 1e3, SECONDS / seconds[RUNS / 2], SECONDS / seconds[0]);
done:
    v2s_refiner_close(&m);
    v2s_device_close(&dev);
    v2s_foa_basis_close(&basis);
    return status;
}

int main(void) {
    const size_t n = (size_t)RATE_HZ * SECONDS;
    float *w = malloc(n * sizeof *w), *out = malloc((size_t)BLOCK * 4 * sizeof *out);
    if (w == NULL || out == NULL)
        return 1;
    unsigned state = 1;
    for (size_t i = 0; i < n; i++)
        w[i] = (float)(int)(state = state * 1664525u + 1013904223u) * 0x1p-33f;
    for (int dry = 0; dry < 2; dry++)
        for (int threads = 1; threads <= 2; threads++)
            if (run_case(dry, threads, w, out) != V2S_OK) {
                fprintf(stderr, "bench_bands: %s\n", v2s_error_text());
                return 1;
            }
    free(w);
    free(out);
    return 0;
}
