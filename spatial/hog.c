// SPDX-License-Identifier: MIT
#include "spatial/hog.h"

static size_t round_up(size_t n) {
    return (n + V2S_LANES - 1) / V2S_LANES * V2S_LANES;
}

size_t v2s_hog_scratch_floats(int cw, int ch) {
    size_t cells = (size_t)cw * (size_t)ch, pixels = cells * V2S_HOG_CELL * V2S_HOG_CELL;
    size_t columns = ((size_t)cw * V2S_HOG_CELL + 8) * V2S_ROW;
    size_t corners = ((size_t)cw + 1) * ((size_t)ch + 1);
    return 2 * round_up(pixels) + columns + cells * V2S_ROW + round_up(cells + corners);
}

void v2s_hog(const v2s_track_ops *ops, const float *luma, int cw, int ch, const float *weight,
             float *scratch, float *features) {
    int width = cw * V2S_HOG_CELL, height = ch * V2S_HOG_CELL;
    size_t cell_count = (size_t)cw * (size_t)ch;
    size_t pixels = round_up(cell_count * V2S_HOG_CELL * V2S_HOG_CELL);
    float *magnitude = scratch;
    int32_t *bin = (int32_t *)(scratch + pixels);
    float *columns = scratch + 2 * pixels;
    float *cells = columns + ((size_t)width + 8) * V2S_ROW;
    float *energy = cells + cell_count * V2S_ROW;
    ops->gradient(luma, width, height, magnitude, bin);
    ops->vote(magnitude, bin, width, height, columns, cells);
    ops->normalise(cells, cw, ch, weight, energy, features);
}
