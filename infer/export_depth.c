// SPDX-License-Identifier: MIT
// The depth network as an ONNX graph (nn/depth_net.h), spectrogram [batch,2,size,size] -> depth
// [batch,1,size,size]:
//
//   ears        Split; ears "left": the left half alone, for both encoders
//   DoubleConv  Conv 3x3, BatchNormalization by the running statistics, Relu, twice
//   attention   q, k, v: Conv 1x1, pixels in a row; softmax(scale q^T k) v: MatMul, Softmax,
//               MatMul. The whole map of N x N pixels is made, 4 N^2 bytes for an ear and item: 1
//               GiB at level 2 of size 256. Our own forward never has it (kernels/attention.h)
//   up          Resize, linear, align_corners
//   head        Conv 1x1, Sigmoid, times max_depth_m
//
// A value is named after the PyTorch module that makes it. Arguments of a call have no order: names
// that are made of other names come in a statement of their own.
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "infer/export.h"

_Static_assert(sizeof(real) == sizeof(float), "weights are float32");

#define INPUTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define BATCH_NORM_EPS 1e-5f

enum { NAME_MAX_BYTES = 128, LEVELS = V2S_DEPTH_LEVELS };

typedef char value_name[NAME_MAX_BYTES];

static const char *named(value_name name, const char *format, ...) V2S_PRINTF(2, 3);

static const char *named(value_name name, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(name, NAME_MAX_BYTES, format, args);
    va_end(args);
    V2S_ASSERT(n >= 0 && n < NAME_MAX_BYTES);
    return name;
}

static int channels_of(const v2s_depth_config *c, int level) {
    static const int factors[LEVELS] = {1, 2, 4, 8, 8};
    return factors[level] * c->base_channels;
}

static v2s_status add_weight(void *ctx, const char *name, v2s_tensor *t) {
    v2s_onnx_floats(ctx, name, t->rank, t->dim, t->data);
    return V2S_OK;
}

static void add_number(v2s_onnx *m, const char *name, double value) {
    float *number = v2s_onnx_new_floats(m, name, 0, NULL);
    if (number != NULL)
        *number = (float)value;
}

// ---- convolutions -------------------------------------------------------------------------------

// y = module's convolution of x; kernel 1 or 3.
static void conv(v2s_onnx *m, const char *x, const char *module, int kernel, bool bias,
                 const char *y) {
    value_name weight, bias_name;
    const int64_t k = kernel, pad = kernel / 2;
    named(weight, "%s.weight", module);
    named(bias_name, "%s.bias", module);
    v2s_onnx_node *node = v2s_onnx_add(m, "Conv", INPUTS(x, weight, bias ? bias_name : NULL), y);
    v2s_onnx_int_list(m, node, "kernel_shape", 2, (const int64_t[]){k, k});
    v2s_onnx_int_list(m, node, "pads", 4, (const int64_t[]){pad, pad, pad, pad});
}

// y = relu(batch_norm(conv(x))), modules <name>.<index> and <name>.<index + 1>.
static void conv_norm(v2s_onnx *m, const char *x, const char *name, int index, int kernel,
                      bool bias, const char *y) {
    value_name module, z, norm, weight, shift, mean, variance, normed;
    named(module, "%s.%d", name, index);
    conv(m, x, module, kernel, bias, named(z, "%s.z", module));
    named(norm, "%s.%d", name, index + 1);
    v2s_onnx_node *node = v2s_onnx_add(
        m, "BatchNormalization",
        INPUTS(z, named(weight, "%s.weight", norm), named(shift, "%s.bias", norm),
               named(mean, "%s.running_mean", norm), named(variance, "%s.running_var", norm)),
        named(normed, "%s.y", norm));
    v2s_onnx_float(m, node, "epsilon", BATCH_NORM_EPS);
    v2s_onnx_add(m, "Relu", INPUTS(normed), y);
}

// The result is named after the module.
static void double_conv(v2s_onnx *m, const char *x, const char *module) {
    value_name inner, middle;
    named(inner, "%s.double_conv", module);
    conv_norm(m, x, inner, 0, 3, false, named(middle, "%s.middle", module));
    conv_norm(m, middle, inner, 3, 3, false, module);
}

static void encoder_name(value_name name, int ear, int level) {
    const char *side = ear == 0 ? "left" : "right";
    if (level == 0)
        named(name, "encoder_%s.inc", side);
    else
        named(name, "encoder_%s.downs.%d", side, level - 1);
}

static void encode(v2s_onnx *m, int ear, const char *x) {
    value_name input, module, before;
    named(input, "%s", x);
    for (int level = 0; level < LEVELS; level++) {
        if (level > 0) {
            encoder_name(before, ear, level - 1);
            named(input, "%s.pooled", before);
            v2s_onnx_node *pool = v2s_onnx_add(m, "MaxPool", INPUTS(before), input);
            v2s_onnx_int_list(m, pool, "kernel_shape", 2, (const int64_t[]){2, 2});
            v2s_onnx_int_list(m, pool, "strides", 2, (const int64_t[]){2, 2});
        }
        encoder_name(module, ear, level);
        double_conv(m, input, module);
    }
}

// ---- attention
// ------------------------------------------------------------------------------------

// <prefix>.<map>_<ear> [B,channels,N] of e [B,C,H,W].
static void map_rows(v2s_onnx *m, const char *prefix, const char *map, int ear, const char *e) {
    value_name module, picture, rows;
    named(module, "%s.%s", prefix, map);
    conv(m, e, module, 1, true, named(picture, "%s_%d.picture", module, ear));
    v2s_onnx_add(m, "Reshape", INPUTS(picture, "pixels_in_a_row"),
                 named(rows, "%s_%d", module, ear));
}

static void transpose(v2s_onnx *m, const char *from, const char *to) {
    v2s_onnx_node *node = v2s_onnx_add(m, "Transpose", INPUTS(from), to);
    v2s_onnx_int_list(m, node, "perm", 3, (const int64_t[]){0, 2, 1});
}

// <prefix>.found_<ear> [B,C,N]: what the ear found in the other one.
static void look(v2s_onnx *m, const char *prefix, int ear) {
    value_name q, k, v, turned, scaled, scores, map, v_turned, found, rows, scale;
    named(q, "%s.q_%d", prefix, ear);
    named(k, "%s.k_%d", prefix, 1 - ear);
    named(v, "%s.v_%d", prefix, 1 - ear);
    transpose(m, q, named(turned, "%s.turned", q));
    v2s_onnx_add(m, "Mul", INPUTS(turned, named(scale, "%s.scale", prefix)),
                 named(scaled, "%s.scaled", q));
    v2s_onnx_add(m, "MatMul", INPUTS(scaled, k), named(scores, "%s.scores_%d", prefix, ear));
    v2s_onnx_node *softmax =
        v2s_onnx_add(m, "Softmax", INPUTS(scores), named(map, "%s.map_%d", prefix, ear));
    v2s_onnx_int(m, softmax, "axis", -1);
    transpose(m, v, named(v_turned, "%s.turned", v));
    v2s_onnx_add(m, "MatMul", INPUTS(map, v_turned), named(rows, "%s.rows_%d", prefix, ear));
    transpose(m, rows, named(found, "%s.found_%d", prefix, ear));
}

// attended_<level>_<ear> = e + gamma out(found).
static void attend(v2s_onnx *m, const v2s_depth_config *c, int level) {
    static const char *const gammas[] = {"gamma_left", "gamma_right"}, *const maps[] = {"q", "k",
                                                                                        "v"};
    value_name prefix, e[2], scale, side;
    int C = channels_of(c, level), key = C / 8 > 1 ? C / 8 : 1;
    const int64_t pixels = c->size >> level;
    named(prefix, "attention.%d", level + 1);
    add_number(m, named(scale, "%s.scale", prefix),
               1.0 / sqrt(c->scale == V2S_ATTENTION_SCALE_KEY ? key : C));
    v2s_onnx_ints(m, named(side, "%s.shape", prefix), 4, (const int64_t[]){0, 0, pixels, pixels});
    for (int ear = 0; ear < 2; ear++) {
        encoder_name(e[ear], ear, level);
        for (int i = 0; i < 3; i++)
            map_rows(m, prefix, maps[i], ear, e[ear]);
    }
    for (int ear = 0; ear < 2; ear++) {
        value_name found, picture, out, made, gamma, weighted, attended;
        look(m, prefix, ear);
        v2s_onnx_add(m, "Reshape", INPUTS(named(found, "%s.found_%d", prefix, ear), side),
                     named(picture, "%s.found_%d.picture", prefix, ear));
        named(out, "%s.out", prefix);
        conv(m, picture, out, 1, true, named(made, "%s_%d", out, ear));
        v2s_onnx_add(m, "Mul", INPUTS(made, named(gamma, "%s.%s", prefix, gammas[ear])),
                     named(weighted, "%s.weighted", made));
        v2s_onnx_add(m, "Add", INPUTS(e[ear], weighted),
                     named(attended, "attended_%d_%d", level, ear));
    }
}

// ---- decoder
// --------------------------------------------------------------------------------------

static void concat(v2s_onnx *m, const char *a, const char *b, const char *y) {
    v2s_onnx_node *node = v2s_onnx_add(m, "Concat", INPUTS(a, b), y);
    v2s_onnx_int(m, node, "axis", 1);
}

// fused_<level> of what the ears' encoders made, attention included.
static void fuse(v2s_onnx *m, const v2s_depth_config *c, int level) {
    value_name ears[2], pair, module, fused;
    if (c->attention[level])
        attend(m, c, level);
    for (int ear = 0; ear < 2; ear++) {
        if (c->attention[level])
            named(ears[ear], "attended_%d_%d", level, ear);
        else
            encoder_name(ears[ear], ear, level);
    }
    concat(m, ears[0], ears[1], named(pair, "pair_%d", level));
    conv_norm(m, pair, named(module, "fusion.%d", level), 0, 1, true,
              named(fused, "fused_%d", level));
}

static void decode(v2s_onnx *m, int step) {
    int level = LEVELS - 2 - step;
    value_name below, up, skip, merged, module;
    if (step == 0)
        named(below, "fused_%d", LEVELS - 1);
    else
        named(below, "decoder.%d", step - 1);
    v2s_onnx_node *resize =
        v2s_onnx_add(m, "Resize", INPUTS(below, "", "twice"), named(up, "up_%d", level));
    v2s_onnx_text(m, resize, "mode", "linear");
    v2s_onnx_text(m, resize, "coordinate_transformation_mode", "align_corners");
    concat(m, named(skip, "fused_%d", level), up, named(merged, "merged_%d", level));
    double_conv(m, merged, named(module, "decoder.%d", step));
}

static void add_head(v2s_onnx *m, const v2s_depth_config *c) {
    value_name last;
    add_number(m, "max_depth_m", c->max_depth_m);
    conv(m, named(last, "decoder.%d", LEVELS - 2), "head", 1, true, "head.z");
    v2s_onnx_add(m, "Sigmoid", INPUTS("head.z"), "share");
    v2s_onnx_add(m, "Mul", INPUTS("share", "max_depth_m"), "depth");
}

v2s_status v2s_export_depth(v2s_onnx *m, v2s_depth_net *net, const v2s_depth_config *c,
                            bool left_only) {
    const v2s_onnx_dim batch = {.name = "batch"}, side = {.size = c->size};
    const int64_t halves[] = {1, 1}, rows[] = {0, 0, -1};
    v2s_onnx_input(m, "spectrogram", 4, (const v2s_onnx_dim[]){batch, {.size = 2}, side, side});
    v2s_onnx_output(m, "depth", 4, (const v2s_onnx_dim[]){batch, {.size = 1}, side, side});
    V2S_TRY(v2s_depth_net_each(net, V2S_DEPTH_ALL, add_weight, m));
    v2s_onnx_ints(m, "halves", 2, halves);
    for (int level = 0; level < LEVELS; level++)
        if (c->attention[level]) {
            v2s_onnx_ints(m, "pixels_in_a_row", 3, rows);
            break;
        }
    float *twice = v2s_onnx_new_floats(m, "twice", 1, (const int[]){4});
    for (int i = 0; i < 4 && twice != NULL; i++)
        twice[i] = i < 2 ? 1 : 2;
    v2s_onnx_node *split = v2s_onnx_add(m, "Split", INPUTS("spectrogram", "halves"), "left");
    v2s_onnx_second_output(m, split, "right");
    v2s_onnx_int(m, split, "axis", 1);
    encode(m, 0, "left");
    encode(m, 1, left_only ? "left" : "right");
    for (int level = 0; level < LEVELS; level++)
        fuse(m, c, level);
    for (int step = 0; step < LEVELS - 1; step++)
        decode(m, step);
    add_head(m, c);
    return V2S_OK;
}
