// SPDX-License-Identifier: MIT
// A small RGB picture to draw figures on: rectangles, pictures, texts.
//
// Pixels from the top left corner; what lies outside is cut off. One thread at a time.
#ifndef V2S_INFER_CANVAS_H
#define V2S_INFER_CANVAS_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/base/status.h"

typedef struct v2s_canvas {
    int width, height;
    uint8_t *rgb; // [height][width][3]
} v2s_canvas;

typedef enum v2s_canvas_anchor {
    V2S_CANVAS_START, // the text begins at x
    V2S_CANVAS_MIDDLE,
    V2S_CANVAS_END
} v2s_canvas_anchor;

// White. NOMEM.
V2S_MUST_USE v2s_status v2s_canvas_open(int width, int height, v2s_canvas *canvas);
void v2s_canvas_close(v2s_canvas *canvas); // accepts a zeroed one

// Pixels x <= . < x + width, y <= . < y + height.
void v2s_canvas_fill(v2s_canvas *canvas, int x, int y, int width, int height, const uint8_t rgb[3]);

// picture [rows][columns][3], stretched without smoothing over the rectangle.
void v2s_canvas_picture(v2s_canvas *canvas, int x, int y, int width, int height,
                        const uint8_t *picture, int columns, int rows);

// One line in data/glyph.h's letters, `dot` pixels a dot; y is its top. Black.
void v2s_canvas_text(v2s_canvas *canvas, int x, int y, int dot, v2s_canvas_anchor anchor,
                     const char *text);
// The same from bottom to top, its middle at y; x is its left edge.
void v2s_canvas_text_up(v2s_canvas *canvas, int x, int y, int dot, const char *text);

// Height of a line of letters.
int v2s_canvas_text_height(int dot);

// PNG; the bytes are the caller's. NOMEM.
V2S_MUST_USE v2s_status v2s_canvas_png(const v2s_canvas *canvas, unsigned char **bytes,
                                       size_t *size);

#endif
