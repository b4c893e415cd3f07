// SPDX-License-Identifier: MIT
// Runs v2s-infer and v2s-train as their users do, and reads what they wrote.
#ifndef V2S_TESTS_SUPPORT_PROGRAM_H
#define V2S_TESTS_SUPPORT_PROGRAM_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct v2s_test_run {
    int code;        // exit code; 128 + number after a signal
    long peak_kib;   // largest resident size
    char *out, *err; // malloc, NUL-terminated
} v2s_test_run;

// v2s-infer with these words (the last is NULL) in the test's own folder. A run that does not
// start aborts the test. Free with v2s_test_run_free.
v2s_test_run v2s_test_run_program(const char *const *words);
// The same for v2s-train.
v2s_test_run v2s_test_run_train(const char *const *words);
void v2s_test_run_free(v2s_test_run *run);

// Starts v2s-train or v2s-infer in the test's own folder, silent, and goes on; v2s_test_wait gives
// its exit code (128 + number after a signal).
pid_t v2s_test_start_train(const char *const *words);
pid_t v2s_test_start_infer(const char *const *words);
int v2s_test_wait(pid_t child);

// The same, with the words here, and expecting exit code 0; standard error is shown if not.
#define V2S_TEST_RUN(...) v2s_test_run_ok((const char *const[]){__VA_ARGS__, NULL})
void v2s_test_run_ok(const char *const *words);

// The words, which must be refused with exit code 1 and one sentence that contains `part`.
#define V2S_TEST_REFUSED(part, ...)                                                                \
    v2s_test_run_refused(part, (const char *const[]){__VA_ARGS__, NULL})
void v2s_test_run_refused(const char *part, const char *const *words);

// A sound file, whole.
typedef struct v2s_test_sound {
    int rate_hz, channels, format; // format as libsndfile's
    size_t frames;
    float *samples; // [frames][channels], malloc
} v2s_test_sound;

// Aborts the test if it cannot be read.
v2s_test_sound v2s_test_sound_read(const char *path);
void v2s_test_sound_free(v2s_test_sound *sound);

// Of channel `c` in frames from .. to - 1.
double v2s_test_rms(const v2s_test_sound *sound, int c, size_t from, size_t to);
// sum a b / sum a a: what of channel a is in channel b, with its sign.
double v2s_test_gain(const v2s_test_sound *sound, int a, int b, size_t from, size_t to);
// Largest |a - b| over channels that both have; both have the same length or the test fails.
double v2s_test_difference(const v2s_test_sound *a, const v2s_test_sound *b);

// Rows of a trajectory file.
typedef struct v2s_test_row {
    double time_s, az_deg, el_deg, dist_m, confidence;
    char object[32];
} v2s_test_row;

v2s_test_row *v2s_test_trajectory(const char *path, size_t *count); // malloc

// A JSON file; aborts the test if it is not JSON. cJSON_Delete.
cJSON *v2s_test_json(const char *path);
// What lies at a path of keys, "systems.room.level.mean"; NULL where there is nothing.
const cJSON *v2s_test_at(const cJSON *json, const char *path);
double v2s_test_number(const cJSON *json, const char *path); // aborts where it is not a number

#endif
