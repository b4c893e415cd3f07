// SPDX-License-Identifier: MIT
#include "data/bilinear.h"

#include <math.h>

v2s_bilinear_tap v2s_bilinear_tap_of(int i, int from, int to) {
    double s = (i + 0.5) * from / to - 0.5;
    if (s < 0)
        s = 0;
    double low = floor(s);
    v2s_bilinear_tap tap = {(int)low, (int)low + 1, (float)(s - low)};
    if (tap.high > from - 1)
        tap.high = from - 1;
    return tap;
}
