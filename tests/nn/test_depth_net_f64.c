// SPDX-License-Identifier: MIT
// The depth network in double: every name below is its double twin's.
#define V2S_F64
#include "kernels/f64_names.h"
// clang-format off: after the names
#include "tests/nn/depth_net_check.h"
// clang-format on

static const v2s_device definition = {.ops = &v2s_ops_scalar, .threads = 1};

enum { BATCH = 3, SIZE = 16, PIXELS = BATCH * SIZE * SIZE };

typedef struct check {
    v2s_depth_net *net, *grads;
    v2s_depth_work *work;
    real *x, depth[PIXELS], weight[PIXELS];
    double largest; // gradient of all
} check;

static double loss(check *c) {
    double sum = 0.0;
    v2s_depth_net_forward_training(c->net, &definition, BATCH, c->x, c->depth, c->work);
    for (int i = 0; i < PIXELS; i++)
        sum += c->depth[i] * c->weight[i];
    return sum;
}

static v2s_status find_largest(void *ctx, const char *name, v2s_tensor *grad) {
    check *c = ctx;
    (void)name;
    for (size_t i = 0; i < v2s_tensor_count(grad); i++)
        c->largest = fmax(c->largest, fabs(grad->data[i]));
    return V2S_OK;
}

typedef struct find {
    const char *name;
    v2s_tensor *found;
} find;

static v2s_status find_tensor(void *ctx, const char *name, v2s_tensor *tensor) {
    find *f = ctx;
    if (strcmp(name, f->name) == 0)
        f->found = tensor;
    return V2S_OK;
}

// A central difference at the middle element of every tensor.
static v2s_status check_tensor(void *ctx, const char *name, v2s_tensor *grad) {
    check *c = ctx;
    find f = {name, NULL};
    cr_assert_eq(v2s_depth_net_each(c->net, V2S_DEPTH_PARAMETERS, find_tensor, &f), V2S_OK);
    size_t count = v2s_tensor_count(grad);
    double own = 0.0, step = 1e-6;
    for (size_t j = 0; j < count; j++)
        own = fmax(own, fabs(grad->data[j]));
    size_t i = count / 2;
    double value = f.found->data[i];
    f.found->data[i] = value + step;
    double above = loss(c);
    f.found->data[i] = value - step;
    double slope = (above - loss(c)) / (2.0 * step);
    f.found->data[i] = value;
    cr_assert_leq(fabs(slope - grad->data[i]), 1e-4 * own + 1e-7 * c->largest,
                  "%s[%zu]: %g by differences, %g by backward", name, i, slope, grad->data[i]);
    return V2S_OK;
}

Test(depth_net_f64, gradients_are_central_differences) {
    v2s_depth_config config = depth_small(SIZE, "12345", V2S_ATTENTION_SCALE_KEY);
    check *c = calloc(1, sizeof *c);
    c->net = depth_open(&config, 0.2);
    c->grads = depth_open(&config, 0.0);
    c->x = depth_input(&config, BATCH);
    depth_noise(501, PIXELS, 0.0, 1.0, c->weight);
    cr_assert_eq(v2s_depth_work_open(c->net, &definition, BATCH, true, &c->work), V2S_OK);
    loss(c);
    v2s_depth_net_backward(c->net, c->grads, &definition, BATCH, c->x, c->weight, c->work);
    cr_assert_eq(v2s_depth_net_each(c->grads, V2S_DEPTH_PARAMETERS, find_largest, c), V2S_OK);
    cr_assert_gt(c->largest, 0.0);
    cr_assert_eq(v2s_depth_net_each(c->grads, V2S_DEPTH_PARAMETERS, check_tensor, c), V2S_OK);
    v2s_depth_work_close(&c->work);
    v2s_depth_net_close(&c->net);
    v2s_depth_net_close(&c->grads);
    free(c->x);
    free(c);
}

Test(depth_net_f64, depth_gradients_and_statistics_equal_pytorch) {
    golden_case all = {"all", "12345", V2S_ATTENTION_SCALE_KEY, 1.0, 1e-9, 1e-7, 1e-9};
    golden_case some = {"some", "24", V2S_ATTENTION_SCALE_CHANNELS, 1.0, 1e-9, 1e-7, 1e-9};
    golden_case peaked = {"peaked", "12345", V2S_ATTENTION_SCALE_KEY, 8.0, 1e-9, 1e-6, 1e-9};
    golden_check(&definition, &all);
    golden_check(&definition, &some);
    golden_check(&definition, &peaked);
}

Test(depth_net_f64, ten_steps_equal_pytorch) {
    golden_losses(&definition, "fast", 1e-3, 1e-7);
    golden_losses(&definition, "calm", 1e-5, 1e-7);
}

Test(depth_net_f64, adamw_on_given_gradients_equals_pytorch) {
    golden_optimizer(&definition, 1e-12);
}
