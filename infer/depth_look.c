// SPDX-License-Identifier: MIT
// The picture of one attention map, and its numbers.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "infer/canvas.h"
#include "infer/depth_attention.h"
#include "infer/depth_axes.h"
#include "infer/report_axis.h"

// Pixels around the plot, and its side where the spectrogram is smaller.
enum { LEFT = 66, TOP = 44, RIGHT = 96, BOTTOM = 52, PLOT = 384, DOT = 2, TICK = 5, BAR = 14 };

static const uint8_t black[3] = {0, 0, 0}, white[3] = {255, 255, 255};

void v2s_depth_look_measure(int side, int size, const float *map, v2s_depth_look_numbers *n) {
    double bits = 0, row = 0, column = 0, sum = 0, scale = (double)size / side;
    *n = (v2s_depth_look_numbers){.uniform_bits = 2 * log2(side)};
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            double w = (double)map[y * side + x];
            bits -= w > 0 ? w * log2(w) : 0;
            n->peak = fmax(n->peak, w);
            row += w * (y + 0.5) * scale;
            column += w * (x + 0.5) * scale;
            sum += w;
        }
    n->entropy_bits = bits;
    n->row = row / sum;
    n->column = column / sum;
}

double v2s_depth_look_top(const v2s_depth_look_figure *f) {
    v2s_depth_look_numbers n;
    v2s_depth_look_measure(f->side, f->echo->size, f->map, &n);

    return fmax(n.peak, 4.0 / (f->side * f->side));
}

void v2s_depth_look_paint(const v2s_depth_look_figure *f, double top, uint8_t *rgb) {
    int size = f->echo->size;
    double loudest = v2s_depth_loudest((size_t)size * (size_t)size, f->x);
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            int row = size - 1 - y;
            int cell = row * f->side / size * f->side + x * f->side / size;
            double share = (double)f->map[cell] / top, heat = 0.85 * share;
            double grey = 20 + 170 * v2s_depth_loudness(f->x[row * size + x], loudest);
            const uint8_t *hot = v2s_depth_ramp_at(f->ramp, share, 1);
            for (int k = 0; k < 3; k++)
                rgb[3 * (y * size + x) + k] = (uint8_t)lround((1 - heat) * grey + heat * hot[k]);
        }
}

static void draw_distance_axis(const v2s_depth_look_figure *f, v2s_canvas *c, int plot) {
    const v2s_echo_config *e = f->echo;
    v2s_axis axis = v2s_axis_of_time(0, v2s_depth_distance_m(e, e->size));
    int base = TOP + plot;
    for (int i = 0; i < axis.count; i++) {
        char text[32];
        int x = LEFT + (int)lround(v2s_depth_column_of(e, axis.ticks[i]) * plot / e->size);
        snprintf(text, sizeof text, "%.*f", axis.decimals, axis.ticks[i]);
        v2s_canvas_fill(c, x, base, 1, TICK, black);
        v2s_canvas_text(c, x, base + TICK + 3, DOT, V2S_CANVAS_MIDDLE, text);
    }
    v2s_canvas_text(c, LEFT + plot / 2, base + TICK + 3 + 2 * v2s_canvas_text_height(DOT), DOT,
                    V2S_CANVAS_MIDDLE, "time of flight as distance, m");
}

static void draw_frequency_axis(const v2s_depth_look_figure *f, v2s_canvas *c, int plot) {
    const v2s_echo_config *e = f->echo;
    v2s_axis axis = v2s_axis_of_time(0, v2s_depth_frequency_hz(e, e->size) / 1000);
    for (int i = 0; i < axis.count; i++) {
        char text[32];
        double row = v2s_depth_row_of(e, 1000 * axis.ticks[i]);
        int y = TOP + plot - (int)lround(row * plot / e->size);
        snprintf(text, sizeof text, "%.*f", axis.decimals, axis.ticks[i]);
        v2s_canvas_fill(c, LEFT - TICK, y, TICK, 1, black);
        v2s_canvas_text(c, LEFT - TICK - 4, y - v2s_canvas_text_height(DOT) / 2, DOT,
                        V2S_CANVAS_END, text);
    }
    v2s_canvas_text_up(c, 8, TOP + plot / 2, DOT, "frequency, kHz");
}

// The scale of the heat: weights in units of what each would have if all were alike.
static void draw_key(const v2s_depth_look_figure *f, v2s_canvas *c, int plot, double top) {
    int x = LEFT + plot + 16;
    for (int y = 0; y < plot; y++)
        v2s_canvas_fill(c, x, TOP + y, BAR, 1, v2s_depth_ramp_at(f->ramp, plot - 1 - y, plot - 1));
    char text[32];
    double times = top * f->side * f->side;
    snprintf(text, sizeof text, times < 100 ? "%.1f" : "%.0f", times);
    v2s_canvas_text(c, x + BAR + 5, TOP, DOT, V2S_CANVAS_START, text);
    v2s_canvas_text(c, x + BAR + 5, TOP + plot - v2s_canvas_text_height(DOT), DOT, V2S_CANVAS_START,
                    "0");
    v2s_canvas_text_up(c, x + BAR + 14, TOP + plot / 2, DOT, "weight (1: all alike)");
}

static void draw_mark(const v2s_depth_look_figure *f, v2s_canvas *c, int plot) {
    double unit = (double)plot / f->echo->size;
    int x = LEFT + (int)lround((f->column + 0.5) * unit);
    int y = TOP + plot - (int)lround((f->row + 0.5) * unit);
    for (int a = 0; a < 360; a++) {
        double c_a = cos(a * 0.017453292519943295), s_a = sin(a * 0.017453292519943295);
        for (int r = 6; r <= 9; r++)
            v2s_canvas_fill(c, x + (int)lround(r * c_a), y + (int)lround(r * s_a), 1, 1,
                            r == 6 || r == 9 ? black : white);
    }
}

v2s_status v2s_depth_look_draw(const v2s_depth_look_figure *f, unsigned char **bytes,
                               size_t *size) {
    int side = f->echo->size, plot = side > PLOT ? side : PLOT;
    v2s_canvas c = {0};
    uint8_t *rgb = malloc(3 * (size_t)side * (size_t)side);
    if (rgb == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for a picture of attention");
    v2s_status status = v2s_canvas_open(LEFT + plot + RIGHT, TOP + plot + BOTTOM, &c);
    if (status == V2S_OK) {
        double top = v2s_depth_look_top(f);
        v2s_depth_look_paint(f, top, rgb);
        v2s_canvas_picture(&c, LEFT, TOP, plot, plot, rgb, side, side);
        draw_mark(f, &c, plot);
        v2s_canvas_text(&c, LEFT, 8, DOT, V2S_CANVAS_START, f->title);
        v2s_canvas_text(&c, LEFT, 18 + v2s_canvas_text_height(DOT), DOT, V2S_CANVAS_START,
                        f->subtitle);
        draw_distance_axis(f, &c, plot);
        draw_frequency_axis(f, &c, plot);
        draw_key(f, &c, plot, top);
        status = v2s_canvas_png(&c, bytes, size);
    }
    v2s_canvas_close(&c);
    free(rgb);
    return status;
}
