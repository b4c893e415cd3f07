// SPDX-License-Identifier: MIT
// The one request that may arrive at any time: stop. A program's signal handler raises it; long
// loops ask and return V2S_CANCELLED, so that temporary files are removed on the way out.
#ifndef V2S_KERNELS_BASE_CANCEL_H
#define V2S_KERNELS_BASE_CANCEL_H

#include "kernels/base/status.h"

// Async-signal-safe.
void v2s_cancel_request(void);

// V2S_OK, or V2S_CANCELLED with the text "interrupted".
V2S_MUST_USE v2s_status v2s_cancel_check(void);

#endif
