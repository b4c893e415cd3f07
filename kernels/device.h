// SPDX-License-Identifier: MIT
// Where the operations run: a table of operations, and what they need to know of the machine.
//
// A device is read-only after it was opened. The processor may be used by several threads at once,
// a GPU by one at a time (`lanes`; kernels/memory.h: enter and leave).
#ifndef V2S_KERNELS_DEVICE_H
#define V2S_KERNELS_DEVICE_H

#include <stdbool.h>

#include "kernels/base/status.h"
#include "kernels/ops.h"

typedef enum v2s_precision {
    V2S_PRECISION_F32 = 0,
    V2S_PRECISION_TF32, // CUDA: matrix products on inputs of 10 mantissa bits, FP32 sums
    V2S_PRECISION_BF16  // processor: the GRU's products on BF16 weights and inputs; CUDA: matrix
                        // products on BF16 inputs; FP32 sums; everything else FP32
} v2s_precision;

typedef struct v2s_device {
    const v2s_ops *ops;
    const struct v2s_vector *vector; // vector kernels behind `ops`; NULL for the plain definition
    int threads;                     // of the host: at most so many run at once, >= 1
    int lanes;                       // so many threads may call operations at once
    int queue_depth;                 // steps of work worth queueing before one looks at results
    v2s_precision precision;         // of products
    bool deterministic;              // CUDA: nothing whose result could differ from run to run
    struct v2s_cuda_state *cuda;     // NULL: the processor
    struct v2s_onednn *onednn;       // primitives of convolutions, made at first use under a
                                     // lock; NULL: none (definitions, GPU)
    char name[128];                  // which kernels run where: "cpu, avx512, 2 threads"
} v2s_device;

typedef struct v2s_device_options {
    int threads; // of the host; 0: as many as there are processors
    v2s_precision precision;
    bool deterministic;
    bool training; // more than inference is wanted: the processor then has FP32 alone
} v2s_device_options;

// Opens `spec`: "auto" (the first GPU if it can be used, else the processor), "cpu", "cuda" (the
// first GPU) or "cuda:N". NULL options are zeros. ARG: `spec` is none of these, or threads is
// negative. UNSUPPORTED: cuda, and the sentence says why not; or a precision that it lacks. Close
// with v2s_device_close.
V2S_MUST_USE v2s_status v2s_device_open_with(const char *spec, const v2s_device_options *options,
                                             v2s_device **out);

// The same in FP32.
V2S_MUST_USE v2s_status v2s_device_open(const char *spec, int threads, v2s_device **out);

// The processor with at most this instruction set, for tests and benchmarks. UNSUPPORTED where
// the machine does not have it.
V2S_MUST_USE v2s_status v2s_device_open_isa(v2s_isa isa, int threads, v2s_device **out);

// Frees and sets *dev to NULL; accepts NULL inside.
void v2s_device_close(v2s_device **dev);

// An arena in the device's memory; close it with v2s_device_arena_close, not v2s_arena_close.
V2S_MUST_USE v2s_status v2s_device_arena_open(const v2s_device *dev, size_t size, v2s_arena *arena);
void v2s_device_arena_close(const v2s_device *dev, v2s_arena *arena);

enum { V2S_DEVICE_LINE_MAX = 256 };

// One line about a back end for `info --devices`: index 0 the processor, from 1 on the GPUs, or one
// line on why CUDA is not used. Returns false past the last one.
bool v2s_device_describe(int index, char line[V2S_DEVICE_LINE_MAX]);

#endif
