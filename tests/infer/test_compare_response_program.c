// SPDX-License-Identifier: MIT
// v2s-infer compare --metrics M11: impulse responses.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

enum { RATE = 16000, FRAMES = 16000 };

TestSuite(compare_response_program, .fini = v2s_test_folder_remove);

// A decay by 60 dB in rt60_s in the given channel, zeros in the others.
static void make_response(const char *name, double rt60_s, int channel, int channels,
                          size_t frames) {
    float *h = calloc(frames * (size_t)channels, sizeof *h);
    double x = 0.5, r = pow(10, -3 / (rt60_s * RATE));
    for (size_t i = 0; i < frames; i++, x *= r)
        h[i * (size_t)channels + (size_t)channel] = (float)x;
    v2s_test_make_wav(v2s_test_path(name), h, frames, channels, RATE);
    free(h);
}

static cJSON *compared(const char *family) {
    V2S_TEST_RUN("compare", "--pred", "p.wav", "--truth", "t.wav", "--metrics", "M11",
                 "--rt60-family", family, "--json", "o.json", "-q");
    return v2s_test_json(v2s_test_path("o.json"));
}

Test(compare_response_program, decays_of_known_times_differ_by_the_known_share) {
    make_response("p.wav", 0.44, 0, 1, FRAMES);
    make_response("t.wav", 0.4, 0, 1, FRAMES);
    const char *const family[] = {"crossings", "regression", "reduced"};
    for (int i = 0; i < 3; i++) {
        cJSON *json = compared(family[i]);
        cr_expect_float_eq(v2s_test_number(json, "metrics.M11_rt60_percent"), 10, 0.1);
        cr_expect_float_eq(v2s_test_number(json, "metrics.M11_rt60_s"), 0.04, 2e-4);
        cr_expect_float_eq(v2s_test_number(json, "metrics.M11_edt_s"), 0.04, 1e-3);
        cr_expect_float_eq(v2s_test_number(json, "measures.prediction.rt60_s"), 0.44, 2e-4);
        cr_expect_float_eq(v2s_test_number(json, "measures.truth.rt60_s"), 0.4, 2e-4);
        cr_expect(v2s_test_number(json, "metrics.M11_c50_db") > 0.5);
        cr_expect(v2s_test_number(json, "metrics.M11_drr_db") > 0.1);
        cr_expect_eq(v2s_test_number(json, "undefined"), 0);
        cr_expect_str_eq(v2s_test_at(json, "rt60_family")->valuestring, family[i]);
        cJSON_Delete(json);
    }
}

Test(compare_response_program, of_four_channels_w_is_judged_and_of_two_the_mean) {
    make_response("p.wav", 0.44, 0, 4, FRAMES);
    make_response("t.wav", 0.4, 0, 4, FRAMES);
    cJSON *json = compared("crossings");
    cr_expect_float_eq(v2s_test_number(json, "metrics.M11_rt60_percent"), 10, 0.1);
    cJSON_Delete(json);
    make_response("p.wav", 0.44, 1, 2, FRAMES); // the left ear is silent: the right one counts
    make_response("t.wav", 0.4, 1, 2, FRAMES);
    json = compared("crossings");
    cr_expect_float_eq(v2s_test_number(json, "metrics.M11_rt60_percent"), 10, 0.1);
    cJSON_Delete(json);
}

Test(compare_response_program, what_is_not_defined_is_null_and_counted) {
    make_response("p.wav", 0.4, 0, 1, FRAMES);
    float *zeros = calloc(FRAMES, sizeof *zeros);
    v2s_test_make_wav(v2s_test_path("t.wav"), zeros, FRAMES, 1, RATE);
    free(zeros);
    cJSON *json = compared("crossings");
    const char *const key[] = {"M11_rt60_percent", "M11_rt60_s", "M11_edt_s", "M11_c50_db"};
    for (int i = 0; i < 4; i++)
        cr_expect(cJSON_IsNull(cJSON_GetObjectItem(v2s_test_at(json, "metrics"), key[i])), "%s",
                  key[i]);
    cr_expect_eq(v2s_test_number(json, "undefined"), 4);
    cr_expect_eq(v2s_test_number(json, "measures.truth.drr_db"), 1); // as the reference
    cJSON_Delete(json);
}

Test(compare_response_program, folders_give_the_means_of_what_is_defined) {
    const char *const made[] = {"truth", "truth/sub", "pred"};
    const char *const files[] = {"truth/a.wav", "truth/sub/b.wav", "truth/c.wav", "pred/a.wav",
                                 "pred/b.wav"};
    for (int i = 0; i < 3; i++)
        cr_assert_eq(mkdir(v2s_test_path(made[i]), 0700), 0);
    make_response("truth/a.wav", 0.4, 0, 1, FRAMES);
    make_response("pred/a.wav", 0.44, 0, 1, FRAMES);
    make_response("truth/sub/b.wav", 0.4, 0, 1, 30); // falls by too little, and has no C50
    make_response("pred/b.wav", 0.4, 0, 1, 30);
    make_response("truth/c.wav", 0.4, 0, 1, FRAMES);
    v2s_test_run run =
        v2s_test_run_program((const char *const[]){"compare", "--pred", "pred", "--truth", "truth",
                                                   "--metrics", "M11", "--json", "o.json", NULL});
    cr_expect_eq(run.code, 0);
    cr_expect(strstr(run.err, "none of 1 of the 3 recordings: left out") != NULL, "%s", run.err);
    v2s_test_run_free(&run);
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_eq(v2s_test_number(json, "pairs"), 2);
    cr_expect_float_eq(v2s_test_number(json, "metrics.M11_rt60_percent"), 10, 0.1);
    cr_expect_eq(v2s_test_number(json, "undefined_of.M11_rt60_percent"), 1);
    cr_expect_eq(v2s_test_number(json, "undefined_of.M11_c50_db"), 1);
    cr_expect_eq(v2s_test_number(json, "undefined_of.M11_drr_db"), 0);
    cJSON_Delete(json);
    V2S_TEST_REFUSED("is a folder and", "compare", "--pred", "pred", "--truth", "truth/a.wav",
                     "--metrics", "M11");
    for (int i = 0; i < 5; i++)
        unlink(v2s_test_path(files[i]));
    V2S_TEST_REFUSED("no .wav in this folder", "compare", "--pred", "pred", "--truth", "truth",
                     "--metrics", "M11");
    for (int i = 2; i >= 0; i--)
        rmdir(v2s_test_path(made[i]));
}

Test(compare_response_program, the_longer_one_is_cut_with_a_warning) {
    make_response("p.wav", 0.4, 0, 1, FRAMES + 500);
    make_response("t.wav", 0.4, 0, 1, FRAMES);
    v2s_test_run run = v2s_test_run_program((const char *const[]){
        "compare", "--pred", "p.wav", "--truth", "t.wav", "--metrics", "M11", NULL});
    cr_expect_eq(run.code, 0);
    cr_expect(strstr(run.err, "1 of 1 pairs differ in length: the shorter one is compared") != NULL,
              "%s", run.err);
    cr_expect(strstr(run.out, "family crossings, decay 30 dB") != NULL, "%s", run.out);
    v2s_test_run_free(&run);
}

#define REFUSED(part)                                                                              \
    V2S_TEST_REFUSED(part, "compare", "--pred", "p.wav", "--truth", "t.wav", "--metrics", "M11")

Test(compare_response_program, bad_responses_are_refused_in_a_sentence) {
    make_response("p.wav", 0.4, 0, 1, FRAMES);
    REFUSED("t.wav: cannot open");
    make_response("t.wav", 0.4, 0, 3, FRAMES);
    REFUSED("has 1 channels, t.wav has 3");
    make_response("p.wav", 0.4, 0, 3, FRAMES);
    REFUSED("expected a response of 1 channel");
    make_response("p.wav", 0.4, 0, 1, FRAMES);
    float h[400] = {1};
    v2s_test_make_wav(v2s_test_path("t.wav"), h, 400, 1, 44100);
    REFUSED("16000 Hz, t.wav has 44100 Hz");
    h[7] = NAN;
    v2s_test_make_wav(v2s_test_path("t.wav"), h, 400, 1, RATE);
    REFUSED("NaN");
    v2s_test_write_text("t.wav", "no sound");
    REFUSED("t.wav");
    v2s_test_write_text("t.csv", "0,1,0,0,0\n");
    V2S_TEST_REFUSED("both have to be labels or both sounds", "compare", "--pred", "p.wav",
                     "--truth", "t.csv", "--metrics", "M11");
    v2s_test_run run = v2s_test_run_program((const char *const[]){
        "compare", "--pred", "p.wav", "--truth", "t.wav", "--metrics", "M11,M1", NULL});
    cr_expect_eq(run.code, 2);
    v2s_test_run_free(&run);
}
