// SPDX-License-Identifier: MIT
#include "spatial/ambisonics.h"

#include <math.h>

void v2s_foa_rotate_yaw(float *foa, size_t frames, double angle_rad) {
    float c = (float)cos(angle_rad), s = (float)sin(angle_rad);
    for (size_t i = 0; i < frames; i++) {
        float *f = foa + i * V2S_FOA_CHANNELS;
        float x = f[V2S_ACN_X], y = f[V2S_ACN_Y];
        f[V2S_ACN_X] = c * x - s * y;
        f[V2S_ACN_Y] = s * x + c * y;
    }
}

void v2s_foa_ambix_from_fuma(float *foa, size_t frames) {
    for (size_t i = 0; i < frames; i++) {
        float *f = foa + i * V2S_FOA_CHANNELS;
        float x = f[1], y = f[2], z = f[3];
        f[V2S_ACN_W] = (float)(f[0] * sqrt(2.0));
        f[V2S_ACN_Y] = y;
        f[V2S_ACN_Z] = z;
        f[V2S_ACN_X] = x;
    }
}

void v2s_foa_fuma_from_ambix(float *foa, size_t frames) {
    for (size_t i = 0; i < frames; i++) {
        float *f = foa + i * V2S_FOA_CHANNELS;
        float x = f[V2S_ACN_X], y = f[V2S_ACN_Y], z = f[V2S_ACN_Z];
        f[0] = (float)(f[V2S_ACN_W] * sqrt(0.5));
        f[1] = x;
        f[2] = y;
        f[3] = z;
    }
}

v2s_vec3 v2s_foa_intensity(const float *foa, size_t frames) {
    v2s_vec3 sum = {0.0, 0.0, 0.0};
    for (size_t i = 0; i < frames; i++) {
        const float *f = foa + i * V2S_FOA_CHANNELS;
        double w = f[V2S_ACN_W];
        sum.x += w * f[V2S_ACN_X];
        sum.y += w * f[V2S_ACN_Y];
        sum.z += w * f[V2S_ACN_Z];
    }
    return sum;
}
