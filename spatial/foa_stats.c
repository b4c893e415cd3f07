// SPDX-License-Identifier: MIT
#include "spatial/foa_stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/erb_stft.h"

enum { BLOCK = 8, CHANNELS = V2S_FOA_CHANNELS };

// The numbers of a 4x4 Hermitian matrix: its diagonal, then the six pairs below.
enum { PAIRS = 6, NUMBERS = CHANNELS + 2 * PAIRS, RE = CHANNELS, IM = CHANNELS + PAIRS };
static const int PAIR[PAIRS][2] = {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}};

typedef double matrix[NUMBERS];

// One sound on its way through the clip.
typedef struct signal {
    const float *foa;
    v2s_complex *spectrum[CHANNELS]; // of the present frame, [bins]
    matrix block[V2S_ERB_BANDS], clip[V2S_ERB_BANDS];
    double lsd, diffuseness, level, covariance; // sums against the truth
} signal;

struct v2s_foa_stats {
    v2s_erb_stft *stft;
};

v2s_status v2s_foa_stats_open(double rate_hz, v2s_foa_stats **stats) {
    v2s_foa_stats *s = calloc(1, sizeof *s);
    if (s == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = v2s_erb_stft_open(rate_hz, &s->stft);
    if (status != V2S_OK) {
        free(s);
        return status;
    }
    *stats = s;
    return V2S_OK;
}

void v2s_foa_stats_close(v2s_foa_stats **stats) {
    v2s_foa_stats *s = *stats;
    if (s == NULL)
        return;
    v2s_erb_stft_close(&s->stft);
    free(s);
    *stats = NULL;
}

// ---- sums -------------------------------------------------------------------------------------

// Signals with their spectra, [count]; NULL without memory.
static signal *signals_open(const v2s_foa_stats *s, size_t count) {
    size_t stride = ((size_t)s->stft->bins + 15) / 16 * 16; // keeps every spectrum aligned
    signal *signals = calloc(count, sizeof *signals);
    v2s_complex *spectra = v2s_fft_alloc(count * CHANNELS * stride, sizeof *spectra);
    if (signals == NULL || spectra == NULL) {
        free(signals);
        v2s_fft_free(spectra);
        return NULL;
    }
    for (size_t i = 0; i < count * CHANNELS; i++)
        signals[i / CHANNELS].spectrum[i % CHANNELS] = spectra + i * stride;
    return signals;
}

static void signals_close(signal *signals) {
    if (signals != NULL)
        v2s_fft_free(signals[0].spectrum[0]);
    free(signals);
}

static void add_scaled(matrix sum, double weight, const matrix m) {
    for (int i = 0; i < NUMBERS; i++)
        sum[i] += weight * m[i];
}

// S S^H of one bin.
static void outer(const signal *g, int k, matrix m) {
    for (int c = 0; c < CHANNELS; c++) {
        double re = (double)g->spectrum[c][k].re, im = (double)g->spectrum[c][k].im;
        m[c] = re * re + im * im;
    }
    for (int p = 0; p < PAIRS; p++) {
        v2s_complex a = g->spectrum[PAIR[p][0]][k], b = g->spectrum[PAIR[p][1]][k];
        m[RE + p] = (double)a.re * (double)b.re + (double)a.im * (double)b.im;
        m[IM + p] = (double)a.im * (double)b.re - (double)a.re * (double)b.im;
    }
}

static void add_frame(v2s_erb_stft *stft, size_t t, signal *g) {
    for (int c = 0; c < CHANNELS; c++)
        v2s_erb_stft_frame(stft, g->foa, CHANNELS, c, t, g->spectrum[c]);
    for (int k = 0; k < stft->band_bins; k++) {
        matrix m;
        int low = stft->low[k];
        outer(g, k, m);
        if (low < V2S_ERB_BANDS)
            add_scaled(g->block[low], stft->rise[k], m);
        if (low > 0)
            add_scaled(g->block[low - 1], 1 - stft->rise[k], m);
    }
}

static void end_block(signal *g) {
    for (int b = 0; b < V2S_ERB_BANDS; b++)
        add_scaled(g->clip[b], 1, g->block[b]);
    memset(g->block, 0, sizeof g->block);
}

// ---- differences ------------------------------------------------------------------------------

static double dipoles(const matrix m) {
    return m[1] + m[2] + m[3];
}

static double intensity(const matrix m) {
    return sqrt(m[RE] * m[RE] + m[RE + 1] * m[RE + 1] + m[RE + 2] * m[RE + 2]);
}

static double diffuseness(const matrix m) {
    double energy = m[0] + dipoles(m);
    return energy > 0 ? 1 - 2 * intensity(m) / energy : 1;
}

static double level_difference_db(const matrix p, const matrix t) {
    double ep = dipoles(p), et = dipoles(t);
    if (ep == et)
        return 0;
    return fmin(fabs(10 * log10(ep / et)), V2S_LEVEL_DIFFERENCE_MAX_DB);
}

static double norm2(const matrix m) {
    double sum = 0;
    for (int i = 0; i < NUMBERS; i++)
        sum += (i < CHANNELS ? 1 : 2) * m[i] * m[i];
    return sum;
}

static void add_block_differences(const signal *truth, signal *g) {
    for (int b = 0; b < V2S_ERB_BANDS; b++) {
        const double *p = g->block[b], *t = truth->block[b];
        matrix d;
        if (t[0] <= 0)
            continue;
        for (int i = 0; i < NUMBERS; i++)
            d[i] = p[i] - t[i];
        g->diffuseness += t[0] * fabs(diffuseness(p) - diffuseness(t));
        g->level += t[0] * level_difference_db(p, t);
        g->covariance += t[0] * sqrt(norm2(d) / norm2(t));
    }
}

// sum over Y,Z,X and bins of (ln((|p| + f) / (|t| + f)))^2
static double log_spectral_sum(const v2s_erb_stft *stft, const signal *p, const signal *t,
                               float floor_magnitude) {
    double sum = 0;
    for (int c = 1; c < CHANNELS; c++)
        for (int k = 0; k < stft->bins; k++) {
            v2s_complex a = p->spectrum[c][k], b = t->spectrum[c][k];
            float ma = sqrtf(a.re * a.re + a.im * a.im) + floor_magnitude;
            float mb = sqrtf(b.re * b.re + b.im * b.im) + floor_magnitude;
            double d = (double)logf(ma / mb);
            sum += d * d;
        }
    return sum;
}

static v2s_vec3 total_intensity(const signal *g) {
    v2s_vec3 i = {0, 0, 0};
    for (int b = 0; b < V2S_ERB_BANDS; b++) {
        i.y += g->clip[b][RE];
        i.z += g->clip[b][RE + 1];
        i.x += g->clip[b][RE + 2];
    }
    return i;
}

static double direction_difference_deg(const signal *p, const signal *t) {
    v2s_vec3 a = total_intensity(p), b = total_intensity(t);
    if (v2s_norm(a) <= 0 || v2s_norm(b) <= 0)
        return NAN;
    return v2s_deg(v2s_angle_between_rad(a, b));
}

static v2s_foa_scores scores_of(const v2s_erb_stft *stft, size_t count, const signal *truth,
                                const signal *g) {
    double weight = 0, diffuse = 0, level = 0;
    for (int b = 0; b < V2S_ERB_BANDS; b++) {
        const double *p = g->clip[b], *t = truth->clip[b];
        weight += t[0];
        diffuse += t[0] * fabs(diffuseness(p) - diffuseness(t));
        level += t[0] * level_difference_db(p, t);
    }
    double cells = 3.0 * (double)count * stft->bins;
    return (v2s_foa_scores){.diffuseness = diffuse / weight,
                            .level = level / weight,
                            .lsd = 20 / log(10) * sqrt(g->lsd / cells),
                            .direction = direction_difference_deg(g, truth),
                            .diffuseness_block = g->diffuseness / weight,
                            .level_block = g->level / weight,
                            .covariance = g->covariance / weight};
}

// rms over frames and bins of |S_W|.
static double rms_w(v2s_erb_stft *stft, size_t count, const signal *g) {
    double sum = 0;
    for (size_t t = 0; t < count; t++) {
        v2s_erb_stft_frame(stft, g->foa, CHANNELS, V2S_ACN_W, t, g->spectrum[0]);
        for (int k = 0; k < stft->bins; k++) {
            double re = (double)g->spectrum[0][k].re, im = (double)g->spectrum[0][k].im;
            sum += re * re + im * im;
        }
    }
    return sqrt(sum / ((double)count * stft->bins));
}

static v2s_status check_length(const v2s_erb_stft *stft, size_t frames) {
    if (v2s_erb_stft_count(stft, frames) > 0)
        return V2S_OK;
    return V2S_FAIL(V2S_FORMAT, "too short for spatial statistics: %zu samples, expected %d",
                    frames, stft->n);
}

static void walk(v2s_erb_stft *stft, size_t count, float floor_magnitude, signal *signals,
                 size_t predictions) {
    for (size_t t = 0; t < count; t++) {
        for (size_t i = 0; i <= predictions; i++)
            add_frame(stft, t, &signals[i]);
        for (size_t i = 1; i <= predictions; i++)
            signals[i].lsd += log_spectral_sum(stft, &signals[i], &signals[0], floor_magnitude);
        if ((t + 1) % BLOCK != 0 && t + 1 != count)
            continue;
        for (size_t i = 1; i <= predictions; i++)
            add_block_differences(&signals[0], &signals[i]);
        for (size_t i = 0; i <= predictions; i++)
            end_block(&signals[i]);
    }
}

v2s_status v2s_foa_stats_compare(v2s_foa_stats *stats, size_t frames, const float *truth,
                                 const float *const *predictions, size_t count,
                                 v2s_foa_scores *scores) {
    V2S_TRY(check_length(stats->stft, frames));
    size_t t_count = v2s_erb_stft_count(stats->stft, frames);
    signal *signals = signals_open(stats, count + 1);
    if (signals == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    signals[0].foa = truth; // predictions follow
    for (size_t i = 0; i < count; i++)
        signals[i + 1].foa = predictions[i];
    v2s_status status = V2S_OK;
    double rms = rms_w(stats->stft, t_count, &signals[0]), energy = 0;
    walk(stats->stft, t_count, (float)(1e-3 * rms), signals, count);
    for (int b = 0; b < V2S_ERB_BANDS; b++)
        energy += signals[0].clip[b][0];
    if (!(energy > 0) || !((float)(1e-3 * rms) > 0))
        status = V2S_FAIL(V2S_FORMAT, "W of the truth is silent");
    for (size_t i = 0; status == V2S_OK && i < count; i++)
        scores[i] = scores_of(stats->stft, t_count, &signals[0], &signals[i + 1]);
    signals_close(signals);
    return status;
}

v2s_status v2s_foa_stats_summary(v2s_foa_stats *stats, size_t frames, const float *foa,
                                 v2s_foa_summary *summary) {
    V2S_TRY(check_length(stats->stft, frames));
    signal *g = signals_open(stats, 1);
    if (g == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    g->foa = foa;
    walk(stats->stft, v2s_erb_stft_count(stats->stft, frames), 0, g, 0);
    *summary = (v2s_foa_summary){.intensity = total_intensity(g)};
    for (int b = 0; b < V2S_ERB_BANDS; b++) {
        summary->energy_w += g->clip[b][0];
        summary->energy_dipoles += dipoles(g->clip[b]);
    }
    signals_close(g);
    return V2S_OK;
}

double v2s_foa_directness(const v2s_foa_summary *summary) {
    double energy = summary->energy_w + summary->energy_dipoles;
    return energy > 0 ? 2 * v2s_norm(summary->intensity) / energy : 0;
}
