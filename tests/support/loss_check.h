// SPDX-License-Identifier: MIT
// What every loss must do, checked in one place: gradient, scale, silence, precision, PyTorch.
#ifndef V2S_TESTS_SUPPORT_LOSS_CHECK_H
#define V2S_TESTS_SUPPORT_LOSS_CHECK_H

// A loss of four channels in both precisions, opened for LOSS_GOLDEN_T samples.
enum { LOSS_CHECK_T = 40, LOSS_GOLDEN_T = 500, LOSS_CHECK_TAPS = 33 };

typedef struct loss_check {
    const char *name; // in tests/data/golden/losses.txt
    void *ctx;
    double (*in_double)(void *ctx, int T, const double *x, const double *y, double scale,
                        double *dx);
    double (*in_float)(void *ctx, int T, const float *x, const float *y, float scale, float *dx);
} loss_check;

// The gradient against central differences on LOSS_CHECK_T samples, within 1e-6 of the largest.
void loss_check_differences(const loss_check *l);

// dx += scale * gradient: linear in scale, on top of what was there; dx NULL gives the same value;
// T = 0 gives 0.
void loss_check_scale(const loss_check *l);

// Value and gradient are finite for silence in either sound or both, for equal sounds (where the
// value is at most `equal`), for sounds of 1e-20 and of 1e4; both precisions.
void loss_check_extremes(const loss_check *l, double equal);

// Float equals double within `tolerance` of value and largest gradient, with guard zones.
void loss_check_float(const loss_check *l, double tolerance);

// Double equals PyTorch's value and gradient within 1e-9.
void loss_check_torch(const loss_check *l);

// The golden file's decode filters [2][4][LOSS_CHECK_TAPS]; free() them.
double *loss_check_filters(void);

#endif
