// SPDX-License-Identifier: MIT
// The part of spatial/foa_basis.h that runs frame by frame; its tables are foa_basis.c's.
#include <math.h>
#include <string.h>

#include "kernels/fft.h"
#include "spatial/foa_basis.h"

enum { BANDS = V2S_BASIS_BANDS };

#define EVEN_MAX 4.0f  // of the gains that even out
#define FULL 0.9       // length from which on the coherent part is all
#define ROUNDING 1e-12 // of 1 - |c|^2

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

// ---- one channel, frame by frame --------------------------------------------------------------

v2s_status v2s_foa_tails_open(const v2s_foa_basis *b, int channel, v2s_foa_tails *out) {
    V2S_ASSERT(channel >= (b->with_w ? 0 : 1) && channel < V2S_FOA_CHANNELS);
    v2s_foa_tails t = {.basis = b, .channel = channel};
    size_t bands = (size_t)b->segments * BANDS;
    t.tails = v2s_fft_alloc((size_t)b->segments * 2 * b->stride, sizeof *t.tails);
    t.own = v2s_fft_alloc(bands, sizeof *t.own);
    t.even = v2s_fft_alloc(bands, sizeof *t.even);
    if (t.tails == NULL || t.own == NULL || t.even == NULL) {
        v2s_foa_tails_close(&t);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    *out = t;
    return V2S_OK;
}

void v2s_foa_tails_close(v2s_foa_tails *t) {
    v2s_fft_free(t->tails);
    v2s_fft_free(t->own);
    v2s_fft_free(t->even);
    *t = (v2s_foa_tails){0};
}

// Takes W's share out of one tail: D -= rho W with rho = Re<W* D> / |W|^2 per band.
static void remove_w(const v2s_foa_basis *b, const float *w, const float *energy, float *tail) {
    float band[BANDS];
    b->ops->collect(&b->bands, w, tail, b->stride, band);
    for (int i = 0; i < BANDS; i++)
        band[i] = energy[i] > 0 ? -band[i] / energy[i] : 0;
    b->ops->mix(&b->bands, band, 1, w, b->stride, tail);
}

// Gains that bring the tail to `power` times the smeared energy of W.
static void even_out(const v2s_foa_basis *b, const float *smeared, float power, const float *tail,
                     float *own, float *even) {
    float band[BANDS];
    b->ops->collect(&b->bands, tail, tail, b->stride, band);
    running(b->memory, band, own);
    for (int i = 0; i < BANDS; i++) {
        float gain = own[i] > 0 ? sqrtf(power * smeared[i] / own[i]) : 1;
        even[i] = fminf(fmaxf(gain, 1 / EVEN_MAX), EVEN_MAX);
    }
}

void v2s_foa_tails_next(v2s_foa_tails *t, const float *w, const float *levels) {
    const v2s_foa_basis *b = t->basis;
    size_t row = 2 * (size_t)b->stride;
    for (int k = 0; k < b->segments; k++) {
        int first = b->first[k], taps = b->first[k + 1] - first;
        float *tail = t->tails + (size_t)k * row;
        b->ops->tail(taps, b->delay + first, b->shift[t->channel] + first,
                     b->noise + (b->whole[k] ? 2 * b->pitch : 0), b->pitch, w, b->stride, tail);
        float power = t->channel == V2S_ACN_W ? b->power[k] : b->power[k] / 3;
        float level = sqrtf(power / (float)taps);
        for (size_t i = 0; i < row; i++)
            tail[i] *= level;
        remove_w(b, w, levels, tail);
        even_out(b, levels + (size_t)(1 + k) * BANDS, power, tail, t->own + (size_t)k * BANDS,
                 t->even + (size_t)k * BANDS);
    }
}

void v2s_foa_tails_get(const v2s_foa_tails *t, int k, float *out) {
    const v2s_foa_basis *b = t->basis;
    size_t row = 2 * (size_t)b->stride;
    memset(out, 0, row * sizeof *out);
    b->ops->mix(&b->bands, t->even + (size_t)k * BANDS, 1, t->tails + (size_t)k * row, b->stride,
                out);
}

v2s_foa_split v2s_foa_basis_split(const float *gains, bool with_w, v2s_vec3 u) {
    double radial = 1.0 + gains[0], flat = radial + gains[1];
    v2s_foa_split s = {.sum = {u.x * flat, u.y * flat, u.z * radial + gains[2]}, .r2 = 1};
    s.c = s.sum;
    if (with_w)
        return s;
    if (gains[0] == 0 && gains[1] == 0 && gains[2] == 0) { // to the last bit
        s.r2 = 0;
        return s;
    }
    double length = fmax(FULL, v2s_norm(s.sum));
    s.c = (v2s_vec3){s.sum.x / length, s.sum.y / length, s.sum.z / length};
    double rest = 1 - v2s_dot(s.c, s.c);
    s.r2 = rest > ROUNDING ? rest : 0;
    return s;
}

v2s_vec3 v2s_foa_split_back(const v2s_foa_split *s, v2s_vec3 dc) {
    double length = v2s_norm(s->sum);
    if (length < FULL)
        return (v2s_vec3){dc.x / FULL, dc.y / FULL, dc.z / FULL};
    double along = v2s_dot(s->c, dc);
    return (v2s_vec3){(dc.x - s->c.x * along) / length, (dc.y - s->c.y * along) / length,
                      (dc.z - s->c.z * along) / length};
}

// Gains of a dipole, one per band: of W in the coherent part, then of the tails as they are stored.
static void dipole_gains(const v2s_foa_tails *t, v2s_vec3 u, const float *gains, float along[BANDS],
                         float tails[][BANDS]) {
    const v2s_foa_basis *b = t->basis;
    int first = b->with_w ? 4 : 3;
    for (int i = 0; i < BANDS; i++) {
        const float *g = gains + (size_t)i * b->gains;
        v2s_foa_split s = v2s_foa_basis_split(g, b->with_w, u);
        const double added[V2S_FOA_CHANNELS] = {0, s.c.y - u.y, s.c.z - u.z, s.c.x - u.x};
        along[i] = (float)added[t->channel];
        float share = (float)sqrt(s.r2);
        for (int k = 0; k < b->segments; k++)
            tails[k][i] = share * g[first + k] * t->even[k * BANDS + i];
    }
}

// The same of W.
static void w_gains(const v2s_foa_tails *t, const float *gains, float along[BANDS],
                    float tails[][BANDS]) {
    const v2s_foa_basis *b = t->basis;
    for (int i = 0; i < BANDS; i++) {
        const float *g = gains + (size_t)i * b->gains + 3;
        along[i] = g[0];
        for (int k = 0; k < b->segments; k++)
            tails[k][i] = g[1 + b->segments + k] * t->even[k * BANDS + i];
    }
}

void v2s_foa_tails_residual(const v2s_foa_tails *t, const float *w, v2s_vec3 u, const float *gains,
                            float *out) {
    const v2s_foa_basis *b = t->basis;
    size_t row = 2 * (size_t)b->stride;
    float along[BANDS], tails[V2S_BASIS_SEGMENTS_MAX][BANDS];
    if (t->channel == V2S_ACN_W)
        w_gains(t, gains, along, tails);
    else
        dipole_gains(t, u, gains, along, tails);
    memset(out, 0, row * sizeof *out);
    b->ops->mix(&b->bands, along, 1, w, b->stride, out);
    for (int k = 0; k < b->segments; k++)
        b->ops->mix(&b->bands, tails[k], 1, t->tails + (size_t)k * row, b->stride, out);
}
