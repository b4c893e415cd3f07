// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/f64_tensor.h"
#include "tests/support/op_check.h"
#include "tests/support/picture_blocks.h"

Test(picture, to_rows_and_back_by_hand) {
    const float plain[] = {1, 2, 3, 4, 5, 6}; // two channels of three pixels
    float rows[6], back[6];
    v2s_picture_rows_args a = {1, 2, 3, 0, false, plain, rows};
    v2s_picture_to_rows(NULL, &a, NULL);
    const float expected[] = {1, 4, 2, 5, 3, 6};
    for (int i = 0; i < 6; i++)
        cr_assert_eq(rows[i], expected[i]);
    v2s_picture_rows_args b = {1, 2, 3, 1, false, rows, back};
    v2s_picture_from_rows(NULL, &b, NULL);
    b.add = true;
    v2s_picture_from_rows(NULL, &b, NULL);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(back[i], 2.0f * plain[i]);
}

static void check(const v2s_device *dev, int N, int C, int P, int block, bool add) {
    size_t count = (size_t)N * C * P;
    float *plain = guarded_noise(1, count, 1.0f), *picture = guarded_noise(1, count, 1.0f);
    float *rows = guarded_noise(2, count, 1.0f), *back = guarded_noise(3, count, 1.0f);
    double *before = doubles_of(rows, count), *before_back = doubles_of(back, count);
    picture_to_blocks(picture, sizeof *picture, N, C, (size_t)P, block);
    picture_to_blocks(back, sizeof *back, N, C, (size_t)P, block);
    v2s_picture_rows_args a = {N, C, P, block, add, picture, rows};
    dev->ops->picture_to_rows(dev, &a, NULL);
    v2s_picture_rows_args b = {N, C, P, block, add, rows, back};
    dev->ops->picture_from_rows(dev, &b, NULL);
    picture_to_plain(back, sizeof *back, N, C, (size_t)P, block);
    for (int n = 0; n < N; n++)
        for (int c = 0; c < C; c++)
            for (int p = 0; p < P; p++) {
                size_t row = ((size_t)n * P + p) * C + c, at = ((size_t)n * C + c) * P + p;
                float want = plain[at] + (add ? (float)before[row] : 0.0f);
                cr_assert_eq(rows[row], want, "to rows, N %d C %d P %d block %d", N, C, P, block);
                want += add ? (float)before_back[at] : 0.0f;
                cr_assert_eq(back[at], want, "from rows, N %d C %d P %d block %d", N, C, P, block);
            }
    guarded_free(plain, count);
    guarded_free(picture, count);
    guarded_free(rows, count);
    guarded_free(back, count);
    free(before);
    free(before_back);
}

Test(picture, of_every_table_is_the_same_numbers_elsewhere) {
    const int sizes[] = {0, 1, 2, 31, 32, 33};
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *dev = device_of((v2s_isa)isa, 2);
        for (int i = 0; dev != NULL && i < 12; i++) {
            int n = sizes[i / 2];
            bool add = i % 2 != 0;
            check(dev, n, 3, 5, 1, add);
            check(dev, 2, n, 7, 0, add);
            check(dev, 2, 5, n, 1, add);
            check(dev, 2, 16, n, 8, add);
            check(dev, 3, 32, n, 16, add);
            check(dev, n, 24, 4, 8, add);
            check(dev, 1, 8 * n, 3, 8, add);
        }
        v2s_device_close(&dev);
    }
}

// ---- derivatives ------------------------------------------------------------------------------

typedef struct problem {
    v2s_picture_rows_args_f64 a; // forward
    void (*run)(const struct v2s_device *, const v2s_picture_rows_args_f64 *, v2s_arena *);
    size_t count;
    op_tensor x;
    double *dy;
} problem;

static double loss(void *ctx) {
    problem *p = ctx;
    double sum = 0.0;
    p->run(NULL, &p->a, NULL);
    for (size_t i = 0; i < p->count; i++)
        sum += p->a.to[i] * p->dy[i];
    return sum;
}

static void check_numeric(bool to_rows, int block) {
    problem p = {.count = 2 * 8 * 3};
    p.x = op_tensor_make("x", 1, p.count, 1.0f);
    float *noise = guarded_noise(2, p.count, 1.0f);
    p.dy = doubles_of(noise, p.count);
    double *y = calloc(p.count, sizeof *y);
    p.run = to_rows ? v2s_picture_to_rows_f64 : v2s_picture_from_rows_f64;
    p.a = (v2s_picture_rows_args_f64){2, 8, 3, block, false, p.x.value_d, y};
    v2s_picture_rows_args_f64 g = {2, 8, 3, block, true, p.dy, p.x.grad_d};
    (to_rows ? v2s_picture_from_rows_f64 : v2s_picture_to_rows_f64)(NULL, &g, NULL);
    op_check_numeric(&p.x, 1, loss, &p, to_rows ? "to rows" : "from rows");
    guarded_free(noise, p.count);
    free(p.dy);
    free(y);
    op_tensor_free(&p.x);
}

Test(picture, each_way_is_the_derivative_of_the_other) {
    for (int block = 1; block <= 8; block += 7) {
        check_numeric(true, block);
        check_numeric(false, block);
    }
}

Test(picture, has_the_block_that_fits_the_device_and_the_channels) {
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *dev = device_of((v2s_isa)isa, 1);
        if (dev == NULL)
            continue;
        int most = isa == V2S_ISA_SCALAR ? 1 : isa == V2S_ISA_AVX2 ? 8 : 16;
        cr_assert_eq(v2s_picture_block(dev, 64), most);
        cr_assert_eq(v2s_picture_block(dev, 16), most);
        cr_assert_eq(v2s_picture_block(dev, 24), most > 8 ? 8 : most);
        cr_assert_eq(v2s_picture_block(dev, 8), most > 8 ? 8 : most);
        cr_assert_eq(v2s_picture_block(dev, 12), 1);
        cr_assert_eq(v2s_picture_block(dev, 1), 1);
        v2s_device_close(&dev);
    }
}
