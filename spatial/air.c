// SPDX-License-Identifier: MIT
#include "spatial/air.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/conventions.h"
#include "spatial/kaiser.h"
#include "spatial/lanes.h"

v2s_air_conditions v2s_air_default(void) {
    v2s_air_conditions c = {20.0, 50.0, 101325.0};
    return c;
}

double v2s_air_absorption_db_m(const v2s_air_conditions *c, double freq_hz) {
    const double triple_point_k = 273.16, reference_k = 293.15, reference_pa = 101325.0;
    double kelvin = c->temperature_c + 273.15;
    double t = kelvin / reference_k, p = c->pressure_pa / reference_pa;
    // Annex B: saturation pressure, and the molar concentration of water vapour in percent.
    double saturation = pow(10.0, -6.8346 * pow(triple_point_k / kelvin, 1.261) + 4.6151);
    double h = c->humidity_percent * saturation / p;
    // Equations (3) and (4): relaxation frequencies of oxygen and nitrogen.
    double oxygen_hz = p * (24.0 + 4.04e4 * h * (0.02 + h) / (0.391 + h));
    double nitrogen_hz = p / sqrt(t) * (9.0 + 280.0 * h * exp(-4.170 * (pow(t, -1.0 / 3.0) - 1.0)));
    // Equation (5).
    double f2 = freq_hz * freq_hz;
    double classical = 1.84e-11 / p * sqrt(t);
    double oxygen = 0.01275 * exp(-2239.1 / kelvin) / (oxygen_hz + f2 / oxygen_hz);
    double nitrogen = 0.1068 * exp(-3352.0 / kelvin) / (nitrogen_hz + f2 / nitrogen_hz);
    return 8.686 * f2 * (classical + pow(t, -2.5) * (oxygen + nitrogen));
}

// Distances of the designed filters: 0, 1 m and then 8 to an octave. Between two of them the
// attenuation a changes by a 2^(1/8), and the chord of exp(-a) lies (0.087 a)^2 / 8 too high (a in
// Np), which is 0.3 dB where 50 dB are lost.
enum { NODES_PER_OCTAVE = 8, NODES = 2 + 15 * NODES_PER_OCTAVE, CHUNK = 256 };
enum { HALF_TAPS_48K = 64, HALF_TAPS_MIN = 16 };
#define WINDOW_BETA 2.0 // Kaiser; 0 leaves ripple above 10 kHz, 6 smears the lowest octaves

struct v2s_air_filter {
    v2s_air_conditions conditions;
    double rate_hz;
    size_t half;   // taps on either side of the middle
    size_t padded; // 2 half + 1, rounded up to V2S_LANES with zero taps
    size_t node;   // current pair of filters: node, node + 1
    double from_m, to_m;
    float *taps[NODES]; // [padded], NULL until needed
    float *history;     // [padded + CHUNK]: the last 2 half inputs, then a chunk
};

static double node_distance_m(size_t node) {
    return node == 0 ? 0.0 : exp2((double)(node - 1) / NODES_PER_OCTAVE);
}

static size_t node_of_distance(double distance_m) {
    if (!(distance_m >= 1.0))
        return 0;
    double node = 1.0 + floor(NODES_PER_OCTAVE * log2(distance_m));
    return node > NODES - 2 ? NODES - 2 : (size_t)node;
}

// Inverse cosine transform of the wanted amplitudes on a grid 8 times finer than the filter is
// long, cut by the window: linear phase (symmetric), so `taps` need no reversing.
static v2s_status design(v2s_air_filter *f, size_t node) {
    size_t grid = 8 * f->half;
    float *taps = calloc(f->padded, sizeof *taps);
    double *amplitude = malloc((grid + 1) * sizeof *amplitude);
    double *cosine = malloc(2 * grid * sizeof *cosine);
    if (taps == NULL || amplitude == NULL || cosine == NULL) {
        free(taps);
        free(amplitude);
        free(cosine);
        return V2S_FAIL(V2S_NOMEM, "air absorption: out of memory");
    }
    for (size_t j = 0; j <= grid; j++) {
        double freq_hz = f->rate_hz * (double)j / (2.0 * (double)grid);
        double db = v2s_air_absorption_db_m(&f->conditions, freq_hz) * node_distance_m(node);
        amplitude[j] = pow(10.0, -db / 20.0);
    }
    for (size_t j = 0; j < 2 * grid; j++)
        cosine[j] = cos(V2S_PI * (double)j / (double)grid);
    for (size_t m = 0; m <= f->half; m++) {
        double sum = amplitude[0] + amplitude[grid] * cosine[m * grid % (2 * grid)];
        for (size_t j = 1; j < grid; j++)
            sum += 2.0 * amplitude[j] * cosine[j * m % (2 * grid)];
        double r = (double)m / (double)(f->half + 1);
        double window = v2s_kaiser(r, WINDOW_BETA);
        taps[f->half + m] = taps[f->half - m] = (float)(sum * window / (2.0 * (double)grid));
    }
    free(amplitude);
    free(cosine);
    f->taps[node] = taps;
    return V2S_OK;
}

// Makes node, node + 1 the pair that `distance_m` lies between.
static v2s_status select_node(v2s_air_filter *f, double distance_m) {
    size_t node = node_of_distance(distance_m);
    for (size_t i = node; i <= node + 1; i++)
        if (f->taps[i] == NULL)
            V2S_TRY(design(f, i));
    f->node = node;
    f->from_m = node_distance_m(node);
    f->to_m = node_distance_m(node + 1);
    return V2S_OK;
}

static v2s_status filter_chunk(v2s_air_filter *f, const double *distance_m, size_t frames,
                               float *out) {
    for (size_t i = 0; i < frames; i++) {
        if (!(distance_m[i] >= f->from_m && distance_m[i] < f->to_m))
            V2S_TRY(select_node(f, distance_m[i]));
        double share = (distance_m[i] - f->from_m) / (f->to_m - f->from_m);
        share = fmax(0.0, fmin(1.0, share)); // beyond the last filter: the last filter
        out[i] = v2s_lanes_dot_mix(f->history + i, f->taps[f->node], f->taps[f->node + 1],
                                   (float)share, f->padded);
    }
    return V2S_OK;
}

v2s_status v2s_air_filter_process(v2s_air_filter *f, const float *in, const double *distance_m,
                                  size_t frames, float *out) {
    size_t past = 2 * f->half;
    while (frames > 0) {
        size_t n = frames < CHUNK ? frames : CHUNK;
        memcpy(f->history + past, in, n * sizeof *in);
        V2S_TRY(filter_chunk(f, distance_m, n, out));
        memmove(f->history, f->history + n, past * sizeof *in);
        in += n;
        distance_m += n;
        out += n;
        frames -= n;
    }
    return V2S_OK;
}

v2s_status v2s_air_filter_open(const v2s_air_conditions *conditions, double rate_hz,
                               v2s_air_filter **filter) {
    const v2s_air_conditions *c = conditions;
    if (!(c->temperature_c >= -50.0 && c->temperature_c <= 70.0))
        return V2S_FAIL(V2S_ARG, "air temperature: expected -50 to 70 C, found %g",
                        c->temperature_c);
    if (!(c->humidity_percent >= 0.0 && c->humidity_percent <= 100.0))
        return V2S_FAIL(V2S_ARG, "air humidity: expected 0 to 100 %%, found %g",
                        c->humidity_percent);
    if (!(c->pressure_pa >= 1e4 && c->pressure_pa <= 1e6))
        return V2S_FAIL(V2S_ARG, "air pressure: expected 1e4 to 1e6 Pa, found %g", c->pressure_pa);
    if (!(rate_hz >= 1000.0 && rate_hz <= 1e6))
        return V2S_FAIL(V2S_ARG, "air absorption: expected a rate of 1000 to 1e6 Hz, found %g",
                        rate_hz);
    v2s_air_filter *f = calloc(1, sizeof *f);
    if (f == NULL)
        return V2S_FAIL(V2S_NOMEM, "air absorption: out of memory");
    f->conditions = *c;
    f->rate_hz = rate_hz;
    f->half = (size_t)fmax(HALF_TAPS_MIN, ceil(HALF_TAPS_48K * rate_hz / 48000.0));
    f->padded = (2 * f->half + V2S_LANES) / V2S_LANES * V2S_LANES;
    f->from_m = f->to_m = 0.0; // nothing selected
    f->history = calloc(f->padded + CHUNK, sizeof *f->history);
    if (f->history == NULL) {
        v2s_air_filter_close(&f);
        return V2S_FAIL(V2S_NOMEM, "air absorption: out of memory");
    }
    *filter = f;
    return V2S_OK;
}

size_t v2s_air_filter_latency_frames(const v2s_air_filter *filter) {
    return filter->half;
}

void v2s_air_filter_close(v2s_air_filter **filter) {
    v2s_air_filter *f = *filter;
    if (f == NULL)
        return;
    for (size_t i = 0; i < NODES; i++)
        free(f->taps[i]);
    free(f->history);
    free(f);
    *filter = NULL;
}
