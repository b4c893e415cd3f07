// SPDX-License-Identifier: MIT
// The refiner's network as an ONNX graph (nn/refiner.h):
//
//   x [B,inputs,T] -> Conv -> [T,B,channels] -> GRU -> [T,2,B,hidden] -> [B,T,2 hidden]
//     -> MatMul, Add -> x 0.1 -> [B,T,outputs]
//
//   seed   foa [batch,4,time] is x; the residual is turned to [batch,4,time] and added to it
//   v2s    features [batch,time,inputs] are turned to x; gains [batch,time,outputs]
//
// ONNX's GRU has the gates in the order z, r, h where PyTorch has r, z, n, and both biases in a
// row; with linear_before_reset = 1 it is PyTorch's formula (ONNX operator set 14, GRU). The first
// state is given, for readers that do not take its absence for zeros.
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/band_features.h"
#include "infer/export.h"
#include "kernels/band_gains.h"
#include "spatial/erb_bands.h"

_Static_assert(sizeof(real) == sizeof(float), "weights are float32");

#define INPUTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const v2s_onnx_dim batch = {.name = "batch"}, any_time = {.name = "time"};

static void tensor(v2s_onnx *m, const char *name, const v2s_tensor *t) {
    v2s_onnx_floats(m, name, t->rank, t->dim, t->data);
}

static void transpose(v2s_onnx *m, const char *from, const char *to, int rank,
                      const int64_t *order) {
    v2s_onnx_node *node = v2s_onnx_add(m, "Transpose", INPUTS(from), to);
    v2s_onnx_int_list(m, node, "perm", rank, order);
}

// ---- recurrent layer
// ------------------------------------------------------------------------------

// to [3][columns * hidden], gates z, r, n, from r, z, n.
static void reorder(float *to, const float *from, size_t numbers) {
    static const int order[3] = {1, 0, 2};
    for (int gate = 0; gate < 3; gate++)
        memcpy(to + (size_t)gate * numbers, from + (size_t)order[gate] * numbers,
               numbers * sizeof *to);
}

static void gru_weights(v2s_onnx *m, const v2s_bigru *gru) {
    int H = gru->hidden, C = gru->in_features;
    size_t h = (size_t)H;
    float *w = v2s_onnx_new_floats(m, "gru.W", 3, (const int[]){2, 3 * H, C});
    float *r = v2s_onnx_new_floats(m, "gru.R", 3, (const int[]){2, 3 * H, H});
    float *b = v2s_onnx_new_floats(m, "gru.B", 2, (const int[]){2, 6 * H});
    for (size_t d = 0; d < 2 && b != NULL; d++) {
        const v2s_gru_params *p = &gru->dir[d];
        reorder(w + d * 3 * h * (size_t)C, p->weight_ih.data, h * (size_t)C);
        reorder(r + d * 3 * h * h, p->weight_hh.data, h * h);
        reorder(b + d * 6 * h, p->bias_ih.data, h);
        reorder(b + d * 6 * h + 3 * h, p->bias_hh.data, h);
    }
}

// h1 [batch,time,2 hidden] of h0 [batch,channels,time].
static void add_gru(v2s_onnx *m, const v2s_bigru *gru) {
    const int64_t two = 2, one = 1, hidden = gru->hidden, shape[] = {0, 0, 2 * hidden};
    gru_weights(m, gru);
    transpose(m, "h0", "h0_by_time", 3, (const int64_t[]){2, 0, 1});
    v2s_onnx_ints(m, "directions", 1, &two);
    v2s_onnx_ints(m, "hidden", 1, &hidden);
    v2s_onnx_ints(m, "batch_axis", 1, &one);
    v2s_onnx_ints(m, "h1_shape", 3, shape);
    v2s_onnx_add(m, "Shape", INPUTS("h0_by_time"), "h0_shape");
    v2s_onnx_add(m, "Gather", INPUTS("h0_shape", "batch_axis"), "batch_size");
    v2s_onnx_node *join =
        v2s_onnx_add(m, "Concat", INPUTS("directions", "batch_size", "hidden"), "state_shape");
    v2s_onnx_int(m, join, "axis", 0);
    v2s_onnx_add(m, "ConstantOfShape", INPUTS("state_shape"), "first_state");
    v2s_onnx_node *node = v2s_onnx_add(
        m, "GRU", INPUTS("h0_by_time", "gru.W", "gru.R", "gru.B", "", "first_state"), "gru_states");
    v2s_onnx_text(m, node, "direction", "bidirectional");
    v2s_onnx_int(m, node, "hidden_size", hidden);
    v2s_onnx_int(m, node, "linear_before_reset", 1);
    transpose(m, "gru_states", "h1_by_direction", 4, (const int64_t[]){2, 0, 1, 3});
    v2s_onnx_add(m, "Reshape", INPUTS("h1_by_direction", "h1_shape"), "h1");
}

// residual [batch,time,outputs], named so, of x [batch,inputs,time].
static void add_network(v2s_onnx *m, const v2s_refiner *refiner, const char *x,
                        const char *residual) {
    const int64_t kernel = refiner->config.kernel, pads[2] = {kernel / 2, kernel / 2};
    tensor(m, "conv1d.weight", &refiner->conv.weight);
    tensor(m, "conv1d.bias", &refiner->conv.bias);
    tensor(m, "output.weight", &refiner->output.weight);
    tensor(m, "output.bias", &refiner->output.bias);
    v2s_onnx_node *conv = v2s_onnx_add(m, "Conv", INPUTS(x, "conv1d.weight", "conv1d.bias"), "h0");
    v2s_onnx_int_list(m, conv, "kernel_shape", 1, &kernel);
    v2s_onnx_int_list(m, conv, "pads", 2, pads);
    add_gru(m, &refiner->gru);
    transpose(m, "output.weight", "output.weight_turned", 2, (const int64_t[]){1, 0});
    v2s_onnx_add(m, "MatMul", INPUTS("h1", "output.weight_turned"), "output_product");
    v2s_onnx_add(m, "Add", INPUTS("output_product", "output.bias"), "r");
    float *gain = v2s_onnx_new_floats(m, "residual_gain", 0, NULL);
    if (gain != NULL)
        *gain = V2S_REFINER_GAIN;
    v2s_onnx_add(m, "Mul", INPUTS("r", "residual_gain"), residual);
}

// ---- presets
// --------------------------------------------------------------------------------------

static void add_seed(v2s_onnx *m, const v2s_refiner *refiner) {
    const v2s_onnx_dim dim[3] = {batch, {.size = V2S_REFINER_CHANNELS}, any_time};
    v2s_onnx_input(m, "foa", 3, dim);
    v2s_onnx_output(m, "foa_refined", 3, dim);
    add_network(m, refiner, "foa", "residual");
    transpose(m, "residual", "residual_by_channel", 3, (const int64_t[]){0, 2, 1});
    v2s_onnx_add(m, "Add", INPUTS("foa", "residual_by_channel"), "foa_refined");
}

static void add_bands(v2s_onnx *m, const v2s_refiner *refiner) {
    const v2s_onnx_dim in[3] = {batch, any_time, {.size = refiner->config.inputs}},
                       out[3] = {batch, any_time, {.size = refiner->config.outputs}};
    v2s_onnx_input(m, "features", 3, in);
    v2s_onnx_output(m, "gains", 3, out);
    transpose(m, "features", "features_by_row", 3, (const int64_t[]){0, 2, 1});
    add_network(m, refiner, "features_by_row", "gains");
}

// ---- what the rows of `v2s` are
// -------------------------------------------------------------------

typedef struct row_text {
    int first, last;
    const char *name, *unit, *text;
} row_text;

enum { BANDS = V2S_BASIS_BANDS };

static const row_text common_rows[] = {
    {0, BANDS - 1, "level", "log10 of a ratio of energies",
     "E / mean of E over the stretch + 1e-6 of W in each band; 0 in bands above half the rate"},
    {BANDS, BANDS, "height", "sine of the elevation", "z of the unit vector to the source"},
    {BANDS + 1, BANDS + 1, "speed", "tanh of rad/s",
     "angle that the direction moved in the last 0.05 s over 0.05 s"},
};
static const row_text omni_rows[] = {
    {BANDS + 2, 2 * BANDS + 1, "contrast", "log10 of a ratio of energies",
     "the stretch's mean E in each band over the geometric mean of it in the two bands on either "
     "side, within -3 .. 3; 0 where one of them has nothing"},
};
static const row_text dry_rows[] = {
    {BANDS + 2, BANDS + 2, "distance", "log2 of m", "distance of the source, at least 0.1 m"},
    {BANDS + 3, BANDS + 10, "rt60", "log2 of RT60 / 0.5 s",
     "decay times of the octaves 63 Hz .. 8 kHz, within 0.02 .. 20 s"},
    {BANDS + 11, BANDS + 11, "drr", "dB / 10", "direct-to-reverberant ratio, within -30 .. 30 dB"},
};

static void add_rows(cJSON *list, const row_text *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        cJSON *o = cJSON_CreateObject();
        cJSON_AddNumberToObject(o, "first", rows[i].first);
        cJSON_AddNumberToObject(o, "last", rows[i].last);
        cJSON_AddStringToObject(o, "name", rows[i].name);
        cJSON_AddStringToObject(o, "unit", rows[i].unit);
        cJSON_AddStringToObject(o, "text", rows[i].text);
        cJSON_AddItemToArray(list, o);
    }
}

static cJSON *gain_names(bool dry) {
    v2s_band_layout layout = v2s_foa_basis_layout(dry);
    cJSON *list = cJSON_CreateArray();
    static const char *const coherent[] = {"a", "b", "d", "e"};
    for (int i = 0; i < v2s_band_layout_tails(layout); i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(coherent[i]));
    for (int with_w = 0; with_w <= (int)layout.with_w; with_w++)
        for (int k = 0; k < layout.segments; k++) {
            char name[16];
            snprintf(name, sizeof name, "%c%d", with_w ? 'f' : 'g', k);
            cJSON_AddItemToArray(list, cJSON_CreateString(name));
        }
    return list;
}

static cJSON *band_centres(void) {
    cJSON *list = cJSON_CreateArray();
    double low = v2s_erb_rate(V2S_BASIS_LOW_HZ), high = v2s_erb_rate(V2S_BASIS_HIGH_HZ);
    for (int i = 0; i < BANDS; i++) {
        char text[32];
        snprintf(text, sizeof text, "%.2f", v2s_erb_hz(low + (high - low) * i / (BANDS - 1)));
        cJSON_AddItemToArray(list, cJSON_CreateRaw(text));
    }
    return list;
}

// Takes `list`; cJSON without memory gives NULL all the way up.
static v2s_status add_json(v2s_onnx *m, const char *key, cJSON *list) {
    char *text = cJSON_PrintUnformatted(list);
    cJSON_Delete(list);
    if (text == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_onnx_metadata(m, key, text);
    free(text);
    return V2S_OK;
}

static v2s_status describe_bands(v2s_onnx *m, bool dry) {
    cJSON *rows = cJSON_CreateArray();
    add_rows(rows, common_rows, sizeof common_rows / sizeof *common_rows);
    if (dry)
        add_rows(rows, dry_rows, sizeof dry_rows / sizeof *dry_rows);
    else
        add_rows(rows, omni_rows, sizeof omni_rows / sizeof *omni_rows);
    V2S_TRY(add_json(m, "features", rows));
    V2S_TRY(add_json(m, "gains", gain_names(dry)));
    V2S_TRY(add_json(m, "bands_hz", band_centres()));
    char smoothing[128];
    snprintf(smoothing, sizeof smoothing,
             "gains of frame t are the mean of the network's of t - %d .. t + %d",
             V2S_BAND_GAINS_RADIUS, V2S_BAND_GAINS_RADIUS);
    v2s_onnx_metadata(m, "network", "gains = 0.1 Linear(BiGRU(Conv1d(features)))");
    v2s_onnx_metadata(m, "smoothing", dry ? "none" : smoothing);
    v2s_onnx_metadata(m, "stretch",
                      "the network reads 12 s at once, every 8 s; overlaps are cross-faded");
    v2s_onnx_metadata(m, "order_of_gains", "band after band, in each the names of `gains`");
    return V2S_OK;
}

v2s_status v2s_export_refiner(v2s_onnx *m, const v2s_refiner *refiner,
                              const v2s_refiner_info *info) {
    if (strcmp(info->preset, "v2s") != 0) {
        add_seed(m, refiner);
        return V2S_OK;
    }
    add_bands(m, refiner);
    return describe_bands(m, strcmp(info->pairing, "dry") == 0);
}
