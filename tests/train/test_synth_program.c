// SPDX-License-Identifier: MIT
// v2s-train synth as its users run it: what it writes, repeats and refuses.
#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/pair.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

enum { RATE_HZ = 8000, LONG = RATE_HZ * 6 / 10, SCENES_MAX = 200 };

TestSuite(synth_program, .fini = v2s_test_folder_remove);

#define SMALL "--sounds", "sounds", "--rate", "8000", "--duration", "0.5"
#define SYNTH(...) run_ok((const char *const[]){"synth", __VA_ARGS__, NULL})
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

static void make_folder(const char *name) {
    cr_assert(mkdir(v2s_test_path(name), 0777) == 0, "%s", name);
}

static bool exists(const char *name) {
    return access(v2s_test_path(name), F_OK) == 0;
}

// FOLDER/N.wav: white noise, every one different.
static void make_sounds(const char *folder, int count) {
    float samples[LONG];
    make_folder(folder);
    for (int i = 0; i < count; i++) {
        char name[96];
        hash_noise((unsigned)i + (unsigned)strlen(folder) * 100, LONG, 0.3f, samples);
        snprintf(name, sizeof name, "%s/%d.wav", folder, i);
        v2s_test_make_wav(v2s_test_path(name), samples, LONG, 1, RATE_HZ);
    }
}

static v2s_manifest manifest_of(const char *name) {
    v2s_manifest m = {0};
    cr_assert(v2s_manifest_read(v2s_test_path(name), (v2s_manifest_rules){.strict = true}, &m) ==
                  V2S_OK,
              "%s", v2s_error_text());
    return m;
}

// ---- the same bytes ---------------------------------------------------------------------------

static void expect_same_file(const char *a, const char *b, bool same) {
    size_t m, n;
    unsigned char *x = v2s_test_read_file(v2s_test_path(a), &m),
                  *y = v2s_test_read_file(v2s_test_path(b), &n);
    cr_expect((m == n && memcmp(x, y, m) == 0) == same, "%s and %s", a, b);
    free(x);
    free(y);
}

static void expect_same_folders(const char *a, const char *b, int scenes) {
    static const char *const NAMES[] = {"foa/s%05d.wav", "dry/s%05d.wav", "traj/s%05d.csv"};
    for (int i = 0; i < scenes; i++)
        for (int k = 0; k < 3; k++) {
            char file[32], first[64], second[64];
            snprintf(file, sizeof file, NAMES[k], i);
            snprintf(first, sizeof first, "%s/%s", a, file);
            snprintf(second, sizeof second, "%s/%s", b, file);
            expect_same_file(first, second, true);
        }
}

Test(synth_program, a_seed_gives_the_same_bytes_on_any_number_of_threads) {
    make_sounds("sounds", 5);
    SYNTH("-o", "one", SMALL, "--clips", "9", "--rooms", "5", "--seed", "3", "--threads", "1");
    SYNTH("-o", "three", SMALL, "--clips", "9", "--rooms", "5", "--seed", "3", "--threads", "3");
    SYNTH("-o", "other", SMALL, "--clips", "9", "--rooms", "5", "--seed", "4", "--threads", "3");
    expect_same_folders("one", "three", 9);
    expect_same_file("one/manifest.jsonl", "three/manifest.jsonl", true);
    expect_same_file("one/foa/s00001.wav", "other/foa/s00001.wav", false);
    expect_same_file("one/foa/s00001.wav", "one/foa/s00002.wav", false);
}

// ---- the manifest -----------------------------------------------------------------------------

typedef struct seen {
    char name[256];
    v2s_split split;
} seen;

// The thing has not been in another split.
static void note(seen *list, size_t *count, const char *name, v2s_split split) {
    for (size_t i = 0; i < *count; i++)
        if (strcmp(list[i].name, name) == 0) {
            cr_expect(list[i].split == split, "%s is in %s and %s", name,
                      v2s_split_name(list[i].split), v2s_split_name(split));
            return;
        }
    cr_assert(*count < SCENES_MAX);
    snprintf(list[*count].name, sizeof list->name, "%s", name);
    list[(*count)++].split = split;
}

// Splits share no room and no sound, and all three exist. Number of sounds heard.
static size_t check_splits(const v2s_manifest *m) {
    static seen rooms[SCENES_MAX], sounds[SCENES_MAX];
    size_t room_count = 0, sound_count = 0, in_split[V2S_SPLIT_COUNT] = {0};
    for (size_t i = 0; i < m->count; i++) {
        const v2s_clip *c = &m->clips[i];
        in_split[c->split]++;
        note(rooms, &room_count, c->room, c->split);
        char *all = strdup(c->sound), *rest = all;
        for (const char *one; (one = strsep(&rest, "\n")) != NULL;)
            note(sounds, &sound_count, one, c->split);
        free(all);
    }
    for (int s = 0; s < V2S_SPLIT_COUNT; s++)
        cr_expect(in_split[s] > 0, "no %s clip", v2s_split_name((v2s_split)s));
    return sound_count;
}

Test(synth_program, splits_share_neither_rooms_nor_sound_files) {
    make_sounds("sounds", 12);
    make_sounds("elsewhere", 12); // files of the same names
    SYNTH("-o", "d", SMALL, "--sounds", "elsewhere", "--clips", "60", "--rooms", "20", "--motion",
          "static");
    v2s_manifest m = manifest_of("d/manifest.jsonl");
    cr_assert(m.count == 120);
    cr_expect(check_splits(&m) > 15);
    v2s_manifest_free(&m);
}

Test(synth_program, three_rooms_and_three_sounds_are_enough_for_all_splits) {
    make_sounds("sounds", 3);
    SYNTH("-o", "d", SMALL, "--clips", "6", "--rooms", "3", "--motion", "static");
    v2s_manifest m = manifest_of("d/manifest.jsonl");
    cr_expect(check_splits(&m) == 3);
    v2s_manifest_free(&m);
}

Test(synth_program, a_scene_has_a_line_per_pairing_over_the_same_files) {
    make_sounds("sounds", 3);
    SYNTH("-o", "d", SMALL, "--clips", "6", "--rooms", "4", "--licence", "CC0 1.0", "--noise",
          "20,30");
    v2s_manifest m = manifest_of("d/manifest.jsonl");
    cr_assert(m.count == 12);
    for (size_t i = 0; i < m.count; i += 2) {
        const v2s_clip *dry = &m.clips[i], *omni = &m.clips[i + 1];
        cr_expect(dry->pairing == V2S_PAIRING_DRY && omni->pairing == V2S_PAIRING_OMNI);
        cr_expect(strcmp(dry->id + strlen(dry->id) - 4, "-dry") == 0 &&
                  strcmp(omni->id + strlen(omni->id) - 5, "-omni") == 0);
        cr_expect(strcmp(dry->truth, omni->truth) == 0 &&
                  strcmp(dry->trajectory, omni->trajectory) == 0 && dry->split == omni->split);
        cr_expect(strcmp(dry->licence, "CC0 1.0") == 0 && dry->duration_s == 0.5);
        cr_expect(isfinite(dry->drr_db) && dry->rt60_count == V2S_CLIP_BANDS);
        cr_expect(strstr(dry->source, "dB below") != NULL);
        v2s_test_sound truth = v2s_test_sound_read(dry->truth),
                       sound = v2s_test_sound_read(dry->dry);
        cr_expect(truth.channels == 4 && truth.rate_hz == RATE_HZ && truth.frames == RATE_HZ / 2);
        cr_expect(sound.channels == 1 && sound.frames == truth.frames);
        v2s_test_sound_free(&truth);
        v2s_test_sound_free(&sound);
    }
    v2s_manifest_free(&m);
    SYNTH("-o", "omni", SMALL, "--clips", "3", "--rooms", "3", "--pairing", "omni");
    m = manifest_of("omni/manifest.jsonl");
    cr_expect(m.count == 3 && m.clips[0].pairing == V2S_PAIRING_OMNI && m.clips[0].dry == NULL);
    cr_expect(!exists("omni/dry"));
    v2s_manifest_free(&m);
}

static double difference_db(const v2s_clip *clip) {
    v2s_pair pair = {0};
    cr_assert(v2s_pair_load(clip, 0, &pair) == V2S_OK, "%s", v2s_error_text());
    double error = 0, whole = 0;
    for (size_t i = 0; i < 4 * pair.frames; i++) {
        double d = (double)pair.truth[i] - (double)pair.geometric[i];
        error += d * d;
        whole += (double)pair.truth[i] * (double)pair.truth[i];
    }
    v2s_pair_free(&pair);
    return 10 * log10(error / whole);
}

Test(synth_program, files_of_a_free_field_are_the_geometric_path_in_both_pairings) {
    make_sounds("sounds", 4);
    SYNTH("-o", "d", SMALL, "--clips", "60", "--rooms", "60", "--noise", "none", "--motion",
          "circle", "--motion", "zigzag");
    v2s_manifest m = manifest_of("d/manifest.jsonl");
    int found = 0, rooms = 0;
    for (size_t i = 0; i < m.count; i++) {
        const v2s_clip *c = &m.clips[i];
        double off_db = difference_db(c);
        if (strstr(c->source, "free field") != NULL) {
            cr_expect(c->free_field && off_db < -60, "%s: %.1f dB", c->id, off_db);
            found++;
        } else if (!c->free_field) {
            cr_expect(off_db > -40, "%s: a room that is not heard, %.1f dB", c->id, off_db);
            rooms++;
        }
    }
    cr_expect(found >= 2 && rooms > 60, "%d free fields, %d rooms", found, rooms);
    v2s_manifest_free(&m);
}

// ---- bad input --------------------------------------------------------------------------------

Test(synth_program, wrong_words_are_usage) {
    make_sounds("sounds", 3);
    REFUSED(2, "no output", SMALL);
    REFUSED(2, "no sounds", "-o", "d");
    REFUSED(2, "--rate", "-o", "d", "--sounds", "sounds", "--rate", "0");
    REFUSED(2, "--rate", "-o", "d", "--sounds", "sounds", "--rate", "44100.5");
    REFUSED(2, "--rate", "-o", "d", "--sounds", "sounds", "--rate", "1e9");
    REFUSED(2, "--motion", "-o", "d", SMALL, "--motion", "fly");
    REFUSED(2, "--noise", "-o", "d", SMALL, "--noise", "30,20");
    REFUSED(2, "--noise", "-o", "d", SMALL, "--noise", "loud");
    REFUSED(2, "--clips", "-o", "d", SMALL, "--clips", "0");
    REFUSED(2, "--rooms", "-o", "d", SMALL, "--rooms", "0");
    REFUSED(2, "--pairing", "-o", "d", SMALL, "--pairing", "stereo");
    REFUSED(2, "--duration", "-o", "d", "--sounds", "sounds", "--duration", "0");
    cr_expect(!exists("d"));
}

Test(synth_program, sounds_that_are_not_there_fail_before_anything_is_written) {
    make_folder("empty");
    make_folder("broken");
    v2s_test_write_file(v2s_test_path("broken/a.wav"), "RIFFnonsense", 12);
    REFUSED(1, "nowhere", "-o", "d", "--sounds", "nowhere");
    REFUSED(1, "no sound file", "-o", "d", "--sounds", "empty");
    REFUSED(1, "broken/a.wav", "-o", "d", "--sounds", "broken", "--duration", "0.5");
    cr_expect(!exists("d"), "a folder that this run made is left over");
}

Test(synth_program, an_unreadable_sound_among_others_is_named_and_passed_over) {
    make_sounds("sounds", 3);
    make_folder("more");
    v2s_test_write_file(v2s_test_path("more/bad.wav"), "RIFFnonsense", 12);
    make_sounds("others", 20);
    v2s_test_run run = v2s_test_run_train((const char *const[]){
        "synth", "-o", "d", SMALL, "--sounds", "others", "--sounds", "more", "--clips", "30",
        "--rooms", "5", "--motion", "static", "--seed", "2", NULL});
    cr_assert(run.code == 0, "%s", run.err);
    const char *first = strstr(run.err, "more/bad.wav");
    cr_expect(first != NULL && strstr(first + 1, "more/bad.wav") == NULL, "once: %s", run.err);
    v2s_test_run_free(&run);
    v2s_manifest m = manifest_of("d/manifest.jsonl");
    for (size_t i = 0; i < m.count; i++)
        cr_expect(strstr(m.clips[i].sound, "bad") == NULL);
    v2s_manifest_free(&m);
}

Test(synth_program, a_folder_that_cannot_be_written_fails_and_leaves_nothing) {
    make_sounds("sounds", 3);
    v2s_test_write_file(v2s_test_path("file"), "x", 1);
    REFUSED(1, "file", "-o", "file/d", SMALL);
    REFUSED(1, "file", "-o", "file", SMALL);
    make_folder("half");
    v2s_test_write_file(v2s_test_path("half/traj"), "x", 1); // a file where a folder is due
    REFUSED(1, "half/traj", "-o", "half", SMALL);
    cr_expect(exists("half/traj") && !exists("half/foa") && !exists("half/dry"));
    // A file that cannot be replaced: the third scene's, while others are being written.
    make_folder("late");
    make_folder("late/foa");
    make_folder("late/foa/s00002.wav");
    v2s_test_write_file(v2s_test_path("late/foa/s00002.wav/x"), "x", 1);
    REFUSED(1, "s00002.wav", "-o", "late", SMALL, "--clips", "8", "--rooms", "3");
    cr_expect(v2s_test_count_files(v2s_test_path("late"), "") == 1 + 2, "foa, . and ..");
    cr_expect(v2s_test_count_files(v2s_test_path("late/foa"), "s0") == 1);
}

Test(synth_program, a_refused_run_keeps_the_manifest_of_an_earlier_one) {
    make_sounds("sounds", 3);
    SYNTH("-o", "d", SMALL, "--clips", "3", "--rooms", "3", "--motion", "static");
    REFUSED(1, "nowhere", "-o", "d", "--sounds", "nowhere");
    v2s_manifest m = manifest_of("d/manifest.jsonl");
    cr_expect(m.count == 6);
    v2s_manifest_free(&m);
}

Test(synth_program, an_interrupted_run_ends_with_130_and_leaves_nothing) {
    make_sounds("sounds", 3);
    pid_t child = v2s_test_start_train((const char *const[]){
        "synth", "-o", "d", "--sounds", "sounds", "--clips", "100000", "--rooms", "3", NULL});
    const struct timespec tick = {0, 10000000};
    for (int i = 0; i < 3000 && !exists("d/traj/s00001.csv"); i++)
        nanosleep(&tick, NULL);
    cr_assert(exists("d/traj/s00001.csv"), "no scene within 30 s");
    cr_assert(kill(child, SIGINT) == 0);
    int code = v2s_test_wait(child);
    cr_expect(code == 130, "exit code %d", code);
    cr_expect(!exists("d"), "files are left over");
}

Test(synth_program, json_holds_the_counts) {
    make_sounds("sounds", 4);
    SYNTH("-o", "d", SMALL, "--clips", "8", "--rooms", "4", "--json", "log.json", "--quiet");
    cJSON *json = v2s_test_json(v2s_test_path("log.json"));
    cr_expect(v2s_test_number(json, "scenes") == 8 && v2s_test_number(json, "rooms") == 4);
    cr_expect(v2s_test_number(json, "scenes_train") + v2s_test_number(json, "scenes_val") +
                  v2s_test_number(json, "scenes_test") ==
              8);
    cr_expect(v2s_test_number(json, "sounds") == 4 && v2s_test_number(json, "rate_hz") == 8000);
    cJSON_Delete(json);
}

Test(synth_program, the_share_of_open_places_is_as_asked) {
    make_sounds("sounds", 3);
    SYNTH("-o", "d", SMALL, "--clips", "4", "--rooms", "4", "--open", "1", "--json", "log.json");
    SYNTH("-o", "e", SMALL, "--clips", "4", "--rooms", "4", "--open", "0", "--json", "none.json");
    cJSON *json = v2s_test_json(v2s_test_path("log.json"));
    cr_expect_eq(v2s_test_number(json, "rt60_max_s"), 0, "nothing reverberates");
    cJSON_Delete(json);
    json = v2s_test_json(v2s_test_path("none.json"));
    cr_expect(v2s_test_number(json, "rt60_min_s") > 0);
    cJSON_Delete(json);
}
