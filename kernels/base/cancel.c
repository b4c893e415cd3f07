// SPDX-License-Identifier: MIT
#include "kernels/base/cancel.h"

#include <stdatomic.h>

static atomic_int cancel_requested;

void v2s_cancel_request(void) {
    atomic_store(&cancel_requested, 1);
}

v2s_status v2s_cancel_check(void) {
    return atomic_load(&cancel_requested) ? V2S_FAIL(V2S_CANCELLED, "interrupted") : V2S_OK;
}
