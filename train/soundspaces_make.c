// SPDX-License-Identifier: MIT
// Responses and their convolution with sounds.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/sound_in.h"
#include "data/sound_out.h"
#include "kernels/fft.h"
#include "kernels/resample.h"
#include "spatial/room_measures.h"
#include "train/soundspaces.h"

enum { BLOCK_FRAMES = 8192 };

#define LONGEST_RESPONSE_S 20.0
#define HIGHEST_RATE_HZ 48000.0 // so that sound and response fit a transform
#define PEAK_LIMIT 0.9

// ---- reading ----------------------------------------------------------------------------------

static v2s_status no_memory(void) {
    return V2S_FAIL(V2S_NOMEM, "out of memory");
}

typedef struct samples {
    double rate_hz;
    int channels; // in the file
    size_t frames;
    float *x;      // [frames][kept]
    char *warning; // owned, or NULL
} samples;

static void samples_free(samples *s) {
    free(s->x);
    free(s->warning);
}

// The mean of all channels, or the first `kept`.
static void keep(const float *block, size_t frames, int channels, int kept, float *x) {
    for (size_t t = 0; t < frames; t++) {
        const float *from = block + t * (size_t)channels;
        double sum = 0;
        for (int c = 0; c < channels && kept == 1; c++)
            sum += from[c];
        for (int c = 0; c < kept; c++)
            x[t * (size_t)kept + (size_t)c] = kept == 1 ? (float)(sum / channels) : from[c];
    }
}

static v2s_status read_blocks(v2s_sound_in *in, int kept, double longest_s, float *block,
                              samples *s) {
    size_t room = 0, got = 1, most = (size_t)(longest_s * s->rate_hz);
    while (got > 0) {
        V2S_TRY(v2s_sound_in_read(in, block, BLOCK_FRAMES, &got));
        if (s->frames + got > most)
            return V2S_FAIL(V2S_FORMAT, "too long: above %g s", longest_s);
        if (s->frames + got > room) {
            room = 2 * (s->frames + got);
            float *grown = realloc(s->x, room * (size_t)kept * sizeof *grown);
            if (grown == NULL)
                return no_memory();
            s->x = grown;
        }
        keep(block, got, s->channels, kept, s->x + s->frames * (size_t)kept);
        s->frames += got;
    }
    const char *warning = v2s_sound_in_warning(in);
    if (warning != NULL && (s->warning = strdup(warning)) == NULL)
        return no_memory();
    return V2S_OK;
}

static v2s_status read_open(v2s_sound_in *in, int kept, double longest_s, samples *s) {
    const v2s_sound_info *info = v2s_sound_in_info(in);
    s->rate_hz = info->rate_hz;
    s->channels = info->channels;
    if (kept > s->channels)
        return V2S_OK; // the caller says what it wanted
    float *block = malloc(BLOCK_FRAMES * (size_t)s->channels * sizeof *block);
    v2s_status status = block == NULL ? no_memory() : read_blocks(in, kept, longest_s, block, s);
    free(block);
    return status;
}

// kept: 1, the mean of all channels, or the first 4. Nothing is read where there are fewer.
static v2s_status read_samples(const char *path, int kept, double longest_s, samples *s) {
    v2s_sound_in *in = NULL;
    V2S_TRY(v2s_sound_in_open(path, &in));
    v2s_status status = read_open(in, kept, longest_s, s);
    v2s_sound_in_close(&in);
    return status;
}

// ---- responses --------------------------------------------------------------------------------

static v2s_status read_response(const char *path, samples *s) {
    V2S_TRY(read_samples(path, V2S_FOA_CHANNELS, LONGEST_RESPONSE_S, s));
    int order = (int)lround(sqrt(s->channels)) - 1;
    if (order < 1 || v2s_channels_of_order(order) != s->channels)
        return V2S_FAIL(V2S_FORMAT,
                        "wrong number of channels: %d, expected 9 (second order; 4, 16, .. are "
                        "taken too)",
                        s->channels);
    if (s->rate_hz > HIGHEST_RATE_HZ)
        return V2S_FAIL(V2S_FORMAT, "wrong rate: %g Hz, expected at most %g Hz", s->rate_hz,
                        HIGHEST_RATE_HZ);
    const float n3d_to_sn3d = (float)(1 / sqrt(3.0));
    for (size_t t = 0; t < s->frames; t++)
        for (size_t c = 1; c < V2S_FOA_CHANNELS; c++)
            s->x[V2S_FOA_CHANNELS * t + c] *= n3d_to_sn3d;
    return V2S_OK;
}

// Where the decay does not reach the crossings of T30 those of T20 are taken, then none.
static v2s_status measure_decay(const samples *s, double *rt60_s) {
    static const double decays_db[] = {30, 20};
    v2s_room_measures m = {.rt60_s = NAN};
    for (int i = 0; i < 2 && !isfinite(m.rt60_s); i++)
        V2S_TRY(v2s_room_measure(s->x + V2S_ACN_W, s->frames, V2S_FOA_CHANNELS, s->rate_hz,
                                 V2S_RT60_CROSSINGS, decays_db[i], &m));
    *rt60_s = m.rt60_s;
    return V2S_OK;
}

v2s_status v2s_response_look(v2s_response *r) {
    samples s = {0};
    v2s_status status = read_response(r->path, &s);
    if (status == V2S_OK)
        status = v2s_first_sound_find(s.x, s.frames, s.rate_hz, &r->first);
    if (status == V2S_OK)
        status = measure_decay(&s, &r->rt60_s);
    r->rate_hz = s.rate_hz;
    r->channels = s.channels;
    r->warning = s.warning;
    s.warning = NULL;
    samples_free(&s);
    r->usable = status == V2S_OK;
    if (status == V2S_OK || status == V2S_NOMEM || status == V2S_CANCELLED)
        return status;
    r->reason = strdup(v2s_without_path(v2s_error_text(), r->path));
    return r->reason == NULL ? no_memory() : V2S_OK;
}

// ---- convolution ------------------------------------------------------------------------------

typedef struct convolution {
    size_t length; // of the transforms
    v2s_fft_real *fft;
    float *x;                  // [length]
    v2s_complex *sound, *both; // [length / 2 + 1]
} convolution;

static void convolution_close(convolution *c) {
    v2s_fft_real_close(&c->fft);
    v2s_fft_free(c->x);
    v2s_fft_free(c->sound);
    v2s_fft_free(c->both);
}

static v2s_status convolution_open(size_t frames, convolution *c) {
    c->length = v2s_fft_length_above(frames);
    if (c->length == 0)
        return V2S_FAIL(V2S_FORMAT, "too long: %zu samples of sound and response", frames);
    c->x = v2s_fft_alloc(c->length, sizeof *c->x);
    c->sound = v2s_fft_alloc(c->length / 2 + 1, sizeof *c->sound);
    c->both = v2s_fft_alloc(c->length / 2 + 1, sizeof *c->both);
    if (c->x == NULL || c->sound == NULL || c->both == NULL)
        return no_memory();
    return v2s_fft_real_open(c->length, &c->fft);
}

// Channel `channel` of out [frames][4] = (sound * response)(t + skip).
static void convolve(convolution *c, const samples *response, size_t channel, size_t skip,
                     size_t frames, float *out) {
    memset(c->x, 0, c->length * sizeof *c->x);
    for (size_t t = 0; t < response->frames; t++)
        c->x[t] = response->x[V2S_FOA_CHANNELS * t + channel];
    v2s_fft_real_forward(c->fft, c->x, c->both);
    for (size_t k = 0; k <= c->length / 2; k++) {
        v2s_complex a = c->sound[k], b = c->both[k];
        c->both[k] = (v2s_complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
    }
    v2s_fft_real_inverse(c->fft, c->both, c->x);
    for (size_t t = 0; t < frames; t++)
        out[V2S_FOA_CHANNELS * t + channel] = c->x[t + skip];
}

static v2s_status convolve_all(const samples *sound, const samples *response, size_t skip,
                               size_t frames, float *truth) {
    convolution c = {0};
    v2s_status status = convolution_open(sound->frames + response->frames - 1, &c);
    if (status == V2S_OK) {
        memset(c.x, 0, c.length * sizeof *c.x);
        memcpy(c.x, sound->x, sound->frames * sizeof *c.x);
        v2s_fft_real_forward(c.fft, c.x, c.sound);
        for (size_t channel = 0; channel < V2S_FOA_CHANNELS; channel++)
            convolve(&c, response, channel, skip, frames, truth);
    }
    convolution_close(&c);
    return status;
}

// ---- clips ------------------------------------------------------------------------------------

static v2s_status read_sound(const char *path, double rate_hz, samples *s) {
    V2S_TRY(read_samples(path, 1, V2S_LONGEST_SOUND_S, s));
    float *converted = NULL;
    size_t frames = 0;
    V2S_TRY(v2s_resample(s->x, s->frames, 1, s->rate_hz, rate_hz, &converted, &frames));
    free(s->x);
    s->x = converted;
    s->frames = frames;
    return frames > 0 ? V2S_OK : V2S_FAIL(V2S_FORMAT, "%s: no sample at %g Hz", path, rate_hz);
}

static double peak_of(const float *x, size_t count) {
    double peak = 0;
    for (size_t i = 0; i < count; i++)
        peak = fmax(peak, fabs((double)x[i]));
    return peak;
}

static void scale(float *x, size_t count, double gain) {
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(gain * x[i]);
}

static v2s_status write_sound(const char *path, double rate_hz, int channels, const float *x,
                              size_t frames) {
    v2s_sound_out *out = NULL;
    V2S_TRY(v2s_sound_out_open(path, rate_hz, channels, V2S_FLOAT32, (int64_t)frames, &out));
    v2s_sound_out_defer_sync(out);
    v2s_status status = v2s_sound_out_write(out, x, frames);
    if (status == V2S_OK)
        status = v2s_sound_out_commit(out, NULL, NULL);
    v2s_sound_out_close(&out);
    return status;
}

static v2s_status make(const v2s_response *r, double gain, samples *sound, const samples *response,
                       v2s_response_clip *clip) {
    size_t frames = sound->frames + response->frames - 1 - r->first.arrival;
    float *truth = malloc(frames * V2S_FOA_CHANNELS * sizeof *truth);
    v2s_status status = truth == NULL
                            ? no_memory()
                            : convolve_all(sound, response, r->first.arrival, frames, truth);
    if (status == V2S_OK) {
        double peak = fmax(fabs(gain) * peak_of(truth, V2S_FOA_CHANNELS * frames),
                           peak_of(sound->x, sound->frames));
        double softer = peak > PEAK_LIMIT ? PEAK_LIMIT / peak : 1;
        scale(truth, V2S_FOA_CHANNELS * frames, gain * softer);
        scale(sound->x, sound->frames, softer);
        clip->duration_s = (double)frames / r->rate_hz;
        status = write_sound(clip->truth, r->rate_hz, V2S_FOA_CHANNELS, truth, frames);
    }
    if (status == V2S_OK)
        status = write_sound(clip->dry, r->rate_hz, 1, sound->x, sound->frames);
    free(truth);
    return status;
}

v2s_status v2s_response_clip_make(const v2s_response *r, const char *sound, double gain,
                                  v2s_response_clip *clip) {
    samples s = {0}, response = {0};
    v2s_status status = read_sound(sound, r->rate_hz, &s);
    if (status == V2S_OK)
        status = read_response(r->path, &response);
    if (status == V2S_OK)
        status = make(r, gain, &s, &response, clip);
    samples_free(&s);
    samples_free(&response);
    return status;
}
