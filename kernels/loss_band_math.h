// SPDX-License-Identifier: MIT
// The loss of kernels/loss_band.h at the level of one band: what every form of it computes alike.
// Sums over frames, blocks and bands are the forms' own.
#ifndef V2S_KERNELS_LOSS_BAND_MATH_H
#define V2S_KERNELS_LOSS_BAND_MATH_H

#include "kernels/band_split.h"
#include "kernels/loss_band.h"

#define V2S_BAND_SMOOTH 0.02         // s of |x|
#define V2S_BAND_TINY 1e-20          // energy that counts as silence
#define V2S_BAND_SPECTRUM_FLOOR 1e-6 // of the truth's mean |W|^2
#define V2S_BAND_LN10 2.302585092994045684

// ---- one band of one frame --------------------------------------------------------------------

// The sums of kernels/band_layout.h, where they lie.
typedef struct v2s_band_frame {
    float t, ix, iy, iz, e, ez;
    float g, px, py, pz;
    const float *tail, *w_tail; // [K]
} v2s_band_frame;

static inline V2S_HD v2s_band_frame v2s_band_frame_at(v2s_band_layout l, const float *sums) {
    v2s_band_frame f = {sums[0], sums[1], sums[2], sums[3], sums[4], sums[5],
                        sums[0], sums[1], sums[2], sums[3], 0,       0};
    f.tail = sums + V2S_BAND_SUMS;
    if (!l.with_w)
        return f;
    f.g = sums[6];
    f.px = sums[8];
    f.py = sums[9];
    f.pz = sums[10];
    f.tail = sums + V2S_BAND_SUMS_WITH_W;
    f.w_tail = f.tail + l.segments;
    return f;
}

typedef struct v2s_band_prediction {
    v2s_band_split split;
    v2s_vec3 c, i;
    double m, w, e, ez;
    double tails; // sum g_k^2 tail_k
} v2s_band_prediction;

static inline V2S_HD v2s_band_prediction v2s_band_predict(v2s_band_layout l,
                                                          const v2s_band_frame *s, v2s_vec3 u,
                                                          const float *gain) {
    int K = l.segments, tails = v2s_band_layout_tails(l);
    v2s_band_prediction p;
    p.split = v2s_band_split_of(gain, l.with_w, u);
    p.c = p.split.c;
    p.m = 1;
    p.w = s->g;
    p.tails = 0;
    for (int k = 0; k < K; k++)
        p.tails += (double)gain[tails + k] * gain[tails + k] * s->tail[k];
    double diffuse = p.split.r2 * p.tails;
    if (l.with_w) {
        p.m = 1.0 + gain[3];
        p.w = p.m * p.m * s->g;
        for (int k = 0; k < K; k++)
            p.w += (double)gain[tails + K + k] * gain[tails + K + k] * s->w_tail[k];
    }
    p.i = v2s_scaled(p.c, p.m * s->g);
    p.e = v2s_dot(p.c, p.c) * s->g + diffuse;
    p.ez = p.c.z * p.c.z * s->g + diffuse / 3;
    return p;
}

// ---- sums over a block or the row -------------------------------------------------------------

// ... and the weighted loss's derivatives with respect to the predicted ones.
typedef struct v2s_band_sum {
    double w, e;   // predicted E_W, E_X
    v2s_vec3 i;    // predicted I
    double rest;   // ||X - c W_g||^2
    double tw, te; // the truth's
    v2s_vec3 ti;
    double dw, de, drest;
    v2s_vec3 di;
} v2s_band_sum;

static inline V2S_HD v2s_band_sum v2s_band_sum_zero(void) {
    v2s_band_sum s = {0, 0, {0, 0, 0}, 0, 0, 0, {0, 0, 0}, 0, 0, 0, {0, 0, 0}};
    return s;
}

static inline V2S_HD void v2s_band_sum_add(v2s_band_sum *sum, const v2s_band_frame *s,
                                           const v2s_band_prediction *p) {
    v2s_vec3 truth = {s->ix, s->iy, s->iz}, with_g = {s->px, s->py, s->pz};
    sum->w += p->w;
    sum->e += p->e;
    sum->i = v2s_plus(sum->i, p->i);
    sum->rest += s->e - 2 * v2s_dot(p->c, with_g) + v2s_dot(p->c, p->c) * s->g;
    sum->tw += s->t;
    sum->te += s->e;
    sum->ti = v2s_plus(sum->ti, truth);
}

// ---- terms ------------------------------------------------------------------------------------

typedef struct v2s_band_terms {
    const double *weight;
    double value[V2S_BAND_TERMS];
} v2s_band_terms;

static inline V2S_HD v2s_band_terms v2s_band_terms_zero(const double *weight) {
    v2s_band_terms t;
    t.weight = weight;
    for (int i = 0; i < V2S_BAND_TERMS; i++)
        t.value[i] = 0;
    return t;
}

// |x| without the corner: value, and slope in *slope.
static inline V2S_HD double v2s_band_soft_abs(double x, double *slope) {
    double r = sqrt(x * x + V2S_BAND_SMOOTH * V2S_BAND_SMOOTH);
    *slope = x / r;
    return r - V2S_BAND_SMOOTH;
}

// 1 - 2 |I| / (w + e).
static inline V2S_HD double v2s_band_diffuseness(v2s_vec3 i, double w, double e) {
    double length = sqrt(v2s_dot(i, i));
    return 1 - 2 * length / (w + e + V2S_BAND_TINY);
}

static inline V2S_HD void v2s_band_diffuseness_term(v2s_band_terms *t, v2s_band_term name,
                                                    double share, v2s_band_sum *s) {
    double slope, all = s->w + s->e + V2S_BAND_TINY;
    double length = sqrt(v2s_dot(s->i, s->i) + V2S_BAND_TINY * V2S_BAND_TINY);
    double error =
        v2s_band_diffuseness(s->i, s->w, s->e) - v2s_band_diffuseness(s->ti, s->tw, s->te);
    t->value[name] += share * v2s_band_soft_abs(error, &slope);
    double d = t->weight[name] * share * slope;
    s->di = v2s_plus(s->di, v2s_scaled(s->i, -2 * d / (all * length)));
    s->dw += 2 * d * length / (all * all);
    s->de += 2 * d * length / (all * all);
}

// share |log10((a + floor) / (b + floor))|; returns the weighted derivative with respect to a.
static inline V2S_HD double v2s_band_level_term(v2s_band_terms *t, v2s_band_term name, double share,
                                                double a, double b, double floor) {
    double slope, error = log10((a + floor) / (b + floor));
    t->value[name] += share * v2s_band_soft_abs(error, &slope);
    return t->weight[name] * share * slope / ((a + floor) * V2S_BAND_LN10);
}

static inline V2S_HD void v2s_band_coherent_term(v2s_band_terms *t, double share, v2s_band_sum *s) {
    double scale = share / (s->te + s->tw + V2S_BAND_TINY);
    t->value[V2S_BAND_COHERENT] += scale * s->rest;
    s->drest += t->weight[V2S_BAND_COHERENT] * scale;
}

// share (1 - cos) of the angle between the intensities of a band.
static inline V2S_HD void v2s_band_direction_band_term(v2s_band_terms *t, double share,
                                                       v2s_band_sum *s) {
    double a = sqrt(v2s_dot(s->i, s->i)) + V2S_BAND_TINY;
    double b = sqrt(v2s_dot(s->ti, s->ti)) + V2S_BAND_TINY;
    double cosine = v2s_dot(s->i, s->ti) / (a * b);
    t->value[V2S_BAND_DIRECTION_BAND] += share * (1 - cosine);
    double d = -t->weight[V2S_BAND_DIRECTION_BAND] * share;
    s->di = v2s_plus(
        s->di, v2s_plus(v2s_scaled(s->ti, d / (a * b)), v2s_scaled(s->i, -d * cosine / (a * a))));
}

// Angle between the intensities of the whole row; its derivative goes to every band.
static inline V2S_HD void v2s_band_direction_term(v2s_band_terms *t, v2s_band_sum *bands) {
    v2s_vec3 i = {0, 0, 0}, ti = {0, 0, 0};
    for (int b = 0; b < V2S_BASIS_BANDS; b++) {
        i = v2s_plus(i, bands[b].i);
        ti = v2s_plus(ti, bands[b].ti);
    }
    double a = sqrt(v2s_dot(i, i)) + V2S_BAND_TINY, b = sqrt(v2s_dot(ti, ti)) + V2S_BAND_TINY;
    double cosine = fmin(fmax(v2s_dot(i, ti) / (a * b), -1.0), 1.0);
    double angle = acos(cosine);
    // sqrt(angle^2 + s^2) - s: smooth at 0; angle d(angle)/d(cos) -> -angle / sin(angle) -> -1.
    double smooth = sqrt(angle * angle + V2S_BAND_SMOOTH * V2S_BAND_SMOOTH);
    t->value[V2S_BAND_DIRECTION] += smooth - V2S_BAND_SMOOTH;
    double sine = sqrt(1 - cosine * cosine);
    double d = -t->weight[V2S_BAND_DIRECTION] / smooth * (sine > 1e-6 ? angle / sine : 1);
    v2s_vec3 di = v2s_plus(v2s_scaled(ti, d / (a * b)), v2s_scaled(i, -d * cosine / (a * a)));
    for (int k = 0; k < V2S_BASIS_BANDS; k++)
        bands[k].di = v2s_plus(bands[k].di, di);
}

// The terms of a block's band, or of a row's, whose share of the loud is energy^emphasis times
// `scale`. Nothing where the truth is silent.
static inline V2S_HD void v2s_band_block_terms(v2s_band_terms *t, double emphasis, double scale,
                                               v2s_band_sum *s) {
    if (!(s->tw > V2S_BAND_TINY))
        return;
    double share = scale * pow(s->tw, emphasis);
    v2s_band_diffuseness_term(t, V2S_BAND_DIFFUSENESS_BLOCK, share, s);
    s->de += v2s_band_level_term(t, V2S_BAND_LEVEL_BLOCK, share, s->e, s->te, V2S_BAND_TINY);
    s->dw += v2s_band_level_term(t, V2S_BAND_W_LEVEL_BLOCK, share, s->w, s->tw, V2S_BAND_TINY);
    v2s_band_coherent_term(t, share, s);
}

static inline V2S_HD void v2s_band_row_terms(v2s_band_terms *t, double emphasis, double scale,
                                             v2s_band_sum *s) {
    if (!(s->tw > V2S_BAND_TINY))
        return;
    double share = scale * pow(s->tw, emphasis);
    v2s_band_diffuseness_term(t, V2S_BAND_DIFFUSENESS, share, s);
    s->de += v2s_band_level_term(t, V2S_BAND_LEVEL, share, s->e, s->te, V2S_BAND_TINY);
    s->dw += v2s_band_level_term(t, V2S_BAND_W_LEVEL, share, s->w, s->tw, V2S_BAND_TINY);
    v2s_band_direction_band_term(t, share, s);
}

// ---- one band of one frame, backwards ---------------------------------------------------------

// The frame's own term, with its share 1 / (frames * used) and the row's mean |W|^2 per frame and
// band; derivatives with respect to E_X and E_Z.
static inline V2S_HD void v2s_band_spectrum_term(v2s_band_terms *t, double share, double mean_w,
                                                 const v2s_band_frame *s,
                                                 const v2s_band_prediction *p, double *de,
                                                 double *dez) {
    double floor = V2S_BAND_SPECTRUM_FLOOR * mean_w + V2S_BAND_TINY;
    *dez = v2s_band_level_term(t, V2S_BAND_SPECTRUM, share / 3, p->ez, s->ez, floor);
    double flat = fmax(p->e - p->ez, 0.0), truth = fmax((double)(s->e - s->ez), 0.0);
    *de = v2s_band_level_term(t, V2S_BAND_SPECTRUM, share * 2 / 3, flat, truth, floor);
    *dez -= *de;
}

// d[gains] = scale d(loss)/d(gain), from the derivatives of the frame's block, of the row's band
// and of the frame's own term (de, dez).
static inline V2S_HD void v2s_band_gradient(v2s_band_layout l, const v2s_band_sum *block,
                                            const v2s_band_sum *total, const v2s_band_frame *s,
                                            const v2s_band_prediction *p, v2s_vec3 u, double de,
                                            double dez, const float *gain, double scale, float *d) {
    int K = l.segments, tails = v2s_band_layout_tails(l);
    v2s_vec3 di = v2s_plus(block->di, total->di);
    double dw = block->dw + total->dw, drest = block->drest + total->drest;
    de += block->de + total->de;
    v2s_vec3 with_g = {s->px, s->py, s->pz};
    v2s_vec3 dc = v2s_plus(v2s_scaled(di, p->m * s->g), v2s_scaled(p->c, 2 * s->g * (de + drest)));
    dc = v2s_plus(dc, v2s_scaled(with_g, -2 * drest));
    dc.z += 2 * p->c.z * s->g * dez;
    double dtails = de + dez / 3; // of r^2 sum g_k^2 tail_k
    if (!l.with_w) {
        if (p->split.r2 > 0)
            dc = v2s_plus(dc, v2s_scaled(p->c, -2 * p->tails * dtails));
        dc = v2s_band_split_back(&p->split, dc);
    }
    d[0] = (float)(scale * v2s_dot(dc, u));
    d[1] = (float)(scale * (dc.x * u.x + dc.y * u.y));
    d[2] = (float)(scale * dc.z);
    for (int k = 0; k < K; k++)
        d[tails + k] = (float)(scale * 2 * gain[tails + k] * p->split.r2 * s->tail[k] * dtails);
    if (!l.with_w)
        return;
    d[3] = (float)(scale * (s->g * v2s_dot(p->c, di) + 2 * p->m * s->g * dw));
    for (int k = 0; k < K; k++)
        d[tails + K + k] = (float)(scale * 2 * gain[tails + K + k] * s->w_tail[k] * dw);
}

#endif
