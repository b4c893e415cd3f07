// SPDX-License-Identifier: MIT
// Training steps on the tested device: against the processor's, against themselves, and with
// batches that are bad, queued, or too large.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/manifest.h"
#include "tests/device/tested_device.h"
#include "tests/support/make_media.h"
#include "tests/support/make_pairs.h"
#include "train/objective_seed.h"
#include "train/objective_v2s.h"
#include "train/trainer.h"

enum { CLIPS = 22, VAL = 1, BATCH = 4, T = 64, STEPS = 200, PLACES = 5 };
typedef enum preset { SEED, V2S } preset;

TestSuite(training, .fini = v2s_test_folder_remove, .timeout = 800);

// ---- a run --------------------------------------------------------------------------------------

typedef struct run {
    const v2s_device *dev;
    v2s_manifest manifest;
    const v2s_clip *clips[CLIPS + VAL];
    v2s_objective *o;
    v2s_objective_class cls; // the objective's, with `prepare` perhaps spoilt
    v2s_trainer *t;
} run;

static const v2s_processes alone = {.count = 1, .local_count = 1};

static v2s_trainer_config usual_config(void) {
    return (v2s_trainer_config){
        .seed = 3,
        .batch = BATCH,
        .optimizer = V2S_OPTIM_ADAMW,
        .decay = 0.01,
        .clip_norm = 1,
        .ema_decay = 0.9,
        .schedule = {.kind = V2S_SCHEDULE_COSINE, .rate = 1e-3, .total_steps = STEPS}};
}

static v2s_status open_seed(run *r) {
    v2s_objective_seed_config config = {
        .network = {.inputs = 4, .kernel = 5, .channels = 8, .hidden = 16, .outputs = 4},
        .segment_s = (double)T / V2S_TEST_PAIR_RATE_HZ,
        .augment = {true, true, true},
        .pairing = "omni",
        .rows = BATCH,
        .threads = 2,
        .memory_bytes = 1 << 26};
    V2S_TRY(v2s_loss_weights_parse("--loss", "mse=1", &config.loss));
    return v2s_objective_seed_open(&config, r->clips, CLIPS, r->clips + CLIPS, VAL, &r->o);
}

// Rows of 25 frames, whole clips.
static v2s_status open_v2s(run *r) {
    v2s_objective_v2s_config config = v2s_objective_v2s_defaults(V2S_PAIRING_OMNI);
    config.channels = 8, config.hidden = 16, config.kernel = 5, config.rows = BATCH;
    config.threads = 2;
    return v2s_objective_v2s_open(&config, r->clips, CLIPS, r->clips + CLIPS, VAL, &r->o);
}

// An objective over a fresh reading of the pairs.
static run make_run(const v2s_device *dev, preset which) {
    run r = {.dev = dev};
    cr_assert_eq(v2s_manifest_read(v2s_test_path("m.jsonl"), (v2s_manifest_rules){.strict = true},
                                   &r.manifest),
                 V2S_OK);
    for (int i = 0; i < CLIPS + VAL; i++)
        r.clips[i] = &r.manifest.clips[i];
    cr_assert_eq(which == SEED ? open_seed(&r) : open_v2s(&r), V2S_OK, "%s", v2s_error_text());
    return r;
}

static v2s_status begin(run *r, const v2s_trainer_config *config) {
    return v2s_trainer_open(config, r->o, r->dev, &alone, NULL, &r->t);
}

static run open_preset(const v2s_device *dev, preset which) {
    run r = make_run(dev, which);
    v2s_trainer_config config = usual_config();
    cr_assert_eq(begin(&r, &config), V2S_OK, "%s", v2s_error_text());
    return r;
}

static run open_run(const v2s_device *dev) {
    return open_preset(dev, SEED);
}

static void close_run(run *r) {
    v2s_trainer_close(&r->t);
    r->o->cls->close(r->o);
    v2s_manifest_free(&r->manifest);
}

static v2s_device *processor(void) {
    v2s_device *dev = NULL;
    cr_assert_eq(v2s_device_open("cpu", 2, &dev), V2S_OK);
    return dev;
}

// The device with another depth of the queue.
static v2s_device with_depth(const v2s_device *dev, int depth) {
    v2s_device other = *dev;
    other.queue_depth = depth;
    return other;
}

static v2s_step_result step(run *r) {
    v2s_step_result result;
    cr_assert_eq(v2s_trainer_step(r->t, &result), V2S_OK, "%s", v2s_error_text());
    return result;
}

// `batches` batches through the queue as full as it gets.
static void train_queued(run *r, int batches, v2s_step_result *results) {
    int seen = 0;
    while (seen < batches) {
        while (r->t->queued < r->dev->queue_depth && seen + r->t->queued < batches)
            cr_assert_eq(v2s_trainer_queue(r->t), V2S_OK, "%s", v2s_error_text());
        cr_assert_eq(v2s_trainer_collect(r->t, &results[seen++]), V2S_OK, "%s", v2s_error_text());
    }
}

static void expect_same_model(v2s_refiner *a, v2s_refiner *b, const char *name) {
    size_t count, other;
    const real *x = v2s_refiner_flat(a, &count), *y = v2s_refiner_flat(b, &other);
    cr_assert_eq(count, other);
    cr_expect_eq(memcmp(x, y, count * sizeof *x), 0, "%s differ", name);
}

// Weights, averages and state, to the bit.
static void expect_same(const run *a, const run *b) {
    cr_assert_eq(v2s_trainer_download(a->t), V2S_OK);
    cr_assert_eq(v2s_trainer_download(b->t), V2S_OK);
    expect_same_model(a->t->host.weights, b->t->host.weights, "weights");
    expect_same_model(a->t->host.m, b->t->host.m, "averages of gradients");
    expect_same_model(a->t->host.v, b->t->host.v, "averages of squares");
    expect_same_model(a->t->host.ema, b->t->host.ema, "averages of weights");
    cr_expect_eq(memcmp(&a->t->state, &b->t->state, sizeof a->t->state), 0, "states differ");
}

// ---- steps --------------------------------------------------------------------------------------

// The same curve as the processor's: sums in another order drift apart by far less than 1e-3.
static void compare_steps(preset which, double share) {
    v2s_device *dev = tested_device(), *cpu = processor();
    run here = open_preset(dev, which), there = open_preset(cpu, which);
    double first = 0, last = 0;
    for (int i = 0; i < STEPS; i++) {
        v2s_step_result a = step(&here), b = step(&there);
        cr_assert(!a.skipped && !b.skipped && a.epoch_ended == b.epoch_ended && a.rate == b.rate);
        cr_assert_leq(fabs(a.loss - b.loss), 1e-3 * b.loss, "step %d: %g, %g", i, a.loss, b.loss);
        cr_assert_leq(fabs(a.gradient_norm - b.gradient_norm), 1e-2 * b.gradient_norm, "step %d",
                      i);
        first += i < 20 ? a.loss : 0;
        last += i >= STEPS - 20 ? a.loss : 0;
    }
    cr_expect_lt(last, share * first, "it learns: from %g to %g", first, last);
    // What validation says of the end, too.
    double scores[2];
    cr_assert_eq(here.o->cls->validate(here.o, here.t->ema, dev, &scores[0]), V2S_OK);
    cr_assert_eq(there.o->cls->validate(there.o, there.t->ema, cpu, &scores[1]), V2S_OK);
    cr_expect_leq(fabs(scores[0] - scores[1]), 1e-3 * scores[1], "%g, %g", scores[0], scores[1]);
    close_run(&here);
    close_run(&there);
    v2s_device_close(&dev);
    v2s_device_close(&cpu);
}

Test(training, losses_are_those_of_the_processor_at_every_step) {
    v2s_test_make_pairs(CLIPS, VAL);
    compare_steps(SEED, 0.9);
}

Test(training, losses_of_bands_are_those_of_the_processor_at_every_step) {
    v2s_test_make_diffuse_pairs(CLIPS, VAL);
    compare_steps(V2S, 1); // it starts from the best constants
}

// Also where batches are queued, whatever the depth, and recorded work is repeated.
Test(training, two_runs_and_queued_ones_are_equal_to_the_bit) {
    v2s_device *dev = tested_device_with(V2S_PRECISION_F32, true);
    v2s_test_make_pairs(CLIPS, VAL);
    enum { SOME = 20 };
    v2s_step_result single[SOME], queued[SOME];
    run one = open_run(dev), two = open_run(dev);
    for (int i = 0; i < SOME; i++) {
        single[i] = step(&one);
        v2s_step_result again = step(&two);
        cr_assert(single[i].loss == again.loss && single[i].gradient_norm == again.gradient_norm);
    }
    expect_same(&one, &two);
    for (int depth = 2; depth <= 16; depth += 7) {
        v2s_device deep = with_depth(dev, depth);
        run many = open_run(&deep);
        train_queued(&many, SOME, queued);
        for (int i = 0; i < SOME; i++)
            cr_assert(single[i].loss == queued[i].loss && single[i].rate == queued[i].rate);
        expect_same(&one, &many);
        close_run(&many);
    }
    close_run(&one);
    close_run(&two);
    v2s_device_close(&dev);
}

// ---- batches that are not finite ----------------------------------------------------------------

static v2s_status (*true_prepare)(v2s_objective *, int, const v2s_row_item *, float *, void *);

enum { BAD_SAMPLES = 5, BAD_LOSS = 13, BAD_GRADIENT = 17 }; // clips

// One clip is refused, one has a loss that is not a number, one a loss whose gradient has no
// finite norm.
static v2s_status spoilt_prepare(v2s_objective *o, int row, const v2s_row_item *item, float *x,
                                 void *extra) {
    V2S_TRY(true_prepare(o, row, item, x, extra));
    float *truth = extra;
    if (item->clip == BAD_LOSS)
        truth[7] = NAN;
    if (item->clip == BAD_GRADIENT)
        x[9] = 3e38f; // its square is finite in double, what comes of it in float is not
    return item->clip == BAD_SAMPLES ? V2S_FAIL(V2S_NUMERIC, "clip 5 is bad") : V2S_OK;
}

static run open_spoilt(const v2s_device *dev) {
    run r = open_run(dev);
    true_prepare = r.o->cls->prepare;
    return r;
}

static void spoil(run *r) {
    r->cls = *r->o->cls;
    r->cls.prepare = spoilt_prepare;
    r->o->cls = &r->cls;
}

static void expect_same_fate(const v2s_step_result *a, const v2s_step_result *b, int batch) {
    cr_assert_eq(a->skipped, b->skipped, "batch %d", batch);
    cr_assert_eq(a->epoch_ended, b->epoch_ended, "batch %d", batch);
    if (a->skipped) {
        cr_expect_eq(a->bad_clip, b->bad_clip, "batch %d: %zu, %zu", batch, a->bad_clip,
                     b->bad_clip);
        cr_expect_str_eq(a->reason, b->reason);
    } else {
        cr_assert_leq(fabs(a->loss - b->loss), 1e-3 * b->loss, "batch %d", batch);
        cr_assert_eq(a->rate, b->rate, "batch %d", batch);
    }
}

// Three epochs with three bad clips: one batch after the other on the processor, queued here.
Test(training, bad_batches_in_the_queue_are_skipped_as_without_one) {
    v2s_device *dev = tested_device(), *cpu = processor();
    v2s_test_make_pairs(CLIPS, VAL);
    v2s_device deep = with_depth(dev, PLACES), single = with_depth(dev, 1);
    enum { BATCHES = 3 * ((CLIPS + BATCH - 1) / BATCH) };
    v2s_step_result queued[BATCHES];
    run here = open_spoilt(&deep), alike = open_spoilt(&single), there = open_spoilt(cpu);
    spoil(&here), spoil(&alike), spoil(&there);
    train_queued(&here, BATCHES, queued);
    for (int i = 0; i < BATCHES; i++) {
        v2s_step_result a = step(&alike), b = step(&there);
        expect_same_fate(&queued[i], &a, i);
        expect_same_fate(&queued[i], &b, i);
    }
    expect_same(&here, &alike);
    const v2s_train_state *s = &here.t->state;
    cr_expect(s->epoch == 3 && s->batch == 0 && s->steps + s->skipped == BATCHES);
    cr_expect(s->skipped >= 3 && s->skipped <= 9, "%d", (int)s->skipped);
    close_run(&here);
    close_run(&alike);
    close_run(&there);
    v2s_device_close(&dev);
    v2s_device_close(&cpu);
}

// ---- memory -------------------------------------------------------------------------------------

static int takes, allowed; // how often memory was asked for, and how often there is some
static v2s_status (*true_take)(const v2s_device *, size_t, void **);
static v2s_status (*true_host_take)(const v2s_device *, size_t, void **);

static v2s_status counted(const v2s_device *dev, size_t bytes, void **out,
                          v2s_status (*take)(const v2s_device *, size_t, void **)) {
    if (takes++ >= allowed)
        return V2S_FAIL(V2S_NOMEM, "out of memory: %zu bytes", bytes);
    return take(dev, bytes, out);
}

static v2s_status counted_take(const v2s_device *dev, size_t bytes, void **out) {
    return counted(dev, bytes, out, true_take);
}

static v2s_status counted_host_take(const v2s_device *dev, size_t bytes, void **out) {
    return counted(dev, bytes, out, true_host_take);
}

typedef struct counting {
    v2s_device dev;
    v2s_ops ops;
    v2s_memory_ops memory;
} counting;

static void count_takes(const v2s_device *dev, counting *c) {
    *c = (counting){*dev, *dev->ops, *dev->ops->memory};
    true_take = c->memory.take;
    true_host_take = c->memory.host_take;
    c->memory.take = counted_take;
    c->memory.host_take = counted_host_take;
    c->ops.memory = &c->memory;
    c->dev.ops = &c->ops;
}

Test(training, a_step_takes_no_memory) {
    v2s_device *dev = tested_device();
    v2s_test_make_pairs(CLIPS, VAL);
    counting c;
    count_takes(dev, &c);
    allowed = 1000;
    run r = open_run(&c.dev);
    cr_assert_gt(takes, 5);
    int before = takes;
    for (int i = 0; i < 14; i++) // two epochs and more, so all sizes of batches more than once
        step(&r);
    cr_expect_eq(takes, before);
    close_run(&r);
    v2s_device_close(&dev);
}

// However far the memory reaches, what is there is given back, and the sentence says what to do.
Test(training, without_memory_it_says_what_needs_less) {
    v2s_device *dev = tested_device();
    v2s_test_make_pairs(CLIPS, VAL);
    counting c;
    count_takes(dev, &c);
    v2s_trainer_config config = usual_config();
    v2s_status status = V2S_NOMEM;
    for (allowed = 0; status != V2S_OK; allowed++) {
        takes = 0;
        run r = make_run(&c.dev, SEED);
        status = begin(&r, &config);
        if (status != V2S_OK) {
            cr_assert_eq(status, V2S_NOMEM);
            const char *text = v2s_error_text();
            cr_assert(strstr(text, "4 rows of 64 steps") != NULL, "%s", text);
            cr_assert(strstr(text, "bytes") != NULL && strstr(text, "--batch") != NULL &&
                          strstr(text, "--segment") != NULL,
                      "%s", text);
            cr_assert_null(r.t);
        }
        close_run(&r);
    }
    cr_expect_gt(allowed, 6);
    v2s_device_close(&dev);
}
