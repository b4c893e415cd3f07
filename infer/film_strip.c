// SPDX-License-Identifier: MIT
#include "infer/film_strip.h"

#include <stdlib.h>

#include "data/image.h"

static void thin_out(v2s_film_strip *strip) {
    size_t kept = 0;
    for (size_t i = 0; i < strip->count; i++) {
        if (i % 2 == 0)
            strip->frames[kept++] = strip->frames[i];
        else
            free((void *)strip->frames[i].jpeg);
    }
    strip->count = kept;
    strip->stride *= 2;
}

v2s_status v2s_film_strip_add(v2s_film_strip *strip, const v2s_picture *picture, double time_s,
                              const v2s_overlay_box *boxes, size_t count) {
    if (strip->stride == 0)
        strip->stride = 1;
    size_t index = strip->seen++;
    if (index % strip->stride != 0)
        return V2S_OK;
    if (strip->count == V2S_FILM_STRIP_MAX) {
        thin_out(strip);
        if (index % strip->stride != 0)
            return V2S_OK;
    }
    unsigned char *jpeg = NULL;
    size_t size = 0;
    V2S_TRY(v2s_image_jpeg(picture, boxes, count, V2S_FILM_STRIP_WIDTH_PX, &jpeg, &size));
    strip->frames[strip->count++] = (v2s_report_frame){time_s, jpeg, size};
    return V2S_OK;
}

void v2s_film_strip_free(v2s_film_strip *strip) {
    for (size_t i = 0; i < strip->count; i++)
        free((void *)strip->frames[i].jpeg);
    *strip = (v2s_film_strip){0};
}
