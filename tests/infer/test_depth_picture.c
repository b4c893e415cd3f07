// SPDX-License-Identifier: MIT
// Colours, axes and attention pictures of the depth run.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "infer/canvas.h"
#include "infer/depth_attention.h"
#include "infer/depth_axes.h"
#include "infer/depth_outputs.h"

static const v2s_echo_config published = {.rate_hz = 44100, .max_depth_m = 30, .size = 256};

// Relative luminance, near enough to compare lightness.
static double light(const uint8_t rgb[3]) {
    return 0.2126 * pow(rgb[0], 2.2) + 0.7152 * pow(rgb[1], 2.2) + 0.0722 * pow(rgb[2], 2.2);
}

static bool is_grey(const uint8_t rgb[3]) {
    return rgb[0] == rgb[1] && rgb[1] == rgb[2];
}

Test(depth_picture, farther_is_lighter_and_invalid_is_grey) {
    v2s_depth_ramp ramp;
    v2s_depth_ramp_init(&ramp);
    for (int i = 1; i < 256; i++)
        cr_expect(light(ramp.rgb[i]) > light(ramp.rgb[i - 1]) * 0.999, "step %d", i);
    cr_expect(light(ramp.rgb[255]) > 10 * light(ramp.rgb[0]));
    const float depth[4] = {0, 1, 5, 99};
    uint8_t rgb[12];
    v2s_depth_colours(&ramp, 4, depth, 5, rgb);
    cr_expect(is_grey(rgb) && !is_grey(rgb + 3));
    cr_expect(light(rgb + 3) < light(rgb + 6));
    cr_expect(memcmp(rgb + 6, ramp.rgb[255], 3) == 0 && memcmp(rgb + 9, ramp.rgb[255], 3) == 0);
}

Test(depth_picture, scales_end_at_whole_metres) {
    cr_expect(v2s_depth_top(2, (const float[]){0.2f, 0.3f}) == 1);
    cr_expect(v2s_depth_top(2, (const float[]){4.2f, 0.3f}) == 5);
    cr_expect(v2s_depth_top(1, (const float[]){30.0f}) == 30);
    float wall[400] = {0}; // half of it valid, two far pixels
    for (int i = 0; i < 200; i++)
        wall[i] = i < 2 ? 16.0f : 2.5f;
    cr_expect(v2s_depth_top(400, wall) == 3);
    wall[2] = 16.0f;
    cr_expect(v2s_depth_top(400, wall) == 16);
}

Test(depth_picture, errors_are_shown_where_there_is_truth) {
    v2s_depth_ramp ramp;
    v2s_depth_ramp_init(&ramp);
    const float p[3] = {2, 4, 9}, t[3] = {2, 2, 0};
    uint8_t rgb[9];
    v2s_depth_error_colours(&ramp, 3, p, t, 2, rgb);
    cr_expect(memcmp(rgb, ramp.rgb[0], 3) == 0 && memcmp(rgb + 3, ramp.rgb[255], 3) == 0);
    cr_expect(is_grey(rgb + 6));
}

Test(depth_picture, spectrograms_have_low_frequencies_at_the_bottom) {
    enum { N = 4 };
    float x[N * N] = {[0 * N + 3] = 1.0f, [3 * N + 0] = 0.1f, [2 * N + 2] = 1e-9f};
    v2s_depth_ramp ramp;
    v2s_depth_ramp_init(&ramp);
    uint8_t rgb[3 * N * N];
    v2s_depth_spectrogram_colours(&ramp, N, x, v2s_depth_loudest(N * N, x), rgb);
    cr_expect(memcmp(rgb + 3 * (3 * N + 3), ramp.rgb[255], 3) == 0, "row 0 is drawn last");
    cr_expect(memcmp(rgb + 0, ramp.rgb[170], 3) == 0, "20 dB of 60 below");
    cr_expect(memcmp(rgb + 3 * (1 * N + 2), ramp.rgb[0], 3) == 0, "below the scale");
}

Test(depth_picture, millimetres_are_rounded_and_never_invalid) {
    cr_expect(v2s_depth_millimetres(1.2346f) == 1235 && v2s_depth_millimetres(1e-6f) == 1 &&
              v2s_depth_millimetres(1000.0f) == 65535);
}

// 487 frames of 16 samples at 44.1 kHz, 170 m of way there for each second.
Test(depth_picture, columns_are_metres_and_rows_are_hertz) {
    cr_assert(v2s_echo_samples(&published) == 7782);
    double frame_m = 16.0 / 44100 * 170;
    cr_expect_float_eq(v2s_depth_distance_m(&published, 0), -0.5 * frame_m, 1e-9);
    cr_expect_float_eq(v2s_depth_distance_m(&published, 256), 486.5 * frame_m, 1e-9);
    cr_expect_float_eq(v2s_depth_distance_m(&published, 128), 243 * frame_m, 1e-9);
    cr_expect_float_eq(v2s_depth_frequency_hz(&published, 256), 256.5 * 44100 / 512, 1e-9);
    cr_expect_float_eq(v2s_depth_frequency_hz(&published, 256.0 / 257 * 0.5), 0, 1e-9);
    for (double at = 0; at < 256; at += 17.3) {
        cr_expect_float_eq(v2s_depth_column_of(&published, v2s_depth_distance_m(&published, at)),
                           at, 1e-9);
        cr_expect_float_eq(v2s_depth_row_of(&published, v2s_depth_frequency_hz(&published, at)), at,
                           1e-9);
    }
}

Test(depth_picture, numbers_of_a_map) {
    enum { SIDE = 4 };
    v2s_depth_look_numbers n;
    float map[SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; i++)
        map[i] = 1.0f / (SIDE * SIDE);
    v2s_depth_look_measure(SIDE, 64, map, &n);
    cr_expect_float_eq(n.entropy_bits, 4, 1e-6);
    cr_expect_float_eq(n.uniform_bits, 4, 1e-12);
    cr_expect(fabs(n.row - 32) < 1e-6 && fabs(n.column - 32) < 1e-6);
    memset(map, 0, sizeof map);
    map[3 * SIDE + 1] = 1;
    v2s_depth_look_measure(SIDE, 64, map, &n);
    cr_expect(n.entropy_bits == 0 && n.peak == 1 && n.row == 56 && n.column == 24);
}

// One weight at row 0 (DC), column 1 of 2 x 2: heat in the picture's lower right quarter alone.
Test(depth_picture, heat_lies_where_the_weights_are) {
    enum { SIZE = 16 };
    const v2s_echo_config echo = {.rate_hz = 44100, .max_depth_m = 30, .size = SIZE};
    const float map[4] = {0, 1, 0, 0};
    float x[SIZE * SIZE] = {0};
    x[(SIZE - 1) * SIZE] = 1; // loud at the highest frequency, first column
    v2s_depth_ramp ramp;
    v2s_depth_ramp_init(&ramp);
    v2s_depth_look_figure f = {
        .echo = &echo, .ramp = &ramp, .side = 2, .map = map, .x = x, .title = "", .subtitle = ""};
    uint8_t rgb[3 * SIZE * SIZE];
    v2s_depth_look_paint(&f, v2s_depth_look_top(&f), rgb);
    for (int row = 0; row < SIZE; row++)
        for (int column = 0; column < SIZE; column++)
            cr_expect(is_grey(rgb + 3 * (row * SIZE + column)) ==
                          !(row >= SIZE / 2 && column >= SIZE / 2),
                      "row %d, column %d", row, column);
    cr_expect(rgb[0] > 180 && rgb[3] < 30, "loud at the top left");
}

Test(depth_picture, a_map_that_says_nothing_is_pale) {
    const float even[4] = {0.25f, 0.25f, 0.25f, 0.25f}, sharp[4] = {1, 0, 0, 0};
    v2s_depth_look_figure f = {.echo = &published, .side = 2, .map = even};
    cr_expect(v2s_depth_look_top(&f) == 1.0);
    f.map = sharp;
    cr_expect(v2s_depth_look_top(&f) == 1.0);
    const float wide[16] = {0.5f, 0.5f};
    f.map = wide;
    f.side = 4;
    cr_expect(v2s_depth_look_top(&f) == 0.5);
}

Test(depth_picture, a_figure_is_a_png_with_room_for_its_axes) {
    enum { SIZE = 32 };
    const v2s_echo_config echo = {.rate_hz = 44100, .max_depth_m = 30, .size = SIZE};
    static float map[64], x[SIZE * SIZE];
    map[3] = 1;
    v2s_depth_ramp ramp;
    v2s_depth_ramp_init(&ramp);
    v2s_depth_look_figure f = {.echo = &echo,
                               .ramp = &ramp,
                               .side = 8,
                               .map = map,
                               .x = x,
                               .title = "Level 3",
                               .subtitle = "from",
                               .row = SIZE - 1,
                               .column = 0};
    unsigned char *bytes = NULL;
    size_t size = 0;
    cr_assert_eq(v2s_depth_look_draw(&f, &bytes, &size), V2S_OK);
    cr_assert(size > 100 && memcmp(bytes, "\x89PNG", 4) == 0);
    int width = bytes[18] << 8 | bytes[19], height = bytes[22] << 8 | bytes[23];
    cr_expect(width > 384 && height > 384, "%d x %d", width, height);
    free(bytes);
}

Test(depth_picture, texts_stand_where_they_are_put) {
    v2s_canvas c = {0};
    cr_assert_eq(v2s_canvas_open(40, 40, &c), V2S_OK);
    v2s_canvas_text(&c, 10, 5, 2, V2S_CANVAS_START, "I");
    v2s_canvas_text(&c, 38, 20, 2, V2S_CANVAS_END, "1111111111111111");
    v2s_canvas_text_up(&c, 0, 20, 1, "I");
    int dark = 0;
    for (int y = 5; y < 15; y++)
        for (int x = 10; x < 16; x++)
            dark += c.rgb[3 * (y * 40 + x)] == 0;
    cr_expect(dark == 4 * 9, "three dots above and below, three between: %d", dark);
    cr_expect(c.rgb[3 * (5 * 40 + 9)] == 255 && c.rgb[3 * (15 * 40 + 10)] == 255);
    cr_expect(c.rgb[3 * (29 * 40 + 37)] == 0 && c.rgb[3 * (29 * 40 + 38)] == 255, "its end");
    v2s_canvas_close(&c);
}
