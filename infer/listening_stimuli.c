// SPDX-License-Identifier: MIT
#include "infer/listening_stimuli.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/clip_sounds.h"
#include "infer/ear_decoder.h"
#include "kernels/resample.h"

enum { EARS = V2S_STIMULUS_CHANNELS, FIELD = V2S_FOA_CHANNELS };

v2s_status v2s_listening_decode(const v2s_hrtf *hrtf, double rate_hz, int channels, size_t frames,
                                const float *sound, float **stereo, size_t *out_frames) {
    v2s_ear_decoder *decoder = NULL;
    float *ears = NULL;
    if (channels == EARS)
        return v2s_resample(sound, frames, EARS, rate_hz, V2S_STIMULUS_RATE_HZ, stereo, out_frames);
    V2S_TRY(v2s_ear_decoder_open(hrtf, rate_hz, &decoder));
    v2s_status status = v2s_ear_decoder_apply(decoder, frames, sound, &ears);
    if (status == V2S_OK)
        status =
            v2s_resample(ears, frames, EARS, rate_hz, V2S_STIMULUS_RATE_HZ, stereo, out_frames);
    free(ears);
    v2s_ear_decoder_close(&decoder);
    return status;
}

static v2s_status add_sound(v2s_listening_stimuli *s, const v2s_hrtf *hrtf, const v2s_pair *pair,
                            int channels, const float *sound, const char *name) {
    v2s_listening_stimulus *item = &s->items[s->count++];
    size_t frames = pair->frames;
    double most = ceil(V2S_LISTENING_MAX_S * pair->rate_hz);
    frames = (double)frames > most ? (size_t)most : frames;
    snprintf(item->name, sizeof item->name, "%s", name);
    for (char *c = item->name; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-')
            *c = '_';
    V2S_TRY(v2s_listening_decode(hrtf, pair->rate_hz, channels, frames, sound, &item->stereo,
                                 &s->frames));
    v2s_stimulus_fade(item->stereo, s->frames);
    return V2S_OK;
}

// refined, geometric, and as many other checkpoints as there is room for.
static size_t choose_systems(const v2s_systems *systems, size_t which[V2S_CLIP_SOUNDS_MAX]) {
    size_t count = 0;
    which[count++] = (size_t)v2s_systems_find(systems, V2S_SYSTEM_REFINED);
    which[count++] = (size_t)v2s_systems_find(systems, V2S_SYSTEM_GEOMETRIC);
    for (size_t i = 0; i < systems->count && count < V2S_CLIP_SOUNDS_MAX; i++)
        if (systems->items[i].kind == V2S_SYSTEM_AGAINST)
            which[count++] = i;
    return count;
}

static v2s_status add_systems(v2s_listening_stimuli *s, const v2s_systems *systems,
                              const v2s_hrtf *hrtf, const size_t *which,
                              const v2s_clip_sounds *sounds) {
    const v2s_pair *pair = &sounds->pair;
    v2s_status status = pair->ears != NULL
                            ? add_sound(s, hrtf, pair, EARS, pair->ears, "reference")
                            : add_sound(s, hrtf, pair, FIELD, pair->truth, "reference");
    for (size_t i = 0; status == V2S_OK && i < sounds->count; i++) {
        const v2s_system *system = &systems->items[which[i]];
        char name[V2S_LISTENING_NAME_MAX];
        snprintf(name, sizeof name, "%s%s", system->kind == V2S_SYSTEM_AGAINST ? "against_" : "",
                 system->name);
        status = add_sound(s, hrtf, pair, FIELD, sounds->sound[i], name);
    }
    return status;
}

static v2s_status add_anchors(v2s_listening_stimuli *s) {
    const float *reference = s->items[0].stereo;
    for (int i = 0; i < 2; i++) {
        v2s_listening_stimulus *item = &s->items[s->count++];
        snprintf(item->name, sizeof item->name, "%s", i == 0 ? "anchor35" : "anchor_mono");
        item->stereo = malloc((s->frames + 1) * EARS * sizeof *item->stereo);
        if (item->stereo == NULL)
            return V2S_FAIL(V2S_NOMEM, "out of memory");
        if (i == 0)
            V2S_TRY(v2s_stimulus_anchor35(reference, s->frames, item->stereo));
        else
            v2s_stimulus_mono(reference, s->frames, item->stereo);
    }
    return V2S_OK;
}

static v2s_status match_all(v2s_listening_stimuli *s) {
    for (int i = 0; i < s->count; i++) {
        v2s_status status = v2s_stimulus_match(s->items[i].stereo, s->frames, V2S_STIMULUS_LUFS,
                                               &s->items[i].gain_db);
        if (status != V2S_OK)
            return v2s_error_prefix(status, "%s", s->items[i].name);
    }
    return V2S_OK;
}

v2s_status v2s_listening_stimuli_make(const v2s_systems *systems, const v2s_hrtf *hrtf,
                                      const v2s_clip_result *result,
                                      v2s_listening_stimuli *stimuli) {
    size_t which[V2S_CLIP_SOUNDS_MAX], count = choose_systems(systems, which);
    v2s_listening_stimuli s = {0};
    v2s_clip_sounds sounds = {0};
    V2S_TRY(v2s_clip_sounds_make(systems, result, which, count, &sounds));
    v2s_status status = add_systems(&s, systems, hrtf, which, &sounds);
    v2s_clip_sounds_free(&sounds);
    if (status == V2S_OK)
        status = add_anchors(&s);
    if (status == V2S_OK)
        status = match_all(&s);
    if (status != V2S_OK) {
        v2s_listening_stimuli_free(&s);
        return v2s_error_prefix(status, "clip %s", result->clip->id);
    }
    *stimuli = s;
    return V2S_OK;
}

void v2s_listening_stimuli_free(v2s_listening_stimuli *s) {
    for (int i = 0; i < s->count; i++)
        free(s->items[i].stereo);
    *s = (v2s_listening_stimuli){0};
}
