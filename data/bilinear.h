// SPDX-License-Identifier: MIT
// Bilinear resizing between pixel centres, without antialiasing, as
// torch.nn.functional.interpolate(mode="bilinear", align_corners=False, antialias=False):
//
//   s = max(0, (i + 0.5) n / m - 0.5),  y_i = (1 - a) x_{floor s} + a x_{min(floor s + 1, n - 1)},
//   a = s - floor s,      along each axis, from n to m values
#ifndef V2S_DATA_BILINEAR_H
#define V2S_DATA_BILINEAR_H

typedef struct v2s_bilinear_tap {
    int low, high; // the two sources
    float share;   // a, of the high one
} v2s_bilinear_tap;

// Taps of value i of `to` made from `from` (both >= 1).
v2s_bilinear_tap v2s_bilinear_tap_of(int i, int from, int to);

static inline float v2s_bilinear_mix(v2s_bilinear_tap t, float low, float high) {
    return (1.0f - t.share) * low + t.share * high;
}

#endif
