// SPDX-License-Identifier: MIT
#include "nn/double_conv.h"

#include <stdio.h>

// As torch.nn.BatchNorm2d has them.
#define MOMENTUM ((real)0.1)
#define EPS ((real)1e-5)

void v2s_conv_norm_init(v2s_conv_norm *m, int in, int out, int kernel, bool bias, v2s_arena *params,
                        v2s_arena *buffers) {
    *m = (v2s_conv_norm){.in = in, .out = out, .kernel = kernel};
    m->weight = v2s_tensor_take4(params, out, in, kernel, kernel);
    if (bias)
        m->bias = v2s_tensor_take(params, out, 0, 0);
    m->norm_weight = v2s_tensor_take(params, out, 0, 0);
    m->norm_bias = v2s_tensor_take(params, out, 0, 0);
    m->running_mean = v2s_tensor_take(buffers, out, 0, 0);
    m->running_var = v2s_tensor_take(buffers, out, 0, 0);
}

static int block_of(const v2s_picture_shape *s, int channels) {
    return channels == 1 ? 1 : s->block;
}

static v2s_conv2d_args conv_args(const v2s_conv_norm *m, const v2s_picture_shape *s, const real *x,
                                 real *y) {
    return (v2s_conv2d_args){.N = s->N,
                             .C = m->in,
                             .O = m->out,
                             .H = s->H,
                             .W = s->W,
                             .KH = m->kernel,
                             .KW = m->kernel,
                             .x_block = block_of(s, m->in),
                             .y_block = block_of(s, m->out),
                             .x = x,
                             .w = m->weight.data,
                             .bias = m->bias.data,
                             .y = y};
}

static v2s_batch_norm_args norm_args(const v2s_conv_norm *m, const v2s_picture_shape *s,
                                     const real *x, real *y) {
    return (v2s_batch_norm_args){.N = s->N,
                                 .C = m->out,
                                 .H = s->H,
                                 .W = s->W,
                                 .block = block_of(s, m->out),
                                 .relu = true,
                                 .eps = EPS,
                                 .momentum = MOMENTUM,
                                 .x = x,
                                 .weight = m->norm_weight.data,
                                 .bias = m->norm_bias.data,
                                 .running_mean = m->running_mean.data,
                                 .running_var = m->running_var.data,
                                 .y = y};
}

static v2s_batch_norm_args training_args(const v2s_conv_norm *m, const v2s_picture_shape *s,
                                         const v2s_conv_norm_saved *saved) {
    v2s_batch_norm_args a = norm_args(m, s, saved->z, saved->y);
    a.training = true;
    a.saved_mean = saved->mean;
    a.saved_inv_std = saved->inv_std;
    return a;
}

void v2s_conv_norm_forward(const v2s_conv_norm *m, const v2s_device *dev,
                           const v2s_picture_shape *s, const real *x, real *y, v2s_arena *scratch) {
    v2s_conv2d_args conv = conv_args(m, s, x, y);
    v2s_batch_norm_args norm = norm_args(m, s, y, y);
    dev->ops->conv2d_forward(dev, &conv, scratch);
    dev->ops->batch_norm_forward(dev, &norm, scratch);
}

void v2s_conv_norm_forward_training(v2s_conv_norm *m, const v2s_device *dev,
                                    const v2s_picture_shape *s, const real *x,
                                    const v2s_conv_norm_saved *saved, v2s_arena *scratch) {
    v2s_conv2d_args conv = conv_args(m, s, x, saved->z);
    v2s_batch_norm_args norm = training_args(m, s, saved);
    dev->ops->conv2d_forward(dev, &conv, scratch);
    dev->ops->batch_norm_forward(dev, &norm, scratch);
}

void v2s_conv_norm_backward(const v2s_conv_norm *m, v2s_conv_norm *grads, const v2s_device *dev,
                            const v2s_picture_shape *s, const real *x,
                            const v2s_conv_norm_saved *saved, const real *dy, real *dz, real *dx,
                            v2s_arena *scratch) {
    v2s_batch_norm_backward_args norm = {.of = training_args(m, s, saved),
                                         .dy = dy,
                                         .dx = dz,
                                         .dweight = grads->norm_weight.data,
                                         .dbias = grads->norm_bias.data};
    v2s_conv2d_backward_args conv = {.of = conv_args(m, s, x, NULL),
                                     .dy = dz,
                                     .dx = dx,
                                     .dw = grads->weight.data,
                                     .dbias = grads->bias.data};
    size_t count = (size_t)s->N * m->out * s->H * s->W;
    dev->ops->memory->zero(dev, dz, count * sizeof *dz);
    dev->ops->batch_norm_backward(dev, &norm, scratch);
    dev->ops->conv2d_backward(dev, &conv, scratch);
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

size_t v2s_conv_norm_scratch(const v2s_conv_norm *m, const v2s_device *dev,
                             const v2s_picture_shape *s, bool training) {
    v2s_conv2d_args conv = conv_args(m, s, NULL, NULL);
    v2s_batch_norm_args norm = norm_args(m, s, NULL, NULL);
    size_t size =
        larger(dev->ops->conv2d_scratch(dev, &conv), dev->ops->batch_norm_scratch(dev, &norm));
    if (!training)
        return size;
    norm.training = true;
    // What is wanted counts, not where it goes: the parameters stand in for their gradients.
    v2s_conv2d_backward_args conv_back = {
        .of = conv, .dx = m->weight.data, .dw = m->weight.data, .dbias = m->bias.data};
    v2s_batch_norm_backward_args norm_back = {.of = norm};
    size = larger(size, dev->ops->batch_norm_scratch(dev, &norm));
    size = larger(size, dev->ops->conv2d_backward_scratch(dev, &conv_back));
    return larger(size, dev->ops->batch_norm_backward_scratch(dev, &norm_back));
}

void v2s_double_conv_init(v2s_double_conv *m, int in, int mid, int out, v2s_arena *params,
                          v2s_arena *buffers) {
    v2s_conv_norm_init(&m->first, in, mid, 3, false, params, buffers);
    v2s_conv_norm_init(&m->second, mid, out, 3, false, params, buffers);
}

void v2s_double_conv_forward(const v2s_double_conv *m, const v2s_device *dev,
                             const v2s_picture_shape *s, const real *x, real *middle, real *y,
                             v2s_arena *scratch) {
    v2s_conv_norm_forward(&m->first, dev, s, x, middle, scratch);
    v2s_conv_norm_forward(&m->second, dev, s, middle, y, scratch);
}

void v2s_double_conv_forward_training(v2s_double_conv *m, const v2s_device *dev,
                                      const v2s_picture_shape *s, const real *x,
                                      const v2s_conv_norm_saved saved[2], v2s_arena *scratch) {
    v2s_conv_norm_forward_training(&m->first, dev, s, x, &saved[0], scratch);
    v2s_conv_norm_forward_training(&m->second, dev, s, saved[0].y, &saved[1], scratch);
}

void v2s_double_conv_backward(const v2s_double_conv *m, v2s_double_conv *grads,
                              const v2s_device *dev, const v2s_picture_shape *s, const real *x,
                              const v2s_conv_norm_saved saved[2], const real *dy, real *dz,
                              real *dmiddle, real *dx, v2s_arena *scratch) {
    size_t count = (size_t)s->N * m->first.out * s->H * s->W;
    dev->ops->memory->zero(dev, dmiddle, count * sizeof *dmiddle);
    v2s_conv_norm_backward(&m->second, &grads->second, dev, s, saved[0].y, &saved[1], dy, dz,
                           dmiddle, scratch);
    v2s_conv_norm_backward(&m->first, &grads->first, dev, s, x, &saved[0], dmiddle, dz, dx,
                           scratch);
}

size_t v2s_double_conv_scratch(const v2s_double_conv *m, const v2s_device *dev,
                               const v2s_picture_shape *s, bool training) {
    return larger(v2s_conv_norm_scratch(&m->first, dev, s, training),
                  v2s_conv_norm_scratch(&m->second, dev, s, training));
}

static void number(char full[V2S_PARAM_NAME_MAX], const char *name, int index) {
    int n = snprintf(full, V2S_PARAM_NAME_MAX, "%s.%d", name, index);
    V2S_ASSERT(n > 0 && n < V2S_PARAM_NAME_MAX);
}

v2s_status v2s_conv_norm_each(v2s_conv_norm *m, const char *name, int conv, bool parameters,
                              bool buffers, v2s_param_visit visit, void *ctx) {
    char of_conv[V2S_PARAM_NAME_MAX], of_norm[V2S_PARAM_NAME_MAX];
    number(of_conv, name, conv);
    number(of_norm, name, conv + 1);
    if (parameters) {
        V2S_TRY(v2s_param_walk(of_conv, "weight", &m->weight, visit, ctx));
        if (m->bias.rank > 0)
            V2S_TRY(v2s_param_walk(of_conv, "bias", &m->bias, visit, ctx));
        V2S_TRY(v2s_param_walk(of_norm, "weight", &m->norm_weight, visit, ctx));
        V2S_TRY(v2s_param_walk(of_norm, "bias", &m->norm_bias, visit, ctx));
    }
    if (!buffers)
        return V2S_OK;
    V2S_TRY(v2s_param_walk(of_norm, "running_mean", &m->running_mean, visit, ctx));
    return v2s_param_walk(of_norm, "running_var", &m->running_var, visit, ctx);
}

v2s_status v2s_double_conv_each(v2s_double_conv *m, const char *name, bool parameters, bool buffers,
                                v2s_param_visit visit, void *ctx) {
    char full[V2S_PARAM_NAME_MAX];
    int n = snprintf(full, sizeof full, "%s.double_conv", name);
    V2S_ASSERT(n > 0 && (size_t)n < sizeof full);
    V2S_TRY(v2s_conv_norm_each(&m->first, full, 0, parameters, buffers, visit, ctx));
    return v2s_conv_norm_each(&m->second, full, 3, parameters, buffers, visit, ctx);
}
