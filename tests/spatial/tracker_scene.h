// SPDX-License-Identifier: MIT
// A made scene for the tracker: a square with a smooth random texture on a textured background.
// Both textures are functions of continuous coordinates, so position and size may be fractional.
#ifndef V2S_TESTS_SPATIAL_TRACKER_SCENE_H
#define V2S_TESTS_SPATIAL_TRACKER_SCENE_H

#include <math.h>
#include <stdlib.h>

#include "spatial/picture.h"

typedef struct scene {
    int width, height;
    uint8_t *y, *u, *v; // 4:2:0 planes
    v2s_picture picture;
} scene;

// 0..1 from a lattice point and a seed.
static inline double scene_hash(int x, int y, unsigned seed) {
    unsigned h = (unsigned)x * 374761393u + (unsigned)y * 668265263u + seed * 2246822519u;
    h = (h ^ (h >> 13)) * 1274126177u;
    return ((h ^ (h >> 16)) & 0xffff) / 65535.0;
}

// Smooth noise with unit lattice, 0..1.
static inline double scene_noise(double x, double y, unsigned seed) {
    int ix = (int)floor(x), iy = (int)floor(y);
    double fx = x - ix, fy = y - iy;
    fx = fx * fx * (3 - 2 * fx);
    fy = fy * fy * (3 - 2 * fy);
    double top = scene_hash(ix, iy, seed) * (1 - fx) + scene_hash(ix + 1, iy, seed) * fx;
    double bottom = scene_hash(ix, iy + 1, seed) * (1 - fx) + scene_hash(ix + 1, iy + 1, seed) * fx;
    return top * (1 - fy) + bottom * fy;
}

static inline scene scene_open(int width, int height) {
    scene s = {.width = width, .height = height};
    size_t chroma = (size_t)((width + 1) / 2) * (size_t)((height + 1) / 2);
    s.y = calloc((size_t)width * (size_t)height, 1);
    s.u = calloc(chroma, 1);
    s.v = calloc(chroma, 1);
    s.picture = (v2s_picture){.width = width,
                              .height = height,
                              .y = s.y,
                              .u = s.u,
                              .v = s.v,
                              .y_stride = width,
                              .uv_stride = (width + 1) / 2,
                              .chroma_shift_x = 1,
                              .chroma_shift_y = 1};
    return s;
}

static inline void scene_close(scene *s) {
    free(s->y);
    free(s->u);
    free(s->v);
}

// Share of pixel [x, x + 1) that lies in [a, b).
static inline double scene_cover(double x, double a, double b) {
    double lo = x > a ? x : a, hi = x + 1 < b ? x + 1 : b;
    return hi > lo ? hi - lo : 0.0;
}

// Draws background and, unless box is NULL, the object. Luma 16..235, chroma near grey. The
// background's texture has lattice 24 pixels, the object's an eighth of its size.
static inline void scene_draw(scene *s, const v2s_box *box) {
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++) {
            double value = 60 + 90 * scene_noise(x / 24.0, y / 24.0, 1);
            double cover = 0;
            if (box)
                cover = scene_cover(x, box->x, box->x + box->w) *
                        scene_cover(y, box->y, box->y + box->h);
            if (cover > 0) {
                double tu = (x + 0.5 - box->x) / box->w, tv = (y + 0.5 - box->y) / box->h;
                value += cover * (30 + 200 * scene_noise(8 * tu, 8 * tv, 7) - value);
            }
            s->y[y * s->width + x] = (uint8_t)(value + 0.5);
        }
    int cw = (s->width + 1) / 2, ch = (s->height + 1) / 2;
    for (int y = 0; y < ch; y++)
        for (int x = 0; x < cw; x++) {
            double in = 0;
            if (box)
                in = scene_cover(x, box->x / 2, (box->x + box->w) / 2) *
                     scene_cover(y, box->y / 2, (box->y + box->h) / 2);
            s->u[y * cw + x] = (uint8_t)(120 + 16 * scene_noise(x / 20.0, y / 20.0, 3) - 15 * in);
            s->v[y * cw + x] = (uint8_t)(120 + 16 * scene_noise(x / 20.0, y / 20.0, 4) + 15 * in);
        }
}

#endif
