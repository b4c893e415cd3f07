// SPDX-License-Identifier: MIT
#include "nn/conv1d.h"

void v2s_conv1d_init(v2s_conv1d *m, int in_channels, int out_channels, int kernel,
                     v2s_arena *params) {
    *m = (v2s_conv1d){in_channels, out_channels, kernel, {0}, {0}};
    m->weight = v2s_tensor_take(params, out_channels, in_channels, kernel);
    m->bias = v2s_tensor_take(params, out_channels, 0, 0);
}

static v2s_conv1d_args args_of(const v2s_conv1d *m, int B, int T) {
    return (v2s_conv1d_args){.B = B,
                             .T = T,
                             .C = m->in_channels,
                             .O = m->out_channels,
                             .K = m->kernel,
                             .w = m->weight.data,
                             .bias = m->bias.data};
}

void v2s_conv1d_module_forward(const v2s_conv1d *m, const v2s_device *dev, int B, int T,
                               const real *x, real *y, v2s_arena *scratch) {
    v2s_conv1d_args a = args_of(m, B, T);
    a.x = x;
    a.y = y;
    dev->ops->conv1d_forward(dev, &a, scratch);
}

size_t v2s_conv1d_module_scratch(const v2s_conv1d *m, const v2s_device *dev, int B, int T) {
    v2s_conv1d_args a = args_of(m, B, T);
    return dev->ops->conv1d_scratch(dev, &a);
}

void v2s_conv1d_module_backward(const v2s_conv1d *m, v2s_conv1d *grads, const v2s_device *dev,
                                int B, int T, const real *x, const real *dy, real *dx,
                                v2s_arena *scratch) {
    v2s_conv1d_backward_args a = {.of = args_of(m, B, T),
                                  .dy = dy,
                                  .dx = dx,
                                  .dw = grads->weight.data,
                                  .dbias = grads->bias.data};
    a.of.x = x;
    dev->ops->conv1d_backward(dev, &a, scratch);
}

size_t v2s_conv1d_module_backward_scratch(const v2s_conv1d *m, const v2s_device *dev, int B,
                                          int T) {
    v2s_conv1d_backward_args a = {.of = args_of(m, B, T)};
    return dev->ops->conv1d_backward_scratch(dev, &a);
}

v2s_status v2s_conv1d_each_param(v2s_conv1d *m, const char *name, v2s_param_visit visit,
                                 void *ctx) {
    V2S_TRY(v2s_param_walk(name, "weight", &m->weight, visit, ctx));
    return v2s_param_walk(name, "bias", &m->bias, visit, ctx);
}
