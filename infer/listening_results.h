// SPDX-License-Identifier: MIT
// compare --listening-results FILE.csv: the answers of a listening test of the kind of ITU-R
// BS.1534-3 ("MUSHRA"), as webMUSHRA writes them (its results/<test>/mushra.csv):
//
//   session_test_id,email,age,...,trial_id,rating_stimulus,rating_score,rating_time,rating_comment
//
// trial_id is the item, rating_stimulus the condition ("reference" is the hidden one),
// rating_score 0 to 100. Needed are these three. Who answered is told by session_uuid where there
// is such a column (newer versions), else by all columns between session_test_id and trial_id; the
// same stimulus of the same item a second time begins another assessor, which is a warning.
//
// Post-screening (BS.1534-3, 4.1.2). An assessor is left out who rates
//   the hidden reference below 90 in more than 15 % of the items, or
//   the mid-range anchor above 90 in more than 15 % of the items; an item whose anchor more than
//   25 % of the assessors rate above 90 does not count for this. That anchor is the condition
//   anchor70 (7 kHz); where there is none anchor35 (3.5 kHz), which is easier to tell.
//
// Then, per condition: the mean over the kept assessors of each one's mean over the items, with its
// 95 % t interval (infer/paired_tests.h; n is the number of people, who are independent of one
// another, as ratings of one person are not), the median, and the same per item. Per pair of
// conditions that are neither reference nor anchor, "refined" first: the paired difference of the
// assessors' means, t test, Wilcoxon's signed ranks, share of assessors who prefer the first.
//
// JSON      assessors, kept, items, ratings, excluded: [{assessor,reason}], screening: [{assessor,
//           reference_below_90,anchor_above_90,kept}], conditions.<name>.{n,mean,lo,hi,median,
//           items.<name>.{...}}, differences."<a>-<b>".{n,mean,lo,hi,median,t,p_t,w,p_wilcoxon,
//           win_rate}
#ifndef V2S_INFER_LISTENING_RESULTS_H
#define V2S_INFER_LISTENING_RESULTS_H

#include "infer/run_log.h"
#include "kernels/base/status.h"

// IO, FORMAT (missing columns, scores that are none, nobody left), NOMEM.
V2S_MUST_USE v2s_status v2s_listening_results(const char *path, v2s_run_log *log);

#endif
