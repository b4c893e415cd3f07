// SPDX-License-Identifier: MIT
// Small depth networks whose numbers tests/tools/make_depth_golden.py makes as well. Included by a
// test in float and by one in double, where every type and function is the double twin's.
#ifndef V2S_TESTS_NN_DEPTH_NET_SMALL_H
#define V2S_TESTS_NN_DEPTH_NET_SMALL_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/depth_net.h"
#include "tests/support/hash_noise.h"

// `count` numbers of `stream` around `middle`.
static void depth_noise(unsigned stream, size_t count, double middle, double scale, real *out) {
    float *values = malloc((count > 0 ? count : 1) * sizeof *values);
    hash_noise(stream, count, 1.0f, values);
    for (size_t i = 0; i < count; i++)
        out[i] = (real)(float)(middle + scale * (double)values[i]);
    free(values);
}

typedef struct depth_filling {
    unsigned stream;
    double peak; // factor of the queries' weights
} depth_filling;

static bool depth_ends(const char *name, const char *end) {
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

// Tensor number i of the walk over all of them is stream i.
static v2s_status depth_fill(void *ctx, const char *name, v2s_tensor *t) {
    depth_filling *f = ctx;
    size_t count = v2s_tensor_count(t);
    double middle = 0.0, scale = 0.1;
    if (t->rank == 4)
        scale = sqrt(6.0 / ((double)t->dim[0] * t->dim[2] * t->dim[3])) *
                (depth_ends(name, ".q.weight") ? f->peak : 1.0);
    else if (strstr(name, "gamma_") != NULL)
        middle = 0.5, scale = 0.0;
    else if (depth_ends(name, "running_var"))
        middle = 1.0, scale = 0.5;
    else if (depth_ends(name, ".weight"))
        middle = 1.0, scale = 0.2;
    depth_noise(f->stream++, count, middle, scale, t->data);
    return V2S_OK;
}

static v2s_depth_config depth_small(int size, const char *levels, v2s_attention_scale scale) {
    v2s_depth_config c = {.base_channels = 8, .scale = scale, .size = size, .max_depth_m = 10.0};
    for (const char *l = levels; *l != '\0'; l++)
        c.attention[*l - '1'] = true;
    return c;
}

// A network of the host, filled unless `peak` is 0.
static v2s_depth_net *depth_open(const v2s_depth_config *config, double peak) {
    v2s_depth_net *net = NULL;
    depth_filling f = {0, peak};
    cr_assert_eq(v2s_depth_net_open(config, NULL, &net), V2S_OK, "%s", v2s_error_text());
    if (peak != 0.0)
        cr_assert_eq(v2s_depth_net_each(net, V2S_DEPTH_ALL, depth_fill, &f), V2S_OK);
    return net;
}

// Spectrograms are not negative.
static real *depth_input(const v2s_depth_config *c, int B) {
    size_t count = (size_t)B * 2 * c->size * c->size;
    real *x = malloc(count * sizeof *x);
    depth_noise(500, count, 0.5, 0.5, x);
    return x;
}

#endif
