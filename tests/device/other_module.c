// SPDX-License-Identifier: MIT
// A CUDA module of another build: one of the three things that are compared is another (CMake says
// which), and nothing behind them can be used.
#include "kernels/cuda_module.h"

#ifndef MODULE_INTERFACE
#define MODULE_INTERFACE V2S_CUDA_INTERFACE
#endif
#ifndef MODULE_VERSION
#define MODULE_VERSION V2S_VERSION
#endif
#ifndef MODULE_TABLE_BYTES
#define MODULE_TABLE_BYTES sizeof(v2s_ops)
#endif

const v2s_cuda_module *v2s_cuda_module_entry(const v2s_cuda_host *host);

__attribute__((visibility("default"))) const v2s_cuda_module *
v2s_cuda_module_entry(const v2s_cuda_host *host) {
    static const v2s_cuda_module module = {.interface = MODULE_INTERFACE,
                                           .table_bytes = MODULE_TABLE_BYTES,
                                           .version = MODULE_VERSION};
    (void)host;
    return &module;
}
