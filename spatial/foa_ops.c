// SPDX-License-Identifier: MIT
#define V2S_FOA_OPS_TABLE v2s_foa_ops_plain
#include "spatial/foa_ops_body.h"

#if defined(__x86_64__)
extern const v2s_foa_ops v2s_foa_ops_avx2, v2s_foa_ops_avx512;
#endif

const v2s_foa_ops *v2s_foa_ops_for(v2s_isa isa) {
#if defined(__x86_64__)
    if (isa >= V2S_ISA_AVX512)
        return &v2s_foa_ops_avx512;
    if (isa >= V2S_ISA_AVX2)
        return &v2s_foa_ops_avx2;
#endif
    (void)isa;
    return &v2s_foa_ops_plain;
}
