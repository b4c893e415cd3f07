// SPDX-License-Identifier: MIT
// A list of losses on a device gives what it gives on the processor: a batch, and a row with parts.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "tests/device/tested_device.h"
#include "tests/support/guarded.h"
#include "train/loss_list.h"

enum { ROWS = 2, T = 500, ROW = T * 4, COUNT = ROWS * ROW };

static const double scale = 0.3;

typedef struct results {
    float d[COUNT], d_row[ROW];
    double values[ROWS], row, parts[V2S_LOSS_KINDS];
} results;

static void run(const v2s_device *dev, const float *residual, const float *geometric,
                const float *truth, results *out) {
    const size_t bytes = COUNT * sizeof(float);
    v2s_loss_setup setup = {.dev = dev,
                            .weights = {{2.0, 0.5, 0.25, 0.125, 1.5, 3.0}},
                            .rate_hz = 8000,
                            .T = T + 3,
                            .rows = ROWS};
    v2s_loss_list *list = NULL;
    void *values = NULL;
    cr_assert_eq(v2s_loss_list_open(&setup, &list), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(dev->ops->memory->take(dev, sizeof out->values, &values), V2S_OK);
    float *r = put(dev, residual, bytes), *g = put(dev, geometric, bytes);
    float *y = put(dev, truth, bytes), *d = put(dev, NULL, bytes);
    v2s_loss_list_batch(list, ROWS, T, r, g, y, scale, d, values);
    fetch(dev, out->d, d, bytes);
    fetch(dev, out->values, values, sizeof out->values);
    out->row = v2s_loss_list_row(list, 0, T, r, g, y, scale, d, out->parts);
    fetch(dev, out->d_row, d, sizeof out->d_row);
    v2s_loss_list_close(&list);
    dev->ops->memory->give(dev, values);
    drop(dev, r, bytes);
    drop(dev, g, bytes);
    drop(dev, y, bytes);
    drop(dev, d, bytes);
}

static void check_near(const char *what, double a, double b) {
    cr_assert_lt(fabs(a - b), 1e-4 * fabs(b), "%s: %g %g", what, a, b);
}

// As near as the losses themselves (tests/device/test_loss.c).
Test(loss_list, is_the_same_on_every_device) {
    v2s_device *dev = tested_device(), *cpu = NULL;
    float *residual = guarded_noise(1, COUNT, 0.1f), *geometric = guarded_noise(2, COUNT, 0.5f);
    float *truth = guarded_noise(3, COUNT, 0.5f);
    results *on_dev = calloc(2, sizeof *on_dev), *on_cpu = on_dev + 1;
    cr_assert_eq(v2s_device_open("cpu", 2, &cpu), V2S_OK);
    run(dev, residual, geometric, truth, on_dev);
    run(cpu, residual, geometric, truth, on_cpu);
    double largest = 0.0;
    for (int i = 0; i < COUNT; i++)
        largest = fmax(largest, fabs((double)on_cpu->d[i]));
    cr_assert_gt(largest, 0.0);
    for (int i = 0; i < COUNT; i++)
        cr_assert_lt(fabs((double)on_dev->d[i] - (double)on_cpu->d[i]), 5e-4 * largest);
    for (int i = 0; i < ROW; i++)
        cr_assert_lt(fabs((double)on_dev->d_row[i] - (double)on_cpu->d_row[i]), 5e-4 * largest);
    for (int b = 0; b < ROWS; b++)
        check_near("value", on_dev->values[b], on_cpu->values[b]);
    check_near("row", on_dev->row, on_cpu->row);
    check_near("row of a batch", on_dev->row, on_cpu->values[0]);
    for (int k = 0; k < V2S_LOSS_KINDS; k++)
        check_near(v2s_loss_name((v2s_loss_kind)k), on_dev->parts[k], on_cpu->parts[k]);
    free(on_dev);
    guarded_free(residual, COUNT);
    guarded_free(geometric, COUNT);
    guarded_free(truth, COUNT);
    v2s_device_close(&cpu);
    v2s_device_close(&dev);
}
