// SPDX-License-Identifier: MIT
#include "spatial/map_agreement.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/ambisonics.h"
#include "spatial/energy_map.h"

enum { ROWS = V2S_ENERGY_MAP_ROWS, COLS = V2S_ENERGY_MAP_COLS, C = V2S_FOA_CHANNELS };
enum { CLIP_S = 5, FINE_WINDOWS = 25 };

#define FAINT_FRAME 1e-4

// One sound's covariances per fifth of a second: coarser windows are sums of them.
typedef double covariances[FINE_WINDOWS][C * C];

typedef struct maps {
    float *map;               // [ROWS][COLS]
    float *truth, *predicted; // resampled, at most [ROWS*COLS]
    float *fixed;             // prediction at the fixations
    float *sorted;            // prediction
} maps;

// The reference's windows: whole samples, 5 s in all.
static void measure(double rate_hz, size_t frames, const float *foa, covariances cov) {
    size_t length = (size_t)floor(rate_hz / 5);
    memset(cov, 0, sizeof(covariances));
    for (size_t w = 0; w < FINE_WINDOWS; w++) {
        size_t from = w * length, to = from + length;
        if (from < frames)
            v2s_covariance_add(C, foa + from * C, (to < frames ? to : frames) - from, cov[w]);
    }
}

// The rows of a map with as many points as they are long; returns the number of points.
static size_t resample_rows(const float *map, float *points) {
    size_t count = 0;
    for (int row = 0; row < ROWS; row++) {
        double s = rint(COLS * sin(V2S_PI * (row + 0.5) / ROWS));
        for (int i = 0; i < (int)s; i++) {
            double x = i * (COLS - 0.5 * (COLS / s)) / s;
            int at = (int)x;
            float part = (float)(x - at), low = map[row * COLS + at];
            float high = map[row * COLS + (at + 1 < COLS ? at + 1 : 0)];
            points[count++] = low + part * (high - low);
        }
    }
    return count;
}

static size_t points_of(const covariances cov, int from, int to, float *map, float *points) {
    double sum[C * C] = {0};
    for (int w = from; w < to; w++)
        for (int i = 0; i < C * C; i++) {
            // Y and X by sqrt 2 each: a misplaced parenthesis in the reference's normalisation.
            double row = i / C == V2S_ACN_Y || i / C == V2S_ACN_X ? sqrt(2) : 1;
            double column = i % C == V2S_ACN_Y || i % C == V2S_ACN_X ? sqrt(2) : 1;
            sum[i] += row * column * cov[w][i];
        }
    v2s_energy_map(C, sum, map);
    return resample_rows(map, points);
}

typedef struct moments {
    double mean, deviation;
    float largest;
} moments;

static moments moments_of(const float *x, size_t n) {
    moments m = {0, 0, x[0]};
    for (size_t i = 0; i < n; i++) {
        m.mean += (double)x[i] / (double)n;
        m.largest = fmaxf(m.largest, x[i]);
    }
    for (size_t i = 0; i < n; i++)
        m.deviation += ((double)x[i] - m.mean) * ((double)x[i] - m.mean) / (double)n;
    m.deviation = sqrt(m.deviation);
    return m;
}

// A map whose contrast is rounding noise has none.
static bool has_contrast(const moments *m) {
    return m->deviation > 1e-6 * m->mean;
}

static double correlation(const float *a, const float *b, size_t n, const moments *ma,
                          const moments *mb) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += ((double)a[i] - ma->mean) * ((double)b[i] - mb->mean);
    return sum / (double)n / (ma->deviation * mb->deviation);
}

static int descending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

// Fixations: the truth's points above max - std. tp and fp walk down the prediction's values there.
static double auc_judd(maps *m, size_t n, const moments *truth) {
    size_t fixations = 0, above = 0;
    for (size_t i = 0; i < n; i++)
        if ((double)m->truth[i] > (double)truth->largest - truth->deviation)
            m->fixed[fixations++] = m->predicted[i];
    memcpy(m->sorted, m->predicted, n * sizeof *m->sorted);
    qsort(m->fixed, fixations, sizeof *m->fixed, descending);
    qsort(m->sorted, n, sizeof *m->sorted, descending);
    double tp = 0, fp = 0, area = 0;
    for (size_t i = 0; i < fixations; i++) {
        while (above < n && m->sorted[above] >= m->fixed[i])
            above++;
        double next_tp = (double)i / (double)fixations;
        double next_fp = ((double)above - (double)i) / (double)(n - fixations);
        area += (next_fp - fp) * (next_tp + tp) / 2;
        tp = next_tp;
        fp = next_fp;
    }
    return area + (1 - fp) * (1 + tp) / 2;
}

// Means over windows of `step` fifths of a second.
static void agree(const covariances truth, const covariances prediction, int step, maps *m,
                  double *cc, double *auc) {
    double cc_sum = 0, auc_sum = 0;
    int used = 0;
    for (int w = 0; w < FINE_WINDOWS; w += step) {
        size_t n = points_of(truth, w, w + step, m->map, m->truth);
        points_of(prediction, w, w + step, m->map, m->predicted);
        moments mt = moments_of(m->truth, n), mp = moments_of(m->predicted, n);
        if (!has_contrast(&mt) || !has_contrast(&mp))
            continue;
        cc_sum += correlation(m->truth, m->predicted, n, &mt, &mp);
        auc_sum += auc_judd(m, n, &mt);
        used++;
    }
    *cc = cc_sum / used; // 0 / 0 where no window has contrast
    *auc = auc_sum / used;
}

v2s_status v2s_map_agreement(double rate_hz, size_t frames, const float *truth,
                             const float *prediction, v2s_map_scores *scores) {
    enum { POINTS = ROWS * COLS };
    float *memory = malloc(5 * POINTS * sizeof *memory);
    if (memory == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    maps m = {memory, memory + POINTS, memory + 2 * POINTS, memory + 3 * POINTS,
              memory + 4 * POINTS};
    covariances t, p;
    measure(rate_hz, frames, truth, t);
    measure(rate_hz, frames, prediction, p);
    agree(t, p, FINE_WINDOWS, &m, &scores->cc, &scores->auc);
    agree(t, p, FINE_WINDOWS / CLIP_S, &m, &scores->cc_1fps, &scores->auc_1fps);
    agree(t, p, 1, &m, &scores->cc_5fps, &scores->auc_5fps);
    free(memory);
    return V2S_OK;
}

static double energy_w(const float *foa, size_t frames) {
    double sum = 0;
    for (size_t i = 0; i < frames; i++)
        sum += (double)foa[i * C] * (double)foa[i * C];
    return sum;
}

double v2s_direction_error_deg(double rate_hz, size_t frames, const float *truth,
                               const float *prediction) {
    size_t step = (size_t)lround(rate_hz / 10), count = frames / step, used = 0;
    double loudest = 0, sum = 0;
    for (size_t f = 0; f < count; f++)
        loudest = fmax(loudest, energy_w(truth + f * step * C, step));
    for (size_t f = 0; f < count; f++) {
        const float *t = truth + f * step * C, *p = prediction + f * step * C;
        v2s_vec3 u = v2s_foa_intensity(t, step), v = v2s_foa_intensity(p, step);
        double lengths = v2s_norm(u) * v2s_norm(v);
        if (!(energy_w(t, step) > FAINT_FRAME * loudest) || !(lengths > 0))
            continue;
        // acos of a rounded 1 - 1e-16 is 1.5e-8 rad; the form without that loss gives the same
        // angle everywhere else.
        sum += v2s_deg(v2s_angle_between_rad(u, v));
        used++;
    }
    return sum / (double)used; // 0 / 0 where no frame was used
}
