// SPDX-License-Identifier: MIT
// The whole depth network on the device against the processor's plain definition.
#include "tests/device/tested_device.h"
#include "tests/nn/depth_net_small.h"

enum { BATCH = 2, SIDE = 32, PIXELS = BATCH * SIDE * SIDE, ROW = 37 };

static const v2s_device definition = {.ops = &v2s_ops_scalar, .threads = 1};

// All in host memory.
typedef struct result {
    float inference[PIXELS], training[PIXELS];
    float maps[2][SIDE * SIDE]; // of both ears
    v2s_depth_net *net, *grads; // after the step
} result;

static v2s_depth_net *placed(const v2s_device *dev, const v2s_depth_net *net) {
    v2s_depth_net *on = NULL;
    cr_assert_eq(v2s_depth_net_open(v2s_depth_net_config(net), dev, &on), V2S_OK, "%s",
                 v2s_error_text());
    v2s_depth_net_upload(on, net);
    return on;
}

static void look(const v2s_device *dev, const v2s_depth_net *net, const v2s_depth_work *work,
                 int level, result *r) {
    for (int ear = 0; ear < 2; ear++)
        cr_assert_eq(
            v2s_depth_net_attention(net, dev, work, BATCH, level, 1, ear, ROW, r->maps[ear]),
            V2S_OK, "%s", v2s_error_text());
}

static result *run_on(const v2s_device *dev, const v2s_depth_config *config, int level) {
    result *r = calloc(1, sizeof *r);
    size_t bytes = PIXELS * sizeof(float);
    float *host[2] = {depth_input(config, BATCH), malloc(bytes)};
    depth_noise(501, PIXELS, 0.0, 1.0, host[1]);
    r->net = depth_open(config, 1.0);
    r->grads = depth_open(config, 0.0);
    v2s_depth_net *net = placed(dev, r->net), *grads = placed(dev, r->grads);
    v2s_depth_work *work = NULL;
    cr_assert_eq(v2s_depth_work_open(net, dev, BATCH, true, &work), V2S_OK, "%s", v2s_error_text());
    float *x = put(dev, host[0], 2 * bytes), *ddepth = put(dev, host[1], bytes);
    float *depth = put(dev, NULL, bytes);
    v2s_depth_net_forward(net, dev, BATCH, x, depth, work);
    fetch(dev, r->inference, depth, bytes);
    look(dev, net, work, level, r);
    v2s_depth_net_forward_training(net, dev, BATCH, x, depth, work);
    v2s_depth_net_backward(net, grads, dev, BATCH, x, ddepth, work);
    fetch(dev, r->training, depth, bytes);
    v2s_depth_net_download(r->net, net);
    v2s_depth_net_download(r->grads, grads);
    cr_assert_eq(dev->ops->memory->synchronize(dev), V2S_OK, "%s", v2s_error_text());
    drop(dev, x, 2 * bytes);
    drop(dev, ddepth, bytes);
    drop(dev, depth, bytes);
    v2s_depth_work_close(&work);
    v2s_depth_net_close(&net);
    v2s_depth_net_close(&grads);
    free(host[0]);
    free(host[1]);
    return r;
}

static void free_result(result *r) {
    v2s_depth_net_close(&r->net);
    v2s_depth_net_close(&r->grads);
    free(r);
}

static void compare_numbers(const char *what, const float *found, const float *expected,
                            size_t count, double tolerance) {
    double gap = 0.0;
    for (size_t i = 0; i < count; i++)
        gap = fmax(gap, isfinite(found[i]) ? fabs((double)found[i] - (double)expected[i])
                                           : (double)INFINITY);
    cr_assert_leq(gap, tolerance, "%s differs by %g", what, gap);
}

typedef struct pairing {
    v2s_depth_net *expected;
    v2s_depth_tensors which;
    const char *name;
    v2s_tensor *at;
    double largest, tolerance;
} pairing;

static double norm_of(const v2s_tensor *t, const v2s_tensor *less) {
    double sum = 0.0;
    for (size_t i = 0; i < v2s_tensor_count(t); i++) {
        double value = (double)t->data[i] - (less != NULL ? (double)less->data[i] : 0.0);
        sum += value * value;
    }
    return sqrt(sum);
}

static v2s_status find(void *ctx, const char *name, v2s_tensor *t) {
    pairing *p = ctx;
    p->at = strcmp(name, p->name) == 0 ? t : p->at;
    return V2S_OK;
}

static v2s_status measure(void *ctx, const char *name, v2s_tensor *t) {
    pairing *p = ctx;
    (void)name;
    p->largest = fmax(p->largest, norm_of(t, NULL));
    return V2S_OK;
}

// Tensors below 1e-5 of the largest are little but rounding.
static v2s_status compare(void *ctx, const char *name, v2s_tensor *t) {
    pairing *p = ctx;
    p->name = name;
    cr_assert_eq(v2s_depth_net_each(p->expected, p->which, find, p), V2S_OK);
    double norm = norm_of(p->at, NULL), gap = norm_of(t, p->at);
    double most = norm > 1e-5 * p->largest ? p->tolerance * norm : 1e-5 * p->largest;
    cr_assert(gap <= most, "%s differs by %g of %g", name, gap, norm);
    return V2S_OK;
}

static void compare_nets(v2s_depth_net *found, v2s_depth_net *expected, v2s_depth_tensors which,
                         double tolerance) {
    pairing p = {.expected = expected, .which = which, .tolerance = tolerance};
    cr_assert_eq(v2s_depth_net_each(expected, which, measure, &p), V2S_OK);
    cr_assert_eq(v2s_depth_net_each(found, which, compare, &p), V2S_OK);
}

static void check(const char *levels, v2s_attention_scale scale, int level) {
    v2s_device *dev = tested_device();
    v2s_depth_config config = depth_small(SIDE, levels, scale);
    result *found = run_on(dev, &config, level), *expected = run_on(&definition, &config, level);
    int side = v2s_depth_net_side(found->net, level);
    compare_numbers("depth", found->inference, expected->inference, PIXELS, 1e-3);
    compare_numbers("depth in training", found->training, expected->training, PIXELS, 1e-3);
    for (int ear = 0; ear < 2; ear++)
        compare_numbers("map", found->maps[ear], expected->maps[ear], (size_t)(side * side), 1e-4);
    compare_nets(found->net, expected->net, V2S_DEPTH_ALL, 1e-4);
    compare_nets(found->grads, expected->grads, V2S_DEPTH_PARAMETERS, 1e-3);
    free_result(found);
    free_result(expected);
    v2s_device_close(&dev);
}

Test(depth_net, depth_maps_statistics_and_gradients_are_the_definitions) {
    check("2345", V2S_ATTENTION_SCALE_KEY, 3);
}

Test(depth_net, all_levels_and_the_published_scale) {
    check("12345", V2S_ATTENTION_SCALE_CHANNELS, 1);
}
