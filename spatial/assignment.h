// SPDX-License-Identifier: MIT
// The cheapest assignment of rows to columns (the "Hungarian" problem), exact.
//
// Shortest augmenting paths after R. Jonker, A. Volgenant, "A shortest augmenting path algorithm
// for dense and sparse linear assignment problems", Computing 38, 1987, in the rectangular form of
// D. F. Crouse, "On implementing 2D rectangular assignment algorithms", IEEE TAES 52, 2016, with
// its order of the columns, so that of several cheapest assignments the same one is found as by
// scipy.optimize.linear_sum_assignment, which implements the same paper. O(rows^2 cols).
#ifndef V2S_SPATIAL_ASSIGNMENT_H
#define V2S_SPATIAL_ASSIGNMENT_H

#include <stddef.h>

#include "kernels/base/status.h"

#define V2S_UNASSIGNED ((size_t)-1)

// cost [rows][cols], finite. column_of_row [rows]: min(rows, cols) different columns, the other
// rows V2S_UNASSIGNED. NOMEM.
V2S_MUST_USE v2s_status v2s_assign(size_t rows, size_t cols, const double *cost,
                                   size_t *column_of_row);

#endif
