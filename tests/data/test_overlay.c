// SPDX-License-Identifier: MIT
#include "data/overlay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "data/media.h"
#include "data/sound_in.h"
#include "tests/support/make_media.h"

enum { RATE = 48000 };

static void setup(void) {
    v2s_media_quiet();
    v2s_test_folder();
}

TestSuite(overlay, .init = setup, .fini = v2s_test_folder_remove);

static v2s_video *open_ok(const char *path) {
    v2s_video *video = NULL;
    cr_assert(v2s_video_open(path, NULL, &video) == V2S_OK, "%s", v2s_error_text());
    return video;
}

// Runs a whole video through the overlay with one box (20, 16, 40, 32), held in odd frames.
static v2s_status make_overlay(const char *from, const char *to, bool with_sound) {
    v2s_video *video = open_ok(from);
    v2s_overlay *overlay = NULL;
    v2s_status status =
        v2s_overlay_open(to, with_sound ? from : NULL, v2s_video_info_of(video), &overlay);
    v2s_picture p;
    double time_s;
    for (int i = 0; status == V2S_OK; i++) {
        status = v2s_video_next(video, &p, &time_s);
        v2s_overlay_box box = {{20, 16, 40, 32}, 0, i % 2 == 1, "1 0.93"};
        if (status == V2S_OK)
            status = v2s_overlay_write(overlay, &p, time_s, &box, 1);
    }
    if (status == V2S_END)
        status = v2s_overlay_commit(overlay);
    v2s_overlay_close(&overlay);
    v2s_video_close(&video);
    return status;
}

Test(overlay, keeps_the_variable_times_of_the_source) {
    const double times_s[] = {0.0, 0.04, 0.05, 0.2, 0.21, 0.45, 0.5, 1.25};
    v2s_test_video v = {.width = 128, .height = 96, .frames = 8, .times_s = times_s};
    const char *from = v2s_test_path("in.mp4"), *to = v2s_test_path("out.mp4");
    v2s_test_make_video(from, &v);
    cr_assert(make_overlay(from, to, true) == V2S_OK, "%s", v2s_error_text());
    v2s_video *video = open_ok(to);
    cr_assert(!v2s_video_info_of(video)->has_sound);
    v2s_picture p;
    double time_s;
    for (int i = 0; i < 8; i++) {
        cr_assert(v2s_video_next(video, &p, &time_s) == V2S_OK);
        cr_assert(fabs(time_s - times_s[i]) < 1e-5, "%d: %.9f", i, time_s);
    }
    cr_assert(v2s_video_next(video, &p, &time_s) == V2S_END);
    cr_assert(v2s_video_warning(video) == NULL, "%s", v2s_video_warning(video));
    v2s_video_close(&video);
    cr_assert(v2s_test_count_files(v2s_test_folder(), ".partial") == 0);
}

// Pixels of the upper edge that are bright (the box's colour is yellow).
static int bright_on_edge(const v2s_picture *p) {
    int count = 0;
    for (int x = 20; x < 60; x++)
        count += p->y[(16 + 31) * p->y_stride + x] > 170;
    return count;
}

Test(overlay, draws_whole_boxes_and_dashed_held_ones) {
    v2s_test_video v = {.width = 128, .height = 96, .frames = 2};
    const char *from = v2s_test_path("in.mp4"), *to = v2s_test_path("out.mp4");
    v2s_test_make_video(from, &v);
    cr_assert(make_overlay(from, to, false) == V2S_OK, "%s", v2s_error_text());
    v2s_video *video = open_ok(to);
    v2s_picture p;
    double time_s;
    cr_assert(v2s_video_next(video, &p, &time_s) == V2S_OK);
    cr_assert(bright_on_edge(&p) == 40, "%d", bright_on_edge(&p));
    // outside of box and label the picture is the source's
    for (int x = 70; x < 128; x++)
        cr_assert(abs(p.y[80 * p.y_stride + x] - v2s_test_luma(&v, 0, x, 80)) < 10);
    cr_assert(v2s_video_next(video, &p, &time_s) == V2S_OK);
    cr_assert(bright_on_edge(&p) > 15 && bright_on_edge(&p) < 30, "%d", bright_on_edge(&p));
    v2s_video_close(&video);
}

Test(overlay, copies_the_sound_in_step) {
    float *x = calloc(RATE, sizeof *x);
    for (int k = -8; k <= 8; k++)
        x[24000 + k] = 0.9f * (float)cos(M_PI * k / 18.0);
    v2s_test_video v = {.width = 64,
                        .height = 64,
                        .frames = 20,
                        .sound = x,
                        .sound_frames = RATE,
                        .sound_channels = 1,
                        .sound_rate_hz = RATE,
                        .sound_codec = "aac",
                        .sound_start_s = 0.25};
    const char *from = v2s_test_path("in.mp4"), *to = v2s_test_path("out.mp4");
    v2s_test_make_video(from, &v);
    cr_assert(make_overlay(from, to, true) == V2S_OK, "%s", v2s_error_text());
    v2s_sound_in *in = NULL;
    cr_assert(v2s_sound_in_open(to, &in) == V2S_OK, "%s", v2s_error_text());
    size_t room = 3 * RATE, n, peak = 0;
    float *y = malloc(room * sizeof *y);
    cr_assert(v2s_sound_in_read(in, y, room, &n) == V2S_OK);
    for (size_t i = 0; i < n; i++)
        if (fabsf(y[i]) > fabsf(y[peak]))
            peak = i;
    double at_s = v2s_sound_in_info(in)->start_s + (double)peak / RATE;
    cr_assert(fabs(at_s - 0.75) < 1e-3, "%.6f", at_s);
    v2s_sound_in_close(&in);
    free(x);
    free(y);
}

Test(overlay, sound_that_mp4_cannot_hold_is_left_out_with_a_warning) {
    float x[4800] = {0.5f};
    v2s_test_video v = {.width = 64,
                        .height = 64,
                        .frames = 3,
                        .sound = x,
                        .sound_frames = 4800,
                        .sound_channels = 1,
                        .sound_rate_hz = RATE};
    const char *from = v2s_test_path("in.mov");
    v2s_test_make_video(from, &v);
    v2s_video *video = open_ok(from);
    v2s_overlay *overlay = NULL;
    cr_assert(v2s_overlay_open(v2s_test_path("out.mp4"), from, v2s_video_info_of(video),
                               &overlay) == V2S_OK);
    cr_assert(strstr(v2s_overlay_warning(overlay), "pcm_f32le") != NULL);
    v2s_overlay_close(&overlay);
    v2s_video_close(&video);
    cr_assert(v2s_test_count_files(v2s_test_folder(), "out.mp4") == 0);
}

Test(overlay, odd_grey_and_full_range_sources_work) {
    static const struct {
        const char *codec, *pixels, *name;
        int width, height;
    } cases[] = {{"ffv1", "gray", "a.mkv", 65, 49},
                 {"ffv1", "yuv444p", "a.mkv", 63, 48},
                 {"png", "rgb24", "a.mov", 66, 51}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        v2s_test_video v = {.width = cases[i].width,
                            .height = cases[i].height,
                            .frames = 3,
                            .codec = cases[i].codec,
                            .pixels = cases[i].pixels};
        const char *from = v2s_test_path(cases[i].name), *to = v2s_test_path("out.mp4");
        v2s_test_make_video(from, &v);
        cr_assert(make_overlay(from, to, false) == V2S_OK, "%s", v2s_error_text());
        v2s_video *video = open_ok(to);
        cr_assert(v2s_video_info_of(video)->width == (cases[i].width & ~1));
        cr_assert(v2s_video_info_of(video)->height == (cases[i].height & ~1));
        v2s_video_close(&video);
    }
}

Test(overlay, boxes_far_outside_are_harmless) {
    v2s_test_video v = {.width = 64, .height = 64, .frames = 1};
    const char *from = v2s_test_path("in.mp4");
    v2s_test_make_video(from, &v);
    v2s_video *video = open_ok(from);
    v2s_picture p;
    double time_s;
    cr_assert(v2s_video_next(video, &p, &time_s) == V2S_OK);
    v2s_overlay *overlay = NULL;
    const char *to = v2s_test_path("out.mp4");
    cr_assert(v2s_overlay_open(to, NULL, v2s_video_info_of(video), &overlay) == V2S_OK);
    v2s_overlay_box boxes[] = {
        {{-1e9, -1e9, 2e9, 2e9}, -3, false, "far"},
        {{1e9, 5, 10, 10}, 7, true, "right"},
        {{NAN, 1, 2, 3}, 1, true, "nan"},
        {{60, 60, 40, 40}, 2, false, "corner of \xff"},
        {{5, 5, 0.1, 0.1}, 3, true, ""},
    };
    cr_assert(v2s_overlay_write(overlay, &p, time_s, boxes, 5) == V2S_OK);
    cr_assert(v2s_overlay_commit(overlay) == V2S_OK, "%s", v2s_error_text());
    v2s_overlay_close(&overlay);
    v2s_video_close(&video);
}

Test(overlay, a_full_disk_and_no_picture_are_errors) {
    v2s_test_video v = {.width = 64, .height = 64, .frames = 3};
    const char *from = v2s_test_path("in.mp4");
    v2s_test_make_video(from, &v);
    cr_assert(make_overlay(from, "/dev/full", false) == V2S_IO);
    cr_assert(strstr(v2s_error_text(), "/dev/full: cannot write: No space") != NULL, "%s",
              v2s_error_text());
    v2s_video_info info = {.width = 64, .height = 64};
    v2s_overlay *overlay = NULL;
    cr_assert(v2s_overlay_open(v2s_test_path("none.mp4"), NULL, &info, &overlay) == V2S_OK);
    cr_assert(v2s_overlay_commit(overlay) == V2S_ARG);
    v2s_overlay_close(&overlay);
    cr_assert(v2s_test_count_files(v2s_test_folder(), "none.mp4") == 0);
}
