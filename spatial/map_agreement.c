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

// Gains of W,Y,Z,X.
static const double PUBLISHED[C] = {1, 1.41421356237309504880, 1, 1.41421356237309504880};
static const double SN3D[C] = {1, 1, 1, 1};

// Where a point of a resampled row lies.
typedef struct position {
    int cell; // of the map; the next one is in the same row
    double part;
} position;

typedef struct points {
    double mean, deviation, largest;
    double *value; // [maps.count]
} points;

typedef struct maps {
    size_t count;        // points of a resampled map
    position *at;        // [count]
    double *map;         // [ROWS][COLS]
    points truth, guess; // resampled
    double *fixed;       // the guess at the fixations, at most [count]
    size_t *reached;     // [count] points whose highest threshold is this one
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

static void maps_close(maps *m) {
    free(m->at);
    free(m->map);
    free(m->truth.value);
    free(m->guess.value);
    free(m->fixed);
    free(m->reached);
}

static v2s_status maps_open(maps *m) {
    enum { MOST = ROWS * COLS };
    *m = (maps){.at = malloc(MOST * sizeof *m->at),
                .map = malloc(MOST * sizeof *m->map),
                .truth.value = malloc(MOST * sizeof *m->truth.value),
                .guess.value = malloc(MOST * sizeof *m->guess.value),
                .fixed = malloc(MOST * sizeof *m->fixed),
                .reached = malloc((MOST + 1) * sizeof *m->reached)};
    if (!m->at || !m->map || !m->truth.value || !m->guess.value || !m->fixed || !m->reached) {
        maps_close(m);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    for (int row = 0; row < ROWS; row++) {
        double s = rint(COLS * sin(V2S_PI * (row + 0.5) / ROWS)); // half to even
        for (int i = 0; i < (int)s; i++) {
            double x = i * (COLS - 0.5 * (COLS / s)) / s;
            m->at[m->count++] = (position){row * COLS + (int)x, x - (int)x};
        }
    }
    return V2S_OK;
}

// Sums are taken from the first point, so that a map without contrast has a deviation of exactly 0.
static void take_moments(points *p, size_t n) {
    double sum = 0, squares = 0, first = p->value[0];
    p->largest = first;
    for (size_t i = 0; i < n; i++) {
        sum += p->value[i] - first;
        p->largest = fmax(p->largest, p->value[i]);
    }
    p->mean = first + sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (p->value[i] - p->mean) * (p->value[i] - p->mean);
    p->deviation = sqrt(squares / (double)n);
}

// The resampled map of the windows from..to-1.
static void draw(const covariances cov, const double gain[C], int from, int to, maps *m,
                 points *p) {
    double sum[C * C] = {0};
    for (int w = from; w < to; w++)
        for (int i = 0; i < C * C; i++)
            sum[i] += gain[i / C] * gain[i % C] * cov[w][i];
    v2s_energy_map_f64(C, sum, m->map);
    for (size_t i = 0; i < m->count; i++) {
        const double *cell = m->map + m->at[i].cell;
        p->value[i] = cell[0] + m->at[i].part * (cell[1] - cell[0]);
    }
    take_moments(p, m->count);
}

// A map whose contrast is rounding noise has none.
static bool has_contrast(const points *p) {
    return p->deviation > 1e-12 * p->mean;
}

static double correlation(const points *a, const points *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (a->value[i] - a->mean) * (b->value[i] - b->mean);
    return sum / (double)n / (a->deviation * b->deviation);
}

static int descending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

// Index of the first of n descending thresholds that is not above x; n if there is none.
static size_t first_reached(const double *threshold, size_t n, double x) {
    size_t low = 0;
    while (n > 0) {
        size_t half = n / 2;
        bool above = threshold[low + half] > x;
        low = above ? low + half + 1 : low;
        n = above ? n - half - 1 : half;
    }
    return low;
}

static double auc_judd(maps *m) {
    size_t n = m->count, fixations = 0, above = 0;
    for (size_t i = 0; i < n; i++)
        if (m->truth.value[i] > m->truth.largest - m->truth.deviation)
            m->fixed[fixations++] = m->guess.value[i];
    qsort(m->fixed, fixations, sizeof *m->fixed, descending);
    memset(m->reached, 0, (fixations + 1) * sizeof *m->reached);
    for (size_t i = 0; i < n; i++)
        m->reached[first_reached(m->fixed, fixations, m->guess.value[i])]++;
    double tp = 0, fp = 0, area = 0;
    for (size_t i = 0; i < fixations; i++) {
        above += m->reached[i];
        double next_tp = (double)i / (double)fixations;
        double next_fp = ((double)above - (double)i) / (double)(n - fixations);
        area += (next_fp - fp) * (next_tp + tp) / 2;
        tp = next_tp;
        fp = next_fp;
    }
    return area + (1 - fp) * (1 + tp) / 2;
}

typedef struct agreement {
    double cc, auc;
} agreement;

static agreement agree(const covariances truth, const covariances guess, const double gain[C],
                       int from, int to, maps *m) {
    draw(truth, gain, from, to, m, &m->truth);
    draw(guess, gain, from, to, m, &m->guess);
    agreement a = {NAN, NAN};
    if (!has_contrast(&m->guess) || !isfinite(m->truth.deviation))
        return a;
    if (!has_contrast(&m->truth)) {
        a.auc = 0.5;
        return a;
    }
    a.cc = correlation(&m->truth, &m->guess, m->count);
    a.auc = auc_judd(m);
    return a;
}

// Mean over windows of `step` fifths of a second, those without a number left out.
static agreement mean_agreement(const covariances truth, const covariances guess,
                                const double gain[C], int step, maps *m) {
    agreement sum = {0, 0};
    int used = 0;
    for (int w = 0; w < FINE_WINDOWS; w += step) {
        agreement a = agree(truth, guess, gain, w, w + step, m);
        if (isnan(a.cc) || isnan(a.auc))
            continue;
        sum.cc += a.cc;
        sum.auc += a.auc;
        used++;
    }
    return (agreement){sum.cc / used, sum.auc / used}; // 0 / 0 where no window has contrast
}

static void score(const covariances truth, const covariances guess, const double gain[C], maps *m,
                  v2s_map_scores *scores) {
    agreement all = agree(truth, guess, gain, 0, FINE_WINDOWS, m);
    agreement seconds = mean_agreement(truth, guess, gain, FINE_WINDOWS / CLIP_S, m);
    agreement fifths = mean_agreement(truth, guess, gain, 1, m);
    *scores = (v2s_map_scores){.cc = all.cc,
                               .auc = all.auc,
                               .cc_1fps = seconds.cc,
                               .auc_1fps = seconds.auc,
                               .cc_5fps = fifths.cc,
                               .auc_5fps = fifths.auc};
}

v2s_status v2s_map_agreement(double rate_hz, size_t frames, const float *truth,
                             const float *prediction, v2s_map_scores *published,
                             v2s_map_scores *sn3d) {
    maps m;
    covariances t, p;
    if (!(rate_hz >= 5))
        return V2S_FAIL(V2S_ARG, "M6: expected a rate of 5 Hz or more, found %g Hz", rate_hz);
    V2S_TRY(maps_open(&m));
    measure(rate_hz, frames, truth, t);
    measure(rate_hz, frames, prediction, p);
    if (published != NULL)
        score(t, p, PUBLISHED, &m, published);
    if (sn3d != NULL)
        score(t, p, SN3D, &m, sn3d);
    maps_close(&m);
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

v2s_intensity_error v2s_intensity_error_of(size_t frames, const float *truth,
                                           const float *prediction) {
    v2s_vec3 u = v2s_foa_intensity(truth, frames), v = v2s_foa_intensity(prediction, frames);
    if (!(v2s_norm(u) > 0) || !(v2s_norm(v) > 0))
        return (v2s_intensity_error){NAN, NAN, NAN};
    return (v2s_intensity_error){
        .azimuth_rad = fabs(remainder(v2s_azimuth_rad(v) - v2s_azimuth_rad(u), 2 * V2S_PI)),
        .elevation_rad = fabs(v2s_elevation_rad(v) - v2s_elevation_rad(u)),
        .angle_rad = v2s_angle_between_rad(u, v)};
}
