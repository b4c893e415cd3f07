// SPDX-License-Identifier: MIT
// How many times faster than real time one source is encoded (48 kHz, one core, 30 points a
// second): median of RUNS runs of 10 s, in processor time, so that a busy machine disturbs less.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernels/base/cpu.h"
#include "spatial/encoder.h"

enum { RUNS = 9, FRAMES = 480000, BLOCK = 1024, POINTS = 300 };

static double processor_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double run_s(const v2s_encoder_config *c, const float *x, float *out) {
    v2s_encoder *e = NULL;
    double start = processor_s();
    if (v2s_encoder_open(c, &e) != V2S_OK)
        return NAN;
    for (size_t i = 0; i < FRAMES; i += BLOCK) {
        size_t n = FRAMES - i < BLOCK ? FRAMES - i : BLOCK;
        if (v2s_encoder_process(e, x + i, n, out) != V2S_OK) // one block again and again: in cache
            return NAN;
    }
    v2s_encoder_close(&e);
    return processor_s() - start;
}

int main(void) {
    static v2s_point points[POINTS];
    static float x[FRAMES], out[BLOCK * V2S_MAX_CHANNELS];
    for (int i = 0; i < POINTS; i++) {
        v2s_point p = {i / 30.0, v2s_unit_from_angles(sin(i * 0.05), 0.3 * sin(i * 0.03)),
                       6.0 + 4.0 * sin(i * 0.04), 1.0};
        points[i] = p;
    }
    for (int i = 0; i < FRAMES; i++)
        x[i] = (float)(2.0 * rand() / RAND_MAX - 1.0);
    v2s_trajectory t = {"1", POINTS, points};
    printf("encoder, 48 kHz, one source, one core (%s)\n", v2s_isa_name(v2s_cpu_isa()));
    const int orders[] = {1, 1, 1, 1, 3, 7, 7};
    const int options[] = {0, 1, 2, 3, 0, 0, 3};
    for (int k = 0; k < 7; k++) {
        bool doppler = options[k] & 1, air = options[k] & 2;
        v2s_encoder_config c = {orders[k],         48000.0, 0.5, doppler, air,
                                v2s_air_default(), &t,      0.0, 0.0};
        double s[RUNS];
        for (int r = 0; r < RUNS; r++)
            s[r] = run_s(&c, x, out);
        qsort(s, RUNS, sizeof *s, compare);
        printf("order %d%s%s: %6.0f times real time, %5.1f ns a sample\n", orders[k],
               doppler ? " doppler" : "", air ? " air" : "", FRAMES / 48000.0 / s[RUNS / 2],
               1e9 * s[RUNS / 2] / FRAMES);
    }
    return 0;
}
