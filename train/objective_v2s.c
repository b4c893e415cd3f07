// SPDX-License-Identifier: MIT
#include "train/objective_v2s.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/band_gains.h"
#include "kernels/base/parallel.h"
#include "kernels/base/rng.h"
#include "nn/refiner_runner.h"
#include "train/band_floors.h"

enum { BANDS = V2S_BASIS_BANDS, EQ_POINTS = 12 };

#define HOP_S 0.008 // about that of every basis

typedef struct objective_v2s {
    v2s_objective base; // first: the trainer's view
    v2s_objective_v2s_config config;
    bool dry;
    int gains;                // of a band
    v2s_foa_basis_set *bases; // of the clips' rates
    v2s_band_clips train, val;
    float *energy;         // [rows][T][BANDS], work space of prepare
    const v2s_device *dev; // of loss; NULL before open_device
    v2s_arena scratch;     // in its memory
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

static v2s_status prepare(v2s_objective *base, int row, const v2s_row_item *item, float *x,
                          void *extra) {
    objective_v2s *o = (objective_v2s *)base;
    float *energy = o->energy + (size_t)row * (size_t)base->T * BANDS;
    const v2s_band_clip *c = &o->train.sums[item->clip];
    v2s_rng rng = v2s_rng_open(item->seed, 0);
    int room = c->frames - base->T;
    int first = room > 0 ? (int)(v2s_rng_uniform(&rng) * (room + 1)) : 0;
    gather_energy(c, first, base->T, energy);
    equalise(o, &rng, energy);
    v2s_band_clock clock = {first * c->hop_s, c->hop_s, c->used};
    v2s_band_features(&clock, energy, base->T, &c->path, o->dry ? &c->condition : NULL, x);
    spoil(o, c->used, &rng, x);
    v2s_band_clip_row(c, first, base->T, extra);
    return V2S_OK;
}

// A batch of `rows` whose extras, residuals and results lie in the device's memory.
static v2s_loss_band_args loss_args(const objective_v2s *o, int rows) {
    return (v2s_loss_band_args){.config = o->config.loss,
                                .layout = v2s_foa_basis_layout(o->dry),
                                .B = rows,
                                .T = o->base.T,
                                .row_bytes = o->base.row_bytes};
}

static v2s_status open_device(v2s_objective *base, const v2s_device *dev, int rows) {
    objective_v2s *o = (objective_v2s *)base;
    v2s_loss_band_args a = loss_args(o, rows);
    V2S_TRY(v2s_device_arena_open(dev, dev->ops->loss_band_scratch(dev, &a), &o->scratch));
    o->dev = dev;
    return V2S_OK;
}

static void loss(v2s_objective *base, int rows, const float *x, const void *extra,
                 const float *residual, double scale, float *dresidual, double *values) {
    (void)x;
    objective_v2s *o = (objective_v2s *)base;
    v2s_loss_band_args a = loss_args(o, rows);
    a.rows = extra;
    a.residual = residual;
    a.scale = scale;
    a.dresidual = dresidual;
    a.values = values;
    o->dev->ops->loss_band(o->dev, &a, &o->scratch);
}

// ---- validation -------------------------------------------------------------------------------

typedef struct scoring {
    objective_v2s *o;
    const v2s_refiner *m;
    v2s_device device; // one thread: clips are what is shared out
    int longest;
    double (*terms)[V2S_BAND_TERMS]; // [val clips]
    struct {
        v2s_status status;
        char error[V2S_ERROR_TEXT_MAX];
    } fault[V2S_PARALLEL_MAX]; // of each share
} scoring;

static v2s_status score_clips(scoring *s, int part, int parts) {
    objective_v2s *o = s->o;
    size_t inputs = (size_t)inputs_of(o), outputs = (size_t)BANDS * o->gains;
    v2s_loss_band_config config = o->config.loss;
    config.emphasis = 1; // as the metrics weigh
    v2s_refiner_runner *runner = NULL;
    v2s_band_loss loss = {0};
    float *energy = malloc((size_t)s->longest * BANDS * sizeof *energy);
    float *x = malloc((size_t)s->longest * inputs * sizeof *x);
    float *raw = malloc((size_t)s->longest * outputs * sizeof *raw);
    float *gains = malloc((size_t)s->longest * outputs * sizeof *gains);
    v2s_status status = energy != NULL && x != NULL && raw != NULL && gains != NULL
                            ? V2S_OK
                            : V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK)
        status = v2s_refiner_runner_open(s->m, &s->device, 1, s->longest, &runner);
    if (status == V2S_OK)
        status = v2s_band_loss_open(s->longest, &loss);
    for (size_t i = (size_t)part; status == V2S_OK && i < o->base.val_clips; i += (size_t)parts) {
        const v2s_band_clip *c = &o->val.sums[i];
        gather_energy(c, 0, c->frames, energy);
        v2s_band_clock clock = {0, c->hop_s, c->used};
        v2s_band_features(&clock, energy, c->frames, &c->path, o->dry ? &c->condition : NULL, x);
        status = v2s_refiner_runner_forward(runner, 1, c->frames, x, raw);
        if (status != V2S_OK)
            break;
        v2s_band_gains(o->dry, c->frames, (int)outputs, raw, gains);
        v2s_band_loss_row(&loss, &config, c, 0, c->frames, gains, 1, NULL, s->terms[i]);
    }
    v2s_band_loss_close(&loss);
    v2s_refiner_runner_close(&runner);
    free(energy);
    free(x);
    free(raw);
    free(gains);
    return status;
}

static void score_share(void *ctx, int part, int parts) {
    scoring *s = ctx;
    s->fault[part].status = score_clips(s, part, parts);
    if (s->fault[part].status != V2S_OK)
        v2s_error_save(s->fault[part].error);
}

static v2s_status validate(v2s_objective *base, const v2s_refiner *m, const v2s_device *dev,
                           double *score) {
    objective_v2s *o = (objective_v2s *)base;
    scoring s = {.o = o, .m = m, .device = *dev};
    s.device.threads = 1;
    for (size_t i = 0; i < base->val_clips; i++)
        s.longest = o->val.sums[i].frames > s.longest ? o->val.sums[i].frames : s.longest;
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
    for (int i = 0; i < dev->threads; i++)
        if (s.fault[i].status != V2S_OK) {
            v2s_error_restore(s.fault[i].error);
            return v2s_error_prefix(s.fault[i].status, "validation");
        }
    return V2S_OK;
}

// ---- life -------------------------------------------------------------------------------------

static void close_objective(v2s_objective *base) {
    objective_v2s *o = (objective_v2s *)base;
    if (o->dev != NULL)
        v2s_device_arena_close(o->dev, &o->scratch);
    v2s_band_clips_free(&o->train);
    v2s_band_clips_free(&o->val);
    free(o->energy);
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
                                              .open_device = open_device,
                                              .loss = loss,
                                              .validate = validate,
                                              .start = start,
                                              .extra_tensor = extra_tensor,
                                              .metadata = metadata,
                                              .close = close_objective};

// A row is as long as asked for, or as the shortest clip.
static void choose_length(objective_v2s *o) {
    o->base.T = (int)lround(o->config.segment_s / HOP_S);
    for (size_t i = 0; i < o->base.train_clips; i++)
        o->base.T = o->train.sums[i].frames < o->base.T ? o->train.sums[i].frames : o->base.T;
}

static v2s_status read_splits(objective_v2s *o, const v2s_clip *const *train,
                              const v2s_clip *const *val) {
    const v2s_objective_v2s_config *config = &o->config;
    v2s_band_reader reader = {.bases = o->bases,
                              .rate_hz = config->rate_hz,
                              .threads = config->threads,
                              .strict = config->strict,
                              .log = config->log,
                              .what = "reading clips to train on"};
    V2S_TRY(v2s_band_clips_read(&reader, train, o->base.train_clips, &o->train));
    reader.what = "reading clips to validate on";
    V2S_TRY(v2s_band_clips_read(&reader, val, o->base.val_clips, &o->val));
    o->base.train_clips = o->train.count;
    o->base.val_clips = o->val.count;
    o->base.train = o->train.from;
    o->base.skipped_clips = reader.skipped;
    if (o->train.count > 0)
        return V2S_OK;
    return V2S_FAIL(V2S_FORMAT, "preset v2s: no usable clip of the split train");
}

static v2s_status fit_floors(objective_v2s *o) {
    o->constant = calloc((size_t)BANDS * o->gains, sizeof *o->constant);
    if (o->constant == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_band_floor_scaled(&o->train, o->scaled);
    return v2s_band_floor_constant(&o->train, o->dry, &o->config.loss, o->config.threads,
                                   o->config.log, o->constant);
}

static v2s_status fill(objective_v2s *o, const v2s_clip *const *train, const v2s_clip *const *val) {
    o->dry = o->config.pairing == V2S_PAIRING_DRY;
    o->gains = v2s_foa_basis_gains(o->dry);
    V2S_TRY(v2s_foa_basis_set_open(o->dry, &o->bases));
    V2S_TRY(read_splits(o, train, val));
    o->base.config = (v2s_refiner_config){.kernel = o->config.kernel,
                                          .channels = o->config.channels,
                                          .hidden = o->config.hidden,
                                          .inputs = inputs_of(o),
                                          .outputs = BANDS * o->gains};
    choose_length(o);
    o->base.row_bytes = v2s_band_row_bytes(v2s_foa_basis_layout(o->dry), o->base.T);
    o->energy = malloc((size_t)o->base.rows * (size_t)o->base.T * BANDS * sizeof *o->energy);
    if (o->energy == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    return fit_floors(o);
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
