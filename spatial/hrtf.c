// SPDX-License-Identifier: MIT
#include "spatial/hrtf.h"

#include <stdlib.h>
#include <string.h>

void v2s_hrtf_free(v2s_hrtf *hrtf) {
    free(hrtf->unit);
    free(hrtf->ir);
    memset(hrtf, 0, sizeof *hrtf);
}
