// SPDX-License-Identifier: MIT
// The pages of v2s-infer compare.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/foa_scene.h"
#include "tests/support/make_media.h"
#include "tests/support/make_pairs.h"
#include "tests/support/page.h"
#include "tests/support/program.h"

TestSuite(report_compare_program, .fini = v2s_test_folder_remove);

enum { RATE = 16000, FRAMES = 16000 };

static char *page_of(const char *name) {
    char *page = v2s_test_page_read(v2s_test_path(name));
    v2s_test_page_well_formed(page);
    cr_expect(strstr(page, "<html lang=\"en\">") && strstr(page, "<title>"));
    cr_expect(strstr(page, "prefers-color-scheme"));
    cr_expect_eq(v2s_test_page_count(page, "http:") + v2s_test_page_count(page, "https:"), 0,
                 "the page must load nothing");
    cr_expect_eq(v2s_test_page_count(page, "src=\"") - v2s_test_page_count(page, "src=\"data:"), 0);
    cr_expect_null(strstr(page, ">nan"));
    return page;
}

static size_t players(const char *page) {
    return v2s_test_page_count(page, "<audio controls");
}

static size_t pictures(const char *page) {
    return v2s_test_page_count(page, "<img ") + v2s_test_page_count(page, "<svg viewBox=");
}

Test(report_compare_program, a_refiner_has_verdicts_clips_and_a_way_to_repeat_it) {
    v2s_test_make_pairs(0, 6);
    v2s_test_make_tiny_weights();
    V2S_TEST_RUN("compare", "m.jsonl", "--split", "val", "--refiner", "tiny.safetensors",
                 "--report", "o.html", "--seed", "11", "-q");
    char *page = page_of("o.html");
    static const char *const parts[] = {
        "Refined against geometric",
        "All clips",
        "Metric by metric",
        "Best and worst clips",
        "the best clip",
        "the worst clip",
        "To do it again",
        "CRC-32 of its tensors",
        "2000 draws",
        "seed 11",
        "m.jsonl: 6 clips",
        "tiny.safetensors",
        "MIT KEMAR",
        "--report o.html",
        "scope=\"col\"",
        "type=\"range\"",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_expect(strstr(page, parts[i]), "%s is missing", parts[i]);
    cr_expect_eq(players(page), 4 * 3, "two best and two worst, three players each");
    cr_expect_eq(v2s_test_page_count(page, "class=\"exhibit\""), 4);
    cr_expect_eq(v2s_test_page_count(page, "\"maps\":12"), 4);
    cr_expect_geq(pictures(page), 4 * (3 + 36 + 3) + 9);
    cr_expect(strstr(page, "better than</b>") || strstr(page, "worse than</b>") ||
              strstr(page, "not different from</b>"));
    free(page);
}

// One clip without a refiner is shown too; its name is hostile.
Test(report_compare_program, one_hostile_clip_is_shown_and_escaped) {
    float *foa = foa_plane_wave(FRAMES, 1, 0, 1, 0);
    v2s_test_make_wav(v2s_test_path("a.wav"), foa, FRAMES, 4, RATE);
    free(foa);
    v2s_test_write_text("a.csv", "time_s,object,az_deg,el_deg,dist_m,confidence\n0,1,80,0,2,1\n");
    v2s_test_write_text("m.jsonl",
                        "{\"id\":\"</script><script>alert('x')</script>\\\"\",\"split\":\"test\","
                        "\"pairing\":\"omni\",\"truth\":\"a.wav\",\"trajectory\":\"a.csv\","
                        "\"room\":\"<b onclick=\\\"x\\\">\"}\n");
    V2S_TEST_RUN("compare", "m.jsonl", "--report", "o.html", "-q");
    char *page = page_of("o.html");
    cr_expect(strstr(page, "Geometric against the truth"));
    cr_expect_eq(players(page), 3);
    cr_expect_geq(pictures(page), 3);
    cr_expect_eq(v2s_test_page_count(page, "alert('x')"), 0);
    cr_expect_eq(v2s_test_page_count(page, "<b onclick"), 0);
    cr_expect_geq(v2s_test_page_count(page, "&lt;/script&gt;&lt;script&gt;alert("), 3);
    cr_expect(strstr(page, "the only clip"));
    cr_expect(strstr(page, "trajectory <output>"));
    free(page);
}

Test(report_compare_program, pairs_of_files_have_a_page) {
    float *a = foa_plane_wave(FRAMES, 1, 0, 1, 0), *b = foa_plane_wave(FRAMES, 1, 1, 0, 0);
    v2s_test_make_wav(v2s_test_path("a.wav"), a, FRAMES, 4, RATE);
    v2s_test_make_wav(v2s_test_path("b.wav"), b, FRAMES, 4, RATE);
    free(a);
    free(b);
    V2S_TEST_RUN("compare", "--pred", "a.wav", "--truth", "b.wav", "--report", "o.html", "-q");
    char *page = page_of("o.html");
    cr_expect_eq(players(page), 3);
    cr_expect_geq(pictures(page), 3 + 36 + 3);
    cr_expect(strstr(page, "--pred a.wav --truth b.wav"));
    cr_expect(strstr(page, "diffuseness (S1)"));
    free(page);
    float *stereo = stereo_scene(RATE, FRAMES, 5);
    v2s_test_make_wav(v2s_test_path("s.wav"), stereo, FRAMES, 2, RATE);
    free(stereo);
    V2S_TEST_RUN("compare", "--pred", "s.wav", "--truth", "s.wav", "--report", "o.html", "-q");
    page = page_of("o.html");
    cr_expect_eq(players(page), 3);
    cr_expect_geq(pictures(page), 3);
    cr_expect(strstr(page, "M1_stft"));
    free(page);
}

// Without a number in any metric (60 ms are too short for M8) clips are shown all the same.
Test(report_compare_program, clips_without_numbers_are_not_ranked) {
    float *foa = foa_plane_wave(1000, 1, 0, 1, 0);
    v2s_test_make_wav(v2s_test_path("a.wav"), foa, 1000, 4, RATE);
    free(foa);
    v2s_test_write_text("a.csv", "time_s,object,az_deg,el_deg,dist_m,confidence\n0,1,80,0,2,1\n");
    v2s_test_write_text(
        "m.jsonl",
        "{\"id\":\"a\",\"split\":\"test\",\"pairing\":\"omni\",\"truth\":\"a.wav\","
        "\"trajectory\":\"a.csv\"}\n{\"id\":\"b\",\"split\":\"test\",\"pairing\":\"omni\","
        "\"truth\":\"a.wav\",\"trajectory\":\"a.csv\"}\n");
    V2S_TEST_RUN("compare", "m.jsonl", "--metrics", "M8", "--report", "o.html", "-q");
    char *page = page_of("o.html");
    cr_expect(strstr(page, "No metric has a number"));
    cr_expect_eq(v2s_test_page_count(page, ": not ranked</h3>"), 2);
    cr_expect_eq(players(page), 6);
    free(page);
}

// The script runs in a real browser: it marks the page and moves the time to the middle.
Test(report_compare_program, the_script_runs_in_a_browser) {
    if (system("command -v chromium >/dev/null 2>&1") != 0)
        cr_skip_test("no chromium to look at the page with");
    v2s_test_make_pairs(0, 2);
    V2S_TEST_RUN("compare", "m.jsonl", "--split", "val", "--report", "o.html", "-q");
    char command[1024];
    snprintf(command, sizeof command,
             "cd '%s' && { timeout 60 chromium --headless --no-sandbox --disable-gpu "
             "--user-data-dir=\"$PWD/profile\" --virtual-time-budget=2000 --dump-dom "
             "\"file://$PWD/o.html\" >dom.html 2>/dev/null; code=$?; rm -rf profile; exit $code; }",
             v2s_test_folder());
    if (system(command) != 0)
        cr_skip_test("this chromium does not start");
    char *dom = v2s_test_page_read(v2s_test_path("dom.html"));
    cr_expect(strstr(dom, "class=\"live\""), "the script did not run");
    cr_expect_eq(v2s_test_page_count(dom, "aria-valuetext=\"0.10 seconds\""), 2);
    cr_expect_eq(v2s_test_page_count(dom, "<td class=\"now\">"), 2 * 3);
    free(dom);
}
