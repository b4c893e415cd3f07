// SPDX-License-Identifier: MIT
// The weights that ship (checkpoints/README.md): whole, described, and better than nothing on a
// film's own sound as `render` finds them.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "infer/clip_refiner.h"
#include "infer/depth_file.h"
#include "infer/refiner_file.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

TestSuite(shipped, .fini = v2s_test_folder_remove, .timeout = 120);

static const struct {
    const char *name, *preset, *pairing;
    int rate_hz;
} shipped[] = {
    {"v2s-omni", "v2s", "omni", 0},
    {"v2s-dry", "v2s", "dry", 0},
    {"seed-omni", "seed", "omni", 16000},
    {"seed-dry", "seed", "dry", 16000},
};
enum { SHIPPED = sizeof shipped / sizeof shipped[0] };

static const char *path_of(const char *name) {
    static char path[1024];
    snprintf(path, sizeof path, V2S_TEST_DATA "/../../checkpoints/%s.safetensors", name);
    return path;
}

Test(shipped, files_are_whole_and_say_what_they_are) {
    for (size_t i = 0; i < SHIPPED; i++) {
        v2s_refiner *m = NULL;
        v2s_refiner_info info;
        cr_assert_eq(v2s_refiner_load(path_of(shipped[i].name), &m, &info), V2S_OK, "%s",
                     v2s_error_text());
        cr_expect(info.crc_checked, "%s: no CRC", shipped[i].name);
        cr_expect_str_eq(info.preset, shipped[i].preset);
        cr_expect_str_eq(info.pairing, shipped[i].pairing);
        cr_expect_eq(info.rate_hz, shipped[i].rate_hz);
        cr_expect(info.parameters < 400000);
        v2s_refiner_close(&m);
    }
}

Test(shipped, floors_are_in_them) {
    v2s_device *dev = NULL;
    cr_assert_eq(v2s_device_open("cpu", 1, &dev), V2S_OK);
    for (size_t i = 0; i < SHIPPED; i++) {
        v2s_clip_refiner *r = NULL;
        cr_assert_eq(v2s_clip_refiner_open(path_of(shipped[i].name), dev, &r), V2S_OK, "%s",
                     v2s_error_text());
        cr_expect(v2s_clip_refiner_has(r, V2S_CLIP_SCALED));
        cr_expect_eq(v2s_clip_refiner_has(r, V2S_CLIP_CONSTANT),
                     strcmp(shipped[i].preset, "v2s") == 0);
        v2s_clip_refiner_close(&r);
    }
    v2s_device_close(&dev);
}

// Share of the dipoles' energy that W along the path does not explain.
static double rest(const v2s_test_sound *s, const v2s_test_sound *geometric) {
    double apart = 0, all = 0;
    for (size_t i = 0; i < s->frames; i++)
        for (int c = 1; c < 4; c++) {
            double g = geometric->samples[i * 4 + c], x = s->samples[i * 4 + c];
            apart += (x - g) * (x - g);
            all += x * x;
        }
    return apart / all;
}

Test(shipped, a_films_own_sound_is_refined_by_name_and_by_default) {
#define FILM V2S_TEST_DATA "/media/friday.mp4"
    v2s_test_write_text("t.csv", "time_s,object,az_deg,el_deg,dist_m,confidence\n0,1,30,0,2,1\n");
    V2S_TEST_RUN("render", FILM, "--trajectory", "t.csv", "-o", "g.wav", "--refiner", "none");
    V2S_TEST_RUN("render", FILM, "--trajectory", "t.csv", "-o", "d.wav");
    V2S_TEST_RUN("render", FILM, "--trajectory", "t.csv", "-o", "n.wav", "--refiner", "v2s-omni");
    v2s_test_sound geometric = v2s_test_sound_read(v2s_test_path("g.wav"));
    v2s_test_sound usual = v2s_test_sound_read(v2s_test_path("d.wav"));
    v2s_test_sound named = v2s_test_sound_read(v2s_test_path("n.wav"));
    cr_expect_eq(v2s_test_difference(&usual, &named), 0);
    double share = rest(&named, &geometric);
    cr_expect(share > 0.02 && share < 1.5, "%g of the dipoles is new", share);
    v2s_test_sound_free(&geometric);
    v2s_test_sound_free(&usual);
    v2s_test_sound_free(&named);
}

#define DEPTH_SMALL V2S_TEST_DATA "/../../checkpoints/depth-small.safetensors"

Test(shipped, the_depth_network_is_whole_and_has_its_floors) {
    v2s_depth_file file = {0};
    cr_assert_eq(v2s_depth_file_open(DEPTH_SMALL, &file), V2S_OK, "%s", v2s_error_text());
    cr_expect_eq(file.warning_count, 0, "%s", file.warnings[0]);
    cr_expect(file.config.base_channels == 8 && file.config.size == 64 && file.rate_hz == 44100);
    cr_expect(file.mean_depth != NULL && isfinite(file.constant_depth));
    v2s_depth_file_close(&file);
}

Test(shipped, the_depth_network_beats_the_mean_map_in_rooms_that_it_never_heard) {
    v2s_test_run made = v2s_test_run_train(
        (const char *const[]){"synth", "--task", "depth", "-o", "rooms", "--clips", "36", "--rooms",
                              "12", "--seed", "424242", "--depth-size", "64", "--quiet", NULL});
    cr_assert_eq(made.code, 0, "%s", made.err);
    v2s_test_run_free(&made);
    V2S_TEST_RUN("depth", "rooms", "--split", "all", "--model", DEPTH_SMALL, "--json", "j.json",
                 "--quiet");
    cJSON *json = v2s_test_json(v2s_test_path("j.json"));
    double ratio = v2s_test_number(json, "ratio.mean_map");
    cr_expect(ratio < 0.8, "L1 is %g of the mean depth map's", ratio);
    cJSON_Delete(json);
}
