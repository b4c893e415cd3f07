// SPDX-License-Identifier: MIT
// What tests of `v2s-infer depth` share. Files lie in the test's folder (make_media.h).
#ifndef V2S_TESTS_SUPPORT_DEPTH_RUN_H
#define V2S_TESTS_SUPPORT_DEPTH_RUN_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DEPTH_SIZE = 32, DEPTH_PIXELS = DEPTH_SIZE * DEPTH_SIZE, DEPTH_RATE = 44100 };
enum { DEPTH_FRAMES = 8000 }; // a sound that needs no zeros behind it

// A checkpoint of fresh weights, base 8, attention at 3, 4 and 5 with gammas 0.5.
typedef struct depth_kind {
    const char *file;
    int size; // 0: DEPTH_SIZE
    uint64_t seed;
    bool no_attention, left_only, no_floors;
} depth_kind;

void depth_make_model(const depth_kind *kind);

// The floors of the last one that was made: [size,size], m.
extern float depth_mean_map[64 * 64], depth_constant_m;

// Noise of two channels.
void depth_make_sound(const char *name, unsigned seed, size_t frames, int rate_hz);

// Metres as float32 that grow with the row, 5 pixels of 0.
void depth_make_truth(const char *name, size_t rows, size_t columns);

void depth_make_folder(const char *name);
bool depth_is_there(const char *name);

// [count] float32 of this rank, malloc'ed.
float *depth_read_npy(const char *name, int rank, size_t count);

cJSON *depth_json(void); // of j.json

#endif
