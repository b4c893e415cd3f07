// SPDX-License-Identifier: MIT
// A checkpoint of the depth network: weights, running statistics and what it has to know
// (checkpoints/format.md, "Tensors of the depth network").
//
// Files of PyTorch (the same names, with num_batches_tracked, without metadata) open as well: what
// is missing is told from the tensors or taken as published, and said in a warning.
#ifndef V2S_INFER_DEPTH_FILE_H
#define V2S_INFER_DEPTH_FILE_H

#include "checkpoints/safetensors.h"
#include "nn/depth_net.h"

enum { V2S_DEPTH_FILE_WARNINGS = 8 };

typedef struct v2s_depth_file {
    v2s_depth_net *net; // host memory
    v2s_depth_config config;
    int rate_hz;
    bool left_only;        // ears=left: both encoders get the left ear's spectrogram
    float *mean_depth;     // [size,size]; the training split's mean map; NULL: not in the file
    double constant_depth; // its best constant, m; NAN: not in the file
    int warning_count;
    char *warnings[V2S_DEPTH_FILE_WARNINGS]; // one sentence each, naming the file
} v2s_depth_file;

// IO, FORMAT (another model; a tensor that is missing, has another shape or is not the network's; a
// negative running_var; metadata that is no number or contradicts the shapes), NUMERIC (a number
// is not finite), NOMEM. `out` is untouched on failure.
V2S_MUST_USE v2s_status v2s_depth_file_open(const char *path, v2s_depth_file *out);
void v2s_depth_file_close(v2s_depth_file *file); // accepts a zeroed one

// What a checkpoint of `config` says of itself, key `index` of the list; false past the last one.
// The text of `pair` is valid until the next call with the same `text`.
enum { V2S_DEPTH_FILE_TEXT_MAX = 64 };
bool v2s_depth_file_metadata(const v2s_depth_config *config, int rate_hz, bool left_only, int index,
                             char text[V2S_DEPTH_FILE_TEXT_MAX], v2s_safetensors_pair *pair);

// "2,3,4,5"; empty: none. Returns text.
const char *v2s_depth_levels_text(const v2s_depth_config *config, char text[16]);
// Sets config->attention to these levels. ARG names what is wrong with the list.
V2S_MUST_USE v2s_status v2s_depth_levels_parse(const char *text, v2s_depth_config *config);

#endif
