// SPDX-License-Identifier: MIT
#include "data/overlay_draw.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/pixdesc.h>

#include "data/glyph.h"

enum { GLYPH_W = V2S_GLYPH_W, GLYPH_H = V2S_GLYPH_H };
enum { DASH = 4 }; // dash and gap, in line widths

typedef struct ink {
    uint8_t yuv[3];
} ink;

typedef struct canvas {
    AVFrame *frame;
    int shift_x, shift_y; // of the chroma planes
    int line;             // width, pixels
} canvas;

// R'G'B' (0..255) to the Y'CbCr of the frame: BT.601 or BT.709, limited or full range.
static ink ink_of_rgb(const AVFrame *frame, int r, int g, int b) {
    bool bt709 = frame->colorspace == AVCOL_SPC_BT709;
    double kr = bt709 ? 0.2126 : 0.299, kb = bt709 ? 0.0722 : 0.114;
    double y = kr * r + (1.0 - kr - kb) * g + kb * b;
    double u = 0.5 * (b - y) / (1.0 - kb), v = 0.5 * (r - y) / (1.0 - kr);
    if (frame->color_range != AVCOL_RANGE_JPEG) {
        y = 16.0 + y * 219.0 / 255.0;
        u *= 224.0 / 255.0;
        v *= 224.0 / 255.0;
    }
    ink i = {{(uint8_t)lround(y), (uint8_t)lround(fmin(128.0 + u, 255.0)),
              (uint8_t)lround(fmin(128.0 + v, 255.0))}};
    return i;
}

static int clamp(int x, int limit) {
    return x < 0 ? 0 : x > limit ? limit : x;
}

// Fills the pixels x0 <= x < x1, y0 <= y < y1 that lie in the picture.
static void fill(const canvas *c, int x0, int y0, int x1, int y1, ink colour) {
    AVFrame *f = c->frame;
    x0 = clamp(x0, f->width);
    x1 = clamp(x1, f->width);
    y0 = clamp(y0, f->height);
    y1 = clamp(y1, f->height);
    if (x0 >= x1 || y0 >= y1)
        return;
    for (int plane = 0; plane < 3; plane++) {
        int sx = plane == 0 ? 0 : c->shift_x, sy = plane == 0 ? 0 : c->shift_y;
        int left = x0 >> sx, right = ((x1 - 1) >> sx) + 1;
        for (int y = y0 >> sy; y <= (y1 - 1) >> sy; y++)
            memset(f->data[plane] + (ptrdiff_t)y * f->linesize[plane] + left, colour.yuv[plane],
                   (size_t)(right - left));
    }
}

// A horizontal or vertical bar from (x0, y0) to (x1, y1), in dashes if wanted.
static void bar(const canvas *c, int x0, int y0, int x1, int y1, bool dashed, ink colour) {
    if (!dashed) {
        fill(c, x0, y0, x1, y1, colour);
        return;
    }
    int step = DASH * c->line;
    if (x1 - x0 >= y1 - y0)
        for (int x = x0; x < x1; x += 2 * step)
            fill(c, x, y0, x + step < x1 ? x + step : x1, y1, colour);
    else
        for (int y = y0; y < y1; y += 2 * step)
            fill(c, x0, y, x1, y + step < y1 ? y + step : y1, colour);
}

// Black text on a strip of the box's colour, above the box or, without room there, inside.
static void draw_label(const canvas *c, const char *label, int x, int y, ink colour, ink text) {
    int dot = c->line, length = (int)strnlen(label, 64);
    int width = (length * (GLYPH_W + 1) + 1) * dot, height = (GLYPH_H + 2) * dot;
    y = y - height < 0 ? y : y - height;
    x = clamp(x, c->frame->width > width ? c->frame->width - width : 0);
    fill(c, x, y, x + width, y + height, colour);
    for (int i = 0; i < length; i++) {
        const uint8_t *rows = v2s_glyph_rows(label[i]);
        for (int row = 0; row < GLYPH_H; row++)
            for (int column = 0; column < GLYPH_W; column++) {
                if (!(rows[row] >> (GLYPH_W - 1 - column) & 1))
                    continue;
                int left = x + (1 + i * (GLYPH_W + 1) + column) * dot;
                int top = y + (1 + row) * dot;
                fill(c, left, top, left + dot, top + dot, text);
            }
    }
}

static ink colour_of_object(const AVFrame *frame, int object) {
    // Colours that stay apart for colour-blind eyes (Okabe and Ito, "Color Universal Design",
    // 2008), the brighter ones first.
    static const uint8_t palette[][3] = {
        {240, 228, 66},  {86, 180, 233}, {230, 159, 0}, {0, 158, 115},
        {204, 121, 167}, {213, 94, 0},   {0, 114, 178}, {255, 255, 255},
    };
    unsigned n = sizeof palette / sizeof *palette;
    const uint8_t *rgb = palette[(unsigned)object % n];
    return ink_of_rgb(frame, rgb[0], rgb[1], rgb[2]);
}

// Edge of a box as a pixel number; a box far outside stays far outside without overflow.
static int pixel(double x, int limit) {
    if (!(x > -limit))
        return -limit;
    return x > 2.0 * limit ? 2 * limit : (int)lround(x);
}

static void draw_box(const canvas *c, double scale, const v2s_overlay_box *b) {
    int w = c->frame->width, h = c->frame->height, t = c->line;
    int x0 = pixel(b->box.x * scale, w), x1 = pixel((b->box.x + b->box.w) * scale, w);
    int y0 = pixel(b->box.y * scale, h), y1 = pixel((b->box.y + b->box.h) * scale, h);
    ink colour = colour_of_object(c->frame, b->object);
    bar(c, x0, y0, x1, y0 + t, b->held, colour);
    bar(c, x0, y1 - t, x1, y1, b->held, colour);
    bar(c, x0, y0, x0 + t, y1, b->held, colour);
    bar(c, x1 - t, y0, x1, y1, b->held, colour);
    if (b->label != NULL && b->label[0] != '\0')
        draw_label(c, b->label, x0, y0, colour, ink_of_rgb(c->frame, 0, 0, 0));
}

void v2s_overlay_draw(AVFrame *frame, double scale, const v2s_overlay_box *boxes, size_t count) {
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(frame->format);
    int line = frame->height < 600 ? 2 : frame->height < 1000 ? 3 : 4;
    canvas c = {frame, d->log2_chroma_w, d->log2_chroma_h, line};
    for (size_t i = 0; i < count; i++)
        draw_box(&c, scale, &boxes[i]);
}
