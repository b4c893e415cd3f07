// SPDX-License-Identifier: MIT
#include "infer/mixer.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_FRAMES = 4096 };

typedef struct voice {
    v2s_mixer_input input;
    v2s_encoder *encoder;
} voice;

struct v2s_mixer {
    size_t count;
    voice *voices;
    int channels;
    size_t drop; // frames of latency still to be dropped
    size_t tail; // frames of silence still to be pushed once every sound has ended
    bool sounds_ended;
    float mono[BLOCK_FRAMES];
};

v2s_status v2s_mixer_open(const v2s_mixer_input *inputs, size_t count,
                          const v2s_encoder_config *config, v2s_mixer **mixer) {
    v2s_mixer *m = calloc(1, sizeof *m);
    if (m == NULL || (m->voices = calloc(count, sizeof *m->voices)) == NULL) {
        free(m);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    m->count = count;
    m->channels = v2s_channels_of_order(config->order);
    for (size_t i = 0; i < count; i++) {
        m->voices[i].input = inputs[i];
        v2s_encoder_config own = *config;
        own.trajectory = inputs[i].trajectory;
        v2s_status status = v2s_encoder_open(&own, &m->voices[i].encoder);
        if (status != V2S_OK) {
            v2s_mixer_close(&m);
            return v2s_error_prefix(status, "object %s", inputs[i].trajectory->name);
        }
        size_t latency = v2s_encoder_latency_frames(m->voices[i].encoder);
        size_t tail = v2s_encoder_tail_frames(m->voices[i].encoder);
        m->drop = latency > m->drop ? latency : m->drop;
        m->tail = tail > m->tail ? tail : m->tail;
    }
    *mixer = m;
    return V2S_OK;
}

// One block of at most BLOCK_FRAMES, latency included. A sound that has ended goes on as silence
// while others last.
static v2s_status mix_block(v2s_mixer *m, float *ambi, size_t frames, size_t *got) {
    size_t longest = 0;
    memset(ambi, 0, frames * (size_t)m->channels * sizeof *ambi);
    if (m->sounds_ended) {
        frames = frames < m->tail ? frames : m->tail;
        m->tail -= frames;
        longest = frames;
    }
    for (size_t i = 0; i < m->count; i++) {
        size_t n = 0;
        if (!m->sounds_ended)
            V2S_TRY(v2s_source_read(m->voices[i].input.source, m->mono, frames, &n));
        memset(m->mono + n, 0, (frames - n) * sizeof *m->mono);
        V2S_TRY(v2s_encoder_process(m->voices[i].encoder, m->mono, frames, ambi));
        longest = n > longest ? n : longest;
    }
    if (!m->sounds_ended && longest < frames) {
        // The rest of this block was pushed as silence already.
        size_t pushed = frames - longest;
        m->sounds_ended = true;
        size_t counted = pushed < m->tail ? pushed : m->tail;
        m->tail -= counted;
        longest += counted;
    }
    *got = longest;
    return V2S_OK;
}

v2s_status v2s_mixer_read(v2s_mixer *m, float *ambi, size_t frames, size_t *got) {
    *got = 0;
    while (*got < frames) {
        size_t want = frames - *got < BLOCK_FRAMES ? frames - *got : BLOCK_FRAMES, n = 0;
        float *at = ambi + *got * (size_t)m->channels;
        V2S_TRY(mix_block(m, at, want, &n));
        size_t dropped = n < m->drop ? n : m->drop;
        m->drop -= dropped;
        memmove(at, at + dropped * (size_t)m->channels,
                (n - dropped) * (size_t)m->channels * sizeof *at);
        *got += n - dropped;
        if (n < want)
            break;
    }
    return V2S_OK;
}

void v2s_mixer_close(v2s_mixer **mixer) {
    v2s_mixer *m = *mixer;
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->count; i++)
        v2s_encoder_close(&m->voices[i].encoder);
    free(m->voices);
    free(m);
    *mixer = NULL;
}
