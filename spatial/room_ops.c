// SPDX-License-Identifier: MIT
#define V2S_ROOM_OPS_TABLE v2s_room_ops_plain
#include "spatial/room_ops_body.h"

#include <stdlib.h>

#if defined(__x86_64__)
extern const v2s_room_ops v2s_room_ops_avx2;
#endif

static const double window_beta = 6.5;
enum { TERMS = 16 };
static const double reciprocal_square[TERMS + 1] = {
    0,           1.0,         1.0 / 4.0,   1.0 / 9.0,   1.0 / 16.0,  1.0 / 25.0,
    1.0 / 36.0,  1.0 / 49.0,  1.0 / 64.0,  1.0 / 81.0,  1.0 / 100.0, 1.0 / 121.0,
    1.0 / 144.0, 1.0 / 169.0, 1.0 / 196.0, 1.0 / 225.0, 1.0 / 256.0};

const v2s_room_ops *v2s_room_ops_for(v2s_isa isa) {
#if defined(__x86_64__)
    if (isa >= V2S_ISA_AVX2)
        return &v2s_room_ops_avx2;
#endif
    (void)isa;
    return &v2s_room_ops_plain;
}

// Kaiser's window as in kaiser.h, all taps of a row side by side: 16 terms of the series of I0 at
// beta 6.5 leave 1e-10. A response is made thousands of times.
static void make_window(double fraction, double window[V2S_ROOM_TAPS]) {
    double x[V2S_ROOM_TAPS];
    for (int k = 0; k < V2S_ROOM_TAPS; k++) {
        double r = (fraction - (k - (V2S_ROOM_HALF - 1))) / V2S_ROOM_HALF;
        x[k] = 0.25 * window_beta * window_beta * (1.0 - r * r);
        window[k] = 1.0;
    }
    for (int term = TERMS; term > 0; term--)
        for (int k = 0; k < V2S_ROOM_TAPS; k++)
            window[k] = 1.0 + window[k] * (x[k] * reciprocal_square[term]);
}

// Each row sums to 1; phases 0 and 1 are whole samples: exactly one weight. The second half is the
// first one mirrored.
v2s_status v2s_room_kernel_make(float **table) {
    size_t count = (V2S_ROOM_PHASES + 1) * V2S_ROOM_TAPS;
    float *made = calloc(count, sizeof *made);
    if (made == NULL)
        return V2S_FAIL(V2S_NOMEM, "room: out of memory");
    made[V2S_ROOM_HALF - 1] = 1.0f;
    made[V2S_ROOM_PHASES * V2S_ROOM_TAPS + V2S_ROOM_HALF] = 1.0f;
    for (int p = 1; p <= V2S_ROOM_PHASES / 2; p++) {
        double weight[V2S_ROOM_TAPS], window[V2S_ROOM_TAPS], sum = 0.0;
        double fraction = (double)p / V2S_ROOM_PHASES;
        make_window(fraction, window);
        for (int k = 0; k < V2S_ROOM_TAPS; k++) {
            double x = fraction - (k - (V2S_ROOM_HALF - 1));
            weight[k] = (k % 2 == (V2S_ROOM_HALF - 1) % 2 ? window[k] : -window[k]) / x;
            sum += weight[k];
        }
        for (int k = 0; k < V2S_ROOM_TAPS; k++) {
            float value = (float)(weight[k] / sum);
            made[p * V2S_ROOM_TAPS + k] = value;
            made[(V2S_ROOM_PHASES - p) * V2S_ROOM_TAPS + V2S_ROOM_TAPS - 1 - k] = value;
        }
    }
    *table = made;
    return V2S_OK;
}

v2s_status v2s_room_read_kernel_make(float **table) {
    float *coarse = NULL;
    V2S_TRY(v2s_room_kernel_make(&coarse));
    enum { FINER = V2S_ROOM_READ_PHASES / V2S_ROOM_PHASES };
    float *made = malloc(V2S_ROOM_READ_PHASES * V2S_ROOM_TAPS * sizeof *made);
    for (int p = 0; made != NULL && p < V2S_ROOM_READ_PHASES; p++) {
        const float *row = coarse + p / FINER * V2S_ROOM_TAPS;
        float share = (float)(p % FINER) / FINER;
        for (int k = 0; k < V2S_ROOM_TAPS; k++)
            made[p * V2S_ROOM_TAPS + k] = row[k] + share * (row[V2S_ROOM_TAPS + k] - row[k]);
    }
    free(coarse);
    if (made == NULL)
        return V2S_FAIL(V2S_NOMEM, "room: out of memory");
    *table = made;
    return V2S_OK;
}
