// SPDX-License-Identifier: MIT
#include "train/sound_survey.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/cancel.h"

enum { BLOCK_FRAMES = 16384, RUN_MIN = 3 };

#define FULL_SCALE (32767.0F / 32768.0F)

void v2s_sound_survey_free(v2s_sound_survey *s) {
    free(s->reason);
    free(s->warning);
    *s = (v2s_sound_survey){0};
}

bool v2s_lfs_pointer(const char *path) {
    static const char begin[] = "version https://git-lfs";
    char text[sizeof begin - 1];
    FILE *file = fopen(path, "rbe");
    size_t n = file == NULL ? 0 : fread(text, 1, sizeof text, file);
    if (file != NULL)
        fclose(file);
    return n == sizeof text && memcmp(text, begin, n) == 0;
}

const char *v2s_without_path(const char *sentence, const char *path) {
    size_t n = strlen(path);
    return strncmp(sentence, path, n) == 0 && strncmp(sentence + n, ": ", 2) == 0 ? sentence + n + 2
                                                                                  : sentence;
}

// Runs of samples at full scale that reach over the border of two blocks are one run.
typedef struct scan {
    int channels;
    int64_t *run; // [channels] length of the run at the end of what was seen
} scan;

static void look(scan *c, const float *x, size_t frames, v2s_sound_survey *s) {
    for (size_t i = 0; i < frames; i++)
        for (int k = 0; k < c->channels; k++, x++) {
            float size = fabsf(*x);
            s->peak = fmax(s->peak, (double)size);
            c->run[k] = size >= FULL_SCALE ? c->run[k] + 1 : 0;
            s->clipped += c->run[k] == RUN_MIN ? RUN_MIN : c->run[k] > RUN_MIN;
        }
}

static v2s_status read_all(v2s_sound_in *in, const v2s_sound_tap *tap, size_t index, float *block,
                           scan *c, v2s_sound_survey *s) {
    for (size_t got = 1; got > 0;) {
        V2S_TRY(v2s_cancel_check());
        V2S_TRY(v2s_sound_in_read(in, block, BLOCK_FRAMES, &got));
        look(c, block, got, s);
        s->frames += (int64_t)got;
        if (tap != NULL && tap->add != NULL && got > 0)
            V2S_TRY(tap->add(tap->ctx, index, block, got));
    }
    s->duration_s = (double)s->frames / s->rate_hz;
    s->silent = s->peak == 0;
    return s->frames > 0 ? V2S_OK : V2S_FAIL(V2S_FORMAT, "the sound has no samples");
}

static v2s_status read_open(v2s_sound_in *in, const char *path, const v2s_sound_tap *tap,
                            size_t index, v2s_sound_survey *s) {
    const v2s_sound_info *info = v2s_sound_in_info(in);
    scan c = {.channels = info->channels};
    s->rate_hz = info->rate_hz;
    s->channels = info->channels;
    float *block = malloc((size_t)BLOCK_FRAMES * (size_t)info->channels * sizeof *block);
    c.run = calloc((size_t)info->channels, sizeof *c.run);
    v2s_status status =
        block != NULL && c.run != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
    bool opened = false;
    if (status == V2S_OK && tap != NULL && tap->open != NULL)
        status = tap->open(tap->ctx, index, info);
    opened = status == V2S_OK;
    if (opened)
        status = read_all(in, tap, index, block, &c, s);
    free(block);
    free(c.run);
    const char *warning = v2s_sound_in_warning(in);
    if (warning != NULL && (s->warning = strdup(v2s_without_path(warning, path))) == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    s->status = status;
    if (opened && tap != NULL && tap->close != NULL) {
        char text[V2S_ERROR_TEXT_MAX];
        v2s_error_save(text);
        v2s_status closed = tap->close(tap->ctx, index, s);
        if (status != V2S_OK)
            v2s_error_restore(text);
        else
            status = closed;
    }
    return status;
}

v2s_status v2s_sound_survey_read(const char *path, const v2s_sound_tap *tap, size_t index,
                                 v2s_sound_survey *survey) {
    v2s_sound_survey s = {0};
    v2s_sound_in *in = NULL;
    v2s_status status = v2s_lfs_pointer(path) ? V2S_FAIL(V2S_FORMAT, "%s", V2S_LFS_REASON)
                                              : v2s_sound_in_open(path, &in);
    if (status == V2S_OK)
        status = read_open(in, path, tap, index, &s);
    v2s_sound_in_close(&in);
    s.status = status;
    if (status == V2S_NOMEM || status == V2S_CANCELLED) {
        v2s_sound_survey_free(&s);
        return status;
    }
    if (status != V2S_OK && (s.reason = strdup(v2s_without_path(v2s_error_text(), path))) == NULL) {
        v2s_sound_survey_free(&s);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    *survey = s;
    return V2S_OK;
}
