// SPDX-License-Identifier: MIT
#include "infer/pointing_stimuli.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "infer/clip_sounds.h"

enum { FIELD = V2S_FOA_CHANNELS, EARS = 2 };

static const double step_s = 0.25, look_s = 0.02;

// Mean direction of the trajectory over a stretch, and the largest angle from it in degrees.
static double spread_of(const v2s_trajectory *path, double from_s, double length_s,
                        v2s_vec3 *direction) {
    v2s_vec3 sum = {0};
    size_t cursor = 0;
    double worst = 0;
    int looks = (int)ceil(length_s / look_s);
    for (int i = 0; i <= looks; i++) {
        v2s_vec3 u = v2s_trajectory_at(path, from_s + length_s * i / looks, &cursor).unit;
        sum = (v2s_vec3){sum.x + u.x, sum.y + u.y, sum.z + u.z};
    }
    double norm = v2s_norm(sum);
    if (!(norm > 0))
        return 180;
    *direction = (v2s_vec3){sum.x / norm, sum.y / norm, sum.z / norm};
    for (int i = 0; i <= looks; i++) {
        v2s_vec3 u = v2s_trajectory_at(path, from_s + length_s * i / looks, &cursor).unit;
        worst = fmax(worst, v2s_deg(v2s_angle_between_rad(u, *direction)));
    }
    return worst;
}

// Of the truth's W, or of both ears.
static double energy_of(const v2s_pair *pair, size_t from, size_t frames) {
    double sum = 0;
    for (size_t i = from; i < from + frames; i++) {
        const float *ears = pair->ears + 2 * i;
        if (pair->ears != NULL)
            sum += (double)ears[0] * ears[0] + (double)ears[1] * ears[1];
        else
            sum += (double)pair->truth[i * FIELD] * pair->truth[i * FIELD];
    }
    return sum;
}

v2s_status v2s_pointing_stretch(const v2s_pair *pair, size_t *from, size_t *frames,
                                v2s_vec3 *direction) {
    size_t length = (size_t)(V2S_POINTING_S * pair->rate_hz);
    size_t step = (size_t)(step_s * pair->rate_hz);
    double best = 0;
    length = length < pair->frames ? length : pair->frames;
    if ((double)length < V2S_POINTING_LEAST_S * pair->rate_hz)
        return V2S_FAIL(V2S_FORMAT, "shorter than %g s", V2S_POINTING_LEAST_S);
    for (size_t start = 0; start + length <= pair->frames; start += step) {
        v2s_vec3 here = {1, 0, 0};
        double spread = spread_of(&pair->path, (double)start / pair->rate_hz,
                                  (double)length / pair->rate_hz, &here);
        double energy = energy_of(pair, start, length);
        if (spread <= V2S_POINTING_SPREAD_DEG && energy > best) {
            best = energy;
            *from = start;
            *direction = here;
        }
    }
    *frames = length;
    return best > 0 ? V2S_OK
                    : V2S_FAIL(V2S_FORMAT,
                               "its source never stands within %g deg for %g s, or it is silent",
                               V2S_POINTING_SPREAD_DEG, (double)length / pair->rate_hz);
}

static v2s_status add_sound(v2s_listening_stimuli *s, const v2s_hrtf *hrtf, double rate_hz,
                            int channels, const float *sound, size_t from, size_t frames,
                            const char *name) {
    v2s_listening_stimulus *item = &s->items[s->count++];
    snprintf(item->name, sizeof item->name, "%s", name);
    V2S_TRY(v2s_listening_decode(hrtf, rate_hz, channels, frames, sound + from * (size_t)channels,
                                 &item->stereo, &s->frames));
    v2s_stimulus_fade(item->stereo, s->frames);
    v2s_status status =
        v2s_stimulus_match(item->stereo, s->frames, V2S_STIMULUS_LUFS, &item->gain_db);
    return status == V2S_OK ? status : v2s_error_prefix(status, "%s", name);
}

static v2s_status fill(const v2s_systems *systems, const v2s_hrtf *hrtf, const size_t *which,
                       const v2s_clip_sounds *sounds, v2s_pointing_stimuli *s) {
    const v2s_pair *pair = &sounds->pair;
    size_t from = 0, frames = 0;
    v2s_vec3 direction = {1, 0, 0};
    V2S_TRY(v2s_pointing_stretch(pair, &from, &frames, &direction));
    bool ears = pair->ears != NULL;
    V2S_TRY(add_sound(&s->sounds, hrtf, pair->rate_hz, ears ? EARS : FIELD,
                      ears ? pair->ears : pair->truth, from, frames, "reference"));
    for (size_t i = 0; i < sounds->count; i++)
        V2S_TRY(add_sound(&s->sounds, hrtf, pair->rate_hz, FIELD, sounds->sound[i], from, frames,
                          systems->items[which[i]].name));
    s->from_s = (double)from / pair->rate_hz;
    s->length_s = (double)frames / pair->rate_hz;
    s->azimuth_deg = v2s_deg(v2s_azimuth_rad(direction));
    s->elevation_deg = v2s_deg(v2s_elevation_rad(direction));
    return V2S_OK;
}

v2s_status v2s_pointing_stimuli_make(const v2s_systems *systems, const v2s_hrtf *hrtf,
                                     const v2s_clip_result *result, v2s_pointing_stimuli *stimuli) {
    static const v2s_system_kind kinds[] = {V2S_SYSTEM_REFINED, V2S_SYSTEM_GEOMETRIC};
    size_t which[2], count = 0;
    v2s_pointing_stimuli s = {0};
    v2s_clip_sounds sounds = {0};
    for (int i = 0; i < 2; i++) {
        int system = v2s_systems_find(systems, kinds[i]);
        if (system >= 0)
            which[count++] = (size_t)system;
    }
    if (result->clip->trajectory == NULL)
        return V2S_FAIL(V2S_FORMAT, "clip %s: no trajectory says where it is", result->clip->id);
    V2S_TRY(v2s_clip_sounds_make(systems, result, which, count, &sounds));
    v2s_status status = fill(systems, hrtf, which, &sounds, &s);
    v2s_clip_sounds_free(&sounds);
    if (status != V2S_OK) {
        v2s_pointing_stimuli_free(&s);
        return v2s_error_prefix(status, "clip %s", result->clip->id);
    }
    *stimuli = s;
    return V2S_OK;
}

void v2s_pointing_stimuli_free(v2s_pointing_stimuli *s) {
    v2s_listening_stimuli_free(&s->sounds);
    *s = (v2s_pointing_stimuli){0};
}
