// SPDX-License-Identifier: MIT
#include <string.h>

#include "infer/export.h"

// A map of attention above this is worth a warning.
static const double map_bytes_max = 256.0 * 1024 * 1024;

static void warn_of_maps(const v2s_export *e, v2s_run_log *log) {
    for (int l = 0; l < V2S_DEPTH_LEVELS; l++) {
        double side = e->config.size >> l, bytes = side * side * side * side * sizeof(float);
        if (e->config.attention[l] && bytes > map_bytes_max)
            v2s_run_log_warn(log,
                             "attention at level %d: whoever runs the ONNX file needs %.0f MiB for "
                             "the map of one ear and item (v2s-infer depth does not)",
                             l + 1, bytes / (1024 * 1024));
    }
}

static v2s_status fill(const v2s_export *e, v2s_onnx *m) {
    for (int i = 0; i < e->metadata_count; i++)
        v2s_onnx_metadata(m, e->metadata[i].key, e->metadata[i].value);
    if (e->is_depth)
        return v2s_export_depth(m, e->depth.net, &e->config, e->left_only);
    return v2s_export_refiner(m, e->refiner, &e->info);
}

v2s_status v2s_export_write_graph(const v2s_export *e, const char *path, v2s_run_log *log) {
    v2s_onnx *m = NULL;
    size_t bytes = 0;
    V2S_TRY(v2s_onnx_open(e->is_depth ? "depth" : e->info.preset, &m));
    v2s_status status = fill(e, m);
    if (status == V2S_OK && e->is_depth)
        warn_of_maps(e, log);
    if (status == V2S_OK)
        status = v2s_onnx_write(m, path, &bytes);
    v2s_onnx_close(&m);
    V2S_TRY(status);
    v2s_run_log_row(log, "onnx", "operator set %d, IR version %d, %zu bytes", V2S_ONNX_OPSET,
                    V2S_ONNX_IR, bytes);
    v2s_run_log_number(log, "opset", V2S_ONNX_OPSET);
    v2s_run_log_number(log, "ir_version", V2S_ONNX_IR);
    v2s_run_log_number(log, "bytes", (double)bytes);
    return V2S_OK;
}
