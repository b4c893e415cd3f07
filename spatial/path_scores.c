// SPDX-License-Identifier: MIT
#include "spatial/path_scores.h"

#include <math.h>
#include <stdlib.h>

#include "spatial/conventions.h"
#include "spatial/doa_scores.h"

static const double STILL_DEG = 1e-6;

// ((x + 180) mod 360) - 180, in [-180, 180).
static double wrapped_deg(double x) {
    double r = fmod(x + 180, 360);
    return (r < 0 ? r + 360 : r) - 180;
}

static double azimuth_deg(v2s_vec3 u) {
    return v2s_deg(v2s_azimuth_rad(u));
}

static double elevation_deg(v2s_vec3 u) {
    return v2s_deg(v2s_elevation_rad(u));
}

static void unwrap(double *x, size_t n) {
    for (size_t i = 1; i < n; i++)
        x[i] = x[i - 1] + wrapped_deg(x[i] - x[i - 1]);
}

static double range(const double *x, size_t n) {
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, x[i]);
        high = fmax(high, x[i]);
    }
    return n > 0 ? high - low : 0;
}

static double third_difference(const double *x) {
    return fabs(((x[3] - x[2]) - (x[2] - x[1])) - ((x[2] - x[1]) - (x[1] - x[0])));
}

static void add_axis(struct v2s_path_axis *axis, const v2s_path_point *points, const double *truth,
                     const double *prediction, size_t n, double fps_hz) {
    double cube = fps_hz * fps_hz * fps_hz, moved = range(truth, n);
    for (size_t i = 0; i + 3 < n; i++) {
        if (points[i + 1].gap || points[i + 2].gap || points[i + 3].gap)
            continue;
        axis->jerk += third_difference(prediction + i) * cube;
        axis->jerk_truth += third_difference(truth + i) * cube;
        axis->jerks++;
    }
    if (moved > STILL_DEG) {
        axis->ratio += fmin(2, range(prediction, n) / moved);
        axis->ratios++;
    }
}

v2s_status v2s_path_add(v2s_path_sums *sums, const v2s_path_point *points, size_t n,
                        double fps_hz) {
    double *truth = calloc(2 * n + 1, sizeof *truth);
    if (truth == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for a path of %zu points", n);
    double *prediction = truth + n;
    for (size_t i = 0; i < n; i++) {
        truth[i] = azimuth_deg(points[i].truth);
        prediction[i] = azimuth_deg(points[i].prediction);
        sums->azimuth_deg += fabs(wrapped_deg(prediction[i] - truth[i]));
        sums->angle_deg += v2s_doa_angle_deg(points[i].prediction, points[i].truth);
    }
    sums->points += n;
    unwrap(truth, n);
    unwrap(prediction, n);
    add_axis(&sums->azimuth, points, truth, prediction, n, fps_hz);
    for (size_t i = 0; i < n; i++) {
        truth[i] = elevation_deg(points[i].truth);
        prediction[i] = elevation_deg(points[i].prediction);
        sums->elevation_deg += fabs(prediction[i] - truth[i]);
    }
    add_axis(&sums->elevation, points, truth, prediction, n, fps_hz);
    free(truth);
    return V2S_OK;
}

v2s_path_scores v2s_path_means(const v2s_path_sums *s) {
    double points = (double)s->points; // 0 / 0 where nothing was added
    double azimuths = (double)s->azimuth.jerks, elevations = (double)s->elevation.jerks;
    return (v2s_path_scores){
        .angle_deg = s->angle_deg / points,
        .azimuth_error_deg = s->azimuth_deg / points,
        .elevation_error_deg = s->elevation_deg / points,
        .jerk = s->azimuth.jerk / azimuths,
        .jerk_truth = s->azimuth.jerk_truth / azimuths,
        .amplitude_ratio = s->azimuth.ratio / (double)s->azimuth.ratios,
        .elevation_jerk = s->elevation.jerk / elevations,
        .elevation_jerk_truth = s->elevation.jerk_truth / elevations,
        .elevation_amplitude_ratio = s->elevation.ratio / (double)s->elevation.ratios,
    };
}
