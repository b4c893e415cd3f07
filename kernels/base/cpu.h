// SPDX-License-Identifier: MIT
// What this processor can do, asked once; the kernels choose their vector form by it.
#ifndef V2S_KERNELS_BASE_CPU_H
#define V2S_KERNELS_BASE_CPU_H

typedef enum v2s_isa {
    V2S_ISA_SCALAR = 0, // the plain C definition
    V2S_ISA_AVX2,       // AVX2 + FMA
    V2S_ISA_AVX512,     // AVX-512 F, BW, VL, DQ
    V2S_ISA_AVX512_BF16 // the same + BF16 dot products
} v2s_isa;

// Best instruction set of this machine and operating system.
v2s_isa v2s_cpu_isa(void);

// "scalar", "avx2", "avx512", "avx512-bf16".
const char *v2s_isa_name(v2s_isa isa);

// Number of processors this process may run on (at least 1).
int v2s_cpu_count(void);

#endif
