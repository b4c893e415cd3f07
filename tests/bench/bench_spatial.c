// SPDX-License-Identifier: MIT
// Speed of the measures of four-channel sound, in processor time of one thread:
//   bench_spatial [PREDICTIONS]
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernels/base/status.h"
#include "spatial/foa_stats.h"
#include "spatial/map_agreement.h"

enum { ROUNDS = 5, SECONDS = 10, PREDICTIONS_MAX = 16 };

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *noise(size_t frames, unsigned seed) {
    float *foa = malloc(4 * frames * sizeof *foa);
    for (size_t i = 0; foa != NULL && i < 4 * frames; i++)
        foa[i] = (float)((i * 4 + seed) * 2654435761U % 1000) / 1000.0F - 0.5F;
    return foa;
}

static v2s_status measure(int rate_hz, size_t count, const float *truth, const float *const *p) {
    size_t frames = (size_t)rate_hz * SECONDS;
    double stats_s = 1e9, maps_s = 1e9;
    v2s_foa_stats *stats = NULL;
    V2S_TRY(v2s_foa_stats_open(rate_hz, &stats));
    v2s_status status = V2S_OK;
    for (int r = 0; status == V2S_OK && r < ROUNDS; r++) {
        v2s_foa_scores scores[PREDICTIONS_MAX];
        v2s_map_scores maps;
        double start = now_s();
        status = v2s_foa_stats_compare(stats, frames, truth, p, count, scores);
        double middle = now_s();
        for (size_t i = 0; status == V2S_OK && i < count; i++)
            status = v2s_map_agreement(rate_hz, frames, truth, p[i], &maps, &maps);
        double end = now_s();
        stats_s = middle - start < stats_s ? middle - start : stats_s;
        maps_s = end - middle < maps_s ? end - middle : maps_s;
    }
    v2s_foa_stats_close(&stats);
    if (status == V2S_OK)
        printf("%d Hz, %d s, %zu predictions: statistics %.1f ms, maps %.1f ms\n", rate_hz, SECONDS,
               count, 1e3 * stats_s, 1e3 * maps_s);
    return status;
}

int main(int argc, char **argv) {
    static const int rates_hz[] = {16000, 48000};
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 5;
    count = count < 1 ? 1 : count > PREDICTIONS_MAX ? PREDICTIONS_MAX : count;
    float *sounds[PREDICTIONS_MAX + 1] = {NULL};
    v2s_status status = V2S_OK;
    for (size_t i = 0; i <= count; i++)
        if ((sounds[i] = noise(48000 * SECONDS, (unsigned)i)) == NULL)
            status = V2S_FAIL(V2S_NOMEM, "out of memory");
    for (int i = 0; status == V2S_OK && i < 2; i++)
        status = measure(rates_hz[i], count, sounds[0], (const float *const *)(sounds + 1));
    if (status != V2S_OK)
        fprintf(stderr, "%s\n", v2s_error_text());
    for (size_t i = 0; i <= count; i++)
        free(sounds[i]);
    return status != V2S_OK;
}
