// SPDX-License-Identifier: MIT
// What `info` says of an ONNX file: inputs, outputs, operator set, weights, metadata.
#ifndef V2S_INFER_INFO_ONNX_H
#define V2S_INFER_INFO_ONNX_H

#include "infer/run_log.h"

// IO, FORMAT, UNSUPPORTED as v2s_onnx_read_info.
V2S_MUST_USE v2s_status v2s_info_onnx(const char *path, v2s_run_log *log);

#endif
