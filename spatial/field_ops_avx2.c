// SPDX-License-Identifier: MIT
#if defined(__x86_64__)
#define V2S_FIELD_OPS_TABLE v2s_field_ops_avx2
#include "spatial/field_ops_body.h"
#endif
