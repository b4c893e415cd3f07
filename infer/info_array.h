// SPDX-License-Identifier: MIT
// v2s-infer info on a NumPy array: its type and shape, and what it would be as a depth map.
#ifndef V2S_INFER_INFO_ARRAY_H
#define V2S_INFER_INFO_ARRAY_H

#include "infer/run_log.h"

V2S_MUST_USE v2s_status v2s_info_array(const char *path, v2s_run_log *log);

#endif
