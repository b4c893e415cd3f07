// SPDX-License-Identifier: MIT
#include "spatial/foa_tails.h"

#include <math.h>
#include <string.h>

#include "kernels/band_split.h"
#include "kernels/fft.h"

enum { BANDS = V2S_BASIS_BANDS };

#define EVEN_MAX 4.0f // of the gains that even out

// ---- levels of W ------------------------------------------------------------------------------

v2s_status v2s_foa_levels_open(const v2s_foa_basis *b, v2s_foa_levels *out) {
    v2s_foa_levels l = {.basis = b};
    l.ring = v2s_fft_alloc((size_t)(b->history + 1) * BANDS, sizeof *l.ring);
    l.mean = v2s_fft_alloc((size_t)b->segments * BANDS, sizeof *l.mean);
    if (l.ring == NULL || l.mean == NULL) {
        v2s_foa_levels_close(&l);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    *out = l;
    return V2S_OK;
}

void v2s_foa_levels_close(v2s_foa_levels *l) {
    v2s_fft_free(l->ring);
    v2s_fft_free(l->mean);
    *l = (v2s_foa_levels){0};
}

static void running(float memory, const float *now, float *mean) {
    for (int i = 0; i < BANDS; i++)
        mean[i] = memory * mean[i] + (1 - memory) * now[i];
}

void v2s_foa_levels_next(v2s_foa_levels *l, const float *w, float *energy, float *levels) {
    const v2s_foa_basis *b = l->basis;
    int rows = b->history + 1;
    l->newest = (l->newest + 1) % rows;
    b->ops->collect(&b->bands, w, w, b->stride, energy);
    memcpy(l->ring + (size_t)l->newest * BANDS, energy, BANDS * sizeof *energy);
    memcpy(levels, energy, BANDS * sizeof *levels);
    for (int k = 0; k < b->segments; k++) {
        float smeared[BANDS] = {0}, share = 1.0f / (float)(b->first[k + 1] - b->first[k]);
        for (int tap = b->first[k]; tap < b->first[k + 1]; tap++) {
            const float *then =
                l->ring + (size_t)((l->newest - b->delay[tap] + rows) % rows) * BANDS;
            for (int i = 0; i < BANDS; i++)
                smeared[i] += share * then[i];
        }
        running(b->memory, smeared, l->mean + (size_t)k * BANDS);
    }
    memcpy(levels + BANDS, l->mean, (size_t)b->segments * BANDS * sizeof *levels);
}

// ---- steps ------------------------------------------------------------------------------------

// Power of a channel's tail over W's, for isotropic dipoles.
static float wanted_power(const v2s_foa_basis *b, int channel, int k) {
    return channel == V2S_ACN_W ? b->power[k] : b->power[k] / 3;
}

// Takes W's share out of one tail: D -= rho W with rho = Re<W* D> / |W|^2 per band.
static void remove_w(const v2s_foa_basis *b, const float *w, const float *energy, float *tail) {
    float band[BANDS];
    b->ops->collect(&b->bands, w, tail, b->stride, band);
    for (int i = 0; i < BANDS; i++)
        band[i] = energy[i] > 0 ? -band[i] / energy[i] : 0;
    b->ops->mix(&b->bands, band, 1, w, b->stride, tail);
}

void v2s_foa_smear(const v2s_foa_basis *b, int from, int to, const float *w, const float *levels,
                   float *tails, float *energy) {
    size_t row = 2 * (size_t)b->stride;
    for (int k = 0; k < b->segments; k++) {
        int first = b->first[k];
        const int *shift[V2S_FOA_CHANNELS];
        float *out[V2S_FOA_CHANNELS];
        for (int c = from; c < to; c++) {
            shift[c - from] = b->shift[c] + first;
            out[c - from] = tails + ((size_t)(c - from) * b->segments + k) * row;
        }
        b->ops->tail(to - from, b->first[k + 1] - first, b->delay + first, shift,
                     b->noise + (b->whole[k] ? 2 * b->pitch : 0), b->pitch, w, b->stride, out);
        for (int c = 0; c < to - from; c++) {
            remove_w(b, w, levels, out[c]);
            b->ops->collect(&b->bands, out[c], out[c], b->stride,
                            energy + ((size_t)c * b->segments + k) * BANDS);
        }
    }
}

// A tap's noise has power 1: `level` is what makes the sum of the taps as loud as is wanted if they
// have nothing in common, and the running mean corrects it, within limits.
void v2s_foa_even_out(const v2s_foa_basis *b, int channel, const float *energy, const float *levels,
                      float *own, float *even) {
    for (int k = 0; k < b->segments; k++) {
        const float *smeared = levels + (size_t)(1 + k) * BANDS;
        float power = wanted_power(b, channel, k);
        float level2 = power / (float)(b->first[k + 1] - b->first[k]), level = sqrtf(level2);
        running(b->memory, energy + (size_t)k * BANDS, own + (size_t)k * BANDS);
        for (int i = 0; i < BANDS; i++) {
            float mean = level2 * own[k * BANDS + i];
            float gain = mean > 0 ? sqrtf(power * smeared[i] / mean) : 1;
            even[k * BANDS + i] = level * fminf(fmaxf(gain, 1 / EVEN_MAX), EVEN_MAX);
        }
    }
}

// Gains of a dipole, one per band: of W in the coherent part, then of the tails as they are stored.
static void dipole_gains(const v2s_foa_basis *b, int channel, const float *even, v2s_vec3 u,
                         const float *gains, float along[BANDS], float tails[][BANDS]) {
    int first = b->with_w ? 4 : 3;
    for (int i = 0; i < BANDS; i++) {
        const float *g = gains + (size_t)i * b->gains;
        v2s_band_split s = v2s_band_split_of(g, b->with_w, u);
        const double added[V2S_FOA_CHANNELS] = {0, s.c.y - u.y, s.c.z - u.z, s.c.x - u.x};
        along[i] = (float)added[channel];
        float share = (float)sqrt(s.r2);
        for (int k = 0; k < b->segments; k++)
            tails[k][i] = share * g[first + k] * even[k * BANDS + i];
    }
}

// The same of W.
static void w_gains(const v2s_foa_basis *b, const float *even, const float *gains,
                    float along[BANDS], float tails[][BANDS]) {
    for (int i = 0; i < BANDS; i++) {
        const float *g = gains + (size_t)i * b->gains + 3;
        along[i] = g[0];
        for (int k = 0; k < b->segments; k++)
            tails[k][i] = g[1 + b->segments + k] * even[k * BANDS + i];
    }
}

void v2s_foa_residual(const v2s_foa_basis *b, int channel, const float *w, const float *tails,
                      const float *even, v2s_vec3 u, const float *gains, float *out) {
    size_t row = 2 * (size_t)b->stride;
    float along[BANDS], of_tail[V2S_BASIS_SEGMENTS_MAX][BANDS];
    if (channel == V2S_ACN_W)
        w_gains(b, even, gains, along, of_tail);
    else
        dipole_gains(b, channel, even, u, gains, along, of_tail);
    memset(out, 0, row * sizeof *out);
    b->ops->mix(&b->bands, along, 1, w, b->stride, out);
    for (int k = 0; k < b->segments; k++)
        b->ops->mix(&b->bands, of_tail[k], 1, tails + (size_t)k * row, b->stride, out);
}

// ---- one channel, frame by frame --------------------------------------------------------------

v2s_status v2s_foa_tails_open(const v2s_foa_basis *b, int channel, v2s_foa_tails *out) {
    V2S_ASSERT(channel >= (b->with_w ? 0 : 1) && channel < V2S_FOA_CHANNELS);
    v2s_foa_tails t = {.basis = b, .channel = channel};
    size_t bands = (size_t)b->segments * BANDS;
    t.tails = v2s_fft_alloc((size_t)b->segments * 2 * b->stride, sizeof *t.tails);
    t.energy = v2s_fft_alloc(bands, sizeof *t.energy);
    t.own = v2s_fft_alloc(bands, sizeof *t.own);
    t.even = v2s_fft_alloc(bands, sizeof *t.even);
    if (t.tails == NULL || t.energy == NULL || t.own == NULL || t.even == NULL) {
        v2s_foa_tails_close(&t);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    *out = t;
    return V2S_OK;
}

void v2s_foa_tails_close(v2s_foa_tails *t) {
    v2s_fft_free(t->tails);
    v2s_fft_free(t->energy);
    v2s_fft_free(t->own);
    v2s_fft_free(t->even);
    *t = (v2s_foa_tails){0};
}

void v2s_foa_tails_next(v2s_foa_tails *t, const float *w, const float *levels) {
    v2s_foa_smear(t->basis, t->channel, t->channel + 1, w, levels, t->tails, t->energy);
    v2s_foa_even_out(t->basis, t->channel, t->energy, levels, t->own, t->even);
}

void v2s_foa_tails_get(const v2s_foa_tails *t, int k, float *out) {
    const v2s_foa_basis *b = t->basis;
    size_t row = 2 * (size_t)b->stride;
    memset(out, 0, row * sizeof *out);
    b->ops->mix(&b->bands, t->even + (size_t)k * BANDS, 1, t->tails + (size_t)k * row, b->stride,
                out);
}

void v2s_foa_tails_residual(const v2s_foa_tails *t, const float *w, v2s_vec3 u, const float *gains,
                            float *out) {
    v2s_foa_residual(t->basis, t->channel, w, t->tails, t->even, u, gains, out);
}
