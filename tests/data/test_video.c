// SPDX-License-Identifier: MIT
#include "data/video.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/image.h"
#include "data/media.h"
#include "tests/support/make_media.h"

static void setup(void) {
    v2s_media_quiet();
    v2s_test_folder();
}

TestSuite(video, .init = setup, .fini = v2s_test_folder_remove);

static v2s_video *open_ok(const char *path) {
    v2s_video *video = NULL;
    v2s_status status = v2s_video_open(path, NULL, &video);
    cr_assert(status == V2S_OK, "%s", v2s_error_text());
    return video;
}

static void assert_fails(const char *path, v2s_status code, const char *words) {
    v2s_video *video = NULL;
    v2s_error_clear();
    cr_assert(v2s_video_open(path, NULL, &video) == code, "%s: '%s'", path, v2s_error_text());
    cr_assert(video == NULL);
    cr_assert(strstr(v2s_error_text(), words) != NULL, "'%s'", v2s_error_text());
    cr_assert(strstr(v2s_error_text(), path) != NULL, "'%s'", v2s_error_text());
}

// Where pixel (x, y) of the stored picture is shown: mirror, then turn counter-clockwise.
static void shown_at(const v2s_test_video *v, int *x, int *y) {
    int w = v->width, h = v->height;
    if (v->mirrored)
        *x = w - 1 - *x;
    for (int turn = 0; turn < v->rotation_deg; turn += 90) {
        int old_x = *x;
        *x = *y;
        *y = w - 1 - old_x;
        int old_w = w;
        w = h;
        h = old_w;
    }
}

static void assert_luma(const v2s_test_video *v, int frame, const v2s_picture *p, int tolerance) {
    for (int y = 0; y < v->height; y++)
        for (int x = 0; x < v->width; x++) {
            int to_x = x, to_y = y;
            shown_at(v, &to_x, &to_y);
            int found = p->y[to_y * p->y_stride + to_x], expected = v2s_test_luma(v, frame, x, y);
            cr_assert(abs(found - expected) <= tolerance, "frame %d (%d, %d): %d, expected %d",
                      frame, x, y, found, expected);
        }
}

// Reads all pictures; checks luma and times (seconds after the first stamp of the file).
static void assert_video(const char *path, const v2s_test_video *v, int tolerance) {
    v2s_video *video = open_ok(path);
    v2s_picture p;
    double time_s;
    int n = 0;
    v2s_status status;
    while ((status = v2s_video_next(video, &p, &time_s)) == V2S_OK) {
        double expected_s = v->times_s != NULL ? v->times_s[n] : n / 25.0;
        cr_assert(fabs(time_s - expected_s) < 1e-5, "frame %d: %.9f s, expected %.9f", n, time_s,
                  expected_s);
        assert_luma(v, n, &p, tolerance);
        n++;
    }
    cr_assert(status == V2S_END);
    cr_assert(n == v->frames, "%d of %d frames", n, v->frames);
    cr_assert(v2s_video_warning(video) == NULL, "%s", v2s_video_warning(video));
    v2s_video_close(&video);
}

Test(video, gives_back_pictures_and_variable_times) {
    const double times_s[] = {0.0, 0.04, 0.05, 0.2, 0.21, 0.45, 0.5, 1.25};
    v2s_test_video v = {.width = 100, .height = 80, .frames = 8, .times_s = times_s};
    const char *path = v2s_test_path("vfr.mp4");
    v2s_test_make_video(path, &v);
    assert_video(path, &v, 0);
}

Test(video, tells_size_rate_and_range) {
    v2s_test_video v = {.width = 100, .height = 80, .frames = 25};
    const char *path = v2s_test_path("a.mp4");
    v2s_test_make_video(path, &v);
    v2s_video *video = open_ok(path);
    const v2s_video_info *info = v2s_video_info_of(video);
    cr_assert(info->width == 100 && info->height == 80 && info->rotation_deg == 0);
    cr_assert(fabs(info->frame_rate_hz - 25.0) < 1e-6 && info->frames_estimate == 25);
    cr_assert(fabs(info->duration_s - 1.0) < 1e-3 && info->sample_aspect == 1.0);
    cr_assert(info->fov_deg == 0.0 && !info->has_sound && !info->is_folder);
    v2s_picture p;
    double time_s;
    cr_assert(v2s_video_next(video, &p, &time_s) == V2S_OK);
    cr_assert(p.width == 100 && p.height == 80 && !p.full_range && !p.bt709);
    cr_assert(p.chroma_shift_x == 1 && p.chroma_shift_y == 1);
    cr_assert(p.u[3 * p.uv_stride + 5] == 105 && p.v[3 * p.uv_stride + 5] == 123);
    v2s_video_close(&video);
}

Test(video, applies_every_display_matrix) {
    for (int mirrored = 0; mirrored < 2; mirrored++)
        for (int turn = 0; turn < 4; turn++) {
            v2s_test_video v = {.width = 96,
                                .height = 64,
                                .frames = 3,
                                .rotation_deg = 90 * turn,
                                .mirrored = mirrored != 0};
            const char *path = v2s_test_path("turned.mp4");
            v2s_test_make_video(path, &v);
            v2s_video *video = open_ok(path);
            const v2s_video_info *info = v2s_video_info_of(video);
            cr_assert(info->rotation_deg == 90 * turn, "%d", info->rotation_deg);
            cr_assert(info->width == (turn % 2 ? 64 : 96) && info->height == (turn % 2 ? 96 : 64));
            v2s_video_close(&video);
            assert_video(path, &v, 0);
        }
}

Test(video, turns_chroma_with_luma) {
    v2s_test_video v = {.width = 96, .height = 64, .frames = 1, .rotation_deg = 90};
    const char *path = v2s_test_path("turned.mp4");
    v2s_test_make_video(path, &v);
    v2s_video *video = open_ok(path);
    v2s_picture p;
    double time_s;
    cr_assert(v2s_video_next(video, &p, &time_s) == V2S_OK);
    // chroma (x, y) of 48 x 32 goes to (y, 47 - x)
    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 48; x++) {
            cr_assert(p.u[(47 - x) * p.uv_stride + y] == 100 + x % 40);
            cr_assert(p.v[(47 - x) * p.uv_stride + y] == 120 + y % 40);
        }
    v2s_video_close(&video);
}

Test(video, reads_other_pixel_formats) {
    static const struct {
        const char *codec, *pixels, *name;
        int shift_x, shift_y, tolerance;
        bool full;
    } cases[] = {
        {NULL, "yuv444p", "a.mp4", 0, 0, 0, false},
        {NULL, "yuv422p", "a.mp4", 1, 0, 0, false},
        {"ffv1", "gray", "a.mkv", -1, -1, 0, true},
        {"libx264rgb", "rgb24", "a.mp4", 0, 0, 1, true},
        {"png", "rgb24", "a.mov", 0, 0, 1, true},
        {"mjpeg", "yuvj420p", "a.mov", 1, 1, 8, true},
        {"ffv1", "yuva420p", "a.mkv", 1, 1, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        v2s_test_video v = {.width = 96,
                            .height = 64,
                            .frames = 3,
                            .codec = cases[i].codec,
                            .pixels = cases[i].pixels,
                            .full_range = cases[i].full};
        if (cases[i].codec != NULL && strcmp(cases[i].codec, "libx264rgb") == 0)
            v.full_range = false;
        const char *path = v2s_test_path(cases[i].name);
        v2s_test_make_video(path, &v);
        v2s_video *video = open_ok(path);
        v2s_picture p;
        double time_s;
        int n = 0;
        while (v2s_video_next(video, &p, &time_s) == V2S_OK) {
            assert_luma(&v, n++, &p, cases[i].tolerance);
            cr_assert(p.full_range == cases[i].full, "case %zu", i);
            cr_assert((p.u == NULL) == (cases[i].shift_x < 0), "case %zu", i);
            if (p.u != NULL)
                cr_assert(p.chroma_shift_x == cases[i].shift_x &&
                          p.chroma_shift_y == cases[i].shift_y);
        }
        cr_assert(n == 3);
        v2s_video_close(&video);
    }
}

Test(video, reads_odd_sizes_turned_too) {
    for (int turn = 0; turn < 4; turn++) {
        v2s_test_video v = {.width = 61,
                            .height = 47,
                            .frames = 2,
                            .codec = "ffv1",
                            .rotation_deg = 90 * turn,
                            .mirrored = turn == 3};
        const char *path = v2s_test_path("odd.mov");
        v2s_test_make_video(path, &v);
        assert_video(path, &v, 0);
    }
}

Test(video, time_zero_is_where_the_container_starts) {
    const double times_s[] = {1.5, 1.54, 1.58, 1.7};
    static float sound[48000];
    v2s_test_video v = {.width = 64,
                        .height = 64,
                        .frames = 4,
                        .times_s = times_s,
                        .codec = "ffv1",
                        .sound = sound,
                        .sound_frames = 24000,
                        .sound_channels = 1,
                        .sound_rate_hz = 48000,
                        .sound_start_s = 1.25};
    const char *path = v2s_test_path("late.mkv");
    v2s_test_make_video(path, &v);
    v2s_video *video = open_ok(path);
    cr_assert(fabs(v2s_video_info_of(video)->origin_s - 1.25) < 1e-3);
    cr_assert(v2s_video_info_of(video)->has_sound);
    v2s_picture p;
    double time_s;
    for (int i = 0; i < 4; i++) {
        cr_assert(v2s_video_next(video, &p, &time_s) == V2S_OK);
        cr_assert(fabs(time_s - (times_s[i] - 1.25)) < 1e-9, "%.9f", time_s);
    }
    v2s_video_close(&video);
}

Test(video, repairs_stamps_that_do_not_increase) {
    // Matroska rounds to milliseconds: the second and third picture get the same stamp.
    const double times_s[] = {0.0, 0.040, 0.0402, 0.120, 0.160};
    v2s_test_video v = {
        .width = 64, .height = 64, .frames = 5, .codec = "ffv1", .times_s = times_s};
    const char *path = v2s_test_path("doubled.mkv");
    v2s_test_make_video(path, &v);
    v2s_video *video = open_ok(path);
    v2s_picture p;
    double time_s, last_s = -1.0;
    int n = 0;
    while (v2s_video_next(video, &p, &time_s) == V2S_OK) {
        cr_assert(time_s > last_s, "%g after %g", time_s, last_s);
        if (n != 2)
            cr_assert(fabs(time_s - times_s[n]) < 1e-9);
        last_s = time_s;
        n++;
    }
    cr_assert(n == 5);
    cr_assert(v2s_video_warning(video) != NULL &&
              strstr(v2s_video_warning(video), "1 of 5 frames") != NULL);
    v2s_video_close(&video);
}

Test(video, field_of_view_comes_from_the_35_mm_focal_length) {
    const char *key = "com.apple.quicktime.camera.focal_length.35mm_equivalent";
    for (int turn = 0; turn < 2; turn++) {
        v2s_test_video v = {.width = 160,
                            .height = 90,
                            .frames = 2,
                            .rotation_deg = 90 * turn,
                            .key = key,
                            .value = "26"};
        const char *path = v2s_test_path("phone.mov");
        v2s_test_make_video(path, &v);
        v2s_video *video = open_ok(path);
        const v2s_video_info *info = v2s_video_info_of(video);
        double width = turn ? 90.0 : 160.0;
        double f_px = 26.0 * hypot(160.0, 90.0) / hypot(36.0, 24.0);
        double expected = 2.0 * atan(width / (2.0 * f_px)) * 180.0 / M_PI;
        cr_assert(fabs(info->fov_deg - expected) < 1e-3, "%g, expected %g", info->fov_deg,
                  expected);
        cr_assert(strstr(info->fov_source, "26 mm") != NULL, "'%s'", info->fov_source);
        v2s_video_close(&video);
    }
}

Test(video, pictures_by_reference_outlive_the_video) {
    v2s_test_video v = {.width = 96, .height = 64, .frames = 6, .rotation_deg = 270};
    const char *path = v2s_test_path("refs.mp4");
    v2s_test_make_video(path, &v);
    v2s_video *video = open_ok(path);
    v2s_picture p[6];
    void *ref[6];
    double time_s;
    for (int i = 0; i < 6; i++)
        cr_assert(v2s_video_next_ref(video, &p[i], &time_s, &ref[i]) == V2S_OK);
    void *none = NULL;
    v2s_picture unused;
    cr_assert(v2s_video_next_ref(video, &unused, &time_s, &none) == V2S_END && none == NULL);
    v2s_video_close(&video);
    cr_assert(video == NULL);
    for (int i = 0; i < 6; i++) {
        assert_luma(&v, i, &p[i], 0);
        v2s_video_unref(&ref[i]);
        cr_assert(ref[i] == NULL);
    }
}

Test(video, a_truncated_file_gives_what_decodes_and_a_warning) {
    v2s_test_video v = {.width = 96, .height = 64, .frames = 100, .codec = "ffv1"};
    const char *path = v2s_test_path("cut.mkv");
    v2s_test_make_video(path, &v);
    struct stat info;
    cr_assert(stat(path, &info) == 0 && truncate(path, info.st_size * 6 / 10) == 0);
    v2s_video *video = open_ok(path);
    v2s_picture p;
    double time_s;
    int n = 0;
    while (v2s_video_next(video, &p, &time_s) == V2S_OK)
        n++;
    cr_assert(n > 40 && n < 70, "%d", n);
    char words[64];
    snprintf(words, sizeof words, "truncated: %d of about 100 frames decoded", n);
    cr_assert(v2s_video_warning(video) != NULL);
    cr_assert(strstr(v2s_video_warning(video), words) != NULL, "%s", v2s_video_warning(video));
    v2s_video_close(&video);
}

Test(video, a_file_without_its_index_is_one_sentence) {
    v2s_test_video v = {.width = 96, .height = 64, .frames = 50};
    const char *path = v2s_test_path("cut.mp4");
    v2s_test_make_video(path, &v);
    struct stat info;
    cr_assert(stat(path, &info) == 0 && truncate(path, info.st_size / 2) == 0);
    assert_fails(path, V2S_FORMAT, "no picture or sound can be read");
}

Test(video, what_is_no_video_is_one_sentence) {
    assert_fails(v2s_test_path("missing.mp4"), V2S_IO, "No such file");
    const char *path = v2s_test_path("empty.mp4");
    v2s_test_write_file(path, "", 0);
    assert_fails(path, V2S_FORMAT, "empty");
    path = v2s_test_path("text.mp4");
    v2s_test_write_file(path, "not a video at all\n", 19);
    assert_fails(path, V2S_FORMAT, "no picture");
    float sound[100] = {0.5f};
    path = v2s_test_path("sound.wav");
    v2s_test_make_wav(path, sound, 100, 1, 48000);
    assert_fails(path, V2S_FORMAT, "no video stream");
    assert_fails(v2s_test_folder(), V2S_FORMAT, "holds no image");
}

static void write_png(const char *folder, const char *name, int width, int height, uint8_t grey) {
    uint8_t *rgb = malloc((size_t)(3 * width * height));
    memset(rgb, grey, (size_t)(3 * width * height));
    unsigned char *bytes = NULL;
    size_t size = 0;
    cr_assert(v2s_image_png_rgb(rgb, width, height, &bytes, &size) == V2S_OK);
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    v2s_test_write_file(path, bytes, size);
    free(bytes);
    free(rgb);
}

static const char *image_folder(void) {
    const char *folder = v2s_test_path("images");
    cr_assert(mkdir(folder, 0777) == 0);
    write_png(folder, "img10.png", 32, 20, 40);
    write_png(folder, "img9.png", 32, 20, 30);
    write_png(folder, "img008.png", 32, 20, 20);
    write_png(folder, "img7.PNG", 32, 20, 10);
    write_png(folder, ".hidden.png", 32, 20, 99);
    char path[512];
    snprintf(path, sizeof path, "%s/notes.txt", folder);
    v2s_test_write_file(path, "x", 1);
    return folder;
}

Test(video, a_folder_is_read_in_natural_order) {
    const char *folder = image_folder();
    v2s_video *video = NULL;
    v2s_video_options options = {.fps_hz = 10.0};
    cr_assert(v2s_video_open(folder, &options, &video) == V2S_OK, "%s", v2s_error_text());
    const v2s_video_info *info = v2s_video_info_of(video);
    cr_assert(info->is_folder && !info->fps_is_default && info->frames_estimate == 4);
    cr_assert(info->width == 32 && info->height == 20 && fabs(info->duration_s - 0.4) < 1e-12);
    v2s_picture p;
    double time_s;
    for (int i = 0; i < 4; i++) {
        cr_assert(v2s_video_next(video, &p, &time_s) == V2S_OK);
        cr_assert(fabs(time_s - 0.1 * i) < 1e-12);
        cr_assert(abs(p.y[5] - 10 * (i + 1)) <= 1, "image %d: %d", i, p.y[5]);
    }
    cr_assert(v2s_video_next(video, &p, &time_s) == V2S_END);
    v2s_video_close(&video);
    video = open_ok(folder);
    cr_assert(v2s_video_info_of(video)->fps_is_default);
    cr_assert(v2s_video_info_of(video)->frame_rate_hz == 25.0);
    v2s_video_close(&video);
}

Test(video, an_image_of_another_size_is_named) {
    const char *folder = image_folder();
    write_png(folder, "img8b.png", 30, 20, 0);
    v2s_video *video = open_ok(folder);
    v2s_picture p;
    double time_s;
    cr_assert(v2s_video_next(video, &p, &time_s) == V2S_OK);
    cr_assert(v2s_video_next(video, &p, &time_s) == V2S_OK);
    cr_assert(v2s_video_next(video, &p, &time_s) == V2S_FORMAT);
    cr_assert(strstr(v2s_error_text(), "img8b.png: 30 x 20 pixels") != NULL, "%s",
              v2s_error_text());
    v2s_video_close(&video);
}

Test(video, a_broken_image_is_named) {
    const char *folder = image_folder();
    char path[512];
    snprintf(path, sizeof path, "%s/img11.png", folder);
    v2s_test_write_file(path, "\x89PNG\r\n\x1a\nnonsense nonsense", 25);
    v2s_video *video = open_ok(folder);
    v2s_picture p;
    double time_s;
    for (int i = 0; i < 4; i++)
        cr_assert(v2s_video_next(video, &p, &time_s) == V2S_OK);
    cr_assert(v2s_video_next(video, &p, &time_s) == V2S_FORMAT);
    cr_assert(strstr(v2s_error_text(), "img11.png") != NULL);
    v2s_video_close(&video);
}

// A JPEG (from our own encoder) of a picture whose left half is bright, with EXIF: shown turned by
// 90 degrees clockwise, focal length 28 mm in 35 mm film.
static void write_exif_jpeg(const char *path) {
    static uint8_t luma[48 * 96];
    for (int y = 0; y < 48; y++)
        memset(luma + 96 * y, 200, 48);
    v2s_picture p = {.width = 96, .height = 48, .y = luma, .y_stride = 96, .full_range = true};
    unsigned char *jpeg = NULL;
    size_t size = 0;
    cr_assert(v2s_image_jpeg(&p, NULL, 0, 0, &jpeg, &size) == V2S_OK);
    static const unsigned char exif[] = {
        0xFF, 0xE1, 0,   64, 'E', 'x', 'i', 'f', 0,  0,       // APP1, length
        'I',  'I',  '*', 0,  8,   0,   0,   0,                // TIFF, first directory at 8
        2,    0,                                              // two entries
        0x12, 0x01, 3,   0,  1,   0,   0,   0,   6,  0, 0, 0, // Orientation 6
        0x69, 0x87, 4,   0,  1,   0,   0,   0,   38, 0, 0, 0, // EXIF directory at 38
        0,    0,    0,   0,  1,   0,                          // no next directory; one entry
        0x05, 0xA4, 3,   0,  1,   0,   0,   0,   28, 0, 0, 0, // FocalLengthIn35mmFilm 28
        0,    0,    0,   0,
    };
    unsigned char *all = malloc(size + sizeof exif);
    memcpy(all, jpeg, 2);
    memcpy(all + 2, exif, sizeof exif);
    memcpy(all + 2 + sizeof exif, jpeg + 2, size - 2);
    v2s_test_write_file(path, all, size + sizeof exif);
    free(all);
    free(jpeg);
}

Test(video, exif_turns_an_image_and_gives_its_field_of_view) {
    const char *folder = v2s_test_path("photos");
    cr_assert(mkdir(folder, 0777) == 0);
    char file[512];
    snprintf(file, sizeof file, "%s/1.jpg", folder);
    write_exif_jpeg(file);
    const char *const paths[] = {folder, file};
    for (int i = 0; i < 2; i++) {
        v2s_video *video = open_ok(paths[i]);
        const v2s_video_info *info = v2s_video_info_of(video);
        cr_assert(info->width == 48 && info->height == 96 && info->rotation_deg == 270);
        double f_px = 28.0 * hypot(96.0, 48.0) / hypot(36.0, 24.0);
        cr_assert(fabs(info->fov_deg - 360.0 / M_PI * atan(24.0 / f_px)) < 1e-3);
        v2s_picture p;
        double time_s;
        cr_assert(v2s_video_next(video, &p, &time_s) == V2S_OK);
        cr_assert(p.y[10 * p.y_stride + 24] > 150 && p.y[80 * p.y_stride + 24] < 50);
        v2s_video_close(&video);
    }
}

Test(video, a_cover_picture_is_no_video) {
    static float sound[4800];
    v2s_test_video v = {.width = 64,
                        .height = 64,
                        .frames = 1,
                        .codec = "png",
                        .pixels = "rgb24",
                        .cover = true,
                        .sound = sound,
                        .sound_frames = 4800,
                        .sound_channels = 1,
                        .sound_rate_hz = 48000,
                        .sound_codec = "aac"};
    const char *path = v2s_test_path("song.m4a");
    v2s_test_make_video(path, &v);
    assert_fails(path, V2S_FORMAT, "no video stream (a cover picture only)");
}
