// SPDX-License-Identifier: MIT
#include "infer/mixer.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_FRAMES = 4096 };

typedef struct voice {
    v2s_mixer_input input;
    v2s_encoder *encoder;
    bool ended;
    uint64_t end; // once ended: frame, latency included, by which all of it has been heard
    float *own;   // [BLOCK_FRAMES][channels] and [BLOCK_FRAMES] of W, where it is tapped
    size_t drop;  // frames of latency that its tap does not see
} voice;

struct v2s_mixer {
    size_t count;
    voice *voices;
    int channels;
    size_t drop;     // frames of latency still to be dropped
    uint64_t pushed; // frames
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
            return status;
        }
        if (inputs[i].tap != NULL) {
            size_t floats = BLOCK_FRAMES * ((size_t)m->channels + 1);
            m->voices[i].own = malloc(floats * sizeof(float));
            if (m->voices[i].own == NULL) {
                v2s_mixer_close(&m);
                return V2S_FAIL(V2S_NOMEM, "out of memory");
            }
        }
        size_t latency = v2s_encoder_latency_frames(m->voices[i].encoder);
        m->drop = latency > m->drop ? latency : m->drop;
    }
    for (size_t i = 0; i < count; i++)
        m->voices[i].drop = m->drop;
    *mixer = m;
    return V2S_OK;
}

// How many of the next `frames` there still are: all, unless every sound has ended.
static size_t frames_left(const v2s_mixer *m, size_t frames) {
    uint64_t end = 0;
    for (size_t i = 0; i < m->count; i++) {
        if (!m->voices[i].ended)
            return frames;
        end = m->voices[i].end > end ? m->voices[i].end : end;
    }
    uint64_t left = end > m->pushed ? end - m->pushed : 0;
    return left < frames ? (size_t)left : frames;
}

// A sound that has ended goes on as silence while others last. How long it is still under way is
// asked at its very end: with doppler that depends on the distance it has then.
static v2s_status encode_voice(v2s_mixer *m, voice *v, float *ambi, size_t frames) {
    size_t n = 0;
    if (!v->ended)
        V2S_TRY(v2s_source_read(v->input.source, m->mono, frames, &n));
    V2S_TRY(v2s_encoder_process(v->encoder, m->mono, n, ambi));
    if (!v->ended && n < frames) {
        v->ended = true;
        v->end = m->pushed + n + v2s_encoder_tail_frames(v->encoder);
    }
    memset(m->mono, 0, (frames - n) * sizeof *m->mono);
    return v2s_encoder_process(v->encoder, m->mono, frames - n, ambi + n * (size_t)m->channels);
}

// A tapped voice is encoded by itself first.
static v2s_status feed_voice(v2s_mixer *m, voice *v, float *ambi, size_t frames) {
    size_t channels = (size_t)m->channels;
    if (v->own == NULL)
        return encode_voice(m, v, ambi, frames);
    memset(v->own, 0, frames * channels * sizeof *v->own);
    V2S_TRY(encode_voice(m, v, v->own, frames));
    float *w = v->own + BLOCK_FRAMES * channels;
    for (size_t i = 0; i < frames * channels; i++)
        ambi[i] += v->own[i];
    for (size_t i = 0; i < frames; i++)
        w[i] = v->own[i * channels];
    return V2S_OK;
}

// Hands the block's first `frames` frames to the taps.
static v2s_status run_taps(v2s_mixer *m, size_t frames) {
    for (size_t i = 0; i < m->count; i++) {
        voice *v = &m->voices[i];
        if (v->own == NULL)
            continue;
        size_t dropped = frames < v->drop ? frames : v->drop;
        v->drop -= dropped;
        V2S_TRY(v->input.tap(v->input.tap_ctx,
                             v->own + BLOCK_FRAMES * (size_t)m->channels + dropped,
                             frames - dropped));
    }
    return V2S_OK;
}

// One block of at most BLOCK_FRAMES, latency included.
static v2s_status mix_block(v2s_mixer *m, float *ambi, size_t frames, size_t *got) {
    frames = frames_left(m, frames);
    memset(ambi, 0, frames * (size_t)m->channels * sizeof *ambi);
    for (size_t i = 0; i < m->count; i++)
        V2S_TRY(feed_voice(m, &m->voices[i], ambi, frames));
    *got = frames_left(m, frames); // a sound may have ended inside the block
    V2S_TRY(run_taps(m, *got));
    m->pushed += frames;
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
    for (size_t i = 0; i < m->count; i++) {
        v2s_encoder_close(&m->voices[i].encoder);
        free(m->voices[i].own);
    }
    free(m->voices);
    free(m);
    *mixer = NULL;
}
