// SPDX-License-Identifier: MIT
// Pairs of four-channel files through the program: keys, detail, heads, and what is refused.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/sofa.h"
#include "spatial/ambisonics.h"
#include "tests/support/foa_scene.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

enum { RATE = 16000, FRAMES = 16000 };

// "t.wav": a wave from the front; "p.wav": the same from 30 degrees to the left.
static void make_pair(void) {
    float *foa = foa_plane_wave(FRAMES, 1, 1, 0, 0);
    v2s_test_make_wav(v2s_test_path("t.wav"), foa, FRAMES, 4, RATE);
    v2s_foa_rotate_yaw(foa, FRAMES, v2s_rad(30));
    v2s_test_make_wav(v2s_test_path("p.wav"), foa, FRAMES, 4, RATE);
    free(foa);
}

static cJSON *compare_json(const char *const *words) {
    V2S_TEST_RUN("compare", "--pred", "p.wav", "--truth", "t.wav", "--json", "o.json", "-q",
                 words[0], words[1]);
    return v2s_test_json(v2s_test_path("o.json"));
}

#define COMPARE(...) compare_json((const char *const[]){__VA_ARGS__, NULL, NULL})

Test(compare_field_program, a_turned_wave_is_off_by_its_turn) {
    make_pair();
    cJSON *json = COMPARE(NULL);
    // Y and Z of the truth are silent.
    cr_expect(cJSON_IsNull(v2s_test_at(json, "metrics.M12_si_sdr_db")));
    cr_expect_float_eq(v2s_test_number(json, "metrics.M9_azimuth_rad"), v2s_rad(30), 1e-6);
    cr_expect_float_eq(v2s_test_number(json, "metrics.M9_angle_rad"), v2s_rad(30), 1e-6);
    cr_expect_float_eq(v2s_test_number(json, "metrics.direction"), 30, 1e-4);
    cr_expect_gt(v2s_test_number(json, "metrics.itd"), 100); // of some 260 microseconds
    cr_expect_lt(v2s_test_number(json, "metrics.itd"), 500);
    cJSON_Delete(json);
}

Test(compare_field_program, bands_and_frames_say_where_and_when) {
    make_pair();
    cJSON *json = COMPARE("--metrics", "spatial");
    const cJSON *bands = v2s_test_at(json, "bands"), *frames = v2s_test_at(json, "frames");
    cr_assert_eq(cJSON_GetArraySize(bands), 24);
    cr_assert_eq(cJSON_GetArraySize(frames), 16);
    for (int i = 0; i < 24; i++)
        cr_expect_float_eq(v2s_test_number(cJSON_GetArrayItem(bands, i), "direction_deg"), 30,
                           1e-3);
    for (int i = 0; i < 16; i++) {
        const cJSON *f = cJSON_GetArrayItem(frames, i);
        cr_expect_float_eq(v2s_test_number(f, "truth.azimuth_deg"), 0, 1e-3);
        cr_expect_float_eq(v2s_test_number(f, "prediction.azimuth_deg"), 30, 1e-3);
        cr_expect_float_eq(v2s_test_number(f, "prediction.elevation_deg"), 0, 1e-3);
        cr_expect_float_eq(v2s_test_number(f, "angle_deg"), 30, 1e-3);
    }
    cJSON_Delete(json);
    json = COMPARE("--metrics", "M6");
    cr_expect(v2s_test_at(json, "bands") == NULL);
    cr_expect(v2s_test_at(json, "metrics.level") == NULL);
    cJSON_Delete(json);
}

Test(compare_field_program, distances_are_asked_for) {
    make_pair();
    cJSON *json = COMPARE("--metrics", "M10_stft_y,M10_emd_norm");
    cr_expect_gt(v2s_test_number(json, "metrics.M10_stft_y"), 0);
    double moved = v2s_test_number(json, "metrics.M10_emd_norm");
    cr_expect(moved > 0 && moved < v2s_rad(30), "%g", moved);
    cJSON_Delete(json);
}

Test(compare_field_program, a_head_can_be_chosen) {
    make_pair();
    cJSON *plain = COMPARE("--metrics", "ild"), *same = COMPARE("--hrtf", V2S_SOFA_DEFAULT);
    cr_expect_eq(v2s_test_number(plain, "metrics.ild"), v2s_test_number(same, "metrics.ild"));
    cJSON_Delete(plain);
    cJSON_Delete(same);
    plain = COMPARE("--hrtf", V2S_TEST_DATA "/golden/points.sofa");
    cr_expect_neq(v2s_test_number(plain, "metrics.ild"), 0);
    cJSON_Delete(plain);
    V2S_TEST_REFUSED("gone.sofa", "compare", "--pred", "p.wav", "--truth", "t.wav", "--hrtf",
                     "gone.sofa");
    V2S_TEST_REFUSED("t.wav", "compare", "--pred", "p.wav", "--truth", "t.wav", "--hrtf", "t.wav");
    v2s_test_run run = v2s_test_run_program(
        (const char *const[]){"compare", "--pred", "p.wav", "--truth", "t.wav", "--hrtf",
                              V2S_SOFA_DEFAULT, "--metrics", "M9", "-q", NULL});
    cr_expect_eq(run.code, 0);
    cr_expect(strstr(run.err, "--hrtf is not used") != NULL, "%s", run.err);
    v2s_test_run_free(&run);
}

Test(compare_field_program, silence_has_null) {
    float *zeros = calloc(4 * FRAMES, sizeof *zeros);
    make_pair();
    v2s_test_make_wav(v2s_test_path("t.wav"), zeros, FRAMES, 4, RATE);
    free(zeros);
    cJSON *json = COMPARE(NULL);
    static const char *const keys[] = {"metrics.level", "metrics.M6_cc_all", "metrics.M6_auc_1fps",
                                       "metrics.M9_angle_rad", "metrics.itd"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        cr_expect(cJSON_IsNull(v2s_test_at(json, keys[i])), "%s", keys[i]);
    cr_expect_eq(cJSON_GetArraySize(v2s_test_at(json, "frames")), 0);
    cJSON_Delete(json);
}
