// SPDX-License-Identifier: MIT
#include "spatial/ear_stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fft.h"
#include "spatial/conventions.h"

enum { BLOCK = 8 };
enum { LAGS = 48, STEPS = LAGS + 1 }; // to either side; with the lag 0

#define LAG_STEP_S (1.0 / 48000)
#define ILD_MAX_DB 60.0
#define ITD_TOP_HZ 1500.0
#define FAINT 1e-6

// Sums over time of one bin.
typedef struct cell {
    double left, right, re, im; // |L|^2, |R|^2, L R^*
} cell;

// [bins][STEPS] cos and sin of w_k tau.
typedef struct lags {
    double *cosine, *sine;
} lags;

typedef struct work {
    const v2s_erb_stft *stft;
    v2s_lanes_bin *spectrum; // [bins]
    cell *block, *clip;      // [band_bins]
    lags turn;
} work;

static void work_close(work *w) {
    v2s_fft_free(w->spectrum);
    free(w->block);
    free(w->clip);
    free(w->turn.cosine);
    free(w->turn.sine);
}

static v2s_status work_open(const v2s_erb_stft *stft, work *w) {
    size_t bins = (size_t)stft->band_bins;
    *w = (work){
        .stft = stft,
        .spectrum = v2s_fft_alloc((size_t)stft->bins, sizeof *w->spectrum),
        .block = calloc(bins, sizeof *w->block),
        .clip = calloc(bins, sizeof *w->clip),
        .turn = {malloc(bins * STEPS * sizeof(double)), malloc(bins * STEPS * sizeof(double))}};
    if (!w->spectrum || !w->block || !w->clip || !w->turn.cosine || !w->turn.sine) {
        work_close(w);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    for (size_t k = 0; k < bins; k++)
        for (size_t i = 0; i < STEPS; i++) {
            double turn = 2 * V2S_PI * (double)k * stft->rate_hz / stft->n * LAG_STEP_S;
            w->turn.cosine[k * STEPS + i] = cos(turn * (double)i);
            w->turn.sine[k * STEPS + i] = sin(turn * (double)i);
        }
    return V2S_OK;
}

// Lanes 0 and 1 are one frame, 2 and 3 the next.
static void add_frames(const v2s_lanes_bin *x, int bins, int frames, cell *cells) {
    for (int k = 0; k < bins; k++)
        for (int f = 0; f < 2 * frames; f += 2) {
            double lr = x[k].re[f], li = x[k].im[f], rr = x[k].re[f + 1], ri = x[k].im[f + 1];
            cells[k].left += lr * lr + li * li;
            cells[k].right += rr * rr + ri * ri;
            cells[k].re += lr * rr + li * ri;
            cells[k].im += li * rr - lr * ri;
        }
}

// ---- correlation ------------------------------------------------------------------------------

// Re(c exp(i w tau)) at the lags tau = i and -i: c.re cos -+ c.im sin. The two sums are kept apart.
typedef struct correlation {
    double even[STEPS], odd[STEPS];
} correlation;

static void add_bin(const lags *turn, size_t k, double re, double im, correlation *sum) {
    const double *cosine = turn->cosine + k * STEPS, *sine = turn->sine + k * STEPS;
    for (int i = 0; i < STEPS; i++) {
        sum->even[i] += re * cosine[i];
        sum->odd[i] += im * sine[i];
    }
}

static double at_lag(const correlation *c, int lag) {
    return lag >= 0 ? c->even[lag] - c->odd[lag] : c->even[-lag] + c->odd[-lag];
}

// ---- bands ------------------------------------------------------------------------------------

static double share(const v2s_erb_stft *stft, int k, int band) {
    if (stft->low[k] == band)
        return stft->rise[k];
    return stft->low[k] - 1 == band ? 1 - stft->rise[k] : 0;
}

static void measure_band(const work *w, int band, v2s_ear_bands *b) {
    double left = 0, right = 0, best = 0;
    correlation sum = {{0}, {0}};
    for (int k = 0; k < w->stft->band_bins; k++) {
        double weight = share(w->stft, k, band);
        if (weight <= 0)
            continue;
        left += weight * w->clip[k].left;
        right += weight * w->clip[k].right;
        add_bin(&w->turn, (size_t)k, weight * w->clip[k].re, weight * w->clip[k].im, &sum);
    }
    for (int lag = -LAGS; lag <= LAGS; lag++)
        best = fmax(best, fabs(at_lag(&sum, lag)));
    b->energy[band] = left + right;
    b->ild_db[band] = left == right ? 0 : 10 * log10(left / right);
    b->ild_db[band] = fmax(-ILD_MAX_DB, fmin(ILD_MAX_DB, b->ild_db[band]));
    b->iacc[band] = left > 0 && right > 0 ? best / sqrt(left * right) : 0;
}

// ---- blocks -----------------------------------------------------------------------------------

// Adds the phases of the bins that count; false where there is none.
static bool add_phases(const work *w, correlation *sum) {
    int top = (int)floor(ITD_TOP_HZ * w->stft->n / w->stft->rate_hz);
    double loudest = 0;
    bool any = false;
    for (int k = 1; k <= top; k++)
        loudest = fmax(loudest, w->block[k].left + w->block[k].right);
    for (int k = 1; k <= top; k++) {
        const cell *c = &w->block[k];
        double size = hypot(c->re, c->im);
        if (!(size > 0) || !(c->left + c->right > FAINT * loudest))
            continue;
        add_bin(&w->turn, (size_t)k, c->re / size, c->im / size, sum);
        any = true;
    }
    return any;
}

static double itd_us(const work *w) {
    correlation sum = {{0}, {0}};
    int best = 0;
    double shift = 0;
    if (!add_phases(w, &sum))
        return NAN;
    for (int i = 1; i <= LAGS; i++) // from the middle: the nearest of equal ones
        for (int lag = -i; lag <= i; lag += 2 * i)
            best = at_lag(&sum, lag) > at_lag(&sum, best) ? lag : best;
    if (abs(best) < LAGS) {
        double before = at_lag(&sum, best - 1), after = at_lag(&sum, best + 1);
        double bend = before - 2 * at_lag(&sum, best) + after;
        shift = bend < 0 ? 0.5 * (before - after) / bend : 0;
    }
    return 1e6 * LAG_STEP_S * (best + shift);
}

static void end_block(work *w, v2s_ear_block *block) {
    *block = (v2s_ear_block){0, NAN};
    for (int k = 0; k < w->stft->band_bins; k++) {
        const cell *c = &w->block[k];
        block->energy += c->left + c->right;
        w->clip[k].left += c->left;
        w->clip[k].right += c->right;
        w->clip[k].re += c->re;
        w->clip[k].im += c->im;
    }
    block->itd_us = itd_us(w);
    memset(w->block, 0, (size_t)w->stft->band_bins * sizeof *w->block);
}

v2s_status v2s_ear_bands_measure(v2s_erb_stft *stft, size_t frames, const float *stereo,
                                 v2s_ear_bands *bands) {
    size_t count = v2s_erb_stft_count(stft, frames);
    *bands = (v2s_ear_bands){.block_count = (count + BLOCK - 1) / BLOCK};
    if (count == 0)
        return V2S_FAIL(V2S_FORMAT, "too short for spatial statistics: %zu samples, expected %d",
                        frames, stft->n);
    work w;
    V2S_TRY(work_open(stft, &w));
    bands->blocks = calloc(bands->block_count, sizeof *bands->blocks);
    if (bands->blocks == NULL) {
        work_close(&w);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    for (size_t t = 0; t < count; t += 2) { // a block holds an even number of frames
        bool one = t + 1 == count;
        v2s_erb_stft_two(stft, stereo, t, one, w.spectrum);
        add_frames(w.spectrum, stft->band_bins, one ? 1 : 2, w.block);
        if ((t + 2) % BLOCK == 0 || t + 2 >= count)
            end_block(&w, &bands->blocks[t / BLOCK]);
    }
    for (int b = 0; b < V2S_ERB_BANDS; b++)
        measure_band(&w, b, bands);
    work_close(&w);
    return V2S_OK;
}

void v2s_ear_bands_free(v2s_ear_bands *bands) {
    free(bands->blocks);
    bands->blocks = NULL;
    bands->block_count = 0;
}

// ---- differences ------------------------------------------------------------------------------

static double compare_blocks(const v2s_ear_bands *truth, const v2s_ear_bands *prediction) {
    double loudest = 0, weight = 0, sum = 0;
    V2S_ASSERT(truth->block_count == prediction->block_count);
    for (size_t i = 0; i < truth->block_count; i++)
        loudest = fmax(loudest, truth->blocks[i].energy);
    for (size_t i = 0; i < truth->block_count; i++) {
        const v2s_ear_block *t = &truth->blocks[i], *p = &prediction->blocks[i];
        if (!(t->energy > FAINT * loudest) || isnan(t->itd_us) || isnan(p->itd_us))
            continue;
        weight += t->energy;
        sum += t->energy * fabs(p->itd_us - t->itd_us);
    }
    return sum / weight; // 0 / 0 where no block has both
}

v2s_ear_scores v2s_ear_bands_compare(const v2s_ear_bands *truth, const v2s_ear_bands *prediction) {
    v2s_ear_scores s = {0, 0, compare_blocks(truth, prediction)};
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
