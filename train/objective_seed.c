// SPDX-License-Identifier: MIT
#include "train/objective_seed.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/pair.h"
#include "kernels/base/cancel.h"
#include "kernels/base/parallel.h"
#include "kernels/base/rng.h"
#include "nn/refiner_runner.h"
#include "spatial/ambisonics.h"

enum { CHANNELS = V2S_FOA_CHANNELS };

static const double default_segment_s = 1.0, gain_range_db = 6.0;

// A clip as it is kept.
typedef struct kept {
    const v2s_clip *clip;
    v2s_pair pair; // samples NULL: read again when needed
    size_t frames;
    char *numeric; // why its samples are not usable, or NULL
} kept;

typedef struct objective_seed {
    v2s_objective base;
    v2s_objective_seed_config config;
    double rate_hz;
    kept *train, *val;
    const v2s_clip **clips; // behind base.train
    v2s_loss_list *loss;    // of rows, on the device
    float scaled[CHANNELS];
    double geometric_score; // NAN before the first validation
    char rate_text[32];
} objective_seed;

// ---- augmentation -----------------------------------------------------------------------------

v2s_status v2s_augment_parse(const char *option, const char *text, v2s_augment *out) {
    v2s_augment found = {0};
    static const char *const names[] = {"rotation", "mirror", "gain"};
    bool *const flags[] = {&found.rotation, &found.mirror, &found.gain};
    if (strcmp(text, "none") == 0) {
        *out = found;
        return V2S_OK;
    }
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        int known = -1;
        for (int i = 0; i < 3; i++)
            if (strlen(names[i]) == length && strncmp(at, names[i], length) == 0)
                known = i;
        if (known < 0)
            return V2S_FAIL(V2S_USAGE,
                            "%s: expected none, or some of rotation,mirror,gain; found '%.*s'",
                            option, (int)(length < 64 ? length : 64), at);
        *flags[known] = true;
        at += length;
        if (*at == '\0')
            break;
    }
    *out = found;
    return V2S_OK;
}

typedef struct change {
    double angle_rad, gain;
    bool mirror;
} change;

static void apply_change(const objective_seed *o, const change *c, float *foa) {
    size_t frames = (size_t)o->base.T;
    if (o->config.augment.rotation)
        v2s_foa_rotate_yaw(foa, frames, c->angle_rad);
    float gain = o->config.augment.gain ? (float)c->gain : 1;
    float side = o->config.augment.mirror && c->mirror ? -gain : gain;
    for (size_t i = 0; i < frames; i++) {
        float *frame = foa + i * CHANNELS;
        frame[V2S_ACN_W] *= gain;
        frame[V2S_ACN_Y] *= side;
        frame[V2S_ACN_Z] *= gain;
        frame[V2S_ACN_X] *= gain;
    }
}

// ---- training rows ----------------------------------------------------------------------------

// The samples of a kept clip, from memory or read again into *again.
static v2s_status samples_of(const objective_seed *o, const kept *k, v2s_pair *again,
                             const v2s_pair **pair) {
    *pair = &k->pair;
    if (k->pair.truth != NULL)
        return V2S_OK;
    V2S_TRY(v2s_pair_load(k->clip, o->rate_hz, again));
    *pair = again;
    if (again->frames != k->frames)
        return V2S_FAIL(V2S_FORMAT, "clip %s: changed while training: %zu samples, found %zu",
                        k->clip->id, k->frames, again->frames);
    return V2S_OK;
}

static v2s_status prepare(v2s_objective *base, int row, const v2s_row_item *item, float *x,
                          void *extra) {
    (void)row;
    objective_seed *o = (objective_seed *)base;
    const kept *k = &o->train[item->clip];
    float *truth = extra;
    if (k->numeric != NULL)
        return V2S_FAIL(V2S_NUMERIC, "%s", k->numeric);
    v2s_rng rng = v2s_rng_open(item->seed, 0);
    size_t frames = (size_t)base->T;
    size_t first = (size_t)v2s_rng_below(&rng, k->frames - frames + 1);
    change c = {.angle_rad = v2s_rng_between(&rng, -V2S_PI, V2S_PI)};
    c.mirror = v2s_rng_uniform(&rng) < 0.5;
    c.gain = pow(10, v2s_rng_between(&rng, -gain_range_db, gain_range_db) / 20);
    v2s_pair again = {0};
    const v2s_pair *pair;
    v2s_status status = samples_of(o, k, &again, &pair);
    if (status == V2S_OK) {
        size_t bytes = frames * CHANNELS * sizeof(float);
        memcpy(x, pair->geometric + first * CHANNELS, bytes);
        memcpy(truth, pair->truth + first * CHANNELS, bytes);
        apply_change(o, &c, x);
        apply_change(o, &c, truth);
    }
    v2s_pair_free(&again);
    return status;
}

static v2s_status open_device(v2s_objective *base, const v2s_device *dev, int rows) {
    objective_seed *o = (objective_seed *)base;
    v2s_loss_setup setup = {
        .dev = dev, .weights = o->config.loss, .rate_hz = o->rate_hz, .T = base->T, .rows = rows};
    return v2s_loss_list_open(&setup, &o->loss);
}

static void loss(v2s_objective *base, int rows, const float *x, const void *extra,
                 const float *residual, double scale, float *dresidual, double *values) {
    objective_seed *o = (objective_seed *)base;
    v2s_loss_list_batch(o->loss, rows, base->T, residual, x, extra, scale, dresidual, values);
}

// ---- validation -------------------------------------------------------------------------------

typedef struct scoring {
    const objective_seed *o;
    const v2s_refiner *m;
    v2s_device device; // of the network; one thread: clips run side by side
    v2s_device *host;  // of the loss
    v2s_loss_list *loss;
    // as many as may run at once: each holds the activations of a whole clip
    struct {
        v2s_refiner_runner *runner;
        pthread_mutex_t turn;
    } lanes[V2S_PARALLEL_MAX];
    int lane_count;
    size_t longest;
    bool with_geometric;
    double (*scores)[2]; // [val_clips] refined, geometric
    v2s_status *status;  // [threads]
    char (*errors)[V2S_ERROR_TEXT_MAX];
} scoring;

static v2s_status forward(scoring *s, int part, int T, const float *x, float *residual) {
    int lane = part % s->lane_count;
    pthread_mutex_lock(&s->lanes[lane].turn);
    v2s_status status = v2s_refiner_runner_forward(s->lanes[lane].runner, 1, T, x, residual);
    pthread_mutex_unlock(&s->lanes[lane].turn);
    return status;
}

static v2s_status score_clip(scoring *s, int part, size_t index, float *residual) {
    const objective_seed *o = s->o;
    const kept *k = &o->val[index];
    v2s_pair again = {0};
    const v2s_pair *pair;
    v2s_status status = samples_of(o, k, &again, &pair);
    int T = (int)k->frames;
    if (status == V2S_OK)
        status = forward(s, part, T, pair->geometric, residual);
    if (status == V2S_OK) {
        s->scores[index][0] = v2s_loss_list_row(s->loss, part, T, residual, pair->geometric,
                                                pair->truth, 0, NULL, NULL);
        if (s->with_geometric) {
            memset(residual, 0, k->frames * CHANNELS * sizeof *residual);
            s->scores[index][1] = v2s_loss_list_row(s->loss, part, T, residual, pair->geometric,
                                                    pair->truth, 0, NULL, NULL);
        }
    }
    v2s_pair_free(&again);
    return status;
}

static void score_share(void *ctx, int part, int parts) {
    scoring *s = ctx;
    float *residual = malloc(s->longest * CHANNELS * sizeof *residual);
    v2s_status status = residual == NULL ? V2S_FAIL(V2S_NOMEM, "out of memory") : V2S_OK;
    for (size_t i = (size_t)part; status == V2S_OK && i < s->o->base.val_clips; i += (size_t)parts)
        status = score_clip(s, part, i, residual);
    free(residual);
    s->status[part] = status;
    if (status != V2S_OK)
        v2s_error_save(s->errors[part]);
}

static v2s_status run_scoring(scoring *s, int threads) {
    V2S_TRY(v2s_device_open("cpu", 1, &s->host));
    s->lane_count = threads < s->device.lanes ? threads : s->device.lanes;
    v2s_loss_setup setup = {.dev = s->host,
                            .weights = s->o->config.loss,
                            .rate_hz = s->o->rate_hz,
                            .T = (int)s->longest,
                            .rows = 1,
                            .lanes = threads};
    v2s_status status = v2s_loss_list_open(&setup, &s->loss);
    for (int i = 0; i < s->lane_count; i++)
        pthread_mutex_init(&s->lanes[i].turn, NULL);
    for (int i = 0; i < s->lane_count && status == V2S_OK; i++)
        status = v2s_refiner_runner_open(s->m, &s->device, 1, (int)s->longest, &s->lanes[i].runner);
    if (status == V2S_OK)
        v2s_parallel(threads, threads, score_share, s);
    for (int i = 0; i < s->lane_count; i++) {
        v2s_refiner_runner_close(&s->lanes[i].runner);
        pthread_mutex_destroy(&s->lanes[i].turn);
    }
    v2s_loss_list_close(&s->loss);
    v2s_device_close(&s->host);
    V2S_TRY(status);
    for (int i = 0; i < threads; i++)
        if (s->status[i] != V2S_OK) {
            v2s_error_restore(s->errors[i]);
            return v2s_error_prefix(s->status[i], "validation");
        }
    return V2S_OK;
}

static v2s_status validate(v2s_objective *base, const v2s_refiner *m, const v2s_device *dev,
                           double *score) {
    objective_seed *o = (objective_seed *)base;
    size_t clips = base->val_clips;
    int threads = o->config.threads < (int)clips ? o->config.threads : (int)clips;
    scoring s = {.o = o, .m = m, .device = *dev, .with_geometric = isnan(o->geometric_score)};
    s.device.threads = 1;
    for (size_t i = 0; i < clips; i++)
        s.longest = o->val[i].frames > s.longest ? o->val[i].frames : s.longest;
    s.scores = calloc(clips, sizeof *s.scores);
    s.status = calloc((size_t)threads, sizeof *s.status);
    s.errors = calloc((size_t)threads, sizeof *s.errors);
    v2s_status status = V2S_OK;
    if (s.scores == NULL || s.status == NULL || s.errors == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    else
        status = run_scoring(&s, threads);
    if (status == V2S_OK) {
        double sum[2] = {0};
        for (size_t i = 0; i < clips; i++)
            for (int j = 0; j < 2; j++)
                sum[j] += s.scores[i][j] / (double)clips;
        if (s.with_geometric)
            o->geometric_score = sum[1];
        base->score_names[0] = "loss";
        base->scores[0] = *score = sum[0];
        base->score_names[1] = "geometric_loss";
        base->scores[1] = o->geometric_score;
    }
    free(s.scores);
    free(s.status);
    free(s.errors);
    return status;
}

// ---- checkpoints ------------------------------------------------------------------------------

static bool extra_tensor(const v2s_objective *base, int index, v2s_safetensors_tensor *tensor) {
    if (index > 0)
        return false;
    *tensor = (v2s_safetensors_tensor){.name = "floor.scaled",
                                       .rank = 1,
                                       .dim = {CHANNELS},
                                       .data = ((const objective_seed *)base)->scaled};
    return true;
}

static bool metadata(const v2s_objective *base, int index, v2s_safetensors_pair *pair) {
    const objective_seed *o = (const objective_seed *)base;
    const v2s_safetensors_pair pairs[] = {{"rate_hz", o->rate_text},
                                          {"pairing", o->config.pairing}};
    if (index >= 2)
        return false;
    *pair = pairs[index];
    return true;
}

// ---- reading ----------------------------------------------------------------------------------

typedef struct reading {
    objective_seed *o;
    const v2s_clip *const *clips;
    kept *to; // [count]
    size_t from, count;
    v2s_status *status; // [count]
    char (*errors)[V2S_ERROR_TEXT_MAX];
} reading;

static void read_share(void *ctx, int part, int parts) {
    (void)parts;
    reading *r = ctx;
    size_t i = r->from + (size_t)part;
    kept *k = &r->to[i];
    k->clip = r->clips[i];
    r->status[i] = v2s_pair_load(k->clip, r->o->rate_hz, &k->pair);
    k->frames = k->pair.frames;
    if (r->status[i] != V2S_OK)
        v2s_error_save(r->errors[i]);
}

// Whether a clip stays; the sentence about it is this thread's error text.
static v2s_status judge(objective_seed *o, kept *k, v2s_status status, bool training, bool *stays) {
    *stays = status == V2S_OK;
    if (status == V2S_OK || status == V2S_NOMEM || status == V2S_CANCELLED)
        return status;
    if (status == V2S_NUMERIC && training && !o->config.strict) {
        *stays = (k->numeric = strdup(v2s_error_text())) != NULL;
        return *stays ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    if (o->config.strict)
        return status;
    o->base.skipped_clips++;
    if (o->config.log != NULL)
        v2s_run_log_warn(o->config.log, "skipped: %s", v2s_error_text());
    return V2S_OK;
}

// products[c] += {sum geometric truth, sum geometric^2}
static void add_products(const v2s_pair *pair, double products[CHANNELS][2]) {
    for (size_t i = 0; i < pair->frames; i++)
        for (size_t c = 0; c < CHANNELS; c++) {
            double g = pair->geometric[i * CHANNELS + c], t = pair->truth[i * CHANNELS + c];
            products[c][0] += g * t;
            products[c][1] += g * g;
        }
}

static void forget_samples(kept *k) {
    v2s_pair_free(&k->pair);
}

static void close_kept(kept *k) {
    forget_samples(k);
    free(k->numeric);
    *k = (kept){0};
}

// Reads a few clips at a time side by side; *stay counts those that are moved to the front.
static v2s_status read_some(reading *r, bool training, double products[CHANNELS][2], size_t *bytes,
                            size_t *stay) {
    objective_seed *o = r->o;
    size_t left = r->count - r->from;
    size_t some = left < (size_t)o->config.threads ? left : (size_t)o->config.threads;
    V2S_TRY(v2s_cancel_check());
    v2s_parallel(o->config.threads, (int)some, read_share, r);
    v2s_status status = V2S_OK;
    for (size_t i = r->from; i < r->from + some; i++) {
        kept k = r->to[i];
        r->to[i] = (kept){0};
        bool stays = false;
        if (status == V2S_OK) {
            v2s_error_restore(r->errors[i]);
            status = judge(o, &k, r->status[i], training, &stays);
        }
        if (training && k.pair.truth != NULL)
            add_products(&k.pair, products);
        size_t size = 2 * CHANNELS * sizeof(float) * k.frames;
        if (*bytes + size > o->config.memory_bytes)
            forget_samples(&k);
        else
            *bytes += size;
        if (stays && status == V2S_OK)
            r->to[(*stay)++] = k;
        else
            close_kept(&k);
    }
    r->from += some;
    return status;
}

static v2s_status read_clips(objective_seed *o, const v2s_clip *const *clips, size_t count,
                             bool training, double products[CHANNELS][2], size_t *bytes, kept **out,
                             size_t *stay) {
    reading r = {.o = o, .clips = clips, .count = count};
    *out = r.to = calloc(count + 1, sizeof *r.to);
    r.status = calloc(count + 1, sizeof *r.status);
    r.errors = calloc(count + 1, sizeof *r.errors);
    v2s_status status = V2S_OK;
    if (r.to == NULL || r.status == NULL || r.errors == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    while (status == V2S_OK && r.from < count)
        status = read_some(&r, training, products, bytes, stay);
    free(r.status);
    free(r.errors);
    return status;
}

// The run's rate is that of the first clip that can be read, unless it was given.
static v2s_status choose_rate(objective_seed *o, const v2s_clip *const *clips, size_t count) {
    o->rate_hz = o->config.rate_hz;
    for (size_t i = 0; o->rate_hz == 0 && i < count; i++) {
        v2s_pair pair = {0};
        if (v2s_pair_load(clips[i], 0, &pair) == V2S_OK)
            o->rate_hz = pair.rate_hz;
        v2s_pair_free(&pair);
    }
    if (o->rate_hz == 0) // the last clip's sentence says why
        return v2s_error_prefix(V2S_FORMAT, "no clip of the split train can be read");
    snprintf(o->rate_text, sizeof o->rate_text, "%.0f", o->rate_hz);
    return V2S_OK;
}

// Leaves out training clips that are shorter than a row.
static v2s_status choose_length(objective_seed *o) {
    size_t shortest = SIZE_MAX;
    for (size_t i = 0; i < o->base.train_clips; i++)
        if (o->train[i].numeric == NULL && o->train[i].frames < shortest)
            shortest = o->train[i].frames;
    double segment_s = o->config.segment_s > 0 ? o->config.segment_s : default_segment_s;
    double frames = round(segment_s * o->rate_hz);
    if (o->config.segment_s == 0)
        frames = fmin(frames, (double)shortest);
    if (!(frames >= 1 && frames <= 1e8))
        return V2S_FAIL(V2S_ARG, "segment: expected 1 .. 100000000 samples, found %.0f", frames);
    o->base.T = (int)frames;
    size_t stay = 0;
    for (size_t i = 0; i < o->base.train_clips; i++) {
        kept k = o->train[i];
        o->train[i] = (kept){0};
        if (k.numeric != NULL || k.frames >= (size_t)o->base.T) {
            o->train[stay++] = k;
            continue;
        }
        bool stays;
        v2s_status status =
            V2S_FAIL(V2S_FORMAT, "clip %s: %.4f s are shorter than the segment of %.4f s",
                     k.clip->id, (double)k.frames / o->rate_hz, segment_s);
        status = judge(o, &k, status, true, &stays);
        close_kept(&k);
        V2S_TRY(status);
    }
    o->base.train_clips = stay;
    return V2S_OK;
}

// At least one clip must have samples; the reason of the first one that has none is shown.
static v2s_status check_usable(const objective_seed *o) {
    const char *why = NULL;
    for (size_t i = 0; i < o->base.train_clips; i++) {
        if (o->train[i].numeric == NULL)
            return V2S_OK;
        why = why == NULL ? o->train[i].numeric : why;
    }
    if (why != NULL)
        return V2S_FAIL(V2S_NUMERIC, "no clip of the split train can be used: %s", why);
    return V2S_FAIL(V2S_FORMAT, "no clip of the split train can be used");
}

static v2s_status list_clips(objective_seed *o) {
    o->clips = calloc(o->base.train_clips, sizeof *o->clips);
    if (o->clips == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < o->base.train_clips; i++)
        o->clips[i] = o->train[i].clip;
    o->base.train = o->clips;
    o->base.row_bytes = v2s_size_mul((size_t)o->base.T, CHANNELS * sizeof(float));
    return V2S_OK;
}

static void close_objective(v2s_objective *base) {
    objective_seed *o = (objective_seed *)base;
    for (size_t i = 0; o->train != NULL && i < base->train_clips; i++)
        close_kept(&o->train[i]);
    for (size_t i = 0; o->val != NULL && i < base->val_clips; i++)
        close_kept(&o->val[i]);
    v2s_loss_list_close(&o->loss);
    free(o->train);
    free(o->val);
    free(o->clips);
    free(o);
}

static v2s_status fill(objective_seed *o, const v2s_clip *const *train, size_t train_count,
                       const v2s_clip *const *val, size_t val_count) {
    double products[CHANNELS][2] = {{0}};
    size_t bytes = 0;
    V2S_TRY(choose_rate(o, train, train_count));
    V2S_TRY(
        read_clips(o, train, train_count, true, products, &bytes, &o->train, &o->base.train_clips));
    V2S_TRY(read_clips(o, val, val_count, false, NULL, &bytes, &o->val, &o->base.val_clips));
    for (int c = 0; c < CHANNELS; c++)
        o->scaled[c] = products[c][1] > 0 ? (float)(products[c][0] / products[c][1]) : 1;
    V2S_TRY(check_usable(o));
    V2S_TRY(choose_length(o));
    V2S_TRY(check_usable(o));
    return list_clips(o);
}

v2s_status v2s_objective_seed_open(const v2s_objective_seed_config *config,
                                   const v2s_clip *const *train, size_t train_count,
                                   const v2s_clip *const *val, size_t val_count,
                                   v2s_objective **out) {
    static const v2s_objective_class seed_class = {
        .preset = "seed",
        .prepare = prepare,
        .open_device = open_device,
        .loss = loss,
        .validate = validate,
        .extra_tensor = extra_tensor,
        .metadata = metadata,
        .close = close_objective,
    };
    objective_seed *o = calloc(1, sizeof *o);
    if (o == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    o->config = *config;
    o->base.cls = &seed_class;
    o->base.config = config->network;
    o->base.rows = config->rows;
    o->geometric_score = NAN;
    v2s_status status = fill(o, train, train_count, val, val_count);
    if (status != V2S_OK) {
        close_objective(&o->base);
        return status;
    }
    *out = &o->base;
    return V2S_OK;
}
