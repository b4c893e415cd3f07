// SPDX-License-Identifier: MIT
#include "tests/support/make_pairs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "infer/refiner_file.h"
#include "spatial/conventions.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

enum { FRAMES = V2S_TEST_PAIR_FRAMES };

static void write_clip(int index, double diffuse, char *line, size_t room, const char *split) {
    static float w[FRAMES], rest[4 * FRAMES], foa[4 * FRAMES];
    double az_deg = 37.0 * index - 170, el_deg = 5.0 * (index % 5) - 10;
    v2s_vec3 u = v2s_unit_from_angles(v2s_rad(az_deg), v2s_rad(el_deg));
    const double gains[4] = {1, V2S_TEST_PAIR_GAIN * u.y, V2S_TEST_PAIR_GAIN * u.z,
                             V2S_TEST_PAIR_GAIN * u.x};
    hash_noise(100 + 2 * (unsigned)index, FRAMES, 0.5f, w);
    hash_noise(101 + 2 * (unsigned)index, 4 * FRAMES, (float)diffuse, rest);
    for (int i = 0; i < 4 * FRAMES; i++)
        foa[i] = (float)(gains[i % 4] * w[i / 4]) + (i % 4 > 0 ? rest[i] : 0);
    char name[64], text[160];
    snprintf(name, sizeof name, "c%d.wav", index);
    v2s_test_make_wav(v2s_test_path(name), foa, FRAMES, 4, V2S_TEST_PAIR_RATE_HZ);
    int n =
        snprintf(text, sizeof text,
                 "time_s,object,az_deg,el_deg,dist_m,confidence\n0,1,%g,%g,1,1\n", az_deg, el_deg);
    snprintf(name, sizeof name, "c%d.csv", index);
    v2s_test_write_file(v2s_test_path(name), text, (size_t)n);
    snprintf(line, room,
             "{\"id\":\"c%d\",\"split\":\"%s\",\"pairing\":\"omni\",\"truth\":\"c%d.wav\","
             "\"trajectory\":\"c%d.csv\"}\n",
             index, split, index, index);
}

static void make_pairs(int train, int val, double diffuse) {
    char *text = calloc((size_t)(train + val) + 1, 160);
    cr_assert(text != NULL);
    for (int i = 0; i < train + val; i++) {
        char line[160];
        write_clip(i, diffuse, line, sizeof line, i < train ? "train" : "val");
        strcat(text, line);
    }
    v2s_test_write_file(v2s_test_path("m.jsonl"), text, strlen(text));
    free(text);
}

void v2s_test_make_pairs(int train, int val) {
    make_pairs(train, val, 0.02);
}

void v2s_test_make_diffuse_pairs(int train, int val) {
    make_pairs(train, val, 0.5 * sqrt((1 - V2S_TEST_PAIR_GAIN * V2S_TEST_PAIR_GAIN) / 3));
}

void v2s_test_spoil_pair(int index, float sample) {
    char name[64];
    snprintf(name, sizeof name, "c%d.wav", index);
    v2s_test_sound sound = v2s_test_sound_read(v2s_test_path(name));
    sound.samples[4 * (sound.frames / 2)] = sample;
    v2s_test_make_wav(v2s_test_path(name), sound.samples, sound.frames, 4, sound.rate_hz);
    v2s_test_sound_free(&sound);
}

void v2s_test_make_tiny_weights(void) {
    const v2s_refiner_config config = {
        .inputs = 4, .kernel = 5, .channels = 4, .hidden = 3, .outputs = 4};
    v2s_refiner *m = NULL;
    cr_assert(v2s_refiner_open(&config, &m) == V2S_OK);
    v2s_refiner_init_weights(m, 7);
    cr_assert(v2s_refiner_save(v2s_test_path("tiny.safetensors"), m, V2S_TEST_PAIR_RATE_HZ,
                               "omni") == V2S_OK);
    v2s_refiner_close(&m);
}
