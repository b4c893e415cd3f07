// SPDX-License-Identifier: MIT
#include "data/depth_set.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/media.h"
#include "data/npy.h"
#include "tests/support/damage.h"
#include "tests/support/make_depth_set.h"
#include "tests/support/make_media.h"

enum { SIZE = 32 };

static void setup(void) {
    v2s_media_quiet();
    v2s_test_folder();
}

TestSuite(depth_set, .init = setup, .fini = v2s_test_folder_remove);

static v2s_depth_set open_ok(const char *path, bool strict) {
    v2s_depth_set set = {0};
    v2s_status status = v2s_depth_set_open(path, (v2s_manifest_rules){.strict = strict}, &set);
    cr_assert(status == V2S_OK, "%s", v2s_error_text());
    return set;
}

static v2s_echo *open_echo(void) {
    v2s_echo *echo = NULL;
    const v2s_echo_config config = {.rate_hz = 44100, .max_depth_m = 30, .size = SIZE};
    cr_assert(v2s_echo_open(&config, &echo) == V2S_OK);
    return echo;
}

static const v2s_depth_map_options MAP = {.max_depth_m = 30, .size = SIZE};

Test(depth_set, batvision2_lists_every_location_in_order) {
    v2s_depth_set set = open_ok(v2s_test_make_depth_set("v2", 5, 2, 1), true);
    static const char *const ids[] = {
        "attic/audio_0.wav",  "attic/audio_2.wav", "attic/audio_4.wav", "cellar/audio_1.wav",
        "cellar/audio_3.wav", "hall/audio_0.wav",  "hall/audio_1.wav",  "loft/audio_0.wav"};
    static const int splits[] = {0, 0, 0, 0, 0, 1, 1, 2};
    cr_assert_str_eq(set.layout, "batvision2");
    cr_assert_eq(set.count, 8);
    cr_assert_eq(set.skipped, 0);
    for (size_t i = 0; i < set.count; i++) {
        const v2s_depth_sample *s = &set.samples[i];
        cr_expect_str_eq(s->id, ids[i]);
        cr_expect_eq((int)s->split, splits[i]);
        cr_expect(strncmp(s->id, s->location, strlen(s->location)) == 0);
        cr_expect(s->audio[1] == NULL && !s->millimetres);
    }
    v2s_depth_set_free(&set);
}

Test(depth_set, a_sample_brings_spectrograms_and_depth) {
    v2s_depth_set set = open_ok(v2s_test_make_depth_set("v2", 1, 1, 1), true);
    v2s_echo *echo = open_echo();
    static float x[2 * SIZE * SIZE], depth[SIZE * SIZE];
    for (size_t i = 0; i < set.count; i++) {
        v2s_echo_notes notes;
        cr_assert(v2s_depth_sample_load(&set.samples[i], echo, &MAP, x, depth, &notes) == V2S_OK,
                  "%s", v2s_error_text());
        cr_expect(!notes.short_sound && !notes.silent && !notes.clipped);
        double wall_m = v2s_test_depth_wall_m((int)set.samples[i].split, 0), sum = 0, valid = 0;
        for (int k = 0; k < SIZE * SIZE; k++) {
            sum += depth[k];
            valid += depth[k] > 0;
            cr_assert(isfinite(x[k]) && x[k] >= 0);
        }
        cr_expect(fabs(sum / valid / wall_m - 1) < 0.05, "%g for %g", sum / valid, wall_m);
        cr_expect(valid > 0.8 * SIZE * SIZE && valid < 0.97 * SIZE * SIZE, "%g", valid);
    }
    v2s_echo_close(&echo);
    v2s_depth_set_free(&set);
}

// ---- tables -----------------------------------------------------------------------------------

#define HEADER "depth path,depth file name,audio path,audio file name\n"

// A V2 root whose only location "attic" has two samples and this train.csv.
static const char *with_table(const char *name, const char *text, size_t size) {
    const char *root = v2s_test_make_depth_set(name, 3, 0, 0); // 0 and 2 in the attic
    char path[300];
    snprintf(path, sizeof path, "%s/cellar/train.csv", root);
    cr_assert(unlink(path) == 0);
    snprintf(path, sizeof path, "%s/attic/train.csv", root);
    v2s_test_write_file(path, text, size);
    return root;
}

Test(depth_set, tables_may_differ_in_form) {
    static const char *const tables[] = {
        HEADER "attic/depth,depth_0.npy,attic/audio,audio_0.wav\n",
        "\xEF\xBB\xBF,depth path,depth file name,audio path,audio file name\r\n"
        "17,attic/depth,depth_0.npy,attic/audio,audio_0.wav\r\n\r\n",
        "audio file name,camera path,audio path,depth file name,depth path\n"
        "audio_0.wav,,attic/audio/,depth_0.npy,./attic/depth",
        "\"depth path\", \"depth file name\" ,\"audio path\",\"audio file name\"\n\n"
        "\"attic/depth\",\"depth_0.npy\", attic/audio ,\"audio_0.wav\"\n",
        "\n" HEADER "attic/../attic/depth,depth_0.npy,attic/audio,audio_0.wav\n"
        "attic,depth/depth_0.npy,attic/audio,audio_0.wav\n",
    };
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%zu", i);
        v2s_depth_set set = open_ok(with_table(name, tables[i], strlen(tables[i])), false);
        cr_assert_eq(set.count, 1, "table %zu", i);
        cr_expect_eq(set.skipped, i == 4);
        cr_expect_str_eq(set.samples[0].id, "attic/audio_0.wav");
        cr_expect_str_eq(set.samples[0].location, "attic");
        v2s_depth_set_free(&set);
    }
}

typedef struct fault {
    const char *line, *part;
} fault;

static const fault FAULTS[] = {
    {"attic/depth,gone.npy,attic/audio,audio_0.wav", "`depth file name`: "},
    {"attic/depth,gone.npy,attic/audio,audio_0.wav", "No such file"},
    {"attic/depth,depth_0.npy,attic/audio,gone.wav", "`audio file name`: "},
    {"attic/depth,depth_0.npy,attic,audio", "not a file"},
    {",depth_0.npy,attic/audio,audio_0.wav", "`depth path` is empty"},
    {"attic/depth,,attic/audio,audio_0.wav", "`depth file name` is empty"},
    {"attic/depth,depth_0.npy,attic/audio,\"\"", "`audio file name` is empty"},
    {"attic/depth,depth_0.npy,attic/audio", "expected 4 columns as in the header, found 3"},
    {"attic/depth,depth_0.npy,attic/audio,audio_0.wav,5", "found 5"},
    {"/etc,passwd,attic/audio,audio_0.wav", "`depth path`: expected a path relative to"},
    {"attic/depth,/etc/passwd,attic/audio,audio_0.wav", "`depth file name`: expected a path rel"},
    {"..,depth_0.npy,attic/audio,audio_0.wav", "`depth path`: expected a path inside"},
    {"attic/depth,../depth/depth_0.npy,attic/audio,audio_0.wav", "expected a path inside"},
    {"attic/depth,depth_0.npy,attic/audio/..,audio_0.wav", "`audio path`: expected a path inside"},
    {"attic/depth,\"depth_0.npy,attic/audio,audio_0.wav", "quotation mark"},
    {",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,",
     "more than 64 columns"},
    {"attic/depth,\033[2J.npy,attic/audio,audio_0.wav", "?[2J.npy"},
};

Test(depth_set, a_line_that_cannot_be_used_is_named_and_skipped) {
    for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++) {
        char name[16], text[1024];
        snprintf(name, sizeof name, "f%zu", i);
        snprintf(text, sizeof text, HEADER "%s\nattic/depth,depth_2.npy,attic/audio,audio_2.wav\n",
                 FAULTS[i].line);
        const char *root = with_table(name, text, strlen(text));
        v2s_depth_set set = open_ok(root, false);
        cr_expect(set.count == 1 && strcmp(set.samples[0].id, "attic/audio_2.wav") == 0);
        cr_assert_eq(set.skipped, 1, "not skipped: %s", FAULTS[i].line);
        cr_expect(strstr(set.skip_reasons[0], FAULTS[i].part) != NULL, "%s: %s", FAULTS[i].line,
                  set.skip_reasons[0]);
        cr_expect(strstr(set.skip_reasons[0], "attic/train.csv: line 2: ") != NULL, "%s",
                  set.skip_reasons[0]);
        v2s_depth_set_free(&set);
        cr_expect(v2s_depth_set_open(root, (v2s_manifest_rules){.strict = true}, &set) ==
                      V2S_FORMAT,
                  "not strict: %s", FAULTS[i].line);
        cr_expect(set.samples == NULL);
    }
}

Test(depth_set, a_long_line_and_a_zero_byte_spoil_only_their_line) {
    enum { LONG = 100000 };
    char *text = malloc(LONG + 1000);
    size_t n = (size_t)sprintf(text, HEADER);
    memset(text + n, 'x', LONG);
    n += LONG;
    n += (size_t)sprintf(text + n, "\nattic/depth,depth_0.npy,attic/audio,audio_0.wav\nattic/de");
    text[n++] = '\0';
    n += (size_t)sprintf(text + n, "pth,depth_0.npy,attic/audio,audio_0.wav\n");
    v2s_depth_set set = open_ok(with_table("long", text, n), false);
    cr_assert(set.count == 1 && set.skipped == 2);
    cr_expect(strstr(set.skip_reasons[0], "line 2: longer") != NULL, "%s", set.skip_reasons[0]);
    cr_expect(strstr(set.skip_reasons[1], "line 4: a zero byte") != NULL, "%s",
              set.skip_reasons[1]);
    v2s_depth_set_free(&set);
    free(text);
}

static void assert_fails(const char *path, v2s_status code, const char *part) {
    v2s_depth_set set = {0};
    for (int strict = 0; strict < 2; strict++) {
        v2s_error_clear();
        cr_expect(v2s_depth_set_open(path, (v2s_manifest_rules){.strict = strict == 1}, &set) ==
                      code,
                  "%s", v2s_error_text());
        cr_expect(strstr(v2s_error_text(), part) != NULL, "no '%s' in '%s'", part,
                  v2s_error_text());
        cr_expect(strncmp(v2s_error_text(), path, strlen(path)) == 0, "'%s'", v2s_error_text());
        cr_expect(set.samples == NULL && set.skip_reasons == NULL);
    }
}

Test(depth_set, a_table_without_its_columns_is_an_error) {
    static const fault tables[] = {
        {"depth path,depth file name,audio path\n1,2,3\n", "expected one column `audio file name`"},
        {"depth_path,depth file name,audio path,audio file name\n", "found 0 of this name"},
        {HEADER ",", "attic/train.csv: "},
        {"depth path,depth path,depth file name,audio path,audio file name\n", "found 2 of this"},
        {"", "expected a header with the column `depth path`, found nothing"},
        {"\n\r\n", "found nothing"},
        {"\x89PNG\r\n\x1A\n", "expected one column `depth path`"},
        {"depth path,depth file name,\"audio path,audio file name\n", "quotation mark"},
    };
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char name[16];
        snprintf(name, sizeof name, "h%zu", i);
        assert_fails(with_table(name, tables[i].line, strlen(tables[i].line)), V2S_FORMAT,
                     tables[i].part);
    }
}

Test(depth_set, what_is_no_data_set_is_named) {
    assert_fails(v2s_test_path("gone"), V2S_IO, "No such file");
    const char *empty = v2s_test_path("empty");
    cr_assert(mkdir(empty, 0777) == 0);
    assert_fails(empty, V2S_FORMAT, "BatVision V2");
    assert_fails(with_table("none", HEADER, strlen(HEADER)), V2S_FORMAT, "no sample is listed");
    char location[300];
    snprintf(location, sizeof location, "%s/attic", v2s_test_make_depth_set("v2", 1, 1, 1));
    assert_fails(location, V2S_FORMAT, "one location of BatVision V2: give the folder above it");
}

Test(depth_set, a_location_may_have_several_splits) {
    const char *root = v2s_test_make_depth_set("v2", 2, 0, 0);
    char path[300];
    snprintf(path, sizeof path, "%s/attic/val.csv", root);
    const char text[] = HEADER "cellar/depth,depth_1.npy,cellar/audio,audio_1.wav\n";
    v2s_test_write_file(path, text, sizeof text - 1);
    snprintf(path, sizeof path, "%s/zip", root); // folders without tables and files do not matter
    cr_assert(mkdir(path, 0777) == 0);
    snprintf(path, sizeof path, "%s/README.txt", root);
    v2s_test_write_file(path, "x", 1);
    v2s_depth_set set = open_ok(root, true);
    cr_assert_eq(set.count, 3);
    cr_expect(set.samples[1].split == V2S_SPLIT_VAL);
    cr_expect_str_eq(set.samples[1].location, "attic");
    cr_expect(strstr(set.samples[1].depth, "/cellar/depth/depth_1.npy") != NULL);
    v2s_depth_set_free(&set);
}

// ---- BatVision V1 -----------------------------------------------------------------------------

static void make_v1(const char *root, const char *table) {
    static float ear[3200], depth[6 * 8];
    char path[300];
    cr_assert(mkdir(root, 0777) == 0);
    snprintf(path, sizeof path, "%s/day1", root);
    cr_assert(mkdir(path, 0777) == 0);
    const size_t samples[] = {3200}, map[] = {6, 8};
    for (int i = 0; i < 48; i++)
        depth[i] = i == 0 ? INFINITY : i == 1 ? -INFINITY : i == 2 ? NAN : 2500;
    for (int i = 0; i < 3200; i++)
        ear[i] = i == 100 ? 0.5f : 0;
    static const char *const names[] = {"left_0.npy", "right_0.npy"};
    for (int k = 0; k < 2; k++) {
        snprintf(path, sizeof path, "%s/day1/%s", root, names[k]);
        cr_assert(v2s_npy_write_f32(path, 1, samples, ear) == V2S_OK);
        ear[100] = 0.25f;
    }
    snprintf(path, sizeof path, "%s/day1/depth_0.npy", root);
    cr_assert(v2s_npy_write_f32(path, 2, map, depth) == V2S_OK);
    snprintf(path, sizeof path, "%s/test.csv", root);
    v2s_test_write_file(path, table, strlen(table));
}

Test(depth_set, batvision1_has_an_array_for_each_ear_and_millimetres) {
    const char *root = v2s_test_path("v1");
    make_v1(root, ",depth path,audio path left,audio path right\n"
                  "0,day1/depth_0.npy,day1/left_0.npy,day1/right_0.npy\n"
                  "1,day1/depth_0.npy,day1/left_1.npy,day1/right_0.npy\n");
    v2s_depth_set set = open_ok(root, false);
    cr_assert_str_eq(set.layout, "batvision1");
    cr_assert(set.count == 1 && set.skipped == 1);
    cr_expect(strstr(set.skip_reasons[0], "test.csv: line 3: `audio path left`: ") != NULL);
    const v2s_depth_sample *s = &set.samples[0];
    cr_expect_str_eq(s->id, "day1/depth_0.npy");
    cr_expect_str_eq(s->location, "day1");
    cr_expect(s->split == V2S_SPLIT_TEST && s->millimetres && s->audio[1] != NULL);
    v2s_echo *echo = open_echo();
    static float x[2 * SIZE * SIZE], depth[SIZE * SIZE];
    v2s_echo_notes notes;
    cr_assert(v2s_depth_sample_load(s, echo, &MAP, x, depth, &notes) == V2S_OK, "%s",
              v2s_error_text());
    cr_expect(notes.short_sound && notes.found_samples == 3200);
    for (int i = 0; i < SIZE * SIZE; i++)
        cr_expect_float_eq(x[i], 2 * x[SIZE * SIZE + i], 1e-6); // left twice as loud
    // +inf is the largest depth, -inf and NaN are not valid; 8 columns become 32
    cr_expect(depth[0] == 30 && depth[4] == 0 && depth[8] == 0 && depth[12] == 2.5f);
    v2s_echo_close(&echo);
    v2s_depth_set_free(&set);
}

Test(depth_set, a_v1_table_without_its_columns_is_an_error) {
    const char *root = v2s_test_path("v1");
    make_v1(root, "depth path,audio path left\nday1/depth_0.npy,day1/left_0.npy\n");
    assert_fails(root, V2S_FORMAT, "expected one column `audio path right`, found 0");
}

// ---- manifests --------------------------------------------------------------------------------

Test(depth_set, a_manifest_lists_stereo_files_and_pairs_of_ears) {
    v2s_test_make_depth_set("v2", 1, 1, 0);
    make_v1(v2s_test_path("v1"), "depth path,audio path left,audio path right\n");
    v2s_test_write_text(
        "m.jsonl",
        "{\"id\":\"a\",\"split\":\"train\",\"pairing\":\"depth\",\"room\":\"attic\","
        "\"audio\":\"v2/attic/audio/audio_0.wav\",\"depth\":\"v2/attic/depth/depth_0.npy\"}\n"
        "{\"id\":\"b\",\"split\":\"test\",\"pairing\":\"depth\",\"depth\":\"v1/day1/depth_0.npy\","
        "\"audio\":[\"v1/day1/left_0.npy\",\"v1/day1/right_0.npy\"]}\n"
        "{\"id\":\"c\",\"split\":\"test\",\"pairing\":\"depth\",\"audio\":\"m.jsonl\"}\n"
        "{\"id\":\"d\",\"split\":\"val\",\"pairing\":\"binaural\",\"truth\":\"m.jsonl\"}\n");
    const char *path = v2s_test_path("m.jsonl");
    v2s_depth_set set = open_ok(path, false);
    cr_assert_str_eq(set.layout, "manifest");
    cr_assert(set.count == 2 && set.skipped == 2);
    cr_expect(strstr(set.skip_reasons[0], "m.jsonl: line 3: depth is missing") != NULL);
    cr_expect(strstr(set.skip_reasons[1], "line 4: pairing: expected depth, found bin") != NULL);
    cr_expect_str_eq(set.samples[0].id, "a");
    cr_expect_str_eq(set.samples[0].location, "attic");
    cr_expect_str_eq(set.samples[1].location, "b");
    cr_expect(set.samples[0].audio[1] == NULL && set.samples[1].audio[1] != NULL);
    cr_expect(!set.samples[1].millimetres && set.samples[1].split == V2S_SPLIT_TEST);
    v2s_echo *echo = open_echo();
    static float x[2 * SIZE * SIZE], depth[SIZE * SIZE];
    v2s_echo_notes notes;
    for (size_t i = 0; i < 2; i++)
        cr_expect(v2s_depth_sample_load(&set.samples[i], echo, &MAP, x, depth, &notes) == V2S_OK,
                  "%s", v2s_error_text());
    cr_expect_eq(depth[12], 30); // floats of a manifest are metres
    v2s_echo_close(&echo);
    v2s_depth_set_free(&set);
    cr_expect(v2s_depth_set_open(path, (v2s_manifest_rules){.strict = true}, &set) == V2S_FORMAT);
}

// ---- samples ----------------------------------------------------------------------------------

static void assert_load_fails(const v2s_depth_sample *s, v2s_status code, const char *part) {
    v2s_echo *echo = open_echo();
    static float x[2 * SIZE * SIZE], depth[SIZE * SIZE];
    v2s_echo_notes notes;
    v2s_error_clear();
    cr_expect(v2s_depth_sample_load(s, echo, &MAP, x, depth, &notes) == code, "%s",
              v2s_error_text());
    cr_expect(strstr(v2s_error_text(), part) != NULL, "no '%s' in '%s'", part, v2s_error_text());
    cr_expect(strncmp(v2s_error_text(), "sample attic/audio_0.wav: ", 26) == 0, "%s",
              v2s_error_text());
    v2s_echo_close(&echo);
}

Test(depth_set, a_bad_sample_is_named) {
    v2s_depth_set set = open_ok(v2s_test_make_depth_set("v2", 1, 0, 0), true);
    v2s_depth_sample *s = &set.samples[0];
    static float sound[2 * 9000];
    static const uint16_t zeros[4];
    const size_t dim[] = {2, 2};
    cr_assert(v2s_npy_write_u16(s->depth, 2, dim, zeros) == V2S_OK);
    assert_load_fails(s, V2S_FORMAT, "depth_0.npy: no pixel has a valid depth");
    v2s_test_write_file(s->depth, "\x93NUMPY", 6);
    assert_load_fails(s, V2S_FORMAT, "depth_0.npy: not an npy file");
    cr_assert(unlink(s->depth) == 0);
    assert_load_fails(s, V2S_IO, "depth_0.npy: cannot open");
    char *depth = s->depth;
    s->depth = NULL;
    assert_load_fails(s, V2S_FORMAT, "no depth map");
    s->depth = depth;
    v2s_test_make_wav(s->audio[0], sound, 9000, 1, 44100);
    assert_load_fails(s, V2S_FORMAT, "audio_0.wav: expected 2 channels");
    v2s_test_make_wav(s->audio[0], sound, 9000, 2, 48000);
    assert_load_fails(s, V2S_FORMAT, "audio_0.wav: expected 44100 Hz");
    sound[2000] = NAN;
    v2s_test_make_wav(s->audio[0], sound, 9000, 2, 44100);
    assert_load_fails(s, V2S_NUMERIC, "audio_0.wav");
    v2s_test_make_wav(s->audio[0], sound, 400, 2, 44100);
    assert_load_fails(s, V2S_FORMAT, "audio_0.wav: expected at least 512 samples");
    v2s_depth_set_free(&set);
}

Test(depth_set, damaged_tables_never_crash) {
    const char *root = v2s_test_make_depth_set("v2", 6, 2, 0);
    char path[300];
    snprintf(path, sizeof path, "%s/attic/train.csv", root);
    size_t size;
    unsigned char *data = v2s_test_read_file(path, &size);
    uint32_t state = 5;
    int damaged = 0;
    for (int i = 0; i < 300; i++) {
        size_t damaged_size = size;
        unsigned char *bytes = v2s_test_damage(data, &damaged_size, &state);
        v2s_test_write_file(path, bytes, damaged_size);
        free(bytes);
        v2s_depth_set set = {0};
        cr_assert(v2s_depth_set_open(root, (v2s_manifest_rules){.strict = false}, &set) == V2S_OK,
                  "%s", v2s_error_text()); // the other tables are whole
        cr_assert(set.count >= 5 && set.count <= 8);
        damaged += set.skipped > 0;
        v2s_depth_set_free(&set);
    }
    cr_expect(damaged > 100, "%d", damaged);
    free(data);
}

// One real pair of BatVision V2 behind a table of ours.
Test(depth_set, the_real_sample_is_read) {
    const char *real = V2S_SHARED_DATA "/batvision";
    if (access(V2S_SHARED_DATA "/batvision/audio_47.wav", R_OK) != 0)
        cr_skip_test("%s is not there", real);
    const char *root = v2s_test_path("real");
    char path[300];
    cr_assert(mkdir(root, 0777) == 0);
    snprintf(path, sizeof path, "%s/hall", root);
    cr_assert(mkdir(path, 0777) == 0);
    snprintf(path, sizeof path, "%s/hall/data", root);
    cr_assert(symlink(real, path) == 0);
    snprintf(path, sizeof path, "%s/hall/test.csv", root);
    const char text[] = HEADER "hall/data,depth_47.npy,hall/data,audio_47.wav\n";
    v2s_test_write_file(path, text, sizeof text - 1);
    v2s_depth_set set = open_ok(root, true);
    v2s_echo *echo = open_echo();
    static float x[2 * SIZE * SIZE], depth[SIZE * SIZE];
    v2s_echo_notes notes;
    cr_assert(v2s_depth_sample_load(&set.samples[0], echo, &MAP, x, depth, &notes) == V2S_OK, "%s",
              v2s_error_text());
    int zeros = 0;
    for (int i = 0; i < SIZE * SIZE; i++)
        zeros += depth[i] == 0;
    cr_expect(zeros > 0.17 * SIZE * SIZE && zeros < 0.27 * SIZE * SIZE, "%d", zeros);
    v2s_echo_close(&echo);
    v2s_depth_set_free(&set);
}
