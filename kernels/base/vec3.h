// SPDX-License-Identifier: MIT
// Vectors of three numbers.
#ifndef V2S_KERNELS_BASE_VEC3_H
#define V2S_KERNELS_BASE_VEC3_H

#include <math.h>

#include "kernels/base/host_device.h"

typedef struct v2s_vec3 {
    double x, y, z;
} v2s_vec3;

static inline V2S_HD double v2s_dot(v2s_vec3 a, v2s_vec3 b) {
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline V2S_HD double v2s_norm(v2s_vec3 p) {
    return sqrt(p.x * p.x + p.y * p.y + p.z * p.z);
}

static inline V2S_HD v2s_vec3 v2s_scaled(v2s_vec3 a, double s) {
    v2s_vec3 product = {a.x * s, a.y * s, a.z * s};
    return product;
}

static inline V2S_HD v2s_vec3 v2s_plus(v2s_vec3 a, v2s_vec3 b) {
    v2s_vec3 sum = {a.x + b.x, a.y + b.y, a.z + b.z};
    return sum;
}

#endif
