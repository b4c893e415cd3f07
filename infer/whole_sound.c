// SPDX-License-Identifier: MIT
#include "infer/whole_sound.h"

#include <stdint.h>
#include <stdlib.h>

#include "data/sound_in.h"

v2s_status v2s_whole_sound_read(const char *path, v2s_whole_sound *s, v2s_run_log *log) {
    v2s_sound_in *in = NULL;
    V2S_TRY(v2s_sound_in_open(path, &in));
    s->rate_hz = v2s_sound_in_info(in)->rate_hz;
    s->channels = v2s_sound_in_info(in)->channels;
    v2s_status status = v2s_sound_in_read_rest(in, SIZE_MAX, &s->samples, &s->frames);
    if (status == V2S_OK && v2s_sound_in_warning(in) != NULL)
        v2s_run_log_warn(log, "%s", v2s_sound_in_warning(in));
    v2s_sound_in_close(&in);
    return status;
}

v2s_status v2s_whole_sound_match(const char *prediction_path, v2s_whole_sound *p,
                                 const char *truth_path, v2s_whole_sound *t, v2s_run_log *log) {
    if (p->channels != t->channels)
        return V2S_FAIL(V2S_FORMAT, "%s has %d channels, %s has %d", prediction_path, p->channels,
                        truth_path, t->channels);
    if (p->rate_hz != t->rate_hz)
        return V2S_FAIL(V2S_FORMAT, "%s has %.0f Hz, %s has %.0f Hz: convert one of them",
                        prediction_path, p->rate_hz, truth_path, t->rate_hz);
    if (p->frames != t->frames) {
        if (log != NULL)
            v2s_run_log_warn(log, "%s has %zu samples, %s has %zu: the shorter length is compared",
                             prediction_path, p->frames, truth_path, t->frames);
        p->frames = t->frames = p->frames < t->frames ? p->frames : t->frames;
    }
    return V2S_OK;
}

void v2s_whole_sound_free(v2s_whole_sound *s) {
    free(s->samples);
    *s = (v2s_whole_sound){0};
}
