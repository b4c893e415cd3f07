// SPDX-License-Identifier: MIT
// Rooms: a static response, and how many times faster than real time a source moves through one.
// One thread, processor time.
//
//   bench_room             both, for a reader
//   bench_room ORDER RATE  microseconds of one response without tail up to ORDER reflections, flat
//                          walls and octave walls: two numbers for bench_room.py
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernels/base/cpu.h"
#include "spatial/room.h"

enum { RUNS = 201, MOVING_RUNS = 7, SECONDS = 5, POINTS = 150, BLOCK = 4096 };

static double processor_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int count) {
    qsort(x, (size_t)count, sizeof *x, compare);
    return x[count / 2];
}

static v2s_room room_of(int flat, int order, int tail) {
    static const double octaves[V2S_ROOM_BANDS] = {0.1, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4};
    v2s_room r = {.size_m = {6.3, 4.7, 3.1},
                  .listener_m = {2.2, 2.9, 1.4},
                  .order = order,
                  .early_s = 0.09,
                  .tail = tail,
                  .min_distance_m = 0.5};
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        for (int b = 0; b < V2S_ROOM_BANDS; b++)
            r.absorption[w][b] = flat ? 0.2 : octaves[b];
    return r;
}

static double response_us(const v2s_room *room, double rate_hz) {
    static double us[RUNS];
    for (int i = 0; i < RUNS; i++) {
        float *foa = NULL;
        size_t frames;
        double start = processor_s();
        if (v2s_room_response(room, (v2s_vec3){4.1, 1.3, 1.7}, rate_hz, &foa, &frames) != V2S_OK)
            return NAN;
        us[i] = 1e6 * (processor_s() - start);
        free(foa);
    }
    return median(us, RUNS);
}

// Opening, SECONDS of sound and its end.
static double run_s(const v2s_room_renderer_config *config, const float *x) {
    static float out[4 * BLOCK];
    static const float silence[BLOCK];
    v2s_room_renderer *r = NULL;
    double start = processor_s();
    if (v2s_room_renderer_open(config, &r) != V2S_OK)
        return NAN;
    size_t frames = (size_t)(SECONDS * config->rate_hz);
    size_t total = frames + v2s_room_renderer_tail_frames(r);
    for (size_t i = 0; i < total; i += BLOCK)
        if (v2s_room_renderer_process(r, i + BLOCK <= frames ? x + i : silence, BLOCK, out) !=
            V2S_OK)
            return NAN;
    v2s_room_renderer_close(&r);
    return processor_s() - start;
}

static void bench_moving(int flat, int moves, double rate_hz, const float *x) {
    static v2s_point points[POINTS];
    static double seconds[MOVING_RUNS];
    for (int i = 0; i < POINTS; i++) { // 0.4 to 1 m/s
        double a = moves * i * (double)SECONDS / POINTS;
        v2s_vec3 p = {1.9 + sin(a), -1.6 + 0.4 * cos(a), 0.3};
        double d = v2s_norm(p);
        points[i] = (v2s_point){i * (double)SECONDS / POINTS, {p.x / d, p.y / d, p.z / d}, d, 1.0};
    }
    v2s_trajectory t = {"1", POINTS, points};
    v2s_room_renderer_config config = {
        .room = room_of(flat, -1, 1), .rate_hz = rate_hz, .trajectory = &t, .direct = true};
    for (int i = 0; i < MOVING_RUNS; i++)
        seconds[i] = run_s(&config, x);
    printf("  %2.0f kHz, %s walls, %s source: %.0f x real time\n", rate_hz / 1000.0,
           flat ? "flat  " : "octave", moves ? "moving" : "still ",
           SECONDS / median(seconds, MOVING_RUNS));
}

int main(int argc, char **argv) {
    if (argc == 3) {
        v2s_room flat = room_of(1, atoi(argv[1]), 0), octaves = room_of(0, atoi(argv[1]), 0);
        double rate_hz = atof(argv[2]);
        double flat_us = response_us(&flat, rate_hz);
        printf("%.1f %.1f\n", flat_us, response_us(&octaves, rate_hz));
        return 0;
    }
    printf("room 6.3 x 4.7 x 3.1 m, images to 90 ms, one core (%s)\n", v2s_isa_name(v2s_cpu_isa()));
    for (int i = 0; i < 4; i++) {
        v2s_room room = room_of(i % 2 == 0, -1, 0);
        double rate_hz = i / 2 == 0 ? 16000.0 : 48000.0;
        printf("  %2.0f kHz, %s walls: %.2f ms a response without tail\n", rate_hz / 1000.0,
               i % 2 == 0 ? "flat  " : "octave", 1e-3 * response_us(&room, rate_hz));
    }
    static float x[SECONDS * 48000];
    for (int i = 0; i < SECONDS * 48000; i++)
        x[i] = (float)(2.0 * rand() / RAND_MAX - 1.0);
    printf("5 s of sound, direct, images and tail, opening included\n");
    for (int i = 0; i < 8; i++)
        bench_moving(i % 2 == 0, i / 2 % 2, i / 4 == 0 ? 16000.0 : 48000.0, x);
    return 0;
}
