// SPDX-License-Identifier: MIT
#include "nn/linear.h"

void v2s_linear_init(v2s_linear *m, int in_features, int out_features, v2s_arena *params) {
    *m = (v2s_linear){in_features, out_features, {0}, {0}};
    m->weight = v2s_tensor_take(params, out_features, in_features, 0);
    m->bias = v2s_tensor_take(params, out_features, 0, 0);
}

static v2s_linear_args args_of(const v2s_linear *m, int M) {
    return (v2s_linear_args){.M = M,
                             .C = m->in_features,
                             .O = m->out_features,
                             .w = m->weight.data,
                             .bias = m->bias.data};
}

void v2s_linear_module_forward(const v2s_linear *m, const v2s_device *dev, int M, const real *x,
                               real *y, v2s_arena *scratch) {
    v2s_linear_args a = args_of(m, M);
    a.x = x;
    a.y = y;
    dev->ops->linear_forward(dev, &a, scratch);
}

size_t v2s_linear_module_scratch(const v2s_linear *m, const v2s_device *dev, int M) {
    v2s_linear_args a = args_of(m, M);
    return dev->ops->linear_scratch(dev, &a);
}

void v2s_linear_module_backward(const v2s_linear *m, v2s_linear *grads, const v2s_device *dev,
                                int M, const real *x, const real *dy, real *dx,
                                v2s_arena *scratch) {
    v2s_linear_backward_args a = {.of = args_of(m, M),
                                  .dy = dy,
                                  .dx = dx,
                                  .dw = grads->weight.data,
                                  .dbias = grads->bias.data};
    a.of.x = x;
    dev->ops->linear_backward(dev, &a, scratch);
}

size_t v2s_linear_module_backward_scratch(const v2s_linear *m, const v2s_device *dev, int M) {
    v2s_linear_backward_args a = {.of = args_of(m, M)};
    return dev->ops->linear_backward_scratch(dev, &a);
}

v2s_status v2s_linear_each_param(v2s_linear *m, const char *name, v2s_param_visit visit,
                                 void *ctx) {
    V2S_TRY(v2s_param_walk(name, "weight", &m->weight, visit, ctx));
    return v2s_param_walk(name, "bias", &m->bias, visit, ctx);
}
