// SPDX-License-Identifier: MIT
// v2s-train synth --task depth as its users run it: layout, splits, the same bytes, what it
// refuses.
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/depth_set.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

TestSuite(synth_depth_program, .fini = v2s_test_folder_remove);

#define SYNTH(...) run_ok((const char *const[]){"synth", "--task", "depth", __VA_ARGS__, NULL})
#define REFUSED(exit_code, part, ...)                                                              \
    refused(exit_code, part, (const char *const[]){"synth", __VA_ARGS__, NULL})

static void run_ok(const char *const *words) {
    v2s_test_run run = v2s_test_run_train(words);
    cr_assert(run.code == 0, "exit code %d: %s", run.code, run.err);
    v2s_test_run_free(&run);
}

static void refused(int code, const char *part, const char *const *words) {
    v2s_test_run run = v2s_test_run_train(words);
    cr_expect(run.code == code, "exit code %d, expected %d: %s", run.code, code, run.err);
    cr_expect(strstr(run.err, part) != NULL, "'%s' is not in: %s", part, run.err);
    v2s_test_run_free(&run);
}

static bool exists(const char *name) {
    return access(v2s_test_path(name), F_OK) == 0;
}

static v2s_depth_set set_of(const char *name) {
    v2s_depth_set set = {0};
    cr_assert(v2s_depth_set_open(v2s_test_path(name), (v2s_manifest_rules){.strict = true}, &set) ==
                  V2S_OK,
              "%s", v2s_error_text());
    return set;
}

static void expect_text(const char *name, const char *expected) {
    size_t size;
    unsigned char *text = v2s_test_read_file(v2s_test_path(name), &size);
    cr_expect(size == strlen(expected) && memcmp(text, expected, size) == 0, "%s: %.*s", name,
              (int)size, (const char *)text);
    free(text);
}

static void expect_same_file(const char *a, const char *b, bool same) {
    size_t m, n;
    unsigned char *x = v2s_test_read_file(a, &m), *y = v2s_test_read_file(b, &n);
    cr_expect((m == n && memcmp(x, y, m) == 0) == same, "%s and %s", a, b);
    free(x);
    free(y);
}

// ---- what it writes ---------------------------------------------------------------------------

Test(synth_depth_program, the_layout_is_batvision_v2s) {
    SYNTH("-o", "d", "--clips", "8", "--rooms", "4", "--depth-size", "24", "--seed", "1");
    v2s_depth_set set = set_of("d");
    cr_expect(strcmp(set.layout, "batvision2") == 0 && set.count == 8 && set.skipped == 0);
    v2s_depth_set_free(&set);
    int lists = 0;
    for (int room = 0; room < 4; room++)
        for (int s = 0; s < V2S_SPLIT_COUNT; s++) {
            const char *head = "depth path,depth file name,audio path,audio file name\n";
            char name[64], full[400];
            snprintf(name, sizeof name, "d/room%04d/%s.csv", room, v2s_split_name((v2s_split)s));
            size_t size;
            unsigned char *text = v2s_test_read_file(v2s_test_path(name), &size);
            lists += size > strlen(head);
            snprintf(full, sizeof full,
                     "%sroom%04d/depth,depth_%05d.npy,room%04d/audio,audio_%05d.wav\n"
                     "room%04d/depth,depth_%05d.npy,room%04d/audio,audio_%05d.wav\n",
                     head, room, room * 2, room, room * 2, room, room * 2 + 1, room, room * 2 + 1);
            expect_text(name, size > strlen(head) ? full : head);
            free(text);
        }
    cr_expect(lists == 4, "a room lies in one split: %d lists", lists);
    cr_expect(v2s_test_count_files(v2s_test_path("d"), "") == 4 + 2, "rooms, . and ..");
}

Test(synth_depth_program, sounds_and_depths_can_be_read_as_the_network_reads_them) {
    SYNTH("-o", "d", "--clips", "6", "--rooms", "3", "--depth-size", "40", "--seed", "5");
    v2s_depth_set set = set_of("d");
    const v2s_echo_config config = {.rate_hz = 44100, .max_depth_m = 30, .size = 32};
    const v2s_depth_map_options options = {.max_depth_m = 30, .size = 32};
    v2s_echo *echo = NULL;
    cr_assert(v2s_echo_open(&config, &echo) == V2S_OK);
    for (size_t i = 0; i < set.count; i++) {
        float x[2 * 32 * 32], depth[32 * 32], ears[2] = {0};
        v2s_echo_notes notes;
        cr_assert(v2s_depth_sample_load(&set.samples[i], echo, &options, x, depth, &notes) ==
                      V2S_OK,
                  "%s", v2s_error_text());
        cr_expect(!notes.short_sound && !notes.silent && !notes.clipped);
        for (int k = 0; k < 32 * 32; k++) {
            cr_assert(depth[k] > 0.1F && depth[k] < 30, "%g m", depth[k]);
            ears[0] += x[k];
            ears[1] += x[32 * 32 + k];
        }
        cr_expect(ears[0] > 0 && ears[1] > 0 && ears[0] != ears[1]);
        v2s_test_sound sound = v2s_test_sound_read(set.samples[i].audio[0]);
        cr_expect(sound.channels == 2 && sound.rate_hz == 44100 && sound.frames >= 7782);
        v2s_test_sound_free(&sound);
    }
    v2s_echo_close(&echo);
    v2s_depth_set_free(&set);
}

Test(synth_depth_program, a_room_lies_in_one_split_and_no_split_is_empty) {
    const char *const rooms[] = {"3", "5", "21"};
    for (int k = 0; k < 3; k++) {
        char name[8];
        snprintf(name, sizeof name, "d%d", k);
        SYNTH("-o", name, "--clips", "23", "--rooms", rooms[k], "--depth-size", "8");
        v2s_depth_set set = set_of(name);
        size_t in_split[V2S_SPLIT_COUNT] = {0};
        cr_expect(set.count == 23);
        for (size_t i = 0; i < set.count; i++) {
            in_split[set.samples[i].split]++;
            for (size_t j = 0; j < i; j++)
                cr_expect(set.samples[i].split == set.samples[j].split ||
                          strcmp(set.samples[i].location, set.samples[j].location) != 0);
        }
        for (int s = 0; s < V2S_SPLIT_COUNT; s++)
            cr_expect(in_split[s] > 0, "%s rooms: no %s sample", rooms[k],
                      v2s_split_name((v2s_split)s));
        v2s_depth_set_free(&set);
    }
}

Test(synth_depth_program, a_seed_gives_the_same_bytes_on_any_number_of_threads) {
#define SAME "--clips", "9", "--rooms", "4", "--depth-size", "16"
    SYNTH("-o", "one", SAME, "--seed", "3", "--threads", "1");
    SYNTH("-o", "two", SAME, "--seed", "3", "--threads", "2");
    SYNTH("-o", "other", SAME, "--seed", "4", "--threads", "2");
    v2s_depth_set one = set_of("one"), two = set_of("two"), other = set_of("other");
    cr_assert(one.count == 9 && two.count == 9 && other.count == 9);
    for (size_t i = 0; i < one.count; i++) {
        cr_expect(strcmp(one.samples[i].id, two.samples[i].id) == 0);
        cr_expect(one.samples[i].split == two.samples[i].split);
        expect_same_file(one.samples[i].audio[0], two.samples[i].audio[0], true);
        expect_same_file(one.samples[i].depth, two.samples[i].depth, true);
        expect_same_file(one.samples[i].audio[0], other.samples[i].audio[0], false);
        expect_same_file(one.samples[i].depth, other.samples[i].depth, false);
    }
    v2s_depth_set_free(&one);
    v2s_depth_set_free(&two);
    v2s_depth_set_free(&other);
}

Test(synth_depth_program, a_smaller_set_in_the_same_folder_replaces_a_larger_one) {
    SYNTH("-o", "d", "--clips", "8", "--rooms", "8", "--depth-size", "8");
    SYNTH("-o", "d", "--clips", "4", "--rooms", "4", "--depth-size", "8");
    cr_expect(!exists("d/room0007/train.csv") && !exists("d/room0007/val.csv"));
    v2s_depth_set set = set_of("d");
    cr_expect(set.count == 4, "%zu samples", set.count);
    v2s_depth_set_free(&set);
}

Test(synth_depth_program, json_holds_the_counts) {
    SYNTH("-o", "d", "--clips", "8", "--rooms", "4", "--depth-size", "16", "--json", "log.json",
          "--quiet");
    cJSON *json = v2s_test_json(v2s_test_path("log.json"));
    cr_expect(v2s_test_number(json, "samples") == 8 && v2s_test_number(json, "rooms") == 4);
    cr_expect(v2s_test_number(json, "samples_train") == 4 &&
              v2s_test_number(json, "samples_val") == 2 &&
              v2s_test_number(json, "samples_test") == 2);
    cr_expect(v2s_test_number(json, "depth_min_m") > 0.1);
    cr_expect(v2s_test_number(json, "depth_max_m") < 30);
    cr_expect(v2s_test_number(json, "clipped") == 0 && v2s_test_number(json, "peak") < 1);
    cJSON_Delete(json);
}

// ---- what it refuses --------------------------------------------------------------------------

Test(synth_depth_program, wrong_usage_is_one_sentence) {
    REFUSED(2, "no output", "--task", "depth");
    REFUSED(2, "--rooms: 2, expected at least 3", "--task", "depth", "-o", "d", "--rooms", "2");
    REFUSED(2, "--clips: 5, expected at least one for each of --rooms 6", "--task", "depth", "-o",
            "d", "--clips", "5", "--rooms", "6");
    REFUSED(2, "--depth-size: 2 is outside", "--task", "depth", "-o", "d", "--depth-size", "2");
    REFUSED(2, "'sound' is not one of foa|depth", "--task", "sound", "-o", "d");
    REFUSED(2, "--noise: 'loud'", "--task", "depth", "-o", "d", "--noise", "loud");
    cr_expect(!exists("d"));
}

Test(synth_depth_program, options_of_the_other_task_are_refused) {
    static const char *const words[][2] = {
        {"--sounds", "x"},   {"-s", "x"},           {"--licence", "CC0"}, {"--duration", "5"},
        {"--rate", "16000"}, {"--pairing", "both"}, {"--open", "0.12"},   {"--motion", "static"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        REFUSED(2, "has no meaning with --task depth", "--task", "depth", "-o", "d", words[i][0],
                words[i][1]);
    REFUSED(2, "--hrtf: has no meaning with --task foa", "-o", "d", "--sounds", "x", "--hrtf", "h");
    REFUSED(2, "--depth-size: has no meaning with --task foa", "-o", "d", "--sounds", "x",
            "--depth-size=128");
    cr_expect(!exists("d"));
}

Test(synth_depth_program, a_head_that_is_none_is_named) {
    REFUSED(1, "nowhere.sofa", "--task", "depth", "-o", "d", "--hrtf", "nowhere.sofa");
    v2s_test_write_text("text.sofa", "not a head");
    REFUSED(1, "text.sofa", "--task", "depth", "-o", "d", "--hrtf", "text.sofa");
    cr_expect(!exists("d"));
}

Test(synth_depth_program, a_folder_that_cannot_be_made_is_named) {
    v2s_test_write_text("file", "x");
    REFUSED(1, "file: cannot make the folder", "--task", "depth", "-o", "file", "--clips", "3",
            "--rooms", "3");
    REFUSED(1, "nowhere/d: cannot make the folder", "--task", "depth", "-o", "nowhere/d", "--clips",
            "3", "--rooms", "3");
}

Test(synth_depth_program, a_failure_removes_what_was_written) {
    cr_assert(mkdir(v2s_test_path("d"), 0777) == 0);
    cr_assert(mkdir(v2s_test_path("d/room0002"), 0777) == 0);
    v2s_test_write_text("d/room0002/depth", "in the way");
    REFUSED(1, "room0002/depth", "--task", "depth", "-o", "d", "--clips", "6", "--rooms", "3");
    cr_expect(exists("d") && exists("d/room0002/depth"), "not ours");
    cr_expect(!exists("d/room0000") && !exists("d/room0002/audio"));
}

Test(synth_depth_program, an_interrupted_run_ends_with_130_and_leaves_nothing) {
    pid_t child = v2s_test_start_train((const char *const[]){
        "synth", "--task", "depth", "-o", "d", "--clips", "100000", "--rooms", "3", NULL});
    const struct timespec tick = {0, 10000000};
    const char *file = "d/room0000/audio/audio_00003.wav";
    for (int i = 0; i < 3000 && !exists(file); i++)
        nanosleep(&tick, NULL);
    cr_assert(exists(file), "no sample within 30 s");
    cr_assert(kill(child, SIGINT) == 0);
    int code = v2s_test_wait(child);
    cr_expect(code == 130, "exit code %d", code);
    cr_expect(!exists("d"), "files are left over");
}
