// SPDX-License-Identifier: MIT
// compare --pred A --truth B: two files of 4 channels (AmbiX) or of 2.
#ifndef V2S_INFER_COMPARE_PAIR_H
#define V2S_INFER_COMPARE_PAIR_H

#include "infer/compare.h"

// Prints the scores and fills the JSON: clips 1, systems.prediction.<metric>.{mean,lo,hi}.
V2S_MUST_USE v2s_status v2s_compare_pair(const v2s_settings *settings,
                                         const v2s_judge_options *options, v2s_run_log *log);

#endif
