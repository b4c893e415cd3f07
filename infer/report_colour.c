// SPDX-License-Identifier: MIT
// OKLab: Bjorn Ottosson, "A perceptual color space for image processing", 2020 (the matrices).
#include <math.h>

#include "infer/report_internal.h"
#include "spatial/conventions.h"

// Linear sRGB of OKLCh; false outside the gamut.
static bool linear_rgb(double l, double chroma, double hue_rad, double rgb[3]) {
    double a = chroma * cos(hue_rad), b = chroma * sin(hue_rad);
    double lc = l + 0.3963377774 * a + 0.2158037573 * b;
    double mc = l - 0.1055613458 * a - 0.0638541728 * b;
    double sc = l - 0.0894841775 * a - 1.2914855480 * b;
    lc = lc * lc * lc, mc = mc * mc * mc, sc = sc * sc * sc;
    rgb[0] = 4.0767416621 * lc - 3.3077115913 * mc + 0.2309699292 * sc;
    rgb[1] = -1.2684380046 * lc + 2.6097574011 * mc - 0.3413193965 * sc;
    rgb[2] = -0.0041960863 * lc - 0.7034186147 * mc + 1.7076147010 * sc;
    bool inside = true;
    for (int i = 0; i < 3; i++)
        inside = inside && rgb[i] >= 0.0 && rgb[i] <= 1.0;
    return inside;
}

void v2s_colour_ramp(double dark_l, double light_l, double at, uint8_t rgb[3]) {
    double linear[3] = {0};
    at = isfinite(at) ? fmin(fmax(at, 0.0), 1.0) : 0.0;
    double l = dark_l + (light_l - dark_l) * at;
    double hue_deg = 285.0 + 180.0 * at; // blue 285, red 360 + 25, yellow 360 + 105
    // The strongest colour that the screen can show at this lightness, up to 0.19.
    for (double chroma = 0.19; chroma > 0.0; chroma -= 0.0005) {
        if (linear_rgb(l, chroma, v2s_rad(hue_deg), linear))
            break;
    }
    for (int i = 0; i < 3; i++) {
        double v = fmin(fmax(linear[i], 0.0), 1.0);
        v = v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1.0 / 2.4) - 0.055;
        rgb[i] = (uint8_t)lround(255.0 * v);
    }
}
