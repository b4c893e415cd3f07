// SPDX-License-Identifier: MIT
#include "spatial/transport.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// Rows are the points that are emptied, columns those that are filled.
typedef struct problem {
    size_t rows, columns;
    double *memory;
    double *cost;          // [rows][columns]
    double *flow;          // [columns][rows]
    double *supply;        // [rows] left
    double *demand;        // [columns] left
    double *row_price;     // [rows] u
    double *column_price;  // [columns] v; cost - u - v >= 0, 0 where there is flow
    double *reach;         // [columns] length of the shortest path so far
    double *open;          // [columns] the same, infinite where it is settled
    double *row_reach;     // [rows] of those that were reached
    size_t *ids;           // memory of the four below
    size_t *from_row;      // [columns] last row of that path
    size_t *from_column;   // [rows] column through which a row was reached
    size_t *row_id;        // [rows] of the caller's points
    size_t *column_id;     // [columns]
    bool *row_done, *done; // [rows], [columns]
} problem;

static void problem_close(problem *t) {
    free(t->memory);
    free(t->ids);
    free(t->row_done);
}

static v2s_status problem_open(size_t n, problem *t) {
    *t = (problem){.memory = calloc(2 * n * n + 7 * n, sizeof *t->memory),
                   .ids = calloc(4 * n, sizeof *t->ids),
                   .row_done = calloc(2 * n, sizeof *t->row_done)};
    if (t->memory == NULL || t->ids == NULL || t->row_done == NULL) {
        problem_close(t);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    t->cost = t->memory;
    t->flow = t->cost + n * n;
    t->supply = t->flow + n * n;
    t->demand = t->supply + n;
    t->row_price = t->demand + n;
    t->column_price = t->row_price + n;
    t->reach = t->column_price + n;
    t->open = t->reach + n;
    t->row_reach = t->open + n;
    t->from_row = t->ids;
    t->from_column = t->ids + n;
    t->row_id = t->ids + 2 * n;
    t->column_id = t->ids + 3 * n;
    t->done = t->row_done + n;
    return V2S_OK;
}

static double total(size_t n, const double *x) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum;
}

// Takes the points with mass; the lighter side becomes the rows.
static void fill(problem *t, size_t n, const double *cost, const double *p, const double *q) {
    bool turned = total(n, p) > total(n, q);
    const double *light = turned ? q : p, *heavy = turned ? p : q;
    for (size_t i = 0; i < n; i++) {
        if (light[i] > 0) {
            t->row_id[t->rows] = i;
            t->supply[t->rows++] = light[i];
        }
        if (heavy[i] > 0) {
            t->column_id[t->columns] = i;
            t->demand[t->columns++] = heavy[i];
        }
    }
    for (size_t r = 0; r < t->rows; r++)
        for (size_t c = 0; c < t->columns; c++) {
            size_t i = t->row_id[r], j = t->column_id[c];
            t->cost[r * t->columns + c] = turned ? cost[j * n + i] : cost[i * n + j];
        }
}

// Shortens the paths to the columns by those through row r, which lies at t->row_reach[r].
static void relax(problem *t, size_t r) {
    const double *cost = t->cost + r * t->columns;
    double base = t->row_reach[r] - t->row_price[r];
    t->row_done[r] = true;
    for (size_t c = 0; c < t->columns; c++) {
        double length = base + cost[c] - t->column_price[c];
        if (!t->done[c] && length < t->reach[c]) {
            t->reach[c] = t->open[c] = length;
            t->from_row[c] = r;
        }
    }
}

// The nearest column that is not settled; among equal ones the first.
static size_t nearest_column(const problem *t) {
    size_t nearest = 0;
    double least = INFINITY;
    for (size_t c = 0; c < t->columns; c++)
        if (t->open[c] < least) {
            least = t->open[c];
            nearest = c;
        }
    return least < INFINITY ? nearest : t->columns;
}

// The nearest column with room from `start`, by Dijkstra's algorithm; t->columns if there is none.
static size_t find_path(problem *t, size_t start) {
    memset(t->row_done, 0, t->rows * sizeof *t->row_done);
    memset(t->done, 0, t->columns * sizeof *t->done);
    for (size_t c = 0; c < t->columns; c++)
        t->reach[c] = t->open[c] = INFINITY;
    t->row_reach[start] = 0;
    relax(t, start);
    for (;;) {
        size_t nearest = nearest_column(t);
        if (nearest == t->columns || t->demand[nearest] > 0)
            return nearest;
        const double *flow = t->flow + nearest * t->rows;
        t->done[nearest] = true;
        t->open[nearest] = INFINITY;
        for (size_t r = 0; r < t->rows; r++)
            if (flow[r] > 0 && !t->row_done[r]) {
                t->row_reach[r] = t->reach[nearest];
                t->from_column[r] = nearest;
                relax(t, r);
            }
    }
}

static void update_prices(problem *t, double length) {
    for (size_t c = 0; c < t->columns; c++)
        if (t->done[c])
            t->column_price[c] += t->reach[c] - length;
    for (size_t r = 0; r < t->rows; r++)
        if (t->row_done[r])
            t->row_price[r] += length - t->row_reach[r];
}

// Moves as much as fits along the path from row `start` to column `end`.
static void augment(problem *t, size_t start, size_t end) {
    double amount = fmin(t->supply[start], t->demand[end]);
    for (size_t r = t->from_row[end]; r != start; r = t->from_row[t->from_column[r]])
        amount = fmin(amount, t->flow[t->from_column[r] * t->rows + r]);
    t->supply[start] -= amount;
    t->demand[end] -= amount;
    for (size_t c = end;;) {
        size_t r = t->from_row[c];
        t->flow[c * t->rows + r] += amount;
        if (r == start)
            return;
        c = t->from_column[r];
        t->flow[c * t->rows + r] -= amount;
    }
}

v2s_status v2s_transport(size_t n, const double *cost, const double *p, const double *q,
                         double *work) {
    problem t;
    V2S_TRY(problem_open(n, &t));
    fill(&t, n, cost, p, q);
    for (size_t r = 0; r < t.rows; r++)
        while (t.supply[r] > 0) {
            size_t end = find_path(&t, r);
            if (end == t.columns) // rounding: nothing has room any more
                break;
            update_prices(&t, t.reach[end]);
            augment(&t, r, end);
        }
    *work = 0;
    for (size_t r = 0; r < t.rows; r++)
        for (size_t c = 0; c < t.columns; c++)
            *work += t.flow[c * t.rows + r] * t.cost[r * t.columns + c];
    problem_close(&t);
    return V2S_OK;
}

v2s_status v2s_earth_mover(size_t n, const double *cost, const double *p, const double *q,
                           double *distance) {
    double *rest = calloc(2 * n, sizeof *rest), largest = 0, work = 0;
    if (rest == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        double common = fmin(p[i], q[i]);
        rest[i] = p[i] - common;
        rest[n + i] = q[i] - common;
    }
    for (size_t i = 0; i < n * n; i++)
        largest = fmax(largest, cost[i]);
    v2s_status status = v2s_transport(n, cost, rest, rest + n, &work);
    *distance = work + largest * fabs(total(n, rest) - total(n, rest + n));
    free(rest);
    return status;
}
