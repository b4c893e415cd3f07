// SPDX-License-Identifier: MIT
// How well the path of a moving source is followed: M8's angle and M12's azimuth error, jerk and
// amplitude ratio (vid2spatial, tracking_ablation/tracking_metrics.py, there of pixels).
//
//   angle            v2s_doa_angle_deg, mean over the points
//   azimuth error    mean |((difference + 180) mod 360) - 180|, degrees; elevation likewise
//   jerk             mean |d^3 x| fps^3, degrees / s^3, d the difference of neighbouring points, of
//                    x = the azimuth along the path (unwrapped, so that 179 and -179 are 2 apart),
//                    and of x = the elevation. It rewards standing still: read it beside the
//                    amplitude ratio.
//   amplitude ratio  (max - min) of the prediction's x over that of the truth's, within 0..2; mean
//                    over the sources whose truth moves (by more than 1e-6 degrees). The reference
//                    says 1 or 0 of sources that do not.
#ifndef V2S_SPATIAL_PATH_SCORES_H
#define V2S_SPATIAL_PATH_SCORES_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/base/status.h"
#include "kernels/base/vec3.h"

typedef struct v2s_path_point {
    v2s_vec3 truth, prediction; // directions, length 1
    bool gap;                   // it does not follow the point before in time: no jerk across
} v2s_path_point;

// Sums over the sources so far; start with zeros.
typedef struct v2s_path_sums {
    double angle_deg, azimuth_deg, elevation_deg;
    size_t points;
    struct v2s_path_axis {
        double jerk, jerk_truth, ratio;
        size_t jerks, ratios;
    } azimuth, elevation;
} v2s_path_sums;

// Adds one source, points in order of time. NOMEM.
V2S_MUST_USE v2s_status v2s_path_add(v2s_path_sums *sums, const v2s_path_point *points,
                                     size_t count, double fps_hz);

// Not a number where there is nothing to average.
typedef struct v2s_path_scores {
    double angle_deg, azimuth_error_deg, elevation_error_deg;
    double jerk, jerk_truth, amplitude_ratio;                               // of the azimuth
    double elevation_jerk, elevation_jerk_truth, elevation_amplitude_ratio; // of the elevation
} v2s_path_scores;

v2s_path_scores v2s_path_means(const v2s_path_sums *sums);

#endif
