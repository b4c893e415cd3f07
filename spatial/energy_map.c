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

void v2s_energy_map(int channels, const double *covariance, float *map) {
    int order = (int)lround(sqrt((double)channels)) - 1;
    V2S_ASSERT(order >= 0 && order <= V2S_MAX_ORDER && v2s_channels_of_order(order) == channels);
    for (int r = 0; r < V2S_ENERGY_MAP_ROWS; r++)
        for (int c = 0; c < V2S_ENERGY_MAP_COLS; c++) {
            double y[V2S_MAX_CHANNELS], energy = 0.0;
            v2s_sh_sn3d(order, v2s_unit_from_angles(v2s_rad(178 - 2 * c), v2s_rad(88 - 2 * r)), y);
            for (int i = 0; i < channels; i++) {
                double row = 0.0;
                for (int j = 0; j < channels; j++)
                    row += covariance[i * channels + j] * y[j];
                energy += y[i] * row;
            }
            // Rounding can leave a tiny negative number where the sound cancels exactly.
            map[r * V2S_ENERGY_MAP_COLS + c] = (float)sqrt(fmax(energy, 0.0));
        }
}
