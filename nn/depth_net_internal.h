// SPDX-License-Identifier: MIT
// What the files of the depth network share: its layers, the memory of a pass, and thin forms of
// the operations.
//
// A pass is written once and run twice: PLANNING (at v2s_depth_work_open) does no work and notes
// how much temporary memory and scratch it takes at most; pointers are NULL then. Levels are
// counted from 0 here.
//
// MEMORY. `keep` holds what outlives a level: the fused pictures f (in inference the decoder writes
// its result over them), q and k for looking inside, and in training what nn/double_conv.h and
// nn/cross_attention.h keep. `temp` is a stack for one level. What is cheap to make (pictures side
// by side, upsampled ones, rows) is made anew in backward.
//
// Arrays of both ears are [2,B,...] of the B of the call, left first.
#ifndef V2S_NN_DEPTH_NET_INTERNAL_H
#define V2S_NN_DEPTH_NET_INTERNAL_H

#include "nn/depth_net.h"

enum { V2S_DEPTH_STEPS = V2S_DEPTH_LEVELS - 1 }; // of the decoder: level l's is number 3 - l

struct v2s_depth_net {
    v2s_depth_config config;
    const v2s_device *dev; // whose memory it is; NULL: the host's
    v2s_arena params, buffers;
    v2s_double_conv encoder[2][V2S_DEPTH_LEVELS];
    v2s_cross_attention attention[V2S_DEPTH_LEVELS]; // where config.attention
    v2s_conv_norm fusion[V2S_DEPTH_LEVELS];
    v2s_double_conv decoder[V2S_DEPTH_STEPS];
    v2s_tensor head_weight, head_bias;
};

struct v2s_depth_work {
    const v2s_device *dev;
    v2s_depth_config config;
    int B; // largest
    bool training, planning;
    int block;
    v2s_arena keep, temp, scratch;
    size_t temp_need, scratch_need;
    bool *fits; // [B+1]: there is room for passes over so many items

    real *ears;                       // [2,B,1,size,size]
    real *pooled[V2S_DEPTH_LEVELS];   // [2,B,C of the level before,side,side]; level 0: ears
    real *attended[V2S_DEPTH_LEVELS]; // [2,B,C,side,side]; training
    v2s_cross_attention_saved attention[V2S_DEPTH_LEVELS];
    uint8_t *index[V2S_DEPTH_LEVELS];                 // as pooled; training
    v2s_conv_norm_saved encoder[V2S_DEPTH_LEVELS][2]; // of both ears; training
    v2s_conv_norm_saved fusion[V2S_DEPTH_LEVELS];     // inference: y only
    v2s_conv_norm_saved decoder[V2S_DEPTH_STEPS][2];  // training
    real *sigmoid;                                    // [B,size,size]; training
};

// ---- sizes ----------------------------------------------------------------------------------

static inline int depth_channels(const v2s_depth_config *c, int level) {
    static const int factors[V2S_DEPTH_LEVELS] = {1, 2, 4, 8, 8};
    return factors[level] * c->base_channels;
}

// Of the decoder's result at a level; at the last one that is f.
static inline int depth_decoded_channels(const v2s_depth_config *c, int level) {
    static const int factors[V2S_DEPTH_LEVELS] = {1, 1, 2, 4, 8};
    return factors[level] * c->base_channels;
}

static inline size_t depth_pixels(const v2s_depth_config *c, int level) {
    size_t side = (size_t)(c->size >> level);
    return side * side;
}

// Numbers of an ear's picture of B items with so many channels.
static inline size_t depth_numbers(const v2s_depth_config *c, int B, int channels, int level) {
    return v2s_size_mul(v2s_size_mul((size_t)B, (size_t)channels), depth_pixels(c, level));
}

// The same with the level's own channels.
static inline size_t depth_level_numbers(const v2s_depth_config *c, int B, int level) {
    return depth_numbers(c, B, depth_channels(c, level), level);
}

static inline v2s_picture_shape depth_shape(const v2s_depth_work *w, int N, int level) {
    int side = w->config.size >> level;
    return (v2s_picture_shape){N, side, side, w->block};
}

// p + offset; NULL stays NULL (planning).
static inline real *depth_at(real *p, size_t offset) {
    return p == NULL ? NULL : p + offset;
}

// Of one ear: `saved` is of both, `numbers` an ear's picture, `channels` its statistics.
static inline v2s_conv_norm_saved depth_saved_of(const v2s_conv_norm_saved *saved, int ear,
                                                 size_t numbers, int channels) {
    size_t at = (size_t)ear * numbers, row = (size_t)ear * (size_t)channels;
    return (v2s_conv_norm_saved){depth_at(saved->z, at), depth_at(saved->y, at),
                                 depth_at(saved->mean, row), depth_at(saved->inv_std, row)};
}

// ---- memory ---------------------------------------------------------------------------------

static inline real *depth_take(v2s_depth_work *w, size_t count) {
    real *taken = v2s_arena_take(&w->temp, count, sizeof(real));
    if (w->temp.used > w->temp_need)
        w->temp_need = w->temp.used;
    return taken;
}

// Before every pass: checks the caller, and makes room for B items.
void depth_begin(v2s_depth_work *w, const v2s_depth_net *net, const v2s_device *dev, int B);

// A call that takes so much scratch comes; whether it is to be made.
static inline bool depth_ready(v2s_depth_work *w, size_t scratch) {
    if (w->planning && scratch > w->scratch_need)
        w->scratch_need = scratch;
    return !w->planning;
}

static inline void depth_zero(v2s_depth_work *w, real *to, size_t count) {
    if (depth_ready(w, 0))
        w->dev->ops->memory->zero(w->dev, to, count * sizeof *to);
}

static inline real *depth_take_zeros(v2s_depth_work *w, size_t count) {
    real *taken = depth_take(w, count);
    depth_zero(w, taken, count);
    return taken;
}

// ---- operations -----------------------------------------------------------------------------

// to [B,(A of a, B of b)] = a and b side by side.
static inline void depth_concat(v2s_depth_work *w, int N, size_t A, size_t B, const real *a,
                                const real *b, real *to) {
    v2s_concat_args c = {.N = N, .A = A, .B = B, .a = a, .b = b, .y = to};
    if (depth_ready(w, 0))
        w->dev->ops->concat_forward(w->dev, &c, &w->scratch);
}

// da, db += the parts of dy.
static inline void depth_concat_backward(v2s_depth_work *w, int N, size_t A, size_t B,
                                         const real *dy, real *da, real *db) {
    v2s_concat_args c = {.N = N, .A = A, .B = B, .dy = dy, .da = da, .db = db};
    if (depth_ready(w, 0))
        w->dev->ops->concat_backward(w->dev, &c, &w->scratch);
}

static inline v2s_picture_rows_args depth_rows_args(const v2s_depth_work *w, int N, int level,
                                                    bool add, const real *from, real *to) {
    return (v2s_picture_rows_args){.N = N,
                                   .C = depth_channels(&w->config, level),
                                   .P = (int)depth_pixels(&w->config, level),
                                   .block = w->block,
                                   .add = add,
                                   .from = from,
                                   .to = to};
}

static inline void depth_to_rows(v2s_depth_work *w, int N, int level, const real *from, real *to) {
    v2s_picture_rows_args a = depth_rows_args(w, N, level, false, from, to);
    if (depth_ready(w, 0))
        w->dev->ops->picture_to_rows(w->dev, &a, &w->scratch);
}

static inline void depth_from_rows(v2s_depth_work *w, int N, int level, bool add, const real *from,
                                   real *to) {
    v2s_picture_rows_args a = depth_rows_args(w, N, level, add, from, to);
    if (depth_ready(w, 0))
        w->dev->ops->picture_from_rows(w->dev, &a, &w->scratch);
}

// Of the decoder's picture at level + 1, to level: forward's x, y or backward's dy, dx.
static inline v2s_upsample2d_args depth_upsample_args(const v2s_depth_work *w, int B, int level) {
    int side = w->config.size >> level;
    return (v2s_upsample2d_args){.N = B,
                                 .C = depth_decoded_channels(&w->config, level + 1),
                                 .H = side / 2,
                                 .W = side / 2,
                                 .OH = side,
                                 .OW = side,
                                 .block = w->block};
}

// Of both ears' pictures at `level`.
static inline v2s_pool2d_args depth_pool_args(const v2s_depth_work *w, int B, int level) {
    int side = w->config.size >> level;
    return (v2s_pool2d_args){.N = 2 * B,
                             .C = depth_channels(&w->config, level),
                             .H = side,
                             .W = side,
                             .block = w->block};
}

static inline v2s_conv2d_args depth_head_args(const v2s_depth_net *net, const v2s_depth_work *w,
                                              int B, const real *x, real *y) {
    return (v2s_conv2d_args){.N = B,
                             .C = w->config.base_channels,
                             .O = 1,
                             .H = w->config.size,
                             .W = w->config.size,
                             .KH = 1,
                             .KW = 1,
                             .x_block = w->block,
                             .y_block = 1,
                             .x = x,
                             .w = net->head_weight.data,
                             .bias = net->head_bias.data,
                             .y = y};
}

// to [B, f and d upsampled, side, side]: the decoder's input at `level`.
static inline void depth_merge(v2s_depth_work *w, int B, int level, const real *f, const real *d,
                               real *to) {
    v2s_upsample2d_args up = depth_upsample_args(w, B, level);
    size_t pixels = depth_pixels(&w->config, level), mark = w->temp.used;
    size_t channels = (size_t)depth_channels(&w->config, level);
    up.x = d;
    up.y = depth_take(w, depth_numbers(&w->config, B, up.C, level));
    if (depth_ready(w, 0))
        w->dev->ops->upsample2d_forward(w->dev, &up, &w->scratch);
    depth_concat(w, B, channels * pixels, (size_t)up.C * pixels, f, up.y, to);
    v2s_arena_rewind(&w->temp, mark);
}

// to [B, both ears, side, side]: the fusion's input at `level`.
static inline void depth_pair(v2s_depth_work *w, int B, int level, real *ears, real *to) {
    size_t item = (size_t)depth_channels(&w->config, level) * depth_pixels(&w->config, level);
    depth_concat(w, B, item, item, ears, depth_at(ears, (size_t)B * item), to);
}

#endif
