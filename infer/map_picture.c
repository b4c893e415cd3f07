// SPDX-License-Identifier: MIT
#include "infer/map_picture.h"

#include <math.h>
#include <stdlib.h>

#include "data/image.h"
#include "infer/report_colour.h"
#include "spatial/energy_map.h"

static double amplitude_at(const float *map, int row, int col) {
    float v = map[row * V2S_ENERGY_MAP_COLS + col];
    return isfinite(v) && v > 0.0f ? v : 0.0;
}

v2s_map_peak v2s_map_find_peak(const float *map) {
    v2s_map_peak p = {0};
    for (int row = 0; row < V2S_ENERGY_MAP_ROWS; row++) {
        for (int col = 0; col < V2S_ENERGY_MAP_COLS; col++) {
            double v = amplitude_at(map, row, col);
            if (v > p.amplitude)
                p = (v2s_map_peak){v, 178.0 - 2.0 * col, 88.0 - 2.0 * row};
        }
    }
    return p;
}

// Straight between the four grid points around a direction; azimuth wraps, elevation is held.
static double interpolate(const float *map, double azimuth_deg, double elevation_deg) {
    double col = (178.0 - azimuth_deg) / 2.0, row = (88.0 - elevation_deg) / 2.0;
    row = fmin(fmax(row, 0.0), V2S_ENERGY_MAP_ROWS - 1.0);
    int col0 = (int)floor(col), row0 = (int)fmin(row, V2S_ENERGY_MAP_ROWS - 2.0);
    double fc = col - col0, fr = row - row0;
    int left = (col0 + V2S_ENERGY_MAP_COLS) % V2S_ENERGY_MAP_COLS;
    int right = (col0 + 1 + V2S_ENERGY_MAP_COLS) % V2S_ENERGY_MAP_COLS;
    double top = (1.0 - fc) * amplitude_at(map, row0, left) + fc * amplitude_at(map, row0, right);
    double bottom =
        (1.0 - fc) * amplitude_at(map, row0 + 1, left) + fc * amplitude_at(map, row0 + 1, right);
    return (1.0 - fr) * top + fr * bottom;
}

v2s_map_ramp v2s_map_ramp_make(void) {
    v2s_map_ramp ramp;
    for (int i = 0; i < 256; i++)
        v2s_colour_ramp(V2S_MAP_DARK_L, V2S_MAP_LIGHT_L, i / 255.0, ramp.rgb[i]);
    return ramp;
}

v2s_status v2s_map_picture(const v2s_map_ramp *ramp, const float *map, double full_scale, int width,
                           int height, unsigned char **png, size_t *size) {
    uint8_t *rgb = malloc((size_t)3 * (size_t)width * (size_t)height);
    if (!rgb)
        return V2S_FAIL(V2S_NOMEM, "no memory for the picture of an energy map");
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            double v = interpolate(map, 180.0 - (x + 0.5) * 360.0 / width,
                                   90.0 - (y + 0.5) * 180.0 / height);
            int i = full_scale > 0.0 ? (int)lround(255.0 * fmin(v / full_scale, 1.0)) : 0;
            uint8_t *pixel = rgb + 3 * (y * width + x);
            for (int k = 0; k < 3; k++)
                pixel[k] = ramp->rgb[i][k];
        }
    }
    v2s_status status = v2s_image_png_rgb(rgb, width, height, png, size);
    free(rgb);
    return status;
}
