// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoints/safetensors.h"
#include "infer/refiner_file.h"
#include "tests/support/hash_noise.h"
#include "tests/support/scratch_file.h"

enum { TENSORS = 12 };

// The tensors of a refiner, to be written with one thing changed.
typedef struct list {
    char names[TENSORS][V2S_PARAM_NAME_MAX];
    v2s_safetensors_tensor tensors[TENSORS];
    int count;
} list;

static v2s_status add(void *ctx, const char *name, v2s_tensor *param) {
    list *l = ctx;
    strcpy(l->names[l->count], name);
    v2s_safetensors_tensor *t = &l->tensors[l->count];
    *t = (v2s_safetensors_tensor){l->names[l->count], param->rank, {0}, param->data, NULL};
    memcpy(t->dim, param->dim, sizeof param->dim);
    l->count++;
    return V2S_OK;
}

static void list_of(v2s_refiner *m, list *l) {
    l->count = 0;
    cr_assert_eq(v2s_refiner_each_param(m, add, l), V2S_OK);
    cr_assert_eq(l->count, TENSORS);
}

static void expect_refusal(const char *path, v2s_status code, const char *words) {
    v2s_refiner *m = NULL;
    v2s_refiner_info info = {.rate_hz = 77};
    v2s_status status = v2s_refiner_load(path, &m, &info);
    cr_assert_eq(status, code, "%d: %s", status, v2s_error_text());
    cr_assert_null(m);
    cr_assert_eq(info.rate_hz, 77);
    cr_assert_not_null(strstr(v2s_error_text(), path));
    cr_assert_not_null(strstr(v2s_error_text(), words), "\"%s\" has no \"%s\"", v2s_error_text(),
                       words);
}

Test(refiner_file, a_saved_refiner_comes_back_bit_for_bit) {
    scratch_file f = scratch_file_make();
    v2s_refiner *m = hash_refiner(), *back = NULL;
    cr_assert_eq(v2s_refiner_save(f.path, m, 16000, "dry"), V2S_OK);
    v2s_refiner_info info;
    cr_assert_eq(v2s_refiner_load(f.path, &back, &info), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(memcmp(m->params.base, back->params.base, m->params.size), 0);
    cr_assert_eq(info.rate_hz, 16000);
    cr_assert_str_eq(info.preset, "seed");
    cr_assert_str_eq(info.pairing, "dry");
    cr_assert_eq(info.parameters, 153924);
    cr_assert(info.has_metadata && info.crc_checked);
    cr_assert_eq(info.config.hidden, 128);
    v2s_refiner_close(&m);
    v2s_refiner_close(&back);
    scratch_file_remove(&f);
}

Test(refiner_file, other_sizes_follow_from_the_shapes) {
    scratch_file f = scratch_file_make();
    v2s_refiner_config config = {4, 5, 3, 2, 4};
    v2s_refiner *m = NULL, *back = NULL;
    v2s_refiner_info info;
    cr_assert_eq(v2s_refiner_open(&config, &m), V2S_OK);
    cr_assert_eq(v2s_refiner_save(f.path, m, 0, NULL), V2S_OK);
    cr_assert_eq(v2s_refiner_load(f.path, &back, &info), V2S_OK, "%s", v2s_error_text());
    cr_assert(info.config.kernel == 5 && info.config.channels == 3 && info.config.hidden == 2);
    cr_assert_eq(info.rate_hz, 0);
    cr_assert_str_eq(info.pairing, "");
    v2s_refiner_close(&m);
    v2s_refiner_close(&back);
    scratch_file_remove(&f);
}

// What safetensors.torch.save_file writes: no __metadata__, tensors sorted by name.
Test(refiner_file, a_pytorch_file_without_metadata_loads) {
    v2s_refiner *m = NULL;
    v2s_refiner_info info;
    cr_assert_eq(
        v2s_refiner_load(V2S_TEST_DATA "/golden/refiner_tiny_torch.safetensors", &m, &info), V2S_OK,
        "%s", v2s_error_text());
    cr_assert_not(info.has_metadata);
    cr_assert_not(info.crc_checked);
    cr_assert_eq(info.rate_hz, 0);
    cr_assert(info.config.kernel == 3 && info.config.channels == 5 && info.config.hidden == 4);
    float expected[5 * 4 * 3];
    hash_noise(0, 5 * 4 * 3, 0.25f, expected);
    cr_assert_eq(memcmp(m->conv.weight.data, expected, sizeof expected), 0);
    v2s_refiner_close(&m);
}

Test(refiner_file, missing_wrong_and_foreign_tensors_are_named) {
    scratch_file f = scratch_file_make();
    v2s_refiner *m = hash_refiner();
    list l;
    for (int i = 0; i < TENSORS; i++) {
        list_of(m, &l);
        memmove(&l.tensors[i], &l.tensors[i + 1], (size_t)(TENSORS - 1 - i) * sizeof l.tensors[0]);
        cr_assert_eq(v2s_safetensors_write(f.path, l.tensors, TENSORS - 1, NULL, 0), V2S_OK);
        expect_refusal(f.path, V2S_FORMAT, l.names[i]);
        expect_refusal(f.path, V2S_FORMAT, "is missing");
        list_of(m, &l);
        l.tensors[i].dim[0]--;
        cr_assert_eq(v2s_safetensors_write(f.path, l.tensors, TENSORS, NULL, 0), V2S_OK);
        expect_refusal(f.path, V2S_FORMAT, "shape: expected");
    }
    list_of(m, &l);
    l.tensors[0].rank = 2;
    l.tensors[0].dim[1] *= 15;
    cr_assert_eq(v2s_safetensors_write(f.path, l.tensors, TENSORS, NULL, 0), V2S_OK);
    expect_refusal(f.path, V2S_FORMAT, "tensor conv1d.weight: expected 3 dimensions, found 2");
    list_of(m, &l);
    l.tensors[0].dim[2] = 14;
    cr_assert_eq(v2s_safetensors_write(f.path, l.tensors, TENSORS, NULL, 0), V2S_OK);
    expect_refusal(f.path, V2S_FORMAT, "an odd kernel");
    v2s_safetensors_tensor more[TENSORS + 1];
    list_of(m, &l);
    memcpy(more, l.tensors, sizeof l.tensors);
    more[TENSORS] = (v2s_safetensors_tensor){"gru.weight_ih_l1", 1, {4}, m->conv.bias.data, NULL};
    cr_assert_eq(v2s_safetensors_write(f.path, more, TENSORS + 1, NULL, 0), V2S_OK);
    expect_refusal(f.path, V2S_FORMAT, "tensor gru.weight_ih_l1 does not belong");
    v2s_refiner_close(&m);
    scratch_file_remove(&f);
}

Test(refiner_file, nan_weights_are_refused) {
    scratch_file f = scratch_file_make();
    v2s_refiner *m = hash_refiner();
    m->gru.dir[1].weight_hh.data[5] = NAN;
    cr_assert_eq(v2s_refiner_save(f.path, m, 16000, "omni"), V2S_OK);
    expect_refusal(f.path, V2S_NUMERIC, "tensor gru.weight_hh_l0_reverse: number 5 is not finite");
    v2s_refiner_close(&m);
    scratch_file_remove(&f);
}

Test(refiner_file, impossible_metadata_is_refused) {
    static const struct {
        v2s_safetensors_pair pair;
        const char *words;
    } cases[] = {{{"model", "depth"}, "model: expected refiner, found \"depth\""},
                 {{"preset", "v3s"}, "preset: expected seed or v2s"},
                 {{"preset", "v2s"}, "metadata basis is missing (preset v2s)"},
                 {{"pairing", "wet"}, "pairing: expected dry or omni, found \"wet\""},
                 {{"pairing", "\x1b[31m"}, "control characters"},
                 {{"rate_hz", ""}, "rate_hz: expected 1000"},
                 {{"rate_hz", "16000x"}, "rate_hz: expected 1000"},
                 {{"rate_hz", "999"}, "rate_hz: expected 1000"},
                 {{"rate_hz", "-1"}, "rate_hz: expected 1000"},
                 {{"rate_hz", "99999999999999999999"}, "rate_hz: expected 1000"}};
    scratch_file f = scratch_file_make();
    v2s_refiner *m = hash_refiner();
    list l;
    list_of(m, &l);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(v2s_safetensors_write(f.path, l.tensors, TENSORS, &cases[i].pair, 1), V2S_OK);
        expect_refusal(f.path, V2S_FORMAT, cases[i].words);
    }
    v2s_refiner_close(&m);
    scratch_file_remove(&f);
}
