// SPDX-License-Identifier: MIT
#include "data/depth_map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/image.h"
#include "data/media.h"
#include "data/npy.h"
#include "tests/support/damage.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"

enum { HEIGHT = 45, WIDTH = 80, PIXELS = 1000 }; // as in make_echo_golden.py

static void setup(void) {
    v2s_media_quiet();
    v2s_test_folder();
}

TestSuite(depth_map, .init = setup, .fini = v2s_test_folder_remove);

static v2s_depth_map_options options_of(int size, v2s_depth_resize resize) {
    v2s_depth_map_options o = {.max_depth_m = 30, .size = size, .resize = resize};
    return o;
}

static void fill_mm(uint16_t *mm) {
    static float h[HEIGHT * WIDTH];
    hash_noise(301, HEIGHT * WIDTH, 1.0f, h);
    for (int i = 0; i < HEIGHT * WIDTH; i++)
        mm[i] = (double)h[i] < -0.6 ? 0 : (uint16_t)floor(16100 + 16000 * (double)h[i]);
}

static const char *write_u16(const char *name, size_t h, size_t w, const uint16_t *mm) {
    const char *path = v2s_test_path(name);
    const size_t dim[] = {h, w};
    cr_assert(v2s_npy_write_u16(path, 2, dim, mm) == V2S_OK, "%s", v2s_error_text());
    return path;
}

static const char *write_png(const char *name, int w, int h, const uint16_t *mm) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    cr_assert(v2s_image_png_grey16(mm, w, h, &bytes, &size) == V2S_OK);
    const char *path = v2s_test_path(name);
    v2s_test_write_file(path, bytes, size);
    free(bytes);
    return path;
}

static const char *write_f32(const char *name, size_t h, size_t w, const float *values) {
    const char *path = v2s_test_path(name);
    const size_t dim[] = {h, w};
    cr_assert(v2s_npy_write_f32(path, 2, dim, values) == V2S_OK, "%s", v2s_error_text());
    return path;
}

static void read_ok(const char *path, const v2s_depth_map_options *o, float *depth) {
    cr_assert(v2s_depth_map_read(path, o, depth) == V2S_OK, "%s", v2s_error_text());
}

static FILE *open_golden(void) {
    FILE *f = fopen(V2S_TEST_DATA "/golden/echo.txt", "r");
    cr_assert(f != NULL);
    return f;
}

Test(depth_map, resizing_equals_pytorch) {
    static uint16_t mm[HEIGHT * WIDTH];
    static float depth[64 * 64];
    fill_mm(mm);
    const char *paths[] = {write_u16("d.npy", HEIGHT, WIDTH, mm),
                           write_png("d.PNG", WIDTH, HEIGHT, mm)};
    for (int p = 0; p < 2; p++) {
        FILE *f = open_golden();
        char line[200], mode[20], last[40] = "";
        int size, row, col, count = 0;
        double value;
        while (fgets(line, sizeof line, f) != NULL)
            if (sscanf(line, "resize %19s %d %d %d %lf", mode, &size, &row, &col, &value) == 5) {
                v2s_depth_map_options o = options_of(
                    size, strcmp(mode, "nearest") == 0 ? V2S_DEPTH_NEAREST : V2S_DEPTH_BILINEAR);
                char now[40];
                snprintf(now, sizeof now, "%s %d", mode, size);
                if (strcmp(now, last) != 0)
                    read_ok(paths[p], &o, depth);
                strcpy(last, now);
                cr_expect(fabs((double)depth[row * size + col] - value) < 1e-5, "%s: %g", line,
                          (double)depth[row * size + col]);
                count++;
            }
        fclose(f);
        cr_expect(count > 200, "%d", count);
    }
}

Test(depth_map, nearest_takes_the_pixel_under_the_middle) {
    uint16_t mm[7 * 5];
    float depth[16 * 16];
    for (int i = 0; i < 35; i++)
        mm[i] = (uint16_t)(1000 + i);
    const char *path = write_u16("n.npy", 7, 5, mm);
    for (int size = 1; size <= 16; size++) {
        v2s_depth_map_options o = options_of(size, V2S_DEPTH_NEAREST);
        read_ok(path, &o, depth);
        for (int i = 0; i < size; i++)
            for (int j = 0; j < size; j++) {
                int y = (int)floor((i + 0.5) * 7 / size), x = (int)floor((j + 0.5) * 5 / size);
                cr_expect_float_eq(depth[i * size + j], 0.001 * mm[5 * y + x], 1e-6);
            }
    }
}

Test(depth_map, bilinear_mixes_invalid_zeros_and_nearest_does_not) {
    const uint16_t mm[4] = {4000, 0, 4000, 0};
    const float mixed[4] = {4, 3, 1, 0};
    const char *path = write_u16("z.npy", 2, 2, mm);
    float depth[16];
    v2s_depth_map_options o = options_of(4, V2S_DEPTH_NEAREST);
    read_ok(path, &o, depth);
    for (int i = 0; i < 16; i++)
        cr_expect_eq(depth[i], i % 4 < 2 ? 4.0f : 0.0f);
    o.resize = V2S_DEPTH_BILINEAR;
    read_ok(path, &o, depth);
    for (int i = 0; i < 16; i++)
        cr_expect_float_eq(depth[i], mixed[i % 4], 1e-6);
}

// 0, NaN, negative -> 0; above the largest depth and +inf -> the largest.
Test(depth_map, what_cannot_be_a_depth_is_invalid) {
    const float metres[9] = {0, NAN, -2, INFINITY, -INFINITY, 29.5f, 30.5f, 1e30f, 0.25f};
    const float expected[9] = {0, 0, 0, 30, 0, 29.5f, 30, 30, 0.25f};
    const char *path = write_f32("f.npy", 3, 3, metres);
    float depth[9];
    v2s_depth_map_options o = options_of(3, V2S_DEPTH_NEAREST);
    read_ok(path, &o, depth);
    for (int i = 0; i < 9; i++)
        cr_expect_eq(depth[i], expected[i], "%d: %g", i, (double)depth[i]);
    o.resize = V2S_DEPTH_BILINEAR; // the same pixels: nothing is mixed
    read_ok(path, &o, depth);
    for (int i = 0; i < 9; i++)
        cr_expect_eq(depth[i], expected[i], "%d: %g", i, (double)depth[i]);
}

Test(depth_map, floats_are_metres_unless_said_otherwise) {
    const float values[4] = {1500, 0, INFINITY, 40000};
    const char *path = write_f32("mm.npy", 2, 2, values);
    float depth[4];
    v2s_depth_map_options o = options_of(2, V2S_DEPTH_NEAREST);
    read_ok(path, &o, depth);
    cr_expect_eq(depth[0], 30);
    o.millimetres = true;
    read_ok(path, &o, depth);
    cr_expect(depth[0] == 1.5f && depth[1] == 0 && depth[2] == 30 && depth[3] == 30);
    const uint16_t mm[4] = {1500, 0, 65535, 1};
    path = write_u16("int.npy", 2, 2, mm); // integers are millimetres either way
    for (int k = 0; k < 2; k++) {
        o.millimetres = k == 1;
        read_ok(path, &o, depth);
        cr_expect(depth[0] == 1.5f && depth[1] == 0 && depth[2] == 30 && depth[3] == 0.001f);
    }
}

// An int16 array, which can hold negative depths, with an axis of one in front.
Test(depth_map, signed_integers_and_a_spare_axis_are_read) {
    static const char file[] = "\x93NUMPY\1\0\x46\0"
                               "{'descr': '<i2', 'fortran_order': False, 'shape': (1, 2, 2)}"
                               "         \n"
                               "\xD0\x07\xFF\xFF\0\0\xB8\x0B";
    const char *path = v2s_test_path("i2.npy");
    v2s_test_write_file(path, file, sizeof file - 1);
    float depth[4];
    v2s_depth_map_options o = options_of(2, V2S_DEPTH_NEAREST);
    read_ok(path, &o, depth);
    cr_expect(depth[0] == 2 && depth[1] == 0 && depth[2] == 0 && depth[3] == 3);
}

static void assert_fails(const char *path, v2s_status code, const char *part) {
    float depth[16] = {0};
    v2s_depth_map_options o = options_of(4, V2S_DEPTH_NEAREST);
    v2s_error_clear();
    cr_expect(v2s_depth_map_read(path, &o, depth) == code, "%s: '%s'", path, v2s_error_text());
    cr_expect(strstr(v2s_error_text(), part) != NULL, "no '%s' in '%s'", part, v2s_error_text());
    cr_expect(strncmp(v2s_error_text(), path, strlen(path)) == 0, "'%s'", v2s_error_text());
}

Test(depth_map, what_is_no_depth_map_is_named) {
    static const uint16_t zeros[24];
    const float invalid[4] = {NAN, -1, 0, -INFINITY};
    const size_t dim[] = {4, 3, 2};
    static const float values[24];
    static const uint8_t rgb[3 * 24];
    assert_fails(v2s_test_path("gone.npy"), V2S_IO, "No such file");
    assert_fails(v2s_test_path("gone.png"), V2S_IO, "No such file");
    assert_fails(write_u16("0.npy", 4, 6, zeros), V2S_FORMAT, "no pixel has a valid depth");
    assert_fails(write_png("0.png", 4, 6, zeros), V2S_FORMAT, "no pixel has a valid depth");
    assert_fails(write_f32("nan.npy", 2, 2, invalid), V2S_FORMAT, "no pixel has a valid depth");
    assert_fails(write_u16("e.npy", 0, 6, zeros), V2S_FORMAT, "two dimensions");
    const char *path = v2s_test_path("3.npy");
    cr_assert(v2s_npy_write_f32(path, 3, dim, values) == V2S_OK);
    assert_fails(path, V2S_FORMAT, "expected a depth map of two dimensions, found 3");
    cr_assert(v2s_npy_write_f32(path, 1, dim, values) == V2S_OK);
    assert_fails(path, V2S_FORMAT, "expected a depth map of two dimensions, found 1");
    unsigned char *bytes = NULL;
    size_t size = 0;
    cr_assert(v2s_image_png_rgb(rgb, 4, 6, &bytes, &size) == V2S_OK);
    path = v2s_test_path("rgb.png");
    v2s_test_write_file(path, bytes, size);
    assert_fails(path, V2S_FORMAT, "16-bit grey pixels, found rgb24");
    free(bytes);
    v2s_test_write_file(path, "RIFFxxxxWAVE", 12);
    assert_fails(path, V2S_FORMAT, "not a PNG");
}

Test(depth_map, damaged_pngs_never_crash_and_never_pass) {
    static uint16_t mm[HEIGHT * WIDTH];
    static float depth[16], whole[16];
    fill_mm(mm);
    const char *path = write_png("whole.png", WIDTH, HEIGHT, mm);
    const char *spoilt = v2s_test_path("spoilt.png");
    v2s_depth_map_options o = options_of(4, V2S_DEPTH_NEAREST);
    read_ok(path, &o, whole);
    size_t size;
    unsigned char *data = v2s_test_read_file(path, &size);
    uint32_t state = 2;
    int refused = 0;
    for (int i = 0; i < 300; i++) {
        size_t damaged_size = size;
        unsigned char *bytes = v2s_test_damage(data, &damaged_size, &state);
        v2s_test_write_file(spoilt, bytes, damaged_size);
        free(bytes);
        if (v2s_depth_map_read(spoilt, &o, depth) != V2S_OK)
            refused++;
        else // chunks have check sums: what passes is what was written
            cr_expect(memcmp(depth, whole, sizeof whole) == 0, "case %d", i);
    }
    cr_expect(refused > 200, "%d", refused);
    free(data);
}

// base, truth and prediction of make_echo_golden.py
static void make_maps(const char *name, float *predicted, float *truth) {
    static float base[PIXELS], hole[PIXELS], noise[PIXELS];
    hash_noise(302, PIXELS, 4.5f, base);
    hash_noise(303, PIXELS, 1.0f, hole);
    hash_noise(304, PIXELS, 0.45f, noise);
    int at = -1, valid = 0;
    for (int i = 0; i < PIXELS; i++) {
        base[i] = 5.0f + base[i];
        float change = noise[i] * base[i];
        predicted[i] = base[i] + change;
        truth[i] = (double)hole[i] < -0.7 ? 0.0f : base[i];
        if (truth[i] > 0 && valid++ == 5)
            at = i;
    }
    if (strcmp(name, "plain") != 0)
        predicted[at] = strcmp(name, "zero") == 0 ? 0.0f : -1.0f;
}

Test(depth_map, scores_equal_numpy) {
    FILE *f = open_golden();
    static float predicted[PIXELS], truth[PIXELS];
    char line[200], name[20], key[20];
    double value;
    int count = 0;
    while (fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "m7 %19s %19s %lf", name, key, &value) == 3) {
            v2s_depth_scores s;
            make_maps(name, predicted, truth);
            cr_assert(v2s_depth_scores_of(PIXELS, predicted, truth, &s));
            const struct {
                const char *key;
                double value;
            } all[] = {{"rmse", s.rmse},    {"abs_rel", s.abs_rel}, {"log10", s.log10},
                       {"mae", s.mae},      {"delta1", s.delta1},   {"delta2", s.delta2},
                       {"delta3", s.delta3}};
            for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
                if (strcmp(all[i].key, key) == 0) {
                    cr_expect(all[i].value == value || fabs(all[i].value - value) < 1e-9,
                              "%s: %.12g", line, all[i].value);
                    count++;
                }
        }
    fclose(f);
    cr_expect_eq(count, 21);
}

Test(depth_map, scores_need_a_valid_pixel) {
    const float predicted[3] = {1, 2, 3}, truth[3] = {0, NAN, -1};
    v2s_depth_scores s;
    cr_expect(!v2s_depth_scores_of(3, predicted, truth, &s));
    cr_expect(!v2s_depth_scores_of(0, predicted, truth, &s));
    const float right[3] = {0, 2, 0};
    cr_assert(v2s_depth_scores_of(3, predicted, right, &s));
    cr_expect(s.rmse == 0 && s.mae == 0 && s.abs_rel == 0 && s.log10 == 0 && s.delta1 == 1);
}

Test(depth_map, the_real_sample_is_read) {
    const char *path = V2S_SHARED_DATA "/batvision/depth_47.npy";
    if (access(path, R_OK) != 0)
        cr_skip_test("%s is not there", path);
    enum { SIZE = 256 };
    static float depth[SIZE * SIZE];
    v2s_npy a = {0};
    cr_assert(v2s_npy_read(path, 1 << 20, &a) == V2S_OK, "%s", v2s_error_text());
    cr_expect(a.rank == 2 && a.dim[0] == 720 && a.dim[1] == 1280 && a.kind == V2S_NPY_UNSIGNED);
    size_t zeros = 0;
    for (size_t i = 0; i < a.count; i++)
        zeros += a.values[i] == 0;
    cr_expect_eq(zeros, 199670); // 21.7 %
    v2s_depth_map_options o = options_of(SIZE, V2S_DEPTH_NEAREST);
    read_ok(path, &o, depth);
    zeros = 0;
    for (int i = 0; i < SIZE * SIZE; i++) {
        size_t y = (size_t)((i / SIZE + 0.5) * 720 / SIZE);
        size_t x = (size_t)((i % SIZE + 0.5) * 1280 / SIZE);
        cr_assert_float_eq(depth[i], 0.001 * a.values[y * 1280 + x], 1e-5);
        zeros += depth[i] == 0;
    }
    cr_expect(fabs((double)zeros / (SIZE * SIZE) - 0.217) < 0.005);
    v2s_npy_free(&a);
}
