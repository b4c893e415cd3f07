// SPDX-License-Identifier: MIT
#include "spatial/patch.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

// Bytes of the reduced levels of one plane: each is a quarter of the one before (+ odd edges).
static size_t plane_bytes(int width, int height) {
    size_t bytes = 0;
    while (width > 1 || height > 1) {
        width = (width + 1) / 2;
        height = (height + 1) / 2;
        bytes += (size_t)width * (size_t)height;
    }
    return bytes;
}

size_t v2s_pyramid_bytes(int width, int height) {
    return V2S_PLANES * plane_bytes(width, height) + 64;
}

void v2s_pyramid_init(v2s_pyramid *pyramid, void *memory, int width, int height) {
    *pyramid = (v2s_pyramid){0};
    uint8_t *at = memory;
    for (int p = 0; p < V2S_PLANES; p++) {
        int w = width, h = height;
        for (int l = 1; l < V2S_PYRAMID_LEVELS && (w > 1 || h > 1); l++) {
            w = (w + 1) / 2;
            h = (h + 1) / 2;
            pyramid->level[p][l] = at;
            at += (size_t)w * (size_t)h;
        }
    }
}

void v2s_pyramid_clear(v2s_pyramid *pyramid) {
    memset(pyramid->made, 0, sizeof pyramid->made);
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

// Part of [0, size) that samples between centre -+ half can touch, in texels.
static void needed(double centre, double half, double texel, int size, int *first, int *count) {
    int lo = clamp_int(floor((centre - half) / texel) - 1, 0, size - 1);
    int hi = clamp_int(ceil((centre + half) / texel) + 1, 0, size - 1);
    *first = lo;
    *count = hi - lo + 1;
}

// Widens [*first, *first + *count) by an eighth on either side, within [0, size), to even edges.
static void widen(int *first, int *count, int size) {
    int margin = *count / 8 + 1;
    int lo = *first - margin > 0 ? (*first - margin) & ~1 : 0;
    int hi = (*first + *count + margin + 1) & ~1;
    hi = hi < size ? hi : size;
    *first = lo;
    *count = hi - lo;
}

static int reduced(int size, int level) {
    for (int l = 0; l < level; l++)
        size = (size + 1) / 2;
    return size;
}

static bool contains(struct v2s_texels outer, struct v2s_texels inner) {
    return inner.x >= outer.x && inner.y >= outer.y &&
           inner.x + inner.width <= outer.x + outer.width &&
           inner.y + inner.height <= outer.y + outer.height;
}

// Sees to it that `level` holds `part`. A tracker looks at nearly the same place several times a
// picture, so somewhat more is made than was asked for. Levels 1 up, each from the one below.
static void cover(const v2s_track_ops *ops, const v2s_patch_source *whole, v2s_plane plane,
                  int level, struct v2s_texels part, v2s_pyramid *pyramid) {
    struct v2s_texels *made = pyramid->made[plane];
    int first = level;
    while (first > 0 && !contains(made[first], part)) {
        widen(&part.x, &part.width, reduced(whole->width, first));
        widen(&part.y, &part.height, reduced(whole->height, first));
        made[first] = part;
        int w = reduced(whole->width, first - 1), h = reduced(whole->height, first - 1);
        struct v2s_texels below = {2 * part.x, 2 * part.y, 2 * part.width, 2 * part.height};
        below.width = below.x + below.width > w ? w - below.x : below.width;
        below.height = below.y + below.height > h ? h - below.y : below.height;
        part = below;
        first--;
    }
    for (int l = first + 1; l <= level; l++) {
        struct v2s_texels to = made[l];
        int w = reduced(whole->width, l - 1), h = reduced(whole->height, l - 1);
        const uint8_t *from = l == 1 ? whole->data : pyramid->level[plane][l - 1];
        ptrdiff_t from_stride = l == 1 ? whole->stride : w, to_stride = (w + 1) / 2;
        int rows = 2 * to.height < h - 2 * to.y ? 2 * to.height : h - 2 * to.y;
        int columns = 2 * to.width < w - 2 * to.x ? 2 * to.width : w - 2 * to.x;
        ops->halve(from + 2 * to.y * from_stride + 2 * to.x, from_stride, columns, rows,
                   pyramid->level[plane][l] + to.y * to_stride + to.x, to_stride);
    }
}

v2s_patch_source v2s_patch_prepare(const v2s_track_ops *ops, const v2s_picture *picture,
                                   v2s_plane plane, const v2s_window *window,
                                   v2s_pyramid *pyramid) {
    v2s_patch_source s = whole_plane(picture, plane);
    double ratio = sqrt(window->step_x * window->step_y / (s.texel_x * s.texel_y));
    int level = clamp_int(floor(log2(ratio) + 0.5), 0, V2S_PYRAMID_LEVELS - 1);
    while (level > 0 && (s.width >> level < 1 || s.height >> level < 1))
        level--;
    if (level == 0)
        return s;
    v2s_patch_source reduced_s = s;
    reduced_s.width = reduced(s.width, level);
    reduced_s.height = reduced(s.height, level);
    reduced_s.texel_x *= 1 << level;
    reduced_s.texel_y *= 1 << level;
    struct v2s_texels part;
    needed(window->cx, 0.5 * window->width * window->step_x, reduced_s.texel_x, reduced_s.width,
           &part.x, &part.width);
    needed(window->cy, 0.5 * window->height * window->step_y, reduced_s.texel_y, reduced_s.height,
           &part.y, &part.height);
    cover(ops, &s, plane, level, part, pyramid);
    reduced_s.stride = reduced_s.width;
    reduced_s.x0 = part.x;
    reduced_s.y0 = part.y;
    reduced_s.data = pyramid->level[plane][level] + part.y * reduced_s.stride + part.x;
    reduced_s.width = part.width;
    reduced_s.height = part.height;
    return reduced_s;
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
