// SPDX-License-Identifier: MIT
#include "infer/film_strip.h"

#include <criterion/criterion.h>

Test(film_strip, pictures_are_evenly_spread_over_a_film_of_any_length) {
    static const uint8_t grey[32 * 32] = {0};
    v2s_picture picture = {.width = 32, .height = 32, .y = grey, .y_stride = 32};
    static const int lengths[] = {1, 2, 11, 12, 13, 24, 25, 100, 1000};
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        v2s_film_strip strip = {0};
        int n = lengths[k];
        for (int i = 0; i < n; i++)
            cr_assert(v2s_film_strip_add(&strip, &picture, i / 25.0, NULL, 0) == V2S_OK);
        size_t least = n < V2S_FILM_STRIP_MAX / 2 ? (size_t)n : V2S_FILM_STRIP_MAX / 2;
        cr_expect(strip.count >= least && strip.count <= V2S_FILM_STRIP_MAX, "%d pictures: %zu", n,
                  strip.count);
        cr_expect(strip.frames[0].time_s == 0);
        for (size_t i = 0; i < strip.count; i++) {
            cr_expect(strip.frames[i].time_s == (double)(i * strip.stride) / 25.0,
                      "%d pictures: picture %zu at %f s", n, i, strip.frames[i].time_s);
            // Every JPEG begins with ff d8 and ends with ff d9.
            const unsigned char *jpeg = strip.frames[i].jpeg;
            size_t size = strip.frames[i].jpeg_size;
            cr_expect(size > 100 && jpeg[0] == 0xff && jpeg[1] == 0xd8 && jpeg[size - 2] == 0xff &&
                      jpeg[size - 1] == 0xd9);
        }
        cr_expect(strip.count * strip.stride + strip.stride > (size_t)n, "the end is left out");
        v2s_film_strip_free(&strip);
        cr_expect(strip.count == 0);
    }
}
