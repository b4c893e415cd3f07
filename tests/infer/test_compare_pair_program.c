// SPDX-License-Identifier: MIT
// compare --pred --truth of two sounds through the program: keys, options, what is refused.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"
#include "tests/support/scratch_file.h"

enum { FRAMES = 48001 }; // of the golden file's "noise 48000 48001"

// Noise, and 0.7 of it with 0.5 of other noise, as the golden file's.
static void make(const char *truth, const char *prediction, int channels, size_t frames, int rate) {
    size_t count = frames * (size_t)channels;
    float *t = malloc(count * sizeof *t), *p = malloc(count * sizeof *p);
    cr_assert(t != NULL && p != NULL);
    hash_noise(1, count, 0.3f, t);
    hash_noise(2, count, 0.3f, p);
    for (size_t i = 0; i < count; i++)
        p[i] = (float)(0.7 * (double)t[i] + 0.5 * (double)p[i]);
    v2s_test_make_wav(v2s_test_path(truth), t, frames, channels, rate);
    v2s_test_make_wav(v2s_test_path(prediction), p, frames, channels, rate);
    free(t);
    free(p);
}

static void expect_near(const cJSON *json, const char *key, double expected) {
    double value = v2s_test_number(json, key);
    cr_expect(fabs(value - expected) <= 1e-6 * fmax(fabs(expected), 1e-3), "%s: %.12g, not %.12g",
              key, value, expected);
}

static void expect_keys(const cJSON *json, const char *const *keys, int count) {
    const cJSON *metrics = v2s_test_at(json, "metrics");
    cr_assert(metrics != NULL);
    for (int i = 0; i < count; i++) {
        const cJSON *flat = cJSON_GetObjectItemCaseSensitive(metrics, keys[i]);
        cr_assert(cJSON_IsNumber(flat), "%s", keys[i]);
        char path[80];
        snprintf(path, sizeof path, "systems.prediction.%s.mean", keys[i]);
        cr_expect_eq(v2s_test_number(json, path), flat->valuedouble, "%s", keys[i]);
    }
}

Test(compare_pair_program, two_channels_have_these_keys) {
    static const char *const keys[] = {"M1_stft",    "M2_env", "M3_mag", "M3_wav", "M4_dphase",
                                       "M4_snr_db",  "M5_mag", "M5_env", "iacc",   "M12_si_sdr_db",
                                       "M12_ild_db", "ild",    "itd"};
    make("t.wav", "p.wav", 2, FRAMES, 48000);
    V2S_TEST_RUN("compare", "--pred", "p.wav", "--truth", "t.wav", "--json", "o.json", "-q");
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    expect_keys(json, keys, 13);
    cr_expect_eq(cJSON_GetArraySize(v2s_test_at(json, "metrics")), 13);
    expect_near(json, "metrics.M1_stft", 0.4795240110380262);
    expect_near(json, "metrics.M2_env", 0.1078619120192177);
    expect_near(json, "metrics.M3_mag", 0.9590480220760526);
    expect_near(json, "metrics.M3_wav", 0.006471034702086598);
    expect_near(json, "metrics.M4_dphase", 0.6216461989404396);
    expect_near(json, "metrics.M4_snr_db", 4.604659090526876);
    expect_near(json, "metrics.M5_mag", 1.776643181006754);
    expect_near(json, "metrics.M5_env", 0.1908494009812385);
    expect_near(json, "metrics.M12_si_sdr_db", 2.915633861331565);
    expect_near(json, "metrics.M12_ild_db", 0.04337465279310884);
    cJSON_Delete(json);
}

Test(compare_pair_program, four_channels_have_these_keys) {
    static const char *const keys[] = {"M6_cc_all",
                                       "M6_auc_all",
                                       "M6_cc_1fps",
                                       "M6_auc_1fps",
                                       "M6_cc_5fps",
                                       "M6_auc_5fps",
                                       "M6_cc_all_sn3d",
                                       "M6_auc_all_sn3d",
                                       "M6_cc_1fps_sn3d",
                                       "M6_auc_1fps_sn3d",
                                       "M6_cc_5fps_sn3d",
                                       "M6_auc_5fps_sn3d",
                                       "M9_azimuth_rad",
                                       "M9_elevation_rad",
                                       "M9_angle_rad",
                                       "M12_si_sdr_db",
                                       "diffuseness",
                                       "level",
                                       "lsd",
                                       "direction",
                                       "diffuseness_block",
                                       "level_block",
                                       "covariance",
                                       "iacc",
                                       "ild",
                                       "itd"};
    make("t.wav", "p.wav", 4, 16000, 16000);
    V2S_TEST_RUN("compare", "--pred", "p.wav", "--truth", "t.wav", "--json", "o.json", "-q");
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    expect_keys(json, keys, sizeof keys / sizeof keys[0]);
    cr_expect(v2s_test_at(json, "metrics.M1_stft") == NULL);
    cr_expect(v2s_test_at(json, "metrics.M12_ild_db") == NULL);
    cJSON_Delete(json);
    V2S_TEST_RUN("compare", "--pred", "p.wav", "--truth", "t.wav", "--json", "o.json", "-q",
                 "--metrics", "M1,M9_angle_rad"); // M1 of ears by decoding
    json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_eq(cJSON_GetArraySize(v2s_test_at(json, "metrics")), 2);
    cr_expect(v2s_test_number(json, "metrics.M1_stft") > 0);
    cJSON_Delete(json);
}

Test(compare_pair_program, padding_and_normalisation_are_options) {
    make("t.wav", "p.wav", 2, FRAMES, 48000);
    V2S_TEST_RUN("compare", "--pred", "p.wav", "--truth", "t.wav", "--json", "o.json", "-q",
                 "--librosa-compat", "0.8", "--normalization", "true", "--metrics",
                 "M1,M2_env,m4,M5");
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_eq(cJSON_GetArraySize(v2s_test_at(json, "metrics")), 6);
    expect_near(json, "metrics.M1_stft", 4.600624640086743);
    expect_near(json, "metrics.M2_env", 0.3572842886705421);
    expect_near(json, "metrics.M4_dphase", 0.6213643164372434);
    expect_near(json, "metrics.M4_snr_db", 4.668507482661023);
    expect_near(json, "metrics.M5_mag", 1.788670541986043); // not normalised
    cJSON_Delete(json);
    V2S_TEST_RUN("compare", "--pred", "p.wav", "--truth", "t.wav", "--json", "o.json", "-q",
                 "--librosa-compat", "0.9", "--normalization", "false", "--metrics", "M1");
    json = v2s_test_json(v2s_test_path("o.json"));
    expect_near(json, "metrics.M1_stft", 0.4795240110380262);
    cJSON_Delete(json);
}

Test(compare_pair_program, what_is_not_defined_is_null) {
    float *silence = calloc(2 * 4000, sizeof *silence);
    make("t.wav", "p.wav", 2, 4000, 16000);
    v2s_test_make_wav(v2s_test_path("z.wav"), silence, 4000, 2, 16000);
    v2s_test_make_wav(v2s_test_path("f.wav"), silence, 2000, 4, 16000);
    V2S_TEST_RUN("compare", "--pred", "z.wav", "--truth", "t.wav", "--json", "o.json", "-q");
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect(cJSON_IsNull(v2s_test_at(json, "metrics.M12_si_sdr_db")));
    cr_expect(cJSON_IsNull(v2s_test_at(json, "metrics.M12_ild_db")));
    cr_expect_gt(v2s_test_number(json, "metrics.M1_stft"), 0);
    cJSON_Delete(json);
    V2S_TEST_RUN("compare", "--pred", "f.wav", "--truth", "f.wav", "--json", "o.json", "-q");
    json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect(cJSON_IsNull(v2s_test_at(json, "metrics.level")));
    cr_expect(cJSON_IsNull(v2s_test_at(json, "metrics.M9_angle_rad")));
    cr_expect(cJSON_IsNull(v2s_test_at(json, "metrics.M6_cc_all")));
    cr_expect_eq(cJSON_GetArraySize(v2s_test_at(json, "warnings")), 1);
    cJSON_Delete(json);
    make("t.wav", "p.wav", 2, 5, 16000); // shorter than a frame of the bands: the rest is there
    V2S_TEST_RUN("compare", "--pred", "p.wav", "--truth", "t.wav", "--json", "o.json", "-q");
    json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect(cJSON_IsNull(v2s_test_at(json, "metrics.iacc")));
    cr_expect_gt(v2s_test_number(json, "metrics.M5_mag"), 0);
    cJSON_Delete(json);
    free(silence);
}

static void expect_ends(int code, const char *part, const char *const *words) {
    v2s_test_run run = v2s_test_run_program(words);
    cr_expect_eq(run.code, code, "%s: exit code %d: %s", part, run.code, run.err);
    cr_expect(strstr(run.err, part) != NULL, "'%s' is not in: %s", part, run.err);
    v2s_test_run_free(&run);
}

#define PAIR(code, part, p, t, ...)                                                                \
    expect_ends(code, part,                                                                        \
                (const char *const[]){"compare", "--pred", p, "--truth", t, __VA_ARGS__, NULL})

Test(compare_pair_program, the_shorter_length_is_compared_with_a_warning) {
    make("t.wav", "p.wav", 2, 4000, 16000);
    make("short_t.wav", "short_p.wav", 2, 3000, 16000);
    PAIR(0, "short_p.wav has 3000 samples, t.wav has 4000", "short_p.wav", "t.wav", "--json",
         "cut.json");
    V2S_TEST_RUN("compare", "--pred", "short_p.wav", "--truth", "short_t.wav", "--json", "o.json",
                 "-q");
    cJSON *cut = v2s_test_json(v2s_test_path("cut.json"));
    cJSON *same = v2s_test_json(v2s_test_path("o.json"));
    cr_expect(cJSON_Compare(v2s_test_at(cut, "metrics"), v2s_test_at(same, "metrics"), true));
    cr_expect_eq(cJSON_GetArraySize(v2s_test_at(cut, "warnings")), 1);
    cJSON_Delete(cut);
    cJSON_Delete(same);
}

Test(compare_pair_program, what_does_not_fit_is_named) {
    make("t.wav", "p.wav", 2, 4000, 16000);
    make("t48.wav", "p48.wav", 2, 4000, 48000);
    make("t4.wav", "p4.wav", 4, 4000, 16000);
    make("t1.wav", "p1.wav", 1, 4000, 16000);
    PAIR(1, "p48.wav has 48000 Hz, t.wav has 16000 Hz", "p48.wav", "t.wav", "-q");
    PAIR(1, "p.wav has 2 channels, t4.wav has 4", "p.wav", "t4.wav", "-q");
    PAIR(1, "p1.wav: expected 4 channels (AmbiX) or 2, found 1", "p1.wav", "t1.wav", "-q");
    PAIR(1, "none.wav", "p.wav", "none.wav", "-q");
    v2s_test_write_text("empty.wav", "");
    PAIR(1, "empty.wav", "empty.wav", "t.wav", "-q");
    float bad[8] = {0, 0, NAN, 0};
    v2s_test_make_wav(v2s_test_path("nan.wav"), bad, 4, 2, 16000);
    PAIR(1, "nan.wav: channel 1, sample 1", "nan.wav", "t.wav", "-q");
    PAIR(1, "missing/o.json", "p.wav", "t.wav", "--json", "missing/o.json");
}

Test(compare_pair_program, wrong_usage_is_2) {
    make("t.wav", "p.wav", 2, 4000, 16000);
    PAIR(2, "'bogus' is none of all, spatial, S1", "p.wav", "t.wav", "--metrics", "bogus");
    PAIR(2, "has 2 channels, which have none of them", "p.wav", "t.wav", "--metrics", "M6");
    PAIR(2, "--normalization needs a value", "p.wav", "t.wav", "--normalization");
    PAIR(2, "'yes' is not one of false|true", "p.wav", "t.wav", "--normalization", "yes");
    PAIR(2, "'0.7' is not one of 0.8|0.9", "p.wav", "t.wav", "--librosa-compat", "0.7");
    PAIR(0, "those that 2 channels do not have are left out", "p.wav", "t.wav", "--metrics",
         "M1,level");
}
