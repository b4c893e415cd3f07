// SPDX-License-Identifier: MIT
#include "data/manifest.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GOOD                                                                                       \
    "{\"id\":\"a\",\"split\":\"train\",\"pairing\":\"omni\",\"truth\":\"t.wav\","                  \
    "\"trajectory\":\"t.csv\"}"

// A folder with the files that the lines below name, and a manifest in it.
typedef struct place {
    char folder[32], manifest[64];
} place;

static void put(const char *folder, const char *name, const char *bytes, size_t size) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    cr_assert(f != NULL);
    cr_assert_eq(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static place place_make(void) {
    place p = {"/tmp/v2s-manifest-XXXXXX", ""};
    cr_assert(mkdtemp(p.folder) != NULL);
    snprintf(p.manifest, sizeof p.manifest, "%s/m.jsonl", p.folder);
    put(p.folder, "t.wav", "", 0);
    put(p.folder, "d.wav", "", 0);
    put(p.folder, "t.csv", "", 0);
    put(p.folder, "z.npy", "", 0);
    return p;
}

static void place_remove(const place *p) {
    static const char *const names[] = {"t.wav", "d.wav", "t.csv", "z.npy", "m.jsonl"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", p->folder, names[i]);
        unlink(path);
    }
    cr_assert_eq(rmdir(p->folder), 0);
}

static v2s_status read_bytes(const char *bytes, size_t size, bool strict, v2s_manifest *m) {
    place p = place_make();
    put(p.folder, "m.jsonl", bytes, size);
    v2s_error_clear();
    v2s_status status = v2s_manifest_read(p.manifest, (v2s_manifest_rules){.strict = strict}, m);
    if (status != V2S_OK)
        cr_expect_eq(strstr(v2s_error_text(), p.manifest), v2s_error_text(), "no path in: %s",
                     v2s_error_text());
    place_remove(&p);
    return status;
}

static v2s_status read_text(const char *text, bool strict, v2s_manifest *m) {
    return read_bytes(text, strlen(text), strict, m);
}

Test(manifest, a_whole_line_is_read) {
    v2s_manifest m = {0};
    cr_assert_eq(
        read_text("{\"id\":\"s1-dry\",\"split\":\"test\",\"pairing\":\"dry\",\"truth\":\"t.wav\","
                  "\"dry\":\"d.wav\",\"trajectory\":\"t.csv\",\"start_s\":1.5,\"duration_s\":5,"
                  "\"layout\":\"fuma\",\"rt60_s\":[0.9,0.8,0.7,0.6,0.5,0.4,0.3,0.2],"
                  "\"drr_db\":-3.5,\"room\":\"r7\",\"sound\":[\"cow.ogg\",\"b.wav\"],"
                  "\"source\":\"x\",\"licence\":\"CC0\",\"recorded\":true,\"new\":{\"a\":[1]}}\n",
                  true, &m),
        V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(m.count, 1);
    cr_assert_eq(m.skipped, 0);
    const v2s_clip *c = m.clips;
    cr_expect_str_eq(c->id, "s1-dry");
    cr_expect_eq(c->split, V2S_SPLIT_TEST);
    cr_expect_eq(c->pairing, V2S_PAIRING_DRY);
    cr_expect(strstr(c->truth, "/t.wav") != NULL && c->truth[0] == '/');
    cr_expect(strstr(c->dry, "/d.wav") != NULL);
    cr_expect(strstr(c->trajectory, "/t.csv") != NULL);
    cr_expect_eq(c->start_s, 1.5);
    cr_expect_eq(c->duration_s, 5);
    cr_expect_str_eq(c->layout, "fuma");
    cr_expect_eq(c->rt60_count, 8);
    cr_expect_eq(c->rt60_s[7], 0.2);
    cr_expect_eq(c->drr_db, -3.5);
    cr_expect_str_eq(c->room, "r7");
    cr_expect_str_eq(c->sound, "cow.ogg\nb.wav");
    cr_expect_str_eq(c->source, "x");
    cr_expect_str_eq(c->licence, "CC0");
    cr_expect(c->recorded && !c->free_field);
    cr_expect_eq(c->line, 1);
    cr_expect_str_eq(v2s_clip_cluster(c), "r7");
    v2s_manifest_free(&m);
}

Test(manifest, what_is_missing_has_its_default) {
    v2s_manifest m = {0};
    cr_assert_eq(read_text(GOOD, true, &m), V2S_OK, "%s", v2s_error_text());
    const v2s_clip *c = m.clips;
    cr_expect(c->dry == NULL && c->room == NULL && c->sound == NULL && c->licence == NULL);
    cr_expect_eq(c->start_s, 0);
    cr_expect_eq(c->duration_s, 0);
    cr_expect_str_eq(c->layout, "ambix");
    cr_expect_eq(c->rt60_count, 0);
    cr_expect(isnan(c->drr_db));
    cr_expect_str_eq(v2s_clip_cluster(c), "a");
    v2s_manifest_free(&m);
}

Test(manifest, byte_order_mark_line_ends_and_blank_lines_do_not_matter) {
    v2s_manifest m = {0};
    cr_assert_eq(read_text("\xEF\xBB\xBF" GOOD "\r\n\r\n  \n"
                           "{\"id\":\"b\",\"split\":\"val\",\"pairing\":\"depth\","
                           "\"audio\":\"t.wav\",\"depth\":\"z.npy\",\"sound\":null}\r\n",
                           true, &m),
                 V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(m.count, 2);
    cr_expect_eq(m.clips[1].line, 4);
    cr_expect_eq(m.clips[1].pairing, V2S_PAIRING_DEPTH);
    v2s_manifest_free(&m);
}

// A line of its own with one fault, and what its reason must name.
typedef struct fault {
    const char *line, *part;
} fault;

#define OMNI "\"split\":\"train\",\"pairing\":\"omni\",\"truth\":\"t.wav\",\"trajectory\":\"t.csv\""
#define DEPTH(text) "{\"id\":\"x\",\"split\":\"val\",\"pairing\":\"depth\"," text "}"
#define BAD(text) "{\"id\":\"x\"," OMNI "," text "}"

static const fault FAULTS[] = {
    {"nonsense", "not JSON"},
    {"{\"id\":\"x\"", "not JSON"},
    {GOOD "x", "not JSON"},
    {"[1]", "JSON object"},
    {"17", "JSON object"},
    {"{" OMNI "}", "id is missing"},
    {"{\"id\":7," OMNI "}", "id: expected a text"},
    {"{\"id\":\"\"," OMNI "}", "id: expected a text"},
    {"{\"id\":\"a\\u0007\"," OMNI "}", "control"},
    {"{\"id\":\"a\"," OMNI "}", "earlier line"},
    {"{\"id\":\"x\",\"split\":\"trian\",\"pairing\":\"omni\",\"truth\":\"t.wav\"}", "trian"},
    {"{\"id\":\"x\",\"pairing\":\"omni\",\"truth\":\"t.wav\"}", "split is missing"},
    {"{\"id\":\"x\",\"split\":1,\"pairing\":\"omni\",\"truth\":\"t.wav\"}", "train|val|test"},
    {"{\"id\":\"x\",\"split\":\"val\",\"truth\":\"t.wav\"}", "pairing is missing"},
    {"{\"id\":\"x\",\"split\":\"val\",\"pairing\":\"omni\",\"trajectory\":\"t.csv\"}",
     "truth is missing"},
    {"{\"id\":\"x\",\"split\":\"val\",\"pairing\":\"omni\",\"truth\":\"t.wav\"}",
     "trajectory is missing"},
    {"{\"id\":\"x\",\"split\":\"val\",\"pairing\":\"dry\",\"truth\":\"t.wav\","
     "\"trajectory\":\"t.csv\"}",
     "dry is missing"},
    {"{\"id\":\"x\",\"split\":\"val\",\"pairing\":\"binaural\",\"truth\":\"gone.wav\"}",
     "gone.wav: No such file"},
    {"{\"id\":\"x\",\"split\":\"val\",\"pairing\":\"binaural\",\"truth\":\".\"}", "folder"},
    {DEPTH("\"depth\":\"z.npy\""), "audio is missing"},
    {DEPTH("\"audio\":\"t.wav\""), "depth is missing"},
    {DEPTH("\"audio\":\"t.wav\",\"depth\":\"gone.npy\""), "gone.npy: No such file"},
    {
        DEPTH("\"audio\":\"t.wav\",\"depth\":\".\""),
        "depth: ",
    },
    {DEPTH("\"audio\":7,\"depth\":\"z.npy\""), "audio: expected a text"},
    {DEPTH("\"audio\":[\"t.wav\"],\"depth\":\"z.npy\""), "list of 2 (left and right ear), found 1"},
    {DEPTH("\"audio\":[\"t.wav\",1],\"depth\":\"z.npy\""), "list of 2 texts"},
    {DEPTH("\"audio\":[\"t.wav\",\"gone.wav\"],\"depth\":\"z.npy\""), "audio: "},
    {DEPTH("\"audio\":\"t.wav\",\"depth\":\"z.npy\",\"start_s\":1"), "start_s: expected 0 for"},
    {BAD("\"start_s\":-1"), "start_s: expected 0"},
    {BAD("\"start_s\":\"1\""), "start_s: expected a number"},
    {BAD("\"start_s\":1e999"), "start_s"},
    {BAD("\"start_s\":NaN"), "not JSON"},
    {BAD("\"duration_s\":-0.5"), "duration_s"},
    {BAD("\"layout\":\"foa\""), "layout: expected ambix|n3d|fuma|wxyz_sn3d|binaural, found foa"},
    {BAD("\"rt60_s\":[1,2]"), "rt60_s: expected 1 or 8 numbers, found 2"},
    {BAD("\"rt60_s\":[]"), "rt60_s"},
    {BAD("\"rt60_s\":[1,1,1,1,1,1,1,-1]"), "rt60_s"},
    {BAD("\"rt60_s\":\"long\""), "rt60_s"},
    {BAD("\"drr_db\":true"), "drr_db"},
    {BAD("\"sound\":[1]"), "sound"},
    {BAD("\"room\":{}"), "room: expected a text"},
    {BAD("\"recorded\":1"), "recorded: expected true or false"},
};

Test(manifest, a_line_that_cannot_be_used_is_named_and_skipped) {
    for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++) {
        char text[2048];
        snprintf(text, sizeof text, "%s\n%s\n", GOOD, FAULTS[i].line);
        v2s_manifest m = {0};
        cr_assert_eq(read_text(text, false, &m), V2S_OK, "%s", v2s_error_text());
        cr_expect_eq(m.count, 1);
        cr_assert_eq(m.skipped, 1, "not skipped: %s", FAULTS[i].line);
        cr_expect(strstr(m.skip_reasons[0], FAULTS[i].part) != NULL, "%s: %s", FAULTS[i].line,
                  m.skip_reasons[0]);
        cr_expect(strstr(m.skip_reasons[0], "m.jsonl: line 2: ") != NULL);
        v2s_manifest_free(&m);
        cr_expect_eq(read_text(text, true, &m), V2S_FORMAT, "not strict: %s", FAULTS[i].line);
    }
}

Test(manifest, a_long_line_and_a_zero_byte_spoil_only_their_line) {
    enum { LONG = 200000 };
    char *text = malloc(LONG + 1000);
    size_t n = (size_t)sprintf(text, "{\"id\":\"");
    memset(text + n, 'x', LONG);
    n += LONG;
    n += (size_t)sprintf(text + n, "\"," OMNI "}\n" GOOD "\n{\"id\":\"z");
    text[n++] = '\0';
    n += (size_t)sprintf(text + n, "\"}\n");
    v2s_manifest m = {0};
    cr_assert_eq(read_bytes(text, n, false, &m), V2S_OK, "%s", v2s_error_text());
    cr_expect_eq(m.count, 1);
    cr_assert_eq(m.skipped, 2);
    cr_expect(strstr(m.skip_reasons[0], "line 1: longer") != NULL, "%s", m.skip_reasons[0]);
    cr_expect(strstr(m.skip_reasons[1], "line 3: a zero byte") != NULL, "%s", m.skip_reasons[1]);
    v2s_manifest_free(&m);
    free(text);
}

Test(manifest, nothing_usable_is_an_error) {
    v2s_manifest m = {0};
    cr_expect_eq(read_text("", false, &m), V2S_FORMAT);
    cr_expect_eq(read_text("\n\n", false, &m), V2S_FORMAT);
    cr_expect_eq(read_text("RIFF\1\2\3\n", false, &m), V2S_FORMAT);
    cr_expect(strstr(v2s_error_text(), "none of its 1 lines") != NULL, "%s", v2s_error_text());
    cr_expect_eq(
        v2s_manifest_read("/tmp/v2s-no-such-manifest", (v2s_manifest_rules){.strict = false}, &m),
        V2S_IO);
    cr_expect_eq(v2s_manifest_read("/tmp", (v2s_manifest_rules){.strict = false}, &m), V2S_IO);
    cr_expect(m.path == NULL && m.count == 0);
}

Test(manifest, what_is_written_is_read_back) {
    place p = place_make();
    v2s_clip c = {.id = "caf\xC3\xA9 \"1\"",
                  .split = V2S_SPLIT_VAL,
                  .pairing = V2S_PAIRING_DRY,
                  .truth = "t.wav",
                  .dry = "d.wav",
                  .trajectory = "t.csv",
                  .start_s = 0.1,
                  .duration_s = 1.0 / 3.0,
                  .layout = "n3d",
                  .rt60_s = {0.25},
                  .rt60_count = 1,
                  .drr_db = -12.7,
                  .room = "r1",
                  .sound = "a.wav\nb.wav",
                  .licence = "CC0",
                  .free_field = true};
    v2s_clip bare = {.id = "b",
                     .split = V2S_SPLIT_TEST,
                     .pairing = V2S_PAIRING_DEPTH,
                     .audio = {"t.wav", "d.wav"},
                     .depth = "z.npy",
                     .depth_mm = true,
                     .flag = "41 deg from its label",
                     .drr_db = NAN};
    v2s_file_out *f = NULL;
    cr_assert_eq(v2s_file_out_open(p.manifest, &f), V2S_OK);
    cr_assert_eq(v2s_manifest_write_clip(f, &c), V2S_OK);
    cr_assert_eq(v2s_manifest_write_clip(f, &bare), V2S_OK);
    cr_assert_eq(v2s_file_out_commit(f), V2S_OK);
    v2s_file_out_close(&f);
    v2s_manifest m = {0};
    const v2s_manifest_rules rules = {.strict = true, .keep_flagged = true};
    cr_assert_eq(v2s_manifest_read(p.manifest, rules, &m), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(m.count, 2);
    const v2s_clip *r = &m.clips[0];
    cr_expect_str_eq(r->id, c.id);
    cr_expect_eq(r->split, c.split);
    cr_expect_eq(r->pairing, c.pairing);
    cr_expect_eq(r->start_s, c.start_s);
    cr_expect_eq(r->duration_s, c.duration_s);
    cr_expect_str_eq(r->layout, "n3d");
    cr_expect_eq(r->rt60_count, 1);
    cr_expect_eq(r->rt60_s[0], 0.25);
    cr_expect_eq(r->drr_db, -12.7);
    cr_expect_str_eq(r->sound, c.sound);
    cr_expect_str_eq(r->licence, "CC0");
    cr_expect(r->free_field && !r->recorded && r->source == NULL);
    cr_expect_eq(m.clips[1].duration_s, 0);
    cr_expect(isnan(m.clips[1].drr_db));
    cr_expect(m.clips[1].truth == NULL);
    cr_expect(strstr(m.clips[1].audio[0], "/t.wav") && strstr(m.clips[1].audio[1], "/d.wav"));
    cr_expect(strstr(m.clips[1].depth, "/z.npy") != NULL);
    cr_expect(m.clips[1].depth_mm && r->flag == NULL);
    cr_expect_str_eq(m.clips[1].flag, "41 deg from its label");
    v2s_manifest_free(&m);
    place_remove(&p);
}

static v2s_status read_by(const place *p, const char *truth, v2s_manifest_rules rules,
                          v2s_manifest *m) {
    char line[512];
    int n = snprintf(line, sizeof line,
                     "{\"id\":\"a\",\"split\":\"train\",\"pairing\":\"omni\",\"truth\":\"%s\","
                     "\"trajectory\":\"t.csv\"}",
                     truth);
    put(p->folder, "m.jsonl", line, (size_t)n);
    return v2s_manifest_read(p->manifest, rules, m);
}

Test(manifest, paths_leave_the_folder_only_where_that_is_allowed) {
    place p = place_make();
    char absolute[64], around[96];
    snprintf(absolute, sizeof absolute, "%s/t.wav", p.folder);
    snprintf(around, sizeof around, "./..//%s/t.wav", strrchr(p.folder, '/') + 1);
    const char *const outside[] = {absolute, around};
    const v2s_manifest_rules strict = {.strict = true};
    const v2s_manifest_rules allowed = {.strict = true, .allow_outside = true};
    v2s_manifest m = {0};
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(read_by(&p, outside[i], strict, &m), V2S_FORMAT, "%s", outside[i]);
        cr_expect(strstr(v2s_error_text(), "--allow-outside") != NULL, "%s", v2s_error_text());
        cr_assert_eq(read_by(&p, outside[i], allowed, &m), V2S_OK, "%s", v2s_error_text());
        cr_expect_eq(m.outside, 1);
        v2s_manifest_free(&m);
    }
    cr_assert_eq(mkdir(strcat(absolute, ".d"), 0777), 0);
    char inside[96];
    snprintf(inside, sizeof inside, "./%s/.././t.wav", strrchr(absolute, '/') + 1);
    cr_expect_eq(read_by(&p, inside, strict, &m), V2S_OK, "%s", v2s_error_text());
    cr_expect_eq(m.outside, 0);
    v2s_manifest_free(&m);
    cr_assert_eq(rmdir(absolute), 0);
    place_remove(&p);
}

Test(manifest, flagged_clips_are_counted_and_left_out) {
    static const char text[] =
        GOOD "\n"
             "{\"id\":\"b\",\"split\":\"val\",\"pairing\":\"omni\",\"truth\":\"t.wav\","
             "\"trajectory\":\"t.csv\",\"flag\":\"off by 90 deg\"}\n";
    v2s_manifest m = {0};
    cr_assert_eq(read_text(text, true, &m), V2S_OK, "%s", v2s_error_text());
    cr_expect_eq(m.count, 1);
    cr_expect_eq(m.flagged, 1);
    v2s_manifest_free(&m);
    cr_expect_eq(read_text(strchr(text, '\n'), true, &m), V2S_FORMAT);
    cr_expect(strstr(v2s_error_text(), "--keep-flagged") != NULL, "%s", v2s_error_text());
}
