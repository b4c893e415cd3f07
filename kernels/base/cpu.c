// SPDX-License-Identifier: MIT
#include "kernels/base/cpu.h"

#include <sched.h>

v2s_isa v2s_cpu_isa(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        return __builtin_cpu_supports("avx512bf16") ? V2S_ISA_AVX512_BF16 : V2S_ISA_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return V2S_ISA_AVX2;
#endif
    return V2S_ISA_SCALAR;
}

const char *v2s_isa_name(v2s_isa isa) {
    static const char *const names[] = {"scalar", "avx2", "avx512", "avx512-bf16"};
    return names[isa];
}

int v2s_cpu_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? n : 1;
}
