// SPDX-License-Identifier: MIT
#include "kernels/elementwise.h"

void v2s_elementwise_forward(const struct v2s_device *dev, const v2s_elementwise_args *a,
                             v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    switch (a->kind) {
    case V2S_ELEMENTWISE_ADD:
        for (size_t i = 0; i < a->count; i++)
            a->y[i] = a->a[i] + a->b[i];
        break;
    case V2S_ELEMENTWISE_MUL:
        for (size_t i = 0; i < a->count; i++)
            a->y[i] = a->a[i] * a->b[i];
        break;
    case V2S_ELEMENTWISE_SCALE:
        for (size_t i = 0; i < a->count; i++)
            a->y[i] = a->factor * a->a[i];
        break;
    }
}

// to += dy * by, or factor * dy where `by` is NULL.
static void add_product(size_t count, const real *dy, const real *by, real factor, real *to) {
    for (size_t i = 0; to != NULL && i < count; i++)
        to[i] += by != NULL ? dy[i] * by[i] : factor * dy[i];
}

void v2s_elementwise_backward(const struct v2s_device *dev, const v2s_elementwise_args *a,
                              v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    switch (a->kind) {
    case V2S_ELEMENTWISE_ADD:
        add_product(a->count, a->dy, NULL, 1, a->da);
        add_product(a->count, a->dy, NULL, 1, a->db);
        break;
    case V2S_ELEMENTWISE_MUL:
        add_product(a->count, a->dy, a->b, 0, a->da);
        add_product(a->count, a->dy, a->a, 0, a->db);
        break;
    case V2S_ELEMENTWISE_SCALE:
        add_product(a->count, a->dy, NULL, a->factor, a->da);
        break;
    }
}
