// SPDX-License-Identifier: MIT
#include "spatial/ear_stats.h"

#include <math.h>
#include <stdlib.h>

#include "spatial/conventions.h"

enum { LAGS = 48 }; // to either side

#define LAG_STEP_S (1.0 / 48000)
#define ILD_MAX_DB 60.0
#define FAINT 1e-6

// Sums over time of one bin.
typedef struct cell {
    double left, right, re, im; // |L|^2, |R|^2, L R^*
} cell;

static void add_frame(const v2s_complex *l, const v2s_complex *r, int bins, cell *cells) {
    for (int k = 0; k < bins; k++) {
        double lr = (double)l[k].re, li = (double)l[k].im, rr = (double)r[k].re,
               ri = (double)r[k].im;
        cells[k].left += lr * lr + li * li;
        cells[k].right += rr * rr + ri * ri;
        cells[k].re += lr * rr + li * ri;
        cells[k].im += li * rr - lr * ri;
    }
}

static double share(const v2s_erb_stft *stft, int k, int band) {
    if (stft->low[k] == band)
        return stft->rise[k];
    return stft->low[k] - 1 == band ? 1 - stft->rise[k] : 0;
}

// Largest |sum_k w_k Re(S_k exp(i w_k tau))| of a band over all lags.
static double largest_correlation(const v2s_erb_stft *stft, const cell *cells, int band) {
    double best = 0, sum[2 * LAGS + 1] = {0};
    for (int k = 0; k < stft->band_bins; k++) {
        double weight = share(stft, k, band);
        if (weight <= 0)
            continue;
        double turn = 2 * V2S_PI * k * stft->rate_hz / stft->n * LAG_STEP_S;
        for (int lag = -LAGS; lag <= LAGS; lag++)
            sum[lag + LAGS] +=
                weight * (cells[k].re * cos(turn * lag) - cells[k].im * sin(turn * lag));
    }
    for (int i = 0; i <= 2 * LAGS; i++)
        best = fmax(best, fabs(sum[i]));
    return best;
}

static void measure_band(const v2s_erb_stft *stft, const cell *cells, int band, v2s_ear_bands *b) {
    double left = 0, right = 0;
    for (int k = 0; k < stft->band_bins; k++) {
        left += share(stft, k, band) * cells[k].left;
        right += share(stft, k, band) * cells[k].right;
    }
    b->energy[band] = left + right;
    b->ild_db[band] = left == right ? 0 : 10 * log10(left / right);
    b->ild_db[band] = fmax(-ILD_MAX_DB, fmin(ILD_MAX_DB, b->ild_db[band]));
    b->iacc[band] =
        left > 0 && right > 0 ? largest_correlation(stft, cells, band) / sqrt(left * right) : 0;
}

v2s_status v2s_ear_bands_measure(v2s_erb_stft *stft, size_t frames, const float *stereo,
                                 v2s_ear_bands *bands) {
    size_t count = v2s_erb_stft_count(stft, frames), bins = (size_t)stft->bins;
    if (count == 0)
        return V2S_FAIL(V2S_FORMAT, "too short for spatial statistics: %zu samples, expected %d",
                        frames, stft->n);
    v2s_complex *left = v2s_fft_alloc(bins, sizeof *left);
    v2s_complex *right = v2s_fft_alloc(bins, sizeof *right);
    cell *cells = calloc(bins, sizeof *cells);
    v2s_status status = V2S_OK;
    if (left == NULL || right == NULL || cells == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t t = 0; status == V2S_OK && t < count; t++) {
        v2s_erb_stft_frame(stft, stereo, 2, 0, t, left);
        v2s_erb_stft_frame(stft, stereo, 2, 1, t, right);
        add_frame(left, right, stft->band_bins, cells);
    }
    for (int b = 0; status == V2S_OK && b < V2S_ERB_BANDS; b++)
        measure_band(stft, cells, b, bands);
    free(cells);
    v2s_fft_free(right);
    v2s_fft_free(left);
    return status;
}

v2s_ear_scores v2s_ear_bands_compare(const v2s_ear_bands *truth, const v2s_ear_bands *prediction) {
    v2s_ear_scores s = {0, 0};
    double loudest = 0;
    int used = 0;
    for (int b = 0; b < V2S_ERB_BANDS; b++)
        loudest = fmax(loudest, truth->energy[b]);
    for (int b = 0; b < V2S_ERB_BANDS; b++) {
        if (!(truth->energy[b] > FAINT * loudest))
            continue;
        s.iacc += fabs(prediction->iacc[b] - truth->iacc[b]);
        s.ild += fabs(prediction->ild_db[b] - truth->ild_db[b]);
        used++;
    }
    s.iacc /= used; // 0 / 0 where the truth is silent
    s.ild /= used;
    return s;
}
