// SPDX-License-Identifier: MIT
#include "spatial/patch.h"

#include <math.h>

// Each level of the pyramid is at most a quarter of the one before (+ odd edges).
size_t v2s_patch_scratch_bytes(int width, int height) {
    size_t bytes = 0;
    while (width > 1 || height > 1) {
        width = (width + 1) / 2;
        height = (height + 1) / 2;
        bytes += (size_t)width * (size_t)height;
    }
    return bytes + 64;
}

static int clamp_int(double v, int lo, int hi) {
    return v < lo ? lo : v > hi ? hi : (int)v;
}

// The whole plane as a source of level 0.
static v2s_patch_source whole_plane(const v2s_picture *p, v2s_plane plane) {
    if (plane == V2S_PLANE_Y) {
        float gain = p->full_range ? 1.0f / 255.0f : 1.0f / 219.0f;
        return (v2s_patch_source){
            p->y,      p->y_stride, 0,   0,    p->width,
            p->height, 1.0,         1.0, gain, p->full_range ? 0.0f : -16.0f * gain};
    }
    int sx = p->chroma_shift_x, sy = p->chroma_shift_y;
    float gain = p->full_range ? 1.0f / 255.0f : 1.0f / 224.0f;
    return (v2s_patch_source){plane == V2S_PLANE_U ? p->u : p->v,
                              p->uv_stride,
                              0,
                              0,
                              (p->width + (1 << sx) - 1) >> sx,
                              (p->height + (1 << sy) - 1) >> sy,
                              1 << sx,
                              1 << sy,
                              gain,
                              -128.0f * gain};
}

// Narrows [0, size) to what samples between centre -+ half can touch, aligned to 2^level.
static void needed(double centre, double half, double texel, int level, int size, int *first,
                   int *count) {
    int align = 1 << level;
    int lo = clamp_int(floor((centre - half) / texel) - align, 0, size - 1) & ~(align - 1);
    int hi = clamp_int(ceil((centre + half) / texel) + align, 0, size - 1);
    hi = (hi | (align - 1)) < size ? (hi | (align - 1)) : size - 1;
    *first = lo;
    *count = hi - lo + 1;
}

v2s_patch_source v2s_patch_prepare(const v2s_track_ops *ops, const v2s_picture *picture,
                                   v2s_plane plane, const v2s_window *window, void *scratch) {
    v2s_patch_source s = whole_plane(picture, plane);
    double ratio = sqrt(window->step_x * window->step_y / (s.texel_x * s.texel_y));
    int level = clamp_int(floor(log2(ratio) + 0.5), 0, 16);
    while (level > 0 && (s.width >> level < 1 || s.height >> level < 1))
        level--;
    if (level == 0)
        return s;
    int x, y, w, h;
    needed(window->cx, 0.5 * window->width * window->step_x, s.texel_x, level, s.width, &x, &w);
    needed(window->cy, 0.5 * window->height * window->step_y, s.texel_y, level, s.height, &y, &h);
    s.data += y * s.stride + x;
    s.width = w;
    s.height = h;
    uint8_t *out = scratch;
    for (int i = 0; i < level; i++) {
        int half_w = (s.width + 1) / 2, half_h = (s.height + 1) / 2;
        ops->halve(s.data, s.stride, s.width, s.height, out, half_w);
        s.data = out;
        s.stride = half_w;
        s.width = half_w;
        s.height = half_h;
        out += (size_t)half_w * (size_t)half_h;
    }
    s.x0 = x >> level;
    s.y0 = y >> level;
    s.texel_x *= 1 << level;
    s.texel_y *= 1 << level;
    return s;
}

// Texel left of sample i and how far the sample is towards the next one.
static int32_t locate(double centre, double step, int count, int i, double texel, int origin,
                      int size, float *fraction) {
    double at = (centre + (i + 0.5 - 0.5 * count) * step) / texel - 0.5 - origin;
    at = at < 0.0 ? 0.0 : at > size - 1 ? size - 1 : at;
    int32_t left = (int32_t)at;
    *fraction = (float)(at - left);
    return left;
}

void v2s_patch_sample(const v2s_track_ops *ops, const v2s_patch_source *s, const v2s_window *window,
                      float *row, float *out) {
    int32_t ix[V2S_PATCH_MAX];
    float fx[V2S_PATCH_MAX];
    for (int i = 0; i < window->width; i++)
        ix[i] = locate(window->cx, window->step_x, window->width, i, s->texel_x, s->x0, s->width,
                       &fx[i]);
    int lo = ix[0], hi = ix[window->width - 1] + 1;
    hi = hi < s->width ? hi : s->width - 1;
    for (int j = 0; j < window->height; j++) {
        float fy;
        int iy = locate(window->cy, window->step_y, window->height, j, s->texel_y, s->y0, s->height,
                        &fy);
        const uint8_t *a = s->data + iy * s->stride;
        const uint8_t *b = iy + 1 < s->height ? a + s->stride : a;
        ops->blend_rows(a, b, fy, lo, hi, row);
        row[hi + 1] = row[hi];
        ops->take_row(row, ix, fx, s->gain, s->offset, window->width,
                      out + (ptrdiff_t)j * window->width);
    }
}
