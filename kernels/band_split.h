// SPDX-License-Identifier: MIT
// What the gains a, b, d of a band say about the part of a sound W that has a direction:
//
//   c = sum / max(0.9, |sum|),  sum = u + a u + b h + d z,  h = (u_x, u_y, 0),  z = (0, 0, 1)
//   r^2 = 1 - |c|^2, the tails' share
//
// u is the direction of the source. c is not shortened where W has tails of its own (c = sum,
// r = 1), nor where a = b = d = 0 (c = u, r = 0, to the last bit).
#ifndef V2S_KERNELS_BAND_SPLIT_H
#define V2S_KERNELS_BAND_SPLIT_H

#include <stdbool.h>

#include "kernels/base/vec3.h"

#define V2S_BAND_FULL 0.9       // length from which on the coherent part is all
#define V2S_BAND_ROUNDING 1e-12 // of 1 - |c|^2

typedef struct v2s_band_split {
    v2s_vec3 sum, c;
    double r2; // r^2
} v2s_band_split;

static inline V2S_HD v2s_band_split v2s_band_split_of(const float *gains, bool with_w, v2s_vec3 u) {
    double radial = 1.0 + gains[0], flat = radial + gains[1];
    v2s_band_split s = {{u.x * flat, u.y * flat, u.z * radial + gains[2]}, {0, 0, 0}, 1};
    s.c = s.sum;
    if (with_w)
        return s;
    if (gains[0] == 0 && gains[1] == 0 && gains[2] == 0) {
        s.r2 = 0;
        return s;
    }
    double length = fmax(V2S_BAND_FULL, v2s_norm(s.sum));
    v2s_vec3 c = {s.sum.x / length, s.sum.y / length, s.sum.z / length};
    double rest = 1 - v2s_dot(c, c);
    s.c = c;
    s.r2 = rest > V2S_BAND_ROUNDING ? rest : 0;
    return s;
}

// d(loss)/d(sum) from d(loss)/dc, where c was shortened.
static inline V2S_HD v2s_vec3 v2s_band_split_back(const v2s_band_split *s, v2s_vec3 dc) {
    double length = v2s_norm(s->sum);
    if (length < V2S_BAND_FULL) {
        v2s_vec3 same = {dc.x / V2S_BAND_FULL, dc.y / V2S_BAND_FULL, dc.z / V2S_BAND_FULL};
        return same;
    }
    double along = v2s_dot(s->c, dc);
    v2s_vec3 across = {(dc.x - s->c.x * along) / length, (dc.y - s->c.y * along) / length,
                       (dc.z - s->c.z * along) / length};
    return across;
}

#endif
