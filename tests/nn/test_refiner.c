// SPDX-License-Identifier: MIT
// The whole seed refiner against PyTorch (tests/data/golden/refiner_seed.txt).
#include <criterion/criterion.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/hash_noise.h"

enum { FRAMES = 16000, BLOCK = 400 };

// Residual of the golden input on one instruction set; NULL if this processor lacks it.
static float *golden_residual(v2s_isa isa, int threads) {
    v2s_device *dev = NULL;
    if (v2s_device_open_isa(isa, threads, &dev) != V2S_OK)
        return NULL;
    v2s_refiner *m = hash_refiner();
    v2s_refiner_work work;
    cr_assert_eq(v2s_refiner_work_open(&work, m, dev, 1, FRAMES), V2S_OK);
    float *foa = malloc(FRAMES * 4 * sizeof *foa), *r = malloc(FRAMES * 4 * sizeof *r);
    hash_foa(FRAMES, foa);
    v2s_refiner_forward(m, dev, 1, FRAMES, foa, r, &work);
    free(foa);
    v2s_refiner_work_close(&work);
    v2s_refiner_close(&m);
    v2s_device_close(&dev);
    return r;
}

// Largest error at the golden file's frames, and of its block means.
static void check_golden(const float *r, double tolerance) {
    FILE *file = fopen(V2S_TEST_DATA "/golden/refiner_seed.txt", "r");
    cr_assert_not_null(file);
    char line[256], kind[16];
    int at, frames = 0, blocks = 0;
    double v[4];
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%15s %d %lf %lf %lf %lf", kind, &at, v, v + 1, v + 2, v + 3) != 6)
            continue;
        int n = kind[0] == 'f' ? 1 : BLOCK;
        frames += n == 1;
        blocks += n == BLOCK;
        for (int c = 0; c < 4; c++) {
            double sum = 0.0;
            for (int i = 0; i < n; i++)
                sum += r[(at + i) * 4 + c];
            cr_assert_lt(fabs(sum - v[c]) / n, tolerance, "%s %d channel %d: %.9g, PyTorch %.9g",
                         kind, at, c, sum, v[c]);
        }
    }
    fclose(file);
    cr_assert_eq(frames, 96);
    cr_assert_eq(blocks, FRAMES / BLOCK);
}

static void check_isa(v2s_isa isa, int threads, double tolerance) {
    float *r = golden_residual(isa, threads);
    if (r == NULL)
        cr_skip("this processor has no %s", v2s_isa_name(isa));
    check_golden(r, tolerance);
    free(r);
}

Test(refiner, plain_definition_equals_pytorch) {
    check_isa(V2S_ISA_SCALAR, 2, 1e-6);
}

Test(refiner, avx2_equals_pytorch) {
    check_isa(V2S_ISA_AVX2, 2, 1e-6);
}

Test(refiner, avx512_equals_pytorch_on_one_thread_and_on_two) {
    check_isa(V2S_ISA_AVX512, 1, 1e-6);
    check_isa(V2S_ISA_AVX512, 2, 1e-6);
}

// BF16 has 8 bits: a thousandth of the residual's range.
Test(refiner, bf16_is_close_to_pytorch) {
    check_isa(V2S_ISA_AVX512_BF16, 2, 1e-3);
}

Test(refiner, vector_forms_equal_the_definition_at_every_sample) {
    float *definition = golden_residual(V2S_ISA_SCALAR, 1);
    for (int isa = V2S_ISA_AVX2; isa <= V2S_ISA_AVX512; isa++) {
        float *r = golden_residual((v2s_isa)isa, 2);
        double most = 0.0;
        for (int i = 0; r != NULL && i < FRAMES * 4; i++)
            most = fmax(most, fabs((double)r[i] - definition[i]));
        cr_assert_lt(most, 1e-6, "%s: %g", v2s_isa_name((v2s_isa)isa), most);
        free(r);
    }
    free(definition);
}

Test(refiner, has_the_seed_parameters_of_pytorch) {
    v2s_refiner *m = hash_refiner();
    cr_assert_eq(v2s_refiner_parameters(m), 153924);
    v2s_refiner_close(&m);
    cr_assert_null(m);
}

Test(refiner, zero_weights_leave_the_geometric_path) {
    v2s_refiner_config config = {4, 3, 5, 7, 4};
    v2s_refiner *m;
    v2s_device *dev;
    v2s_refiner_work work;
    float foa[40], r[40];
    hash_foa(10, foa);
    cr_assert_eq(v2s_refiner_open(&config, &m), V2S_OK);
    cr_assert_eq(v2s_device_open("cpu", 2, &dev), V2S_OK);
    cr_assert_eq(v2s_refiner_work_open(&work, m, dev, 1, 10), V2S_OK);
    v2s_refiner_forward(m, dev, 1, 10, foa, r, &work);
    for (int i = 0; i < 40; i++)
        cr_assert_eq(r[i], 0.0f);
    v2s_refiner_work_close(&work);
    v2s_device_close(&dev);
    v2s_refiner_close(&m);
}

Test(refiner, more_frames_than_an_int_counts_are_refused) {
    v2s_refiner *m = hash_refiner();
    v2s_device *dev;
    v2s_refiner_work work = {0};
    cr_assert_eq(v2s_device_open("cpu", 2, &dev), V2S_OK);
    cr_assert_eq(v2s_refiner_work_open(&work, m, dev, 3, INT_MAX), V2S_ARG);
    v2s_device_close(&dev);
    v2s_refiner_close(&m);
}

Test(refiner, impossible_sizes_are_refused_with_a_sentence) {
    v2s_refiner *m = NULL;
    const v2s_refiner_config bad[] = {{4, 14, 64, 128, 4}, {4, 0, 64, 128, 4},
                                      {4, 15, 0, 128, 4},  {4, 15, 64, 1 << 20, 4},
                                      {0, 15, 64, 128, 4}, {4, 15, 64, 128, 1 << 20}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(v2s_refiner_open(&bad[i], &m), V2S_ARG);
        cr_assert_null(m);
        cr_assert_not_null(strstr(v2s_error_text(), "expected"));
    }
}
