// SPDX-License-Identifier: MIT
#include "tests/support/prepare_run.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/support/make_media.h"
#include "tests/support/make_pairs.h"
#include "tests/support/make_sets.h"

v2s_test_prepared v2s_test_prepare(const char *const *words) {
    unlink(v2s_test_path("j.json"));
    v2s_test_prepared o = {.run = v2s_test_run_train(words)};
    if (access(v2s_test_path("j.json"), R_OK) == 0)
        o.json = v2s_test_json(v2s_test_path("j.json"));
    return o;
}

void v2s_test_prepared_free(v2s_test_prepared *o) {
    v2s_test_run_free(&o->run);
    cJSON_Delete(o->json);
}

double v2s_test_found(const v2s_test_prepared *o, const char *key) {
    cr_assert(o->json != NULL, "no JSON: %s", o->run.err);
    return v2s_test_number(o->json, key);
}

const char *v2s_test_reason(const v2s_test_prepared *o, const char *list, const char *file) {
    const char *reason = v2s_test_reason_of(o->json, list, file);
    return reason[0] != '\0' ? reason : "(not listed)";
}

v2s_manifest v2s_test_manifest(const char *name, v2s_manifest_rules rules) {
    v2s_manifest m = {0};
    cr_assert(v2s_manifest_read(v2s_test_path(name), rules, &m) == V2S_OK, "%s", v2s_error_text());
    return m;
}

const v2s_clip *v2s_test_clip(const v2s_manifest *m, const char *id) {
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->clips[i].id, id) == 0)
            return &m->clips[i];
    cr_assert(false, "no clip %s", id);
    return NULL;
}

void v2s_test_make_recording(const char *folder, const char *name, const v2s_test_field *field,
                             double off_deg, double distance_cm) {
    char path[200];
    snprintf(path, sizeof path, "d/foa_dev/%s/%s.wav", folder, name);
    v2s_test_make_field(path, field);
    snprintf(path, sizeof path, "d/metadata_dev/%s/%s.csv", folder, name);
    v2s_test_make_rows(path, field, off_deg, distance_cm);
}

const v2s_test_source v2s_test_moving[1] = {{0.2, 2.2, -30, 0, 40}};

v2s_test_field v2s_test_field_of(const v2s_test_source *sources, size_t count, double duration_s) {
    return (v2s_test_field){24000, duration_s, V2S_LAYOUT_AMBIX, count, sources};
}

void v2s_test_make_starss22(void) {
    static const v2s_test_source overlapping[] = {{0.5, 2.0, 60, 10, 0}, {1.4, 3.0, -100, -20, 0}};
    v2s_test_field a = v2s_test_field_of(overlapping, 2, 3.2);
    v2s_test_field b = v2s_test_field_of(v2s_test_moving, 1, 2.5);
    v2s_test_make_recording("dev-train-sony", "fold3_room21_mix001", &a, 0, 0);
    v2s_test_make_recording("dev-train-tau", "fold3_room4_mix002", &b, 0, 0);
    v2s_test_make_recording("dev-test-tau", "fold4_room8_mix001", &b, 0, 0);
}

cJSON *v2s_test_train_and_compare(void) {
    v2s_test_make_tiny_weights();
    v2s_test_run run = v2s_test_run_train((const char *const[]){
        "refiner", "d/m.jsonl", "-o", "run", "--init", "tiny.safetensors", "--segment", "0.5",
        "--rate", "8000", "--steps", "4", "--batch", "2", "--threads", "2", NULL});
    cr_expect(run.code == 0, "%s", run.err);
    v2s_test_run_free(&run);
    run = v2s_test_run_program((const char *const[]){"compare", "d/m.jsonl", "--refiner",
                                                     "run/last.safetensors", "--json", "c.json",
                                                     "--threads", "2", NULL});
    cr_expect(run.code == 0, "%s", run.err);
    v2s_test_run_free(&run);
    return v2s_test_json(v2s_test_path("c.json"));
}
