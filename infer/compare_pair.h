// SPDX-License-Identifier: MIT
// compare --pred A --truth B: two files of 4 channels (AmbiX) or of 2, without a manifest.
// Responses and directions go to infer/pair_response.h and pair_labels.h.
//
// JSON      clips 1; metrics.<name> and systems.prediction.<name>.{mean,lo,hi}: the same numbers,
//           null where there is none. Names are those of the table of metrics (infer/compare.h).
#ifndef V2S_INFER_COMPARE_PAIR_H
#define V2S_INFER_COMPARE_PAIR_H

#include "infer/compare.h"

// Prints the scores, fills the JSON, and writes settings->report, which shows `command`. Without
// settings->metrics: all that the sounds have. FORMAT: rates or channels that differ. USAGE: none
// of the metrics is one of such a sound.
V2S_MUST_USE v2s_status v2s_compare_pair(const v2s_settings *settings, const char *command,
                                         v2s_run_log *log);

// Rows and JSON of `count` metrics and their values; `shown` has a bit for each.
void v2s_compare_pair_say(const v2s_metric *metrics, size_t count, v2s_metric_set shown,
                          const double *values, v2s_run_log *log);

#endif
