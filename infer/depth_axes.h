// SPDX-License-Identifier: MIT
// What the pixels of the network's spectrogram mean: time of flight and frequency.
//
// The spectrogram has 257 rows (bin k is k rate / 512) and T = 1 + n / 16 columns (frame t has its
// middle at sample 16 t); both were stretched to `size` pixels between pixel centres (data/echo.h).
// Pixel i of a picture covers i .. i + 1. Sound travels to a thing and back, so time t is a
// distance of 340 t / 2.
//
//   distance_m(column) = (column T / size - 1/2) 16 / rate 340 / 2
//   frequency_hz(row)  = (row 257 / size - 1/2) rate / 512
#ifndef V2S_INFER_DEPTH_AXES_H
#define V2S_INFER_DEPTH_AXES_H

#include "data/echo.h"

double v2s_depth_distance_m(const v2s_echo_config *echo, double column);
double v2s_depth_frequency_hz(const v2s_echo_config *echo, double row);

// The inverses.
double v2s_depth_column_of(const v2s_echo_config *echo, double distance_m);
double v2s_depth_row_of(const v2s_echo_config *echo, double frequency_hz);

#endif
