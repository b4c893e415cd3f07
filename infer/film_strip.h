// SPDX-License-Identifier: MIT
// A few pictures with boxes, evenly spread over a film whose length is not known in advance: every
// stride-th picture is kept, and when the strip is full every other one is dropped and the stride
// doubled.
#ifndef V2S_INFER_FILM_STRIP_H
#define V2S_INFER_FILM_STRIP_H

#include "data/overlay.h"
#include "infer/report.h"
#include "kernels/base/status.h"

enum { V2S_FILM_STRIP_MAX = 12, V2S_FILM_STRIP_WIDTH_PX = 480 };

typedef struct v2s_film_strip {
    size_t count, stride, seen;
    v2s_report_frame frames[V2S_FILM_STRIP_MAX]; // owned JPEG bytes
} v2s_film_strip;

V2S_MUST_USE v2s_status v2s_film_strip_add(v2s_film_strip *strip, const v2s_picture *picture,
                                           double time_s, const v2s_overlay_box *boxes,
                                           size_t count);
void v2s_film_strip_free(v2s_film_strip *strip);

#endif
