// SPDX-License-Identifier: MIT
// Axes with round ticks.
#ifndef V2S_INFER_REPORT_AXIS_H
#define V2S_INFER_REPORT_AXIS_H

enum { V2S_PAGE_MAX_TICKS = 16 };

typedef struct v2s_axis {
    double lo, hi; // lo < hi
    double ticks[V2S_PAGE_MAX_TICKS];
    int count;
    int decimals; // that the ticks need
} v2s_axis;

// Axes with round ticks. The value axis contains lo..hi and spans at least min_span, inside
// floor..ceiling; bounds that are not finite give an axis that can be drawn all the same.
v2s_axis v2s_axis_of_values(double lo, double hi, double min_span, double floor_value,
                            double ceiling);
// -180..180 degrees, every 90.
v2s_axis v2s_axis_of_turn(void);
// Ends exactly at lo and hi; ticks at round times between.
v2s_axis v2s_axis_of_time(double lo, double hi);
// 0 at hi, 1000 at lo, clamped.
double v2s_axis_mille(const v2s_axis *axis, double value);

#endif
