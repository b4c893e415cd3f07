// SPDX-License-Identifier: MIT
// Operations on pictures large enough for several threads give the same bits for any number of
// them (conv2d, whose sums oneDNN divides, within rounding).
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/device.h"
#include "tests/support/guarded.h"

enum { N = 2, C = 16, H = 72, WIDTH = 52, PIXELS = H * WIDTH, COUNT = N * C * PIXELS, ARRAYS = 6 };

// Arrays of up to 2 COUNT numbers, the same noise before every run.
typedef struct run {
    v2s_device *dev;
    int block;
    bool training, relu;
    float *at[ARRAYS], *small[ARRAYS]; // small: [C]
    uint8_t *index;
    v2s_arena scratch;
} run;

static run begin(int threads, int block, int kind) {
    run r = {.dev = device_of(V2S_ISA_AVX2, threads), .block = block};
    r.training = kind % 2 == 0;
    r.relu = kind / 2 == 0;
    for (int i = 0; i < ARRAYS; i++) {
        r.at[i] = guarded_noise((unsigned)i, 2 * COUNT, 1.0f);
        r.small[i] = guarded_noise(9 + (unsigned)i, C, 1.0f);
    }
    for (int c = 0; c < C; c++)
        r.small[3][c] = 1.0f + fabsf(r.small[3][c]); // variances
    r.index = calloc(COUNT, 1);
    r.scratch = scratch_of(32u << 20);
    return r;
}

static void end(run *r) {
    for (int i = 0; i < ARRAYS; i++) {
        guarded_free(r->at[i], 2 * COUNT);
        guarded_free(r->small[i], C);
    }
    free(r->index);
    v2s_arena_close(&r->scratch);
    v2s_device_close(&r->dev);
}

static void norm(run *r) {
    v2s_batch_norm_args a = {N,           C,           H,           WIDTH,       r->block,
                             r->training, r->relu,     1e-5f,       0.1f,        r->at[0],
                             r->small[0], r->small[1], r->small[2], r->small[3], r->at[1],
                             r->small[4], r->small[5]};
    v2s_batch_norm_backward_args g = {a, r->at[2], r->at[3], r->at[4], r->at[5]};
    r->dev->ops->batch_norm_forward(r->dev, &a, &r->scratch);
    r->dev->ops->batch_norm_backward(r->dev, &g, &r->scratch);
}

static void resize(run *r) {
    v2s_pool2d_args p = {N,        C,        H,        WIDTH,    r->block,
                         r->at[0], r->at[1], r->index, r->at[2], r->at[3]};
    r->dev->ops->pool2d_forward(r->dev, &p, &r->scratch);
    r->dev->ops->pool2d_backward(r->dev, &p, &r->scratch);
    v2s_upsample2d_args u = {N,        C,        H / 2,    WIDTH / 2, H,       WIDTH,
                             r->block, r->at[0], r->at[4], r->at[2],  r->at[5]};
    r->dev->ops->upsample2d_forward(r->dev, &u, &r->scratch);
    r->dev->ops->upsample2d_backward(r->dev, &u, &r->scratch);
}

static void move(run *r) {
    v2s_picture_rows_args to = {N, C, PIXELS, r->block, false, r->at[0], r->at[1]};
    v2s_picture_rows_args from = {N, C, PIXELS, r->block, true, r->at[0], r->at[2]};
    r->dev->ops->picture_to_rows(r->dev, &to, &r->scratch);
    r->dev->ops->picture_from_rows(r->dev, &from, &r->scratch);
    v2s_concat_args c = {N,        COUNT / 2, COUNT / 2 - 7, r->at[1], r->at[2],
                         r->at[3], r->at[0],  r->at[4],      r->at[5]};
    r->dev->ops->concat_forward(r->dev, &c, &r->scratch);
    r->dev->ops->concat_backward(r->dev, &c, &r->scratch);
    v2s_residual_args s = {COUNT,    r->at[0], r->at[1], r->small[0], r->at[2],
                           r->at[3], r->at[4], r->at[5], r->small[1]};
    r->dev->ops->residual_forward(r->dev, &s, &r->scratch);
    r->dev->ops->residual_backward(r->dev, &s, &r->scratch);
}

static void convolve(run *r) {
    v2s_conv2d_args a = {.N = N, .C = C, .O = C, .H = H, .W = WIDTH, .KH = 3, .KW = 3};
    a.x_block = a.y_block = r->block;
    a.x = r->at[0];
    a.w = r->at[1];
    a.bias = r->small[0];
    a.y = r->at[2];
    v2s_conv2d_backward_args g = {a, r->at[3], r->at[4], r->at[5], r->small[1]};
    r->dev->ops->conv2d_forward(r->dev, &a, &r->scratch);
    r->dev->ops->conv2d_backward(r->dev, &g, &r->scratch);
}

// The head's shape: many channels in, one out.
static void thin(run *r) {
    v2s_conv2d_args a = {.N = N, .C = C, .O = 1, .H = H, .W = WIDTH, .KH = 3, .KW = 3};
    a.x_block = r->block;
    a.x = r->at[0];
    a.w = r->at[1];
    a.bias = r->small[0];
    a.y = r->at[2];
    v2s_conv2d_backward_args g = {a, r->at[3], r->at[4], r->at[5], r->small[1]};
    r->dev->ops->conv2d_forward(r->dev, &a, &r->scratch);
    r->dev->ops->conv2d_backward(r->dev, &g, &r->scratch);
}

static double gap_of(const float *a, const float *b, size_t count) {
    double most = 0.0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

static void check(void (*work)(run *r), int kinds, double limit) {
    for (int i = 0; i < 3 * kinds; i++) {
        run one = begin(1, i % 3 == 0 ? 1 : 8 * (i % 3), i / 3);
        run three = begin(3, one.block, i / 3);
        if (one.dev == NULL)
            cr_skip("this processor has no avx2");
        work(&one);
        work(&three);
        cr_assert(one.scratch.used == 0 && three.scratch.used == 0);
        cr_assert_eq(memcmp(one.index, three.index, COUNT), 0);
        for (int k = 0; k < ARRAYS; k++) {
            cr_assert_leq(gap_of(one.at[k], three.at[k], 2 * COUNT), limit, "array %d", k);
            cr_assert_leq(gap_of(one.small[k], three.small[k], C), limit, "small %d", k);
        }
        end(&one);
        end(&three);
    }
}

Test(picture_team, normalises_to_the_same_bits) {
    check(norm, 4, 0.0);
}

Test(picture_team, resizes_to_the_same_bits) {
    check(resize, 1, 0.0);
}

Test(picture_team, moves_to_the_same_bits) {
    check(move, 1, 0.0);
}

Test(picture_team, convolves_to_nearly_the_same) {
    check(convolve, 1, 2e-3); // sums of up to N * H * WIDTH products
}

Test(picture_team, convolves_to_one_channel_and_back) {
    check(thin, 1, 2e-3);
}
