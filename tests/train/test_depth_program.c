// SPDX-License-Identifier: MIT
// v2s-train depth as its users run it: what it learns, repeats, resumes, skips and refuses.
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "checkpoints/safetensors.h"
#include "data/npy.h"
#include "infer/depth_file.h"
#include "tests/support/make_depth_set.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"
#include "tests/support/same_tensors.h"

TestSuite(depth_program, .fini = v2s_test_folder_remove);

// ---- the program ------------------------------------------------------------------------------

#define TRAIN(...) run_ok((const char *const[]){"depth", __VA_ARGS__, NULL})
#define SMALL                                                                                      \
    "set", "--base-channels", "8", "--size", "16", "--attention-levels", "3", "--threads", "1", "-q"

static void run_ok(const char *const *words) {
    v2s_test_run run = v2s_test_run_train(words);
    cr_assert(run.code == 0, "exit code %d: %s", run.code, run.err);
    v2s_test_run_free(&run);
}

#define EXPECT(exit_code, part, ...)                                                               \
    expect(exit_code, part, (const char *const[]){"depth", __VA_ARGS__, NULL})

static void expect(int code, const char *part, const char *const *words) {
    v2s_test_run run = v2s_test_run_train(words);
    cr_expect(run.code == code, "exit code %d, expected %d: %s", run.code, code, run.err);
    cr_expect(strstr(run.err, part) != NULL, "'%s' is not in: %s", part, run.err);
    v2s_test_run_free(&run);
}

static double json_number(const char *name, const char *key) {
    cJSON *json = v2s_test_json(v2s_test_path(name));
    double value = v2s_test_number(json, key);
    cJSON_Delete(json);
    return value;
}

static char *text_of(const char *name) {
    size_t size;
    char *text = (char *)v2s_test_read_file(v2s_test_path(name), &size);
    text[size] = '\0';
    return text;
}

static void expect_same_text(const char *a, const char *b) {
    char *first = text_of(a), *second = text_of(b);
    cr_expect(strcmp(first, second) == 0, "%s and %s differ", a, b);
    free(first);
    free(second);
}

typedef struct line {
    double loss, l1, edge, smooth;
} line;

// Steps 1 .. last, each once; returns the last line.
static line check_log(const char *name, int last) {
    char *text = text_of(name), *at = strchr(text, '\n');
    line l = {0};
    cr_assert(strncmp(text, "step,loss,l1,edge,smooth,", 25) == 0 && at != NULL, "%s", text);
    for (int step = 1; step <= last; step++) {
        int found;
        cr_assert(
            sscanf(at + 1, "%d,%lf,%lf,%lf,%lf,", &found, &l.loss, &l.l1, &l.edge, &l.smooth) == 5,
            "after step %d: %s", step - 1, at);
        cr_assert(found == step, "step %d, expected %d", found, step);
        at = strchr(at + 1, '\n');
        cr_assert(at != NULL);
    }
    cr_expect(at[1] == '\0', "more lines: %s", at);
    free(text);
    return l;
}

// ---- learning ---------------------------------------------------------------------------------

Test(depth_program, it_learns_a_small_set) {
    v2s_test_make_depth_set("set", 8, 2, 0);
    TRAIN(SMALL, "-o", "run", "--steps", "100", "--batch", "8", "--augment", "none", "--lr", "0.01",
          "--json", "j.json");
    double first = json_number("j.json", "first_loss"), last = json_number("j.json", "loss");
    cr_expect(last < 0.3 * first, "%g of %g", last, first); // the first is about the constant's
    cr_expect(json_number("j.json", "steps") == 100 && json_number("j.json", "epochs") == 100);
    cr_expect(json_number("j.json", "train_samples") == 8);
    cr_expect(json_number("j.json", "best_val_l1") <= json_number("j.json", "val_l1"));
    line l = check_log("run/log.csv", 100);
    cr_expect(fabs(l.loss - (l.l1 + 0.2 * l.edge + 0.1 * l.smooth)) < 1e-9 * l.loss);
    v2s_depth_file file = {0};
    cr_assert(v2s_depth_file_open(v2s_test_path("run/best.safetensors"), &file) == V2S_OK, "%s",
              v2s_error_text());
    cr_expect(file.warning_count == 0 && file.config.size == 16 && file.rate_hz == 44100);
    cr_expect(file.config.scale == V2S_ATTENTION_SCALE_KEY && !file.left_only);
    cr_expect(file.config.attention[2] && !file.config.attention[1]);
    v2s_depth_file_close(&file);
    v2s_safetensors *last_file = NULL;
    cr_assert(v2s_safetensors_open(v2s_test_path("run/last.safetensors"), &last_file) == V2S_OK);
    cr_expect(v2s_safetensors_find(last_file, "optimizer.m.head.weight") != NULL);
    cr_expect(v2s_safetensors_find(last_file, "optimizer.v.attention.3.q.bias") != NULL);
    v2s_safetensors_close(&last_file);
}

static int compare(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

// The floors restated from the maps: the mean of each pixel, the median of all.
Test(depth_program, floors_are_those_of_the_training_maps) {
    enum { TRAIN_COUNT = 3, N = 16 };
    v2s_test_make_depth_set("set", TRAIN_COUNT, 1, 0);
    TRAIN(SMALL, "-o", "run", "--steps", "1", "--batch", "2");
    double sum[N * N] = {0};
    int count[N * N] = {0}, valid = 0;
    float all[TRAIN_COUNT * N * N];
    for (int i = 0; i < TRAIN_COUNT; i++) {
        char name[64];
        v2s_npy map;
        snprintf(name, sizeof name, "set/%s/depth/depth_%d.npy", i % 2 == 0 ? "attic" : "cellar",
                 i);
        cr_assert(v2s_npy_read(v2s_test_path(name), 1 << 20, &map) == V2S_OK);
        for (int k = 0; k < N * N; k++) {
            int y = (int)((k / N + 0.5) * V2S_TEST_DEPTH_HEIGHT / N);
            int x = (int)((k % N + 0.5) * V2S_TEST_DEPTH_WIDTH / N);
            double m = map.values[y * V2S_TEST_DEPTH_WIDTH + x] / 1000;
            if (m > 0) {
                sum[k] += m;
                count[k]++;
                all[valid++] = (float)m;
            }
        }
        v2s_npy_free(&map);
    }
    qsort(all, (size_t)valid, sizeof *all, compare);
    v2s_depth_file file = {0};
    cr_assert(v2s_depth_file_open(v2s_test_path("run/best.safetensors"), &file) == V2S_OK);
    cr_expect(fabs(file.constant_depth - all[valid / 2]) < 0.05, "%g %g", file.constant_depth,
              all[valid / 2]);
    for (int k = 0; k < N * N; k++)
        if (count[k] > 0)
            cr_expect(fabs(file.mean_depth[k] - sum[k] / count[k]) < 1e-5, "pixel %d", k);
    v2s_depth_file_close(&file);
}

// ---- the same again ---------------------------------------------------------------------------

Test(depth_program, same_seed_same_bytes_in_memory_or_not) {
    v2s_test_make_depth_set("set", 5, 1, 0);
    TRAIN(SMALL, "-o", "a", "--steps", "7", "--batch", "2", "--ema", "0.9");
    TRAIN(SMALL, "-o", "b", "--steps", "7", "--batch", "2", "--ema", "0.9", "--cache-mb", "0",
          "--json", "j.json");
    v2s_test_same_tensors("a/last.safetensors", "b/last.safetensors");
    v2s_test_same_tensors("a/best.safetensors", "b/best.safetensors");
    expect_same_text("a/log.csv", "b/log.csv");
    TRAIN(SMALL, "-o", "c", "--steps", "7", "--batch", "2", "--ema", "0.9", "--seed", "1");
    char *a = text_of("a/log.csv"), *c = text_of("c/log.csv");
    cr_expect(strcmp(a, c) != 0);
    free(a);
    free(c);
}

// ---- kill and resume --------------------------------------------------------------------------

#define LONG_RUN                                                                                   \
    SMALL, "--steps", "30", "--batch", "2", "--accumulate", "2", "--save-every", "1", "--ema",     \
        "0.95"

static void sleep_s(double s) {
    struct timespec t = {(time_t)s, (long)(1e9 * (s - floor(s)))};
    while (nanosleep(&t, &t) != 0 && errno == EINTR) {
    }
}

static struct timespec modified(const char *name) {
    struct stat info;
    return stat(v2s_test_path(name), &info) == 0 ? info.st_mtim : (struct timespec){0, 0};
}

// Until the file was replaced, or the process ended.
static void wait_for_change(const char *name, struct timespec before, pid_t child) {
    for (int i = 0; i < 20000; i++) {
        struct timespec now = modified(name);
        if (now.tv_sec != before.tv_sec || now.tv_nsec != before.tv_nsec ||
            waitid(P_PID, (id_t)child, &(siginfo_t){0}, WEXITED | WNOHANG | WNOWAIT) != 0)
            return;
        sleep_s(0.001);
    }
    cr_assert(false, "%s was not written", name);
}

Test(depth_program, killed_it_ends_in_the_same_bytes) {
    v2s_test_make_depth_set("set", 7, 1, 0);
    TRAIN(LONG_RUN, "-o", "whole");
    int killed = 0;
    for (int i = 0; i < 3; i++) {
        const char *const with_options[] = {"depth", LONG_RUN, "-o", "run", "--resume", NULL};
        const char *const with_folder[] = {"depth", "--resume", "-o", "run", "-q", NULL};
        struct timespec before = modified("run/last.safetensors");
        pid_t child = v2s_test_start_train(i < 2 ? with_options : with_folder);
        wait_for_change("run/last.safetensors", before, child);
        sleep_s(0.013 * i);
        kill(child, SIGKILL);
        killed += v2s_test_wait(child) == 128 + SIGKILL;
    }
    cr_expect(killed >= 2, "only %d of 3 were killed in time", killed);
    TRAIN("--resume", "-o", "run", "-q");
    v2s_test_same_tensors("whole/last.safetensors", "run/last.safetensors");
    v2s_test_same_tensors("whole/best.safetensors", "run/best.safetensors");
    expect_same_text("whole/log.csv", "run/log.csv");
    check_log("run/log.csv", 30);
    cr_expect(v2s_test_count_files(v2s_test_path("run"), "partial") == 0);
}

// At any moment, in a validation too: it is then done when the run goes on.
Test(depth_program, interrupted_it_ends_in_the_same_bytes) {
    v2s_test_make_depth_set("set", 4, 24, 0);
    TRAIN(LONG_RUN, "--val-every", "2", "-o", "whole");
    int stopped = 0;
    for (int i = 0; i < 4; i++) {
        const char *const words[] = {"depth", LONG_RUN, "--val-every", "2",
                                     "-o",    "run",    "--resume",    NULL};
        struct timespec before = modified("run/last.safetensors");
        pid_t child = v2s_test_start_train(words);
        wait_for_change("run/last.safetensors", before, child);
        sleep_s(0.007 * i);
        kill(child, SIGINT);
        int code = v2s_test_wait(child);
        cr_expect(code == 130 || code == 0, "%d", code);
        stopped += code == 130;
    }
    cr_expect(stopped >= 2, "only %d of 4 were stopped in time", stopped);
    TRAIN("--resume", "-o", "run", "-q");
    v2s_test_same_tensors("whole/last.safetensors", "run/last.safetensors");
    v2s_test_same_tensors("whole/best.safetensors", "run/best.safetensors");
    check_log("run/log.csv", 30);
}

Test(depth_program, options_that_define_a_run_may_not_change) {
    v2s_test_make_depth_set("set", 3, 1, 0);
    TRAIN(SMALL, "-o", "run", "--steps", "2", "--batch", "2");
    EXPECT(2, "--lr may not change", "-o", "run", "--resume", "--lr", "0.1");
    EXPECT(2, "--base-channels may not change", "-o", "run", "--resume", "--base-channels", "16");
    EXPECT(2, "--curriculum may not change", "-o", "run", "--resume", "--curriculum", "adaptive");
    EXPECT(2, "--augment may not change", "-o", "run", "--resume", "--augment", "none");
    EXPECT(1, "holds a run already", SMALL, "-o", "run");
    TRAIN("-o", "run", "--resume", "--cache-mb", "1", "-q"); // this may
    char *table = text_of("set/attic/train.csv");
    v2s_test_write_file(v2s_test_path("set/attic/train.csv"), table, strlen(table) - 1);
    free(table);
    EXPECT(1, "changed since the run began", "-o", "run", "--resume");
}

// ---- samples that cannot be used --------------------------------------------------------------

static void write_sound(const char *name, int channels, int rate_hz, float spoiled) {
    static float sound[2 * V2S_TEST_DEPTH_FRAMES];
    for (int i = 0; i < 2 * V2S_TEST_DEPTH_FRAMES; i++)
        sound[i] = 0.1f * (float)(i % 7);
    sound[100] = spoiled;
    v2s_test_make_wav(v2s_test_path(name), sound, V2S_TEST_DEPTH_FRAMES, channels, rate_hz);
}

Test(depth_program, what_cannot_be_used_is_named_skipped_and_counted) {
    v2s_test_make_depth_set("set", 8, 2, 0);
    write_sound("set/attic/audio/audio_0.wav", 1, 44100, 0);
    write_sound("set/cellar/audio/audio_1.wav", 2, 48000, 0);
    write_sound("set/attic/audio/audio_2.wav", 2, 44100, NAN);
    uint16_t zeros[12] = {0};
    const size_t dim[] = {3, 4};
    cr_assert(v2s_npy_write_u16(v2s_test_path("set/cellar/depth/depth_3.npy"), 2, dim, zeros) ==
              V2S_OK);
    cr_assert(unlink(v2s_test_path("set/attic/depth/depth_4.npy")) == 0);
    const char *const words[] = {"depth", SMALL,    "-o",     "run", "--epochs",
                                 "2",     "--json", "j.json", NULL};
    v2s_test_run run = v2s_test_run_train(words);
    cr_assert(run.code == 0, "%d: %s", run.code, run.err);
    const char *const named[] = {"audio_0", "audio_1", "audio_2", "depth_3", "depth_4"};
    for (int i = 0; i < 5; i++) {
        const char *at = strstr(run.err, named[i]);
        cr_expect(at != NULL, "%s is not in: %s", named[i], run.err);
    }
    v2s_test_run_free(&run);
    cr_expect(json_number("j.json", "skipped_samples") == 5);
    cr_expect(json_number("j.json", "train_samples") == 3);
    EXPECT(1, "_", SMALL, "-o", "strict", "--strict");
    cr_assert(access(v2s_test_path("strict/last.safetensors"), F_OK) != 0);
}

Test(depth_program, no_sample_is_an_error) {
    v2s_test_make_depth_set("set", 1, 1, 0);
    EXPECT(1, "no sample of the split train", SMALL, "-o", "run", "--rate", "48000");
    EXPECT(1, "nowhere", "nowhere", "-o", "run");
}

// One sample, a batch larger than the set, nothing to validate on.
Test(depth_program, the_smallest_set_trains) {
    v2s_test_make_depth_set("set", 1, 0, 0);
    EXPECT(0, "no samples of the split val", "set", "--base-channels", "8", "--size", "32", "-o",
           "run", "--epochs", "3", "--batch", "100", "--accumulate", "3", "--attention", "none");
    check_log("run/log.csv", 3);
    cr_expect(access(v2s_test_path("run/best.safetensors"), F_OK) == 0);
}

// ---- bad numbers ------------------------------------------------------------------------------

Test(depth_program, a_run_of_bad_batches_ends) {
    v2s_test_make_depth_set("set", 4, 1, 0);
    EXPECT(1, "3 batches in a row were not finite", SMALL, "-o", "run", "--steps", "50", "--batch",
           "2", "--optimizer", "sgd", "--lr", "1e3", "--weight-decay", "1e3", "--max-skipped", "3",
           "--schedule", "none");
}

// A validation sample so loud that the network's numbers overflow.
Test(depth_program, a_validation_that_is_not_finite_is_logged) {
    v2s_test_make_depth_set("set", 4, 1, 0);
    static float sound[2 * V2S_TEST_DEPTH_FRAMES];
    for (int i = 0; i < 2 * V2S_TEST_DEPTH_FRAMES; i++)
        sound[i] = i % 5 == 0 ? 1e36f : -1e36f;
    v2s_test_make_wav(v2s_test_path("set/hall/audio/audio_0.wav"), sound, V2S_TEST_DEPTH_FRAMES, 2,
                      44100);
    EXPECT(0, "validation after step 2 is not finite", SMALL, "-o", "run", "--steps", "4",
           "--batch", "2");
    check_log("run/log.csv", 4);
    cr_expect(access(v2s_test_path("run/last.safetensors"), F_OK) == 0);
}

// ---- options ----------------------------------------------------------------------------------

Test(depth_program, an_adaptive_run_says_that_it_never_left_l1) {
    v2s_test_make_depth_set("set", 2, 1, 0);
    EXPECT(0, "never left L1", SMALL, "-o", "run", "--epochs", "20", "--curriculum", "adaptive");
    line l = check_log("run/log.csv", 20);
    cr_expect(l.loss == l.l1 && l.edge > 0);
    const char *const words[] = {"depth", SMALL,          "-o",       "longer", "--epochs",
                                 "21",    "--curriculum", "adaptive", NULL};
    v2s_test_run run = v2s_test_run_train(words);
    cr_expect(run.code == 0 && strstr(run.err, "never left L1") == NULL, "%s", run.err);
    v2s_test_run_free(&run);
    l = check_log("longer/log.csv", 21);
    cr_expect(fabs(l.loss - l.l1 - 0.2 * l.edge) < 1e-9 * l.loss);
}

static void read_tensor(const char *path, const char *name, float *into, size_t room) {
    v2s_safetensors *file = NULL;
    cr_assert(v2s_safetensors_open(v2s_test_path(path), &file) == V2S_OK);
    const v2s_safetensors_entry *e = v2s_safetensors_find(file, name);
    cr_assert(e != NULL && e->end - e->begin <= room * sizeof *into, "%s", name);
    int dim[V2S_SAFETENSORS_RANK_MAX];
    for (int i = 0; i < e->rank; i++)
        dim[i] = (int)e->dim[i];
    cr_assert(v2s_safetensors_read_f32(file, name, e->rank, dim, into) == V2S_OK);
    v2s_safetensors_close(&file);
}

// q stays as drawn whatever is trained; v moves.
Test(depth_program, random_attention_looks_where_it_was_drawn) {
    v2s_test_make_depth_set("set", 3, 1, 0);
    float q[2][4096] = {0}, v[2][4096] = {0};
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "a" : "b";
        char last[64];
        TRAIN(SMALL, "-o", name, "--steps", i == 0 ? "1" : "4", "--batch", "2", "--attention",
              "random", "--ears", "left", "--schedule", "constant");
        snprintf(last, sizeof last, "%s/last.safetensors", name);
        read_tensor(last, "attention.3.q.weight", q[i], 4096);
        read_tensor(last, "attention.3.v.weight", v[i], 4096);
    }
    cr_expect(memcmp(q[0], q[1], sizeof q[0]) == 0);
    cr_expect(memcmp(v[0], v[1], sizeof v[0]) != 0);
    v2s_depth_file file = {0};
    cr_assert(v2s_depth_file_open(v2s_test_path("b/best.safetensors"), &file) == V2S_OK);
    cr_expect(file.left_only);
    v2s_depth_file_close(&file);
}

Test(depth_program, a_run_starts_from_given_weights) {
    v2s_test_make_depth_set("set", 3, 1, 0);
    TRAIN(SMALL, "-o", "a", "--steps", "2", "--batch", "2");
    TRAIN(SMALL, "-o", "b", "--steps", "1", "--batch", "2", "--lr", "1e-12", "--weight-decay", "0",
          "--init", "a/last.safetensors");
    float a[64] = {0}, b[64] = {0};
    read_tensor("a/last.safetensors", "head.weight", a, 64);
    read_tensor("b/last.safetensors", "head.weight", b, 64);
    cr_expect(memcmp(a, b, sizeof a) == 0);
    EXPECT(2, "--base-channels 8, expected 16", "set", "-o", "c", "--size", "16", "--base-channels",
           "16", "--init", "a/last.safetensors");
    EXPECT(2, "--attention-levels '3', expected '4'", "set", "-o", "c", "--size", "16",
           "--base-channels", "8", "--attention-levels", "4", "--init", "a/last.safetensors");
    EXPECT(1, "no.safetensors", SMALL, "-o", "d", "--init", "no.safetensors");
}

Test(depth_program, wrong_words_are_refused) {
    v2s_test_make_depth_set("set", 1, 0, 0);
    EXPECT(2, "no output", "set");
    EXPECT(2, "no ROOT or MANIFEST", "-o", "run");
    EXPECT(2, "multiple of 16", "set", "-o", "run", "--size", "20");
    EXPECT(2, "multiple of 8", "set", "-o", "run", "--base-channels", "12");
    EXPECT(2, "--attention-levels", "set", "-o", "run", "--attention-levels", "2,6");
    EXPECT(2, "only one of", "set", "-o", "run", "--steps", "2", "--epochs", "2");
    EXPECT(2, "curriculum", "set", "-o", "run", "--curriculum", "steep");
    EXPECT(2, "nothing has no config.json to resume", "--resume", "-o", "nothing");
}
