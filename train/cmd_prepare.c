// SPDX-License-Identifier: MIT
// v2s-train prepare: a published data set -> manifest.
#include <stdio.h>
#include <string.h>

#include "train/prepare.h"

// clang-format off
static const v2s_prepare_format *const FORMATS[] = {
    &v2s_prepare_tau2019,
    &v2s_prepare_tau2021,
    &v2s_prepare_starss22,
    &v2s_prepare_starss23,
    &v2s_prepare_ytambigen,
    &v2s_prepare_fairplay,
    &v2s_prepare_soundspaces,
    &v2s_prepare_batvision1,
    &v2s_prepare_batvision2,
    &v2s_prepare_pairs,
    NULL,
};
// clang-format on

static v2s_status choose(const v2s_prepare_settings *s, const v2s_prepare_format **format) {
    char names[160] = "";
    for (size_t i = 0; FORMATS[i] != NULL; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "", FORMATS[i]->name);
    }
    if (s->common.inputs.count == 0)
        return V2S_FAIL(V2S_USAGE, "no format: give one of %s", names);
    for (size_t i = 0; FORMATS[i] != NULL; i++)
        if (strcmp(FORMATS[i]->name, s->common.inputs.items[0]) == 0) {
            *format = FORMATS[i];
            return V2S_OK;
        }
    return V2S_FAIL(V2S_USAGE, "'%s' is no format: expected one of %s", s->common.inputs.items[0],
                    names);
}

// Options that mean something to other formats alone.
static v2s_status check_options(const v2s_prepare_format *format, int argc, char **argv) {
    static const struct {
        unsigned bit;
        const char *name;
    } rows[] = {
        {V2S_PREPARE_SPLITS, "splits"},
        {V2S_PREPARE_FOLD, "fold"},
        {V2S_PREPARE_CLIPS, "clips"},
        {V2S_PREPARE_LAYOUT, "layout"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!(format->options & rows[i].bit) &&
            v2s_options_given(&v2s_prepare_command, argc - 2, argv + 2, rows[i].name))
            return V2S_FAIL(V2S_USAGE, "--%s: has no meaning for %s", rows[i].name, format->name);
    return V2S_OK;
}

v2s_status v2s_train_prepare_run(const void *settings, int argc, char **argv) {
    const v2s_prepare_settings *s = settings;
    const v2s_prepare_format *format = NULL;
    v2s_run_log log = {0};
    V2S_TRY(choose(s, &format));
    if (s->common.inputs.count < 2)
        return V2S_FAIL(V2S_USAGE, "no data set: give %s ROOT, its folder", format->name);
    if (s->output == NULL)
        return V2S_FAIL(V2S_USAGE, "no output: give -o FILE.jsonl");
    V2S_TRY(check_options(format, argc, argv));
    V2S_TRY(v2s_train_check_device(&s->common));
    v2s_status status;
    V2S_TRY_GOTO(status, v2s_run_log_open(&log, s->common.quiet, s->common.json), done);
    status = v2s_prepare_run(format, s, &log);
done:
    v2s_run_log_close(&log);
    return status;
}
