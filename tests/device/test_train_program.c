// SPDX-License-Identifier: MIT
// v2s-train refiner on the device: killed and resumed, with several processes, without memory.
#include <criterion/criterion.h>
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

#include "infer/refiner_file.h"
#include "tests/device/tested_device.h"
#include "tests/support/make_media.h"
#include "tests/support/make_pairs.h"
#include "tests/support/program.h"
#include "tests/support/same_tensors.h"

TestSuite(train_program, .fini = v2s_test_folder_remove, .timeout = 800);

#define SMALL "m.jsonl", "--init", "tiny.safetensors", "--segment", "0.02", "--batch", "2"
#define ON "--device", tested_device_spec(), "--deterministic"

#define TRAIN(...) train((const char *const[]){"refiner", __VA_ARGS__, NULL})
#define REFUSED(exit_code, part, ...)                                                              \
    refused(exit_code, part, (const char *const[]){"refiner", __VA_ARGS__, NULL})

static void train(const char *const *words) {
    v2s_test_run run = v2s_test_run_train(words);
    cr_assert_eq(run.code, 0, "exit code %d: %s", run.code, run.err);
    v2s_test_run_free(&run);
}

static void refused(int code, const char *part, const char *const *words) {
    v2s_test_run run = v2s_test_run_train(words);
    cr_expect_eq(run.code, code, "exit code %d: %s", run.code, run.err);
    cr_expect_not_null(strstr(run.err, part), "'%s' is not in: %s", part, run.err);
    v2s_test_run_free(&run);
}

static char *text_of(const char *name) {
    size_t size;
    char *text = (char *)v2s_test_read_file(v2s_test_path(name), &size);
    text[size] = '\0';
    return text;
}

static void expect_same_text(const char *a, const char *b) {
    char *first = text_of(a), *second = text_of(b);
    cr_expect_str_eq(first, second, "%s and %s differ", a, b);
    free(first);
    free(second);
}

// Largest difference of any weight.
static double weight_difference(const char *a, const char *b) {
    v2s_refiner *first = NULL, *second = NULL;
    cr_assert_eq(v2s_refiner_load(v2s_test_path(a), &first, NULL), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(v2s_refiner_load(v2s_test_path(b), &second, NULL), V2S_OK, "%s", v2s_error_text());
    size_t count, other;
    const float *x = v2s_refiner_flat(first, &count), *y = v2s_refiner_flat(second, &other);
    cr_assert_eq(count, other);
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)x[i] - (double)y[i]));
    v2s_refiner_close(&first);
    v2s_refiner_close(&second);
    return largest;
}

// ---- the course of a run ------------------------------------------------------------------------

// Until the file is there with another time of change, or the process has ended.
static void wait_for_change(const char *name, struct timespec *before, pid_t child) {
    const struct timespec pause = {0, 1000000};
    for (int i = 0; i < 100000; i++) {
        struct stat info;
        bool there = stat(v2s_test_path(name), &info) == 0;
        if (there &&
            (info.st_mtim.tv_sec != before->tv_sec || info.st_mtim.tv_nsec != before->tv_nsec)) {
            *before = info.st_mtim;
            return;
        }
        siginfo_t ended = {0};
        if (waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
            ended.si_pid != 0)
            return;
        nanosleep(&pause, NULL);
    }
    cr_assert(false, "%s was not written", name);
}

#define LONG_RUN                                                                                   \
    SMALL, ON, "--steps", "24", "--save-every", "3", "--val-every", "8", "--ema", "0.95", "-q"

Test(train_program, killed_and_interrupted_it_ends_in_the_same_bytes) {
    v2s_test_make_pairs(5, 1);
    v2s_test_make_tiny_weights();
    TRAIN(LONG_RUN, "-o", "whole");
    struct timespec seen = {0};
    int stopped = 0;
    for (int i = 0; i < 4; i++) {
        const char *const words[] = {"refiner", LONG_RUN, "-o", "run", "--resume", NULL};
        pid_t child = v2s_test_start_train(words);
        wait_for_change("run/last.safetensors", &seen, child);
        kill(child, i % 2 == 0 ? SIGKILL : SIGINT);
        int code = v2s_test_wait(child);
        cr_expect(code == (i % 2 == 0 ? 128 + SIGKILL : 130) || code == 0, "%d", code);
        stopped += code != 0;
    }
    cr_expect_geq(stopped, 2, "only %d of 4 were stopped in time", stopped);
    TRAIN("--resume", "-o", "run", "-q");
    v2s_test_same_tensors("whole/last.safetensors", "run/last.safetensors");
    v2s_test_same_tensors("whole/best.safetensors", "run/best.safetensors");
    expect_same_text("whole/log.csv", "run/log.csv");
}

// What is logged, chosen and saved does not depend on where the run was.
Test(train_program, it_learns_what_the_processor_learns) {
    v2s_test_make_pairs(5, 2);
    v2s_test_make_tiny_weights();
    TRAIN(SMALL, "--steps", "20", "--lr", "0.01", "-o", "here", "-q", ON);
    TRAIN(SMALL, "--steps", "20", "--lr", "0.01", "-o", "there", "-q", "--device", "cpu");
    cr_expect_leq(weight_difference("here/last.safetensors", "there/last.safetensors"), 1e-4);
    cr_expect_leq(weight_difference("here/best.safetensors", "there/best.safetensors"), 1e-4);
    // The device does not belong to the run: it goes on elsewhere.
    TRAIN(SMALL, "--steps", "10", "--schedule", "constant", "-o", "moved", "-q", ON);
    TRAIN("--resume", "-o", "moved", "--steps", "12", "-q", "--device", "cpu");
    TRAIN("--resume", "-o", "moved", "--steps", "14", "-q", ON);
}

Test(train_program, a_clip_with_nan_is_named_and_skipped) {
    v2s_test_make_pairs(5, 1);
    v2s_test_make_tiny_weights();
    v2s_test_spoil_pair(3, NAN);
    v2s_test_run run = v2s_test_run_train(
        (const char *const[]){"refiner", SMALL, ON, "-o", "run", "--epochs", "2", NULL});
    cr_assert_eq(run.code, 0, "%d: %s", run.code, run.err);
    cr_expect_not_null(strstr(run.err, "batch skipped: clip c3"), "%s", run.err);
    cr_expect_not_null(strstr(run.out, "2 batches skipped"), "%s", run.out);
    v2s_test_run_free(&run);
}

// Steps that grow until nothing is finite any more: the weights before stay, batch after batch is
// skipped, and the run gives up.
#define DIVERGE                                                                                    \
    "--optimizer", "sgd", "--lr", "1000", "--clip", "0", "--steps", "400", "--max-skipped", "3"

Test(train_program, a_run_that_diverges_gives_up) {
    v2s_test_make_pairs(5, 1);
    v2s_test_make_tiny_weights();
    REFUSED(1, "3 batches in a row were not finite", SMALL, ON, "-o", "run", DIVERGE);
    v2s_refiner *m = NULL;
    cr_assert_eq(v2s_refiner_load(v2s_test_path("run/best.safetensors"), &m, NULL), V2S_OK, "%s",
                 v2s_error_text());
    v2s_refiner_close(&m);
}

// The processor has no TF32 and trains in FP32; precision is part of a run.
Test(train_program, precision_is_chosen_and_kept) {
    v2s_test_make_pairs(4, 1);
    v2s_test_make_tiny_weights();
    bool processor = strcmp(tested_device_spec(), "cpu") == 0;
    static const char *const names[] = {"tf32", "bf16"};
    for (int i = 0; i < 2; i++) {
        if (processor) {
            REFUSED(1, names[i], SMALL, ON, "-o", names[i], "--precision", names[i]);
            continue;
        }
        TRAIN(SMALL, ON, "-o", names[i], "--precision", names[i], "--steps", "2", "-q");
        REFUSED(2, "--precision may not change", "--resume", "-o", names[i], "--precision", "f32");
        REFUSED(1, names[i], "--resume", "-o", names[i], "--device", "cpu");
    }
    v2s_test_run run = v2s_test_run_train(
        (const char *const[]){"refiner", SMALL, ON, "-o", "v", "--steps", "2", "-v", NULL});
    cr_assert_eq(run.code, 0, "%s", run.err);
    cr_expect_not_null(strstr(run.out, "\nkernels  "), "%s", run.out);
    v2s_test_run_free(&run);
}

// ---- processes ----------------------------------------------------------------------------------

// Runs a shell command in the test's folder. OpenMPI keeps memory to the end of the process, which
// is not a leak of ours.
static int shell(const char *arguments) {
    char *text = NULL;
    cr_assert(asprintf(&text,
                       "cd %s && ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 mpirun "
                       "--allow-run-as-root --oversubscribe -n 2 %s refiner --device %s %s "
                       ">out.txt 2>err.txt",
                       v2s_test_folder(), V2S_TRAIN_PROGRAM, tested_device_spec(), arguments) > 0);
    int status = system(text);
    free(text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Whether there is a GPU for each of two processes; the processor serves any number.
static bool has_two(void) {
    v2s_device *dev = NULL;
    if (strcmp(tested_device_spec(), "cpu") == 0)
        return true;
    v2s_status status = v2s_device_open("cuda:1", 1, &dev);
    v2s_device_close(&dev);
    return status == V2S_OK;
}

#define TWO "m.jsonl --init tiny.safetensors --segment 0.02 --steps 7 --val-every 2 -q --batch 2 "

Test(train_program, two_processes_equal_one_with_twice_the_batch) {
    if (system("command -v mpirun >/dev/null 2>&1") != 0)
        cr_skip_test("mpirun is not installed");
    setenv("V2S_EMULATION_DEVICES", "2", 1);
    if (!has_two())
        cr_skip_test("there are no two GPUs");
    v2s_test_make_pairs(7, 1); // the last batch of an epoch is not full
    v2s_test_make_tiny_weights();
    TRAIN("m.jsonl", "--init", "tiny.safetensors", "--segment", "0.02", "--steps", "7",
          "--val-every", "2", "--batch", "4", "-q", "-o", "one", ON);
    int code = shell(TWO "-o two");
    char *err = text_of("err.txt");
    cr_assert_eq(code, 0, "exit code %d: %s", code, err);
    free(err);
    cr_expect_leq(weight_difference("one/last.safetensors", "two/last.safetensors"), 1e-5);
}

// What is not finite in one process's rows is so for all.
Test(train_program, two_processes_give_up_together) {
    if (system("command -v mpirun >/dev/null 2>&1") != 0)
        cr_skip_test("mpirun is not installed");
    setenv("V2S_EMULATION_DEVICES", "2", 1);
    if (!has_two())
        cr_skip_test("there are no two GPUs");
    v2s_test_make_pairs(7, 1);
    v2s_test_make_tiny_weights();
    cr_expect_eq(shell("m.jsonl --init tiny.safetensors --segment 0.02 --batch 2 -o run -q "
                       "--optimizer sgd --lr 1000 --clip 0 --steps 400 --max-skipped 3"),
                 1);
    char *err = text_of("err.txt");
    cr_expect_not_null(strstr(err, "3 batches in a row were not finite"), "%s", err);
    free(err);
}

Test(train_program, each_process_needs_a_gpu) {
    if (system("command -v mpirun >/dev/null 2>&1") != 0)
        cr_skip_test("mpirun is not installed");
    if (has_two())
        cr_skip_test("there is one for each of two processes");
    v2s_test_make_pairs(4, 1);
    v2s_test_make_tiny_weights();
    cr_expect_eq(shell(TWO "-o two"), 1);
    char *err = text_of("err.txt");
    cr_expect_not_null(strstr(err, "2 processes on one machine need a GPU each"), "%s", err);
    free(err);
    // "auto" does not choose the processor behind one's back while some process has a GPU.
    cr_expect_eq(shell(TWO "-o two --device auto"), 1);
}

// ---- memory -------------------------------------------------------------------------------------

// Too large a batch is refused with what to do, and a run that is resumed without memory is whole.
Test(train_program, without_memory_nothing_is_lost) {
    const char *module = getenv("V2S_CUDA_MODULE");
    if (module == NULL || strstr(module, "emulated") == NULL)
        cr_skip_test("only the emulated device can be told how much memory it has");
    v2s_test_make_pairs(24, 1);
    v2s_test_make_tiny_weights();
    TRAIN(SMALL, ON, "-o", "run", "--steps", "3", "--schedule", "constant", "-q");
    char *before = text_of("run/log.csv"), limit[32];
    // What cuBLAS and the like take is there, and some more.
    snprintf(limit, sizeof limit, "%d", 70 << 20);
    setenv("V2S_EMULATION_MEMORY", limit, 1);
    REFUSED(1, "--batch", "m.jsonl", "-o", "large", "--segment", "0.2", "--batch", "24", "--steps",
            "2", ON);
    REFUSED(1, "--segment", "m.jsonl", "-o", "large", "--segment", "0.2", "--batch", "24",
            "--steps", "2", ON);
    setenv("V2S_EMULATION_MEMORY", "1000", 1);
    REFUSED(1, "memory", "--resume", "-o", "run", "--steps", "5", ON);
    unsetenv("V2S_EMULATION_MEMORY");
    char *after = text_of("run/log.csv");
    cr_expect_str_eq(before, after);
    free(before);
    free(after);
    TRAIN("--resume", "-o", "run", "--steps", "5", "-q", ON);
}
