// SPDX-License-Identifier: MIT
#include "infer/exhibit.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/compress.h"
#include "infer/exhibit_internal.h"

enum { BIT_RATE = 64000, EARS = 2, WAV_HEAD = 44 };

static const double peak_after = 0.70794578; // -3 dBFS

static void put_le(unsigned char *to, uint32_t value, int bytes) {
    for (int i = 0; i < bytes; i++)
        to[i] = (unsigned char)(value >> (8 * i));
}

// RIFF/WAVE, 16 bits: "RIFF" size "WAVEfmt " 16 1 channels rate bytes/s bytes/frame 16 "data" size.
static v2s_status make_wav(const float *stereo, size_t frames, double rate_hz,
                           v2s_exhibit_file *file) {
    uint32_t rate = (uint32_t)lround(rate_hz), bytes = (uint32_t)(frames * EARS * 2);
    unsigned char *b = malloc(WAV_HEAD + (size_t)bytes);
    if (b == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    memcpy(b, "RIFF....WAVEfmt ", 16);
    put_le(b + 4, bytes + WAV_HEAD - 8, 4);
    put_le(b + 16, 16, 4);
    put_le(b + 20, 1, 2);
    put_le(b + 22, EARS, 2);
    put_le(b + 24, rate, 4);
    put_le(b + 28, rate * EARS * 2, 4);
    put_le(b + 32, EARS * 2, 2);
    put_le(b + 34, 16, 2);
    memcpy(b + 36, "data", 4);
    put_le(b + 40, bytes, 4);
    for (size_t i = 0; i < frames * EARS; i++)
        put_le(b + WAV_HEAD + 2 * i,
               (uint32_t)(int32_t)lrint(32767.0 * fmin(fmax(stereo[i], -1.0), 1.0)), 2);
    *file = (v2s_exhibit_file){b, WAV_HEAD + (size_t)bytes};
    return V2S_OK;
}

static v2s_status make_sound(const float *stereo, size_t frames, double rate_hz, v2s_exhibit *e,
                             v2s_exhibit_voice *voice) {
    v2s_status status = V2S_UNSUPPORTED;
    if (e->opus)
        status = v2s_compress_opus_samples(stereo, frames, EARS, rate_hz, BIT_RATE,
                                           &voice->sound.bytes, &voice->sound.size);
    voice->mime = "audio/ogg";
    if (status != V2S_UNSUPPORTED)
        return status;
    e->opus = false;
    voice->mime = "audio/wav";
    return make_wav(stereo, frames, rate_hz, &voice->sound);
}

// The two ears of every voice: ears[i] is malloc'ed [frames][2].
static v2s_status decode(const v2s_exhibit_source *s, size_t frames, float **ears) {
    for (int i = 0; i < s->count; i++) {
        if (s->channels != EARS) {
            V2S_TRY(v2s_ear_decoder_apply(s->decoder, frames, s->sounds[i], &ears[i]));
            continue;
        }
        ears[i] = malloc(frames * EARS * sizeof *ears[i]);
        if (ears[i] == NULL)
            return V2S_FAIL(V2S_NOMEM, "out of memory");
        memcpy(ears[i], s->sounds[i], frames * EARS * sizeof *ears[i]);
    }
    return V2S_OK;
}

static void level(int count, size_t frames, float **ears, v2s_exhibit *e) {
    double peak = 0;
    for (int i = 0; i < count; i++)
        for (size_t k = 0; k < frames * EARS; k++)
            peak = fmax(peak, fabs((double)ears[i][k]));
    double gain = peak > 0 ? peak_after / peak : 1;
    for (int i = 0; i < count; i++)
        for (size_t k = 0; k < frames * EARS; k++)
            ears[i][k] *= (float)gain;
    e->gain_db = 20 * log10(gain);
}

static v2s_status make_voices(const v2s_exhibit_source *s, size_t frames, float **ears,
                              v2s_exhibit *e) {
    V2S_TRY(decode(s, frames, ears));
    level(s->count, frames, ears, e);
    for (int i = 0; i < s->count; i++)
        V2S_TRY(make_sound(ears[i], frames, s->rate_hz, e, &e->voices[i]));
    return v2s_exhibit_spectrograms(s->rate_hz, frames, (const float *const *)ears, e);
}

v2s_status v2s_exhibit_make(const v2s_exhibit_source *s, v2s_exhibit *exhibit) {
    v2s_exhibit e = {.whole_s = (double)s->frames / s->rate_hz, .opus = true};
    float *ears[V2S_EXHIBIT_VOICES] = {0};
    V2S_ASSERT(s->count > 0 && s->count <= V2S_EXHIBIT_VOICES);
    double shown = fmin((double)s->frames, ceil(V2S_EXHIBIT_MAX_S * s->rate_hz));
    e.length_s = shown / s->rate_hz;
    e.voice_count = s->count;
    for (int i = 0; i < s->count; i++) {
        snprintf(e.voices[i].name, sizeof e.voices[i].name, "%s", s->names[i]);
        e.voices[i].colour = s->colours[i];
    }
    v2s_status status = make_voices(s, (size_t)shown, ears, &e);
    if (status == V2S_OK && s->channels != EARS)
        status = v2s_exhibit_field(s, (size_t)shown, &e);
    for (int i = 0; i < s->count; i++)
        free(ears[i]);
    if (status != V2S_OK) {
        v2s_exhibit_free(&e);
        return status;
    }
    *exhibit = e;
    return V2S_OK;
}

void v2s_exhibit_free(v2s_exhibit *e) {
    for (int i = 0; i < V2S_EXHIBIT_VOICES; i++) {
        v2s_exhibit_voice *voice = &e->voices[i];
        free(voice->sound.bytes);
        free(voice->spectrogram.bytes);
        for (int k = 0; k < V2S_EXHIBIT_MAPS; k++)
            free(voice->maps[k].bytes);
        free(voice->azimuth_deg);
        free(voice->elevation_deg);
    }
    free(e->direction_s);
    free(e->path_azimuth_deg);
    free(e->path_elevation_deg);
    *e = (v2s_exhibit){0};
}
