// SPDX-License-Identifier: MIT
// Where the operations run: a table of operations, and what they need to know of the machine.
//
// A device is read-only after it was opened and may be used by several threads at once.
#ifndef V2S_KERNELS_DEVICE_H
#define V2S_KERNELS_DEVICE_H

#include "kernels/base/status.h"
#include "kernels/ops.h"

typedef enum v2s_precision {
    V2S_PRECISION_F32 = 0,
    V2S_PRECISION_BF16 // GRU products on BF16 weights and inputs, FP32 sums; everything else FP32
} v2s_precision;

typedef struct v2s_device {
    const v2s_ops *ops;
    const struct v2s_vector *vector; // vector kernels behind `ops`; NULL for the plain definition
    int threads;                     // at most so many run at once, >= 1
    v2s_precision precision;         // of the GRU's products
    char name[64];                   // which kernels run where: "cpu, avx512, 2 threads"
} v2s_device;

// Opens `spec`: "auto" (the best there is), "cpu", "cuda" or "cuda:N". threads 0 means as many as
// there are processors. ARG: `spec` is none of these, or threads is negative. UNSUPPORTED: cuda in
// a build without it. Close with v2s_device_close.
V2S_MUST_USE v2s_status v2s_device_open(const char *spec, int threads, v2s_device **out);

// The same with a choice of precision (UNSUPPORTED where this processor lacks BF16 products).
V2S_MUST_USE v2s_status v2s_device_open_precision(const char *spec, int threads,
                                                  v2s_precision precision, v2s_device **out);

// The processor with at most this instruction set, for tests and benchmarks. UNSUPPORTED where
// the machine does not have it.
V2S_MUST_USE v2s_status v2s_device_open_isa(v2s_isa isa, int threads, v2s_device **out);

// Frees and sets *dev to NULL; accepts NULL inside.
void v2s_device_close(v2s_device **dev);

enum { V2S_DEVICE_LINE_MAX = 256 };

// One line about a back end for `info --devices`: index 0 the processor, 1 CUDA and why it is not
// used. Returns false past the last one.
bool v2s_device_describe(int index, char line[V2S_DEVICE_LINE_MAX]);

#endif
