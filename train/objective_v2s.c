// SPDX-License-Identifier: MIT
#include "train/objective_v2s.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/cancel.h"
#include "kernels/base/parallel.h"
#include "kernels/base/rng.h"
#include "spatial/foa_basis_set.h"

enum { BANDS = V2S_BASIS_BANDS, FIT_ROWS = 16, FIT_CLIPS = 12000, EQ_POINTS = 12 };

#define FIT_RATE 0.02       // Adam's step for the constants
#define FIT_TAIL_START 0.3f // zero is a saddle of the tails' gains
#define FIT_ROW_S 5.0
#define HOP_S 0.008 // about that of every basis

// One row of a batch, between prepare and loss.
typedef struct row_slot {
    const v2s_band_clip *clip;
    int first;
    float *energy; // [T][BANDS]
    v2s_band_loss loss;
} row_slot;

typedef struct objective_v2s {
    v2s_objective base; // first: the trainer's view
    v2s_objective_v2s_config config;
    bool dry;
    int gains;                // of a band
    v2s_foa_basis_set *bases; // of the clips' rates
    v2s_band_clip *train, *val;
    const v2s_clip **train_list, **val_list; // the clips that `train` and `val` come from
    row_slot *slots;                         // [rows]
    float scaled[4];
    float *constant; // [BANDS][gains]
} objective_v2s;

v2s_objective_v2s_config v2s_objective_v2s_defaults(v2s_pairing pairing) {
    return (v2s_objective_v2s_config){.pairing = pairing,
                                      .channels = 48,
                                      .hidden = 64,
                                      .kernel = 15,
                                      .segment_s = 3,
                                      .dropout = 0.1,
                                      .band_limit = 0.3,
                                      .equaliser_db = 6,
                                      .rows = 16,
                                      .threads = 1,
                                      .loss = v2s_band_loss_defaults(pairing == V2S_PAIRING_DRY)};
}

static int inputs_of(const objective_v2s *o) {
    return o->dry ? V2S_BAND_INPUTS_DRY : V2S_BAND_INPUTS_OMNI;
}

// ---- reading ----------------------------------------------------------------------------------

typedef struct reading {
    objective_v2s *o;
    const v2s_clip *const *clips;
    size_t count;
    v2s_band_clip *to;
    v2s_status *status;                 // [count]
    char (*reason)[V2S_ERROR_TEXT_MAX]; // [count] of those that failed
    atomic_size_t next;
} reading;

static v2s_status read_clip(const reading *r, size_t i) {
    v2s_pair pair = {0};
    V2S_TRY(v2s_cancel_check());
    V2S_TRY(v2s_pair_load(r->clips[i], r->o->config.rate_hz, &pair));
    const v2s_foa_basis *basis = NULL;
    v2s_status status = v2s_foa_basis_set_get(r->o->bases, pair.rate_hz, &basis);
    if (status == V2S_OK)
        status = v2s_band_clip_make(basis, r->clips[i], &pair, &r->to[i]);
    v2s_pair_free(&pair);
    return status;
}

static void read_share(void *ctx, int part, int parts) {
    (void)part;
    (void)parts;
    reading *r = ctx;
    for (size_t i; (i = atomic_fetch_add(&r->next, 1)) < r->count;) {
        r->status[i] = read_clip(r, i);
        if (r->status[i] != V2S_OK)
            v2s_error_save(r->reason[i]);
    }
}

// Moves the clips that were read together and names the others; `list` follows.
static v2s_status keep_read(reading *r, const v2s_clip **list, size_t *kept) {
    *kept = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (r->status[i] == V2S_OK) {
            r->to[*kept] = r->to[i];
            list[(*kept)++] = r->clips[i];
            if (*kept <= i)
                r->to[i] = (v2s_band_clip){0};
            continue;
        }
        v2s_error_restore(r->reason[i]);
        v2s_error_prefix(r->status[i], "clip %s", r->clips[i]->id);
        if (r->o->config.strict || r->status[i] == V2S_CANCELLED || r->status[i] == V2S_NOMEM)
            return r->status[i];
        r->o->base.skipped_clips++;
        if (r->o->config.log != NULL)
            v2s_run_log_warn(r->o->config.log, "skipped: %s", v2s_error_text());
    }
    return V2S_OK;
}

// *out [count] clips' sums and *list [count] the clips themselves, of those that could be used.
static v2s_status read_clips(objective_v2s *o, const v2s_clip *const *clips, size_t count,
                             v2s_band_clip **out, const v2s_clip ***list, size_t *kept) {
    reading r = {.o = o, .clips = clips, .count = count};
    size_t room = count > 0 ? count : 1;
    r.to = *out = calloc(room, sizeof **out);
    *list = calloc(room, sizeof **list);
    r.status = calloc(room, sizeof *r.status);
    r.reason = calloc(room, sizeof *r.reason);
    v2s_status status = V2S_OK;
    if (*out == NULL || *list == NULL || r.status == NULL || r.reason == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK) {
        v2s_parallel(o->config.threads, o->config.threads, read_share, &r);
        status = keep_read(&r, *list, kept);
    }
    free(r.status);
    free(r.reason);
    return status;
}

// ---- floors -----------------------------------------------------------------------------------

static v2s_vec3 direction_at(const v2s_band_clip *c, int frame, size_t *cursor) {
    return v2s_trajectory_at(&c->path, frame * c->hop_s, cursor).unit;
}

// Least squares of truth = gain * geometric, channel by channel.
static void fit_scaled(objective_v2s *o) {
    double top[4] = {0}, bottom[4] = {0};
    for (size_t n = 0; n < o->base.train_clips; n++) {
        const v2s_band_clip *c = &o->train[n];
        size_t cursor = 0;
        for (int t = 0; t < c->frames; t++) {
            v2s_vec3 u = direction_at(c, t, &cursor);
            for (int b = 0; b < BANDS; b++) {
                v2s_band_stat s = v2s_band_clip_get(c, (size_t)t * BANDS + (size_t)b);
                const double up[4] = {s.gt, u.y * s.py, u.z * s.pz, u.x * s.px};
                const double down[4] = {1, u.y * u.y, u.z * u.z, u.x * u.x};
                for (int i = 0; i < 4; i++) {
                    top[i] += up[i];
                    bottom[i] += down[i] * s.g;
                }
            }
        }
    }
    for (int i = 0; i < 4; i++)
        o->scaled[i] = bottom[i] > 0 ? (float)(top[i] / bottom[i]) : 1;
}

// Rows of one step of the constants' fit, summed row by row in their order.
typedef struct fit {
    const objective_v2s *o;
    int frames, rows;
    const v2s_band_clip *clip[FIT_ROWS];
    int first[FIT_ROWS], length[FIT_ROWS];
    v2s_band_loss loss[FIT_ROWS];
    float *gains;               // [frames][BANDS][G]: the constants, repeated
    float *dgains[FIT_ROWS];    // the same
    double *gradient[FIT_ROWS]; // [BANDS][G]
} fit;

static void fit_row(void *ctx, int i, int parts) {
    (void)parts;
    fit *f = ctx;
    int n = BANDS * f->o->gains;
    v2s_band_loss_row(&f->loss[i], &f->o->config.loss, f->clip[i], f->first[i], f->length[i],
                      f->gains, 1.0 / f->rows, f->dgains[i], NULL);
    memset(f->gradient[i], 0, (size_t)n * sizeof(double));
    for (int t = 0; t < f->length[i]; t++)
        for (int j = 0; j < n; j++)
            f->gradient[i][j] += f->dgains[i][(size_t)t * n + j];
}

static void fit_step(fit *f, float *constant, double *m, double *v, int step, double rate) {
    int n = BANDS * f->o->gains;
    for (int t = 0; t < f->frames; t++)
        memcpy(f->gains + (size_t)t * n, constant, (size_t)n * sizeof *constant);
    v2s_parallel(f->o->config.threads, f->rows, fit_row, f);
    double m_scale = 1 / (1 - pow(0.9, step)), v_scale = 1 / (1 - pow(0.999, step));
    for (int j = 0; j < n; j++) {
        double g = 0;
        for (int i = 0; i < f->rows; i++)
            g += f->gradient[i][j];
        m[j] = 0.9 * m[j] + 0.1 * g;
        v[j] = 0.999 * v[j] + 0.001 * g * g;
        constant[j] -= (float)(rate * m[j] * m_scale / (sqrt(v[j] * v_scale) + 1e-12));
    }
}

static v2s_status fit_open(const objective_v2s *o, fit *f) {
    size_t n = (size_t)BANDS * o->gains;
    *f = (fit){.o = o, .frames = (int)(FIT_ROW_S / HOP_S)};
    f->gains = malloc((size_t)f->frames * n * sizeof(float));
    bool ok = f->gains != NULL;
    for (int i = 0; i < FIT_ROWS; i++) {
        f->dgains[i] = malloc((size_t)f->frames * n * sizeof(float));
        f->gradient[i] = malloc(n * sizeof(double));
        ok = ok && f->dgains[i] != NULL && f->gradient[i] != NULL &&
             v2s_band_loss_open(f->frames, &f->loss[i]) == V2S_OK;
    }
    return ok ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
}

static void fit_close(fit *f) {
    free(f->gains);
    for (int i = 0; i < FIT_ROWS; i++) {
        free(f->dgains[i]);
        free(f->gradient[i]);
        v2s_band_loss_close(&f->loss[i]);
    }
}

// Takes `rows` clips from `order`, each from its beginning.
static void fit_take(fit *f, const size_t *order, int rows) {
    f->rows = rows;
    for (int i = 0; i < rows; i++) {
        f->clip[i] = &f->o->train[order[i]];
        f->first[i] = 0;
        f->length[i] = f->clip[i]->frames < f->frames ? f->clip[i]->frames : f->frames;
    }
}

static void fit_passes(objective_v2s *o, fit *f, size_t *order, double *m, double *v) {
    size_t count = o->base.train_clips;
    int passes = (int)((FIT_CLIPS + count - 1) / count);
    int step = 0, steps = (int)((count + FIT_ROWS - 1) / FIT_ROWS) * passes;
    for (int pass = 0; pass < passes; pass++) {
        for (size_t i = 0; i < count; i++)
            order[i] = i;
        v2s_rng rng = v2s_rng_open(0, (uint64_t)pass);
        v2s_rng_shuffle(&rng, order, count);
        for (size_t at = 0; at < count; at += FIT_ROWS) {
            fit_take(f, order + at, (int)(count - at < FIT_ROWS ? count - at : FIT_ROWS));
            double rate = FIT_RATE * 0.5 * (1 + cos(V2S_PI * step / steps));
            fit_step(f, o->constant, m, v, ++step, rate);
        }
    }
}

static v2s_status fit_constant(objective_v2s *o) {
    size_t n = (size_t)BANDS * o->gains;
    int tails = o->dry ? 4 : 3;
    for (size_t i = 0; i < n; i++) {
        int gain = (int)(i % (size_t)o->gains);
        o->constant[i] = gain >= tails ? FIT_TAIL_START : 0;
    }
    fit f;
    double *m = calloc(n, sizeof *m), *v = calloc(n, sizeof *v);
    size_t *order = malloc(o->base.train_clips * sizeof *order);
    v2s_status status = fit_open(o, &f);
    if (status == V2S_OK && (m == NULL || v == NULL || order == NULL))
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK)
        fit_passes(o, &f, order, m, v);
    fit_close(&f);
    free(m);
    free(v);
    free(order);
    return status;
}

// ---- rows -------------------------------------------------------------------------------------

static void gather_energy(const v2s_band_clip *c, int first, int frames, float *energy) {
    for (size_t i = 0; i < (size_t)frames * BANDS; i++)
        energy[i] = v2s_band_clip_get(c, (size_t)first * BANDS + i).g;
}

// Another spectrum: EQ_POINTS random gains over the bands, linear between. Levels relative to a
// band's mean do not notice; the contrast between bands does a little.
static void equalise(const objective_v2s *o, v2s_rng *rng, float *energy) {
    double point[EQ_POINTS], gain[BANDS];
    if (o->config.equaliser_db <= 0)
        return;
    for (int i = 0; i < EQ_POINTS; i++)
        point[i] = o->config.equaliser_db / 10 * v2s_rng_normal(rng);
    for (int i = 0; i < BANDS; i++) {
        double at = (double)i * (EQ_POINTS - 1) / (BANDS - 1), share = at - floor(at);
        int low = (int)at, high = low + 1 < EQ_POINTS ? low + 1 : low;
        gain[i] = pow(10, point[low] + share * (point[high] - point[low]));
    }
    for (size_t i = 0; i < (size_t)o->base.T * BANDS; i++)
        energy[i] *= (float)gain[i % BANDS];
}

// Hides what a row should not lean on: single inputs, and the upper bands of some rows.
static void spoil(const objective_v2s *o, int used, v2s_rng *rng, float *x) {
    int inputs = inputs_of(o);
    bool limited = v2s_rng_uniform(rng) < o->config.band_limit;
    int limit = limited ? used / 2 + (int)(v2s_rng_uniform(rng) * (used - used / 2)) : used;
    float scale = (float)(1 / (1 - o->config.dropout));
    for (int t = 0; t < o->base.T; t++)
        for (int i = 0; i < BANDS; i++) {
            float *at = x + (size_t)t * inputs + i;
            bool drop = o->config.dropout > 0 && v2s_rng_uniform(rng) < o->config.dropout;
            *at = i >= limit || drop ? 0 : *at * scale;
            if (o->config.pairing == V2S_PAIRING_OMNI && i + 2 >= limit)
                at[BANDS + 2] = 0; // the contrast with a hidden band
        }
}

static v2s_status prepare(v2s_objective *base, int row, const v2s_row_item *item, float *x) {
    objective_v2s *o = (objective_v2s *)base;
    row_slot *slot = &o->slots[row];
    const v2s_band_clip *c = &o->train[item->clip];
    v2s_rng rng = v2s_rng_open(item->seed, 0);
    int room = c->frames - base->T;
    slot->clip = c;
    slot->first = room > 0 ? (int)(v2s_rng_uniform(&rng) * (room + 1)) : 0;
    gather_energy(c, slot->first, base->T, slot->energy);
    equalise(o, &rng, slot->energy);
    v2s_band_clock clock = {slot->first * c->hop_s, c->hop_s, c->used};
    v2s_band_features(&clock, slot->energy, base->T, &c->path, o->dry ? &c->condition : NULL, x);
    spoil(o, c->used, &rng, x);
    return V2S_OK;
}

static double loss(v2s_objective *base, int row, const float *residual, float scale,
                   float *dresidual) {
    objective_v2s *o = (objective_v2s *)base;
    row_slot *slot = &o->slots[row];
    return v2s_band_loss_row(&slot->loss, &o->config.loss, slot->clip, slot->first, base->T,
                             residual, scale, dresidual, NULL);
}

// ---- validation -------------------------------------------------------------------------------

typedef struct scoring {
    objective_v2s *o;
    const v2s_refiner *m;
    v2s_device device; // one thread: clips are what is shared out
    int longest;
    double (*terms)[V2S_BAND_TERMS]; // [val clips]
    v2s_status status;
} scoring;

static v2s_status score_clips(scoring *s, int part, int parts) {
    objective_v2s *o = s->o;
    size_t inputs = (size_t)inputs_of(o), outputs = (size_t)BANDS * o->gains;
    v2s_band_loss_config config = o->config.loss;
    config.emphasis = 1; // as the metrics weigh
    v2s_refiner_work work = {0};
    v2s_band_loss loss = {0};
    float *energy = malloc((size_t)s->longest * BANDS * sizeof *energy);
    float *x = malloc((size_t)s->longest * inputs * sizeof *x);
    float *gains = malloc((size_t)s->longest * outputs * sizeof *gains);
    v2s_status status = energy != NULL && x != NULL && gains != NULL
                            ? V2S_OK
                            : V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK)
        status = v2s_refiner_work_open(&work, s->m, &s->device, 1, s->longest);
    if (status == V2S_OK)
        status = v2s_band_loss_open(s->longest, &loss);
    for (size_t i = (size_t)part; status == V2S_OK && i < o->base.val_clips; i += (size_t)parts) {
        const v2s_band_clip *c = &o->val[i];
        gather_energy(c, 0, c->frames, energy);
        v2s_band_clock clock = {0, c->hop_s, c->used};
        v2s_band_features(&clock, energy, c->frames, &c->path, o->dry ? &c->condition : NULL, x);
        v2s_refiner_forward(s->m, &s->device, 1, c->frames, x, gains, &work);
        v2s_band_loss_row(&loss, &config, c, 0, c->frames, gains, 1, NULL, s->terms[i]);
    }
    v2s_band_loss_close(&loss);
    v2s_refiner_work_close(&work);
    free(energy);
    free(x);
    free(gains);
    return status;
}

static void score_share(void *ctx, int part, int parts) {
    scoring *s = ctx;
    v2s_status status = score_clips(s, part, parts);
    if (status != V2S_OK)
        s->status = status;
}

static v2s_status validate(v2s_objective *base, const v2s_refiner *m, const v2s_device *dev,
                           double *score) {
    objective_v2s *o = (objective_v2s *)base;
    scoring s = {.o = o, .m = m, .device = *dev};
    s.device.threads = 1;
    for (size_t i = 0; i < base->val_clips; i++)
        s.longest = o->val[i].frames > s.longest ? o->val[i].frames : s.longest;
    s.terms = calloc(base->val_clips, sizeof *s.terms);
    if (s.terms == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_parallel(dev->threads, dev->threads, score_share, &s);
    *score = 0;
    for (int j = 0; j < V2S_BAND_TERMS; j++) {
        base->score_names[j] = v2s_band_term_names[j];
        base->scores[j] = 0;
        for (size_t i = 0; i < base->val_clips; i++)
            base->scores[j] += s.terms[i][j] / (double)base->val_clips;
        *score += o->config.loss.weight[j] * base->scores[j];
    }
    free(s.terms);
    return s.status == V2S_OK ? V2S_OK : V2S_FAIL(s.status, "validation: out of memory");
}

// ---- life -------------------------------------------------------------------------------------

static void close_objective(v2s_objective *base) {
    objective_v2s *o = (objective_v2s *)base;
    for (size_t i = 0; o->train != NULL && i < base->train_clips; i++)
        v2s_band_clip_free(&o->train[i]);
    for (size_t i = 0; o->val != NULL && i < base->val_clips; i++)
        v2s_band_clip_free(&o->val[i]);
    for (int i = 0; o->slots != NULL && i < base->rows; i++) {
        free(o->slots[i].energy);
        v2s_band_loss_close(&o->slots[i].loss);
    }
    free(o->train);
    free(o->val);
    free(o->train_list);
    free(o->val_list);
    free(o->slots);
    free(o->constant);
    v2s_foa_basis_set_close(&o->bases);
    free(o);
}

// ---- what checkpoints carry -------------------------------------------------------------------

// The network starts from the constants, with a last layer that is zero otherwise.
static void start(const v2s_objective *base, v2s_refiner *m) {
    const objective_v2s *o = (const objective_v2s *)base;
    int n = BANDS * o->gains;
    memset(m->output.weight.data, 0, v2s_tensor_count(&m->output.weight) * sizeof(real));
    for (int i = 0; i < n; i++)
        m->output.bias.data[i] = o->constant[i] / V2S_REFINER_GAIN;
}

static bool extra_tensor(const v2s_objective *base, int index, v2s_safetensors_tensor *tensor) {
    const objective_v2s *o = (const objective_v2s *)base;
    if (index == 0)
        *tensor = (v2s_safetensors_tensor){
            .name = "floor.scaled", .rank = 1, .dim = {4}, .data = o->scaled};
    if (index == 1)
        *tensor = (v2s_safetensors_tensor){
            .name = "floor.constant", .rank = 1, .dim = {BANDS * o->gains}, .data = o->constant};
    return index < 2;
}

static bool metadata(const v2s_objective *base, int index, v2s_safetensors_pair *pair) {
    const objective_v2s *o = (const objective_v2s *)base;
    if (index == 0)
        *pair = (v2s_safetensors_pair){"basis", V2S_FOA_BASIS_VERSION};
    if (index == 1)
        *pair = (v2s_safetensors_pair){"pairing", v2s_pairing_name(o->config.pairing)};
    return index < 2;
}

static const v2s_objective_class v2s_class = {.preset = "v2s",
                                              .prepare = prepare,
                                              .loss = loss,
                                              .validate = validate,
                                              .start = start,
                                              .extra_tensor = extra_tensor,
                                              .metadata = metadata,
                                              .close = close_objective};

static v2s_status open_slots(objective_v2s *o) {
    o->slots = calloc((size_t)o->base.rows, sizeof *o->slots);
    if (o->slots == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (int i = 0; i < o->base.rows; i++) {
        o->slots[i].energy = malloc((size_t)o->base.T * BANDS * sizeof(float));
        if (o->slots[i].energy == NULL)
            return V2S_FAIL(V2S_NOMEM, "out of memory");
        V2S_TRY(v2s_band_loss_open(o->base.T, &o->slots[i].loss));
    }
    return V2S_OK;
}

// A row is as long as asked for, or as the shortest clip.
static void choose_length(objective_v2s *o) {
    o->base.T = (int)lround(o->config.segment_s / HOP_S);
    for (size_t i = 0; i < o->base.train_clips; i++)
        o->base.T = o->train[i].frames < o->base.T ? o->train[i].frames : o->base.T;
}

static v2s_status fill(objective_v2s *o, const v2s_clip *const *train, const v2s_clip *const *val) {
    o->dry = o->config.pairing == V2S_PAIRING_DRY;
    o->gains = v2s_foa_basis_gains(o->dry);
    V2S_TRY(v2s_foa_basis_set_open(o->dry, &o->bases));
    size_t kept_train = 0, kept_val = 0;
    v2s_status status =
        read_clips(o, train, o->base.train_clips, &o->train, &o->train_list, &kept_train);
    if (status == V2S_OK)
        status = read_clips(o, val, o->base.val_clips, &o->val, &o->val_list, &kept_val);
    if (status != V2S_OK)
        return status;
    o->base.train_clips = kept_train;
    o->base.val_clips = kept_val;
    o->base.train = o->train_list;
    if (kept_train == 0 || kept_val == 0)
        return V2S_FAIL(V2S_FORMAT,
                        "preset v2s: expected usable clips of the splits train and val, found %zu "
                        "and %zu",
                        kept_train, kept_val);
    o->base.config = (v2s_refiner_config){.kernel = o->config.kernel,
                                          .channels = o->config.channels,
                                          .hidden = o->config.hidden,
                                          .inputs = inputs_of(o),
                                          .outputs = BANDS * o->gains};
    o->constant = calloc((size_t)BANDS * o->gains, sizeof *o->constant);
    if (o->constant == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    choose_length(o);
    V2S_TRY(open_slots(o));
    fit_scaled(o);
    return fit_constant(o);
}

v2s_status v2s_objective_v2s_open(const v2s_objective_v2s_config *config,
                                  const v2s_clip *const *train, size_t train_count,
                                  const v2s_clip *const *val, size_t val_count,
                                  v2s_objective **out) {
    objective_v2s *o = calloc(1, sizeof *o);
    if (o == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    o->config = *config;
    o->base.cls = &v2s_class;
    o->base.rows = config->rows;
    o->base.train_clips = train_count;
    o->base.val_clips = val_count;
    v2s_status status = fill(o, train, val);
    if (status != V2S_OK) {
        close_objective(&o->base);
        return status;
    }
    *out = &o->base;
    return V2S_OK;
}
