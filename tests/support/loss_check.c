// SPDX-License-Identifier: MIT
#include "tests/support/loss_check.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/gradient.h"
#include "tests/support/guarded.h"

enum { C = 4, SMALL = LOSS_CHECK_T * C, GOLDEN = LOSS_GOLDEN_T * C };

typedef struct pair {
    double *x, *y;
} pair;

// The golden file's sounds, their first T samples; y is the truth.
static pair sounds(int T) {
    pair p = {noise_doubles(201, (size_t)T * C, 0.5), noise_doubles(200, (size_t)T * C, 0.5)};
    for (int i = 0; i < T * C; i++) {
        double decay = exp(-4.0 * (double)(i / C) / LOSS_GOLDEN_T);
        p.x[i] = decay * (0.6 * p.y[i] + 0.4 * p.x[i]);
        p.y[i] *= decay;
    }
    return p;
}

static void free_pair(pair *p) {
    free(p->x);
    free(p->y);
}

typedef struct weighed {
    const loss_check *l;
    const double *y;
    double scale;
} weighed;

static double value_of(void *ctx, const double *x) {
    weighed *w = ctx;
    return w->scale * w->l->in_double(w->l->ctx, LOSS_CHECK_T, x, w->y, 1.0, NULL);
}

void loss_check_differences(const loss_check *l) {
    pair p = sounds(LOSS_CHECK_T);
    double *dx = calloc(SMALL, sizeof *dx);
    weighed w = {l, p.y, -1.7};
    l->in_double(l->ctx, LOSS_CHECK_T, p.x, p.y, w.scale, dx);
    double error = gradient_error(value_of, &w, p.x, dx, SMALL, 1, 1e-6);
    cr_assert_lt(error, 1e-6, "%s: %g", l->name, error);
    free(dx);
    free_pair(&p);
}

void loss_check_scale(const loss_check *l) {
    pair p = sounds(LOSS_CHECK_T);
    double *once = calloc(SMALL, sizeof *once), *dx = noise_doubles(7, SMALL, 1.0);
    double *noise = noise_doubles(7, SMALL, 1.0);
    double value = l->in_double(l->ctx, LOSS_CHECK_T, p.x, p.y, 1.0, once);
    cr_assert_eq(l->in_double(l->ctx, LOSS_CHECK_T, p.x, p.y, 2.5, dx), value, "%s", l->name);
    cr_assert_eq(l->in_double(l->ctx, LOSS_CHECK_T, p.x, p.y, 1.0, NULL), value, "%s", l->name);
    cr_assert_gt(value, 0.0);
    for (int i = 0; i < SMALL; i++)
        cr_assert_float_eq(dx[i], noise[i] + 2.5 * once[i], 1e-12, "%s: %d", l->name, i);
    cr_assert_eq(l->in_double(l->ctx, 0, p.x, p.y, 1.0, dx), 0.0, "%s", l->name);
    free(once);
    free(dx);
    free(noise);
    free_pair(&p);
}

// |x| and |y| scaled; y -1: y is x.
static void check_extreme(const loss_check *l, double scale_x, double scale_y, double most) {
    pair p = sounds(LOSS_CHECK_T);
    double dx[SMALL] = {0.0};
    float xf[SMALL], yf[SMALL], dxf[SMALL] = {0.0f};
    for (int i = 0; i < SMALL; i++) {
        p.x[i] *= scale_x;
        p.y[i] = scale_y < 0.0 ? p.x[i] : p.y[i] * scale_y;
        xf[i] = (float)p.x[i];
        yf[i] = (float)p.y[i];
    }
    double value = l->in_double(l->ctx, LOSS_CHECK_T, p.x, p.y, 1.0, dx);
    double value_f = l->in_float(l->ctx, LOSS_CHECK_T, xf, yf, 1.0f, dxf);
    cr_assert(isfinite(value) && isfinite(value_f), "%s: %g %g", l->name, scale_x, scale_y);
    cr_assert(value <= most && value_f <= most + 1e-5, "%s: %g %g: %g %g", l->name, scale_x,
              scale_y, value, value_f);
    for (int i = 0; i < SMALL; i++)
        cr_assert(isfinite(dx[i]) && isfinite(dxf[i]), "%s: %g %g", l->name, scale_x, scale_y);
    free_pair(&p);
}

void loss_check_extremes(const loss_check *l, double equal) {
    const double scales[] = {0.0, 1e-20, 1e-4, 1.0, 1e4};
    for (int x = 0; x < 5; x++) {
        check_extreme(l, scales[x], -1.0, equal);
        for (int y = 0; y < 5; y++)
            check_extreme(l, scales[x], scales[y], INFINITY);
    }
}

void loss_check_float(const loss_check *l, double tolerance) {
    double *dx = calloc(GOLDEN, sizeof *dx);
    float *x = guarded_noise(201, GOLDEN, 0.5f), *y = guarded_noise(200, GOLDEN, 0.5f);
    float *dxf = guarded_noise(1, GOLDEN, 0.0f);
    pair p = sounds(LOSS_GOLDEN_T);
    double largest = 0.0;
    for (int i = 0; i < GOLDEN; i++) {
        x[i] = (float)p.x[i];
        y[i] = (float)p.y[i];
        p.x[i] = x[i];
        p.y[i] = y[i];
    }
    double value = l->in_double(l->ctx, LOSS_GOLDEN_T, p.x, p.y, 3.0, dx);
    double value_f = l->in_float(l->ctx, LOSS_GOLDEN_T, x, y, 3.0f, dxf);
    cr_assert_lt(fabs(value_f - value) / value, tolerance, "%s: %g %g", l->name, value, value_f);
    for (int i = 0; i < GOLDEN; i++)
        largest = fmax(largest, fabs(dx[i]));
    double gap = largest_gap(dxf, dx, GOLDEN) / largest;
    cr_assert_lt(gap, tolerance, "%s: %g", l->name, gap);
    guarded_free(x, GOLDEN);
    guarded_free(y, GOLDEN);
    guarded_free(dxf, GOLDEN);
    free(dx);
    free_pair(&p);
}

void loss_check_torch(const loss_check *l) {
    pair p = sounds(LOSS_GOLDEN_T);
    double *dx = calloc(GOLDEN, sizeof *dx), expected, squares = 0.0;
    double value = l->in_double(l->ctx, LOSS_GOLDEN_T, p.x, p.y, 1.0, dx);
    char line[256], of[32];
    int t, c, values = 0, gradients = 0, norms = 0;
    for (int i = 0; i < GOLDEN; i++)
        squares += dx[i] * dx[i];
    FILE *file = fopen(V2S_TEST_DATA "/golden/losses.txt", "r");
    cr_assert_not_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "value %31s %lf", of, &expected) == 2 && strcmp(of, l->name) == 0) {
            values++;
            cr_assert_lt(fabs(value / expected - 1.0), 1e-9, "%s: %.12g", l->name, value);
        } else if (sscanf(line, "norm %31s %lf", of, &expected) == 2 && strcmp(of, l->name) == 0) {
            norms++;
            cr_assert_lt(fabs(sqrt(squares) / expected - 1.0), 1e-9, "%s", l->name);
        } else if (sscanf(line, "grad %31s %d %d %lf", of, &t, &c, &expected) == 4 &&
                   strcmp(of, l->name) == 0) {
            gradients++;
            cr_assert_float_eq(dx[t * C + c], expected, 1e-9 * sqrt(squares), "%s: %d %d", l->name,
                               t, c);
        }
    }
    fclose(file);
    cr_assert(values == 1 && norms == 1 && gradients == 28, "%s", l->name);
    free(dx);
    free_pair(&p);
}

double *loss_check_filters(void) {
    return noise_doubles(202, 2 * C * LOSS_CHECK_TAPS, 0.25);
}
