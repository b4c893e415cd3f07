// SPDX-License-Identifier: MIT
// NumPy's .npy files (numpy.lib.format, versions 1 to 3): arrays of numbers, row-major.
//
// Read: bool, signed and unsigned integers of 1, 2, 4, 8 bytes, floats of 2, 4, 8 bytes, either
// byte order, row-major or Fortran order (turned), up to four dimensions. Anything else (objects,
// complex numbers, a header that does not fit the data) is FORMAT, naming file and field.
#ifndef V2S_DATA_NPY_H
#define V2S_DATA_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/base/status.h"

enum { V2S_NPY_RANK_MAX = 4 };

typedef enum v2s_npy_kind { V2S_NPY_UNSIGNED, V2S_NPY_SIGNED, V2S_NPY_FLOAT } v2s_npy_kind;

typedef struct v2s_npy {
    v2s_npy_kind kind;            // what the file holds (bool is unsigned)
    int bytes;                    // of an element in the file
    int rank;                     // 0: a single number
    size_t dim[V2S_NPY_RANK_MAX]; // dim[rank..] is 1
    size_t count;
    double *values; // [count], row-major
} v2s_npy;

// IO, FORMAT (also: an array above `max_count` elements), NOMEM. Free with v2s_npy_free.
V2S_MUST_USE v2s_status v2s_npy_read(const char *path, size_t max_count, v2s_npy *out);
void v2s_npy_free(v2s_npy *a); // accepts a zeroed one

// Writes, complete or not at all, an array of the first `rank` dims: float32, or uint16.
V2S_MUST_USE v2s_status v2s_npy_write_f32(const char *path, int rank, const size_t *dim,
                                          const float *values);
V2S_MUST_USE v2s_status v2s_npy_write_u16(const char *path, int rank, const size_t *dim,
                                          const uint16_t *values);

#endif
