// SPDX-License-Identifier: MIT
// v2s-train refiner as its users run it: what it learns, repeats, resumes and refuses.
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "checkpoints/safetensors.h"
#include "infer/refiner_file.h"
#include "tests/support/make_media.h"
#include "tests/support/make_pairs.h"
#include "tests/support/program.h"
#include "tests/support/same_tensors.h"

TestSuite(refiner_program, .fini = v2s_test_folder_remove);

// ---- the program ------------------------------------------------------------------------------

#define TRAIN(...) run_ok((const char *const[]){"refiner", __VA_ARGS__, NULL})
#define SMALL "m.jsonl", "--init", "tiny.safetensors", "--segment", "0.05"

static void run_ok(const char *const *words) {
    v2s_test_run run = v2s_test_run_train(words);
    cr_assert(run.code == 0, "exit code %d: %s", run.code, run.err);
    v2s_test_run_free(&run);
}

#define REFUSED(exit_code, part, ...)                                                              \
    refused(exit_code, part, (const char *const[]){"refiner", __VA_ARGS__, NULL})

static void refused(int code, const char *part, const char *const *words) {
    v2s_test_run run = v2s_test_run_train(words);
    cr_expect(run.code == code, "exit code %d, expected %d: %s", run.code, code, run.err);
    cr_expect(strstr(run.err, part) != NULL, "'%s' is not in: %s", part, run.err);
    v2s_test_run_free(&run);
}

static void sleep_s(double s) {
    struct timespec t = {(time_t)s, (long)(1e9 * (s - floor(s)))};
    while (nanosleep(&t, &t) != 0 && errno == EINTR) {
    }
}

// ---- files ------------------------------------------------------------------------------------

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

// Largest difference of any weight.
static double weight_difference(const char *a, const char *b) {
    v2s_refiner *first = NULL, *second = NULL;
    cr_assert(v2s_refiner_load(v2s_test_path(a), &first, NULL) == V2S_OK, "%s", v2s_error_text());
    cr_assert(v2s_refiner_load(v2s_test_path(b), &second, NULL) == V2S_OK, "%s", v2s_error_text());
    size_t count, other;
    const float *x = v2s_refiner_flat(first, &count), *y = v2s_refiner_flat(second, &other);
    cr_assert(count == other);
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)x[i] - (double)y[i]));
    v2s_refiner_close(&first);
    v2s_refiner_close(&second);
    return largest;
}

// Steps 1 .. last, each once; returns the last loss.
static double check_log(const char *name, int last) {
    char *text = text_of(name), *line = strchr(text, '\n');
    cr_assert(strncmp(text, "step,epoch,loss,", 16) == 0 && line != NULL);
    double loss = NAN;
    for (int step = 1; step <= last; step++) {
        int found, epoch;
        cr_assert(sscanf(line + 1, "%d,%d,%lf,", &found, &epoch, &loss) == 3, "after step %d: %s",
                  step - 1, line);
        cr_assert(found == step, "step %d, expected %d", found, step);
        line = strchr(line + 1, '\n');
        cr_assert(line != NULL);
    }
    cr_expect(line[1] == '\0', "more lines: %s", line);
    free(text);
    return loss;
}

// ---- learning ---------------------------------------------------------------------------------

// What is wrong with these pairs is a constant gain of the dipoles: the network finds it.
Test(refiner_program, it_learns_a_small_set) {
    v2s_test_make_pairs(4, 2);
    v2s_test_make_tiny_weights();
    TRAIN(SMALL, "-o", "run", "--steps", "300", "--batch", "4", "--lr", "0.1", "--augment", "none",
          "--weight-decay", "0", "--json", "j.json", "-q", "--val-every", "50");
    cJSON *json = v2s_test_json(v2s_test_path("j.json"));
    cr_expect(v2s_test_number(json, "steps") == 300 && v2s_test_number(json, "epochs") == 300);
    double geometric = v2s_test_number(json, "val_geometric_loss");
    cr_expect(v2s_test_number(json, "best_score") < 0.35 * geometric, "%g of %g",
              v2s_test_number(json, "best_score"), geometric);
    cr_expect(v2s_test_number(json, "loss") < 0.35 * v2s_test_number(json, "first_loss"));
    cJSON_Delete(json);
    check_log("run/log.csv", 300);

    // The floor beside it: the gain that was put in.
    v2s_safetensors *file = NULL;
    float scaled[4];
    cr_assert(v2s_safetensors_open(v2s_test_path("run/best.safetensors"), &file) == V2S_OK);
    cr_assert(v2s_safetensors_read_f32(file, "floor.scaled", 1, (int[]){4}, scaled) == V2S_OK);
    cr_expect(strcmp(v2s_safetensors_metadata(file, "rate_hz"), "8000") == 0);
    cr_expect(strcmp(v2s_safetensors_metadata(file, "pairing"), "omni") == 0);
    v2s_safetensors_close(&file);
    for (int c = 0; c < 4; c++)
        cr_expect(fabs(scaled[c] - (c == 0 ? 1 : V2S_TEST_PAIR_GAIN)) < 0.06, "%d: %g", c,
                  scaled[c]);
    // Both files load where they will be used.
    V2S_TEST_RUN("info", "run/best.safetensors");
    V2S_TEST_RUN("info", "run/last.safetensors");
}

// The loss of the first step and of a validation, restated.
Test(refiner_program, the_loss_is_the_mean_square_over_all) {
    v2s_test_make_pairs(3, 1);
    v2s_refiner *zero = NULL;
    const v2s_refiner_config config = {
        .inputs = 4, .kernel = 1, .channels = 1, .hidden = 1, .outputs = 4};
    cr_assert(v2s_refiner_open(&config, &zero) == V2S_OK);
    cr_assert(v2s_refiner_save(v2s_test_path("zero.safetensors"), zero, 8000, "omni") == V2S_OK);
    v2s_refiner_close(&zero);
    // All clips in one batch, each used whole: residual 0, so refined is geometric.
    TRAIN("m.jsonl", "-o", "run", "--init", "zero.safetensors", "--segment", "0.2", "--steps", "1",
          "--batch", "100", "--augment", "none", "-q", "--json", "j.json");
    double expected[4];
    for (int k = 0; k < 4; k++) {
        char name[32];
        snprintf(name, sizeof name, "c%d.wav", k);
        v2s_test_sound truth = v2s_test_sound_read(v2s_test_path(name));
        double az = (37.0 * k - 170) * 3.14159265358979 / 180;
        double el = (5.0 * (k % 5) - 10) * 3.14159265358979 / 180, sum = 0;
        const double gain[4] = {1, sin(az) * cos(el), sin(el), cos(az) * cos(el)};
        for (size_t i = 0; i < 4 * truth.frames; i++) {
            double d = gain[i % 4] * truth.samples[i / 4 * 4] - truth.samples[i];
            sum += d * d;
        }
        expected[k] = sum / (double)(4 * truth.frames);
        v2s_test_sound_free(&truth);
    }
    cJSON *json = v2s_test_json(v2s_test_path("j.json"));
    double mean = (expected[0] + expected[1] + expected[2]) / 3;
    cr_expect(fabs(v2s_test_number(json, "first_loss") / mean - 1) < 1e-5);
    cr_expect(fabs(v2s_test_number(json, "val_geometric_loss") / expected[3] - 1) < 1e-5);
    cJSON_Delete(json);
}

// ---- the same again ---------------------------------------------------------------------------

Test(refiner_program, same_seed_same_bytes) {
    v2s_test_make_pairs(5, 1);
    v2s_test_make_tiny_weights();
    TRAIN(SMALL, "-o", "a", "--steps", "8", "--batch", "2", "--ema", "0.9", "-q");
    TRAIN(SMALL, "-o", "b", "--steps", "8", "--batch", "2", "--ema", "0.9", "-q");
    v2s_test_same_tensors("a/last.safetensors", "b/last.safetensors");
    v2s_test_same_tensors("a/best.safetensors", "b/best.safetensors");
    expect_same_text("a/log.csv", "b/log.csv");
    TRAIN(SMALL, "-o", "c", "--steps", "8", "--batch", "2", "--ema", "0.9", "-q", "--seed", "1");
    cr_expect(weight_difference("a/last.safetensors", "c/last.safetensors") > 1e-6);
}

// Rows are prepared by threads, but what they hold does not depend on them.
Test(refiner_program, threads_change_nothing_but_the_last_bits) {
    v2s_test_make_pairs(6, 1);
    v2s_test_make_tiny_weights();
    TRAIN(SMALL, "-o", "a", "--steps", "5", "--batch", "3", "--threads", "1", "-q");
    TRAIN(SMALL, "-o", "b", "--steps", "5", "--batch", "3", "--threads", "3", "-q");
    double d = weight_difference("a/last.safetensors", "b/last.safetensors");
    cr_expect(d < 1e-6, "%g", d);
}

// ---- kill and resume --------------------------------------------------------------------------

#define LONG_RUN                                                                                   \
    SMALL, "--steps", "150", "--batch", "2", "--save-every", "1", "--val-every", "10", "--ema",    \
        "0.95", "-q"

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

static double random_s(unsigned *state, double most_s) {
    *state = *state * 1664525u + 1013904223u;
    return most_s * (double)(*state >> 8) / (double)(1 << 24);
}

Test(refiner_program, killed_at_any_moment_it_ends_in_the_same_bytes) {
    v2s_test_make_pairs(5, 1);
    v2s_test_make_tiny_weights();
    TRAIN(LONG_RUN, "-o", "whole");
    unsigned state = (unsigned)time(NULL);
    int killed = 0;
    for (int i = 0; i < 10; i++) {
        // The second half needs nothing but the folder.
        const char *const with_options[] = {"refiner", LONG_RUN, "-o", "run", "--resume", NULL};
        const char *const with_folder[] = {"refiner", "--resume", "-o", "run", "-q", NULL};
        struct timespec before = modified("run/last.safetensors");
        pid_t child = v2s_test_start_train(i < 5 ? with_options : with_folder);
        if (i >= 2) // the first two at once, before there is a checkpoint
            wait_for_change("run/last.safetensors", before, child);
        sleep_s(random_s(&state, i < 2 ? 0.02 : 0.03));
        kill(child, SIGKILL);
        killed += v2s_test_wait(child) == 128 + SIGKILL;
    }
    cr_expect(killed >= 8, "only %d of 10 were killed in time", killed);
    TRAIN("--resume", LONG_RUN, "-o", "run");
    v2s_test_same_tensors("whole/last.safetensors", "run/last.safetensors");
    v2s_test_same_tensors("whole/best.safetensors", "run/best.safetensors");
    expect_same_text("whole/log.csv", "run/log.csv");
    check_log("run/log.csv", 150);
    cr_expect(v2s_test_count_files(v2s_test_path("run"), "partial") == 0);
}

Test(refiner_program, an_interruption_ends_in_order) {
    v2s_test_make_pairs(5, 1);
    v2s_test_make_tiny_weights();
    TRAIN(LONG_RUN, "-o", "whole");
    const char *const words[] = {"refiner", LONG_RUN, "-o", "run", NULL};
    pid_t child = v2s_test_start_train(words);
    wait_for_change("run/last.safetensors", (struct timespec){0, 0}, child);
    kill(child, SIGINT);
    cr_expect(v2s_test_wait(child) == 130);
    TRAIN("--resume", "-o", "run", "-q");
    v2s_test_same_tensors("whole/last.safetensors", "run/last.safetensors");
    expect_same_text("whole/log.csv", "run/log.csv");
}

// 12 steps, then 20: the same as 20 at once, where the rate does not depend on the end.
Test(refiner_program, a_run_may_be_made_longer) {
    v2s_test_make_pairs(4, 0);
    v2s_test_make_tiny_weights();
    TRAIN(SMALL, "-o", "a", "--steps", "20", "--batch", "2", "--schedule", "constant", "-q");
    TRAIN(SMALL, "-o", "b", "--steps", "12", "--batch", "2", "--schedule", "constant", "-q");
    TRAIN("-o", "b", "--resume", "--epochs", "10", "-q");
    v2s_test_same_tensors("a/last.safetensors", "b/last.safetensors");
    check_log("b/log.csv", 20);
}

Test(refiner_program, options_that_define_a_run_may_not_change) {
    v2s_test_make_pairs(4, 1);
    v2s_test_make_tiny_weights();
    TRAIN(SMALL, "-o", "run", "--steps", "4", "--batch", "2", "-q");
    REFUSED(2, "--lr may not change", "-o", "run", "--resume", "--lr", "0.1");
    REFUSED(2, "--batch may not change", "-o", "run", "--resume", "--batch", "4");
    REFUSED(2, "--seed may not change", "-o", "run", "--resume", "--seed", "4");
    REFUSED(2, "--ema may not change", "-o", "run", "--resume", "--ema", "0.5");
    REFUSED(2, "--steps may not change", "-o", "run", "--resume", "--steps", "8");
    REFUSED(2, "MANIFEST may not change", "other.jsonl", "-o", "run", "--resume");
    REFUSED(1, "holds a run already", SMALL, "-o", "run", "--steps", "4");
    TRAIN("-o", "run", "--resume", "--threads", "1", "--save-every", "2", "-q"); // these may
    char *manifest = text_of("m.jsonl");
    v2s_test_write_file(v2s_test_path("m.jsonl"), manifest, strlen(manifest) - 1);
    free(manifest);
    REFUSED(1, "changed since the run began", "-o", "run", "--resume");
}

Test(refiner_program, a_folder_without_a_checkpoint_starts_from_the_beginning) {
    v2s_test_make_pairs(4, 1);
    v2s_test_make_tiny_weights();
    const char *const words[] = {"refiner", "--resume", SMALL,     "-o", "run",
                                 "--steps", "2",        "--batch", "2",  NULL};
    v2s_test_run run = v2s_test_run_train(words);
    cr_expect(run.code == 0 && strstr(run.err, "warning: run: no checkpoint yet") != NULL, "%s",
              run.err);
    v2s_test_run_free(&run);
    REFUSED(2, "nothing has no config.json to resume", "--resume", "-o", "nothing");
}

Test(refiner_program, a_damaged_checkpoint_is_named) {
    v2s_test_make_pairs(4, 1);
    v2s_test_make_tiny_weights();
    TRAIN(SMALL, "-o", "run", "--steps", "2", "--batch", "2", "-q");
    size_t size;
    unsigned char *bytes = v2s_test_read_file(v2s_test_path("run/last.safetensors"), &size);
    bytes[size - 100] ^= 1;
    v2s_test_write_file(v2s_test_path("run/last.safetensors"), bytes, size);
    free(bytes);
    REFUSED(1, "run/last.safetensors: the weights are damaged", "--resume", "-o", "run");
}

// ---- bad numbers ------------------------------------------------------------------------------

Test(refiner_program, a_clip_with_nan_is_named_skipped_and_counted) {
    v2s_test_make_pairs(5, 1);
    v2s_test_make_tiny_weights();
    v2s_test_spoil_pair(3, NAN);
    const char *const words[] = {"refiner", SMALL, "-o",     "run",    "--epochs", "2",
                                 "--batch", "1",   "--json", "j.json", NULL};
    v2s_test_run run = v2s_test_run_train(words);
    cr_assert(run.code == 0, "%d: %s", run.code, run.err);
    cr_expect(strstr(run.err, "batch skipped: clip c3") != NULL, "%s", run.err);
    v2s_test_run_free(&run);
    cJSON *json = v2s_test_json(v2s_test_path("j.json"));
    cr_expect(v2s_test_number(json, "skipped_batches") == 2);
    cr_expect(v2s_test_number(json, "steps") == 8 && v2s_test_number(json, "epochs") == 2);
    cJSON_Delete(json);
    cr_expect(isfinite(check_log("run/log.csv", 8)));
    cr_expect(weight_difference("run/last.safetensors", "tiny.safetensors") < 1);
}

Test(refiner_program, too_many_bad_batches_end_the_run) {
    v2s_test_make_pairs(4, 0);
    v2s_test_make_tiny_weights();
    // Rates that no network survives: the loss grows until it is not a number.
    REFUSED(1, "batches in a row were not finite; the last one has clip c", SMALL, "-o", "diverged",
            "--epochs", "400", "--optimizer", "sgd", "--lr", "1000", "--clip", "0", "--schedule",
            "constant", "-q");
    v2s_test_spoil_pair(2, NAN);
    REFUSED(1, "5 batches in a row were not finite; the last one has clip c2", SMALL, "-o", "run",
            "--epochs", "9", "--batch", "4", "--max-skipped", "5");
    REFUSED(1, "clip c2", SMALL, "-o", "strict", "--epochs", "9", "--strict");
    for (int i = 0; i < 4; i++)
        v2s_test_spoil_pair(i, NAN);
    REFUSED(1, "no clip of the split train can be", SMALL, "-o", "all", "--epochs", "9");
}

Test(refiner_program, clips_that_cannot_be_used_are_named_and_skipped) {
    v2s_test_make_pairs(4, 2);
    v2s_test_make_tiny_weights();
    v2s_test_write_file(v2s_test_path("c1.wav"), "no sound", 8);
    v2s_test_spoil_pair(5, INFINITY); // of the split val
    const char *const words[] = {"refiner", SMALL, "-o",     "run",    "--steps", "2",
                                 "--batch", "9",   "--json", "j.json", NULL};
    v2s_test_run run = v2s_test_run_train(words);
    cr_assert(run.code == 0, "%d: %s", run.code, run.err);
    cr_expect(strstr(run.err, "skipped: clip c1") != NULL, "%s", run.err);
    cr_expect(strstr(run.err, "skipped: clip c5") != NULL, "%s", run.err);
    v2s_test_run_free(&run);
    cJSON *json = v2s_test_json(v2s_test_path("j.json"));
    cr_expect(v2s_test_number(json, "skipped_clips") == 2);
    cr_expect(v2s_test_number(json, "train_clips") == 3 && v2s_test_number(json, "val_clips") == 1);
    cJSON_Delete(json);
    REFUSED(1, "c1", SMALL, "-o", "strict", "--steps", "2", "--strict");
    REFUSED(1, "shorter than the segment", "m.jsonl", "-o", "long", "--segment", "3", "--steps",
            "2");
}

// ---- the rest ---------------------------------------------------------------------------------

// With a rate that grows without bound the score gets worse, and the run ends.
Test(refiner_program, patience_ends_a_run_that_gets_worse) {
    v2s_test_make_pairs(4, 1);
    v2s_test_make_tiny_weights();
    TRAIN(SMALL, "-o", "run", "--epochs", "300", "--batch", "4", "--optimizer", "sgd", "--momentum",
          "0", "--lr", "1e-9", "--weight-decay", "0", "--patience", "3", "-q", "--json", "j.json",
          "--schedule", "constant");
    cJSON *json = v2s_test_json(v2s_test_path("j.json"));
    cr_expect(strcmp(cJSON_GetObjectItem(json, "ended_by")->valuestring, "patience") == 0);
    cr_expect(v2s_test_number(json, "epochs") < 50);
    cJSON_Delete(json);
}

Test(refiner_program, minutes_end_a_run) {
    v2s_test_make_pairs(4, 1);
    v2s_test_make_tiny_weights();
    TRAIN(SMALL, "-o", "run", "--minutes", "0.005", "--batch", "2", "-q", "--json", "j.json");
    cJSON *json = v2s_test_json(v2s_test_path("j.json"));
    cr_expect(strcmp(cJSON_GetObjectItem(json, "ended_by")->valuestring, "minutes") == 0);
    cr_expect(v2s_test_number(json, "wall_s") >= 0.3 && v2s_test_number(json, "steps") >= 1);
    cr_expect(v2s_test_number(json, "cpu_s") > 0);
    cJSON_Delete(json);
}

Test(refiner_program, config_holds_what_a_repetition_needs) {
    v2s_test_make_pairs(4, 1);
    v2s_test_make_tiny_weights();
    TRAIN(SMALL, "-o", "run", "--steps", "3", "--batch", "2", "--lr", "0.003", "--seed", "11",
          "-q");
    cJSON *json = v2s_test_json(v2s_test_path("run/config.json"));
    const cJSON *options = cJSON_GetObjectItem(json, "options");
    static const char *const expected[][2] = {{"preset", "seed"},     {"steps", "3"},
                                              {"batch", "2"},         {"lr", "0.003"},
                                              {"seed", "11"},         {"clip", "1"},
                                              {"segment", "0.05"},    {"init", "tiny.safetensors"},
                                              {"optimizer", "adamw"}, {"schedule", "cosine"}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const cJSON *item = cJSON_GetObjectItem(options, expected[i][0]);
        cr_expect(cJSON_IsString(item) && strcmp(item->valuestring, expected[i][1]) == 0, "%s: %s",
                  expected[i][0], cJSON_IsString(item) ? item->valuestring : "missing");
    }
    cr_expect(cJSON_GetArraySize(cJSON_GetObjectItem(json, "command")) == 18);
    const cJSON *manifest = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "manifests"), 0);
    const char *path = cJSON_GetObjectItem(manifest, "path")->valuestring;
    cr_expect(path[0] == '/' && access(path, R_OK) == 0);
    cr_expect(strlen(cJSON_GetObjectItem(manifest, "crc32")->valuestring) == 8);
    cr_expect(v2s_test_number(cJSON_GetObjectItem(json, "rows"), "steps_of_a_row") == 400);
    cJSON_Delete(json);
    cr_expect(v2s_test_count_files(v2s_test_path("run"), "events.out.tfevents.") == 1);
}

Test(refiner_program, wrong_words_are_refused) {
    v2s_test_make_pairs(2, 1);
    v2s_test_make_tiny_weights();
    REFUSED(2, "give -o RUN", "m.jsonl");
    REFUSED(2, "no MANIFEST", "-o", "run");
    REFUSED(2, "--preset: expected seed", "m.jsonl", "-o", "run", "--preset", "big");
    REFUSED(2, "only one of", "m.jsonl", "-o", "run", "--steps", "2", "--epochs", "2");
    REFUSED(2, "--augment: expected", "m.jsonl", "-o", "run", "--augment", "rotation,echo");
    REFUSED(2, "--loss", "m.jsonl", "-o", "run", "--loss", "nothing=1");
    REFUSED(2, "--batch: 0 is outside", "m.jsonl", "-o", "run", "--batch", "0");
    REFUSED(1, "no.jsonl", "no.jsonl", "-o", "run");
    REFUSED(1, "no clip of the split train with pairing dry", "m.jsonl", "-o", "run", "--pairing",
            "dry");
    REFUSED(1, "no.safetensors", "m.jsonl", "-o", "run", "--init", "no.safetensors");
    REFUSED(1, "m.jsonl: expected a folder", "m.jsonl", "-o", "m.jsonl");
}

// ---- processes --------------------------------------------------------------------------------

static bool has_mpirun(void) {
    return system("command -v mpirun >/dev/null 2>&1") == 0;
}

// Runs a shell command in the test's folder. OpenMPI keeps memory to the end of the process, which
// is not a leak of ours.
static int shell(const char *command) {
    char *text = NULL;
    cr_assert(asprintf(&text,
                       "cd %s && ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 %s >out.txt 2>err.txt",
                       v2s_test_folder(), command) > 0);
    int status = system(text);
    free(text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define MPIRUN "mpirun --allow-run-as-root --oversubscribe -n 2 " V2S_TRAIN_PROGRAM " refiner "
#define FIVE_STEPS                                                                                 \
    "m.jsonl --init tiny.safetensors --segment 0.05 --steps 5 --lr 1e-3 --schedule constant "      \
    "--val-every 2 -q "

Test(refiner_program, two_processes_equal_one_with_twice_the_batch) {
    if (!has_mpirun())
        cr_skip_test("mpirun is not installed");
    v2s_test_make_pairs(7, 1); // the last batch of an epoch is not full
    v2s_test_make_tiny_weights();
    TRAIN(SMALL, "-o", "one", "--steps", "5", "--lr", "1e-3", "--schedule", "constant",
          "--val-every", "2", "-q", "--batch", "4");
    int code = shell(MPIRUN FIVE_STEPS "--batch 2 -o two --json j.json");
    if (code != 0) {
        char *err = text_of("err.txt");
        cr_assert(false, "exit code %d: %s", code, err);
    }
    double d = weight_difference("one/last.safetensors", "two/last.safetensors");
    cr_expect(d > 0 || d == 0);
    cr_expect(d <= 1e-5, "%g", d);
    check_log("two/log.csv", 5);
    cr_expect(v2s_test_count_files(v2s_test_path("two"), "events.out") == 1, "one process writes");
    cJSON *json = v2s_test_json(v2s_test_path("j.json"));
    cr_expect(v2s_test_number(json, "processes") == 2 && v2s_test_number(json, "epochs") == 2);
    cJSON_Delete(json);
    // Resumed with another number of processes it would be another run.
    REFUSED(2, "number of processes", "--resume", "-o", "two", "-q");
}

Test(refiner_program, two_processes_fail_and_skip_together) {
    if (!has_mpirun())
        cr_skip_test("mpirun is not installed");
    v2s_test_make_pairs(4, 1);
    v2s_test_make_tiny_weights();
    cr_expect(shell(MPIRUN FIVE_STEPS "--batch 2 -o run --init no.safetensors") == 1);
    v2s_test_spoil_pair(0, NAN);
    cr_expect(shell(MPIRUN FIVE_STEPS "--batch 1 -o nan") == 0);
    char *err = text_of("err.txt");
    cr_expect(strstr(err, "batch skipped: clip c0") != NULL, "%s", err);
    free(err);
    check_log("nan/log.csv", 5);
}

// A killed run's folder is free a moment later; another run's is not.
Test(refiner_program, a_folder_in_use_is_waited_for_and_then_refused) {
    v2s_test_make_pairs(4, 2);
    v2s_test_make_tiny_weights();
    cr_assert(mkdir(v2s_test_path("run"), 0777) == 0);
    int lock = open(v2s_test_path("run"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert(lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0);
    const char *const words[] = {"refiner", SMALL, "-o", "run", "--steps", "1", "-q", NULL};
    v2s_test_run run = v2s_test_run_train(words);
    cr_expect(run.code == 1 && strstr(run.err, "run: another run works in this folder") != NULL,
              "%d: %s", run.code, run.err);
    v2s_test_run_free(&run);
    pid_t child = v2s_test_start_train(words);
    sleep_s(0.4);
    close(lock);
    cr_expect(v2s_test_wait(child) == 0);
}
