// SPDX-License-Identifier: MIT
// What `info` says of a safetensors file: model, every tensor's shape, parameters, metadata.
#ifndef V2S_INFER_INFO_CHECKPOINT_H
#define V2S_INFER_INFO_CHECKPOINT_H

#include "infer/run_log.h"

// A well-formed file of another model is no error (model "unknown"); a damaged one is.
V2S_MUST_USE v2s_status v2s_info_checkpoint(const char *path, v2s_run_log *log);

#endif
