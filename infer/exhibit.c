// SPDX-License-Identifier: MIT
#include "infer/exhibit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/compress.h"
#include "infer/exhibit_internal.h"
#include "infer/wav_bytes.h"

enum { BIT_RATE = 64000, EARS = 2 };

static const double peak_after = 0.70794578; // -3 dBFS

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
    return v2s_wav_bytes(stereo, frames, EARS, rate_hz, &voice->sound.bytes, &voice->sound.size);
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
