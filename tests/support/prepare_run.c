// SPDX-License-Identifier: MIT
#include "tests/support/prepare_run.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/support/make_media.h"
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
