// SPDX-License-Identifier: MIT
#include "data/pair.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/sound_in.h"
#include "data/trajectory_csv.h"
#include "kernels/resample.h"
#include "spatial/ambisonics.h"
#include "spatial/encoder.h"

enum { BLOCK_FRAMES = 16384 };

#define MIN_DISTANCE_M 0.5
#define MONO_GAIN_MAX 2.0   // of ears that are not opposite at most sqrt 2
#define MISSING_END_S 0.010 // a codec's or a rounded duration's; more is a wrong manifest

void v2s_pair_free(v2s_pair *pair) {
    free(pair->truth);
    free(pair->ears);
    free(pair->geometric);
    v2s_trajectory_free(&pair->path);
    *pair = (v2s_pair){0};
}

// ---- a stretch of a sound ---------------------------------------------------------------------

typedef struct stretch {
    double rate_hz;
    int channels;
    size_t frames;
    float *samples; // [frames][channels]
} stretch;

// Reads frames until `wanted` (SIZE_MAX: to the end) stand behind the `pad` zeros at the start.
static v2s_status read_frames(v2s_sound_in *in, size_t skip, size_t pad, size_t wanted,
                              stretch *s) {
    size_t c = (size_t)s->channels, capacity = pad + BLOCK_FRAMES, got = 1;
    float *samples = calloc(capacity * c, sizeof *samples);
    if (samples == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = V2S_OK;
    s->frames = pad;
    while (got > 0 && s->frames < wanted) {
        if (capacity - s->frames < BLOCK_FRAMES) {
            float *grown = realloc(samples, 2 * capacity * c * sizeof *samples);
            if (grown == NULL) {
                status = V2S_FAIL(V2S_NOMEM, "out of memory for %zu samples", 2 * capacity);
                break;
            }
            samples = grown;
            capacity *= 2;
        }
        size_t want = skip > 0 ? skip : wanted - s->frames;
        want = want < BLOCK_FRAMES ? want : BLOCK_FRAMES;
        status = v2s_sound_in_read(in, samples + s->frames * c, want, &got);
        if (status != V2S_OK)
            break;
        if (skip > 0)
            skip -= got;
        else
            s->frames += got;
    }
    if (status != V2S_OK) {
        free(samples);
        return status;
    }
    s->samples = samples;
    return V2S_OK;
}

static v2s_status read_open_stretch(v2s_sound_in *in, const v2s_clip *clip, const char *path,
                                    stretch *s) {
    const v2s_sound_info *info = v2s_sound_in_info(in);
    s->rate_hz = info->rate_hz;
    s->channels = info->channels;
    double first = (clip->start_s - info->start_s) * info->rate_hz;
    size_t skip = first > 0 ? (size_t)llround(first) : 0;
    size_t pad = first < 0 ? (size_t)llround(-first) : 0;
    size_t wanted =
        clip->duration_s > 0 ? (size_t)llround(clip->duration_s * info->rate_hz) : SIZE_MAX;
    pad = pad < wanted ? pad : wanted;
    V2S_TRY(read_frames(in, skip, pad, wanted, s));
    if (s->frames > 0)
        return V2S_OK;
    free(s->samples);
    s->samples = NULL;
    return V2S_FAIL(V2S_FORMAT, "%s: ends before start_s %g", path, clip->start_s);
}

// The clip's part of a sound, at the file's rate. It may be shorter than duration_s.
static v2s_status read_stretch(const v2s_clip *clip, const char *path, stretch *s) {
    v2s_sound_in *in = NULL;
    V2S_TRY(v2s_sound_in_open(path, &in));
    v2s_status status = read_open_stretch(in, clip, path, s);
    v2s_sound_in_close(&in);
    return status;
}

static v2s_status at_rate(stretch *s, double rate_hz) {
    if (s->rate_hz == rate_hz)
        return V2S_OK;
    float *out = NULL;
    size_t frames = 0;
    V2S_TRY(v2s_resample(s->samples, s->frames, s->channels, s->rate_hz, rate_hz, &out, &frames));
    free(s->samples);
    s->samples = out;
    s->frames = frames;
    s->rate_hz = rate_hz;
    return V2S_OK;
}

// ---- truth ------------------------------------------------------------------------------------

static v2s_status ambix_from(float *foa, size_t frames, const char *layout) {
    if (layout == NULL || strcmp(layout, "ambix") == 0)
        return V2S_OK;
    if (strcmp(layout, "fuma") == 0) {
        v2s_foa_ambix_from_fuma(foa, frames);
        return V2S_OK;
    }
    if (strcmp(layout, "n3d") == 0) {
        for (size_t i = 0; i < frames; i++)
            for (int c = 1; c < V2S_FOA_CHANNELS; c++)
                foa[4 * i + c] *= (float)(1.0 / sqrt(3.0));
        return V2S_OK;
    }
    if (strcmp(layout, "wxyz_sn3d") == 0) {
        for (size_t i = 0; i < frames; i++) {
            float *f = foa + 4 * i, x = f[1], y = f[2], z = f[3];
            f[V2S_ACN_Y] = y;
            f[V2S_ACN_Z] = z;
            f[V2S_ACN_X] = x;
        }
        return V2S_OK;
    }
    return V2S_FAIL(V2S_FORMAT, "layout: expected ambix|n3d|fuma|wxyz_sn3d, found %.40s", layout);
}

static v2s_status check_finite(const float *samples, size_t count, const char *path) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(samples[i]))
            return V2S_FAIL(V2S_NUMERIC, "%s: a sample that is not finite", path);
    return V2S_OK;
}

// The clip's part of its truth, which has `channels`, at pair->rate_hz: *samples [pair->frames].
static v2s_status load_channels(const v2s_clip *clip, double rate_hz, int channels, v2s_pair *pair,
                                float **samples) {
    stretch s = {0};
    V2S_TRY(read_stretch(clip, clip->truth, &s));
    *samples = s.samples;
    if (s.channels != channels)
        return V2S_FAIL(V2S_FORMAT, "%s: expected %d channels, found %d", clip->truth, channels,
                        s.channels);
    if (clip->duration_s > (double)s.frames / s.rate_hz + MISSING_END_S)
        return V2S_FAIL(V2S_FORMAT, "%s: ends %.3f s after start_s, the clip %.3f s", clip->truth,
                        (double)s.frames / s.rate_hz, clip->duration_s);
    v2s_status status = at_rate(&s, rate_hz > 0 ? rate_hz : s.rate_hz);
    *samples = s.samples;
    V2S_TRY(status);
    pair->frames = s.frames;
    pair->rate_hz = s.rate_hz;
    return check_finite(s.samples, (size_t)channels * s.frames, clip->truth);
}

static v2s_status load_truth(const v2s_clip *clip, double rate_hz, v2s_pair *pair) {
    V2S_TRY(load_channels(clip, rate_hz, V2S_FOA_CHANNELS, pair, &pair->truth));
    return ambix_from(pair->truth, pair->frames, clip->layout);
}

// ---- the geometric path -----------------------------------------------------------------------

static v2s_status load_path(const v2s_clip *clip, v2s_pair *pair) {
    v2s_trajectory_set set = {0};
    V2S_TRY(v2s_trajectory_csv_read(clip->trajectory, &set));
    if (set.count != 1) {
        size_t count = set.count;
        v2s_trajectory_set_free(&set);
        return V2S_FAIL(V2S_FORMAT, "%s: expected one object, found %zu", clip->trajectory, count);
    }
    pair->path = set.items[0];
    free(set.items);
    for (size_t i = 0; i < pair->path.count; i++)
        pair->path.points[i].time_s -= clip->start_s;
    return V2S_OK;
}

// mono [frames] -> pair->geometric, with the renderer's own encoder.
static v2s_status encode(const float *mono, const v2s_trajectory *path, v2s_pair *pair) {
    pair->geometric = calloc(pair->frames, V2S_FOA_CHANNELS * sizeof *pair->geometric);
    if (pair->geometric == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_encoder_config config = {
        .order = 1, .rate_hz = pair->rate_hz, .min_distance_m = MIN_DISTANCE_M, .trajectory = path};
    v2s_encoder *e = NULL;
    V2S_TRY(v2s_encoder_open(&config, &e));
    v2s_status status = v2s_encoder_process(e, mono, pair->frames, pair->geometric);
    v2s_encoder_close(&e);
    return status;
}

// s at the pair's rate and as long as it: mono [pair->frames].
static v2s_status fit_dry(const char *path, const v2s_pair *pair, stretch *s, float *mono) {
    if (s->channels != 1)
        return V2S_FAIL(V2S_FORMAT, "%s: expected 1 channel, found %d", path, s->channels);
    V2S_TRY(at_rate(s, pair->rate_hz));
    size_t frames = s->frames < pair->frames ? s->frames : pair->frames;
    memcpy(mono, s->samples, frames * sizeof *mono);
    return check_finite(mono, frames, path);
}

// The dry sound may end before the room does: silence then.
v2s_status v2s_pair_dry(const v2s_clip *clip, const v2s_pair *pair, float **mono) {
    V2S_ASSERT(clip->dry != NULL);
    stretch s = {0};
    V2S_TRY(read_stretch(clip, clip->dry, &s));
    float *made = calloc(pair->frames, sizeof *made);
    v2s_status status =
        made != NULL ? fit_dry(clip->dry, pair, &s, made) : V2S_FAIL(V2S_NOMEM, "out of memory");
    free(s.samples);
    if (status != V2S_OK) {
        free(made);
        return status;
    }
    *mono = made;
    return V2S_OK;
}

static v2s_status load_dry(const v2s_clip *clip, v2s_pair *pair) {
    float *mono = NULL;
    V2S_TRY(v2s_pair_dry(clip, pair, &mono));
    v2s_status status = encode(mono, &pair->path, pair);
    free(mono);
    return status;
}

// w [frames] along the directions alone: at a distance of 1 m the gain is 1.
static v2s_status encode_unit(const float *w, v2s_pair *pair) {
    v2s_trajectory unit = pair->path;
    unit.points = malloc(unit.count * sizeof *unit.points);
    if (unit.points == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < unit.count; i++) {
        unit.points[i] = pair->path.points[i];
        unit.points[i].distance_m = 1;
    }
    v2s_status status = encode(w, &unit, pair);
    free(unit.points);
    return status;
}

static v2s_status load_omni(v2s_pair *pair) {
    float *w = malloc(pair->frames * sizeof *w);
    if (w == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < pair->frames; i++)
        w[i] = pair->truth[4 * i + V2S_ACN_W];
    v2s_status status = encode_unit(w, pair);
    free(w);
    return status;
}

// ---- two ears ---------------------------------------------------------------------------------

static v2s_status front_path(v2s_pair *pair) {
    pair->path.points = calloc(1, sizeof *pair->path.points);
    if (pair->path.points == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    pair->path.points[0] = (v2s_point){.unit = {1, 0, 0}, .distance_m = 1, .confidence = 1};
    pair->path.count = 1;
    return V2S_OK;
}

// Their mean, as loud as they are.
static void mono_of(const float *ears, size_t frames, float *mono) {
    double power = 0, own = 0;
    for (size_t i = 0; i < frames; i++) {
        double left = ears[2 * i], right = ears[2 * i + 1], mean = (left + right) / 2;
        power += (left * left + right * right) / 2;
        own += mean * mean;
        mono[i] = (float)mean;
    }
    double gain = own > 0 ? fmin(sqrt(power / own), MONO_GAIN_MAX) : 1;
    for (size_t i = 0; i < frames; i++)
        mono[i] = (float)(gain * mono[i]);
}

static v2s_status load_binaural(const v2s_clip *clip, double rate_hz, v2s_pair *pair) {
    V2S_TRY(load_channels(clip, rate_hz, 2, pair, &pair->ears));
    V2S_TRY(clip->trajectory != NULL ? load_path(clip, pair) : front_path(pair));
    float *mono = malloc(pair->frames * sizeof *mono);
    if (mono == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    mono_of(pair->ears, pair->frames, mono);
    v2s_status status = encode_unit(mono, pair);
    free(mono);
    return status;
}

static v2s_status load(const v2s_clip *clip, double rate_hz, v2s_pair *pair) {
    if (clip->pairing == V2S_PAIRING_DEPTH)
        return V2S_FAIL(V2S_UNSUPPORTED, "pairing: expected dry, omni or binaural, found depth");
    if (clip->pairing == V2S_PAIRING_BINAURAL) {
        V2S_TRY(load_binaural(clip, rate_hz, pair));
    } else {
        V2S_TRY(load_truth(clip, rate_hz, pair));
        V2S_TRY(load_path(clip, pair));
        V2S_TRY(clip->pairing == V2S_PAIRING_DRY ? load_dry(clip, pair) : load_omni(pair));
    }
    return check_finite(pair->geometric, 4 * pair->frames, clip->truth);
}

v2s_status v2s_pair_load(const v2s_clip *clip, double rate_hz, v2s_pair *pair) {
    v2s_pair made = {0};
    v2s_status status = load(clip, rate_hz, &made);
    if (status != V2S_OK) {
        v2s_pair_free(&made);
        return v2s_error_prefix(status, "clip %s", clip->id);
    }
    *pair = made;
    return V2S_OK;
}
