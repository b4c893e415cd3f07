// SPDX-License-Identifier: MIT
// Lists of texts in HDF5 files: a dataset of one dimension of strings of fixed or variable length
// (as h5py writes `f["audio"] = [b"..", ..]`).
//
// HDF5 is optional. A program that was built without it (no V2S_HAVE_HDF5) says so in one sentence
// and UNSUPPORTED.
//
// Threads   The library is not assumed to be thread-safe: one thread at a time in the process.
#ifndef V2S_DATA_H5_STRINGS_H
#define V2S_DATA_H5_STRINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/base/status.h"

typedef struct v2s_h5_strings {
    size_t count;
    char **items; // [count]; padding (zero bytes, or blanks where the type says so) is cut off
} v2s_h5_strings;

// Whether this program was built with HDF5.
bool v2s_h5_supported(void);

// `dataset` is its path inside the file. IO; FORMAT (not HDF5, truncated, no such dataset, not
// strings, not one dimension, above `max_count` strings or 64 KiB a string); UNSUPPORTED; NOMEM.
// `out` is untouched on failure. Free with v2s_h5_strings_free.
V2S_MUST_USE v2s_status v2s_h5_strings_read(const char *path, const char *dataset, size_t max_count,
                                            v2s_h5_strings *out);
void v2s_h5_strings_free(v2s_h5_strings *strings); // accepts a zeroed one

#endif
