// SPDX-License-Identifier: MIT
#include "train/loss_list.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/options.h"
#include "data/sofa.h"
#include "kernels/base/arena.h"
#include "kernels/fft.h"
#include "spatial/binaural_design.h"
#include "train/weight_list.h"

enum { CHANNELS = 4 };

static const char *const names[V2S_LOSS_KINDS] = {
    [V2S_LOSS_MSE] = "mse",
    [V2S_LOSS_MRSTFT] = "mrstft",
    [V2S_LOSS_INTENSITY] = "intensity",
    [V2S_LOSS_EDC] = "edc",
    [V2S_LOSS_BINAURAL] = "binaural",
    [V2S_LOSS_BINAURAL_MSE] = "binaural-mse",
};

const char *v2s_loss_name(v2s_loss_kind kind) {
    return names[kind];
}

v2s_status v2s_loss_weights_parse(const char *option, const char *text, v2s_loss_weights *out) {
    return v2s_weight_list_parse(option, text, names, V2S_LOSS_KINDS, out->of);
}

void v2s_loss_weights_text(const v2s_loss_weights *weights, char text[V2S_LOSS_TEXT_MAX]) {
    v2s_weight_list_text(weights->of, names, V2S_LOSS_KINDS, text, V2S_LOSS_TEXT_MAX);
}

// What one thread needs; the losses that the list does not have are NULL.
typedef struct lane {
    int rows;       // most at once
    float *refined; // [rows,T,4], the device's memory, as the rest
    double *parts;  // [V2S_LOSS_KINDS]
    v2s_loss *of[V2S_LOSS_KINDS];
} lane;

struct v2s_loss_list {
    const v2s_device *dev;
    v2s_loss_weights weights;
    int T, count; // longest row; number of lanes
    lane *lanes;  // [count]
};

// Windows of the STFT losses, in the fast length next above.
static const double windows_s[] = {0.016, 0.032, 0.064};
enum { RESOLUTIONS = sizeof windows_s / sizeof *windows_s };

typedef struct head_filters {
    float *taps; // [2][4][count]
    size_t count;
} head_filters;

static v2s_status read_head(const v2s_loss_setup *setup, head_filters *head) {
    v2s_hrtf hrtf = {0};
    size_t latency;
    V2S_TRY(v2s_sofa_read(setup->hrtf_path, &hrtf));
    v2s_status status = v2s_binaural_design(&hrtf, 1, setup->rate_hz, V2S_BINAURAL_MAGLS,
                                            &head->taps, &head->count, &latency);
    v2s_hrtf_free(&hrtf);
    return status;
}

static v2s_loss_config loss_config(v2s_loss_kind kind, const v2s_loss_setup *setup,
                                   const head_filters *head, int rows) {
    static const v2s_loss_type types[V2S_LOSS_KINDS] = {
        [V2S_LOSS_MSE] = V2S_LOSS_TYPE_MSE,
        [V2S_LOSS_MRSTFT] = V2S_LOSS_TYPE_MRSTFT,
        [V2S_LOSS_INTENSITY] = V2S_LOSS_TYPE_INTENSITY,
        [V2S_LOSS_EDC] = V2S_LOSS_TYPE_EDC,
        [V2S_LOSS_BINAURAL] = V2S_LOSS_TYPE_BINAURAL,
        [V2S_LOSS_BINAURAL_MSE] = V2S_LOSS_TYPE_BINAURAL,
    };
    v2s_loss_config c = {.type = types[kind],
                         .B = rows,
                         .T = setup->T,
                         .C = CHANNELS,
                         .rate_hz = setup->rate_hz,
                         .taps = (int)head->count,
                         .filters = head->taps};
    if (kind == V2S_LOSS_MRSTFT || kind == V2S_LOSS_BINAURAL)
        c.resolutions = RESOLUTIONS;
    for (int i = 0; i < c.resolutions; i++)
        c.n[i] = (int)v2s_fft_length_above((size_t)lround(windows_s[i] * setup->rate_hz));
    return c;
}

static v2s_status open_lane(const v2s_loss_setup *setup, const head_filters *head, int rows,
                            lane *l) {
    const v2s_device *dev = setup->dev;
    const v2s_memory_ops *memory = dev->ops->memory;
    const size_t samples = v2s_size_mul((size_t)rows, (size_t)setup->T);
    void *refined = NULL, *parts = NULL;
    l->rows = rows;
    V2S_TRY(memory->take(dev, v2s_size_mul(samples, CHANNELS * sizeof(float)), &refined));
    l->refined = refined;
    V2S_TRY(memory->take(dev, V2S_LOSS_KINDS * sizeof(double), &parts));
    l->parts = parts;
    for (int k = 0; k < V2S_LOSS_KINDS; k++)
        if (setup->weights.of[k] > 0.0) {
            v2s_loss_config config = loss_config((v2s_loss_kind)k, setup, head, rows);
            V2S_TRY(dev->ops->loss_open(dev, &config, &l->of[k]));
        }
    return V2S_OK;
}

static v2s_status open_lanes(const v2s_loss_setup *setup, v2s_loss_list *list) {
    const double *weight = setup->weights.of;
    head_filters head = {NULL, 0};
    v2s_status status = V2S_OK;
    if (weight[V2S_LOSS_BINAURAL] > 0.0 || weight[V2S_LOSS_BINAURAL_MSE] > 0.0)
        status = read_head(setup, &head);
    for (int i = 0; status == V2S_OK && i < list->count; i++)
        status = open_lane(setup, &head, i == 0 ? setup->rows : 1, &list->lanes[i]);
    free(head.taps);
    return status;
}

v2s_status v2s_loss_list_open(const v2s_loss_setup *setup, v2s_loss_list **out) {
    if (setup->T < 1 || setup->rows < 1 || !(setup->rate_hz >= 1000.0 && setup->rate_hz <= 4e5))
        return V2S_FAIL(V2S_ARG,
                        "loss of %d rows of %d samples at %g Hz: need 1 or more at 1 to 400 kHz",
                        setup->rows, setup->T, setup->rate_hz);
    int count = setup->lanes > 1 ? setup->lanes : 1;
    v2s_loss_list *list = calloc(1, sizeof *list);
    lane *lanes = calloc((size_t)count, sizeof *lanes);
    if (list == NULL || lanes == NULL) {
        free(list);
        free(lanes);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    *list = (v2s_loss_list){setup->dev, setup->weights, setup->T, count, lanes};
    v2s_status status = open_lanes(setup, list);
    if (status != V2S_OK) {
        v2s_loss_list_close(&list);
        return status;
    }
    *out = list;
    return V2S_OK;
}

// refined = geometric + residual, and no gradient yet.
static void begin(const v2s_loss_list *list, const lane *l, size_t count, const float *residual,
                  const float *geometric, float *dresidual) {
    const v2s_device *dev = list->dev;
    v2s_elementwise_args sum = {.kind = V2S_ELEMENTWISE_ADD,
                                .count = count,
                                .a = geometric,
                                .b = residual,
                                .y = l->refined};
    dev->ops->elementwise_forward(dev, &sum, NULL);
    if (dresidual != NULL)
        dev->ops->memory->zero(dev, dresidual, count * sizeof *dresidual);
}

void v2s_loss_list_batch(v2s_loss_list *list, int rows, int T, const float *residual,
                         const float *geometric, const float *truth, double scale, float *dresidual,
                         double *values) {
    V2S_ASSERT(rows >= 0 && rows <= list->lanes[0].rows && T >= 0 && T <= list->T);
    const v2s_device *dev = list->dev;
    const lane *l = &list->lanes[0];
    begin(list, l, (size_t)rows * (size_t)T * CHANNELS, residual, geometric, dresidual);
    if (values != NULL)
        dev->ops->memory->zero(dev, values, (size_t)rows * sizeof *values);
    for (int k = 0; k < V2S_LOSS_KINDS; k++) {
        if (l->of[k] == NULL)
            continue;
        v2s_loss_args a = {.B = rows,
                           .T = T,
                           .x = l->refined,
                           .truth = truth,
                           .weight = list->weights.of[k],
                           .scale = scale,
                           .dx = dresidual,
                           .value = values};
        dev->ops->loss_run(dev, l->of[k], &a);
    }
}

double v2s_loss_list_row(v2s_loss_list *list, int lane_index, int T, const float *residual,
                         const float *geometric, const float *truth, double scale, float *dresidual,
                         double *parts) {
    V2S_ASSERT(lane_index >= 0 && lane_index < list->count && T >= 0 && T <= list->T);
    const v2s_device *dev = list->dev;
    const lane *l = &list->lanes[lane_index];
    double value[V2S_LOSS_KINDS], sum = 0.0;
    begin(list, l, (size_t)T * CHANNELS, residual, geometric, dresidual);
    dev->ops->memory->zero(dev, l->parts, sizeof value);
    for (int k = 0; k < V2S_LOSS_KINDS; k++) {
        value[k] = NAN;
        if (l->of[k] == NULL)
            continue;
        v2s_loss_args a = {.B = 1,
                           .T = T,
                           .x = l->refined,
                           .truth = truth,
                           .weight = 1.0,
                           .scale = scale * list->weights.of[k],
                           .dx = dresidual,
                           .value = &l->parts[k]};
        dev->ops->loss_run(dev, l->of[k], &a);
    }
    dev->ops->memory->download(dev, value, l->parts, sizeof value);
    for (int k = 0; k < V2S_LOSS_KINDS; k++)
        sum += list->weights.of[k] * value[k];
    if (parts != NULL)
        memcpy(parts, value, sizeof value);
    return sum;
}

void v2s_loss_list_close(v2s_loss_list **list) {
    v2s_loss_list *l = *list;
    if (l == NULL)
        return;
    for (int i = 0; i < l->count; i++) {
        for (int k = 0; k < V2S_LOSS_KINDS; k++)
            if (l->lanes[i].of[k] != NULL)
                l->dev->ops->loss_close(l->dev, &l->lanes[i].of[k]);
        l->dev->ops->memory->give(l->dev, l->lanes[i].refined);
        l->dev->ops->memory->give(l->dev, l->lanes[i].parts);
    }
    free(l->lanes);
    free(l);
    *list = NULL;
}
