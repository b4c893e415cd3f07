// SPDX-License-Identifier: MIT
#include "infer/depth_axes.h"

// Metres a frame.
static double frame_m(const v2s_echo_config *echo) {
    return (double)V2S_ECHO_HOP / echo->rate_hz * V2S_ECHO_SOUND_SPEED / 2;
}

// Frames a pixel.
static double frames(const v2s_echo_config *echo) {
    return (1.0 + v2s_echo_samples(echo) / V2S_ECHO_HOP) / echo->size;
}

// Hz a bin; bins a pixel.
static double bin_hz(const v2s_echo_config *echo) {
    return 0.5 * echo->rate_hz / (V2S_ECHO_BINS - 1);
}

static double bins(const v2s_echo_config *echo) {
    return (double)V2S_ECHO_BINS / echo->size;
}

double v2s_depth_distance_m(const v2s_echo_config *echo, double column) {
    return (column * frames(echo) - 0.5) * frame_m(echo);
}

double v2s_depth_frequency_hz(const v2s_echo_config *echo, double row) {
    return (row * bins(echo) - 0.5) * bin_hz(echo);
}

double v2s_depth_column_of(const v2s_echo_config *echo, double distance_m) {
    return (distance_m / frame_m(echo) + 0.5) / frames(echo);
}

double v2s_depth_row_of(const v2s_echo_config *echo, double frequency_hz) {
    return (frequency_hz / bin_hz(echo) + 0.5) / bins(echo);
}
