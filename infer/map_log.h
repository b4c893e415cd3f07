// SPDX-License-Identifier: MIT
// Energy maps of the output at a few instants, over a sound of unknown length in constant memory:
// covariances of equal stretches; when the list is full neighbours are merged and the stretch
// doubles.
#ifndef V2S_INFER_MAP_LOG_H
#define V2S_INFER_MAP_LOG_H

#include "infer/report.h"
#include "kernels/base/status.h"

enum { V2S_MAP_LOG_STRETCHES = 64, V2S_MAP_LOG_SHOWN = 6 };

typedef struct v2s_map_log {
    int channels;
    double rate_hz;
    size_t stretch_frames; // length of a stretch now
    size_t count, filled;  // finished stretches; frames in the one after them
    double *covariance;    // [V2S_MAP_LOG_STRETCHES][channels][channels]
} v2s_map_log;

V2S_MUST_USE v2s_status v2s_map_log_open(v2s_map_log *log, int channels, double rate_hz);
void v2s_map_log_add(v2s_map_log *log, const float *ambi, size_t frames);

// At most V2S_MAP_LOG_SHOWN maps, evenly spread, silent stretches left out. *maps and the grids it
// points to are one block: free(*maps).
V2S_MUST_USE v2s_status v2s_map_log_maps(const v2s_map_log *log, v2s_report_map **maps,
                                         size_t *count);
void v2s_map_log_close(v2s_map_log *log);

#endif
