// SPDX-License-Identifier: MIT
#include "infer/depth_file.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/depth_weights.h"
#include "tests/support/scratch_file.h"

enum { SIDE = 16 };

static v2s_depth_config small(void) {
    return (v2s_depth_config){.base_channels = 8,
                              .attention = {false, true, false, true, true},
                              .scale = V2S_ATTENTION_SCALE_KEY,
                              .size = SIDE,
                              .max_depth_m = 12.3};
}

typedef struct sample {
    scratch_file file;
    v2s_depth_net *net;
    depth_list *list;
} sample;

static sample sample_make(void) {
    sample s = {.file = scratch_file_make()};
    v2s_depth_config config = small();
    cr_assert_eq(v2s_depth_net_open(&config, NULL, &s.net), V2S_OK);
    v2s_depth_net_init_weights(s.net, 5);
    s.list = depth_list_of(s.net, 22050, true);
    return s;
}

static void sample_write(const sample *s) {
    cr_assert_eq(v2s_safetensors_write(s->file.path, s->list->tensors, s->list->count,
                                       s->list->pairs, s->list->pair_count),
                 V2S_OK, "%s", v2s_error_text());
}

static void sample_drop(sample *s) {
    free(s->list);
    v2s_depth_net_close(&s->net);
    scratch_file_remove(&s->file);
}

// Writes, opens, drops.
static void expect_refusal(sample *s, v2s_status code, const char *words) {
    v2s_depth_file file = {.rate_hz = 77};
    sample_write(s);
    v2s_status status = v2s_depth_file_open(s->file.path, &file);
    cr_assert_eq(status, code, "%d: %s", status, v2s_error_text());
    cr_assert(file.net == NULL && file.rate_hz == 77);
    cr_assert_not_null(strstr(v2s_error_text(), s->file.path));
    cr_assert_not_null(strstr(v2s_error_text(), words), "\"%s\" has no \"%s\"", v2s_error_text(),
                       words);
    sample_drop(s);
}

static void set_pair(sample *s, const char *key, const char *value) {
    for (int i = 0; i < s->list->pair_count; i++)
        if (strcmp(s->list->pairs[i].key, key) == 0) {
            s->list->pairs[i].value = value;
            return;
        }
    cr_assert_fail("no key %s", key);
}

static void add_tensor(sample *s, const char *name, int rows, int columns, const void *data,
                       const char *dtype) {
    s->list->tensors[s->list->count++] = (v2s_safetensors_tensor){.name = name,
                                                                  .rank = columns > 0 ? 2 : 1,
                                                                  .dim = {rows, columns},
                                                                  .data = data,
                                                                  .dtype = dtype};
}

Test(depth_file, a_checkpoint_comes_back_bit_for_bit) {
    sample s = sample_make();
    v2s_depth_file file;
    float mean[SIDE * SIDE], constant = 2.5f;
    for (int i = 0; i < SIDE * SIDE; i++)
        mean[i] = (float)i;
    add_tensor(&s, "floor.mean_depth", SIDE, SIDE, mean, NULL);
    add_tensor(&s, "floor.constant", 1, 0, &constant, NULL);
    sample_write(&s);
    cr_assert_eq(v2s_depth_file_open(s.file.path, &file), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(file.warning_count, 0);
    v2s_depth_config c = small();
    cr_assert(file.config.base_channels == 8 && file.config.size == SIDE);
    cr_assert(file.config.max_depth_m == 12.3 && file.config.scale == V2S_ATTENTION_SCALE_KEY);
    cr_assert_eq(memcmp(file.config.attention, c.attention, sizeof c.attention), 0);
    cr_assert(file.rate_hz == 22050 && file.left_only && file.constant_depth == 2.5);
    cr_assert_eq(memcmp(file.mean_depth, mean, sizeof mean), 0);
    size_t count;
    const float *found = v2s_depth_net_flat(file.net, &count);
    const float *expected = v2s_depth_net_flat(s.net, &count);
    cr_assert_eq(memcmp(found, expected, count * sizeof *found), 0);
    found = v2s_depth_net_flat_buffers(file.net, &count);
    expected = v2s_depth_net_flat_buffers(s.net, &count);
    cr_assert_eq(memcmp(found, expected, count * sizeof *found), 0);
    v2s_depth_file_close(&file);
    sample_drop(&s);
}

Test(depth_file, files_of_pytorch_open_with_warnings) {
    sample s = sample_make();
    v2s_depth_file file;
    int64_t steps = 7;
    s.list->pair_count = 0;
    add_tensor(&s, "encoder_left.inc.double_conv.1.num_batches_tracked", 1, 0, &steps, "I64");
    sample_write(&s);
    cr_assert_eq(v2s_depth_file_open(s.file.path, &file), V2S_OK, "%s", v2s_error_text());
    cr_assert(file.config.base_channels == 8 && file.config.size == 256);
    cr_assert(file.config.max_depth_m == 30.0 && file.rate_hz == 44100 && !file.left_only);
    cr_assert_eq(file.config.scale, V2S_ATTENTION_SCALE_CHANNELS);
    char text[16];
    cr_assert_str_eq(v2s_depth_levels_text(&file.config, text), "2,4,5");
    cr_assert(isnan(file.constant_depth) && file.mean_depth == NULL);
    static const char *const words[] = {
        "base_channels is missing: 8",          "attention_levels is missing: \"2,4,5\"",
        "attention_scale is missing: channels", "size is missing: 256",
        "max_depth_m is missing: 30 m",         "rate_hz is missing: 44100"};
    cr_assert_eq(file.warning_count, 6);
    for (int i = 0; i < 6; i++) {
        cr_assert_not_null(strstr(file.warnings[i], s.file.path));
        cr_assert_not_null(strstr(file.warnings[i], words[i]), "%s", file.warnings[i]);
    }
    v2s_depth_file_close(&file);
    sample_drop(&s);
}

Test(depth_file, metadata_that_contradicts_the_shapes_is_refused) {
    static const char *const cases[][3] = {
        {"base_channels", "16", "base_channels is 16, but tensor"},
        {"base_channels", "9", "base_channels: expected a multiple of 8"},
        {"base_channels", "8x", "found \"8x\""},
        {"attention_levels", "2,4", "there are tensors of levels \"2,4,5\""},
        {"attention_levels", "1,2,4,5", "attention_levels is \"1,2,4,5\""},
        {"attention_levels", "2;4", "found \"2;4\""},
        {"attention_scale", "sqrt", "expected channels or key, found \"sqrt\""},
        {"size", "24", "size: expected a multiple of 16"},
        {"size", "2048", "size: expected"},
        {"max_depth_m", "0", "max_depth_m: expected"},
        {"max_depth_m", "nan", "found \"nan\""},
        {"rate_hz", "44100.5", "rate_hz: expected a whole number"},
        {"ears", "right", "expected both or left"},
        {"model", "refiner", "expected depth, found \"refiner\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sample s = sample_make();
        set_pair(&s, cases[i][0], cases[i][1]);
        expect_refusal(&s, V2S_FORMAT, cases[i][2]);
    }
}

Test(depth_file, tensors_that_do_not_fit_are_refused) {
    static const char last[] = "decoder.3.double_conv.4.running_var";
    sample s = sample_make();
    depth_list_find(s.list, "fusion.2.0.weight")->name = "fusion.2.0.wait";
    expect_refusal(&s, V2S_FORMAT, "tensor fusion.2.0.weight is missing");
    s = sample_make();
    depth_list_find(s.list, "encoder_left.inc.double_conv.0.weight")->name = "other";
    expect_refusal(&s, V2S_FORMAT, "tensor encoder_left.inc.double_conv.0.weight is missing");
    s = sample_make();
    depth_list_find(s.list, "attention.4.gamma_right")->name = "attention.4.gamma";
    expect_refusal(&s, V2S_FORMAT, "tensor attention.4.gamma_right is missing");
    s = sample_make();
    depth_list_find(s.list, "head.weight")->dim[1] = 4;
    depth_list_find(s.list, "head.weight")->dim[2] = 2;
    expect_refusal(&s, V2S_FORMAT, "tensor head.weight");
    s = sample_make();
    add_tensor(&s, "decoder.4.double_conv.0.weight", 1, 0, s.list->tensors[0].data, NULL);
    expect_refusal(&s, V2S_FORMAT, "decoder.4.double_conv.0.weight does not belong");
    s = sample_make();
    ((float *)depth_list_find(s.list, last)->data)[2] = -0.5f;
    expect_refusal(&s, V2S_FORMAT, "decoder.3.double_conv.4.running_var: expected variances");
    s = sample_make();
    ((float *)depth_list_find(s.list, "attention.2.v.weight")->data)[1] = NAN;
    expect_refusal(&s, V2S_NUMERIC, "attention.2.v.weight");
    s = sample_make();
    add_tensor(&s, "floor.mean_depth", 1, 2, s.list->tensors[0].data, NULL);
    expect_refusal(&s, V2S_FORMAT, "floor.mean_depth");
}

Test(depth_file, levels_are_written_and_read) {
    v2s_depth_config c = {.base_channels = 8};
    char text[16];
    static const char *const good[] = {"", "1", "5", "2,3,4,5", "1,2,3,4,5"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_assert_eq(v2s_depth_levels_parse(good[i], &c), V2S_OK, "%s", v2s_error_text());
        cr_assert_str_eq(v2s_depth_levels_text(&c, text), good[i]);
    }
    cr_assert_eq(v2s_depth_levels_parse("5,2", &c), V2S_OK);
    cr_assert_str_eq(v2s_depth_levels_text(&c, text), "2,5");
    static const char *const bad[] = {"0", "6", "2,", ",2", "23", "2,,3", "2 3", "2,2", "a"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(v2s_depth_levels_parse(bad[i], &c), V2S_ARG, "%s", bad[i]);
    cr_assert_str_eq(v2s_depth_levels_text(&c, text), "2,5");
}
