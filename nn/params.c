// SPDX-License-Identifier: MIT
#include "nn/params.h"

#include <stdio.h>

v2s_status v2s_param_walk(const char *module, const char *name, v2s_tensor *param,
                          v2s_param_visit visit, void *ctx) {
    char full[V2S_PARAM_NAME_MAX];
    int n = snprintf(full, sizeof full, "%s.%s", module, name);
    V2S_ASSERT(n > 0 && (size_t)n < sizeof full);
    return visit(ctx, full, param);
}
