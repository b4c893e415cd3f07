// SPDX-License-Identifier: MIT
// The one source of a room's inner loops; included by room_ops.c and its _avx2 twin, which name
// the table by V2S_ROOM_OPS_TABLE. No header guard: each includes it once.
#include "spatial/room_ops.h"

typedef float lanes8 __attribute__((vector_size(32)));
typedef float loose8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef float loose4 __attribute__((vector_size(16), aligned(4), may_alias));

enum { EIGHTS = V2S_ROOM_TAPS / 8 };

static void spread(const float *row, float share, const float *gain, int planes, size_t pitch,
                   float *at) {
    lanes8 weight[EIGHTS];
    for (int k = 0; k < EIGHTS; k++) {
        lanes8 low = *(const loose8 *)(row + 8 * k);
        lanes8 high = *(const loose8 *)(row + V2S_ROOM_TAPS + 8 * k);
        weight[k] = low + share * (high - low);
    }
    for (int p = 0; p < planes; p++)
        for (int k = 0; k < EIGHTS; k++)
            *(loose8 *)(at + (size_t)p * pitch + 8 * k) += gain[p] * weight[k];
}

static void read_line(const float *table, const float *x, double first, double step, int count,
                      const float gain[4], const float slope[4], float *out) {
    loose4 g = *(const loose4 *)gain, s = *(const loose4 *)slope;
    for (int i = 0; i < count; i++) {
        double position = first + i * step;
        ptrdiff_t whole = (ptrdiff_t)position;
        whole -= position < (double)whole;
        float phase = (float)((position - (double)whole) * V2S_ROOM_PHASES);
        int index = (int)phase;
        float share = phase - (float)index;
        const float *row = table + (size_t)index * V2S_ROOM_TAPS;
        const float *from = x + whole - V2S_ROOM_HALF + 1;
        lanes8 low = {0.0f}, high = {0.0f};
        for (int k = 0; k < EIGHTS; k++) {
            lanes8 v = *(const loose8 *)(from + 8 * k);
            low += v * *(const loose8 *)(row + 8 * k);
            high += v * *(const loose8 *)(row + V2S_ROOM_TAPS + 8 * k);
        }
        lanes8 sum = low + share * (high - low);
        float value =
            ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
        *(loose4 *)(out + 4 * (size_t)i) += value * (g + (float)i * s);
    }
}

const v2s_room_ops V2S_ROOM_OPS_TABLE = {spread, read_line};
