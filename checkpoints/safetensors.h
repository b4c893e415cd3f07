// SPDX-License-Identifier: MIT
// Safetensors files: named tensors with a JSON header (specification and our metadata keys:
// checkpoints/format.md).
//
// The reader trusts nothing: header length, JSON, names, types, shapes and offsets are checked
// when the file is opened, and the CRC-32 of the data where the metadata has one. Tensors are read
// on demand. One thread at a time per open file.
#ifndef V2S_CHECKPOINTS_SAFETENSORS_H
#define V2S_CHECKPOINTS_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/base/status.h"

enum { V2S_SAFETENSORS_RANK_MAX = 8 };

typedef struct v2s_safetensors v2s_safetensors;

// One tensor of an open file. Strings belong to the file.
typedef struct v2s_safetensors_entry {
    const char *name;
    const char *dtype; // "F32", "BF16", "I64", ...
    int rank;
    int64_t dim[V2S_SAFETENSORS_RANK_MAX];
    uint64_t begin, end; // bytes, from the start of the data
} v2s_safetensors_entry;

// IO: cannot be read. FORMAT: not a well-formed safetensors file, or the CRC differs.
// UNSUPPORTED: a rank above V2S_SAFETENSORS_RANK_MAX or a header above 4 MiB (some 40 000 tensors).
V2S_MUST_USE v2s_status v2s_safetensors_open(const char *path, v2s_safetensors **out);

// Frees and sets *file to NULL; accepts NULL inside.
void v2s_safetensors_close(v2s_safetensors **file);

// Tensors in the order of their data; NULL past the last one.
const v2s_safetensors_entry *v2s_safetensors_at(const v2s_safetensors *file, int index);
const v2s_safetensors_entry *v2s_safetensors_find(const v2s_safetensors *file, const char *name);

// Strings of __metadata__ in file order: false past the last one. And by key: NULL if absent.
bool v2s_safetensors_metadata_at(const v2s_safetensors *file, int index, const char **key,
                                 const char **value);
const char *v2s_safetensors_metadata(const v2s_safetensors *file, const char *key);

// CRC-32 (zlib) of all data bytes, and whether the metadata had one to compare it with.
uint32_t v2s_safetensors_crc32(const v2s_safetensors *file);
bool v2s_safetensors_has_crc32(const v2s_safetensors *file);

// Copies a tensor to `out` as floats, from F32, F64, F16 or BF16. FORMAT: no such tensor, or its
// shape is not dim[0..rank-1]. UNSUPPORTED: another type. NUMERIC: a number is not finite (as a
// float). The text names file and tensor.
V2S_MUST_USE v2s_status v2s_safetensors_read_f32(v2s_safetensors *file, const char *name, int rank,
                                                 const int *dim, float *out);

// Copies a tensor of exactly this type ("I64", "F64", ...) and shape to `out` as its bytes lie in
// the file, whatever they are. FORMAT: no such tensor, another type or another shape.
V2S_MUST_USE v2s_status v2s_safetensors_read_raw(v2s_safetensors *file, const char *name,
                                                 const char *type, int rank, const int *dim,
                                                 void *out);

// Bytes of a number of this type, 0 for a type that the format does not have.
size_t v2s_safetensors_dtype_bytes(const char *type);

// A tensor to write, row-major.
typedef struct v2s_safetensors_tensor {
    const char *name;
    int rank;
    int dim[V2S_SAFETENSORS_RANK_MAX];
    const void *data;
    const char *dtype; // NULL: "F32"; else one of the format's ("F64", "I64", ...)
} v2s_safetensors_tensor;

typedef struct v2s_safetensors_pair {
    const char *key, *value;
} v2s_safetensors_pair;

// Writes tensors in the given order with the metadata and, as "crc32", the CRC-32 of the data. The
// file appears under its name when it is complete (kernels/base/file_out.h).
V2S_MUST_USE v2s_status v2s_safetensors_write(const char *path,
                                              const v2s_safetensors_tensor *tensors,
                                              int tensor_count,
                                              const v2s_safetensors_pair *metadata,
                                              int metadata_count);

#endif
