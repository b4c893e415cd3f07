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
    float *waiting;      // [delay] sound on its way to the encoder, circular
    size_t waiting_next; // place of the oldest
    bool ended;
    uint64_t sound_end; // frame after its last
    uint64_t end;       // once ended: frame, latency included, by which all of it has been heard
    float *own;         // [BLOCK_FRAMES][channels] and [BLOCK_FRAMES] of W, where it is tapped
    size_t drop;        // frames of latency that its tap does not see
} voice;

struct v2s_mixer {
    size_t count;
    voice *voices;
    int channels;
    size_t latency;  // of all voices
    size_t delay;    // of the sound before the encoders: what rooms are later than they
    size_t drop;     // frames of latency still to be dropped
    uint64_t pushed; // frames
    float mono[BLOCK_FRAMES], delayed[BLOCK_FRAMES];
    float reflections[BLOCK_FRAMES * V2S_FOA_CHANNELS];
};

// The latency common to all: that of the slowest room, or of the encoders.
static v2s_status find_latency(v2s_mixer *m, const v2s_encoder_config *config) {
    v2s_encoder_config any = *config;
    any.trajectory = m->voices[0].input.trajectory;
    v2s_encoder *encoder = NULL;
    V2S_TRY(v2s_encoder_open(&any, &encoder));
    size_t own = v2s_encoder_latency_frames(encoder);
    v2s_encoder_close(&encoder);
    m->latency = own;
    for (size_t i = 0; i < m->count; i++)
        if (m->voices[i].input.room != NULL) {
            size_t room = v2s_room_renderer_latency_frames(m->voices[i].input.room);
            m->latency = room > m->latency ? room : m->latency;
        }
    m->delay = m->latency - own;
    m->drop = m->latency;
    return V2S_OK;
}

static v2s_status open_voice(v2s_mixer *m, voice *v, const v2s_encoder_config *config) {
    v2s_encoder_config own = *config;
    own.trajectory = v->input.trajectory;
    own.start_s = -(double)m->delay / config->rate_hz;
    V2S_TRY(v2s_encoder_open(&own, &v->encoder));
    if (v->input.room != NULL)
        V2S_TRY(v2s_room_renderer_raise_latency(v->input.room, m->latency));
    if (m->delay > 0 && (v->waiting = calloc(m->delay, sizeof *v->waiting)) == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    if (v->input.tap == NULL)
        return V2S_OK;
    v->own = malloc(BLOCK_FRAMES * ((size_t)m->channels + 1) * sizeof *v->own);
    return v->own != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
}

v2s_status v2s_mixer_open(const v2s_mixer_input *inputs, size_t count,
                          const v2s_encoder_config *config, v2s_mixer **mixer) {
    v2s_mixer *m = calloc(1, sizeof *m);
    voice *voices = calloc(count, sizeof *voices);
    if (m == NULL || voices == NULL) {
        for (size_t i = 0; i < count; i++) {
            v2s_room_renderer *room = inputs[i].room;
            v2s_room_renderer_close(&room);
        }
        free(m);
        free(voices);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    m->voices = voices;
    m->count = count;
    m->channels = v2s_channels_of_order(config->order);
    for (size_t i = 0; i < count; i++)
        m->voices[i].input = inputs[i];
    v2s_status status = find_latency(m, config);
    for (size_t i = 0; i < count && status == V2S_OK; i++)
        status = open_voice(m, &m->voices[i], config);
    if (status != V2S_OK) {
        v2s_mixer_close(&m);
        return status;
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

// The sound as it reaches the encoder.
static const float *delay_sound(v2s_mixer *m, voice *v, size_t frames) {
    if (m->delay == 0)
        return m->mono;
    for (size_t i = 0; i < frames; i++) {
        m->delayed[i] = v->waiting[v->waiting_next];
        v->waiting[v->waiting_next] = m->mono[i];
        v->waiting_next = v->waiting_next + 1 == m->delay ? 0 : v->waiting_next + 1;
    }
    return m->delayed;
}

// frames of m->mono through the encoder and the room.
static v2s_status render_voice(v2s_mixer *m, voice *v, size_t frames, float *ambi) {
    V2S_TRY(v2s_encoder_process(v->encoder, delay_sound(m, v, frames), frames, ambi));
    if (v->input.room == NULL)
        return V2S_OK;
    memset(m->reflections, 0, V2S_FOA_CHANNELS * frames * sizeof *m->reflections);
    V2S_TRY(v2s_room_renderer_process(v->input.room, m->mono, frames, m->reflections));
    for (size_t i = 0; i < frames; i++)
        for (size_t c = 0; c < V2S_FOA_CHANNELS; c++)
            ambi[i * (size_t)m->channels + c] += m->reflections[V2S_FOA_CHANNELS * i + c];
    return V2S_OK;
}

static size_t frames_to_come(const v2s_mixer *m, const voice *v) {
    size_t direct = m->delay + v2s_encoder_tail_frames(v->encoder);
    size_t room = v->input.room != NULL ? v2s_room_renderer_tail_frames(v->input.room) : 0;
    size_t longest = room > direct ? room : direct, tap = v->input.tail_frames;
    return tap > longest ? tap : longest;
}

// A sound that has ended goes on as silence while others last. How long it is still under way is
// asked at its very end: with doppler that depends on the distance it has then.
static v2s_status encode_voice(v2s_mixer *m, voice *v, float *ambi, size_t frames) {
    size_t n = 0;
    if (!v->ended)
        V2S_TRY(v2s_source_read(v->input.source, m->mono, frames, &n));
    V2S_TRY(render_voice(m, v, n, ambi));
    if (!v->ended && n < frames) {
        v->ended = true;
        v->sound_end = m->pushed + n;
        v->end = v->sound_end + frames_to_come(m, v);
    }
    memset(m->mono, 0, (frames - n) * sizeof *m->mono);
    return render_voice(m, v, frames - n, ambi + n * (size_t)m->channels);
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

uint64_t v2s_mixer_longest_extra_frames(const v2s_mixer *m) {
    uint64_t longest = 0;
    for (size_t i = 0; i < m->count; i++) {
        const v2s_room_renderer *room = m->voices[i].input.room;
        uint64_t frames = room != NULL ? v2s_room_renderer_tail_frames(room) : 0;
        uint64_t tap = m->voices[i].input.tail_frames;
        frames = tap > frames ? tap : frames;
        longest = frames > longest ? frames : longest;
    }
    return longest;
}

uint64_t v2s_mixer_extra_frames(const v2s_mixer *m) {
    uint64_t sound = 0, end = 0;
    for (size_t i = 0; i < m->count; i++) {
        sound = m->voices[i].sound_end > sound ? m->voices[i].sound_end : sound;
        end = m->voices[i].end > end ? m->voices[i].end : end;
    }
    return end > sound + m->latency ? end - sound - m->latency : 0;
}

void v2s_mixer_close(v2s_mixer **mixer) {
    v2s_mixer *m = *mixer;
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->count; i++) {
        v2s_encoder_close(&m->voices[i].encoder);
        free(m->voices[i].own);
        v2s_room_renderer_close(&m->voices[i].input.room);
        free(m->voices[i].waiting);
    }
    free(m->voices);
    free(m);
    *mixer = NULL;
}
