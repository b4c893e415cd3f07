// SPDX-License-Identifier: MIT
// Parts of the page of a depth run that its files share (report_depth*.c alone include this).
#ifndef V2S_INFER_REPORT_DEPTH_H
#define V2S_INFER_REPORT_DEPTH_H

#include "infer/depth_page.h"
#include "infer/depth_picture.h"
#include "infer/report_internal.h"

// report_depth_figure.c: a square picture with scales ------------------------------------------

// Marks on an edge of a picture: places 0..1 along it, from the left or from the bottom.
typedef struct v2s_depth_scale {
    const char *label;
    int count;
    double at[V2S_PAGE_MAX_TICKS], value[V2S_PAGE_MAX_TICKS];
    int decimals;
} v2s_depth_scale;

typedef struct v2s_depth_figure {
    const char *title, *alt; // alt: what a screen reader says instead
    const uint8_t *rgb;      // [size][size][3]
    int size;
    v2s_depth_scale x, y, key;
} v2s_depth_figure;

// Once before all figures: the ramp of their keys.
void v2s_depth_figure_defs(v2s_page *page, const v2s_depth_ramp *ramp);
V2S_MUST_USE v2s_status v2s_depth_figure_put(v2s_page *page, const v2s_depth_figure *figure);

// Spectrogram of an ear; depth; error. `scale` of a depth is the top of its key.
V2S_MUST_USE v2s_status v2s_depth_put_spectrogram(v2s_page *page, const v2s_depth_ramp *ramp,
                                                  const v2s_echo_config *echo, const float *x,
                                                  double loudest, const char *ear);
V2S_MUST_USE v2s_status v2s_depth_put_map(v2s_page *page, const v2s_depth_ramp *ramp, int size,
                                          const float *depth, double top, const char *title);
V2S_MUST_USE v2s_status v2s_depth_put_error(v2s_page *page, const v2s_depth_ramp *ramp, int size,
                                            const float *depth, const float *truth);

// report_depth_set.c: tables, intervals and the distribution of a summary -----------------------

void v2s_depth_put_tables(v2s_page *page, const v2s_depth_page *p);
void v2s_depth_put_intervals(v2s_page *page, const v2s_depth_page *p);
V2S_MUST_USE v2s_status v2s_depth_put_distribution(v2s_page *page, const v2s_depth_page *p);

#endif
