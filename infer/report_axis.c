// SPDX-License-Identifier: MIT
#include <math.h>

#include "infer/report_internal.h"

enum { WANTED_VALUE_TICKS = 4, WANTED_TIME_TICKS = 8 };

// Puts the multiples of `step` inside lo..hi on the axis.
static void put_ticks(v2s_axis *axis, double step) {
    double first = ceil(axis->lo / step - 1e-9);
    double last = floor(axis->hi / step + 1e-9);
    axis->count = 0;
    for (double k = first; k <= last && axis->count < V2S_PAGE_MAX_TICKS; k += 1.0)
        axis->ticks[axis->count++] = k == 0.0 ? 0.0 : k * step;
    axis->decimals = 0;
    for (double s = step; axis->decimals < 4 && fabs(s - round(s)) > 1e-6 * s; s *= 10.0)
        axis->decimals++;
}

// The smallest of 1, 2, 5 times a power of ten that is at least `step`.
static double round_step(double step) {
    double power = pow(10.0, floor(log10(step) + 1e-9));
    double digit = step / power;
    if (digit > 5.0 + 1e-6)
        return 10.0 * power;
    if (digit > 2.0 + 1e-6)
        return 5.0 * power;
    return digit > 1.0 + 1e-6 ? 2.0 * power : power;
}

v2s_axis v2s_axis_of_values(double lo, double hi, double min_span, double floor_value,
                            double ceiling) {
    v2s_axis axis = {0};
    if (!isfinite(lo) || !isfinite(hi) || lo > hi || fabs(lo) > 1e12 || fabs(hi) > 1e12)
        lo = hi = fmax(0.0, floor_value);
    double middle = 0.5 * (lo + hi), half = 0.5 * fmax(hi - lo, min_span);
    // A half that doubles cannot resolve next to `middle` would make ticks that never advance.
    half = fmax(half, 1e-6 * fabs(middle));
    double step = round_step(2.0 * half / WANTED_VALUE_TICKS);
    // At a border the span is kept and moved inside.
    middle = fmax(fmin(middle, ceiling - half), floor_value + half);
    axis.lo = fmax(floor((middle - half) / step + 1e-6) * step, floor_value);
    axis.hi = fmin(ceil((middle + half) / step - 1e-6) * step, ceiling);
    if (axis.lo >= axis.hi)
        axis.hi = axis.lo + step;
    put_ticks(&axis, step);
    return axis;
}

v2s_axis v2s_axis_of_turn(void) {
    v2s_axis axis = {.lo = -180.0, .hi = 180.0};
    put_ticks(&axis, 90.0);
    return axis;
}

v2s_axis v2s_axis_of_time(double lo, double hi) {
    // Beyond a minute people count in sixties.
    static const double steps_s[] = {15,   30,   60,    120,   300,   600,   900,        1800,
                                     3600, 7200, 10800, 21600, 43200, 86400, 86400 * 7.0};
    v2s_axis axis = {.lo = lo, .hi = hi};
    double wanted = (hi - lo) / WANTED_TIME_TICKS;
    double step = round_step(wanted);
    if (step > 10.0) {
        for (size_t i = 0; i < sizeof steps_s / sizeof *steps_s; i++) {
            if (steps_s[i] >= wanted) {
                step = steps_s[i];
                break;
            }
        }
    }
    put_ticks(&axis, step);
    return axis;
}

double v2s_axis_mille(const v2s_axis *axis, double value) {
    double mille = 1000.0 * (axis->hi - value) / (axis->hi - axis->lo);
    return isfinite(mille) ? fmin(fmax(mille, 0.0), 1000.0) : 0.0;
}
