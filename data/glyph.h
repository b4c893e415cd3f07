// SPDX-License-Identifier: MIT
// Letters for short texts in pictures: capitals, digits and a few signs.
#ifndef V2S_DATA_GLYPH_H
#define V2S_DATA_GLYPH_H

#include <stdint.h>

enum { V2S_GLYPH_W = 3, V2S_GLYPH_H = 5 };

// Five rows of three bits, top row first, leftmost pixel in bit 2. Small letters are drawn as
// capitals, what the font does not have as a question mark.
const uint8_t *v2s_glyph_rows(char ch);

#endif
