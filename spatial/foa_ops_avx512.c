// SPDX-License-Identifier: MIT
#if defined(__x86_64__)
#define V2S_FOA_OPS_TABLE v2s_foa_ops_avx512
#include "spatial/foa_ops_body.h"
#endif
