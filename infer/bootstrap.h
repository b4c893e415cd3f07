// SPDX-License-Identifier: MIT
// Percentile intervals of means over clips, by a paired bootstrap clustered by room.
//
// Clips from one room are not independent, so whole clusters are drawn with replacement, as many
// as there are, `draws` times. A draw's mean is that of all clips of its clusters; the interval
// ends are the 2.5 and 97.5 percentiles of the draws' means (linear between order statistics,
// Hyndman and Fan's type 7, numpy's default). Every call sees the same draws, so the interval of a
// difference is that of paired clips. Source: Davison, Hinkley, "Bootstrap Methods and their
// Application", 1997, sections 2.4 and 3.8.
#ifndef V2S_INFER_BOOTSTRAP_H
#define V2S_INFER_BOOTSTRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/base/status.h"

typedef struct v2s_bootstrap v2s_bootstrap;

typedef struct v2s_interval {
    double mean;   // not a number: no clip has a value
    double lo, hi; // not numbers with fewer than two clusters that have values
    size_t clips;  // that have a value
} v2s_interval;

// cluster[i] names clip i's cluster; only its text matters. Same seed, same draws. NOMEM.
V2S_MUST_USE v2s_status v2s_bootstrap_open(const char *const *cluster, size_t clips, int draws,
                                           uint64_t seed, v2s_bootstrap **bootstrap);

size_t v2s_bootstrap_clusters(const v2s_bootstrap *bootstrap);

// Means and intervals of `columns` lists of values [clips] at once, in one pass over the draws on
// `threads` threads: the same numbers as one by one, whatever the number of threads. Memory is
// clusters * (16 * columns + 4 * threads) bytes and 8 * columns * draws. NOMEM.
V2S_MUST_USE v2s_status v2s_bootstrap_means(const v2s_bootstrap *bootstrap,
                                            const double *const *values, size_t columns,
                                            int threads, v2s_interval *intervals);

// Mean and interval of values [clips]; what is not finite is left out, as are draws without any
// value. NOMEM.
V2S_MUST_USE v2s_status v2s_bootstrap_mean(const v2s_bootstrap *bootstrap, const double *values,
                                           v2s_interval *interval);

// "0.154 [0.140, 0.170]"; without ends where there are none, "-" without a mean. `sign`: of a
// difference, with + in front.
void v2s_interval_text(const v2s_interval *interval, int digits, bool sign, char text[64]);

void v2s_bootstrap_close(v2s_bootstrap **bootstrap);

#endif
