// SPDX-License-Identifier: MIT
// What `info` says of a manifest: clips of each split and pairing, rooms, lines of no use.
#ifndef V2S_INFER_INFO_MANIFEST_H
#define V2S_INFER_INFO_MANIFEST_H

#include "infer/run_log.h"

V2S_MUST_USE v2s_status v2s_info_manifest(const char *path, v2s_run_log *log);

#endif
