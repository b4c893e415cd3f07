// SPDX-License-Identifier: MIT
#include "kernels/base/array.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 64 };

void *v2s_array_grow(void *items, size_t count, size_t *room, size_t item_size) {
    if (count < *room)
        return items;
    size_t wanted = *room == 0 ? FIRST_ROOM : 2 * *room;
    void *grown = realloc(items, wanted * item_size);
    if (grown != NULL)
        *room = wanted;
    return grown;
}

int v2s_compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    if (isnan(x) || isnan(y))
        return (isnan(x) != 0) - (isnan(y) != 0);
    return (x > y) - (x < y);
}

int v2s_compare_texts(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

double v2s_median_sorted(const double *ascending, size_t count) {
    V2S_ASSERT(count > 0);
    return (ascending[(count - 1) / 2] + ascending[count / 2]) / 2;
}

double v2s_median(double *values, size_t count) {
    V2S_ASSERT(count > 0);
    qsort(values, count, sizeof *values, v2s_compare_doubles);
    return v2s_median_sorted(values, count);
}
