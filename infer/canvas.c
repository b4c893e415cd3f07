// SPDX-License-Identifier: MIT
#include "infer/canvas.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "data/glyph.h"
#include "data/image.h"

static const uint8_t black[3] = {0, 0, 0};

v2s_status v2s_canvas_open(int width, int height, v2s_canvas *canvas) {
    size_t bytes = 3 * (size_t)width * (size_t)height;
    uint8_t *rgb = malloc(bytes);
    if (rgb == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for a picture of %d x %d pixels", width, height);
    memset(rgb, 255, bytes);
    *canvas = (v2s_canvas){width, height, rgb};
    return V2S_OK;
}

void v2s_canvas_close(v2s_canvas *canvas) {
    free(canvas->rgb);
    *canvas = (v2s_canvas){0};
}

static void put(v2s_canvas *c, int x, int y, const uint8_t rgb[3]) {
    if (x >= 0 && y >= 0 && x < c->width && y < c->height)
        memcpy(c->rgb + 3 * ((size_t)y * (size_t)c->width + (size_t)x), rgb, 3);
}

void v2s_canvas_fill(v2s_canvas *c, int x, int y, int width, int height, const uint8_t rgb[3]) {
    for (int row = y; row < y + height; row++)
        for (int column = x; column < x + width; column++)
            put(c, column, row, rgb);
}

void v2s_canvas_picture(v2s_canvas *c, int x, int y, int width, int height, const uint8_t *picture,
                        int columns, int rows) {
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++) {
            size_t from_row = (size_t)((int64_t)row * rows / height);
            size_t from_column = (size_t)((int64_t)column * columns / width);
            put(c, x + column, y + row, picture + 3 * (from_row * (size_t)columns + from_column));
        }
}

// Draws the dots of a text whose top left corner is (0, 0); `up` turns it by 90 degrees.
static void draw(v2s_canvas *c, int x, int y, int dot, bool up, const char *text) {
    for (int i = 0; text[i] != '\0'; i++) {
        const uint8_t *rows = v2s_glyph_rows(text[i]);
        for (int row = 0; row < V2S_GLYPH_H; row++)
            for (int column = 0; column < V2S_GLYPH_W; column++) {
                int along = (i * (V2S_GLYPH_W + 1) + column) * dot, across = row * dot;
                if (!(rows[row] >> (V2S_GLYPH_W - 1 - column) & 1))
                    continue;
                if (up)
                    v2s_canvas_fill(c, x + across, y - along - dot, dot, dot, black);
                else
                    v2s_canvas_fill(c, x + along, y + across, dot, dot, black);
            }
    }
}

static int length_of(int dot, const char *text) {
    return ((int)strlen(text) * (V2S_GLYPH_W + 1) - 1) * dot;
}

void v2s_canvas_text(v2s_canvas *c, int x, int y, int dot, v2s_canvas_anchor anchor,
                     const char *text) {
    int length = length_of(dot, text);
    int left = anchor == V2S_CANVAS_START ? x
               : anchor == V2S_CANVAS_END ? x - length
                                          : x - length / 2;
    draw(c, left, y, dot, false, text);
}

void v2s_canvas_text_up(v2s_canvas *c, int x, int y, int dot, const char *text) {
    draw(c, x, y + length_of(dot, text) / 2, dot, true, text);
}

int v2s_canvas_text_height(int dot) {
    return V2S_GLYPH_H * dot;
}

v2s_status v2s_canvas_png(const v2s_canvas *c, unsigned char **bytes, size_t *size) {
    return v2s_image_png_rgb(c->rgb, c->width, c->height, bytes, size);
}
