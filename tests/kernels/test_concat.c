// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/f64_tensor.h"
#include "tests/support/op_check.h"

Test(concat, by_hand) {
    const float a[] = {1, 2, 3, 4}, b[] = {10, 20};
    float y[6], da[] = {100, 100, 100, 100}, db[] = {1000, 1000};
    v2s_concat_args c = {2, 2, 1, a, b, y, y, da, db};
    v2s_concat_forward(NULL, &c, NULL);
    const float expected[] = {1, 2, 10, 3, 4, 20};
    for (int i = 0; i < 6; i++)
        cr_assert_eq(y[i], expected[i]);
    v2s_concat_backward(NULL, &c, NULL);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(da[i], 100.0f + a[i]);
    cr_assert(db[0] == 1010.0f && db[1] == 1020.0f);
    c.da = NULL; // not wanted
    v2s_concat_backward(NULL, &c, NULL);
    c.db = NULL;
    v2s_concat_backward(NULL, &c, NULL);
    cr_assert(db[0] == 1020.0f && da[0] == 101.0f);
}

typedef struct problem {
    v2s_concat_args_f64 c;
    size_t count;
    op_tensor t[2];
    float *dy;
    double *dy_d;
} problem;

static problem make(int N, size_t A, size_t B) {
    problem p = {.count = (size_t)N * (A + B)};
    p.t[0] = op_tensor_make("a", 1, (size_t)N * A, 1.0f);
    p.t[1] = op_tensor_make("b", 2, (size_t)N * B, 1.0f);
    p.dy = guarded_noise(3, p.count, 1.0f);
    p.dy_d = doubles_of(p.dy, p.count);
    double *y = calloc(p.count + 1, sizeof *y);
    p.c = (v2s_concat_args_f64){
        N, A, B, p.t[0].value_d, p.t[1].value_d, y, p.dy_d, p.t[0].grad_d, p.t[1].grad_d};
    return p;
}

static void discard(problem *p) {
    guarded_free(p->dy, p->count);
    free(p->dy_d);
    free(p->c.y);
    op_tensor_free(&p->t[0]);
    op_tensor_free(&p->t[1]);
}

static double loss(void *ctx) {
    problem *p = ctx;
    double sum = 0.0;
    v2s_concat_forward_f64(NULL, &p->c, NULL);
    for (size_t i = 0; i < p->count; i++)
        sum += p->c.y[i] * p->dy_d[i];
    return sum;
}

Test(concat, backward_is_the_derivative_of_forward) {
    problem p = make(3, 5, 7);
    v2s_concat_backward_f64(NULL, &p.c, NULL);
    op_check_numeric(p.t, 2, loss, &p, "concat");
    discard(&p);
}

static void check(const v2s_device *dev, int N, size_t A, size_t B) {
    problem p = make(N, A, B);
    float *y = guarded_noise(4, p.count, 9.0f);
    v2s_concat_args c = {N, A, B, p.t[0].value, p.t[1].value, y, p.dy, p.t[0].grad, p.t[1].grad};
    loss(&p);
    v2s_concat_backward_f64(NULL, &p.c, NULL);
    dev->ops->concat_forward(dev, &c, NULL);
    dev->ops->concat_backward(dev, &c, NULL);
    for (size_t i = 0; i < p.count; i++)
        cr_assert_eq(y[i], (float)p.c.y[i]);
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < p.t[k].count; i++) // one sum, rounded once
            cr_assert_eq(p.t[k].grad[i], (float)p.t[k].grad_d[i]);
    guarded_free(y, p.count);
    discard(&p);
}

Test(concat, of_every_table_equals_double) {
    const size_t sizes[] = {0, 1, 2, 31, 32, 33, 257};
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *dev = device_of((v2s_isa)isa, 2);
        for (int i = 0; dev != NULL && i < 7; i++) {
            check(dev, 3, sizes[i], 5);
            check(dev, 2, 16, sizes[i]);
            check(dev, (int)sizes[i], 3, 8);
            check(dev, 1, sizes[i], sizes[6 - i]);
        }
        v2s_device_close(&dev);
    }
}
