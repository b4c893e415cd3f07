// SPDX-License-Identifier: MIT
#include "train/depth_pictures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/image.h"
#include "infer/report_internal.h"

enum { PANELS = 5, GAP = 4, RAMP = 256 };

static const double range_db = 60;

typedef struct canvas {
    uint8_t *rgb;
    int size, width;
    uint8_t ramp[RAMP][3];
} canvas;

// A pixel of a panel; NAN is black.
static void put(canvas *c, int panel, int row, int column, double at) {
    uint8_t *pixel = c->rgb + 3 * ((size_t)row * (size_t)c->width +
                                   (size_t)panel * (size_t)(c->size + GAP) + (size_t)column);
    if (isnan(at)) {
        memset(pixel, 0, 3);
        return;
    }
    int step = (int)lrint(fmin(fmax(at, 0), 1) * (RAMP - 1));
    memcpy(pixel, c->ramp[step], 3);
}

static void draw_ears(canvas *c, const float *x) {
    size_t pixels = (size_t)c->size * (size_t)c->size;
    double largest = 0;
    for (size_t i = 0; i < 2 * pixels; i++)
        largest = fmax(largest, x[i]);
    for (int ear = 0; ear < 2; ear++)
        for (int row = 0; row < c->size; row++)
            for (int column = 0; column < c->size; column++) {
                double value = x[(size_t)ear * pixels + (size_t)row * (size_t)c->size + column];
                double db = value > 0 ? 20 * log10(value / largest) : -range_db;
                put(c, ear, c->size - 1 - row, column, 1 + db / range_db);
            }
}

static void draw_maps(canvas *c, const v2s_depth_view *view, double max_depth_m) {
    for (int row = 0; row < c->size; row++)
        for (int column = 0; column < c->size; column++) {
            size_t i = (size_t)row * (size_t)c->size + (size_t)column;
            double truth = view->truth[i], depth = view->depth[i];
            bool valid = truth > 0;
            put(c, 2, row, column, valid ? truth / max_depth_m : NAN);
            put(c, 3, row, column, depth / max_depth_m);
            put(c, 4, row, column, valid ? 4 * fabs(depth - truth) / max_depth_m : NAN);
        }
}

v2s_status v2s_depth_pictures_write(v2s_tensorboard *events, int64_t step, int size,
                                    double max_depth_m, const v2s_depth_view *view, int index) {
    canvas c = {.size = size, .width = PANELS * size + (PANELS - 1) * GAP};
    c.rgb = malloc(3 * (size_t)c.width * (size_t)size);
    if (c.rgb == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    memset(c.rgb, 255, 3 * (size_t)c.width * (size_t)size);
    for (int i = 0; i < RAMP; i++)
        v2s_colour_ramp(0.2, 0.95, i / (RAMP - 1.0), c.ramp[i]);
    draw_ears(&c, view->x);
    draw_maps(&c, view, max_depth_m);
    unsigned char *png = NULL;
    size_t bytes = 0;
    char tag[64];
    snprintf(tag, sizeof tag, "val/ears_truth_depth_error/%d", index);
    v2s_status status = v2s_image_png_rgb(c.rgb, c.width, size, &png, &bytes);
    if (status == V2S_OK)
        status = v2s_tensorboard_image(events, tag, step, c.width, size, png, bytes);
    free(png);
    free(c.rgb);
    return status;
}
