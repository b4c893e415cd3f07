// SPDX-License-Identifier: MIT
// Limits of the emulated device: those of a device of capability 9.0, as its tables say; shared
// memory follows V2S_EMULATION_CAPABILITY.
#ifndef V2S_EMULATION_DEVICE_LIMITS_H
#define V2S_EMULATION_DEVICE_LIMITS_H

#include "emulation.h"

namespace v2s_emulation {

enum {
    MAX_BLOCK_THREADS = 1024,
    MAX_BLOCK_DEPTH = 64,
    MAX_GRID_X = 2147483647,
    MAX_GRID_YZ = 65535,
    MAX_SM_THREADS = 2048,
    MAX_SM_BLOCKS = 32,
    REGISTERS = 65536,
    L2_BYTES = 50 << 20,
    DEFAULT_SHARED_BYTES = 48 << 10,
    RESERVED_SHARED_BYTES = 1 << 10,
    MAX_PARAMETER_BYTES = 32764,
    PORTABLE_CLUSTER = 8,
    MAX_CLUSTER = 16,
    GPC_MULTIPROCESSORS = 16 // of which clusters are cut
};

// What one block may raise its dynamic shared memory to.
static inline size_t shared_limit() {
    int c = capability();
    if (c >= 90)
        return 227 << 10;
    return c == 80 || c == 87 ? 163 << 10 : 99 << 10;
}

} // namespace v2s_emulation

#endif
