// SPDX-License-Identifier: MIT
#include "tests/support/band_weights.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "checkpoints/safetensors.h"
#include "infer/band_features.h"
#include "nn/refiner.h"
#include "tests/support/hash_noise.h"

enum { TENSORS_MAX = 16 };

typedef struct list {
    char names[TENSORS_MAX][V2S_PARAM_NAME_MAX];
    v2s_safetensors_tensor tensors[TENSORS_MAX];
    int count;
} list;

static v2s_status add(void *ctx, const char *name, v2s_tensor *param) {
    list *l = ctx;
    snprintf(l->names[l->count], V2S_PARAM_NAME_MAX, "%s", name);
    v2s_safetensors_tensor *t = &l->tensors[l->count];
    *t = (v2s_safetensors_tensor){
        .name = l->names[l->count], .rank = param->rank, .data = param->data};
    for (int i = 0; i < param->rank; i++)
        t->dim[i] = param->dim[i];
    l->count++;
    return V2S_OK;
}

void v2s_test_make_band_weights(const char *path, bool dry, unsigned seed) {
    int outputs = V2S_BASIS_BANDS * v2s_foa_basis_gains(dry);
    v2s_refiner_config config = {.inputs = dry ? V2S_BAND_INPUTS_DRY : V2S_BAND_INPUTS_OMNI,
                                 .kernel = 5,
                                 .channels = 8,
                                 .hidden = 8,
                                 .outputs = outputs};
    v2s_refiner *m = NULL;
    cr_assert_eq(v2s_refiner_open(&config, &m), V2S_OK);
    v2s_refiner_init_weights(m, seed);
    for (int b = 0; b < V2S_BASIS_BANDS && !dry; b++) // about half of it diffuse
        m->output.bias.data[b * v2s_foa_basis_gains(false)] = (real)-5;
    float scaled[4] = {1, 0.5f, 0.4f, 0.3f}, *constant = malloc((size_t)outputs * sizeof *constant);
    hash_noise(seed, (size_t)outputs, 0.3f, constant);
    list l = {.count = 0};
    cr_assert_eq(v2s_refiner_each_param(m, add, &l), V2S_OK);
    l.tensors[l.count++] =
        (v2s_safetensors_tensor){.name = "floor.scaled", .rank = 1, .dim = {4}, .data = scaled};
    l.tensors[l.count++] = (v2s_safetensors_tensor){
        .name = "floor.constant", .rank = 1, .dim = {outputs}, .data = constant};
    const v2s_safetensors_pair metadata[] = {{"model", "refiner"},
                                             {"preset", "v2s"},
                                             {"basis", V2S_FOA_BASIS_VERSION},
                                             {"pairing", dry ? "dry" : "omni"}};
    cr_assert_eq(v2s_safetensors_write(path, l.tensors, l.count, metadata, 4), V2S_OK);
    v2s_refiner_close(&m);
    free(constant);
}
