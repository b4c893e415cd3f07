// SPDX-License-Identifier: MIT
#include "infer/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/resample.h"

enum { BLOCK_FRAMES = 4096 };

struct v2s_source {
    const char *path;
    v2s_mono_choice choice;
    v2s_sound_in *in;
    v2s_sound_info info;
    v2s_resampler *resampler; // NULL: the file's rate is the output's
    double rate_hz;
    bool loop;
    bool heard;                // the current pass through the file gave at least one frame
    int64_t silence;           // output frames of silence still to come first
    int64_t limit;             // output frames left when looping, else -1
    bool in_ended;             // nothing more comes from the file
    float block[BLOCK_FRAMES]; // read, not yet resampled
    size_t block_at, block_count;
};

v2s_status v2s_source_open(const char *path, v2s_mono_choice choice, v2s_source **source) {
    v2s_source *s = calloc(1, sizeof *s);
    if (s == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    s->path = path;
    s->choice = choice;
    s->limit = -1;
    v2s_status status = v2s_sound_in_open(path, &s->in);
    if (status == V2S_OK) {
        s->info = *v2s_sound_in_info(s->in);
        status = v2s_mono_check(path, &s->info, choice);
    }
    if (status != V2S_OK) {
        v2s_source_close(&s);
        return status;
    }
    *source = s;
    return V2S_OK;
}

const v2s_sound_info *v2s_source_info(const v2s_source *source) {
    return &source->info;
}

v2s_status v2s_source_start(v2s_source *s, double rate_hz, double loop_until_s) {
    s->rate_hz = rate_hz;
    s->silence = llround(s->info.start_s * rate_hz);
    if (loop_until_s > 0) {
        s->loop = true;
        s->limit = llround(loop_until_s * rate_hz);
    }
    if (rate_hz == s->info.rate_hz)
        return V2S_OK;
    return v2s_resampler_open(s->info.rate_hz, rate_hz, 1, &s->resampler);
}

int64_t v2s_source_frames(const v2s_source *s) {
    if (s->loop)
        return s->limit;
    if (s->info.frames < 0)
        return -1;
    return s->silence +
           (int64_t)v2s_resampled_frames((size_t)s->info.frames, s->info.rate_hz, s->rate_hz);
}

// Frames from the file, from its beginning again when looping.
static v2s_status read_file(v2s_source *s, float *mono, size_t frames, size_t *got) {
    *got = 0;
    while (*got < frames && !s->in_ended) {
        size_t n = 0;
        V2S_TRY(v2s_sound_in_read_mono(s->in, s->choice, mono + *got, frames - *got, &n));
        *got += n;
        s->heard = s->heard || n > 0;
        if (n > 0)
            continue;
        if (!s->loop || !s->heard) {
            s->in_ended = true;
        } else {
            s->heard = false;
            v2s_sound_in_close(&s->in);
            V2S_TRY(v2s_sound_in_open(s->path, &s->in));
        }
    }
    return V2S_OK;
}

static v2s_status read_resampled(v2s_source *s, float *mono, size_t frames, size_t *got) {
    *got = 0;
    while (*got < frames) {
        if (s->block_at == s->block_count && !s->in_ended) {
            s->block_at = 0;
            V2S_TRY(read_file(s, s->block, BLOCK_FRAMES, &s->block_count));
        }
        size_t used = 0, made = 0;
        if (s->block_at < s->block_count) {
            V2S_TRY(v2s_resampler_process(s->resampler, s->block + s->block_at,
                                          s->block_count - s->block_at, &used, mono + *got,
                                          frames - *got, &made));
            s->block_at += used;
        } else {
            V2S_TRY(v2s_resampler_flush(s->resampler, mono + *got, frames - *got, &made));
            if (made == 0)
                return V2S_OK;
        }
        *got += made;
    }
    return V2S_OK;
}

v2s_status v2s_source_read(v2s_source *s, float *mono, size_t frames, size_t *got) {
    if (s->limit >= 0 && frames > (size_t)s->limit)
        frames = (size_t)s->limit;
    size_t quiet = (size_t)s->silence < frames ? (size_t)s->silence : frames, heard = 0;
    memset(mono, 0, quiet * sizeof *mono);
    s->silence -= (int64_t)quiet;
    V2S_TRY(s->resampler != NULL ? read_resampled(s, mono + quiet, frames - quiet, &heard)
                                 : read_file(s, mono + quiet, frames - quiet, &heard));
    *got = quiet + heard;
    if (s->limit >= 0)
        s->limit -= (int64_t)*got;
    return V2S_OK;
}

const char *v2s_source_warning(const v2s_source *source) {
    return source->in != NULL ? v2s_sound_in_warning(source->in) : NULL;
}

void v2s_source_close(v2s_source **source) {
    v2s_source *s = *source;
    if (s == NULL)
        return;
    v2s_sound_in_close(&s->in);
    v2s_resampler_close(&s->resampler);
    free(s);
    *source = NULL;
}
