// SPDX-License-Identifier: MIT
// Where and when two four-channel sounds differ: the arrays `bands` and `frames` in the JSON of a
// pair (spatial/foa_stats.h, v2s_foa_detail).
//
//   bands   per ERB band over the clip: centre_hz, share (of the truth's energy of W),
//           diffuseness_truth, diffuseness_prediction, level_db (dipoles, prediction minus truth),
//           direction_deg (angle between the intensities)
//   frames  per block of 8 frames of the STFT (64 ms at 16 and 48 kHz, the last one may be
//   shorter):
//           time_s (of its middle), level_db (W of the truth against its loudest block), truth and
//           prediction (azimuth_deg, elevation_deg of the intensity over all bands), angle_deg
#ifndef V2S_INFER_PAIR_DETAIL_H
#define V2S_INFER_PAIR_DETAIL_H

#include <stddef.h>

#include "infer/run_log.h"

// foa [frames][4], AmbiX. Adds both arrays to log->json, empty ones where the spatial statistics
// are not defined. ARG: a rate outside 4..400 kHz. NOMEM.
V2S_MUST_USE v2s_status v2s_pair_detail(double rate_hz, size_t frames, const float *truth,
                                        const float *prediction, v2s_run_log *log);

#endif
