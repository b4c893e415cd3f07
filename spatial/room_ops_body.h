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

// Positions in 32.32 fixed point.
static inline int64_t fixed(double position) {
    return (int64_t)(position * 4294967296.0);
}

// Lanewise products of the samples round a position with its row of the table.
static inline lanes8 weigh(const float *table, const float *x, int64_t position) {
    enum { SHIFT = 32 - V2S_ROOM_READ_BITS };
    int64_t phase = (position + (1 << (SHIFT - 1))) >> SHIFT;
    const float *row = table + (phase & (V2S_ROOM_READ_PHASES - 1)) * V2S_ROOM_TAPS;
    const float *from = x + (phase >> V2S_ROOM_READ_BITS) - V2S_ROOM_HALF + 1;
    lanes8 sum = *(const loose8 *)from * *(const loose8 *)row;
    for (int k = 1; k < EIGHTS; k++)
        sum += *(const loose8 *)(from + 8 * k) * *(const loose8 *)(row + 8 * k);
    return sum;
}

// Sums of the lanes of four vectors.
static inline loose4 add_lanes(lanes8 a, lanes8 b, lanes8 c, lanes8 d) {
    lanes8 ab = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13) +
                __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
    lanes8 cd = __builtin_shufflevector(c, d, 0, 8, 1, 9, 4, 12, 5, 13) +
                __builtin_shufflevector(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
    lanes8 all = __builtin_shufflevector(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13) +
                 __builtin_shufflevector(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
    return __builtin_shufflevector(all, all, 0, 1, 2, 3) +
           __builtin_shufflevector(all, all, 4, 5, 6, 7);
}

static void read_line(const float *table, const float *x, double first, double step, int count,
                      const float gain[4], const float slope[4], float *out) {
    loose4 g = *(const loose4 *)gain, s = *(const loose4 *)slope;
    int64_t position = fixed(first), advance = fixed(step);
    for (int i = 0; i < count; i += 4) {
        lanes8 sums[4];
        for (int j = 0; j < 4; j++, position += advance)
            sums[j] = weigh(table, x, position);
        loose4 value = add_lanes(sums[0], sums[1], sums[2], sums[3]);
        for (int j = 0; j < 4; j++)
            *(loose4 *)(out + 4 * (size_t)(i + j)) += value[j] * (g + (float)(i + j) * s);
    }
}

static void multiply_add(const v2s_complex *a, const v2s_complex *x, size_t count, v2s_complex *y) {
    const float *p = &a->re, *q = &x->re;
    float *to = &y->re;
    const lanes8 sign = {-1.0f, 1.0f, -1.0f, 1.0f, -1.0f, 1.0f, -1.0f, 1.0f};
    size_t k = 0;
    for (; k + 8 <= 2 * count; k += 8) {
        lanes8 u = *(const loose8 *)(p + k), v = *(const loose8 *)(q + k);
        lanes8 re = __builtin_shufflevector(u, u, 0, 0, 2, 2, 4, 4, 6, 6);
        lanes8 im = __builtin_shufflevector(u, u, 1, 1, 3, 3, 5, 5, 7, 7);
        lanes8 turned = sign * __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6);
        *(loose8 *)(to + k) += re * v + im * turned;
    }
    for (; k < 2 * count; k += 2) {
        to[k] += p[k] * q[k] - p[k + 1] * q[k + 1];
        to[k + 1] += p[k] * q[k + 1] + p[k + 1] * q[k];
    }
}

const v2s_room_ops V2S_ROOM_OPS_TABLE = {spread, read_line, multiply_add};
