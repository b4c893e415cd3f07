// SPDX-License-Identifier: MIT
#include "nn/bigru.h"

void v2s_bigru_init(v2s_bigru *m, int in_features, int hidden, v2s_arena *params) {
    *m = (v2s_bigru){.in_features = in_features, .hidden = hidden};
    for (int d = 0; d < 2; d++) {
        m->dir[d].weight_ih = v2s_tensor_take(params, 3 * hidden, in_features, 0);
        m->dir[d].weight_hh = v2s_tensor_take(params, 3 * hidden, hidden, 0);
        m->dir[d].bias_ih = v2s_tensor_take(params, 3 * hidden, 0, 0);
        m->dir[d].bias_hh = v2s_tensor_take(params, 3 * hidden, 0, 0);
    }
}

v2s_gru_direction v2s_bigru_direction(const v2s_bigru *m, int direction) {
    const v2s_gru_params *p = &m->dir[direction];
    return (v2s_gru_direction){.w_ih = p->weight_ih.data,
                               .w_hh = p->weight_hh.data,
                               .b_ih = p->bias_ih.data,
                               .b_hh = p->bias_hh.data};
}

static v2s_gru_args args_of(const v2s_bigru *m, int B, int T) {
    return (v2s_gru_args){.B = B,
                          .T = T,
                          .C = m->in_features,
                          .H = m->hidden,
                          .D = 2,
                          .overlap = m->overlap,
                          .ldy = 2 * m->hidden,
                          .dir = {v2s_bigru_direction(m, 0), v2s_bigru_direction(m, 1)}};
}

void v2s_bigru_forward(const v2s_bigru *m, const v2s_device *dev, int B, int T, const real *x,
                       real *y, v2s_arena *scratch) {
    v2s_gru_args a = args_of(m, B, T);
    a.x = x;
    a.y = y;
    dev->ops->gru_forward(dev, &a, scratch);
}

size_t v2s_bigru_scratch(const v2s_bigru *m, const v2s_device *dev, int B, int T) {
    v2s_gru_args a = args_of(m, B, T);
    return dev->ops->gru_scratch(dev, &a);
}

void v2s_bigru_forward_training(const v2s_bigru *m, const v2s_device *dev, int B, int T,
                                const real *x, real *y, void *saved, v2s_arena *scratch) {
    v2s_gru_args a = args_of(m, B, T);
    a.x = x;
    a.y = y;
    a.saved = saved;
    dev->ops->gru_forward(dev, &a, scratch);
}

size_t v2s_bigru_saved_size(const v2s_bigru *m, const v2s_device *dev, int B, int T) {
    v2s_gru_args a = args_of(m, B, T);
    return dev->ops->gru_saved_size(dev, &a);
}

void v2s_bigru_backward(const v2s_bigru *m, v2s_bigru *grads, const v2s_device *dev, int B, int T,
                        const real *x, const real *y, void *saved, const real *dy, real *dx,
                        v2s_arena *scratch) {
    v2s_gru_backward_args a = {.of = args_of(m, B, T), .dy = dy, .dx = dx};
    a.of.x = x;
    a.of.y = (real *)y; // read only there
    a.of.saved = saved;
    for (int d = 0; d < 2; d++)
        a.grad[d] = (v2s_gru_gradients){.dw_ih = grads->dir[d].weight_ih.data,
                                        .dw_hh = grads->dir[d].weight_hh.data,
                                        .db_ih = grads->dir[d].bias_ih.data,
                                        .db_hh = grads->dir[d].bias_hh.data};
    dev->ops->gru_backward(dev, &a, scratch);
}

size_t v2s_bigru_backward_scratch(const v2s_bigru *m, const v2s_device *dev, int B, int T) {
    v2s_gru_backward_args a = {.of = args_of(m, B, T)};
    return dev->ops->gru_backward_scratch(dev, &a);
}

v2s_status v2s_bigru_each_param(v2s_bigru *m, const char *name, v2s_param_visit visit, void *ctx) {
    static const char *const names[2][4] = {
        {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"},
        {"weight_ih_l0_reverse", "weight_hh_l0_reverse", "bias_ih_l0_reverse",
         "bias_hh_l0_reverse"}};
    for (int d = 0; d < 2; d++) {
        v2s_gru_params *p = &m->dir[d];
        V2S_TRY(v2s_param_walk(name, names[d][0], &p->weight_ih, visit, ctx));
        V2S_TRY(v2s_param_walk(name, names[d][1], &p->weight_hh, visit, ctx));
        V2S_TRY(v2s_param_walk(name, names[d][2], &p->bias_ih, visit, ctx));
        V2S_TRY(v2s_param_walk(name, names[d][3], &p->bias_hh, visit, ctx));
    }
    return V2S_OK;
}
