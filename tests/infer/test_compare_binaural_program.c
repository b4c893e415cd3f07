// SPDX-License-Identifier: MIT
// v2s-infer compare on binaural recordings: systems are decoded to two ears and held against them.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/make_media.h"
#include "tests/support/make_pairs.h"
#include "tests/support/make_sets.h"
#include "tests/support/program.h"

TestSuite(compare_binaural_program, .fini = v2s_test_folder_remove);

// "ears.wav": what the renderer plays to two ears of a noise 60 deg to the left.
static void make_ears(void) {
    v2s_test_write_text("left.csv",
                        "time_s,object,az_deg,el_deg,dist_m,confidence\n0,1,60,0,1,1\n");
    v2s_test_write_text("right.csv",
                        "time_s,object,az_deg,el_deg,dist_m,confidence\n0,1,-60,0,1,1\n");
    v2s_test_make_noise("noise.wav", 32000, 1, 16000, 3);
    V2S_TEST_RUN("render", "--trajectory", "left.csv", "--sound", "noise.wav", "-o", "foa.wav",
                 "--binaural", "ears.wav", "--quiet");
}

#define LINE(id, more)                                                                             \
    "{\"id\":\"" id "\",\"split\":\"test\",\"pairing\":\"binaural\",\"truth\":\"ears.wav\","       \
    "\"layout\":\"binaural\"" more "}\n"

static double score(const char *manifest, const char *path) {
    V2S_TEST_RUN("compare", manifest, "--json", "c.json", "--quiet");
    cJSON *json = v2s_test_json(v2s_test_path("c.json"));
    double value = v2s_test_number(json, path);
    cr_expect(strcmp(cJSON_GetStringValue(v2s_test_at(json, "pairing")), "binaural") == 0);
    cJSON_Delete(json);
    return value;
}

Test(compare_binaural_program, the_right_direction_is_nearer_to_the_ears_than_a_wrong_one) {
    make_ears();
    v2s_test_write_text("left.jsonl", LINE("a", ",\"trajectory\":\"left.csv\""));
    v2s_test_write_text("right.jsonl", LINE("a", ",\"trajectory\":\"right.csv\""));
    v2s_test_write_text("front.jsonl", LINE("a", ""));
    double left = score("left.jsonl", "systems.geometric.ild.mean");
    double front = score("front.jsonl", "systems.geometric.ild.mean");
    double right = score("right.jsonl", "systems.geometric.ild.mean");
    cr_expect(left < 0.2 && front > 2 && right > 1.5 * front, "%g %g %g", left, front, right);
    // Without dipoles a direction is worth nothing.
    double mono = score("left.jsonl", "systems.mono.ild.mean");
    cr_expect(mono > 2, "%g", mono);
    cr_expect(score("left.jsonl", "systems.geometric.M5_mag.mean") <
              score("right.jsonl", "systems.geometric.M5_mag.mean"));
}

Test(compare_binaural_program, a_refiner_is_judged_and_shown_and_other_metrics_are_refused) {
    make_ears();
    v2s_test_make_tiny_weights();
    v2s_test_write_text("m.jsonl", LINE("a", ",\"trajectory\":\"left.csv\"") LINE("b", ""));
    V2S_TEST_RUN("compare", "m.jsonl", "--refiner", "tiny.safetensors", "--metrics", "M1,ild",
                 "--json", "c.json", "--report", "c.html", "--quiet");
    cJSON *json = v2s_test_json(v2s_test_path("c.json"));
    cr_expect(isfinite(v2s_test_number(json, "systems.refined.M1_stft.mean")));
    cr_expect(isfinite(v2s_test_number(json, "difference.ild.mean")));
    cJSON_Delete(json);
    size_t size;
    unsigned char *page = v2s_test_read_file(v2s_test_path("c.html"), &size);
    cr_expect(memmem(page, size, "<audio", 6) != NULL);
    free(page);
    v2s_test_run run =
        v2s_test_run_program((const char *const[]){"compare", "m.jsonl", "--metrics", "M6", NULL});
    cr_expect(run.code == 2 && strstr(run.err, "binaural clips have none") != NULL, "%s", run.err);
    v2s_test_run_free(&run);
}

Test(compare_binaural_program,
     listeners_hear_the_recording_itself_and_point_only_at_what_has_a_direction) {
    make_ears();
    v2s_test_make_tiny_weights();
    v2s_test_write_text("m.jsonl", LINE("a", ",\"trajectory\":\"left.csv\""));
    V2S_TEST_RUN("compare", "m.jsonl", "--refiner", "tiny.safetensors", "--listening-test", "test",
                 "--quiet");
    cr_expect(v2s_test_count_files(v2s_test_path("test/configs"), ".yaml") == 1);
    v2s_test_write_text("front.jsonl", LINE("a", ""));
    v2s_test_run run = v2s_test_run_program(
        (const char *const[]){"compare", "front.jsonl", "--pointing-test", "point", NULL});
    cr_expect(run.code == 1 && strstr(run.err, "no trajectory says where it is") != NULL, "%s",
              run.err);
    v2s_test_run_free(&run);
}

Test(compare_binaural_program, a_prepared_fairplay_is_judged_without_directions) {
    v2s_test_make_fairplay("fp");
    cJSON_Delete(V2S_TEST_PREPARE_JSON("fairplay", "fp", "-o", "fp/m.jsonl", "--splits", "new",
                                       "--fold", "2"));
    double geometric = score("fp/m.jsonl", "systems.geometric.M1_stft.mean");
    cr_expect(isfinite(geometric) && geometric > 0);
}
