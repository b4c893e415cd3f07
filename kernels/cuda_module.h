// SPDX-License-Identifier: MIT
// The border between a program and the CUDA module, a shared library that it opens at run time.
//
// The program is not linked with anything of CUDA: without the module, a driver or a GPU it starts
// and says why CUDA is not used. The module is the file named by the environment variable
// V2S_CUDA_MODULE, else libv2s_cuda.so beside the program. It exports one function,
//
//   const v2s_cuda_module *v2s_cuda_module_entry(const v2s_cuda_host *host);
//
// Both sides are built from one source; `interface` and `version` are compared before anything
// else is read, so an older module is refused with a sentence.
//
// Ownership  The tables live as long as the module, which stays open to the end of the process.
// Errors     The module's errors come back as the calling thread's error text through host->fail.
#ifndef V2S_KERNELS_CUDA_MODULE_H
#define V2S_KERNELS_CUDA_MODULE_H

#include "kernels/device.h"

#ifdef __cplusplus
extern "C" {
#endif

// Changes with every change of the structs that cross the border.
#define V2S_CUDA_INTERFACE 3

typedef struct v2s_cuda_host {
    v2s_status (*fail)(v2s_status code, const char *text); // keeps the text, returns the code
} v2s_cuda_host;

typedef struct v2s_cuda_module {
    uint32_t interface;   // V2S_CUDA_INTERFACE
    uint32_t table_bytes; // sizeof(v2s_ops)
    const char *version;  // V2S_VERSION of the build
    // UNSUPPORTED: no driver, a driver that is too old, no GPU; the sentence says which.
    v2s_status (*count)(int *devices);
    // Name, capability and memory of device `index`.
    v2s_status (*describe)(int index, char *line, size_t size);
    // Opens device `index` with dev's precision and determinism: fills ops, lanes, queue_depth,
    // cuda and name.
    v2s_status (*open)(int index, v2s_device *dev);
    void (*close)(v2s_device *dev);
} v2s_cuda_module;

// The module, opened by the first call. UNSUPPORTED: it is not there or does not fit. Any thread.
V2S_MUST_USE v2s_status v2s_cuda_module_get(const v2s_cuda_module **out);

#ifdef __cplusplus
}
#endif

#endif
