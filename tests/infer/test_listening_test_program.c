// SPDX-License-Identifier: MIT
// Packages for listeners, written by v2s-infer compare.
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "kernels/fft.h"
#include "tests/support/foa_scene.h"
#include "tests/support/hash_noise.h"
#include "tests/support/loudness.h"
#include "tests/support/make_media.h"
#include "tests/support/make_pairs.h"
#include "tests/support/page.h"
#include "tests/support/program.h"

static void remove_all(void) {
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'/*", v2s_test_folder());
    cr_expect_eq(system(command), 0);
    v2s_test_folder_remove();
}

TestSuite(listening_test_program, .fini = remove_all);

enum { RATE = 16000, FRAMES = 32000, CLIPS = 4, STIMULI = 5 };

static const char *const names[STIMULI] = {"reference", "refined", "geometric", "anchor35",
                                           "anchor_mono"};

// A plane wave from `az_deg` in some noise from all sides, `gain` loud; it stands still.
static void make_clip(int index, double az_deg, float gain, size_t frames) {
    char file[64], text[256];
    double az = az_deg * 3.14159265358979 / 180;
    float *foa = foa_plane_wave(frames, (unsigned)index + 1, cos(az), sin(az), 0);
    float *noise = malloc(4 * frames * sizeof *noise);
    hash_noise((unsigned)index + 50, 4 * frames, 0.1f, noise);
    for (size_t i = 0; i < 4 * frames; i++)
        foa[i] = gain * (foa[i] + noise[i]);
    snprintf(file, sizeof file, "c%d.wav", index);
    v2s_test_make_wav(v2s_test_path(file), foa, frames, 4, RATE);
    free(foa);
    free(noise);
    snprintf(file, sizeof file, "c%d.csv", index);
    snprintf(text, sizeof text, "time_s,object,az_deg,el_deg,dist_m,confidence\n0,1,%g,0,2,1\n",
             az_deg);
    v2s_test_write_text(file, text);
}

// Three clips of 2 s, 0 to -40 dB, and one that is too short to have a loudness.
static void make_set(void) {
    char text[2048] = "";
    for (int i = 0; i < CLIPS; i++) {
        make_clip(i, 60 - 40 * i, i == 2 ? 0.01f : 1, i == 3 ? 4000 : FRAMES);
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "{\"id\":\"clip: '%d'\",\"split\":\"test\",\"pairing\":\"omni\",\"truth\":"
                 "\"c%d.wav\",\"trajectory\":\"c%d.csv\",\"room\":\"r%d\"}\n",
                 i, i, i, i);
    }
    v2s_test_write_text("m.jsonl", text);
    v2s_test_make_tiny_weights();
}

#define COMPARE "compare", "m.jsonl", "--refiner", "tiny.safetensors", "--metrics", "level", "-q"

static v2s_test_sound read_stimulus(const char *folder, int trial, const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/configs/resources/listening_test/trial_%02d/%s.wav", folder,
             trial, name);
    return v2s_test_sound_read(v2s_test_path(path));
}

// Mean power of the left ear between two frequencies.
static double band_power(const v2s_test_sound *s, double lo_hz, double hi_hz) {
    enum { N = 8192 };
    v2s_fft_real *fft = NULL;
    float x[N];
    v2s_complex spectrum[N / 2 + 1];
    double sum = 0;
    cr_assert_eq(v2s_fft_real_open(N, &fft), V2S_OK);
    for (size_t from = 0; from + N <= s->frames; from += N / 2) {
        for (size_t i = 0; i < N; i++)
            x[i] = (float)((0.5 - 0.5 * cos(2 * 3.14159265358979 * (double)i / N)) *
                           s->samples[2 * (from + i)]);
        v2s_fft_real_forward(fft, x, spectrum);
        for (int k = (int)(lo_hz * N / 48000); k <= (int)(hi_hz * N / 48000); k++)
            sum +=
                (double)spectrum[k].re * spectrum[k].re + (double)spectrum[k].im * spectrum[k].im;
    }
    v2s_fft_real_close(&fft);
    return sum;
}

static void check_trial(const char *folder, int trial, double *loudest) {
    v2s_test_sound s[STIMULI];
    for (int i = 0; i < STIMULI; i++) {
        s[i] = read_stimulus(folder, trial, names[i]);
        cr_expect_eq(s[i].rate_hz, 48000);
        cr_expect_eq(s[i].channels, 2);
        cr_expect_eq(s[i].frames, 96000);
        cr_expect_eq(s[i].format & SF_FORMAT_SUBMASK, SF_FORMAT_PCM_24);
        cr_expect_float_eq(v2s_test_loudness(s[i].samples, s[i].frames),
                           v2s_test_loudness(s[0].samples, s[0].frames), 0.2, "%s of trial %d",
                           names[i], trial);
        for (size_t k = 0; k < 2 * s[i].frames; k++)
            *loudest = fmax(*loudest, fabs((double)s[i].samples[k]));
    }
    // What is above 4.5 kHz, against what is below 3 kHz, in the anchor and in the reference.
    double anchor = band_power(&s[3], 4500, 7900) / band_power(&s[3], 100, 3000);
    double reference = band_power(&s[0], 4500, 7900) / band_power(&s[0], 100, 3000);
    cr_expect_lt(10 * log10(anchor / reference), -40);
    cr_expect_gt(10 * log10(reference), -20, "there was something to take away");
    for (size_t i = 0; i < s[4].frames; i++)
        cr_assert_eq(s[4].samples[2 * i], s[4].samples[2 * i + 1], "mono is not mono");
    cr_expect_gt(v2s_test_difference(&s[0], &s[2]), 1e-3, "geometric is not the truth");
    for (int i = 0; i < STIMULI; i++)
        v2s_test_sound_free(&s[i]);
}

Test(listening_test_program, the_package_is_one_that_webmushra_reads) {
    make_set();
    v2s_test_run run = v2s_test_run_program(
        (const char *const[]){COMPARE, "--listening-test", "listen", "--seed", "5", NULL});
    cr_assert_eq(run.code, 0, "%s", run.err);
    cr_expect(strstr(run.err, "clip clip: '3': reference: too short or too silent"), "%s", run.err);
    cr_expect(strstr(run.err, "has 3 clips, 8 were asked for"), "%s", run.err);
    v2s_test_run_free(&run);
    double loudest = 0;
    for (int trial = 1; trial <= 3; trial++)
        check_trial("listen", trial, &loudest);
    cr_expect_leq(loudest, 0.8913);
    char *yaml = v2s_test_page_read(v2s_test_path("listen/configs/listening_test.yaml"));
    cr_expect_eq(v2s_test_page_count(yaml, "type: mushra\n"), 3, "one page a clip");
    cr_expect_eq(v2s_test_page_count(yaml, "\n      - random\n"), 1);
    cr_expect_eq(v2s_test_page_count(yaml, "createAnchor35: false\n"), 3);
    cr_expect_eq(v2s_test_page_count(yaml, "        reference: configs/resources/"), 3);
    for (int i = 1; i < STIMULI; i++) {
        char line[64];
        snprintf(line, sizeof line, "\n            %s: configs/", names[i]);
        cr_expect_eq(v2s_test_page_count(yaml, line), 3, "%s", names[i]);
    }
    cr_expect(strstr(yaml, "seed 5") && strstr(yaml, "testId: listening_test_seed_5"));
    cr_expect_null(strstr(yaml, "clip: '"), "names of clips do not go to listeners");
    free(yaml);
    cJSON *json = v2s_test_json(v2s_test_path("listen/listening_test.json"));
    cr_expect_eq(v2s_test_number(json, "seed"), 5);
    cr_expect_eq(cJSON_GetArraySize(v2s_test_at(json, "trials")), 3);
    cr_expect_eq(v2s_test_number(json, "length_s"), 2);
    cJSON_Delete(json);
    cr_expect_eq(access(v2s_test_path("listen/README.txt"), R_OK), 0);
}

// Python's YAML reader, where there is one, agrees.
Test(listening_test_program, the_configuration_is_yaml) {
    if (system("python3 -c 'import yaml' 2>/dev/null") != 0)
        cr_skip_test("python3 has no yaml");
    make_set();
    V2S_TEST_RUN(COMPARE, "--listening-test", "listen", "--listening-clips", "2");
    char command[1024];
    snprintf(command, sizeof command,
             "cd '%s/listen' && python3 -c \"\nimport os, yaml\n"
             "y = yaml.safe_load(open('configs/listening_test.yaml'))\n"
             "pages = [p for p in y['pages'] if isinstance(p, list)][0]\n"
             "assert pages[0] == 'random' and len(pages) == 3\n"
             "for p in pages[1:]:\n"
             "  assert p['type'] == 'mushra' and p['createAnchor35'] is False\n"
             "  assert {'refined', 'geometric', 'anchor35', 'anchor_mono'} <= set(p['stimuli'])\n"
             "  for f in [p['reference'], *p['stimuli'].values()]: assert os.path.isfile(f), f\n"
             "assert y['pages'][-1]['type'] == 'finish'\n\"",
             v2s_test_folder());
    cr_expect_eq(system(command), 0);
}

static bool same_folders(const char *a, const char *b) {
    char command[512];
    snprintf(command, sizeof command, "cd '%s' && diff -r '%s' '%s' >/dev/null", v2s_test_folder(),
             a, b);
    return system(command) == 0;
}

Test(listening_test_program, same_seed_same_bytes) {
    make_set();
    mkdir(v2s_test_path("b"), 0755); // an empty folder is taken
    V2S_TEST_RUN(COMPARE, "--listening-test", "a", "--pointing-test", "pa", "--seed", "1");
    V2S_TEST_RUN(COMPARE, "--listening-test", "b", "--pointing-test", "pb/", "--seed", "1",
                 "--threads", "1");
    V2S_TEST_RUN(COMPARE, "--listening-test", "c", "--pointing-test", "pc", "--seed", "2");
    cr_expect(same_folders("a", "b") && same_folders("pa", "pb"));
    cr_expect(!same_folders("a", "c") && !same_folders("pa", "pc"));
}

Test(listening_test_program, a_pointing_test_knows_the_true_directions) {
    make_set();
    V2S_TEST_RUN(COMPARE, "--pointing-test", "point", "--seed", "4", "--listening-clips", "3");
    char *list = v2s_test_page_read(v2s_test_path("point/stimuli.csv"));
    cr_expect(strncmp(list, "stimulus,trial,condition,target_az_deg,target_el_deg,", 53) == 0);
    cr_expect_eq(v2s_test_page_count(list, "\n"), 1 + 3 * 3);
    for (int i = 0; i < 3; i++) {
        char part[64];
        snprintf(part, sizeof part, ",geometric,%.2f,0.00,", 60.0 - 40 * i);
        cr_expect_eq(v2s_test_page_count(list, part), 1, "%s", part);
        snprintf(part, sizeof part, ",\"clip: '%d'\",\"r%d\"\n", i, i);
        cr_expect_eq(v2s_test_page_count(list, part), 3, "%s", part);
    }
    free(list);
    v2s_test_sound s = v2s_test_sound_read(v2s_test_path("point/stimuli/09.wav"));
    cr_expect(s.rate_hz == 48000 && s.channels == 2 && s.frames == 96000);
    cr_expect_float_eq(v2s_test_loudness(s.samples, s.frames), -23, 3.0);
    v2s_test_sound_free(&s);
    char *page = v2s_test_page_read(v2s_test_path("point/index.html"));
    v2s_test_page_well_formed(page);
    cr_expect_eq(v2s_test_page_count(page, "data:audio/wav;base64,"), 9);
    cr_expect_eq(v2s_test_page_count(page, "http"), 1, "nothing but http-equiv");
    cr_expect(strstr(page, "assessor,trial,condition,target_az_deg,target_el_deg,answer_az_deg,"));
    free(page);
}

// Where the truth is two ears they are the reference as they are.
Test(listening_test_program, binaural_clips_can_be_listened_to) {
    float *stereo = stereo_scene(48000, 96000, 5);
    v2s_test_make_wav(v2s_test_path("ears.wav"), stereo, 96000, 2, 48000);
    v2s_test_write_text("ears.csv",
                        "time_s,object,az_deg,el_deg,dist_m,confidence\n0,1,30,0,2,1\n");
    v2s_test_write_text("m.jsonl",
                        "{\"id\":\"with\",\"split\":\"test\",\"pairing\":\"binaural\",\"truth\":"
                        "\"ears.wav\",\"layout\":\"binaural\",\"trajectory\":\"ears.csv\"}\n"
                        "{\"id\":\"without\",\"split\":\"test\",\"pairing\":\"binaural\","
                        "\"truth\":\"ears.wav\",\"layout\":\"binaural\"}\n");
    v2s_test_make_tiny_weights();
    v2s_test_run run = v2s_test_run_program((const char *const[]){
        "compare", "m.jsonl", "--refiner", "tiny.safetensors", "--pairing", "binaural", "-q",
        "--listening-test", "listen", "--listening-clips", "1", "--pointing-test", "point", NULL});
    cr_assert_eq(run.code, 0, "%s", run.err);
    v2s_test_run_free(&run);
    v2s_test_sound s = read_stimulus("listen", 1, "reference");
    cr_assert_eq(s.frames, 96000);
    double gain = 0;
    for (size_t i = 2000; i < 2 * 96000 - 2000; i++)
        if (fabsf(stereo[i]) > 0.05f) {
            gain = gain == 0 ? (double)(s.samples[i] / stereo[i]) : gain;
            cr_assert_float_eq(s.samples[i], gain * stereo[i], 1e-4);
        }
    cr_expect_neq(gain, 0);
    v2s_test_sound_free(&s);
    char *list = v2s_test_page_read(v2s_test_path("point/stimuli.csv"));
    cr_expect_eq(v2s_test_page_count(list, ",30.00,0.00,"), 3);
    cr_expect_null(strstr(list, "without"), "no trajectory, nowhere to point");
    free(list);
    free(stereo);
}

// A listener who answers 50 deg, 10 deg everywhere, with the keyboard alone.
Test(listening_test_program, the_pointing_page_writes_what_was_answered) {
    static const char script[] =
        "<script>const g=(i)=>document.getElementById(i);g('session').value='a b';"
        "g('form').requestSubmit();for(let i=0;i<3;i++){g('play').click();"
        "for(let k=0;k<5;k++)g('dial').dispatchEvent(new KeyboardEvent('keydown',{key:'PageUp'}));"
        "g('side').dispatchEvent(new KeyboardEvent('keydown',{key:'PageUp'}));g('next').click();}"
        "g('csv').textContent=g('csv').value;</script></body>";
    if (system("command -v chromium >/dev/null 2>&1") != 0)
        cr_skip_test("no chromium to look at the page with");
    make_set();
    V2S_TEST_RUN(COMPARE, "--pointing-test", "point", "--listening-clips", "1");
    char *page = v2s_test_page_read(v2s_test_path("point/index.html"));
    FILE *f = fopen(v2s_test_path("answer.html"), "w");
    cr_assert_not_null(f);
    *strstr(page, "</body>") = '\0';
    fputs(page, f);
    fputs(script, f);
    fclose(f);
    free(page);
    char command[512];
    snprintf(command, sizeof command,
             "cd '%s' && timeout 60 chromium --headless --no-sandbox --disable-gpu "
             "--user-data-dir=\"$PWD/profile\" --virtual-time-budget=2000 --dump-dom "
             "\"file://$PWD/answer.html\" >dom.html 2>/dev/null",
             v2s_test_folder());
    if (system(command) != 0)
        cr_skip_test("this chromium does not start");
    char *dom = v2s_test_page_read(v2s_test_path("dom.html"));
    // The text of the answers is what stands in the text area.
    char *csv = strstr(dom, "assessor,trial,"), *end = NULL;
    while (csv != NULL && strncmp(csv,
                                  "assessor,trial,condition,target_az_deg,target_el_deg,"
                                  "answer_az_deg,answer_el_deg,stimulus,place\na_b,",
                                  95) != 0)
        csv = strstr(csv + 1, "assessor,trial,");
    cr_assert(csv != NULL && (end = strstr(csv, "</textarea>")) != NULL);
    *end = '\0';
    cr_expect_eq(v2s_test_page_count(csv, "\na_b,trial_01,"), 3);
    cr_expect_eq(v2s_test_page_count(csv, ",50,10,0"), 3, "azimuth 50, elevation 10");
    // The same of a second person goes through the analysis.
    char *both = malloc(3 * strlen(csv));
    strcpy(both, csv);
    for (char *p = strchr(csv, '\n') + 1; *p != '\0'; p = strchr(p, '\n') + 1)
        snprintf(both + strlen(both), 200, "second%.*s", (int)strcspn(p + 3, "\n") + 1, p + 3);
    v2s_test_write_text("answers.csv", both);
    V2S_TEST_RUN("compare", "--pointing-results", "answers.csv", "--json", "o.json", "-q");
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_eq(v2s_test_number(json, "assessors"), 2);
    cr_expect_eq(v2s_test_number(json, "answers"), 6);
    double error = v2s_test_number(json, "conditions.geometric.error_deg.mean");
    cr_expect(error >= 10 && error < 180);
    cJSON_Delete(json);
    free(both);
    free(dom);
}

static void expect_usage(const char *part, const char *const *words) {
    v2s_test_run run = v2s_test_run_program(words);
    cr_expect_eq(run.code, 2, "%s: exit code %d: %s", part, run.code, run.err);
    cr_expect(strstr(run.err, part) != NULL, "'%s' is not in: %s", part, run.err);
    v2s_test_run_free(&run);
}

#define USAGE(part, ...) expect_usage(part, (const char *const[]){__VA_ARGS__, NULL})

Test(listening_test_program, what_cannot_be_written_is_refused_and_nothing_is_left) {
    make_set();
    USAGE("--listening-test needs --refiner", "compare", "m.jsonl", "--listening-test", "listen");
    USAGE("needs a MANIFEST", "compare", "--pred", "c0.wav", "--truth", "c1.wav", "--pointing-test",
          "point");
    USAGE("give two folders", COMPARE, "--listening-test", "x", "--pointing-test", "x");
    USAGE("listening-clips", COMPARE, "--listening-test", "listen", "--listening-clips", "0");
    mkdir(v2s_test_path("full"), 0755);
    v2s_test_write_text("full/kept.txt", "kept");
    V2S_TEST_REFUSED("full: there are 1 files in it", COMPARE, "--listening-test", "full");
    V2S_TEST_REFUSED("m.jsonl: Not a directory", COMPARE, "--pointing-test", "m.jsonl");
    V2S_TEST_REFUSED("nowhere/listen: cannot be made", COMPARE, "--listening-test",
                     "nowhere/listen");
    // Only a clip that cannot be used.
    v2s_test_write_text("short.jsonl",
                        "{\"id\":\"s\",\"split\":\"test\",\"pairing\":\"omni\",\"truth\":"
                        "\"c3.wav\",\"trajectory\":\"c3.csv\"}\n");
    V2S_TEST_REFUSED("no clip can be used for a listening test", "compare", "short.jsonl",
                     "--refiner", "tiny.safetensors", "-q", "--listening-test", "listen");
    V2S_TEST_REFUSED("no clip can be used for a pointing test", "compare", "short.jsonl", "-q",
                     "--pointing-test", "listen");
    char command[512];
    snprintf(command, sizeof command,
             "cd '%s' && test ! -e listen && test -f full/kept.txt && ! ls -d *.partial-* "
             "2>/dev/null",
             v2s_test_folder());
    cr_expect_eq(system(command), 0, "something was left");
}
