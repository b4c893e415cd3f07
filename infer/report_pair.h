// SPDX-License-Identifier: MIT
// The page of one pair of sounds: scores, players, energy maps, directions, spectrograms.
#ifndef V2S_INFER_REPORT_PAIR_H
#define V2S_INFER_REPORT_PAIR_H

#include "infer/compare.h"

// Everything is borrowed.
typedef struct v2s_pair_page {
    const char *command;
    const v2s_settings *settings; // prediction, truth: the names
    const v2s_run_log *log; // its warnings, and its first `row_count` rows: those before the scores
    size_t row_count;
    v2s_metric_set metrics;
    const double *scores; // [V2S_METRIC_COUNT]
    double rate_hz;
    size_t frames;
    int channels;                    // 4: AmbiX, or 2
    const float *prediction, *truth; // [frames][channels]
    const v2s_hrtf *hrtf;            // of four channels
} v2s_pair_page;

// Writes settings->report, complete or not at all. Beside truth and prediction it plays mono: W
// alone, or the mean of both ears. FORMAT: too short for a spectrum; IO, NOMEM.
V2S_MUST_USE v2s_status v2s_pair_page_write(const v2s_pair_page *page);

#endif
