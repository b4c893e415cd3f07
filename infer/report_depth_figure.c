// SPDX-License-Identifier: MIT
// Square pictures with scales, drawn as SVG so that texts stay sharp and follow light and dark.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/image.h"
#include "infer/depth_axes.h"
#include "infer/report_depth.h"

// Units of the drawing.
enum { LEFT = 58, TOP = 8, SIDE = 320, KEY = LEFT + SIDE + 14, KEY_WIDTH = 14, WIDTH = 454 };
enum { HEIGHT = TOP + SIDE + 52, RAMP_STEPS = 16 };

void v2s_depth_figure_defs(v2s_page *page, const v2s_depth_ramp *ramp) {
    v2s_page_put(page, "<svg width=\"0\" height=\"0\" aria-hidden=\"true\" "
                       "style=\"position:absolute\"><defs><linearGradient id=\"ramp\" x1=\"0\" "
                       "y1=\"1\" x2=\"0\" y2=\"0\">");
    for (int i = 0; i <= RAMP_STEPS; i++) {
        const uint8_t *rgb = v2s_depth_ramp_at(ramp, i, RAMP_STEPS);
        v2s_file_out_printf(page->out, "<stop offset=\"%.4f\" stop-color=\"#%02x%02x%02x\"/>",
                            (double)i / RAMP_STEPS, rgb[0], rgb[1], rgb[2]);
    }
    v2s_page_put(page, "</linearGradient></defs></svg>\n");
}

static void put_x(v2s_page *p, const v2s_depth_scale *s) {
    for (int i = 0; i < s->count; i++) {
        double x = LEFT + SIDE * s->at[i];
        v2s_file_out_printf(p->out,
                            "<path class=\"tick\" d=\"M%.1f %dv5\"/><text class=\"soft\" "
                            "x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.*f</text>",
                            x, TOP + SIDE, x, TOP + SIDE + 21, s->decimals, s->value[i]);
    }
    v2s_file_out_printf(p->out,
                        "<text class=\"soft\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s"
                        "</text>\n",
                        LEFT + SIDE / 2, TOP + SIDE + 43, s->label);
}

static void put_y(v2s_page *p, const v2s_depth_scale *s) {
    for (int i = 0; i < s->count; i++) {
        double y = TOP + SIDE * (1 - s->at[i]);
        v2s_file_out_printf(p->out,
                            "<path class=\"tick\" d=\"M%d %.1fh-5\"/><text class=\"soft\" "
                            "x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.*f</text>",
                            LEFT, y, LEFT - 8, y + 5, s->decimals, s->value[i]);
    }
    v2s_file_out_printf(p->out,
                        "<text class=\"soft\" x=\"14\" y=\"%d\" text-anchor=\"middle\" "
                        "transform=\"rotate(-90 14 %d)\">%s</text>\n",
                        TOP + SIDE / 2, TOP + SIDE / 2, s->label);
}

static void put_key(v2s_page *p, const v2s_depth_scale *s) {
    v2s_file_out_printf(p->out,
                        "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"url(#ramp)\"/>",
                        KEY, TOP, KEY_WIDTH, SIDE);
    for (int i = 0; i < s->count; i++)
        v2s_file_out_printf(p->out, "<text class=\"soft\" x=\"%d\" y=\"%.1f\">%.*f</text>",
                            KEY + KEY_WIDTH + 5, fmax(TOP + 11, TOP + SIDE * (1 - s->at[i]) + 5),
                            s->decimals, s->value[i]);
    v2s_file_out_printf(p->out,
                        "<text class=\"soft\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s"
                        "</text>\n",
                        KEY + KEY_WIDTH + 12, TOP + SIDE + 21, s->label);
}

v2s_status v2s_depth_figure_put(v2s_page *p, const v2s_depth_figure *f) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    V2S_TRY(v2s_image_png_rgb(f->rgb, f->size, f->size, &bytes, &size));
    v2s_page_put(p, "<figure class=\"card\"><h3>");
    v2s_page_text(p, f->title);
    v2s_file_out_printf(p->out,
                        "</h3><svg class=\"shot\" viewBox=\"0 0 %d %d\" role=\"img\" "
                        "aria-label=\"",
                        WIDTH, HEIGHT);
    v2s_page_text(p, f->alt);
    v2s_file_out_printf(p->out,
                        "\"><image x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                        "preserveAspectRatio=\"none\" href=\"",
                        LEFT, TOP, SIDE, SIDE);
    v2s_page_data_uri(p, "image/png", bytes, size);
    v2s_page_put(p, "\"/>\n");
    put_x(p, &f->x);
    put_y(p, &f->y);
    put_key(p, &f->key);
    v2s_page_put(p, "</svg></figure>\n");
    free(bytes);
    return V2S_OK;
}

// ---- scales -----------------------------------------------------------------------------------

static void add_tick(v2s_depth_scale *s, double at, double value) {
    s->at[s->count] = at;
    s->value[s->count++] = value;
}

static v2s_depth_scale scale_of(const char *label, const v2s_axis *axis) {
    v2s_depth_scale s = {.label = label, .decimals = axis->decimals};
    for (int i = 0; i < axis->count; i++)
        add_tick(&s, (axis->ticks[i] - axis->lo) / (axis->hi - axis->lo), axis->ticks[i]);
    return s;
}

// 0 .. top, even.
static v2s_depth_scale plain_scale(const char *label, double top) {
    v2s_axis axis = v2s_axis_of_time(0, top);
    return scale_of(label, &axis);
}

static v2s_depth_scale distance_scale(const v2s_echo_config *e) {
    v2s_axis axis = v2s_axis_of_time(0, v2s_depth_distance_m(e, e->size));
    v2s_depth_scale s = scale_of("time of flight as distance, m", &axis);
    for (int i = 0; i < s.count; i++)
        s.at[i] = v2s_depth_column_of(e, s.value[i]) / e->size;
    return s;
}

static v2s_depth_scale frequency_scale(const v2s_echo_config *e) {
    v2s_axis axis = v2s_axis_of_time(0, v2s_depth_frequency_hz(e, e->size) / 1000);
    v2s_depth_scale s = scale_of("frequency, kHz", &axis);
    for (int i = 0; i < s.count; i++)
        s.at[i] = v2s_depth_row_of(e, 1000 * s.value[i]) / e->size;
    return s;
}

// Rows count from the top.
static v2s_depth_scale row_scale(int size) {
    v2s_depth_scale s = plain_scale("row", size);
    for (int i = 0; i < s.count; i++)
        s.at[i] = 1 - s.at[i];
    return s;
}

// ---- what a page shows ------------------------------------------------------------------------

static v2s_status with_colours(v2s_page *p, v2s_depth_figure *f, uint8_t *rgb) {
    f->rgb = rgb;
    v2s_status status = v2s_depth_figure_put(p, f);
    free(rgb);
    return status;
}

static uint8_t *take_rgb(int size) {
    return malloc(3 * (size_t)size * (size_t)size);
}

v2s_status v2s_depth_put_spectrogram(v2s_page *p, const v2s_depth_ramp *ramp,
                                     const v2s_echo_config *echo, const float *x, double loudest,
                                     const char *ear) {
    char title[64], alt[160];
    snprintf(title, sizeof title, "%s ear", ear);
    snprintf(alt, sizeof alt,
             "Spectrogram of the %s ear: time of flight to the right, frequency up, decibels as "
             "colours",
             ear);
    v2s_depth_figure f = {.title = title,
                          .alt = alt,
                          .size = echo->size,
                          .x = distance_scale(echo),
                          .y = frequency_scale(echo),
                          .key = {.label = "dB"}};
    for (int db = 0; db <= (int)V2S_DEPTH_FLOOR_DB; db += 20)
        add_tick(&f.key, 1 - db / V2S_DEPTH_FLOOR_DB, -db);
    uint8_t *rgb = take_rgb(echo->size);
    if (rgb == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_depth_spectrogram_colours(ramp, echo->size, x, loudest, rgb);
    return with_colours(p, &f, rgb);
}

v2s_status v2s_depth_put_map(v2s_page *p, const v2s_depth_ramp *ramp, int size, const float *depth,
                             double top, const char *title) {
    size_t pixels = (size_t)size * (size_t)size, valid = 0;
    double sum = 0;
    char alt[160];
    for (size_t i = 0; i < pixels; i++)
        if (depth[i] > 0) {
            sum += (double)depth[i];
            valid++;
        }
    snprintf(alt, sizeof alt,
             "%s: depth in colours from 0 to %.0f m, mean %.2f m, %.0f %% of the "
             "pixels valid",
             title, top, valid > 0 ? sum / (double)valid : 0.0,
             100.0 * (double)valid / (double)pixels);
    v2s_depth_figure f = {.title = title,
                          .alt = alt,
                          .size = size,
                          .x = plain_scale("column", size),
                          .y = row_scale(size),
                          .key = plain_scale("m", top)};
    uint8_t *rgb = take_rgb(size);
    if (rgb == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_depth_colours(ramp, pixels, depth, top, rgb);
    return with_colours(p, &f, rgb);
}

v2s_status v2s_depth_put_error(v2s_page *p, const v2s_depth_ramp *ramp, int size,
                               const float *depth, const float *truth) {
    size_t pixels = (size_t)size * (size_t)size;
    double top = 0.1;
    char alt[160];
    for (size_t i = 0; i < pixels; i++)
        if (truth[i] > 0)
            top = fmax(top, fabs((double)depth[i] - (double)truth[i]));
    snprintf(alt, sizeof alt, "Absolute error in colours from 0 to %.2f m; grey: no truth", top);
    v2s_depth_figure f = {.title = "Error",
                          .alt = alt,
                          .size = size,
                          .x = plain_scale("column", size),
                          .y = row_scale(size),
                          .key = plain_scale("m", top)};
    uint8_t *rgb = take_rgb(size);
    if (rgb == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_depth_error_colours(ramp, pixels, depth, truth, top, rgb);
    return with_colours(p, &f, rgb);
}
