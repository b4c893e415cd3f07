// SPDX-License-Identifier: MIT
// Arrays whose final size is not known before: room that doubles, orders for qsort, the median.
#ifndef V2S_KERNELS_BASE_ARRAY_H
#define V2S_KERNELS_BASE_ARRAY_H

#include <stddef.h>

#include "kernels/base/status.h"

// `items` (malloc, or NULL) with room for at least one item behind its first `count`: as it is, or
// twice as large, which *room then says. NULL without memory: `items` and *room are unchanged.
V2S_MUST_USE void *v2s_array_grow(void *items, size_t count, size_t *room, size_t item_size);

// Of qsort and bsearch. Numbers ascend, and those that are not a number stand last; texts
// (const char *) are ordered by their bytes.
int v2s_compare_doubles(const void *a, const void *b);
int v2s_compare_texts(const void *a, const void *b);

// The mean of the two in the middle where their count is even. values [count >= 1] must have no
// NaN.
double v2s_median_sorted(const double *ascending, size_t count);
double v2s_median(double *values, size_t count); // sorts them

#endif
