// SPDX-License-Identifier: MIT
#include "spatial/foa_distance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/cancel.h"
#include "spatial/conventions.h"
#include "spatial/energy_map.h"
#include "spatial/envelope.h"
#include "spatial/mel.h"
#include "spatial/transport.h"

enum { C = V2S_FOA_CHANNELS, DIPOLES = 3, MELS = 128 };
enum { RES_DEG = 20, AZIMUTHS = 360 / RES_DEG, ELEVATIONS = 180 / RES_DEG + 1 };
enum { NODES = AZIMUTHS * ELEVATIONS };

#define CHUNK_S 0.1
#define WINDOW_S 0.025
#define TOP_HZ 12000.0

typedef struct work {
    size_t chunk;        // samples
    size_t window;       // of the STFT
    double *hann;        // [window]
    double *channel[2];  // [chunk] of the truth and of the prediction
    double *envelope[2]; // [chunk]
    v2s_envelope *hilbert;
    v2s_mel *mel;
    v2s_vec3 node[NODES];
    double *cost; // [NODES][NODES]
} work;

static void work_close(work *w) {
    free(w->hann);
    for (int i = 0; i < 2; i++) {
        free(w->channel[i]);
        free(w->envelope[i]);
    }
    v2s_envelope_close(&w->hilbert);
    v2s_mel_close(&w->mel);
    free(w->cost);
}

static void make_nodes(work *w) {
    for (int i = 0; i < NODES; i++) {
        double az = v2s_rad(180 - RES_DEG * (i % AZIMUTHS + 1));
        double el = v2s_rad(RES_DEG * (i / AZIMUTHS) - 90);
        w->node[i] = v2s_unit_from_angles(az, el);
    }
    for (int i = 0; i < NODES; i++)
        for (int j = 0; j < NODES; j++)
            w->cost[i * NODES + j] = acos(fmax(-1, fmin(1, v2s_dot(w->node[i], w->node[j]))));
}

static v2s_status work_open(double rate_hz, work *w) {
    *w = (work){.chunk = (size_t)(rate_hz * CHUNK_S), .window = 1};
    while (w->window < (size_t)(WINDOW_S * rate_hz))
        w->window *= 2;
    w->hann = malloc(w->window * sizeof *w->hann);
    w->cost = malloc(sizeof(double) * NODES * NODES);
    for (int i = 0; i < 2; i++) {
        w->channel[i] = malloc(w->chunk * sizeof(double));
        w->envelope[i] = malloc(w->chunk * sizeof(double));
    }
    v2s_status status = V2S_OK;
    if (!w->hann || !w->cost || !w->channel[0] || !w->channel[1] || !w->envelope[0] ||
        !w->envelope[1])
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK)
        status = v2s_envelope_open(w->chunk, &w->hilbert);
    if (status == V2S_OK)
        status = v2s_mel_open(rate_hz, MELS, TOP_HZ, &w->mel);
    if (status != V2S_OK) {
        work_close(w);
        return status;
    }
    for (size_t i = 0; i < w->window; i++)
        w->hann[i] = 0.5 - 0.5 * cos(2 * V2S_PI * (double)i / (double)w->window);
    make_nodes(w);
    return V2S_OK;
}

// ---- one channel of one chunk -----------------------------------------------------------------

// By Parseval the mean over all n bins of |S|^2 is the sum of the windowed samples' squares.
static double stft_distance(const work *w) {
    const double *t = w->channel[0], *p = w->channel[1];
    size_t windows = 0;
    double sum = 0;
    for (size_t start = 0; start < w->window; start += w->window / 2) {
        size_t count = (w->chunk - start - 1) / w->window;
        for (size_t i = 0; i < count * w->window; i++) {
            double d = w->hann[i % w->window] * (p[start + i] - t[start + i]);
            sum += d * d;
        }
        windows += count;
    }
    return 100 * sum / (double)windows;
}

static double envelope_distance(const work *w) {
    double sum = 0;
    v2s_envelope_take(w->hilbert, w->channel[0], w->channel[1], 1, w->envelope[0], w->envelope[1]);
    for (size_t i = 0; i < w->chunk; i++) {
        double d = w->envelope[1][i] - w->envelope[0][i];
        sum += d * d;
    }
    return sqrt(sum / (double)w->chunk);
}

static double mel_distance_db(const work *w) {
    size_t count = v2s_mel_count(w->chunk);
    double sum = 0, t[MELS], p[MELS];
    for (size_t f = 0; f < count; f++) {
        v2s_mel_frame(w->mel, w->channel[0], w->chunk, f, t);
        v2s_mel_frame(w->mel, w->channel[1], w->chunk, f, p);
        for (int m = 0; m < MELS; m++) {
            double d = 10 * log10((p[m] + 0.01) / (t[m] + 0.01));
            sum += d * d;
        }
    }
    return sqrt(sum / (double)count / MELS);
}

static void add_channel(const work *w, int dipole, double share, v2s_foa_distance *sum) {
    double signal = 0, noise = 0;
    for (size_t i = 0; i < w->chunk; i++) {
        double t = w->channel[0][i], d = w->channel[1][i] - t;
        signal += t * t;
        noise += d * d;
    }
    sum->stft[dipole] += share * stft_distance(w);
    sum->env[dipole] += share * envelope_distance(w);
    sum->lsd_db += share / DIPOLES * mel_distance_db(w);
    sum->mse += share / DIPOLES * 5000 * noise / (double)w->chunk;
    sum->snr_db += share / DIPOLES * 10 * log10((signal + 0.1) / (noise + 0.1));
}

// ---- maps -------------------------------------------------------------------------------------

static void draw(const work *w, const float *foa, double *map) {
    double c[C * C] = {0};
    v2s_covariance_add(C, foa, w->chunk, c);
    for (int i = 0; i < NODES; i++) {
        const double y[C] = {1, w->node[i].y, w->node[i].z, w->node[i].x};
        double sum = 0;
        for (int k = 0; k < C * C; k++)
            sum += y[k / C] * y[k % C] * c[k];
        map[i] = sqrt(fmax(sum, 0) / (double)w->chunk);
    }
}

static v2s_status moved(const work *w, const double *truth, double truth_unit, const double *guess,
                        double guess_unit, double *distance) {
    double t[NODES], g[NODES];
    for (int i = 0; i < NODES; i++) {
        t[i] = truth[i] / truth_unit;
        g[i] = guess[i] / guess_unit;
    }
    return v2s_earth_mover(NODES, w->cost, t, g, distance);
}

static v2s_status add_maps(const work *w, const float *truth, const float *prediction, double share,
                           v2s_foa_distance *sum) {
    double t[NODES], p[NODES], t_sum = 0.01, p_sum = 0.01, plain = 0, normalised = 0;
    draw(w, truth, t);
    draw(w, prediction, p);
    for (int i = 0; i < NODES; i++) {
        t_sum += t[i];
        p_sum += p[i];
    }
    V2S_TRY(moved(w, t, NODES, p, NODES, &plain));
    V2S_TRY(moved(w, t, t_sum, p, p_sum, &normalised));
    sum->emd += share * plain;
    sum->emd_norm += share * normalised;
    return V2S_OK;
}

// ---- all chunks -------------------------------------------------------------------------------

static void take_channel(const work *w, const float *foa, int channel, double *out) {
    for (size_t i = 0; i < w->chunk; i++)
        out[i] = (double)foa[i * C + (size_t)channel];
}

static v2s_status add_chunks(work *w, size_t count, const float *truth, const float *prediction,
                             bool with_emd, v2s_foa_distance *sum) {
    double share = 1.0 / (double)count;
    for (size_t i = 0; i < count; i++) {
        const float *t = truth + i * w->chunk * C, *p = prediction + i * w->chunk * C;
        V2S_TRY(v2s_cancel_check());
        for (int d = 0; d < DIPOLES; d++) {
            take_channel(w, t, d + 1, w->channel[0]);
            take_channel(w, p, d + 1, w->channel[1]);
            add_channel(w, d, share, sum);
        }
        if (with_emd)
            V2S_TRY(add_maps(w, t, p, share, sum));
    }
    return V2S_OK;
}

v2s_status v2s_foa_distance_measure(double rate_hz, size_t frames, const float *truth,
                                    const float *prediction, bool with_emd,
                                    v2s_foa_distance *distance) {
    work w;
    if (!(rate_hz >= 4e3 && rate_hz <= 4e5))
        return V2S_FAIL(V2S_ARG, "M10: expected a rate of 4 to 400 kHz, found %g Hz", rate_hz);
    V2S_TRY(work_open(rate_hz, &w));
    size_t count = frames / w.chunk;
    v2s_status status = V2S_OK;
    *distance = (v2s_foa_distance){.emd = with_emd ? 0 : NAN, .emd_norm = with_emd ? 0 : NAN};
    if (count == 0)
        status =
            V2S_FAIL(V2S_FORMAT, "too short for M10: %zu samples, expected %zu", frames, w.chunk);
    else
        status = add_chunks(&w, count, truth, prediction, with_emd, distance);
    work_close(&w);
    return status;
}
