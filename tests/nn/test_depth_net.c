// SPDX-License-Identifier: MIT
#include "tests/nn/depth_net_check.h"

// Every table of kernels against PyTorch. The contract's tolerances; gradients of tensors that have
// one (depth_net_check.h).
static void check_isa(v2s_isa isa) {
    v2s_device *dev = NULL;
    if (v2s_device_open_isa(isa, 2, &dev) != V2S_OK)
        cr_skip("this processor has no %s", v2s_isa_name(isa));
    golden_case all = {"all", "12345", V2S_ATTENTION_SCALE_KEY, 1.0, 1e-3, 1e-3, 1e-5};
    golden_case some = {"some", "24", V2S_ATTENTION_SCALE_CHANNELS, 1.0, 1e-3, 1e-3, 1e-5};
    golden_case peaked = {"peaked", "12345", V2S_ATTENTION_SCALE_KEY, 8.0, 1e-3, 1e-3, 1e-5};
    golden_check(dev, &all);
    golden_check(dev, &some);
    golden_check(dev, &peaked);
    golden_losses(dev, "calm", 1e-5, 1e-3);
    golden_optimizer(dev, 1e-6);
    v2s_device_close(&dev);
}

Test(depth_net, plain_definition_equals_pytorch) {
    check_isa(V2S_ISA_SCALAR);
}

Test(depth_net, avx2_equals_pytorch) {
    check_isa(V2S_ISA_AVX2);
}

Test(depth_net, avx512_equals_pytorch) {
    check_isa(V2S_ISA_AVX512);
}

// ---- the network itself -----------------------------------------------------------------------

static const v2s_device definition = {.ops = &v2s_ops_scalar, .threads = 1};

enum { SIDE = 16, PIXELS = SIDE * SIDE };

static v2s_depth_work *work_of(const v2s_depth_net *net, int B, bool training) {
    v2s_depth_work *work = NULL;
    cr_assert_eq(v2s_depth_work_open(net, &definition, B, training, &work), V2S_OK, "%s",
                 v2s_error_text());
    return work;
}

static void expect_refusal(v2s_depth_config c, const char *words) {
    v2s_depth_net *net = NULL;
    cr_assert_eq(v2s_depth_net_open(&c, NULL, &net), V2S_ARG);
    cr_assert_null(net);
    cr_assert_not_null(strstr(v2s_error_text(), words), "%s", v2s_error_text());
}

Test(depth_net, sizes_out_of_range_are_refused_by_name) {
    v2s_depth_config good = v2s_depth_default(), c;
    static const int bases[] = {0, -8, 4, 12, 264}, sizes[] = {0, 8, 24, 1040, -16};
    static const double depths[] = {0.0, -1.0, NAN, INFINITY};
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        c = good;
        c.base_channels = bases[i];
        expect_refusal(c, "base_channels");
        c = good;
        c.size = sizes[i];
        expect_refusal(c, "size");
    }
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        c = good;
        c.max_depth_m = depths[i];
        expect_refusal(c, "max_depth_m");
    }
    c = good;
    c.scale = (v2s_attention_scale)2;
    expect_refusal(c, "attention_scale");
    v2s_depth_work *work = NULL;
    c = depth_small(SIDE, "2", V2S_ATTENTION_SCALE_KEY);
    v2s_depth_net *net = depth_open(&c, 1.0);
    cr_assert_eq(v2s_depth_work_open(net, &definition, 0, false, &work), V2S_ARG);
    cr_assert_eq(v2s_depth_work_open(net, &definition, 1 << 24, false, &work), V2S_ARG);
    v2s_depth_net_close(&net);
}

static v2s_status count_names(void *ctx, const char *name, v2s_tensor *t) {
    int *counts = ctx;
    bool buffer = strstr(name, ".running_") != NULL;
    counts[buffer]++;
    cr_assert(v2s_tensor_count(t) > 0);
    return V2S_OK;
}

Test(depth_net, the_published_network_has_its_published_size) {
    v2s_depth_config c = v2s_depth_default();
    v2s_depth_net *net = NULL;
    int counts[2] = {0, 0};
    cr_assert_eq(v2s_depth_net_open(&c, NULL, &net), V2S_OK);
    cr_assert_eq(v2s_depth_net_each(net, V2S_DEPTH_ALL, count_names, counts), V2S_OK);
    cr_assert(counts[0] == 2 * 5 * 6 + 4 * 10 + 5 * 4 + 4 * 6 + 2 && counts[1] == 66);
    cr_assert_eq(v2s_depth_net_parameters(net), 29260777);
    cr_assert(v2s_depth_net_side(net, 1) == 256 && v2s_depth_net_side(net, 5) == 16);
    v2s_depth_net_close(&net);
}

static v2s_status check_draw(void *ctx, const char *name, v2s_tensor *t) {
    size_t count = v2s_tensor_count(t);
    double sum = 0.0, square = 0.0;
    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        sum += (double)t->data[i];
        square += (double)t->data[i] * (double)t->data[i];
    }
    if (t->rank == 4 && count > 2000) {
        double expected = 2.0 / (t->dim[0] * t->dim[2] * t->dim[3]);
        cr_assert(fabs(square / (double)count / expected - 1.0) < 0.15, "%s", name);
        cr_assert(fabs(sum / (double)count) < 0.1 * sqrt(expected), "%s", name);
    }
    if (t->rank == 1) {
        bool one = strstr(name, "attention") == NULL && depth_ends(name, ".weight");
        cr_assert(sum == (one ? (double)count : 0.0) && square == sum, "%s", name);
    }
    return V2S_OK;
}

Test(depth_net, fresh_weights_are_as_published_and_depend_on_the_seed) {
    v2s_depth_config c = depth_small(SIDE, "25", V2S_ATTENTION_SCALE_KEY);
    v2s_depth_net *a = depth_open(&c, 0.0), *b = depth_open(&c, 0.0);
    size_t count;
    v2s_depth_net_init_weights(a, 3);
    v2s_depth_net_init_weights(b, 3);
    cr_assert_eq(v2s_depth_net_each(a, V2S_DEPTH_PARAMETERS, check_draw, NULL), V2S_OK);
    const float *first = v2s_depth_net_flat(a, &count), *second = v2s_depth_net_flat(b, &count);
    cr_assert_eq(memcmp(first, second, count * sizeof *first), 0);
    v2s_depth_net_init_weights(b, 4);
    cr_assert_neq(memcmp(first, second, count * sizeof *first), 0);
    v2s_depth_net_close(&a);
    v2s_depth_net_close(&b);
}

Test(depth_net, a_settled_network_says_one_depth) {
    v2s_depth_config c = depth_small(SIDE, "25", V2S_ATTENTION_SCALE_KEY);
    v2s_depth_net *net = depth_open(&c, 0.0);
    v2s_depth_work *work = work_of(net, 1, false);
    real *x = depth_input(&c, 1), depth[PIXELS];
    v2s_depth_net_init_weights(net, 3);
    v2s_depth_net_settle(net, 0.15 * c.max_depth_m);
    v2s_depth_net_forward(net, &definition, 1, x, depth, work);
    for (int i = 0; i < PIXELS; i++)
        cr_assert(fabs((double)depth[i] / c.max_depth_m - 0.15) < 0.1, "%g", (double)depth[i]);
    free(x);
    v2s_depth_work_close(&work);
    v2s_depth_net_close(&net);
}

Test(depth_net, items_of_a_batch_do_not_see_one_another) {
    v2s_depth_config c = depth_small(SIDE, "12345", V2S_ATTENTION_SCALE_KEY);
    v2s_depth_net *net = depth_open(&c, 1.0);
    v2s_depth_work *three = work_of(net, 3, false), *trained = work_of(net, 3, true);
    real *x = depth_input(&c, 3), all[3 * PIXELS], one[PIXELS], other[3 * PIXELS];
    v2s_depth_net_forward(net, &definition, 3, x, all, three);
    for (int n = 0; n < 3; n++) { // by the same memory, which is for more
        v2s_depth_net_forward(net, &definition, 1, x + n * 2 * PIXELS, one, three);
        cr_assert_eq(memcmp(one, all + n * PIXELS, sizeof one), 0);
    }
    v2s_depth_net_forward(net, &definition, 3, x, other, trained);
    cr_assert_eq(memcmp(all, other, sizeof all), 0);
    cr_assert_lt(v2s_depth_work_bytes(three), v2s_depth_work_bytes(trained) / 2);
    for (int i = 0; i < 3 * PIXELS; i++)
        cr_assert(all[i] > 0 && all[i] < (real)c.max_depth_m);
    free(x);
    v2s_depth_work_close(&three);
    v2s_depth_work_close(&trained);
    v2s_depth_net_close(&net);
}

Test(depth_net, attention_maps_are_weights_and_levels_without_are_refused) {
    v2s_depth_config c = depth_small(SIDE, "24", V2S_ATTENTION_SCALE_CHANNELS);
    v2s_depth_net *net = depth_open(&c, 1.0);
    v2s_depth_work *work = work_of(net, 2, false);
    real *x = depth_input(&c, 2), depth[2 * PIXELS];
    float map[64], mirrored[64];
    v2s_depth_net_forward(net, &definition, 2, x, depth, work);
    cr_assert_eq(v2s_depth_net_side(net, 2), 8);
    for (int i = 0; i < 64; i += 9) {
        double sum = 0.0;
        cr_assert_eq(v2s_depth_net_attention(net, &definition, work, 2, 2, 1, 0, i, map), V2S_OK);
        cr_assert_eq(v2s_depth_net_attention(net, &definition, work, 2, 2, 1, 1, i, mirrored),
                     V2S_OK);
        cr_assert_neq(memcmp(map, mirrored, sizeof map), 0);
        for (int j = 0; j < 64; j++) {
            cr_assert(map[j] >= 0);
            sum += map[j];
        }
        cr_assert_float_eq(sum, 1.0, 1e-5);
    }
    cr_assert_eq(v2s_depth_net_attention(net, &definition, work, 2, 3, 0, 0, 0, map), V2S_ARG);
    cr_assert_eq(v2s_depth_net_attention(net, &definition, work, 2, 6, 0, 0, 0, map), V2S_ARG);
    cr_assert_not_null(strstr(v2s_error_text(), "level 6 has no attention"));
    free(x);
    v2s_depth_work_close(&work);
    v2s_depth_net_close(&net);
}
