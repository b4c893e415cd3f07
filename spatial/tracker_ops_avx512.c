// SPDX-License-Identifier: MIT
#if defined(__x86_64__)
#define V2S_TRACK_OPS_TABLE v2s_track_ops_avx512
#include "spatial/tracker_ops_body.h"
#endif
