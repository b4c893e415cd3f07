// SPDX-License-Identifier: MIT
#include "kernels/base/array.h"
#include "train/prepare.h"

#include <math.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/progress.h"
#include "kernels/base/cancel.h"
#include "train/prepare_internal.h"

// ---- what is left out -------------------------------------------------------------------------

static v2s_status skip(v2s_prepare *p, const char *file, const char *reason) {
    v2s_prepare_state *s = p->state;
    if (p->settings->strict)
        return V2S_FAIL(V2S_FORMAT, "%s: %s", file, reason);
    v2s_prepare_skipped *grown =
        v2s_array_grow(s->skips, s->skip_count, &s->skip_room, sizeof *grown);
    if (grown == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    s->skips = grown;
    v2s_prepare_skipped one = {0};
    V2S_TRY(v2s_prepare_text(p, &one.file, "%s", file));
    V2S_TRY(v2s_prepare_text(p, &one.reason, "%s", reason));
    s->skips[s->skip_count++] = one;
    return V2S_OK;
}

v2s_status v2s_prepare_skip(v2s_prepare *p, const char *file, const char *fmt, ...) {
    char reason[V2S_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    return skip(p, file, reason);
}

v2s_status v2s_prepare_skip_error(v2s_prepare *p, const char *file, v2s_status status) {
    char reason[V2S_ERROR_TEXT_MAX];
    if (status == V2S_NOMEM || status == V2S_CANCELLED)
        return status;
    snprintf(reason, sizeof reason, "%s", v2s_without_path(v2s_error_text(), file));
    return skip(p, file, reason);
}

v2s_status v2s_prepare_flag(v2s_prepare *p, const char *file, double angle_deg, const char **flag,
                            const char *fmt, ...) {
    v2s_prepare_state *s = p->state;
    v2s_prepare_flagged one = {.angle_deg = angle_deg};
    char reason[V2S_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    if (p->settings->strict)
        return V2S_FAIL(V2S_FORMAT, "%s: %s", file, reason);
    v2s_prepare_flagged *grown =
        v2s_array_grow(s->flags, s->flag_count, &s->flag_room, sizeof *grown);
    if (grown == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    s->flags = grown;
    V2S_TRY(v2s_prepare_text(p, &one.file, "%s", file));
    V2S_TRY(v2s_prepare_text(p, &one.reason, "%s", reason));
    s->flags[s->flag_count++] = one;
    if (flag != NULL)
        *flag = one.reason;
    return V2S_OK;
}

v2s_status v2s_prepare_problem(v2s_prepare *p, const char *fmt, ...) {
    char what[V2S_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    if (p->settings->strict)
        return V2S_FAIL(V2S_FORMAT, "%s", what);
    v2s_run_log_warn(p->log, "%s", what);
    return V2S_OK;
}

// ---- clips ------------------------------------------------------------------------------------

static v2s_status copy_text(v2s_prepare *p, char **text) {
    const char *copy = NULL;
    if (*text != NULL)
        V2S_TRY(v2s_prepare_text(p, &copy, "%s", *text));
    *text = (char *)copy;
    return V2S_OK;
}

static v2s_status copy_path(v2s_prepare *p, char **path) {
    const char *relative = NULL;
    if (*path != NULL)
        V2S_TRY(v2s_prepare_relative(p, *path, &relative));
    *path = (char *)relative;
    return V2S_OK;
}

static v2s_status copy_clip(v2s_prepare *p, v2s_clip *c) {
    char **const paths[] = {&c->truth,    &c->dry,      &c->trajectory,
                            &c->audio[0], &c->audio[1], &c->depth};
    char **const texts[] = {&c->id,     &c->layout,  &c->room, &c->sound,
                            &c->source, &c->licence, &c->flag};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        V2S_TRY(copy_path(p, paths[i]));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        V2S_TRY(copy_text(p, texts[i]));
    return V2S_OK;
}

static int compare_ids(const void *a, const void *b) {
    return strcmp(a, b);
}

bool v2s_prepare_has(const v2s_prepare *p, const char *id) {
    return tfind(id, &p->state->ids, compare_ids) != NULL;
}

v2s_status v2s_prepare_add(v2s_prepare *p, const v2s_clip *clip) {
    v2s_prepare_state *s = p->state;
    v2s_clip made = *clip;
    V2S_TRY(v2s_cancel_check());
    if (v2s_prepare_has(p, clip->id))
        return v2s_prepare_skip(p, clip->id, "named twice: another clip has this id");
    v2s_clip *grown = v2s_array_grow(s->clips, s->clip_count, &s->clip_room, sizeof *grown);
    if (grown == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    s->clips = grown;
    V2S_TRY(copy_clip(p, &made));
    if (tsearch(made.id, &s->ids, compare_ids) == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    s->clips[s->clip_count++] = made;
    s->per_split[made.split]++;
    s->duration_s += made.duration_s;
    return V2S_OK;
}

size_t v2s_prepare_clip_count(const v2s_prepare *p, v2s_split split) {
    return p->state->per_split[split];
}

// ---- the run ----------------------------------------------------------------------------------

static v2s_status write_clips(v2s_prepare *p) {
    v2s_prepare_state *s = p->state;
    v2s_file_out *f = NULL;
    V2S_TRY(v2s_prepare_publish_files(p));
    V2S_TRY(v2s_file_out_open(s->manifest, &f));
    v2s_status status = V2S_OK;
    for (size_t i = 0; i < s->clip_count && status == V2S_OK; i++)
        status = v2s_manifest_write_clip(f, &s->clips[i]);
    if (status == V2S_OK)
        status = v2s_file_out_commit(f);
    v2s_file_out_close(&f);
    return status;
}

// No usable clip: what was found is said all the same.
static v2s_status nothing(v2s_prepare *p, const v2s_prepare_format *format, double wall_s) {
    const v2s_prepare_state *s = p->state;
    v2s_prepare_report(p, wall_s);
    V2S_TRY(v2s_run_log_finish(p->log));
    if (s->skip_count == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: nothing in it that %s would have: no usable clip", p->root,
                        format->name);
    return V2S_FAIL(V2S_FORMAT, "%s: no usable clip; %zu skipped, the first: %s: %s", p->root,
                    s->skip_count, s->skips[0].file, s->skips[0].reason);
}

static v2s_status run(v2s_prepare *p, const v2s_prepare_format *format) {
    v2s_prepare_state *s = p->state;
    double started_s = v2s_now_s();
    V2S_TRY(v2s_prepare_open_paths(p));
    V2S_TRY(format->run(p));
    if (s->clip_count == 0)
        return nothing(p, format, v2s_now_s() - started_s);
    V2S_TRY(write_clips(p));
    v2s_prepare_report(p, v2s_now_s() - started_s);
    return v2s_run_log_finish(p->log);
}

static void keep_id(void *id) {
    (void)id; // belongs to the texts
}

static void close_state(v2s_prepare *p) {
    v2s_prepare_state *s = p->state;
    v2s_prepare_free_sounds(p);
    tdestroy(s->ids, keep_id);
    for (size_t i = 0; i < s->text_count; i++)
        free(s->texts[i]);
    free(s->texts);
    free(s->made);
    free(s->clips);
    free(s->skips);
    free(s->flags);
    free(s->folder);
    free(s->real_root);
    free(s->files);
    free(s->work);
}

v2s_status v2s_prepare_run(const v2s_prepare_format *format, const v2s_prepare_settings *settings,
                           v2s_run_log *log) {
    const char *root = settings->common.inputs.items[1];
    size_t n = strlen(root);
    while (n > 1 && root[n - 1] == '/')
        n--;
    char *trimmed = strndup(root, n);
    if (trimmed == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_prepare_state state = {.manifest = settings->output};
    v2s_prepare p = {.root = trimmed, .settings = settings, .log = log, .state = &state};
    v2s_run_log_text(log, "format", format->name);
    v2s_status status = run(&p, format);
    char text[V2S_ERROR_TEXT_MAX];
    v2s_error_save(text);
    v2s_prepare_remove_files(&p);
    v2s_error_restore(text);
    close_state(&p);
    free(trimmed);
    return status;
}
