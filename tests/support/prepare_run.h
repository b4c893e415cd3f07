// SPDX-License-Identifier: MIT
// Runs v2s-train prepare on the folder "d" of a test and reads what came of it.
#ifndef V2S_TESTS_SUPPORT_PREPARE_RUN_H
#define V2S_TESTS_SUPPORT_PREPARE_RUN_H

#include <criterion/criterion.h>
#include <string.h>

#include "data/manifest.h"
#include "tests/support/make_seld.h"
#include "tests/support/program.h"

typedef struct v2s_test_prepared {
    v2s_test_run run;
    cJSON *json; // of j.json; NULL where there is none
} v2s_test_prepared;

// prepare FORMAT d -o d/m.jsonl --json j.json and more words.
#define V2S_TEST_PREPARE(format, ...)                                                              \
    v2s_test_prepare((const char *const[]){"prepare", format, "d", "-o", "d/m.jsonl", "--json",    \
                                           "j.json", __VA_ARGS__ __VA_OPT__(, ) NULL})

v2s_test_prepared v2s_test_prepare(const char *const *words);
void v2s_test_prepared_free(v2s_test_prepared *prepared);

// A number of the JSON.
double v2s_test_found(const v2s_test_prepared *prepared, const char *key);

// The reason of the item of "skipped" or "flagged" whose file ends with `file`.
const char *v2s_test_reason(const v2s_test_prepared *prepared, const char *list, const char *file);

#define V2S_TEST_SKIPPED(o, file, part)                                                            \
    cr_expect(strstr(v2s_test_reason(o, "skipped", file), part) != NULL, "%s: '%s' is not in: %s", \
              file, part, v2s_test_reason(o, "skipped", file))

// Reads a manifest of the test's folder; aborts the test if it cannot be read.
v2s_manifest v2s_test_manifest(const char *name, v2s_manifest_rules rules);
const v2s_clip *v2s_test_clip(const v2s_manifest *m, const char *id); // aborts if there is none

// Trains a few steps on the manifest d/m.jsonl and compares what comes of it; the comparison's
// JSON.
cJSON *v2s_test_train_and_compare(void);

// AmbiX at 24 kHz.
v2s_test_field v2s_test_field_of(const v2s_test_source *sources, size_t count, double duration_s);

// d/foa_dev/<folder>/<name>.wav and d/metadata_dev/<folder>/<name>.csv (v2s_test_make_rows).
void v2s_test_make_recording(const char *folder, const char *name, const v2s_test_field *field,
                             double off_deg, double distance_cm);

// A starss22 of three recordings: one of two sources that overlap for 0.6 s (1.4 s to 2 s) in
// dev-train-sony, and one of v2s_test_moving in each of dev-train-tau and dev-test-tau.
void v2s_test_make_starss22(void);
extern const v2s_test_source v2s_test_moving[1];

#endif
