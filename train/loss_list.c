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
#include "kernels/loss_binaural.h"
#include "kernels/loss_edc.h"
#include "kernels/loss_intensity.h"
#include "kernels/loss_mrstft.h"
#include "kernels/loss_mse.h"
#include "spatial/binaural_design.h"

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

// Index of the name, V2S_LOSS_KINDS where there is none.
static int kind_of(const char *name) {
    int k = 0;
    while (k < V2S_LOSS_KINDS && strcmp(names[k], name) != 0)
        k++;
    return k;
}

static v2s_status unknown_name(const char *option, const char *name) {
    char known[V2S_LOSS_TEXT_MAX] = "";
    for (int k = 0; k < V2S_LOSS_KINDS; k++) {
        strcat(known, k == 0 ? "" : ", ");
        strcat(known, names[k]);
    }
    return V2S_FAIL(V2S_USAGE, "%s: no loss is called '%s'; there are %s", option, name, known);
}

// One "name" or "name=weight"; cut in two in place.
static v2s_status parse_item(const char *option, char *item, v2s_loss_weights *weights,
                             bool *seen) {
    char *value = strchr(item, '=');
    if (value != NULL)
        *value++ = '\0';
    int k = kind_of(item);
    if (k == V2S_LOSS_KINDS)
        return unknown_name(option, item);
    if (seen[k])
        return V2S_FAIL(V2S_USAGE, "%s: %s is given twice", option, item);
    seen[k] = true;
    weights->of[k] = 1.0;
    if (value != NULL && (!v2s_parse_number(value, &weights->of[k]) || weights->of[k] < 0.0))
        return V2S_FAIL(V2S_USAGE, "%s: weight of %s: need a number of 0 or more, found '%s'",
                        option, item, value);
    return V2S_OK;
}

v2s_status v2s_loss_weights_parse(const char *option, const char *text, v2s_loss_weights *out) {
    char item[V2S_LOSS_TEXT_MAX];
    v2s_loss_weights weights = {{0}};
    bool seen[V2S_LOSS_KINDS] = {false};
    double sum = 0.0;
    for (const char *at = text, *end; at != NULL; at = *end == ',' ? end + 1 : NULL) {
        end = at + strcspn(at, ",");
        if ((size_t)(end - at) >= sizeof item)
            return V2S_FAIL(V2S_USAGE, "%s: need NAME=WEIGHT,..., found an item of %zu letters",
                            option, (size_t)(end - at));
        memcpy(item, at, (size_t)(end - at));
        item[end - at] = '\0';
        V2S_TRY(parse_item(option, item, &weights, seen));
    }
    for (int k = 0; k < V2S_LOSS_KINDS; k++)
        sum += weights.of[k];
    if (!(sum > 0.0))
        return V2S_FAIL(V2S_USAGE, "%s: all weights are 0", option);
    *out = weights;
    return V2S_OK;
}

void v2s_loss_weights_text(const v2s_loss_weights *weights, char text[V2S_LOSS_TEXT_MAX]) {
    size_t used = 0;
    text[0] = '\0';
    for (int k = 0; k < V2S_LOSS_KINDS; k++) {
        char number[32];
        if (weights->of[k] == 0.0)
            continue;
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(number, sizeof number, "%.*g", digits, weights->of[k]);
            if (strtod(number, NULL) == weights->of[k])
                break;
        }
        used += (size_t)snprintf(text + used, V2S_LOSS_TEXT_MAX - used, "%s%s=%s",
                                 used > 0 ? "," : "", names[k], number);
    }
}

// What one row needs; the losses that the list does not have are NULL.
typedef struct row_work {
    float *refined; // [T,4]
    double *decay;  // [T], work of edc
    v2s_loss_mrstft *mrstft;
    v2s_loss_intensity *intensity;
    v2s_loss_binaural *binaural, *binaural_mse;
} row_work;

struct v2s_loss_list {
    v2s_loss_weights weights;
    int T, count;   // longest row; number of rows
    row_work *rows; // [count]
    v2s_arena memory;
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

static void take_memory(v2s_loss_list *list, v2s_arena *arena) {
    for (int r = 0; r < list->count; r++) {
        size_t values = v2s_size_mul((size_t)list->T, CHANNELS);
        list->rows[r].refined = v2s_arena_take(arena, values, sizeof(float));
        if (list->weights.of[V2S_LOSS_EDC] > 0.0)
            list->rows[r].decay = v2s_arena_take(arena, (size_t)list->T, sizeof(double));
    }
}

static v2s_status open_row(const v2s_loss_setup *setup, const head_filters *head, row_work *row) {
    const double *weight = setup->weights.of;
    const int T = setup->T, taps = (int)head->count;
    int n[RESOLUTIONS];
    for (int i = 0; i < RESOLUTIONS; i++)
        n[i] = (int)v2s_fft_length_above((size_t)lround(windows_s[i] * setup->rate_hz));
    if (weight[V2S_LOSS_MRSTFT] > 0.0)
        V2S_TRY(v2s_loss_mrstft_open(T, CHANNELS, RESOLUTIONS, n, &row->mrstft));
    if (weight[V2S_LOSS_INTENSITY] > 0.0)
        V2S_TRY(v2s_loss_intensity_open(T, setup->rate_hz, &row->intensity));
    if (weight[V2S_LOSS_BINAURAL] > 0.0)
        V2S_TRY(v2s_loss_binaural_open(T, taps, head->taps, RESOLUTIONS, n, &row->binaural));
    if (weight[V2S_LOSS_BINAURAL_MSE] > 0.0)
        V2S_TRY(v2s_loss_binaural_open(T, taps, head->taps, 0, NULL, &row->binaural_mse));
    return V2S_OK;
}

static v2s_status open_rows(const v2s_loss_setup *setup, v2s_loss_list *list) {
    const double *weight = setup->weights.of;
    head_filters head = {NULL, 0};
    v2s_arena count = v2s_arena_count();
    v2s_status status = V2S_OK;
    if (weight[V2S_LOSS_BINAURAL] > 0.0 || weight[V2S_LOSS_BINAURAL_MSE] > 0.0)
        V2S_TRY_GOTO(status, read_head(setup, &head), out);
    for (int r = 0; r < list->count; r++)
        V2S_TRY_GOTO(status, open_row(setup, &head, &list->rows[r]), out);
    take_memory(list, &count);
    V2S_TRY_GOTO(status, v2s_arena_open(&list->memory, count.used), out);
    take_memory(list, &list->memory);
out:
    free(head.taps);
    return status;
}

v2s_status v2s_loss_list_open(const v2s_loss_setup *setup, v2s_loss_list **out) {
    if (setup->T < 1 || setup->rows < 1 || !(setup->rate_hz >= 1000.0 && setup->rate_hz <= 4e5))
        return V2S_FAIL(V2S_ARG,
                        "loss of %d rows of %d samples at %g Hz: need 1 or more at 1 to 400 kHz",
                        setup->rows, setup->T, setup->rate_hz);
    v2s_loss_list *list = calloc(1, sizeof *list);
    row_work *rows = calloc((size_t)setup->rows, sizeof *rows);
    if (list == NULL || rows == NULL) {
        free(list);
        free(rows);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    *list = (v2s_loss_list){setup->weights, setup->T, setup->rows, rows, {0}};
    v2s_status status = open_rows(setup, list);
    if (status != V2S_OK) {
        v2s_loss_list_close(&list);
        return status;
    }
    *out = list;
    return V2S_OK;
}

// L_k of the row's refined sound; adds scale * dL_k to d.
static double loss_value(v2s_loss_kind k, row_work *row, int T, const float *truth, float scale,
                         float *d) {
    const float *x = row->refined;
    switch (k) {
    case V2S_LOSS_MSE:
        return v2s_loss_mse((size_t)T * CHANNELS, x, truth, scale, d);
    case V2S_LOSS_MRSTFT:
        return v2s_loss_mrstft_value(row->mrstft, T, x, truth, scale, d);
    case V2S_LOSS_INTENSITY:
        return v2s_loss_intensity_value(row->intensity, T, x, truth, scale, d);
    case V2S_LOSS_EDC:
        return v2s_loss_edc(T, CHANNELS, x, truth, scale, d, row->decay);
    case V2S_LOSS_BINAURAL:
        return v2s_loss_binaural_value(row->binaural, T, x, truth, scale, d);
    case V2S_LOSS_BINAURAL_MSE:
        return v2s_loss_binaural_value(row->binaural_mse, T, x, truth, scale, d);
    case V2S_LOSS_KINDS:
        break;
    }
    return 0.0;
}

double v2s_loss_list_row(v2s_loss_list *list, int row, int T, const float *residual,
                         const float *geometric, const float *truth, float scale, float *dresidual,
                         double *parts) {
    V2S_ASSERT(row >= 0 && row < list->count && T >= 0 && T <= list->T);
    const double *weight = list->weights.of;
    const size_t count = (size_t)T * CHANNELS;
    float *refined = list->rows[row].refined;
    double sum = 0.0;
    for (size_t i = 0; i < count; i++)
        refined[i] = geometric[i] + residual[i];
    for (size_t i = 0; dresidual != NULL && i < count; i++)
        dresidual[i] = 0.0f;
    for (int k = 0; k < V2S_LOSS_KINDS; k++) {
        double value = 0.0;
        if (weight[k] > 0.0)
            value = loss_value((v2s_loss_kind)k, &list->rows[row], T, truth,
                               (float)(weight[k] * (double)scale), dresidual);
        sum += weight[k] * value;
        if (parts != NULL)
            parts[k] = value;
    }
    return sum;
}

void v2s_loss_list_close(v2s_loss_list **list) {
    v2s_loss_list *l = *list;
    if (l == NULL)
        return;
    for (int r = 0; r < l->count; r++) {
        v2s_loss_mrstft_close(&l->rows[r].mrstft);
        v2s_loss_intensity_close(&l->rows[r].intensity);
        v2s_loss_binaural_close(&l->rows[r].binaural);
        v2s_loss_binaural_close(&l->rows[r].binaural_mse);
    }
    v2s_arena_close(&l->memory);
    free(l->rows);
    free(l);
    *list = NULL;
}
