// SPDX-License-Identifier: MIT
#include "nn/depth_net_internal.h"

// [B,2,P] -> [2,B,P]
static void split_ears(v2s_depth_work *w, int B, const real *x) {
    size_t pixels = depth_pixels(&w->config, 0);
    if (!depth_ready(w, 0))
        return;
    for (int n = 0; n < B; n++)
        for (int ear = 0; ear < 2; ear++)
            w->dev->ops->memory->copy(w->dev, w->ears + ((size_t)ear * B + n) * pixels,
                                      x + ((size_t)n * 2 + ear) * pixels, pixels * sizeof *x);
}

// An ear's input of a level.
static real *input_of(const v2s_depth_work *w, int B, int level, int ear) {
    int channels = level == 0 ? 1 : depth_channels(&w->config, level - 1);
    return depth_at(w->pooled[level], (size_t)ear * depth_numbers(&w->config, B, channels, level));
}

// The next level's input of both ears.
static void pool(v2s_depth_work *w, int B, int level, const real *e, uint8_t *index) {
    v2s_pool2d_args a = depth_pool_args(w, B, level);
    a.x = e;
    a.y = w->pooled[level + 1];
    a.index = index;
    if (depth_ready(w, 0))
        w->dev->ops->pool2d_forward(w->dev, &a, &w->scratch);
}

// to [2,B,C,side,side]: e after each ear looked into the other; may be e.
static void attend(const v2s_depth_net *net, v2s_depth_work *w, int B, int level, const real *e,
                   real *to) {
    const v2s_cross_attention *m = &net->attention[level];
    int N = (int)depth_pixels(&w->config, level);
    size_t numbers = depth_level_numbers(&w->config, B, level), mark = w->temp.used;
    real *rows = depth_take(w, 2 * numbers), *both[2] = {rows, depth_at(rows, numbers)};
    depth_to_rows(w, 2 * B, level, e, rows);
    if (depth_ready(w, v2s_cross_attention_scratch(m, w->dev, B, N)))
        v2s_cross_attention_forward(m, w->dev, B, N, (const real *const *)both, both,
                                    &w->attention[level], &w->scratch);
    depth_from_rows(w, 2 * B, level, false, rows, to);
    v2s_arena_rewind(&w->temp, mark);
}

// depth = max_depth_m sigmoid(head(d)); `sigmoid` may be `depth`.
static void head(const v2s_depth_net *net, v2s_depth_work *w, int B, const real *d, real *sigmoid,
                 real *depth) {
    const v2s_ops *ops = w->dev->ops;
    size_t count = depth_numbers(&w->config, B, 1, 0);
    v2s_conv2d_args conv = depth_head_args(net, w, B, d, sigmoid);
    v2s_activation_args bend = {V2S_ACTIVATION_SIGMOID, count, sigmoid, sigmoid, NULL, NULL};
    v2s_elementwise_args scale = {.kind = V2S_ELEMENTWISE_SCALE,
                                  .count = count,
                                  .factor = (real)w->config.max_depth_m,
                                  .a = sigmoid,
                                  .y = depth};
    if (!depth_ready(w, ops->conv2d_scratch(w->dev, &conv)))
        return;
    ops->conv2d_forward(w->dev, &conv, &w->scratch);
    ops->activation_forward(w->dev, &bend, &w->scratch);
    ops->elementwise_forward(w->dev, &scale, &w->scratch);
}

// ---- by running statistics ------------------------------------------------------------------

static void double_conv(const v2s_double_conv *m, v2s_depth_work *w, int B, int level,
                        const real *x, real *y) {
    v2s_picture_shape shape = depth_shape(w, B, level);
    size_t mark = w->temp.used;
    real *middle = depth_take(w, depth_numbers(&w->config, B, m->first.out, level));
    if (depth_ready(w, v2s_double_conv_scratch(m, w->dev, &shape, false)))
        v2s_double_conv_forward(m, w->dev, &shape, x, middle, y, &w->scratch);
    v2s_arena_rewind(&w->temp, mark);
}

// The fused picture of a level.
static void encode(const v2s_depth_net *net, v2s_depth_work *w, int B, int level) {
    const v2s_conv_norm *fusion = &net->fusion[level];
    v2s_picture_shape shape = depth_shape(w, B, level);
    size_t numbers = depth_level_numbers(&w->config, B, level), mark = w->temp.used;
    real *e = depth_take(w, 2 * numbers);
    for (int ear = 0; ear < 2; ear++)
        double_conv(&net->encoder[ear][level], w, B, level, input_of(w, B, level, ear),
                    depth_at(e, (size_t)ear * numbers));
    if (level + 1 < V2S_DEPTH_LEVELS)
        pool(w, B, level, e, NULL);
    if (w->config.attention[level])
        attend(net, w, B, level, e, e);
    real *pair = depth_take(w, 2 * numbers);
    depth_pair(w, B, level, e, pair);
    if (depth_ready(w, v2s_conv_norm_scratch(fusion, w->dev, &shape, false)))
        v2s_conv_norm_forward(fusion, w->dev, &shape, pair, w->fusion[level].y, &w->scratch);
    v2s_arena_rewind(&w->temp, mark);
}

// The decoder's picture of a level takes the place of the fused one, which it has read.
static void decode(const v2s_depth_net *net, v2s_depth_work *w, int B, int level) {
    const v2s_double_conv *m = &net->decoder[V2S_DEPTH_STEPS - 1 - level];
    size_t mark = w->temp.used;
    real *x = depth_take(w, depth_numbers(&w->config, B, m->first.in, level));
    depth_merge(w, B, level, w->fusion[level].y, w->fusion[level + 1].y, x);
    double_conv(m, w, B, level, x, w->fusion[level].y);
    v2s_arena_rewind(&w->temp, mark);
}

void v2s_depth_net_forward(const v2s_depth_net *net, const v2s_device *dev, int B, const real *x,
                           real *depth, v2s_depth_work *work) {
    depth_begin(work, net, dev, B);
    split_ears(work, B, x);
    for (int level = 0; level < V2S_DEPTH_LEVELS; level++)
        encode(net, work, B, level);
    for (int level = V2S_DEPTH_STEPS - 1; level >= 0; level--)
        decode(net, work, B, level);
    head(net, work, B, work->fusion[0].y, depth, depth);
}

// ---- by the batch's statistics --------------------------------------------------------------

static void encode_training(v2s_depth_net *net, v2s_depth_work *w, int B, int level) {
    v2s_conv_norm *fusion = &net->fusion[level];
    v2s_picture_shape shape = depth_shape(w, B, level);
    size_t numbers = depth_level_numbers(&w->config, B, level), mark = w->temp.used;
    int channels = depth_channels(&w->config, level);
    real *e = w->encoder[level][1].y;
    for (int ear = 0; ear < 2; ear++) {
        v2s_double_conv *m = &net->encoder[ear][level];
        v2s_conv_norm_saved saved[2];
        for (int i = 0; i < 2; i++)
            saved[i] = depth_saved_of(&w->encoder[level][i], ear, numbers, channels);
        if (depth_ready(w, v2s_double_conv_scratch(m, w->dev, &shape, true)))
            v2s_double_conv_forward_training(m, w->dev, &shape, input_of(w, B, level, ear), saved,
                                             &w->scratch);
    }
    if (level + 1 < V2S_DEPTH_LEVELS)
        pool(w, B, level, e, w->index[level + 1]);
    if (w->config.attention[level])
        attend(net, w, B, level, e, w->attended[level]);
    real *pair = depth_take(w, 2 * numbers);
    depth_pair(w, B, level, w->attended[level], pair);
    if (depth_ready(w, v2s_conv_norm_scratch(fusion, w->dev, &shape, true)))
        v2s_conv_norm_forward_training(fusion, w->dev, &shape, pair, &w->fusion[level],
                                       &w->scratch);
    v2s_arena_rewind(&w->temp, mark);
}

static void decode_training(v2s_depth_net *net, v2s_depth_work *w, int B, int level,
                            const real *below) {
    int step = V2S_DEPTH_STEPS - 1 - level;
    v2s_double_conv *m = &net->decoder[step];
    v2s_picture_shape shape = depth_shape(w, B, level);
    size_t mark = w->temp.used;
    real *x = depth_take(w, depth_numbers(&w->config, B, m->first.in, level));
    depth_merge(w, B, level, w->fusion[level].y, below, x);
    if (depth_ready(w, v2s_double_conv_scratch(m, w->dev, &shape, true)))
        v2s_double_conv_forward_training(m, w->dev, &shape, x, w->decoder[step], &w->scratch);
    v2s_arena_rewind(&w->temp, mark);
}

void v2s_depth_net_forward_training(v2s_depth_net *net, const v2s_device *dev, int B, const real *x,
                                    real *depth, v2s_depth_work *work) {
    V2S_ASSERT(work->training);
    depth_begin(work, net, dev, B);
    split_ears(work, B, x);
    for (int level = 0; level < V2S_DEPTH_LEVELS; level++)
        encode_training(net, work, B, level);
    const real *below = work->fusion[V2S_DEPTH_LEVELS - 1].y;
    for (int level = V2S_DEPTH_STEPS - 1; level >= 0; level--) {
        decode_training(net, work, B, level, below);
        below = work->decoder[V2S_DEPTH_STEPS - 1 - level][1].y;
    }
    head(net, work, B, below, work->sigmoid, depth);
}
