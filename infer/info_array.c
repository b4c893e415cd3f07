// SPDX-License-Identifier: MIT
#include "infer/info_array.h"

#include <math.h>
#include <stdio.h>

#include "data/npy.h"

enum { ELEMENTS_MAX = 1 << 26 };

static void say_shape(const v2s_npy *a, v2s_run_log *log) {
    static const char *const kinds[] = {"unsigned", "signed", "float"};
    char shape[128] = "";
    size_t at = 0;
    cJSON *dims = cJSON_AddArrayToObject(log->json, "shape");
    for (int i = 0; i < a->rank; i++) {
        at +=
            (size_t)snprintf(shape + at, sizeof shape - at, "%s%zu", i > 0 ? " x " : "", a->dim[i]);
        cJSON_AddItemToArray(dims, cJSON_CreateNumber((double)a->dim[i]));
    }
    v2s_run_log_row(log, "kind", "array: %s, %d bytes each, %s", kinds[a->kind], a->bytes,
                    a->rank > 0 ? shape : "one number");
    v2s_run_log_text(log, "kind", "array");
    v2s_run_log_text(log, "type", kinds[a->kind]);
    v2s_run_log_number(log, "bytes", a->bytes);
}

static void say_values(const v2s_npy *a, v2s_run_log *log) {
    double least = INFINITY, most = -INFINITY;
    size_t finite = 0, valid = 0;
    for (size_t i = 0; i < a->count; i++) {
        double v = a->values[i];
        valid += v > 0;
        if (!isfinite(v))
            continue;
        finite++;
        least = fmin(least, v);
        most = fmax(most, v);
    }
    if (finite > 0)
        v2s_run_log_row(log, "values", "%g to %g", least, most);
    if (finite < a->count)
        v2s_run_log_row(log, "not finite", "%zu of %zu", a->count - finite, a->count);
    v2s_run_log_number(log, "min", least);
    v2s_run_log_number(log, "max", most);
    v2s_run_log_number(log, "not_finite", (double)(a->count - finite));
    if (a->rank != 2 || a->count == 0)
        return;
    double share = (double)valid / (double)a->count;
    v2s_run_log_row(log, "as a depth map", "%s, %.1f %% of the pixels valid",
                    a->kind == V2S_NPY_FLOAT ? "metres" : "millimetres", 100 * share);
    v2s_run_log_number(log, "valid", share);
}

v2s_status v2s_info_array(const char *path, v2s_run_log *log) {
    v2s_npy a = {0};
    V2S_TRY(v2s_npy_read(path, ELEMENTS_MAX, &a));
    say_shape(&a, log);
    say_values(&a, log);
    v2s_npy_free(&a);
    return V2S_OK;
}
