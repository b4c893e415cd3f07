// SPDX-License-Identifier: MIT
#include "train/stretch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/sound_in.h"
#include "kernels/base/cancel.h"
#include "kernels/resample.h"
#include "spatial/conventions.h"

enum { DRAWS = 10, MAX_RECORDING_S = 60, BLOCK_FRAMES = 1 << 14 };

static const double FADE_S = 0.003, SHORTEST_S = 0.05, QUIET_BELOW_PEAK = 0.003; // -50 dB
static const double PAUSE_LOW_S = 0.05, PAUSE_HIGH_S = 0.8, BLOCK_S = 0.02;
static const double RUMBLE_HZ = 40, SILENCE = 1e-4,
                    ACTIVE_RANGE = 1e-3; // -80 dBFS; -30 dB as power

typedef struct recording {
    float *samples; // malloc
    size_t frames;
    double rate_hz;
} recording;

double v2s_active_rms(const float *mono, size_t frames, double rate_hz) {
    size_t block = (size_t)(BLOCK_S * rate_hz) + 1;
    double loudest = 0, sum = 0;
    size_t counted = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t at = 0; at < frames; at += block) {
            size_t n = frames - at < block ? frames - at : block;
            double power = 0;
            for (size_t i = 0; i < n; i++)
                power += (double)mono[at + i] * mono[at + i];
            if (pass == 0 && power > loudest)
                loudest = power;
            if (pass == 1 && loudest > 0 && power >= ACTIVE_RANGE * loudest) {
                sum += power;
                counted += n;
            }
        }
    return counted > 0 ? sqrt(sum / (double)counted) : 0;
}

// ---- one recording ----------------------------------------------------------------------------

static v2s_status read_all(v2s_sound_in *in, recording *r) {
    size_t most = (size_t)(MAX_RECORDING_S * r->rate_hz), capacity = 0, got = 1;
    const int channels = v2s_sound_in_info(in)->channels;
    const v2s_mono_choice choice = {.channel = channels > 2 ? 0 : -1};
    while (got > 0 && r->frames < most) {
        if (capacity - r->frames < BLOCK_FRAMES) {
            capacity = 2 * capacity + BLOCK_FRAMES;
            float *grown = realloc(r->samples, capacity * sizeof *grown);
            if (grown == NULL)
                return V2S_FAIL(V2S_NOMEM, "out of memory");
            r->samples = grown;
        }
        V2S_TRY(v2s_sound_in_read_mono(in, choice, r->samples + r->frames, BLOCK_FRAMES, &got));
        r->frames += got;
    }
    return V2S_OK;
}

// Fourth-order Butterworth high-pass, from the steady state of the first sample on. A microphone
// passes no pressure that stands still, but some recordings hold one that is louder than all
// else; an image-source room would raise it by 20 dB and more.
static void remove_rumble(recording *r) {
    static const double Q[2] = {0.54119610014619698,
                                1.3065629648763766}; // 1 / (2 cos(pi/8)), 3pi/8
    double w = 2 * V2S_PI * RUMBLE_HZ / r->rate_hz, first = r->frames > 0 ? r->samples[0] : 0;
    for (int k = 0; k < 2; k++) {
        // R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients", HPF;
        // transposed direct form II.
        double alpha = sin(w) / (2 * Q[k]), a0 = 1 + alpha, b = (1 + cos(w)) / 2 / a0;
        double a1 = -2 * cos(w) / a0, a2 = (1 - alpha) / a0, s1 = 0, s2 = 0;
        for (size_t i = 0; i < r->frames; i++) {
            double x = (double)r->samples[i] - first, y = b * x + s1;
            s1 = -2 * b * x - a1 * y + s2;
            s2 = b * x - a2 * y;
            r->samples[i] = (float)y;
        }
        first = 0;
    }
}

// Cuts off what is quiet at both ends; FORMAT for silence and for what is too short.
static v2s_status trim(const char *path, recording *r) {
    float peak = 0;
    for (size_t i = 0; i < r->frames; i++) {
        float x = fabsf(r->samples[i]);
        peak = x > peak ? x : peak;
    }
    if (peak < SILENCE)
        return V2S_FAIL(V2S_FORMAT, "%s: is silent", path);
    float quiet = (float)QUIET_BELOW_PEAK * peak;
    size_t first = 0, end = r->frames;
    while (fabsf(r->samples[first]) < quiet)
        first++;
    while (fabsf(r->samples[end - 1]) < quiet)
        end--;
    r->frames = end - first;
    memmove(r->samples, r->samples + first, r->frames * sizeof *r->samples);
    if ((double)r->frames < SHORTEST_S * r->rate_hz)
        return V2S_FAIL(V2S_FORMAT, "%s: is shorter than %g s", path, SHORTEST_S);
    return V2S_OK;
}

static v2s_status load(const char *path, recording *r) {
    v2s_sound_in *in = NULL;
    *r = (recording){0};
    V2S_TRY(v2s_sound_in_open(path, &in));
    r->rate_hz = v2s_sound_in_info(in)->rate_hz;
    v2s_status status = read_all(in, r);
    v2s_sound_in_close(&in);
    if (status == V2S_OK && r->frames == 0)
        status = V2S_FAIL(V2S_FORMAT, "%s: has no samples", path);
    if (status == V2S_OK) {
        remove_rumble(r);
        status = trim(path, r);
    }
    if (status != V2S_OK) {
        free(r->samples);
        *r = (recording){0};
    }
    return status;
}

// A place for `frames` of a longer recording where it is not (nearly) silent.
static size_t crop_start(const recording *r, size_t frames, v2s_rng *rng) {
    enum { TRIES = 8 };
    double whole = v2s_active_rms(r->samples, r->frames, r->rate_hz), best = -1;
    size_t start = 0;
    for (int i = 0; i < TRIES; i++) {
        size_t at = (size_t)v2s_rng_below(rng, r->frames - frames + 1);
        double level = v2s_active_rms(r->samples + at, frames, r->rate_hz);
        if (level > best) {
            best = level;
            start = at;
        }
        if (level > 0.3 * whole)
            break;
    }
    return start;
}

// Puts the recording (or a part of it, if it is longer) at mono[*at]; *at moves to its end.
static v2s_status place(const recording *r, double rate_hz, size_t frames, v2s_rng *rng,
                        float *mono, size_t *at) {
    size_t room = (size_t)((double)(frames - *at) * r->rate_hz / rate_hz) + 1;
    size_t start = r->frames > room ? crop_start(r, room, rng) : 0;
    size_t taken = r->frames > room ? room : r->frames, n = 0;
    float *made = NULL;
    V2S_TRY(v2s_resample(r->samples + start, taken, 1, r->rate_hz, rate_hz, &made, &n));
    if (n > frames - *at)
        n = frames - *at;
    size_t fade = (size_t)(FADE_S * rate_hz);
    fade = fade < n / 2 ? fade : n / 2;
    for (size_t i = 0; i < fade; i++) {
        float gain = (float)(i + 1) / (float)(fade + 1);
        made[i] *= gain;
        made[n - 1 - i] *= gain;
    }
    memcpy(mono + *at, made, n * sizeof *mono);
    *at += n;
    free(made);
    return V2S_OK;
}

// ---- choosing ---------------------------------------------------------------------------------

static size_t files_of_kind(const v2s_sounds *s, v2s_split split, size_t kind) {
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++)
        n += s->files[i].kind == kind && s->files[i].split == split;
    return n;
}

// A kind, by the square root of its files, then one of these. The split has a file.
static size_t draw_file(const v2s_sounds *s, v2s_split split, v2s_rng *rng) {
    double total = 0;
    for (size_t k = 0; k < s->kind_count; k++)
        total += sqrt((double)files_of_kind(s, split, k));
    double left = v2s_rng_uniform(rng) * total;
    size_t kind = 0, file = 0, n;
    for (size_t k = 0; k < s->kind_count; k++) {
        if ((n = files_of_kind(s, split, k)) == 0)
            continue;
        kind = k;
        left -= sqrt((double)n);
        if (left < 0)
            break;
    }
    n = (size_t)v2s_rng_below(rng, files_of_kind(s, split, kind));
    for (size_t i = 0; i < s->count; i++)
        if (s->files[i].kind == kind && s->files[i].split == split && n-- == 0)
            file = i;
    return file;
}

static size_t folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? (size_t)(slash - path) : 0;
}

// `n` is folder_length(a->path).
static bool are_neighbours(const v2s_sound_file *a, size_t n, const v2s_sound_file *b) {
    return a->split == b->split && strncmp(a->path, b->path, n) == 0 && folder_length(b->path) == n;
}

// Another file of the same folder and split (the file itself, if it is alone).
static size_t draw_neighbour(const v2s_sounds *s, size_t file, v2s_rng *rng) {
    const v2s_sound_file *self = &s->files[file];
    size_t n = 0, length = folder_length(self->path);
    for (size_t i = 0; i < s->count; i++)
        n += are_neighbours(self, length, &s->files[i]);
    size_t pick = (size_t)v2s_rng_below(rng, n);
    for (size_t i = 0; i < s->count; i++)
        if (are_neighbours(self, length, &s->files[i]) && pick-- == 0)
            return i;
    return file;
}

static void note_file(v2s_stretch *stretch, size_t file) {
    for (size_t i = 0; i < stretch->count; i++)
        if (stretch->files[i] == file)
            return;
    stretch->files[stretch->count++] = file;
}

// ---- the stretch ------------------------------------------------------------------------------

static v2s_status fill(const v2s_sounds *sounds, size_t file, double rate_hz, size_t frames,
                       v2s_rng *rng, float *mono, v2s_stretch *stretch) {
    bool repeats = v2s_rng_uniform(rng) < 0.4;
    size_t at = 0;
    recording r = {0};
    V2S_TRY(load(sounds->files[file].path, &r));
    if ((double)r.frames / r.rate_hz < (double)frames / rate_hz && v2s_rng_uniform(rng) < 0.5)
        at = (size_t)(v2s_rng_between(rng, 0, 0.3) * fmin(rate_hz, (double)frames));
    v2s_status status = V2S_OK;
    while (at < frames) {
        status = place(&r, rate_hz, frames, rng, mono, &at);
        if (status != V2S_OK)
            break;
        note_file(stretch, file);
        at += (size_t)(v2s_rng_between(rng, PAUSE_LOW_S, PAUSE_HIGH_S) * rate_hz);
        if (repeats || at >= frames || stretch->count == V2S_STRETCH_MAX)
            continue;
        size_t next = draw_neighbour(sounds, file, rng);
        recording other = {0};
        if (next == file || load(sounds->files[next].path, &other) != V2S_OK)
            continue; // what cannot be used is reported when it is drawn as the first
        free(r.samples);
        r = other;
        file = next;
    }
    free(r.samples);
    return status;
}

// The split's next file after this one, around the end.
static size_t next_of_split(const v2s_sounds *s, v2s_split split, size_t file) {
    do
        file = (file + 1) % s->count;
    while (s->files[file].split != split);
    return file;
}

v2s_status v2s_stretch_draw(const v2s_sounds *sounds, v2s_split split, double rate_hz,
                            size_t frames, v2s_rng *rng, float *mono, v2s_stretch *stretch) {
    char last[V2S_ERROR_TEXT_MAX] = "";
    size_t file = 0, files = 0;
    *stretch = (v2s_stretch){0};
    for (size_t k = 0; k < sounds->kind_count; k++)
        files += files_of_kind(sounds, split, k);
    if (files == 0)
        return V2S_FAIL(V2S_ARG, "no sound for the %s split", v2s_split_name(split));
    for (size_t failures = 0; failures < DRAWS + files; failures++) {
        file =
            failures < DRAWS ? draw_file(sounds, split, rng) : next_of_split(sounds, split, file);
        memset(mono, 0, frames * sizeof *mono);
        stretch->count = 0;
        V2S_TRY(v2s_cancel_check());
        v2s_status status = fill(sounds, file, rate_hz, frames, rng, mono, stretch);
        if (status == V2S_OK && v2s_active_rms(mono, frames, rate_hz) > 0)
            return V2S_OK;
        if (status == V2S_NOMEM || status == V2S_CANCELLED)
            return status;
        if (status == V2S_OK)
            v2s_fail(V2S_FORMAT, "%s: is silent", sounds->files[file].path);
        v2s_error_save(last);
        if (stretch->unusable == NULL)
            stretch->unusable = strdup(last);
    }
    return V2S_FAIL(V2S_FORMAT, "no recording of the %s split can be used; the last: %.300s",
                    v2s_split_name(split), last);
}
