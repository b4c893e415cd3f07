// SPDX-License-Identifier: MIT
// Asynchronous copies from global to shared memory. The emulation copies when the copy is waited
// for, so that a missing wait leaves the old contents to be read.
#ifndef V2S_EMULATION_CUDA_PIPELINE_H
#define V2S_EMULATION_CUDA_PIPELINE_H

#include "emulated_sync.h"

static inline void __pipeline_memcpy_async(void *shared, const void *global, size_t size,
                                           size_t zfill = 0) {
    v2s_emulated_pipeline_copy(shared, global, size, zfill);
}
static inline void __pipeline_commit(void) {
    v2s_emulated_pipeline_commit();
}
static inline void __pipeline_wait_prior(size_t prior) {
    v2s_emulated_pipeline_wait((unsigned)prior);
}

#endif
