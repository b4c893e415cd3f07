// SPDX-License-Identifier: MIT
// Colours of pictures.
#ifndef V2S_INFER_REPORT_COLOUR_H
#define V2S_INFER_REPORT_COLOUR_H

#include <stdint.h>

// Perceptual ramps made in OKLCh: lightness rises evenly from dark_l to light_l while the hue goes
// from blue over red to yellow. at 0..1; rgb 0..255, sRGB.
void v2s_colour_ramp(double dark_l, double light_l, double at, uint8_t rgb[3]);

#endif
