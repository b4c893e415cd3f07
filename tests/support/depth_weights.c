// SPDX-License-Identifier: MIT
#include "tests/support/depth_weights.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/depth_file.h"

static v2s_status add(void *ctx, const char *name, v2s_tensor *t) {
    depth_list *l = ctx;
    cr_assert_lt(l->count, DEPTH_TENSORS_MAX);
    snprintf(l->names[l->count], V2S_PARAM_NAME_MAX, "%s", name);
    v2s_safetensors_tensor *to = &l->tensors[l->count];
    *to = (v2s_safetensors_tensor){.name = l->names[l->count], .rank = t->rank, .data = t->data};
    memcpy(to->dim, t->dim, sizeof t->dim);
    l->count++;
    return V2S_OK;
}

depth_list *depth_list_of(v2s_depth_net *net, int rate_hz, bool left_only) {
    depth_list *l = calloc(1, sizeof *l);
    cr_assert_eq(v2s_depth_net_each(net, V2S_DEPTH_ALL, add, l), V2S_OK);
    const v2s_depth_config *config = v2s_depth_net_config(net);
    while (v2s_depth_file_metadata(config, rate_hz, left_only, l->pair_count,
                                   l->texts[l->pair_count], &l->pairs[l->pair_count]))
        l->pair_count++;
    return l;
}

v2s_safetensors_tensor *depth_list_find(depth_list *l, const char *name) {
    for (int i = 0; i < l->count; i++)
        if (strcmp(l->tensors[i].name, name) == 0)
            return &l->tensors[i];
    cr_assert_fail("no tensor %s", name);
    return NULL;
}

static v2s_status set_gamma(void *ctx, const char *name, v2s_tensor *t) {
    (void)ctx;
    if (strstr(name, "gamma_") != NULL)
        t->data[0] = 0.5f;
    return V2S_OK;
}

void depth_weights_write(const char *path, const v2s_depth_config *config, uint64_t seed) {
    v2s_depth_net *net = NULL;
    cr_assert_eq(v2s_depth_net_open(config, NULL, &net), V2S_OK, "%s", v2s_error_text());
    v2s_depth_net_init_weights(net, seed);
    cr_assert_eq(v2s_depth_net_each(net, V2S_DEPTH_PARAMETERS, set_gamma, NULL), V2S_OK);
    depth_list *l = depth_list_of(net, 44100, false);
    cr_assert_eq(v2s_safetensors_write(path, l->tensors, l->count, l->pairs, l->pair_count), V2S_OK,
                 "%s", v2s_error_text());
    free(l);
    v2s_depth_net_close(&net);
}
