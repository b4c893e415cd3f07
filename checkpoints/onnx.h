// SPDX-License-Identifier: MIT
// ONNX files: a builder of graphs, which knows no model, and a reader of what a file says of
// itself. The messages are those of /usr/include/onnx/onnx.proto (https://onnx.ai), packed and
// unpacked by protobuf-c.
//
// What is built has IR version V2S_ONNX_IR and operators of set V2S_ONNX_OPSET of the default
// domain, which ONNX 1.10 (2021) brought: every runtime since then takes it. The same calls give
// the same bytes.
//
// Values are known by name: inputs of the graph, weights (initialisers) and outputs of nodes. Nodes
// stand in the order in which they are added, which must be one in which they can run. Memory that
// runs out is kept and reported by v2s_onnx_write; the calls before it then do nothing.
//
// Ownership  A builder copies texts, shapes and int64 weights and owns what v2s_onnx_new_floats
//            gives; the weights of v2s_onnx_floats are borrowed until v2s_onnx_close. One thread at
//            a time.
#ifndef V2S_CHECKPOINTS_ONNX_H
#define V2S_CHECKPOINTS_ONNX_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/base/status.h"

enum { V2S_ONNX_IR = 8, V2S_ONNX_OPSET = 15, V2S_ONNX_RANK_MAX = 8 };

// ---- building ---------------------------------------------------------------------------------

typedef struct v2s_onnx v2s_onnx;
typedef struct v2s_onnx_node v2s_onnx_node;

// A dimension: its size, or a name where the size is left to the one who runs the model.
typedef struct v2s_onnx_dim {
    int64_t size;
    const char *name; // NULL: `size` counts
} v2s_onnx_dim;

// `name` of the graph. NOMEM.
V2S_MUST_USE v2s_status v2s_onnx_open(const char *name, v2s_onnx **out);
void v2s_onnx_close(v2s_onnx **m); // accepts NULL inside

// float32 inputs and outputs of the graph.
void v2s_onnx_input(v2s_onnx *m, const char *name, int rank, const v2s_onnx_dim *dim);
void v2s_onnx_output(v2s_onnx *m, const char *name, int rank, const v2s_onnx_dim *dim);

// Weights, row-major: float32 (rank 0 is a single number), and rows of whole numbers.
void v2s_onnx_floats(v2s_onnx *m, const char *name, int rank, const int *dim, const float *data);
// The same with memory of the builder's own, zeroed, for the caller to fill; NULL without memory.
float *v2s_onnx_new_floats(v2s_onnx *m, const char *name, int rank, const int *dim);
void v2s_onnx_ints(v2s_onnx *m, const char *name, int count, const int64_t *data);

// A node with the names of its inputs (ends with NULL; "" is one that is left out) and its only
// output, which names the node too. NULL when memory ran out; the calls below take that.
v2s_onnx_node *v2s_onnx_add(v2s_onnx *m, const char *op, const char *const *inputs,
                            const char *output);
void v2s_onnx_second_output(v2s_onnx *m, v2s_onnx_node *node, const char *output);
void v2s_onnx_int(v2s_onnx *m, v2s_onnx_node *node, const char *name, int64_t value);
void v2s_onnx_float(v2s_onnx *m, v2s_onnx_node *node, const char *name, float value);
void v2s_onnx_text(v2s_onnx *m, v2s_onnx_node *node, const char *name, const char *value);
void v2s_onnx_int_list(v2s_onnx *m, v2s_onnx_node *node, const char *name, int count,
                       const int64_t *values);

// A pair of metadata_props.
void v2s_onnx_metadata(v2s_onnx *m, const char *key, const char *value);

// Writes the file, which appears under its name when it is complete; *bytes: how long it is, may be
// NULL. NOMEM of any call before; UNSUPPORTED: more than 2 GiB, which protobuf cannot hold; IO.
V2S_MUST_USE v2s_status v2s_onnx_write(v2s_onnx *m, const char *path, size_t *bytes);

// ---- reading ----------------------------------------------------------------------------------

// An input or output. Shape as text: "[batch, 4, time]".
typedef struct v2s_onnx_value {
    char *name;
    const char *type; // "float32", "int64", ..., "other"
    int rank;         // -1: the file does not say
    v2s_onnx_dim dim[V2S_ONNX_RANK_MAX];
} v2s_onnx_value;

typedef struct v2s_onnx_pair {
    char *key, *value;
} v2s_onnx_pair;

typedef struct v2s_onnx_info {
    int64_t ir_version, opset;                     // opset of the default domain
    char *producer, *graph;                        // "" where the file does not say
    size_t node_count, weight_count, number_count; // nodes; initialisers, and numbers in them
    v2s_onnx_value *inputs, *outputs;              // inputs without those that are initialisers
    size_t input_count, output_count;
    v2s_onnx_pair *metadata;
    size_t metadata_count;
    void *owned; // the texts' memory
} v2s_onnx_info;

// Everything in the file is distrusted; the numbers in weights are not looked at. IO; FORMAT: not a
// well-formed ONNX model, messages nested deeper than 64, or a name, key or shape that cannot be;
// UNSUPPORTED: above 2 GiB, or more than a million messages; NOMEM. Free with v2s_onnx_info_free.
V2S_MUST_USE v2s_status v2s_onnx_read_info(const char *path, v2s_onnx_info *out);
void v2s_onnx_info_free(v2s_onnx_info *info); // accepts a zeroed one

#endif
