// SPDX-License-Identifier: MIT
// v2s-infer compare --listening-results and --pointing-results.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/make_media.h"
#include "tests/support/program.h"

TestSuite(listener_results_program, .fini = v2s_test_folder_remove);

static v2s_test_run analysed(const char *option, const char *file) {
    v2s_test_run run = v2s_test_run_program(
        (const char *const[]){"compare", option, file, "--json", "o.json", NULL});
    cr_assert_eq(run.code, 0, "%s", run.err);
    return run;
}

// ---- listening --------------------------------------------------------------------------------

#define MUSHRA "session_test_id,email,age,trial_id,rating_stimulus,rating_score,rating_time,"

// Four items by one assessor: the reference as given, refined 70 + up, geometric 60, anchors 20.
static void rate(FILE *f, const char *who, int reference, int up, int anchor) {
    for (int item = 1; item <= 4; item++) {
        const char *const name[] = {"reference", "refined", "geometric", "anchor35", "anchor_mono"};
        const int score[] = {reference, 70 + up, 60, anchor, 20};
        for (int i = 0; i < 5; i++)
            fprintf(f, "test,%s,30,clip%d,%s,%d,1234,\"a \"\"good\"\" one,\nreally\"\r\n", who,
                    item, name[i], score[i]);
    }
}

static FILE *open_table(const char *header) {
    FILE *f = fopen(v2s_test_path("r.csv"), "w");
    cr_assert(f != NULL);
    fputs(header, f);
    return f;
}

Test(listener_results_program, assessors_who_do_not_hear_the_reference_are_left_out) {
    FILE *f = open_table(MUSHRA "rating_comment\n");
    rate(f, "ann@x", 100, 1, 20);
    rate(f, "bob@x", 95, 2, 20);
    rate(f, "cid@x", 92, 6, 20);
    rate(f, "deaf@x", 80, -40, 20); // rates the hidden reference below 90
    rate(f, "kind@x", 100, 0, 95);  // and this one the anchor above
    fclose(f);
    v2s_test_run run = analysed("--listening-results", "r.csv");
    cr_expect(strstr(run.err, "deaf@x, 30 rates the hidden reference below 90 in 100 % of the "
                              "items: left out") != NULL,
              "%s", run.err);
    cr_expect(strstr(run.err, "kind@x, 30 rates the anchor above 90") != NULL, "%s", run.err);
    cr_expect(strstr(run.out, "refined-geometric") != NULL, "%s", run.out);
    v2s_test_run_free(&run);
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_eq(v2s_test_number(json, "assessors"), 5);
    cr_expect_eq(v2s_test_number(json, "kept"), 3);
    cr_expect_eq(v2s_test_number(json, "items"), 4);
    cr_expect_eq(v2s_test_number(json, "ratings"), 100);
    cr_expect_eq(cJSON_GetArraySize(v2s_test_at(json, "excluded")), 2);
    cr_expect_eq(v2s_test_number(json, "conditions.refined.mean"), 73);
    // 4.302653 s / sqrt(3) of 71, 72, 76
    cr_expect_float_eq(v2s_test_number(json, "conditions.refined.hi"),
                       73 + 4.302652729911275 * sqrt(7 / 3.0), 1e-9);
    cr_expect_eq(v2s_test_number(json, "conditions.refined.items.clip3.mean"), 73);
    cr_expect_eq(v2s_test_number(json, "conditions.reference.n"), 3);
    cr_expect_eq(v2s_test_number(json, "differences.refined-geometric.mean"), 13);
    cr_expect_eq(v2s_test_number(json, "differences.refined-geometric.win_rate"), 1);
    cr_expect_float_eq(v2s_test_number(json, "differences.refined-geometric.p_wilcoxon"), 0.25,
                       1e-12);
    cr_expect_eq(cJSON_GetArraySize(v2s_test_at(json, "differences")), 1);
    cJSON_Delete(json);
}

// One of four items is 25 %, above 15; two of 14 are 14 %.
Test(listener_results_program, a_small_probability_is_not_called_nothing) {
    FILE *f = open_table(MUSHRA "rating_comment\n");
    for (int i = 0; i < 12; i++) {
        const char who[] = {'a' + (char)i, '@', 'x', '\0'};
        rate(f, who, 100, 1 + i % 2, 20);
    }
    fclose(f);
    v2s_test_run run = analysed("--listening-results", "r.csv");
    cr_expect(strstr(run.out, "p < 0.0001, Wilcoxon p 0.0005") != NULL, "%s", run.out);
    v2s_test_run_free(&run);
}

Test(listener_results_program, the_limit_is_fifteen_percent_of_the_items) {
    for (int items = 4; items <= 14; items += 10) {
        FILE *f = open_table("trial_id,rating_stimulus,rating_score\n");
        for (int i = 0; i < items; i++)
            fprintf(f, "i%d,reference,%d\ni%d,refined,50\n", i, i < (items == 4 ? 1 : 2) ? 89 : 90,
                    i);
        fclose(f);
        v2s_test_run run = v2s_test_run_program(
            (const char *const[]){"compare", "--listening-results", "r.csv", NULL});
        cr_expect_eq(run.code, items == 4 ? 1 : 0, "%s", run.err);
        cr_expect(items != 4 || strstr(run.err, "leaves none of 1 assessors") != NULL);
        v2s_test_run_free(&run);
    }
}

// More than a quarter of the people cannot tell this anchor: it says nothing about them.
Test(listener_results_program, an_anchor_that_nobody_hears_screens_nobody) {
    FILE *f = open_table(MUSHRA "rating_comment\n");
    rate(f, "a", 100, 1, 95);
    rate(f, "b", 100, 2, 95);
    rate(f, "c", 100, 3, 20);
    fclose(f);
    v2s_test_run run = analysed("--listening-results", "r.csv");
    v2s_test_run_free(&run);
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_eq(v2s_test_number(json, "kept"), 3);
    cJSON_Delete(json);
}

Test(listener_results_program, sessions_are_told_apart) {
    FILE *f = open_table("session_uuid,trial_id,rating_stimulus,rating_score\n");
    for (int who = 0; who < 3; who++)
        fprintf(f, "u%d,i,reference,100\nu%d,i,refined,%d\nu%d,i,geometric,50\n", who, who,
                60 + who, who);
    fclose(f);
    v2s_test_run run = analysed("--listening-results", "r.csv");
    v2s_test_run_free(&run);
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_eq(v2s_test_number(json, "assessors"), 3);
    cJSON_Delete(json);
    f = open_table("session_test_id,trial_id,rating_stimulus,rating_score\n");
    for (int who = 0; who < 3; who++) // nothing tells who, but that they rate the same again
        fprintf(f, "t,i,reference,100\nt,i,refined,%d\n", 60 + who);
    fclose(f);
    run = analysed("--listening-results", "r.csv");
    cr_expect(strstr(run.err, "2 assessors rate the same again") != NULL, "%s", run.err);
    v2s_test_run_free(&run);
    json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_eq(v2s_test_number(json, "assessors"), 3);
    cr_expect_eq(v2s_test_number(json, "conditions.refined.mean"), 61);
    cJSON_Delete(json);
}

Test(listener_results_program, bad_tables_are_refused_in_a_sentence) {
    const struct {
        const char *text, *part;
    } bad[] = {
        {"", "r.csv: empty"},
        {"trial_id,rating_stimulus\n", "no column rating_score"},
        {"trial_id,rating_stimulus,rating_score\n", "no answers below the header"},
        {"trial_id,rating_stimulus,rating_score\na,b\n", "line 2: expected 3 columns"},
        {"trial_id,rating_stimulus,rating_score\na,b,much\n", "expected a number, found 'much'"},
        {"trial_id,rating_stimulus,rating_score\na,b,nan\n", "expected a number"},
        {"trial_id,rating_stimulus,rating_score\na,b,101\n", "expected 0 to 100, found '101'"},
        {"trial_id,rating_stimulus,rating_score\n,b,1\n", "expected names, found none"},
        {"trial_id,rating_stimulus,rating_score\na,\"b,1\n", "quotation mark without its partner"},
        {"trial_id,trial_id,rating_stimulus,rating_score\n", "two columns 'trial_id'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        v2s_test_write_text("r.csv", bad[i].text);
        V2S_TEST_REFUSED(bad[i].part, "compare", "--listening-results", "r.csv");
    }
    FILE *f = open_table("trial_id,rating_stimulus,rating_score\n");
    for (int i = 0; i <= 10000; i++)
        fprintf(f, "i%d,reference,95\n", i);
    fclose(f);
    V2S_TEST_REFUSED("r.csv: more than 10000 different names", "compare", "--listening-results",
                     "r.csv");
    V2S_TEST_REFUSED("none.csv: cannot open", "compare", "--listening-results", "none.csv");
    V2S_TEST_REFUSED("none.csv: cannot open", "compare", "--pointing-results", "none.csv");
    v2s_test_run run = v2s_test_run_program((const char *const[]){
        "compare", "--listening-results", "r.csv", "--pointing-results", "r.csv", NULL});
    cr_expect_eq(run.code, 2);
    v2s_test_run_free(&run);
    run = v2s_test_run_program(
        (const char *const[]){"compare", "m.jsonl", "--listening-results", "r.csv", NULL});
    cr_expect_eq(run.code, 2);
    v2s_test_run_free(&run);
}

// ---- pointing ---------------------------------------------------------------------------------

#define POINTING                                                                                   \
    "assessor,trial,condition,target_az_deg,target_el_deg,answer_az_deg,answer_el_deg\n"

Test(listener_results_program, errors_and_confusions_of_known_answers) {
    v2s_test_write_text("r.csv", POINTING "ann,1,refined,30,0,40,0\n"  // 10 deg to the left
                                          "ann,2,refined,30,0,150,0\n" // mirrored to the back
                                          "ann,3,refined,85,0,120,0\n" // at the side: none
                                          "ann,4,refined,0,0,0,20\n"
                                          "ann,1,geometric,-170,0,175,0\n"
                                          "bob,1,refined,30,0,30,0\n"
                                          "bob,1,geometric,30,0,10,0\n");
    v2s_test_run run = analysed("--pointing-results", "r.csv");
    cr_expect(strstr(run.out, "refined front-back") != NULL, "%s", run.out);
    v2s_test_run_free(&run);
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    const double ann_error = (10 + 120 + 35 + 20) / 4.0, ann_resolved = (10 + 0 + 35 + 20) / 4.0;
    cr_expect_float_eq(v2s_test_number(json, "conditions.refined.error_deg.mean"), ann_error / 2,
                       1e-9);
    cr_expect_float_eq(v2s_test_number(json, "conditions.refined.resolved_deg.mean"),
                       ann_resolved / 2, 1e-9);
    cr_expect_float_eq(v2s_test_number(json, "conditions.refined.front_back.mean"), 1 / 3.0 / 2,
                       1e-12);
    cr_expect_float_eq(v2s_test_number(json, "conditions.refined.azimuth_deg.mean"),
                       (10 + 120 + 35 + 0) / 4.0 / 2, 1e-9);
    cr_expect_eq(v2s_test_number(json, "conditions.refined.answers"), 5);
    cr_expect_float_eq(v2s_test_number(json, "conditions.geometric.azimuth_deg.mean"),
                       (-15 - 20) / 2.0, 1e-9);
    cr_expect_float_eq(v2s_test_number(json, "differences.refined-geometric.error_deg.mean"),
                       (ann_error - 15 + 0 - 20) / 2, 1e-9);
    cr_expect_eq(v2s_test_number(json, "differences.refined-geometric.error_deg.n"), 2);
    cJSON_Delete(json);
    // Two files put together.
    const char *const page = POINTING;
    char text[1024];
    snprintf(text, sizeof text, "%sx,1,truth,-20,0,-25,0\r\n%sy,1,truth,-20,0,-35,0\r\n", page,
             page);
    v2s_test_write_text("r.csv", text);
    run = analysed("--pointing-results", "r.csv");
    v2s_test_run_free(&run);
    json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_float_eq(v2s_test_number(json, "conditions.truth.error_deg.mean"), 10, 1e-9);
    cr_expect_float_eq(v2s_test_number(json, "conditions.truth.azimuth_deg.mean"), -10, 1e-9);
    cr_expect_eq(v2s_test_number(json, "assessors"), 2);
    cJSON_Delete(json);
    v2s_test_write_text("r.csv", "trial,assessor,answer_az_deg,note,condition,target_az_deg\n"
                                 "1,ann,10,x,a,0\n");
    run = analysed("--pointing-results", "r.csv");
    cr_expect(strstr(run.out, "azimuth alone is judged") != NULL, "%s", run.out);
    cr_expect(strstr(run.out, "nan") == NULL, "%s", run.out);
    v2s_test_run_free(&run);
    json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_float_eq(v2s_test_number(json, "conditions.a.error_deg.mean"), 10, 1e-9);
    cr_expect(cJSON_IsNull(v2s_test_at(json, "conditions.a.error_deg.lo")));
    cJSON_Delete(json);
}

Test(listener_results_program, bad_answers_are_refused_in_a_sentence) {
    const struct {
        const char *text, *part;
    } bad[] = {
        {"assessor,trial,condition,target_az_deg\n", "no column answer_az_deg"},
        {"assessor,trial,condition,target_az_deg,answer_az_deg,answer_el_deg\n", "belong together"},
        {POINTING "a,1,c,0,0,400,0\n", "answer_az_deg: expected -360 to 360, found '400'"},
        {POINTING "a,1,c,0,91,0,0\n", "target_el_deg: expected -90 to 90"},
        {POINTING "a,1,,0,0,0,0\n", "condition: expected a name"},
        {POINTING, "no answers below the header"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        v2s_test_write_text("r.csv", bad[i].text);
        V2S_TEST_REFUSED(bad[i].part, "compare", "--pointing-results", "r.csv");
    }
}
