// SPDX-License-Identifier: MIT
// A checkpoint on its way out: to a plain safetensors file for PyTorch, or to an ONNX model.
//
//   tensors   as they lie in the file, bit for bit and in their order, under their names; what only
//             a resumed run needs (optimizer.*, ema.*, trainer.*) is left out, and with
//             --weights-only everything that PyTorch's module does not have (floor.*)
//   graph     the network in float32 (infer/export_refiner.c, infer/export_depth.c)
//   metadata  what the file says of itself, verbatim, then the keys of checkpoints/format.md that
//             it lacks, as far as they are told by shapes or options
//
// Ownership  Everything is the export's, but for the settings and the log. One thread at a time.
#ifndef V2S_INFER_EXPORT_H
#define V2S_INFER_EXPORT_H

#include <limits.h>

#include "checkpoints/onnx.h"
#include "checkpoints/safetensors.h"
#include "infer/depth_file.h"
#include "infer/refiner_file.h"
#include "infer/run_log.h"
#include "infer/settings.h"

enum { V2S_EXPORT_DEPTH_KEYS = 16 };

typedef struct v2s_export {
    char path[PATH_MAX]; // of the checkpoint
    v2s_safetensors *file;
    bool is_depth;
    v2s_refiner *refiner;  // one of the two, checked whole
    v2s_refiner_info info; // with what options add
    v2s_depth_file depth;
    v2s_depth_config config; // of the depth network, with what options add
    int depth_rate_hz;
    bool left_only;
    v2s_safetensors_pair *metadata; // [metadata_count], without crc32
    int metadata_count;
    char rate_text[16];
    char texts[V2S_EXPORT_DEPTH_KEYS][V2S_DEPTH_FILE_TEXT_MAX];
} v2s_export;

// Loads and checks settings->inputs.items[0], a file or the name of one that ships. IO, FORMAT (no
// refiner and no depth network, or a damaged one), ARG (an option that contradicts the file, or
// that the model has not). What stays unknown is a warning. `out` is untouched on failure.
V2S_MUST_USE v2s_status v2s_export_open(const v2s_settings *settings, v2s_run_log *log,
                                        v2s_export **out);
void v2s_export_close(v2s_export **e); // accepts NULL inside

// Trained numbers.
size_t v2s_export_parameters(const v2s_export *e);

// Writes the file and says what is in it. IO, NOMEM, UNSUPPORTED.
V2S_MUST_USE v2s_status v2s_export_write_tensors(const v2s_export *e, const char *path,
                                                 bool weights_only, v2s_run_log *log);
V2S_MUST_USE v2s_status v2s_export_write_graph(const v2s_export *e, const char *path,
                                               v2s_run_log *log);

// The networks as graphs of `m`, which borrows the weights. ARG for sizes the preset cannot have.
V2S_MUST_USE v2s_status v2s_export_refiner(v2s_onnx *m, const v2s_refiner *refiner,
                                           const v2s_refiner_info *info);
V2S_MUST_USE v2s_status v2s_export_depth(v2s_onnx *m, v2s_depth_net *net,
                                         const v2s_depth_config *config, bool left_only);

#endif
