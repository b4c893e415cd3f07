// SPDX-License-Identifier: MIT
#include "spatial/assignment.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

// rows <= cols; potentials row_price and col_price keep every reduced cost at 0 or above.
typedef struct work {
    size_t rows, cols;
    const double *cost; // of row i and column j at i * row_step + j * col_step
    size_t row_step, col_step;
    double *row_price, *col_price;
    double *distance;      // [cols] from the row that is being added
    size_t *row_before;    // [cols] on the shortest path
    size_t *row_of, *open; // [cols] its row; columns not yet reached
    size_t *column_of;     // [rows]
    bool *row_seen, *col_seen;
} work;

// The nearest column without a row, reached from row `from`; *length is the path's.
static size_t shortest_path(work *w, size_t from, double *length) {
    size_t open = w->cols, row = from;
    double here = 0;
    for (size_t i = 0; i < w->rows; i++)
        w->row_seen[i] = false;
    for (size_t j = 0; j < w->cols; j++) {
        w->col_seen[j] = false;
        w->distance[j] = INFINITY;
        w->open[j] = w->cols - 1 - j;
    }
    for (;;) {
        size_t best = 0;
        double lowest = INFINITY;
        w->row_seen[row] = true;
        for (size_t k = 0; k < open; k++) {
            size_t j = w->open[k];
            double reached = here + w->cost[row * w->row_step + j * w->col_step] -
                             w->row_price[row] - w->col_price[j];
            if (reached < w->distance[j]) {
                w->distance[j] = reached;
                w->row_before[j] = row;
            }
            // Of equally near columns one without a row ends the search.
            if (w->distance[j] < lowest ||
                (w->distance[j] == lowest && w->row_of[j] == V2S_UNASSIGNED)) {
                lowest = w->distance[j];
                best = k;
            }
        }
        size_t column = w->open[best];
        here = lowest;
        w->col_seen[column] = true;
        w->open[best] = w->open[--open];
        if (w->row_of[column] == V2S_UNASSIGNED) {
            *length = here;
            return column;
        }
        row = w->row_of[column];
    }
}

static void add_row(work *w, size_t row) {
    double length = 0;
    size_t column = shortest_path(w, row, &length);
    for (size_t i = 0; i < w->rows; i++)
        if (i == row)
            w->row_price[i] += length;
        else if (w->row_seen[i])
            w->row_price[i] += length - w->distance[w->column_of[i]];
    for (size_t j = 0; j < w->cols; j++)
        if (w->col_seen[j])
            w->col_price[j] -= length - w->distance[j];
    for (;;) { // back along the path, every column changes its row
        size_t i = w->row_before[column], next = w->column_of[i];
        w->row_of[column] = i;
        w->column_of[i] = column;
        if (i == row)
            return;
        column = next;
    }
}

static void solve(work *w) {
    for (size_t j = 0; j < w->cols; j++)
        w->row_of[j] = V2S_UNASSIGNED;
    for (size_t i = 0; i < w->rows; i++)
        w->column_of[i] = V2S_UNASSIGNED;
    for (size_t i = 0; i < w->rows; i++)
        add_row(w, i);
}

v2s_status v2s_assign(size_t rows, size_t cols, const double *cost, size_t *column_of_row) {
    bool turned = rows > cols;
    size_t few = turned ? cols : rows, many = turned ? rows : cols;
    double *numbers = calloc(few + 2 * many + 1, sizeof *numbers);
    size_t *places = calloc(few + 3 * many + 1, sizeof *places);
    bool *seen = calloc(few + many + 1, sizeof *seen);
    v2s_status status = V2S_OK;
    if (numbers == NULL || places == NULL || seen == NULL) {
        status = V2S_FAIL(V2S_NOMEM, "out of memory for an assignment of %zu to %zu", rows, cols);
    } else {
        work w = {few,
                  many,
                  cost,
                  turned ? 1 : cols,
                  turned ? cols : 1,
                  .row_price = numbers,
                  .col_price = numbers + few,
                  .distance = numbers + few + many,
                  .row_before = places,
                  .row_of = places + many,
                  .open = places + 2 * many,
                  .column_of = places + 3 * many,
                  .row_seen = seen,
                  .col_seen = seen + few};
        solve(&w);
        for (size_t i = 0; i < rows; i++)
            column_of_row[i] = turned ? w.row_of[i] : w.column_of[i];
    }
    free(numbers);
    free(places);
    free(seen);
    return status;
}
