// SPDX-License-Identifier: MIT
// Measures of a room from one impulse response h[0..n), in double: M11.
//
//   E[i]   = sum of h^2 from i to the end (M. R. Schroeder, "New method of measuring reverberation
//            time", JASA 37, 1965); the zeros at the end and the last sample that is not zero are
//            cut off, as the reference codes do; L[i] = 10 log10(E[i] / E[0])
//   t(a)   = first i with L[i] < a, over the rate
//
// RT60, three families of published code that give different numbers of the same response:
//   CROSSINGS   60/D (t(-5 - D) - t(-5)), D = 30 dB: evaluation code of NAF, INRAS and xRIR; not a
//               number where a crossing is missing
//   REGRESSION  -60 / slope of the least-squares line through L from the first i with L[i] < -5 to
//               before the first with L < L[i] - D, D = 60 dB: measure_rt60 of pyroomacoustics 0.10
//               with its defaults
//   REDUCED     60/D (t(-5 - D) - t(-5)), D = 60 dB: measure_rt60 of older pyroomacoustics
//   In the last two D becomes -min L where -min L - 5 < D, a crossing that is missing is the end,
//   and the RT60 of a response that never falls below -5 dB is 0; REGRESSION says 0 of
//   silence, too.
//
//   EDT    = 6 t(-10)
//   C50    = 10 log10 (sum h^2 [0, k) / sum h^2 [k, n)), k = int(0.05 rate + 1), counted from the
//            first sample of the file and not from the direct sound
//   DRR    = 10 log10 (sum of the first int(0.003 rate) + 1 samples of h^2 / the rest), h divided
//            by its peak and cut at its first and last sample that are not zero; 1 (one!) where
//            either sum is 0, as in the reference
//   EDT, C50 and DRR are those of NAF's and xRIR's evaluation code in every family. That code runs
//   at 22 050 Hz because its authors resampled; here the response keeps its rate.
#ifndef V2S_SPATIAL_ROOM_MEASURES_H
#define V2S_SPATIAL_ROOM_MEASURES_H

#include <stddef.h>

#include "kernels/base/status.h"

typedef enum v2s_rt60_family {
    V2S_RT60_CROSSINGS,
    V2S_RT60_REGRESSION,
    V2S_RT60_REDUCED,
} v2s_rt60_family;

// D of the family's reference code, dB.
double v2s_rt60_decay_db(v2s_rt60_family family);

// What is not defined is not a number.
typedef struct v2s_room_measures {
    double rt60_s, edt_s, c50_db, drr_db;
} v2s_room_measures;

// The response is h[0], h[stride], ... `frames` (1 or more) of them. decay_db > 0. NOMEM.
V2S_MUST_USE v2s_status v2s_room_measure(const float *h, size_t frames, size_t stride,
                                         double rate_hz, v2s_rt60_family family, double decay_db,
                                         v2s_room_measures *measures);

// Differences as the papers print them; not a number where either side is not.
typedef struct v2s_room_differences {
    double rt60_percent; // 100 |prediction - truth| / truth
    double rt60_s;       // |prediction - truth|, AViTAR's "RTE"
    double edt_s, c50_db, drr_db;
} v2s_room_differences;

v2s_room_differences v2s_room_difference(const v2s_room_measures *prediction,
                                         const v2s_room_measures *truth);

#endif
