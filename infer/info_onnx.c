// SPDX-License-Identifier: MIT
#include "infer/info_onnx.h"

#include <stdio.h>

#include "checkpoints/onnx.h"

static void shape_text(const v2s_onnx_value *v, char *text, size_t room) {
    size_t at = (size_t)snprintf(text, room, "%s", v->rank < 0 ? "of any shape" : "[");
    for (int i = 0; i < v->rank && at < room; i++) {
        const char *comma = i > 0 ? ", " : "";
        at += (size_t)(v->dim[i].name != NULL
                           ? snprintf(text + at, room - at, "%s%.64s", comma, v->dim[i].name)
                           : snprintf(text + at, room - at, "%s%lld", comma,
                                      (long long)v->dim[i].size));
    }
    if (v->rank >= 0 && at < room)
        snprintf(text + at, room - at, "]");
}

static void add_value(const v2s_onnx_value *v, cJSON *list) {
    cJSON *o = cJSON_CreateObject();
    cJSON_AddItemToArray(list, o);
    cJSON_AddStringToObject(o, "name", v->name);
    cJSON_AddStringToObject(o, "dtype", v->type);
    cJSON *shape = v->rank < 0 ? NULL : cJSON_AddArrayToObject(o, "shape");
    if (shape == NULL)
        cJSON_AddNullToObject(o, "shape");
    for (int i = 0; i < v->rank; i++)
        cJSON_AddItemToArray(shape, v->dim[i].name != NULL
                                        ? cJSON_CreateString(v->dim[i].name)
                                        : cJSON_CreateNumber((double)v->dim[i].size));
}

static void list_values(const char *row, const char *key, const v2s_onnx_value *values,
                        size_t count, v2s_run_log *log) {
    cJSON *list = cJSON_AddArrayToObject(log->json, key);
    for (size_t i = 0; i < count; i++) {
        char shape[640];
        shape_text(&values[i], shape, sizeof shape);
        v2s_run_log_row(log, i == 0 ? row : "", "%s %s %s", values[i].name, values[i].type, shape);
        add_value(&values[i], list);
    }
}

v2s_status v2s_info_onnx(const char *path, v2s_run_log *log) {
    v2s_onnx_info info = {0};
    V2S_TRY(v2s_onnx_read_info(path, &info));
    v2s_run_log_row(log, "kind", "ONNX model %s, made by %s", info.graph,
                    info.producer[0] != '\0' ? info.producer : "a program that does not say");
    v2s_run_log_row(log, "version", "operator set %lld, IR version %lld", (long long)info.opset,
                    (long long)info.ir_version);
    list_values("inputs", "inputs", info.inputs, info.input_count, log);
    list_values("outputs", "outputs", info.outputs, info.output_count, log);
    v2s_run_log_row(log, "graph", "%zu nodes, %zu weights of %zu numbers", info.node_count,
                    info.weight_count, info.number_count);
    v2s_run_log_text(log, "kind", "onnx");
    v2s_run_log_text(log, "graph", info.graph);
    v2s_run_log_text(log, "producer", info.producer);
    v2s_run_log_number(log, "opset", (double)info.opset);
    v2s_run_log_number(log, "ir_version", (double)info.ir_version);
    v2s_run_log_number(log, "nodes", (double)info.node_count);
    v2s_run_log_number(log, "weights", (double)info.weight_count);
    v2s_run_log_number(log, "numbers", (double)info.number_count);
    cJSON *metadata = cJSON_AddObjectToObject(log->json, "metadata");
    for (size_t i = 0; i < info.metadata_count; i++) {
        v2s_run_log_row(log, i == 0 ? "metadata" : "", "%s = %s", info.metadata[i].key,
                        info.metadata[i].value);
        cJSON_AddStringToObject(metadata, info.metadata[i].key, info.metadata[i].value);
    }
    v2s_onnx_info_free(&info);
    return V2S_OK;
}
