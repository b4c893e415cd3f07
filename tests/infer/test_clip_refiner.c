// SPDX-License-Identifier: MIT
// A seed checkpoint on a clip, against the network run directly.
#include "infer/clip_refiner.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoints/safetensors.h"
#include "infer/refiner_file.h"
#include "kernels/resample.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"

enum { RATE = 8000, FRAMES = 2400, TENSORS = 16 };

TestSuite(clip_refiner, .fini = v2s_test_folder_remove);

static v2s_status fill(void *ctx, const char *name, v2s_tensor *param) {
    unsigned *stream = ctx;
    (void)name;
    hash_noise((*stream)++, v2s_tensor_count(param), 0.3f, param->data);
    return V2S_OK;
}

static v2s_refiner *small_refiner(void) {
    v2s_refiner_config config = v2s_refiner_seed();
    v2s_refiner *m = NULL;
    unsigned stream = 1;
    config.kernel = 5;
    config.channels = 6;
    config.hidden = 8;
    cr_assert_eq(v2s_refiner_open(&config, &m), V2S_OK);
    cr_assert_eq(v2s_refiner_each_param(m, fill, &stream), V2S_OK);
    return m;
}

typedef struct tensor_list {
    char names[TENSORS][64];
    v2s_safetensors_tensor tensors[TENSORS];
    int count;
} tensor_list;

static v2s_status list_tensor(void *ctx, const char *name, v2s_tensor *param) {
    tensor_list *l = ctx;
    snprintf(l->names[l->count], sizeof l->names[0], "%s", name);
    v2s_safetensors_tensor *t = &l->tensors[l->count];
    *t = (v2s_safetensors_tensor){
        .name = l->names[l->count], .rank = param->rank, .data = param->data};
    for (int i = 0; i < param->rank; i++)
        t->dim[i] = param->dim[i];
    l->count++;
    return V2S_OK;
}

// The small refiner with a tensor floor.scaled of `gains` numbers.
static void write_checkpoint(const char *path, int gains) {
    static const float scaled[] = {1, 0.5f, 0.25f, 2};
    static const v2s_safetensors_pair metadata[] = {
        {"model", "refiner"}, {"preset", "seed"}, {"rate_hz", "8000"}, {"pairing", "omni"}};
    tensor_list l = {.count = 0};
    v2s_refiner *m = small_refiner();
    cr_assert_eq(v2s_refiner_each_param(m, list_tensor, &l), V2S_OK);
    l.tensors[l.count] =
        (v2s_safetensors_tensor){.name = "floor.scaled", .rank = 1, .dim = {gains}, .data = scaled};
    l.count += gains > 0;
    cr_assert_eq(v2s_safetensors_write(path, l.tensors, l.count, metadata, 4), V2S_OK);
    v2s_refiner_close(&m);
}

static v2s_pair pair_of(double rate_hz) {
    v2s_pair pair = {.rate_hz = rate_hz, .frames = FRAMES};
    pair.geometric = malloc(4 * FRAMES * sizeof(float));
    hash_noise(9, 4 * FRAMES, 0.5f, pair.geometric);
    return pair;
}

// foa + residual of the whole clip at once.
static float *direct(const float *foa, size_t frames) {
    v2s_refiner *m = small_refiner();
    v2s_device *device = NULL;
    v2s_refiner_work work = {0};
    float *out = malloc(4 * frames * sizeof *out);
    cr_assert_eq(v2s_device_open_isa(V2S_ISA_SCALAR, 1, &device), V2S_OK);
    cr_assert_eq(v2s_refiner_work_open(&work, m, device, 1, (int)frames), V2S_OK);
    v2s_refiner_forward(m, device, 1, (int)frames, foa, out, &work);
    v2s_refiner_work_close(&work);
    v2s_device_close(&device);
    v2s_refiner_close(&m);
    return out;
}

static v2s_clip_refiner *open_refiner(v2s_device **device) {
    v2s_clip_refiner *r = NULL;
    write_checkpoint(v2s_test_path("w.safetensors"), 4);
    cr_assert_eq(v2s_device_open("cpu", 1, device), V2S_OK);
    cr_assert_eq(v2s_clip_refiner_open(v2s_test_path("w.safetensors"), *device, &r), V2S_OK, "%s",
                 v2s_error_text());
    return r;
}

Test(clip_refiner, refined_is_geometric_plus_the_networks_residual) {
    v2s_device *device = NULL;
    v2s_clip_refiner *r = open_refiner(&device);
    v2s_pair pair = pair_of(RATE);
    float *out = malloc(4 * FRAMES * sizeof *out), *residual = direct(pair.geometric, FRAMES);
    double largest = 0;
    cr_expect_str_eq(v2s_clip_refiner_preset(r), "seed");
    cr_expect_str_eq(v2s_clip_refiner_pairing(r), "omni");
    cr_assert_eq(v2s_clip_refiner_apply(r, V2S_CLIP_REFINED, NULL, &pair, out), V2S_OK);
    for (size_t i = 0; i < 4 * FRAMES; i++) {
        cr_assert_float_eq(out[i], pair.geometric[i] + residual[i], 1e-5);
        largest = fmax(largest, fabs((double)residual[i]));
    }
    cr_expect_gt(largest, 1e-2, "the residual is something");
    free(out);
    free(residual);
    v2s_pair_free(&pair);
    v2s_clip_refiner_close(&r);
    v2s_device_close(&device);
}

Test(clip_refiner, at_another_rate_the_residual_is_resampled) {
    v2s_device *device = NULL;
    v2s_clip_refiner *r = open_refiner(&device);
    v2s_pair pair = pair_of(2 * RATE);
    float *out = malloc(4 * FRAMES * sizeof *out), *low = NULL, *up = NULL;
    size_t low_frames = 0, up_frames = 0;
    cr_assert_eq(v2s_resample(pair.geometric, FRAMES, 4, 2 * RATE, RATE, &low, &low_frames),
                 V2S_OK);
    float *residual = direct(low, low_frames);
    cr_assert_eq(v2s_resample(residual, low_frames, 4, RATE, 2 * RATE, &up, &up_frames), V2S_OK);
    cr_assert_eq(up_frames, FRAMES);
    cr_assert_eq(v2s_clip_refiner_apply(r, V2S_CLIP_REFINED, NULL, &pair, out), V2S_OK);
    for (size_t i = 0; i < 4 * FRAMES; i++)
        cr_assert_float_eq(out[i], pair.geometric[i] + up[i], 1e-5);
    free(out);
    free(low);
    free(up);
    free(residual);
    v2s_pair_free(&pair);
    v2s_clip_refiner_close(&r);
    v2s_device_close(&device);
}

Test(clip_refiner, scaled_uses_the_files_gains) {
    v2s_device *device = NULL;
    v2s_clip_refiner *r = open_refiner(&device);
    v2s_pair pair = pair_of(RATE);
    float *out = malloc(4 * FRAMES * sizeof *out);
    cr_assert(v2s_clip_refiner_has(r, V2S_CLIP_SCALED));
    cr_assert_eq(v2s_clip_refiner_apply(r, V2S_CLIP_SCALED, NULL, &pair, out), V2S_OK);
    for (size_t i = 0; i < 4 * FRAMES; i += 4) {
        cr_assert_eq(out[i], pair.geometric[i]);
        cr_assert_eq(out[i + 1], 0.5f * pair.geometric[i + 1]);
        cr_assert_eq(out[i + 2], 0.25f * pair.geometric[i + 2]);
        cr_assert_eq(out[i + 3], 2 * pair.geometric[i + 3]);
    }
    cr_expect(!v2s_clip_refiner_has(r, V2S_CLIP_CONSTANT));
    cr_expect_eq(v2s_clip_refiner_apply(r, V2S_CLIP_CONSTANT, NULL, &pair, out), V2S_ARG);
    free(out);
    v2s_pair_free(&pair);
    v2s_clip_refiner_close(&r);
    v2s_device_close(&device);
}

Test(clip_refiner, floors_are_optional_and_must_have_their_shape) {
    v2s_device *device = NULL;
    v2s_clip_refiner *r = NULL;
    const char *path = v2s_test_path("w.safetensors");
    cr_assert_eq(v2s_device_open("cpu", 1, &device), V2S_OK);
    write_checkpoint(path, 0);
    cr_assert_eq(v2s_clip_refiner_open(path, device, &r), V2S_OK);
    cr_expect(v2s_clip_refiner_has(r, V2S_CLIP_REFINED));
    cr_expect(!v2s_clip_refiner_has(r, V2S_CLIP_SCALED));
    v2s_clip_refiner_close(&r);
    write_checkpoint(path, 3);
    cr_expect_eq(v2s_clip_refiner_open(path, device, &r), V2S_FORMAT);
    cr_expect(strstr(v2s_error_text(), "floor.scaled") != NULL, "%s", v2s_error_text());
    cr_expect(r == NULL);
    cr_expect_eq(v2s_clip_refiner_open(v2s_test_path("none"), device, &r), V2S_IO);
    v2s_device_close(&device);
}
