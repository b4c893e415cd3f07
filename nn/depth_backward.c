// SPDX-License-Identifier: MIT
// The lines of nn/depth_forward.c from bottom to top.
//
// g[l] is first the gradient of the decoder's picture of level l, then, when that has been used, of
// the fused one, which is at least as large.
#include "nn/depth_net_internal.h"

typedef struct gradients {
    real *g[V2S_DEPTH_LEVELS];
    real *pooled; // [2,B,...] of the next level's input
} gradients;

// What the decoder made of level + 1 (at the last level: the fused picture).
static const real *decoded(const v2s_depth_work *w, int level) {
    return level == V2S_DEPTH_LEVELS - 1 ? w->fusion[level].y
                                         : w->decoder[V2S_DEPTH_STEPS - 1 - level][1].y;
}

static void head(const v2s_depth_net *net, v2s_depth_net *grads, v2s_depth_work *w, int B,
                 const real *ddepth, real *dd) {
    const v2s_ops *ops = w->dev->ops;
    size_t count = depth_numbers(&w->config, B, 1, 0), mark = w->temp.used;
    real *dsigmoid = depth_take(w, count), *dlogit = depth_take_zeros(w, count);
    v2s_elementwise_args scale = {.kind = V2S_ELEMENTWISE_SCALE,
                                  .count = count,
                                  .factor = (real)w->config.max_depth_m,
                                  .a = ddepth,
                                  .y = dsigmoid};
    v2s_activation_args bend = {V2S_ACTIVATION_SIGMOID, count, NULL, w->sigmoid, dsigmoid, dlogit};
    v2s_conv2d_backward_args conv = {.of = depth_head_args(net, w, B, decoded(w, 0), NULL),
                                     .dy = dlogit,
                                     // scratch depends on whether it is wanted
                                     .dx = w->planning ? grads->head_weight.data : dd,
                                     .dw = grads->head_weight.data,
                                     .dbias = grads->head_bias.data};
    depth_zero(w, dd, depth_numbers(&w->config, B, depth_decoded_channels(&w->config, 0), 0));
    if (depth_ready(w, ops->conv2d_backward_scratch(w->dev, &conv))) {
        ops->elementwise_forward(w->dev, &scale, &w->scratch);
        ops->activation_backward(w->dev, &bend, &w->scratch);
        ops->conv2d_backward(w->dev, &conv, &w->scratch);
    }
    v2s_arena_rewind(&w->temp, mark);
}

static void double_conv(const v2s_double_conv *m, v2s_double_conv *grads, v2s_depth_work *w, int B,
                        int level, const real *x, const v2s_conv_norm_saved saved[2],
                        const real *dy, real *dx) {
    v2s_picture_shape shape = depth_shape(w, B, level);
    int widest = m->first.out > m->second.out ? m->first.out : m->second.out;
    size_t mark = w->temp.used;
    real *dz = depth_take(w, depth_numbers(&w->config, B, widest, level));
    real *dmiddle = depth_take(w, depth_numbers(&w->config, B, m->first.out, level));
    if (depth_ready(w, v2s_double_conv_scratch(m, w->dev, &shape, true)))
        v2s_double_conv_backward(m, grads, w->dev, &shape, x, saved, dy, dz, dmiddle, dx,
                                 &w->scratch);
    v2s_arena_rewind(&w->temp, mark);
}

// From g[level] of the decoder's picture: that of the fused one and g[level + 1].
static void decode(const v2s_depth_net *net, v2s_depth_net *grads, v2s_depth_work *w, int B,
                   int level, gradients *g) {
    const v2s_depth_config *c = &w->config;
    int step = V2S_DEPTH_STEPS - 1 - level;
    const v2s_double_conv *m = &net->decoder[step];
    v2s_upsample2d_args up = depth_upsample_args(w, B, level);
    size_t pixels = depth_pixels(c, level), mark = w->temp.used;
    real *dx = depth_take_zeros(w, depth_numbers(c, B, m->first.in, level));
    size_t after_dx = w->temp.used;
    real *x = depth_take(w, depth_numbers(c, B, m->first.in, level));
    depth_merge(w, B, level, w->fusion[level].y, decoded(w, level + 1), x);
    double_conv(m, &grads->decoder[step], w, B, level, x, w->decoder[step], g->g[level], dx);
    v2s_arena_rewind(&w->temp, after_dx);
    real *dup = depth_take_zeros(w, depth_numbers(c, B, up.C, level));
    depth_zero(w, g->g[level], depth_level_numbers(c, B, level));
    depth_concat_backward(w, B, (size_t)depth_channels(c, level) * pixels, (size_t)up.C * pixels,
                          dx, g->g[level], dup);
    depth_zero(w, g->g[level + 1], depth_numbers(c, B, up.C, level + 1));
    up.dy = dup;
    up.dx = g->g[level + 1];
    if (depth_ready(w, 0))
        w->dev->ops->upsample2d_backward(w->dev, &up, &w->scratch);
    v2s_arena_rewind(&w->temp, mark);
}

// de += what da [2,B,C,side,side] of the pictures after attention tells of those before.
static void attend(const v2s_depth_net *net, v2s_depth_net *grads, v2s_depth_work *w, int B,
                   int level, const real *da, real *de) {
    const v2s_cross_attention *m = &net->attention[level];
    int N = (int)depth_pixels(&w->config, level);
    size_t numbers = depth_level_numbers(&w->config, B, level), mark = w->temp.used;
    real *x = depth_take(w, 2 * numbers), *dy = depth_take(w, 2 * numbers);
    real *dx = depth_take_zeros(w, 2 * numbers);
    const real *const both_x[2] = {x, depth_at(x, numbers)};
    const real *const both_dy[2] = {dy, depth_at(dy, numbers)};
    real *const both_dx[2] = {dx, depth_at(dx, numbers)};
    depth_to_rows(w, 2 * B, level, w->encoder[level][1].y, x);
    depth_to_rows(w, 2 * B, level, da, dy);
    if (depth_ready(w, v2s_cross_attention_backward_scratch(m, w->dev, B, N)))
        v2s_cross_attention_backward(m, &grads->attention[level], w->dev, B, N, both_x, both_dy,
                                     both_dx, &w->attention[level], &w->scratch);
    depth_from_rows(w, 2 * B, level, true, dx, de);
    v2s_arena_rewind(&w->temp, mark);
}

// de += of the fused picture's gradient g.
static void fuse(const v2s_depth_net *net, v2s_depth_net *grads, v2s_depth_work *w, int B,
                 int level, const real *g, real *de) {
    const v2s_conv_norm *m = &net->fusion[level];
    v2s_picture_shape shape = depth_shape(w, B, level);
    size_t numbers = depth_level_numbers(&w->config, B, level), mark = w->temp.used;
    size_t item = (size_t)depth_channels(&w->config, level) * depth_pixels(&w->config, level);
    bool attention = w->config.attention[level];
    real *dpair = depth_take_zeros(w, 2 * numbers);
    size_t after_dpair = w->temp.used;
    real *pair = depth_take(w, 2 * numbers), *dz = depth_take(w, numbers);
    depth_pair(w, B, level, w->attended[level], pair);
    if (depth_ready(w, v2s_conv_norm_scratch(m, w->dev, &shape, true)))
        v2s_conv_norm_backward(m, &grads->fusion[level], w->dev, &shape, pair, &w->fusion[level], g,
                               dz, dpair, &w->scratch);
    v2s_arena_rewind(&w->temp, after_dpair);
    real *da = attention ? depth_take_zeros(w, 2 * numbers) : de;
    depth_concat_backward(w, B, item, item, dpair, da, depth_at(da, numbers));
    if (attention)
        attend(net, grads, w, B, level, da, de);
    v2s_arena_rewind(&w->temp, mark);
}

static void encode(const v2s_depth_net *net, v2s_depth_net *grads, v2s_depth_work *w, int B,
                   int level, gradients *g) {
    const v2s_depth_config *c = &w->config;
    size_t numbers = depth_level_numbers(c, B, level), mark = w->temp.used;
    int channels = depth_channels(c, level), in = level == 0 ? 1 : depth_channels(c, level - 1);
    size_t input = depth_numbers(c, B, in, level);
    real *de = depth_take_zeros(w, 2 * numbers);
    v2s_pool2d_args pool = depth_pool_args(w, B, level);
    if (level + 1 < V2S_DEPTH_LEVELS && depth_ready(w, 0)) {
        pool.index = w->index[level + 1];
        pool.dy = g->pooled;
        pool.dx = de;
        w->dev->ops->pool2d_backward(w->dev, &pool, &w->scratch);
    }
    fuse(net, grads, w, B, level, g->g[level], de);
    if (level > 0)
        depth_zero(w, g->pooled, 2 * input);
    for (int ear = 0; ear < 2; ear++) {
        v2s_conv_norm_saved saved[2];
        for (int i = 0; i < 2; i++)
            saved[i] = depth_saved_of(&w->encoder[level][i], ear, numbers, channels);
        double_conv(&net->encoder[ear][level], &grads->encoder[ear][level], w, B, level,
                    depth_at(w->pooled[level], (size_t)ear * input), saved,
                    depth_at(de, (size_t)ear * numbers),
                    level > 0 ? depth_at(g->pooled, (size_t)ear * input) : NULL);
    }
    v2s_arena_rewind(&w->temp, mark);
}

void v2s_depth_net_backward(const v2s_depth_net *net, v2s_depth_net *grads, const v2s_device *dev,
                            int B, const real *x, const real *ddepth, v2s_depth_work *work) {
    (void)x; // forward has kept both ears of it
    V2S_ASSERT(work->training);
    depth_begin(work, net, dev, B);
    const v2s_depth_config *c = &work->config;
    size_t mark = work->temp.used;
    gradients g;
    for (int level = 0; level < V2S_DEPTH_LEVELS; level++)
        g.g[level] = depth_take(work, depth_level_numbers(c, B, level));
    g.pooled = depth_take(work, 2 * depth_numbers(c, B, depth_channels(c, 0), 1));
    head(net, grads, work, B, ddepth, g.g[0]);
    for (int level = 0; level < V2S_DEPTH_STEPS; level++)
        decode(net, grads, work, B, level, &g);
    for (int level = V2S_DEPTH_LEVELS - 1; level >= 0; level--)
        encode(net, grads, work, B, level, &g);
    v2s_arena_rewind(&work->temp, mark);
}
