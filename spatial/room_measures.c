// SPDX-License-Identifier: MIT
#include "spatial/room_measures.h"

#include <math.h>
#include <stdlib.h>

double v2s_rt60_decay_db(v2s_rt60_family family) {
    return family == V2S_RT60_CROSSINGS ? 30 : 60;
}

// Fills level_db with L and returns its length: that of the response without the zeros at its end
// and without the sample before them.
static size_t decay_curve(const float *h, size_t frames, size_t stride, double *level_db) {
    double sum = 0;
    size_t length = 0;
    for (size_t i = frames; i-- > 0;) {
        double x = h[i * stride];
        sum += x * x;
        level_db[i] = sum;
        if (sum > 0 && length == 0)
            length = i;
    }
    // In this order, as the references: rounding decides which sample is first below a level.
    double start_db = length > 0 ? 10 * log10(level_db[0]) : 0;
    for (size_t i = 0; i < length; i++)
        level_db[i] = 10 * log10(level_db[i]) - start_db;
    return length;
}

// First index below the level, or n.
static size_t first_below(const double *level_db, size_t n, double below_db) {
    size_t i = 0;
    while (i < n && !(level_db[i] < below_db))
        i++;
    return i;
}

// Slope of the least-squares line in dB/s.
static double slope_db_s(const double *level_db, size_t n, double rate_hz) {
    double time = 0, level = 0, product = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        time += (double)i / (double)n;
        level += level_db[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        product += ((double)i - time) * (level_db[i] - level);
        square += ((double)i - time) * ((double)i - time);
    }
    return product / square * rate_hz;
}

static double rt60_crossings(const double *level_db, size_t n, double rate_hz, double decay_db) {
    size_t from = first_below(level_db, n, -5), to = first_below(level_db, n, -5 - decay_db);
    return to == n ? NAN : 60 / decay_db * ((double)to / rate_hz - (double)from / rate_hz);
}

// The two families of pyroomacoustics.
static double rt60_pyroom(const double *level_db, size_t n, double rate_hz, double decay_db,
                          v2s_rt60_family family) {
    size_t from = first_below(level_db, n, -5);
    double lowest_db = level_db[n - 1]; // the curve never rises
    if (-lowest_db - 5 < decay_db)
        decay_db = -lowest_db;
    if (from == n)
        return 0;
    if (family == V2S_RT60_REDUCED) {
        size_t to = first_below(level_db, n, -5 - decay_db);
        return 60 / decay_db * ((double)to / rate_hz - (double)from / rate_hz);
    }
    size_t to = first_below(level_db, n, level_db[from] - decay_db);
    double slope = slope_db_s(level_db + from, to - from, rate_hz);
    return slope < 0 ? -60 / slope : NAN;
}

static double rt60(const double *level_db, size_t n, double rate_hz, v2s_rt60_family family,
                   double decay_db) {
    if (n == 0) // level_db[0] still is the energy
        return family == V2S_RT60_REGRESSION && level_db[0] == 0 ? 0 : NAN;
    return family == V2S_RT60_CROSSINGS ? rt60_crossings(level_db, n, rate_hz, decay_db)
                                        : rt60_pyroom(level_db, n, rate_hz, decay_db, family);
}

static double early_decay(const double *level_db, size_t n, double rate_hz) {
    size_t at = first_below(level_db, n, -10);
    return at == n ? NAN : 6 * ((double)at / rate_hz);
}

static double energy(const float *h, size_t from, size_t to, size_t stride, double scale) {
    double sum = 0;
    for (size_t i = from; i < to; i++) {
        double x = h[i * stride] / scale;
        sum += x * x;
    }
    return sum;
}

static double clarity(const float *h, size_t frames, size_t stride, double rate_hz) {
    size_t k = (size_t)(50 / 1000.0 * rate_hz + 1);
    if (k > frames)
        k = frames;
    double ratio = energy(h, 0, k, stride, 1) / energy(h, k, frames, stride, 1);
    double db = 10 * log10(ratio);
    return isfinite(db) ? db : NAN;
}

static double direct_to_reverberant(const float *h, size_t frames, size_t stride, double rate_hz) {
    size_t from = 0, to = frames, k = (size_t)(0.003 * rate_hz) + 1;
    double peak = 0;
    for (size_t i = 0; i < frames; i++)
        peak = fmax(peak, fabs((double)h[i * stride]));
    if (!(peak > 0))
        peak = 1;
    while (from < to && h[from * stride] == 0)
        from++;
    while (from < to && h[(to - 1) * stride] == 0)
        to--;
    size_t end = k < to - from ? from + k : to;
    double direct = energy(h, from, end, stride, peak), rest = energy(h, end, to, stride, peak);
    return direct == 0 || rest == 0 ? 1 : 10 * log10(direct / rest);
}

v2s_status v2s_room_measure(const float *h, size_t frames, size_t stride, double rate_hz,
                            v2s_rt60_family family, double decay_db, v2s_room_measures *measures) {
    double *level_db = malloc((frames + 1) * sizeof *level_db);
    if (level_db == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for a response of %zu samples", frames);
    size_t n = decay_curve(h, frames, stride, level_db);
    measures->rt60_s = rt60(level_db, n, rate_hz, family, decay_db);
    measures->edt_s = early_decay(level_db, n, rate_hz);
    measures->c50_db = clarity(h, frames, stride, rate_hz);
    measures->drr_db = direct_to_reverberant(h, frames, stride, rate_hz);
    free(level_db);
    return V2S_OK;
}

v2s_room_differences v2s_room_difference(const v2s_room_measures *prediction,
                                         const v2s_room_measures *truth) {
    double rt60_s = fabs(prediction->rt60_s - truth->rt60_s);
    v2s_room_differences d = {
        .rt60_percent = truth->rt60_s > 0 ? rt60_s / truth->rt60_s * 100 : NAN,
        .rt60_s = rt60_s,
        .edt_s = fabs(prediction->edt_s - truth->edt_s),
        .c50_db = fabs(prediction->c50_db - truth->c50_db),
        .drr_db = fabs(prediction->drr_db - truth->drr_db),
    };
    return d;
}
