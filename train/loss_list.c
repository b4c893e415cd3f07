// SPDX-License-Identifier: MIT
#include "train/loss_list.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/options.h"
#include "kernels/base/arena.h"
#include "kernels/loss_mse.h"

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

typedef struct row_work {
    float *refined; // [T,4]
} row_work;

struct v2s_loss_list {
    v2s_loss_setup setup;
    row_work *rows; // [setup.rows]
    v2s_arena memory;
};

static void take_memory(v2s_loss_list *list, v2s_arena *arena) {
    size_t count = v2s_size_mul((size_t)list->setup.T, CHANNELS);
    for (int r = 0; r < list->setup.rows; r++)
        list->rows[r].refined = v2s_arena_take(arena, count, sizeof(float));
}

v2s_status v2s_loss_list_open(const v2s_loss_setup *setup, v2s_loss_list **out) {
    if (setup->T < 1 || setup->rows < 1)
        return V2S_FAIL(V2S_ARG, "loss of %d rows of %d samples: need 1 or more", setup->rows,
                        setup->T);
    for (int k = V2S_LOSS_MSE + 1; k < V2S_LOSS_KINDS; k++)
        if (setup->weights.of[k] > 0.0)
            return V2S_FAIL(V2S_UNSUPPORTED, "loss %s: not in this version", names[k]);
    v2s_loss_list *list = calloc(1, sizeof *list);
    if (list == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    list->setup = *setup;
    list->setup.hrtf_path = NULL; // the caller's
    list->rows = calloc((size_t)setup->rows, sizeof *list->rows);
    v2s_status status = V2S_OK;
    if (list->rows == NULL)
        V2S_TRY_GOTO(status, V2S_FAIL(V2S_NOMEM, "out of memory"), fail);
    v2s_arena count = v2s_arena_count();
    take_memory(list, &count);
    V2S_TRY_GOTO(status, v2s_arena_open(&list->memory, count.used), fail);
    take_memory(list, &list->memory);
    *out = list;
    return V2S_OK;
fail:
    v2s_loss_list_close(&list);
    return status;
}

double v2s_loss_list_row(v2s_loss_list *list, int row, int T, const float *residual,
                         const float *geometric, const float *truth, float scale, float *dresidual,
                         double *parts) {
    V2S_ASSERT(row >= 0 && row < list->setup.rows && T >= 0 && T <= list->setup.T);
    const double *weight = list->setup.weights.of;
    const size_t count = (size_t)T * CHANNELS;
    float *refined = list->rows[row].refined;
    double value[V2S_LOSS_KINDS] = {0.0}, sum = 0.0;
    for (size_t i = 0; i < count; i++)
        refined[i] = geometric[i] + residual[i];
    if (dresidual != NULL)
        memset(dresidual, 0, count * sizeof *dresidual);
    if (weight[V2S_LOSS_MSE] > 0.0)
        value[V2S_LOSS_MSE] = v2s_loss_mse(
            count, refined, truth, (float)(weight[V2S_LOSS_MSE] * (double)scale), dresidual);
    for (int k = 0; k < V2S_LOSS_KINDS; k++)
        sum += weight[k] * value[k];
    if (parts != NULL)
        memcpy(parts, value, sizeof value);
    return sum;
}

void v2s_loss_list_close(v2s_loss_list **list) {
    v2s_loss_list *l = *list;
    if (l == NULL)
        return;
    v2s_arena_close(&l->memory);
    free(l->rows);
    free(l);
    *list = NULL;
}
