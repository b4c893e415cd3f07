// SPDX-License-Identifier: MIT
// Steps of the depth trainer on the device against the processor's plain definitions.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/device/tested_device.h"
#include "tests/support/make_depth_data.h"
#include "train/depth_trainer.h"

enum { STEPS = 2, LEVEL = 2 };

static const v2s_device definition = {.ops = &v2s_ops_scalar, .threads = 1, .queue_depth = 1};

typedef struct outcome {
    v2s_depth_result steps[STEPS];
    double val_l1;
    float *looks; // all numbers of q and k
    size_t look_count;
} outcome;

static v2s_status keep_look(void *ctx, const char *name, v2s_tensor *param) {
    outcome *o = ctx;
    if (strstr(name, ".q.") == NULL && strstr(name, ".k.") == NULL)
        return V2S_OK;
    size_t count = v2s_tensor_count(param);
    o->looks = realloc(o->looks, (o->look_count + count) * sizeof *o->looks);
    cr_assert_not_null(o->looks);
    memcpy(o->looks + o->look_count, param->data, count * sizeof *o->looks);
    o->look_count += count;
    return V2S_OK;
}

// Steps of two pieces, the first of a set with a sample that is not finite; where it looks stays.
static outcome run_on(const v2s_device *dev) {
    v2s_test_depth_data *m = v2s_test_make_depth_data(4, 1);
    m->items[2].kept[7] = NAN;
    v2s_depth_config net = v2s_depth_default();
    net.base_channels = 8;
    net.size = V2S_TEST_DEPTH_SIZE;
    net.max_depth_m = 10;
    memset(net.attention, 0, sizeof net.attention);
    net.attention[LEVEL] = true;
    v2s_depth_trainer_config config = {
        .seed = 5,
        .batch = 1,
        .accumulate = 2,
        .swap = true,
        // Adam would make much of gradients that are nothing but rounding.
        .weights = {.optimizer = V2S_OPTIM_SGD,
                    .momentum = 0.9,
                    .decay = 0.01,
                    .clip_norm = 1,
                    .ema_decay = 0.5,
                    .freeze_looks = true},
        .schedule = {.kind = V2S_SCHEDULE_CONSTANT, .rate = 1e-3}};
    v2s_depth_trainer *t = NULL;
    cr_assert_eq(v2s_depth_trainer_open(&config, &net, &m->data, dev, NULL, &t), V2S_OK, "%s",
                 v2s_error_text());
    outcome o = {0};
    for (int i = 0; i < STEPS; i++)
        cr_assert_eq(v2s_depth_trainer_step(t, &o.steps[i]), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(v2s_depth_trainer_validate(t, &o.val_l1), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(v2s_depth_weights_download(&t->w), V2S_OK, "%s", v2s_error_text());
    v2s_depth_net *copies[] = {t->w.host.weights, t->w.host.ema};
    for (int i = 0; i < 2; i++)
        cr_assert_eq(v2s_depth_net_each(copies[i], V2S_DEPTH_PARAMETERS, keep_look, &o), V2S_OK);
    v2s_depth_trainer_close(&t);
    v2s_test_free_depth_data(m);
    return o;
}

static void expect_close(const char *what, int step, double found, double expected) {
    cr_expect(fabs(found / expected - 1) < 1e-3, "%s of step %d: %.9g, expected %.9g", what, step,
              found, expected);
}

Test(depth_training, steps_are_those_of_the_definition) {
    v2s_device *dev = tested_device();
    outcome found = run_on(dev), expected = run_on(&definition);
    int skipped = 0;
    for (int i = 0; i < STEPS; i++) {
        const v2s_depth_result *a = &found.steps[i], *b = &expected.steps[i];
        cr_expect(a->skipped == b->skipped, "step %d", i);
        skipped += a->skipped;
        if (a->skipped)
            continue;
        expect_close("loss", i, a->loss, b->loss);
        expect_close("edge", i, a->edge, b->edge);
        expect_close("smooth", i, a->smooth, b->smooth);
        expect_close("norm", i, a->gradient_norm, b->gradient_norm);
    }
    cr_expect(skipped >= 1 && skipped < STEPS, "%d", skipped);
    expect_close("val_l1", STEPS, found.val_l1, expected.val_l1);
    cr_assert(found.look_count == expected.look_count && found.look_count > 0);
    cr_expect(memcmp(found.looks, expected.looks, found.look_count * sizeof *found.looks) == 0,
              "where it looks differs");
    free(found.looks);
    free(expected.looks);
    v2s_device_close(&dev);
}
