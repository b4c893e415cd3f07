// SPDX-License-Identifier: MIT
// compare --pointing-results FILE.csv: directions that listeners pointed at, against where the
// sound was, as the page of --pointing-test saves them. A table with a header, columns in any
// order, others ignored:
//
//   assessor,trial,condition,target_az_deg,target_el_deg,answer_az_deg,answer_el_deg
//
// One row per answer; degrees, azimuth counter-clockwise (left +) in -360..360, elevation up in
// -90..90. Condition is what was heard: "refined", "geometric", "truth". Without the two columns of
// elevations all are 0 and judged in azimuth. A header that comes again is passed over, so that
// files can be put together by cat.
//
//   error        angle between target t and answer a, both unit vectors (x front, y left, z up)
//   confusion    t and a on different sides of the frontal plane (t.x a.x < 0: the answer mirrored
//                front to back is nearer), neither within 10 degrees of that plane; share of the
//                answers to targets that are not within 10 degrees of it (E. M. Wenzel et al.,
//                "Localization using nonindividualized head-related transfer functions", JASA 94,
//                1993, counts mirrored answers that are nearer; the margin keeps small errors at
//                the sides from counting)
//   resolved     error after mirroring the answers that are confusions
//   azimuth      answer minus target, wrapped, signed: + is too far to the left
//
// Per condition the mean over the assessors of each one's mean, its 95 % t interval and the median
// (infer/paired_tests.h: n is the number of people), and the paired differences of all pairs of
// conditions, "refined" first.
//
// JSON      assessors, trials, answers, conditions.<name>.{error_deg,resolved_deg,azimuth_deg,
//           front_back}.{n,mean,lo,hi,median} and answers, differences."<a>-<b>".<measure>.{n,mean,
//           lo,hi,median,t,p_t,w,p_wilcoxon,win_rate}
#ifndef V2S_INFER_POINTING_RESULTS_H
#define V2S_INFER_POINTING_RESULTS_H

#include "infer/run_log.h"
#include "kernels/base/status.h"

// IO, FORMAT, NOMEM.
V2S_MUST_USE v2s_status v2s_pointing_results(const char *path, v2s_run_log *log);

#endif
