// SPDX-License-Identifier: MIT
#include "spatial/energy_map.h"

#include <math.h>
#include <string.h>

#include "kernels/base/status.h"
#include "spatial/conventions.h"
#include "spatial/sh.h"

void v2s_covariance_add(int channels, const float *interleaved, size_t frames, double *covariance) {
    V2S_ASSERT(channels >= 1 && channels <= V2S_MAX_CHANNELS);
    size_t n = (size_t)channels;
    for (size_t t = 0; t < frames; t++) {
        const float *a = interleaved + t * n;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j <= i; j++)
                covariance[i * n + j] += (double)a[i] * (double)a[j];
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            covariance[j * n + i] = covariance[i * n + j];
}

typedef void (*cell_fn)(void *map, int index, double amplitude);

static void put_double(void *map, int index, double amplitude) {
    ((double *)map)[index] = amplitude;
}

static void put_float(void *map, int index, double amplitude) {
    ((float *)map)[index] = (float)amplitude;
}

static double quadratic_form(int n, const double *c, const double *y) {
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        double row = 0.0;
        for (int j = 0; j < n; j++)
            row += c[i * n + j] * y[j];
        sum += y[i] * row;
    }
    return sum;
}

static void fill(int channels, const double *covariance, void *map, cell_fn put) {
    int order = (int)lround(sqrt((double)channels)) - 1;
    V2S_ASSERT(order >= 0 && order <= V2S_MAX_ORDER && v2s_channels_of_order(order) == channels);
    double cos_az[V2S_ENERGY_MAP_COLS], sin_az[V2S_ENERGY_MAP_COLS];
    for (int c = 0; c < V2S_ENERGY_MAP_COLS; c++) {
        double az = (178 - 2 * c) / 180.0 * V2S_PI;
        cos_az[c] = cos(az);
        sin_az[c] = sin(az);
    }
    for (int r = 0; r < V2S_ENERGY_MAP_ROWS; r++) {
        double el = (88 - 2 * r) / 180.0 * V2S_PI, flat = cos(el), up = sin(el);
        for (int c = 0; c < V2S_ENERGY_MAP_COLS; c++) {
            double y[V2S_MAX_CHANNELS];
            y[V2S_ACN_W] = 1.0;
            y[V2S_ACN_Y] = sin_az[c] * flat;
            y[V2S_ACN_Z] = up;
            y[V2S_ACN_X] = cos_az[c] * flat;
            if (order > 1)
                v2s_sh_sn3d(order, (v2s_vec3){y[V2S_ACN_X], y[V2S_ACN_Y], y[V2S_ACN_Z]}, y);
            // Rounding can leave a tiny negative number where the sound cancels exactly.
            put(map, r * V2S_ENERGY_MAP_COLS + c,
                sqrt(fmax(quadratic_form(channels, covariance, y), 0.0)));
        }
    }
}

void v2s_energy_map_f64(int channels, const double *covariance, double *map) {
    fill(channels, covariance, map, put_double);
}

void v2s_energy_map(int channels, const double *covariance, float *map) {
    fill(channels, covariance, map, put_float);
}
