// SPDX-License-Identifier: MIT
#include "tests/nn/refiner_training_check.h"

static v2s_device *device_or_skip(v2s_isa isa) {
    v2s_device *dev = NULL;
    if (v2s_device_open_isa(isa, 2, &dev) != V2S_OK)
        cr_skip("this processor has no %s", v2s_isa_name(isa));
    return dev;
}

static void check_isa(v2s_isa isa) {
    v2s_device *dev = device_or_skip(isa);
    check_gradients(dev, 1e-5);
    check_optimizers(dev, 1e-3);
    v2s_device_close(&dev);
}

Test(refiner_training, plain_definition_equals_pytorch) {
    check_isa(V2S_ISA_SCALAR);
}

Test(refiner_training, avx2_equals_pytorch) {
    check_isa(V2S_ISA_AVX2);
}

Test(refiner_training, avx512_equals_pytorch) {
    check_isa(V2S_ISA_AVX512);
}

// Enough rows that every operation is cut into parts.
enum { LONG_BATCH = 11, LONG_FRAMES = 400, LONG = LONG_BATCH * LONG_FRAMES * 4 };

// Gradients of a long batch on so many threads, then the input's.
static void long_gradients(int threads, v2s_refiner *grads, float *dx) {
    v2s_device *dev;
    v2s_refiner_work work;
    v2s_refiner *m = open_seed(true);
    float *x = malloc(LONG * sizeof *x), *y = malloc(LONG * sizeof *y);
    noise(100, LONG, 1.0f, x);
    cr_assert_eq(v2s_device_open("cpu", threads, &dev), V2S_OK);
    cr_assert_eq(v2s_refiner_work_open_training(&work, m, dev, LONG_BATCH, LONG_FRAMES), V2S_OK);
    v2s_refiner_forward(m, dev, LONG_BATCH, LONG_FRAMES, x, y, &work);
    v2s_refiner_backward(m, grads, dev, LONG_BATCH, LONG_FRAMES, x, y, dx, &work);
    v2s_refiner_work_close(&work);
    v2s_device_close(&dev);
    v2s_refiner_close(&m);
    free(x);
    free(y);
}

Test(refiner_training, gradients_do_not_depend_on_the_number_of_threads) {
    v2s_refiner *one = open_seed(false), *many = open_seed(false);
    float *dx_one = calloc(LONG, sizeof *dx_one), *dx_many = calloc(LONG, sizeof *dx_many);
    size_t count;
    long_gradients(1, one, dx_one);
    for (int threads = 2; threads <= 5; threads += 3) {
        float *flat = v2s_refiner_flat(many, &count);
        memset(flat, 0, count * sizeof *flat);
        memset(dx_many, 0, LONG * sizeof *dx_many);
        long_gradients(threads, many, dx_many);
        cr_assert_eq(memcmp(flat, v2s_refiner_flat(one, &count), count * sizeof *flat), 0);
        cr_assert_eq(memcmp(dx_one, dx_many, LONG * sizeof *dx_one), 0);
    }
    v2s_refiner_close(&one);
    v2s_refiner_close(&many);
    free(dx_one);
    free(dx_many);
}

static v2s_status check_uniform(void *ctx, const char *name, v2s_tensor *param) {
    (void)ctx;
    double fan = strncmp(name, "gru", 3) == 0    ? 128.0
                 : strncmp(name, "conv", 4) == 0 ? 60.0
                                                 : 256.0;
    double bound = 1.0 / sqrt(fan), largest = 0.0, square = 0.0;
    size_t n = v2s_tensor_count(param);
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(param->data[i]));
        square += (double)param->data[i] * param->data[i] / (double)n;
    }
    cr_assert_leq(largest, bound * (1.0 + 1e-7), "%s", name);
    if (n >= 64) // standard error of the mean square: 0.9 of its value / sqrt(n)
        cr_assert_lt(fabs(square / (bound * bound / 3.0) - 1.0), 4.5 / sqrt((double)n), "%s", name);
    return V2S_OK;
}

Test(refiner_training, new_weights_have_the_ranges_of_pytorch_and_depend_on_the_seed) {
    v2s_refiner *a = open_seed(false), *b = open_seed(false);
    size_t count;
    float *first = v2s_refiner_flat(a, &count), *second = v2s_refiner_flat(b, &count);
    v2s_refiner_init_weights(a, 5);
    cr_assert_eq(v2s_refiner_each_param(a, check_uniform, NULL), V2S_OK);
    v2s_refiner_init_weights(b, 5);
    cr_assert_eq(memcmp(first, second, count * sizeof *first), 0);
    v2s_refiner_init_weights(b, 6);
    cr_assert_neq(memcmp(first, second, count * sizeof *first), 0);
    v2s_refiner_close(&a);
    v2s_refiner_close(&b);
}
