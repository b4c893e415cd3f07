// SPDX-License-Identifier: MIT
// The least work that turns one distribution of mass into another (transportation problem):
//
//   min sum_ij f_ij c_ij,  f >= 0,  sum_j f_ij <= p_i,  sum_i f_ij <= q_j,
//   sum_ij f_ij = min(sum p, sum q)
//
// HOW IT WORKS: successive shortest augmenting paths with dual prices (Jonker, Volgenant, "A
// shortest augmenting path algorithm for dense and sparse linear assignment problems", 1987, with
// amounts in place of assignments). Points of the lighter side are emptied one after the other,
// each along shortest paths to points of the other side that have room; prices keep every reduced
// cost at or above 0, so that what has been moved is at any time moved at the least cost. The
// amounts are real numbers; every path uses up a supply, a demand or a flow exactly. LIMITATIONS:
// dense; the time grows about with the cube of the number of points (180 points of a sphere take
// some milliseconds).
#ifndef V2S_SPATIAL_TRANSPORT_H
#define V2S_SPATIAL_TRANSPORT_H

#include <stddef.h>

#include "kernels/base/status.h"

// cost [n][n] of moving a unit from i to j; p, q [n], none negative. NOMEM.
V2S_MUST_USE v2s_status v2s_transport(size_t n, const double *cost, const double *p,
                                      const double *q, double *work);

// Earth mover's distance of unequal masses as of Pele, Werman, "Fast and robust earth mover's
// distances", 2009: the work above plus |sum p - sum q| times the largest cost. cost is a metric
// (what stands at the same place in both stays there). NOMEM.
V2S_MUST_USE v2s_status v2s_earth_mover(size_t n, const double *cost, const double *p,
                                        const double *q, double *distance);

#endif
