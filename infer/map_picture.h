// SPDX-License-Identifier: MIT
// Energy maps (spatial/energy_map.h) as pictures: +180 .. -180 degrees of azimuth from left to
// right, +90 .. -90 of elevation from top to bottom, edge to edge.
#ifndef V2S_INFER_MAP_PICTURE_H
#define V2S_INFER_MAP_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/base/status.h"

// Ends of v2s_colour_ramp() for silence and the loudest direction.
#define V2S_MAP_DARK_L 0.16
#define V2S_MAP_LIGHT_L 0.95

// Loudest direction of a map.
typedef struct v2s_map_peak {
    double amplitude; // 0: silence, or nothing that is a number
    double azimuth_deg, elevation_deg;
} v2s_map_peak;

v2s_map_peak v2s_map_find_peak(const float *map);

// The colours from silence to full scale, which pictures share.
typedef struct v2s_map_ramp {
    uint8_t rgb[256][3];
} v2s_map_ramp;

v2s_map_ramp v2s_map_ramp_make(void);

// PNG of width x height pixels, amplitude 0 .. full_scale over the ramp. The bytes are the
// caller's: free(). NOMEM.
V2S_MUST_USE v2s_status v2s_map_picture(const v2s_map_ramp *ramp, const float *map,
                                        double full_scale, int width, int height,
                                        unsigned char **png, size_t *size);

#endif
