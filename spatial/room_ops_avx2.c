// SPDX-License-Identifier: MIT
#if defined(__x86_64__)
#define V2S_ROOM_OPS_TABLE v2s_room_ops_avx2
#include "spatial/room_ops_body.h"
#endif
