// SPDX-License-Identifier: MIT
#include "train/band_loss.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BANDS = V2S_BASIS_BANDS, BLOCK = V2S_BAND_BLOCK };

#define SMOOTH 0.02         // s of |x|
#define TINY 1e-20          // energy that counts as silence
#define SPECTRUM_FLOOR 1e-6 // of the truth's mean |W|^2

const char *const v2s_band_term_names[V2S_BAND_TERMS] = {
    "diffuseness",   "diffuseness_block", "level",          "level_block", "w_level",
    "w_level_block", "direction",         "direction_band", "coherent",    "spectrum"};

v2s_band_loss_config v2s_band_loss_defaults(bool with_w) {
    v2s_band_loss_config c = {.emphasis = 0.8};
    c.weight[V2S_BAND_DIFFUSENESS] = 2;
    c.weight[V2S_BAND_DIFFUSENESS_BLOCK] = 1;
    c.weight[V2S_BAND_LEVEL] = 8;
    c.weight[V2S_BAND_LEVEL_BLOCK] = 2;
    c.weight[V2S_BAND_W_LEVEL] = with_w ? 2 : 0;
    c.weight[V2S_BAND_W_LEVEL_BLOCK] = with_w ? 1 : 0;
    c.weight[V2S_BAND_DIRECTION] = 4;
    c.weight[V2S_BAND_DIRECTION_BAND] = 1;
    c.weight[V2S_BAND_COHERENT] = 1;
    c.weight[V2S_BAND_SPECTRUM] = 0.2;
    return c;
}

// Sums over a block or the row, and the loss's derivatives with respect to the predicted ones.
typedef struct v2s_band_sum {
    double w, e;   // predicted E_W, E_X
    v2s_vec3 i;    // predicted I
    double rest;   // ||X - c W_g||^2
    double tw, te; // the truth's
    v2s_vec3 ti;
    double dw, de, drest;
    v2s_vec3 di;
} v2s_band_sum;

v2s_status v2s_band_loss_open(int frames, v2s_band_loss *out) {
    v2s_band_loss l = {.frames = frames};
    size_t blocks = (size_t)(frames / BLOCK + 1);
    l.blocks = malloc(blocks * BANDS * sizeof *l.blocks);
    l.direction = malloc((size_t)frames * sizeof *l.direction);
    if (l.blocks == NULL || l.direction == NULL) {
        v2s_band_loss_close(&l);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    *out = l;
    return V2S_OK;
}

void v2s_band_loss_close(v2s_band_loss *l) {
    free(l->blocks);
    free(l->direction);
    *l = (v2s_band_loss){0};
}

// ---- vectors ----------------------------------------------------------------------------------

static v2s_vec3 scaled(v2s_vec3 a, double s) {
    return (v2s_vec3){a.x * s, a.y * s, a.z * s};
}

static v2s_vec3 sum_of(v2s_vec3 a, v2s_vec3 b) {
    return (v2s_vec3){a.x + b.x, a.y + b.y, a.z + b.z};
}

// |x| without the corner: value, and slope in *slope.
static double soft_abs(double x, double *slope) {
    double r = sqrt(x * x + SMOOTH * SMOOTH);
    *slope = x / r;
    return r - SMOOTH;
}

// ---- prediction -------------------------------------------------------------------------------

typedef struct prediction {
    v2s_foa_split split;
    v2s_vec3 c, i;
    double m, w, e, ez;
    double tails; // sum g_k^2 tail_k
} prediction;

static prediction predict(const v2s_band_clip *clip, const v2s_band_stat *s, v2s_vec3 u,
                          const float *gain) {
    int K = clip->segments, tails = clip->with_w ? 4 : 3;
    prediction p = {.split = v2s_foa_basis_split(gain, clip->with_w, u), .m = 1, .w = s->g};
    p.c = p.split.c;
    for (int k = 0; k < K; k++)
        p.tails += (double)gain[tails + k] * gain[tails + k] * s->tail[k];
    double diffuse = p.split.r2 * p.tails;
    if (clip->with_w) {
        p.m = 1.0 + gain[3];
        p.w = p.m * p.m * s->g;
        for (int k = 0; k < K; k++)
            p.w += (double)gain[tails + K + k] * gain[tails + K + k] * s->w_tail[k];
    }
    p.i = scaled(p.c, p.m * s->g);
    p.e = v2s_dot(p.c, p.c) * s->g + diffuse;
    p.ez = p.c.z * p.c.z * s->g + diffuse / 3;
    return p;
}

static void add_sums(v2s_band_sum *sum, const v2s_band_stat *s, const prediction *p) {
    v2s_vec3 truth = {s->ix, s->iy, s->iz}, with_g = {s->px, s->py, s->pz};
    sum->w += p->w;
    sum->e += p->e;
    sum->i = sum_of(sum->i, p->i);
    sum->rest += s->e - 2 * v2s_dot(p->c, with_g) + v2s_dot(p->c, p->c) * s->g;
    sum->tw += s->t;
    sum->te += s->e;
    sum->ti = sum_of(sum->ti, truth);
}

// ---- terms ------------------------------------------------------------------------------------

typedef struct terms {
    const double *weight;
    double value[V2S_BAND_TERMS];
} terms;

// 1 - 2 |I| / (w + e).
static double diffuseness(v2s_vec3 i, double w, double e) {
    double length = sqrt(v2s_dot(i, i));
    return 1 - 2 * length / (w + e + TINY);
}

static void diffuseness_term(terms *t, v2s_band_term name, double share, v2s_band_sum *s) {
    double slope, all = s->w + s->e + TINY, length = sqrt(v2s_dot(s->i, s->i) + TINY * TINY);
    double error = diffuseness(s->i, s->w, s->e) - diffuseness(s->ti, s->tw, s->te);
    t->value[name] += share * soft_abs(error, &slope);
    double d = t->weight[name] * share * slope;
    s->di = sum_of(s->di, scaled(s->i, -2 * d / (all * length)));
    s->dw += 2 * d * length / (all * all);
    s->de += 2 * d * length / (all * all);
}

// share |log10((a + floor) / (b + floor))|; returns the weighted derivative with respect to a.
static double level_term(terms *t, v2s_band_term name, double share, double a, double b,
                         double floor) {
    double slope, error = log10((a + floor) / (b + floor));
    t->value[name] += share * soft_abs(error, &slope);
    return t->weight[name] * share * slope / ((a + floor) * log(10));
}

static void coherent_term(terms *t, double share, v2s_band_sum *s) {
    double scale = share / (s->te + s->tw + TINY);
    t->value[V2S_BAND_COHERENT] += scale * s->rest;
    s->drest += t->weight[V2S_BAND_COHERENT] * scale;
}

// share (1 - cos) of the angle between the intensities of a band.
static void direction_band_term(terms *t, double share, v2s_band_sum *s) {
    double a = sqrt(v2s_dot(s->i, s->i)) + TINY, b = sqrt(v2s_dot(s->ti, s->ti)) + TINY;
    double cosine = v2s_dot(s->i, s->ti) / (a * b);
    t->value[V2S_BAND_DIRECTION_BAND] += share * (1 - cosine);
    double d = -t->weight[V2S_BAND_DIRECTION_BAND] * share;
    s->di = sum_of(s->di, sum_of(scaled(s->ti, d / (a * b)), scaled(s->i, -d * cosine / (a * a))));
}

// Angle between the intensities of the whole row; its derivative goes to every band.
static void direction_term(terms *t, v2s_band_sum *bands) {
    v2s_vec3 i = {0}, ti = {0};
    for (int b = 0; b < BANDS; b++) {
        i = sum_of(i, bands[b].i);
        ti = sum_of(ti, bands[b].ti);
    }
    double a = sqrt(v2s_dot(i, i)) + TINY, b = sqrt(v2s_dot(ti, ti)) + TINY;
    double cosine = fmin(fmax(v2s_dot(i, ti) / (a * b), -1), 1);
    double angle = acos(cosine);
    // sqrt(angle^2 + s^2) - s: smooth at 0; angle d(angle)/d(cos) -> -angle / sin(angle) -> -1.
    double smooth = sqrt(angle * angle + SMOOTH * SMOOTH);
    t->value[V2S_BAND_DIRECTION] += smooth - SMOOTH;
    double sine = sqrt(1 - cosine * cosine);
    double d = -t->weight[V2S_BAND_DIRECTION] / smooth * (sine > 1e-6 ? angle / sine : 1);
    v2s_vec3 di = sum_of(scaled(ti, d / (a * b)), scaled(i, -d * cosine / (a * a)));
    for (int k = 0; k < BANDS; k++)
        bands[k].di = sum_of(bands[k].di, di);
}

static void block_terms(terms *t, double share, v2s_band_sum *s) {
    diffuseness_term(t, V2S_BAND_DIFFUSENESS_BLOCK, share, s);
    s->de += level_term(t, V2S_BAND_LEVEL_BLOCK, share, s->e, s->te, TINY);
    s->dw += level_term(t, V2S_BAND_W_LEVEL_BLOCK, share, s->w, s->tw, TINY);
    coherent_term(t, share, s);
}

static void row_terms(terms *t, double share, v2s_band_sum *s) {
    diffuseness_term(t, V2S_BAND_DIFFUSENESS, share, s);
    s->de += level_term(t, V2S_BAND_LEVEL, share, s->e, s->te, TINY);
    s->dw += level_term(t, V2S_BAND_W_LEVEL, share, s->w, s->tw, TINY);
    direction_band_term(t, share, s);
}

// ---- the row ----------------------------------------------------------------------------------

typedef struct row {
    v2s_band_loss *l;
    const v2s_band_clip *clip;
    int first;
    const float *gains; // [frames][BANDS][G]
    int frames, blocks, G;
    v2s_band_sum total[BANDS];
    double mean_w; // of the truth, per frame and band
} row;

static void collect(row *r) {
    memset(r->l->blocks, 0, (size_t)r->blocks * BANDS * sizeof *r->l->blocks);
    double energy = 0;
    for (int t = 0; t < r->frames; t++)
        for (int b = 0; b < BANDS; b++) {
            size_t at = (size_t)t * BANDS + b;
            v2s_band_stat s = v2s_band_clip_get(r->clip, (size_t)r->first * BANDS + at);
            prediction p = predict(r->clip, &s, r->l->direction[t], r->gains + at * r->G);
            add_sums(&r->l->blocks[(size_t)(t / BLOCK) * BANDS + b], &s, &p);
            add_sums(&r->total[b], &s, &p);
            energy += s.t;
        }
    r->mean_w = energy / ((double)r->frames * BANDS);
}

// Shares of the loud: energy^emphasis, which sum to one; nothing where all is silent.
static double share_scale(const v2s_band_sum *sums, int count, double emphasis) {
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += pow(sums[i].tw, emphasis);
    return sum > 0 ? 1 / sum : 0;
}

static void evaluate(row *r, double emphasis, terms *t) {
    int count = r->blocks * BANDS;
    v2s_band_sum *blocks = r->l->blocks;
    double scale = share_scale(blocks, count, emphasis);
    for (int i = 0; i < count; i++)
        if (blocks[i].tw > TINY)
            block_terms(t, scale * pow(blocks[i].tw, emphasis), &blocks[i]);
    scale = share_scale(r->total, BANDS, emphasis);
    for (int b = 0; b < BANDS; b++)
        if (r->total[b].tw > TINY)
            row_terms(t, scale * pow(r->total[b].tw, emphasis), &r->total[b]);
    direction_term(t, r->total);
}

// The frame's own term; derivatives with respect to E_X and E_Z.
static void spectrum_term(const row *r, terms *t, const v2s_band_stat *s, const prediction *p,
                          double *de, double *dez) {
    double floor = SPECTRUM_FLOOR * r->mean_w + TINY;
    double share = 1.0 / ((double)r->frames * r->clip->used);
    *dez = level_term(t, V2S_BAND_SPECTRUM, share / 3, p->ez, s->ez, floor);
    double flat = fmax(p->e - p->ez, 0), truth = fmax(s->e - s->ez, 0);
    *de = level_term(t, V2S_BAND_SPECTRUM, share * 2 / 3, flat, truth, floor);
    *dez -= *de;
}

static void gradient_of_frame(const row *r, const v2s_band_sum *block, const v2s_band_sum *total,
                              const v2s_band_stat *s, const prediction *p, v2s_vec3 u, double de,
                              double dez, const float *gain, double scale, float *d) {
    int K = r->clip->segments, tails = r->clip->with_w ? 4 : 3;
    V2S_ASSERT(K >= 0 && K <= V2S_BASIS_SEGMENTS_MAX);
    v2s_vec3 di = sum_of(block->di, total->di);
    double dw = block->dw + total->dw, drest = block->drest + total->drest;
    de += block->de + total->de;
    v2s_vec3 with_g = {s->px, s->py, s->pz};
    v2s_vec3 dc = sum_of(scaled(di, p->m * s->g), scaled(p->c, 2 * s->g * (de + drest)));
    dc = sum_of(dc, scaled(with_g, -2 * drest));
    dc.z += 2 * p->c.z * s->g * dez;
    double dtails = de + dez / 3; // of r^2 sum g_k^2 tail_k
    if (!r->clip->with_w) {
        if (p->split.r2 > 0)
            dc = sum_of(dc, scaled(p->c, -2 * p->tails * dtails));
        dc = v2s_foa_split_back(&p->split, dc);
    }
    d[0] = (float)(scale * v2s_dot(dc, u));
    d[1] = (float)(scale * (dc.x * u.x + dc.y * u.y));
    d[2] = (float)(scale * dc.z);
    for (int k = 0; k < K; k++)
        d[tails + k] = (float)(scale * 2 * gain[tails + k] * p->split.r2 * s->tail[k] * dtails);
    if (!r->clip->with_w)
        return;
    d[3] = (float)(scale * (s->g * v2s_dot(p->c, di) + 2 * p->m * s->g * dw));
    for (int k = 0; k < K; k++)
        d[tails + K + k] = (float)(scale * 2 * gain[tails + K + k] * s->w_tail[k] * dw);
}

static void frames_back(row *r, terms *t, double scale, float *dgains) {
    for (int f = 0; f < r->frames; f++)
        for (int b = 0; b < BANDS; b++) {
            size_t at = (size_t)f * BANDS + b;
            v2s_band_stat stat = v2s_band_clip_get(r->clip, (size_t)r->first * BANDS + at);
            const v2s_band_stat *s = &stat;
            const float *gain = r->gains + at * r->G;
            v2s_vec3 u = r->l->direction[f];
            prediction p = predict(r->clip, s, u, gain);
            double de = 0, dez = 0;
            if (b < r->clip->used)
                spectrum_term(r, t, s, &p, &de, &dez);
            if (dgains != NULL)
                gradient_of_frame(r, &r->l->blocks[(size_t)(f / BLOCK) * BANDS + b], &r->total[b],
                                  s, &p, u, de, dez, gain, scale, dgains + at * r->G);
        }
}

double v2s_band_loss_row(v2s_band_loss *l, const v2s_band_loss_config *config,
                         const v2s_band_clip *clip, int first, int frames, const float *gains,
                         double scale, float *dgains, double *values) {
    V2S_ASSERT(frames <= l->frames && first >= 0 && first + frames <= clip->frames);
    row r = {.l = l,
             .clip = clip,
             .first = first,
             .gains = gains,
             .frames = frames,
             .blocks = (frames + BLOCK - 1) / BLOCK,
             .G = v2s_foa_basis_gains(clip->with_w)};
    terms t = {.weight = config->weight};
    size_t cursor = 0;
    for (int f = 0; f < frames; f++)
        l->direction[f] = v2s_trajectory_at(&clip->path, (first + f) * clip->hop_s, &cursor).unit;
    collect(&r);
    evaluate(&r, config->emphasis, &t);
    frames_back(&r, &t, scale, dgains);
    double loss = 0;
    for (int i = 0; i < V2S_BAND_TERMS; i++)
        loss += config->weight[i] * t.value[i];
    if (values != NULL)
        memcpy(values, t.value, sizeof t.value);
    return loss;
}
