// SPDX-License-Identifier: MIT
#include "kernels/loss_band.h"

#include <string.h>

#include "kernels/band_gains.h"
#include "kernels/base/parallel.h"
#include "kernels/device.h"
#include "kernels/loss_band_math.h"

enum { BANDS = V2S_BASIS_BANDS, BLOCK = V2S_BAND_BLOCK };

// ---- the row ----------------------------------------------------------------------------------

typedef struct row {
    const v2s_loss_band_row_args *a;
    int blocks, gains, sums; // per band: gains, sums
    v2s_band_sum *block;     // [blocks][BANDS]
    v2s_band_sum total[BANDS];
    double mean_w; // of the truth, per frame and band
} row;

static int blocks_of(int frames) {
    return (frames + BLOCK - 1) / BLOCK;
}

size_t v2s_loss_band_row_work(int T) {
    return (size_t)blocks_of(T) * BANDS * sizeof(v2s_band_sum);
}

static void collect(row *r) {
    const v2s_loss_band_row_args *a = r->a;
    double energy = 0;
    memset(r->block, 0, v2s_loss_band_row_work(a->T));
    for (int t = 0; t < a->T; t++)
        for (int b = 0; b < BANDS; b++) {
            size_t at = (size_t)t * BANDS + b;
            v2s_band_frame s = v2s_band_frame_at(a->layout, a->row.sums + at * r->sums);
            v2s_band_prediction p =
                v2s_band_predict(a->layout, &s, a->row.directions[t], a->gains + at * r->gains);
            v2s_band_sum_add(&r->block[(size_t)(t / BLOCK) * BANDS + b], &s, &p);
            v2s_band_sum_add(&r->total[b], &s, &p);
            energy += s.t;
        }
    r->mean_w = energy / ((double)a->T * BANDS);
}

// Shares of the loud: energy^emphasis, which sum to one; nothing where all is silent.
static double share_scale(const v2s_band_sum *sums, int count, double emphasis) {
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += pow(sums[i].tw, emphasis);
    return sum > 0 ? 1 / sum : 0;
}

static void evaluate(row *r, v2s_band_terms *t) {
    double emphasis = r->a->config->emphasis;
    int count = r->blocks * BANDS;
    double scale = share_scale(r->block, count, emphasis);
    for (int i = 0; i < count; i++)
        v2s_band_block_terms(t, emphasis, scale, &r->block[i]);
    scale = share_scale(r->total, BANDS, emphasis);
    for (int b = 0; b < BANDS; b++)
        v2s_band_row_terms(t, emphasis, scale, &r->total[b]);
    v2s_band_direction_term(t, r->total);
}

static void frames_back(row *r, v2s_band_terms *terms) {
    const v2s_loss_band_row_args *a = r->a;
    double share = 1.0 / ((double)a->T * a->row.used);
    for (int t = 0; t < a->T; t++)
        for (int b = 0; b < BANDS; b++) {
            size_t at = (size_t)t * BANDS + b;
            v2s_band_frame s = v2s_band_frame_at(a->layout, a->row.sums + at * r->sums);
            const float *gain = a->gains + at * r->gains;
            v2s_vec3 u = a->row.directions[t];
            v2s_band_prediction p = v2s_band_predict(a->layout, &s, u, gain);
            double de = 0, dez = 0;
            if (b < a->row.used)
                v2s_band_spectrum_term(terms, share, r->mean_w, &s, &p, &de, &dez);
            if (a->dgains != NULL)
                v2s_band_gradient(a->layout, &r->block[(size_t)(t / BLOCK) * BANDS + b],
                                  &r->total[b], &s, &p, u, de, dez, gain, a->scale,
                                  a->dgains + at * r->gains);
        }
}

double v2s_loss_band_row(const v2s_loss_band_row_args *a) {
    V2S_ASSERT(a->layout.segments >= 0 && a->layout.segments <= V2S_BASIS_SEGMENTS_MAX);
    row r = {.a = a,
             .blocks = blocks_of(a->T),
             .gains = v2s_band_layout_gains(a->layout),
             .sums = v2s_band_layout_sums(a->layout),
             .block = a->work};
    v2s_band_terms terms = v2s_band_terms_zero(a->config->weight);
    collect(&r);
    evaluate(&r, &terms);
    frames_back(&r, &terms);
    double loss = 0;
    for (int i = 0; i < V2S_BAND_TERMS; i++)
        loss += a->config->weight[i] * terms.value[i];
    if (a->terms != NULL)
        memcpy(a->terms, terms.value, sizeof terms.value);
    return loss;
}

// ---- the batch --------------------------------------------------------------------------------

// Work space of a thread.
typedef struct desk {
    float *gains, *dgains; // [T][outputs]
    void *row;
} desk;

typedef struct batch {
    const v2s_loss_band_args *a;
    size_t outputs;
    desk *desks; // [parts]
} batch;

static int parts_of(const v2s_device *dev, const v2s_loss_band_args *a) {
    int parts = dev->threads < a->B ? dev->threads : a->B;
    return parts < V2S_PARALLEL_MAX ? parts : V2S_PARALLEL_MAX;
}

static void run_row(const batch *job, const desk *d, int b) {
    const v2s_loss_band_args *a = job->a;
    void *memory = (unsigned char *)a->rows + (size_t)b * a->row_bytes;
    size_t first = (size_t)b * (size_t)a->T * job->outputs;
    bool back = a->dresidual != NULL, dry = a->layout.with_w;
    v2s_loss_band_row_args one = {
        .config = &a->config,
        .layout = a->layout,
        .row = {((const v2s_band_row_head *)memory)->used, v2s_band_row_directions(memory),
                v2s_band_row_sums(memory, a->T)},
        .T = a->T,
        .gains = d->gains,
        .scale = a->scale,
        .dgains = back ? d->dgains : NULL,
        .terms = a->terms == NULL ? NULL : a->terms + (size_t)b * V2S_BAND_TERMS,
        .work = d->row};
    v2s_band_gains(dry, a->T, (int)job->outputs, a->residual + first, d->gains);
    double value = v2s_loss_band_row(&one);
    if (a->values != NULL)
        a->values[b] = value;
    if (back)
        v2s_band_gains_back(dry, a->T, (int)job->outputs, d->dgains, a->dresidual + first);
}

static void run_part(void *ctx, int part, int parts) {
    const batch *job = ctx;
    for (int b = part; b < job->a->B; b += parts)
        run_row(job, &job->desks[part], b);
}

void v2s_loss_band(const v2s_device *dev, const v2s_loss_band_args *a, v2s_arena *scratch) {
    size_t mark = scratch->used, outputs = (size_t)BANDS * v2s_band_layout_gains(a->layout);
    int parts = parts_of(dev, a);
    batch job = {a, outputs, v2s_arena_take(scratch, (size_t)parts, sizeof(desk))};
    for (int i = 0; i < parts; i++) {
        job.desks[i].gains = v2s_arena_take(scratch, (size_t)a->T * outputs, sizeof(float));
        job.desks[i].dgains = v2s_arena_take(scratch, (size_t)a->T * outputs, sizeof(float));
        job.desks[i].row = v2s_arena_take(scratch, v2s_loss_band_row_work(a->T), 1);
    }
    v2s_parallel(parts, parts, run_part, &job);
    v2s_arena_rewind(scratch, mark);
}

size_t v2s_loss_band_scratch(const v2s_device *dev, const v2s_loss_band_args *a) {
    size_t outputs = (size_t)BANDS * v2s_band_layout_gains(a->layout), parts = parts_of(dev, a);
    size_t each = 2 * (size_t)a->T * outputs * sizeof(float) + v2s_loss_band_row_work(a->T);
    return v2s_scratch_round(parts * (sizeof(desk) + each), 1 + 3 * parts);
}
