// SPDX-License-Identifier: MIT
#include "tests/support/depth_run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/npy.h"
#include "tests/support/depth_weights.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

float depth_mean_map[64 * 64];
float depth_constant_m = 3.5f;

static v2s_status open_gammas(void *ctx, const char *name, v2s_tensor *t) {
    (void)ctx;
    if (strstr(name, "gamma_") != NULL)
        t->data[0] = 0.5f;
    return V2S_OK;
}

void depth_make_model(const depth_kind *k) {
    v2s_depth_config config = {.base_channels = 8,
                               .attention = {false, false, true, true, true},
                               .scale = V2S_ATTENTION_SCALE_KEY,
                               .size = k->size > 0 ? k->size : DEPTH_SIZE,
                               .max_depth_m = 30};
    if (k->no_attention)
        memset(config.attention, 0, sizeof config.attention);
    v2s_depth_net *net = NULL;
    cr_assert_eq(v2s_depth_net_open(&config, NULL, &net), V2S_OK, "%s", v2s_error_text());
    v2s_depth_net_init_weights(net, k->seed);
    cr_assert_eq(v2s_depth_net_each(net, V2S_DEPTH_PARAMETERS, open_gammas, NULL), V2S_OK);
    depth_list *l = depth_list_of(net, DEPTH_RATE, k->left_only);
    for (int i = 0; i < config.size * config.size; i++)
        depth_mean_map[i] = 2 + 6.0f * (float)(i / config.size) / (float)config.size;
    if (!k->no_floors) {
        l->tensors[l->count++] = (v2s_safetensors_tensor){.name = "floor.mean_depth",
                                                          .rank = 2,
                                                          .dim = {config.size, config.size},
                                                          .data = depth_mean_map};
        l->tensors[l->count++] = (v2s_safetensors_tensor){
            .name = "floor.constant", .rank = 1, .dim = {1}, .data = &depth_constant_m};
    }
    cr_assert_eq(v2s_safetensors_write(v2s_test_path(k->file), l->tensors, l->count, l->pairs,
                                       l->pair_count),
                 V2S_OK, "%s", v2s_error_text());
    free(l);
    v2s_depth_net_close(&net);
}

// ---- sounds and truths ------------------------------------------------------------------------

void depth_make_sound(const char *name, unsigned seed, size_t frames, int rate_hz) {
    float *sound = calloc(2 * frames + 1, sizeof *sound);
    hash_noise(seed, 2 * frames, 0.3f, sound);
    v2s_test_make_wav(v2s_test_path(name), sound, frames, 2, rate_hz);
    free(sound);
}

float *depth_read_npy(const char *name, int rank, size_t count) {
    v2s_npy a = {0};
    cr_assert_eq(v2s_npy_read(v2s_test_path(name), 1 << 20, &a), V2S_OK, "%s", v2s_error_text());
    cr_assert(a.kind == V2S_NPY_FLOAT && a.bytes == 4 && a.rank == rank && a.count == count);
    float *values = malloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)a.values[i];
    v2s_npy_free(&a);
    return values;
}

void depth_make_folder(const char *name) {
    cr_assert(mkdir(v2s_test_path(name), 0777) == 0, "%s", name);
}

bool depth_is_there(const char *name) {
    return access(v2s_test_path(name), F_OK) == 0;
}

cJSON *depth_json(void) {
    return v2s_test_json(v2s_test_path("j.json"));
}

// Metres that fall with the row, a hole in the corner.
void depth_make_truth(const char *name, size_t rows, size_t columns) {
    const size_t dim[2] = {rows, columns};
    float *depth = malloc(rows * columns * sizeof *depth);
    for (size_t i = 0; i < rows * columns; i++)
        depth[i] = i < 5 ? 0 : 1 + 7 * (float)(i / columns) / (float)rows;
    cr_assert_eq(v2s_npy_write_f32(v2s_test_path(name), 2, dim, depth), V2S_OK);
    free(depth);
}
