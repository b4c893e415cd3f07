// SPDX-License-Identifier: MIT
#include "tests/support/make_depth_set.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "data/npy.h"
#include "tests/support/make_media.h"

enum {
    RATE = V2S_TEST_DEPTH_RATE_HZ,
    FRAMES = V2S_TEST_DEPTH_FRAMES,
    WIDTH = V2S_TEST_DEPTH_WIDTH,
    HEIGHT = V2S_TEST_DEPTH_HEIGHT,
    PULSE = 130, // samples: 3 ms
};

static const char *const SPLITS[3] = {"train", "val", "test"};

static uint32_t hash(uint32_t x) {
    x = (x ^ x >> 16) * 0x7feb352du;
    x = (x ^ x >> 15) * 0x846ca68bu;
    return x ^ x >> 16;
}

double v2s_test_depth_wall_m(int split, int i) {
    return 1 + 8 * (hash(1000u * (uint32_t)split + (uint32_t)i) / 4294967296.0);
}

static const char *location_of(int split, int i) {
    static const char *const held_out[] = {"hall", "loft"};
    return split > 0 ? held_out[split - 1] : i % 2 == 0 ? "attic" : "cellar";
}

// A windowed sweep from 0.5 to 6 kHz, from sample `at` on.
static void add_pulse(float *ear, double at, double gain) {
    for (int k = 0; k < PULSE; k++) {
        double t = k / (double)RATE, phase = 2 * 3.14159265358979 * (500 + 9e5 * t) * t;
        size_t i = (size_t)at + (size_t)k;
        double window = sin(3.14159265358979 * (k + 0.5) / PULSE);
        if (i < FRAMES)
            ear[2 * i] += (float)(gain * window * sin(phase));
    }
}

// Tilted: nearer on one side by up to 30 %, which is louder there.
static void write_sample(const char *folder, int split, int i) {
    double wall_m = v2s_test_depth_wall_m(split, i);
    double tilt = hash(77u + (uint32_t)i + 5000u * (uint32_t)split) / 4294967296.0 - 0.5;
    float *sound = calloc(2 * FRAMES, sizeof *sound);
    uint16_t *map = calloc(WIDTH * HEIGHT, sizeof *map);
    for (int ear = 0; ear < 2; ear++) {
        double d = wall_m * (1 + 0.3 * tilt * (ear == 0 ? -1 : 1));
        add_pulse(sound + ear, 20, 0.5);
        add_pulse(sound + ear, 20 + 2 * d / 340 * RATE, 0.4 / d);
    }
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            double side = (x + 0.5) / WIDTH * 2 - 1;
            bool hole = hash((uint32_t)(x / 4 + 31 * (y / 4) + 997 * i)) % 10 == 0;
            map[y * WIDTH + x] = hole ? 0 : (uint16_t)(1000 * wall_m * (1 + 0.3 * tilt * side));
        }
    char path[400];
    snprintf(path, sizeof path, "%s/audio/audio_%d.wav", folder, i);
    v2s_test_make_wav(path, sound, FRAMES, 2, RATE);
    snprintf(path, sizeof path, "%s/depth/depth_%d.npy", folder, i);
    const size_t dim[] = {HEIGHT, WIDTH};
    cr_assert(v2s_npy_write_u16(path, 2, dim, map) == V2S_OK, "%s", v2s_error_text());
    free(sound);
    free(map);
}

static void make_folders(const char *folder) {
    char path[400];
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/audio", folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/depth", folder);
    mkdir(path, 0777);
}

// Such tables often begin with the row's number, in a column without a name.
static void add_row(const char *folder, const char *location, int split, int i) {
    char path[400];
    snprintf(path, sizeof path, "%s/%s.csv", folder, SPLITS[split]);
    struct stat info;
    bool fresh = stat(path, &info) != 0;
    FILE *f = fopen(path, "a");
    cr_assert(f != NULL, "%s", path);
    if (fresh)
        fprintf(f, ",depth path,depth file name,audio path,audio file name\n");
    fprintf(f, "%d,%s/depth,depth_%d.npy,%s/audio,audio_%d.wav\n", i, location, i, location, i);
    fclose(f);
}

const char *v2s_test_make_depth_set(const char *name, int train, int val, int test) {
    const int count[3] = {train, val, test};
    const char *root = v2s_test_path(name);
    cr_assert(mkdir(root, 0777) == 0, "%s", root);
    for (int split = 0; split < 3; split++)
        for (int i = 0; i < count[split]; i++) {
            const char *location = location_of(split, i);
            char folder[280];
            snprintf(folder, sizeof folder, "%s/%s", root, location);
            make_folders(folder);
            write_sample(folder, split, i);
            add_row(folder, location, split, i);
        }
    return root;
}
