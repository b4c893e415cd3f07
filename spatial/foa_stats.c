// SPDX-License-Identifier: MIT
#include "spatial/foa_stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fft.h"
#include "spatial/erb_stft.h"

enum { BLOCK = 8, CHANNELS = V2S_FOA_CHANNELS };

// The numbers of a 4x4 Hermitian matrix: its diagonal, then the six pairs below.
enum { PAIRS = 6, NUMBERS = CHANNELS + 2 * PAIRS, RE = CHANNELS, IM = CHANNELS + PAIRS };

typedef double matrix[NUMBERS];

// One block over all bands.
typedef struct moment {
    double energy_w;
    v2s_vec3 intensity;
} moment;

// One sound on its way through the clip.
typedef struct signal {
    const float *foa;
    v2s_lanes_bin *spectrum;            // of the present frame, [bins]
    v2s_lanes_sums sums[V2S_ERB_BANDS]; // of the present block
    matrix block[V2S_ERB_BANDS], clip[V2S_ERB_BANDS];
    double lsd, diffuseness, level, covariance; // sums against the truth
    moment *moments;                            // of the blocks so far; NULL: not kept
    size_t blocks;
} signal;

struct v2s_foa_stats {
    v2s_erb_stft *stft;
    v2s_lanes4 *magnitude; // of the truth, present frame, [bins]
};

v2s_status v2s_foa_stats_open(double rate_hz, v2s_foa_stats **stats) {
    v2s_foa_stats *s = calloc(1, sizeof *s);
    if (s == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = v2s_erb_stft_open(rate_hz, &s->stft);
    if (status == V2S_OK)
        s->magnitude = v2s_fft_alloc((size_t)s->stft->bins, sizeof *s->magnitude);
    if (status == V2S_OK && s->magnitude == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status != V2S_OK) {
        v2s_foa_stats_close(&s);
        return status;
    }
    *stats = s;
    return V2S_OK;
}

void v2s_foa_stats_close(v2s_foa_stats **stats) {
    v2s_foa_stats *s = *stats;
    if (s == NULL)
        return;
    v2s_fft_free(s->magnitude);
    v2s_erb_stft_close(&s->stft);
    free(s);
    *stats = NULL;
}

// ---- sums -------------------------------------------------------------------------------------

// Signals with their spectra, [count]; NULL without memory.
static signal *signals_open(const v2s_foa_stats *s, size_t count) {
    size_t bins = (size_t)s->stft->bins;
    signal *signals = v2s_fft_alloc(count, sizeof *signals);
    v2s_lanes_bin *spectra = v2s_fft_alloc(count * bins, sizeof *spectra);
    if (signals == NULL || spectra == NULL) {
        v2s_fft_free(signals);
        v2s_fft_free(spectra);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        signals[i].spectrum = spectra + i * bins;
    return signals;
}

static void signals_close(signal *signals) {
    if (signals != NULL)
        v2s_fft_free(signals[0].spectrum);
    v2s_fft_free(signals);
}

static void add_frame(v2s_erb_stft *stft, size_t t, signal *g) {
    v2s_erb_stft_four(stft, g->foa, t, g->spectrum);
    stft->ops->collect(stft->band_bins, stft->low, stft->rise, g->spectrum, V2S_ERB_BANDS, g->sums);
}

// Pairs 01, 02, 03, 12, 13, 23; lane 3 of `next` is the pair 30.
static void matrix_of(const v2s_lanes_sums *s, matrix m) {
    const double re[PAIRS] = {s->next_re[0], s->across_re[0], s->next_re[3],
                              s->next_re[1], s->across_re[1], s->next_re[2]};
    const double im[PAIRS] = {s->next_im[0], s->across_im[0], -s->next_im[3],
                              s->next_im[1], s->across_im[1], s->next_im[2]};
    for (int c = 0; c < CHANNELS; c++)
        m[c] = s->own[c];
    memcpy(m + RE, re, sizeof re);
    memcpy(m + IM, im, sizeof im);
}

static v2s_vec3 intensity_of(const matrix m) {
    return (v2s_vec3){m[RE + 2], m[RE], m[RE + 1]};
}

static moment moment_of(const matrix *bands) {
    moment sum = {0, {0, 0, 0}};
    for (int b = 0; b < V2S_ERB_BANDS; b++) {
        v2s_vec3 i = intensity_of(bands[b]);
        sum.energy_w += bands[b][0];
        sum.intensity.x += i.x;
        sum.intensity.y += i.y;
        sum.intensity.z += i.z;
    }
    return sum;
}

// Moves the block's sums to `block` and adds them to `clip`.
static void end_block(signal *g) {
    for (int b = 0; b < V2S_ERB_BANDS; b++) {
        matrix_of(&g->sums[b], g->block[b]);
        for (int i = 0; i < NUMBERS; i++)
            g->clip[b][i] += g->block[b][i];
    }
    memset(g->sums, 0, sizeof g->sums);
    if (g->moments != NULL)
        g->moments[g->blocks++] = moment_of((const matrix *)g->block);
}

// ---- differences ------------------------------------------------------------------------------

static double dipoles(const matrix m) {
    return m[1] + m[2] + m[3];
}

static double diffuseness(const matrix m) {
    double energy = m[0] + dipoles(m);
    return energy > 0 ? 1 - 2 * v2s_norm(intensity_of(m)) / energy : 1;
}

static double level_difference_db(const matrix p, const matrix t) {
    double ep = dipoles(p), et = dipoles(t);
    if (ep == et)
        return 0;
    double most = V2S_LEVEL_DIFFERENCE_MAX_DB;
    return fmax(-most, fmin(most, 10 * log10(ep / et)));
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
        g->level += t[0] * fabs(level_difference_db(p, t));
        g->covariance += t[0] * sqrt(norm2(d) / norm2(t));
    }
}

static double angle_deg(v2s_vec3 a, v2s_vec3 b) {
    if (!(v2s_norm(a) > 0) || !(v2s_norm(b) > 0))
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
        level += t[0] * fabs(level_difference_db(p, t));
    }
    double cells = 3.0 * (double)count * stft->bins;
    return (v2s_foa_scores){.diffuseness = diffuse / weight,
                            .level = level / weight,
                            .lsd = 20 / log(10) * sqrt(g->lsd / cells),
                            .direction =
                                angle_deg(moment_of((const matrix *)g->clip).intensity,
                                          moment_of((const matrix *)truth->clip).intensity),
                            .diffuseness_block = g->diffuseness / weight,
                            .level_block = g->level / weight,
                            .covariance = g->covariance / weight};
}

// Rms over frames and bins of |S_W|, by Parseval:
//   sum_{k=0..n/2} |S_k|^2 = (n sum_i (h_i x_i)^2 + S_0^2 + S_{n/2}^2) / 2
static double rms_w(const v2s_erb_stft *stft, size_t count, const float *foa) {
    double sum = 0;
    for (size_t t = 0; t < count; t++) {
        const float *x = foa + t * (size_t)stft->hop * CHANNELS;
        double squares = 0, even = 0, odd = 0;
        for (int i = 0; i < stft->n; i += 2) {
            double a = stft->window[i] * (double)x[CHANNELS * i];
            double b = stft->window[i + 1] * (double)x[CHANNELS * (i + 1)];
            squares += a * a + b * b;
            even += a;
            odd += b;
        }
        sum += 0.5 * stft->n * squares + even * even + odd * odd;
    }
    return sqrt(sum / ((double)count * stft->bins));
}

static v2s_status check_length(const v2s_erb_stft *stft, size_t frames) {
    if (v2s_erb_stft_count(stft, frames) > 0)
        return V2S_OK;
    return V2S_FAIL(V2S_FORMAT, "too short for spatial statistics: %zu samples, expected %d",
                    frames, stft->n);
}

// Signal 0 is the truth.
static void walk(v2s_foa_stats *stats, size_t count, double floor_magnitude, signal *signals,
                 size_t predictions) {
    v2s_erb_stft *stft = stats->stft;
    for (size_t t = 0; t < count; t++) {
        for (size_t i = 0; i <= predictions; i++)
            add_frame(stft, t, &signals[i]);
        if (predictions > 0)
            stft->ops->magnitudes(stft->bins, signals[0].spectrum, floor_magnitude,
                                  stats->magnitude);
        for (size_t i = 1; i <= predictions; i++)
            signals[i].lsd += stft->ops->log_distance(stft->bins, signals[i].spectrum,
                                                      floor_magnitude, stats->magnitude);
        if ((t + 1) % BLOCK != 0 && t + 1 != count)
            continue;
        for (size_t i = 0; i <= predictions; i++)
            end_block(&signals[i]);
        for (size_t i = 1; i <= predictions; i++)
            add_block_differences(&signals[0], &signals[i]);
    }
}

static v2s_status check_truth(const signal *truth) {
    if (moment_of((const matrix *)truth->clip).energy_w > 0)
        return V2S_OK;
    return V2S_FAIL(V2S_FORMAT, "W of the truth is silent");
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
    walk(stats, t_count, 1e-3 * rms_w(stats->stft, t_count, truth), signals, count);
    v2s_status status = check_truth(&signals[0]);
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
    walk(stats, v2s_erb_stft_count(stats->stft, frames), 0, g, 0);
    moment sum = moment_of((const matrix *)g->clip);
    *summary = (v2s_foa_summary){.energy_w = sum.energy_w, .intensity = sum.intensity};
    for (int b = 0; b < V2S_ERB_BANDS; b++)
        summary->energy_dipoles += dipoles(g->clip[b]);
    signals_close(g);
    return V2S_OK;
}

// ---- detail -----------------------------------------------------------------------------------

static void describe_bands(const v2s_erb_stft *stft, const signal *truth, const signal *prediction,
                           v2s_foa_band *bands) {
    double all = moment_of((const matrix *)truth->clip).energy_w;
    for (int b = 0; b < V2S_ERB_BANDS; b++) {
        const double *p = prediction->clip[b], *t = truth->clip[b];
        bands[b] = (v2s_foa_band){.centre_hz = v2s_erb_stft_centre_hz(stft, b),
                                  .share = t[0] / all,
                                  .diffuseness_truth = diffuseness(t),
                                  .diffuseness_prediction = diffuseness(p),
                                  .level_db = level_difference_db(p, t),
                                  .direction_deg = angle_deg(intensity_of(p), intensity_of(t))};
    }
}

static void describe_blocks(const v2s_erb_stft *stft, size_t count, const signal *truth,
                            const signal *prediction, v2s_foa_detail *detail) {
    double loudest = 0;
    for (size_t i = 0; i < detail->block_count; i++) {
        size_t first = i * BLOCK, end = first + BLOCK < count ? first + BLOCK : count;
        double middle = 0.5 * ((double)(first + end - 1) * stft->hop + stft->n);
        double mean = truth->moments[i].energy_w / (double)(end - first);
        loudest = fmax(loudest, mean);
        detail->blocks[i] = (v2s_foa_block){.time_s = middle / stft->rate_hz,
                                            .level_db = 10 * log10(mean),
                                            .truth = truth->moments[i].intensity,
                                            .prediction = prediction->moments[i].intensity};
    }
    for (size_t i = 0; i < detail->block_count; i++)
        detail->blocks[i].level_db -= 10 * log10(loudest);
}

v2s_status v2s_foa_stats_detail(v2s_foa_stats *stats, size_t frames, const float *truth,
                                const float *prediction, v2s_foa_detail *detail) {
    V2S_TRY(check_length(stats->stft, frames));
    size_t count = v2s_erb_stft_count(stats->stft, frames), blocks = (count + BLOCK - 1) / BLOCK;
    signal *signals = signals_open(stats, 2);
    moment *moments = calloc(2 * blocks, sizeof *moments);
    *detail = (v2s_foa_detail){.block_count = blocks};
    detail->blocks = calloc(blocks, sizeof *detail->blocks);
    v2s_status status = V2S_OK;
    if (signals == NULL || moments == NULL || detail->blocks == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK) {
        signals[0].foa = truth;
        signals[1].foa = prediction;
        signals[0].moments = moments;
        signals[1].moments = moments + blocks;
        walk(stats, count, 1e-3 * rms_w(stats->stft, count, truth), signals, 1);
        status = check_truth(&signals[0]);
    }
    if (status == V2S_OK) {
        describe_bands(stats->stft, &signals[0], &signals[1], detail->bands);
        describe_blocks(stats->stft, count, &signals[0], &signals[1], detail);
    } else {
        v2s_foa_detail_free(detail);
    }
    free(moments);
    signals_close(signals);
    return status;
}

void v2s_foa_detail_free(v2s_foa_detail *detail) {
    free(detail->blocks);
    detail->blocks = NULL;
    detail->block_count = 0;
}

double v2s_foa_directness(const v2s_foa_summary *summary) {
    double energy = summary->energy_w + summary->energy_dipoles;
    return energy > 0 ? 2 * v2s_norm(summary->intensity) / energy : 0;
}
