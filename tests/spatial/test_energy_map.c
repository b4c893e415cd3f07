// SPDX-License-Identifier: MIT
// The map by its definition, sample by sample, with harmonics written out by hand.
#include "spatial/energy_map.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "spatial/sh.h"

static float noise(uint32_t *state) {
    *state = *state * 1664525U + 1013904223U;
    return (float)((double)*state / 4294967296.0 * 2.0 - 1.0);
}

static float *map_of(int channels, const float *sound, size_t frames) {
    double covariance[V2S_MAX_CHANNELS * V2S_MAX_CHANNELS] = {0};
    size_t half = frames / 2; // in two pieces: it accumulates
    v2s_covariance_add(channels, sound, half, covariance);
    v2s_covariance_add(channels, sound + half * (size_t)channels, frames - half, covariance);
    for (int i = 0; i < channels * channels; i++)
        covariance[i] /= (double)frames;
    float *map = malloc(V2S_ENERGY_MAP_ROWS * V2S_ENERGY_MAP_COLS * sizeof *map);
    v2s_energy_map(channels, covariance, map);
    return map;
}

Test(energy_map, equals_the_definition) {
    enum { FRAMES = 50 };
    float sound[FRAMES][4];
    uint32_t seed = 1;
    for (int t = 0; t < FRAMES; t++)
        for (int c = 0; c < 4; c++)
            sound[t][c] = noise(&seed) * (float)(c + 1);
    float *map = map_of(4, sound[0], FRAMES);
    for (int r = 0; r < V2S_ENERGY_MAP_ROWS; r++)
        for (int c = 0; c < V2S_ENERGY_MAP_COLS; c++) {
            double az = (178 - 2 * c) * V2S_PI / 180.0, el = (88 - 2 * r) * V2S_PI / 180.0;
            double sum = 0.0;
            for (int t = 0; t < FRAMES; t++) {
                const float *a = sound[t];
                double p =
                    a[0] + a[1] * sin(az) * cos(el) + a[2] * sin(el) + a[3] * cos(az) * cos(el);
                sum += p * p / FRAMES;
            }
            cr_assert_float_eq(map[r * V2S_ENERGY_MAP_COLS + c], sqrt(sum), 1e-5, "row %d col %d",
                               r, c);
        }
    free(map);
}

// Row and column of the largest value.
static void peak_of(int order, double az_deg, double el_deg, int *row, int *col) {
    double y[V2S_MAX_CHANNELS];
    float sound[V2S_MAX_CHANNELS];
    v2s_sh_sn3d(order, v2s_unit_from_angles(v2s_rad(az_deg), v2s_rad(el_deg)), y);
    for (int c = 0; c < v2s_channels_of_order(order); c++)
        sound[c] = (float)y[c];
    float *map = map_of(v2s_channels_of_order(order), sound, 1);
    int best = 0;
    for (int i = 0; i < V2S_ENERGY_MAP_ROWS * V2S_ENERGY_MAP_COLS; i++)
        best = map[i] > map[best] ? i : best;
    *row = best / V2S_ENERGY_MAP_COLS;
    *col = best % V2S_ENERGY_MAP_COLS;
    free(map);
}

Test(energy_map, left_is_left_and_up_is_up) {
    int row, col;
    for (int order = 1; order <= 7; order += 2) {
        peak_of(order, 0.0, 0.0, &row, &col);
        cr_assert(row == 44 && col == 89, "front, order %d: %d %d", order, row, col);
        peak_of(order, 90.0, 0.0, &row, &col);
        cr_assert(row == 44 && col == 44, "left, order %d: %d %d", order, row, col);
        peak_of(order, -60.0, 30.0, &row, &col);
        cr_assert(row == 29 && col == 119, "right and up, order %d: %d %d", order, row, col);
        peak_of(order, 40.0, -50.0, &row, &col);
        cr_assert(row == 69 && col == 69, "left and down, order %d: %d %d", order, row, col);
    }
}

Test(energy_map, plane_wave_is_a_cardioid) {
    float sound[4] = {2.0F, 0.0F, 0.0F, 2.0F}; // front
    float *map = map_of(4, sound, 1);
    cr_assert_float_eq(map[44 * V2S_ENERGY_MAP_COLS + 89], 4.0, 1e-5);
    cr_assert_float_eq(map[44 * V2S_ENERGY_MAP_COLS + 44], 2.0, 1e-5);
    cr_assert_float_eq(map[44 * V2S_ENERGY_MAP_COLS + 179], 0.0, 1e-3);
    free(map);
}

Test(energy_map, silence_is_zero) {
    float sound[8] = {0};
    float *map = map_of(4, sound, 2);
    for (int i = 0; i < V2S_ENERGY_MAP_ROWS * V2S_ENERGY_MAP_COLS; i++)
        cr_assert_eq(map[i], 0.0F);
    free(map);
}
