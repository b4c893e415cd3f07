// SPDX-License-Identifier: MIT
#include "spatial/tracker_colour.h"

#include <math.h>
#include <string.h>

void v2s_colour_init(v2s_colour *c, v2s_arena *arena, int width, int height) {
    size_t samples = (size_t)width * (size_t)height;
    *c = (v2s_colour){.width = width, .height = height};
    c->object = v2s_arena_take(arena, V2S_COLOUR_BINS, sizeof(float));
    c->background = v2s_arena_take(arena, V2S_COLOUR_BINS, sizeof(float));
    c->beta = v2s_arena_take(arena, V2S_COLOUR_BINS, sizeof(float));
    c->count_object = v2s_arena_take(arena, V2S_COLOUR_BINS, sizeof(float));
    c->count_background = v2s_arena_take(arena, V2S_COLOUR_BINS, sizeof(float));
    c->bins = v2s_arena_take(arena, samples, sizeof(uint16_t));
    c->integral = v2s_arena_take(arena, (size_t)(width + 1) * (size_t)(height + 1), sizeof(float));
}

static int level(float value, float scale, int count) {
    int v = (int)(value * scale);
    return v < 0 ? 0 : v >= count ? count - 1 : v;
}

void v2s_colour_look(v2s_colour *c, const float *y, const float *u, const float *v) {
    int samples = c->width * c->height;
    for (int i = 0; i < samples; i++) {
        if (u)
            c->bins[i] =
                (uint16_t)(level(y[i], 16.0f, 16) * 256 + level(u[i] + 0.25f, 32.0f, 16) * 16 +
                           level(v[i] + 0.25f, 32.0f, 16));
        else
            c->bins[i] = (uint16_t)level(y[i], 32.0f, 32);
    }
}

// First and last + 1 of the samples within half of the middle.
static void middle(int size, double half, int *first, int *end) {
    int a = (int)floor(0.5 * size - half + 0.5), b = (int)floor(0.5 * size + half + 0.5);
    *first = a < 0 ? 0 : a;
    *end = b > size ? size : b;
    if (*end <= *first) {
        *first = size / 2;
        *end = size / 2 + 1;
    }
}

static void blend(float *model, const float *counts, float total, float rate) {
    float scale = total > 0.0f ? 1.0f / total : 0.0f;
    for (int i = 0; i < V2S_COLOUR_BINS; i++)
        model[i] += rate * (counts[i] * scale - model[i]);
}

void v2s_colour_train(v2s_colour *c, double object_w, double object_h, double rate) {
    // The object's corners are mostly background: a fifth of the mean side is left out of both.
    double margin = 0.1 * (object_w + object_h) * 0.5;
    int ix0, ix1, iy0, iy1, ox0, ox1, oy0, oy1;
    middle(c->width, 0.5 * object_w - margin, &ix0, &ix1);
    middle(c->height, 0.5 * object_h - margin, &iy0, &iy1);
    middle(c->width, 0.5 * object_w, &ox0, &ox1);
    middle(c->height, 0.5 * object_h, &oy0, &oy1);
    memset(c->count_object, 0, V2S_COLOUR_BINS * sizeof(float));
    memset(c->count_background, 0, V2S_COLOUR_BINS * sizeof(float));
    float inside = 0.0f, outside = 0.0f;
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++) {
            int bin = c->bins[y * c->width + x];
            if (x >= ix0 && x < ix1 && y >= iy0 && y < iy1) {
                c->count_object[bin] += 1.0f;
                inside += 1.0f;
            } else if (x < ox0 || x >= ox1 || y < oy0 || y >= oy1) {
                c->count_background[bin] += 1.0f;
                outside += 1.0f;
            }
        }
    float eta = c->trained ? (float)rate : 1.0f;
    blend(c->object, c->count_object, inside, eta);
    blend(c->background, c->count_background, outside, eta);
    for (int i = 0; i < V2S_COLOUR_BINS; i++) {
        float sum = c->object[i] + c->background[i];
        c->beta[i] = sum > 1e-9f ? c->object[i] / sum : 0.0f;
    }
    c->trained = true;
}

void v2s_colour_score(v2s_colour *c) {
    int pitch = c->width + 1;
    memset(c->integral, 0, (size_t)pitch * sizeof(float));
    for (int y = 0; y < c->height; y++) {
        const float *above = c->integral + y * pitch;
        float *row = c->integral + (y + 1) * pitch, sum = 0.0f;
        row[0] = 0.0f;
        for (int x = 0; x < c->width; x++) {
            sum += c->beta[c->bins[y * c->width + x]];
            row[x + 1] = above[x + 1] + sum;
        }
    }
}

// The integral image between samples.
static double integral_at(const v2s_colour *c, double x, double y) {
    x = x < 0.0 ? 0.0 : x > c->width ? c->width : x;
    y = y < 0.0 ? 0.0 : y > c->height ? c->height : y;
    int ix = (int)x < c->width ? (int)x : c->width - 1;
    int iy = (int)y < c->height ? (int)y : c->height - 1;
    double fx = x - ix, fy = y - iy;
    const float *a = c->integral + iy * (c->width + 1) + ix, *b = a + c->width + 1;
    double top = a[0] + (a[1] - a[0]) * fx, bottom = b[0] + (b[1] - b[0]) * fx;
    return top + (bottom - top) * fy;
}

double v2s_colour_box(const v2s_colour *c, double dx, double dy, double w, double h) {
    double x0 = 0.5 * c->width + dx - 0.5 * w, y0 = 0.5 * c->height + dy - 0.5 * h;
    double sum = integral_at(c, x0 + w, y0 + h) - integral_at(c, x0, y0 + h) -
                 integral_at(c, x0 + w, y0) + integral_at(c, x0, y0);
    return sum / (w * h);
}
