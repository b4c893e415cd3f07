// SPDX-License-Identifier: MIT
#define V2S_ROOM_OPS_TABLE v2s_room_ops_plain
#include "spatial/room_ops_body.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/conventions.h"
#include "spatial/kaiser.h"

#if defined(__x86_64__)
extern const v2s_room_ops v2s_room_ops_avx2;
#endif

static const double window_beta = 7.0;

const v2s_room_ops *v2s_room_ops_for(v2s_isa isa) {
#if defined(__x86_64__)
    if (isa >= V2S_ISA_AVX2)
        return &v2s_room_ops_avx2;
#endif
    (void)isa;
    return &v2s_room_ops_plain;
}

// Each row sums to 1; phases 0 and 1 are whole samples: exactly one weight.
v2s_status v2s_room_kernel_make(float **table) {
    size_t count = (V2S_ROOM_PHASES + 1) * V2S_ROOM_TAPS;
    float *made = calloc(count, sizeof *made);
    if (made == NULL)
        return V2S_FAIL(V2S_NOMEM, "room: out of memory");
    made[V2S_ROOM_HALF - 1] = 1.0f;
    made[V2S_ROOM_PHASES * V2S_ROOM_TAPS + V2S_ROOM_HALF] = 1.0f;
    for (int p = 1; p < V2S_ROOM_PHASES; p++) {
        double weight[V2S_ROOM_TAPS], sum = 0.0, fraction = (double)p / V2S_ROOM_PHASES;
        double sine = sin(V2S_PI * fraction) / V2S_PI;
        for (int k = 0; k < V2S_ROOM_TAPS; k++) {
            double x = fraction - (k - (V2S_ROOM_HALF - 1));
            weight[k] = (k % 2 == (V2S_ROOM_HALF - 1) % 2 ? sine : -sine) / x *
                        v2s_kaiser(x / V2S_ROOM_HALF, window_beta);
            sum += weight[k];
        }
        for (int k = 0; k < V2S_ROOM_TAPS; k++)
            made[p * V2S_ROOM_TAPS + k] = (float)(weight[k] / sum);
    }
    *table = made;
    return V2S_OK;
}
