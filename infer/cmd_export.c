// SPDX-License-Identifier: MIT
// v2s-infer export: a checkpoint for other programs, as safetensors or ONNX.
#include <string.h>

#include "infer/commands.h"
#include "infer/export.h"
#include "infer/file_name.h"
#include "infer/preflight.h"
#include "infer/refiner_choice.h"

static v2s_status check(const v2s_settings *s) {
    if (s->inputs.count == 0)
        return V2S_FAIL(V2S_USAGE, "no CHECKPOINT");
    if (s->output == NULL)
        return V2S_FAIL(V2S_USAGE, "no output: -o FILE.safetensors or FILE.onnx");
    bool onnx = v2s_ends_with(s->output, ".onnx");
    if (!onnx && !v2s_ends_with(s->output, ".safetensors"))
        return V2S_FAIL(V2S_ARG, "-o %s: expected a name that ends with .safetensors or .onnx",
                        s->output);
    if (onnx && s->weights_only)
        return V2S_FAIL(V2S_USAGE, "--weights-only is for .safetensors: an ONNX file has no more");
    if (v2s_ends_with(s->inputs.items[0], ".onnx"))
        return V2S_FAIL(V2S_ARG, "%s: an ONNX model; export reads safetensors", s->inputs.items[0]);
    char path[PATH_MAX];
    v2s_refiner_path(s->inputs.items[0], path);
    const char *json = s->json != NULL && strcmp(s->json, "-") == 0 ? NULL : s->json;
    const v2s_preflight_file files[] = {{"-o", s->output, false}, {"--json", json, false}};
    V2S_TRY(v2s_preflight_input(files, 2, path));
    return v2s_preflight_files(files, 2);
}

static void say(const v2s_settings *s, const v2s_export *e, v2s_run_log *log) {
    const char *model = e->is_depth ? "depth" : "refiner";
    v2s_run_log_row(log, "checkpoint", "%s: %s%s%s, %zu parameters", e->path, model,
                    e->is_depth ? "" : ", preset ", e->is_depth ? "" : e->info.preset,
                    v2s_export_parameters(e));
    v2s_run_log_text(log, "checkpoint", e->path);
    v2s_run_log_text(log, "output", s->output);
    v2s_run_log_text(log, "model", model);
    if (!e->is_depth)
        v2s_run_log_text(log, "preset", e->info.preset);
    v2s_run_log_number(log, "parameters", (double)v2s_export_parameters(e));
    cJSON *metadata = cJSON_AddObjectToObject(log->json, "metadata");
    for (int i = 0; i < e->metadata_count; i++)
        cJSON_AddStringToObject(metadata, e->metadata[i].key, e->metadata[i].value);
}

v2s_status v2s_export_run(const void *config, int argc, char **argv) {
    (void)argc;
    (void)argv;
    const v2s_settings *s = config;
    v2s_export *e = NULL;
    v2s_run_log log;
    V2S_TRY(check(s));
    V2S_TRY(v2s_preflight_device(s));
    V2S_TRY(v2s_run_log_open(&log, s->quiet, s->json));
    v2s_status status = v2s_export_open(s, &log, &e);
    if (status == V2S_OK) {
        say(s, e, &log);
        status = v2s_ends_with(s->output, ".onnx")
                     ? v2s_export_write_graph(e, s->output, &log)
                     : v2s_export_write_tensors(e, s->output, s->weights_only, &log);
    }
    if (status == V2S_OK) {
        v2s_run_log_row(&log, "written", "%s", s->output);
        status = v2s_run_log_finish(&log);
    }
    v2s_export_close(&e);
    v2s_run_log_close(&log);
    return status;
}
