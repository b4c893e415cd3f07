// SPDX-License-Identifier: MIT
#include "data/echo.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/bilinear.h"
#include "data/npy.h"
#include "data/sound_in.h"
#include "kernels/resample.h"
#include "kernels/stft.h"

enum {
    EARS = 2,
    POINTS = 512,
    WINDOW = 64,
    MAX_SAMPLES = 1 << 24,
    MAX_SIZE = 1 << 12,
    MAX_RATIO = 64,            // of sample rates
    CLIPPED_RUN = 3,           // a peak may touch full scale, a clipped one stays there
    RESAMPLER_REACH = 1 << 13, // samples (of the lower rate) behind the last one that it can see
};

static const v2s_stft_config TRANSFORM = {
    .n = POINTS, .hop = V2S_ECHO_HOP, .win = WINDOW, .pad = V2S_STFT_REFLECT_PAD};
static const float FULL_SCALE = 32767.0f / 32768.0f; // the largest positive of 16 bits

struct v2s_echo {
    v2s_echo_config config;
    int samples, frames;
    v2s_bilinear_tap *rows; // [size] among the bins
    v2s_bilinear_tap *cols; // [size] among the frames
};

// In the published order, so that it rounds to the same integer. 0: out of range.
int v2s_echo_samples(const v2s_echo_config *c) {
    double n = 2.0 * c->max_depth_m / V2S_ECHO_SOUND_SPEED * c->rate_hz;
    return n >= 0 && n <= MAX_SAMPLES ? (int)n : 0;
}

static v2s_status check_config(const v2s_echo_config *c) {
    if (c->size < 1 || c->size > MAX_SIZE)
        return V2S_FAIL(V2S_ARG, "spectrogram size: expected 1 to %d, found %d", MAX_SIZE, c->size);
    if (v2s_echo_samples(c) < V2S_ECHO_LEAST_SAMPLES)
        return V2S_FAIL(V2S_ARG,
                        "echoes up to %g m at %d Hz: expected %d to %d samples, found %.0f",
                        c->max_depth_m, c->rate_hz, V2S_ECHO_LEAST_SAMPLES, MAX_SAMPLES,
                        2.0 * c->max_depth_m / V2S_ECHO_SOUND_SPEED * c->rate_hz);
    return V2S_OK;
}

v2s_status v2s_echo_open(const v2s_echo_config *config, v2s_echo **out) {
    V2S_TRY(check_config(config));
    v2s_echo *e = calloc(1, sizeof *e);
    if (e == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    e->config = *config;
    e->samples = v2s_echo_samples(config);
    e->frames = v2s_stft_config_frames(&TRANSFORM, e->samples);
    e->rows = calloc((size_t)config->size, sizeof *e->rows);
    e->cols = calloc((size_t)config->size, sizeof *e->cols);
    if (e->rows == NULL || e->cols == NULL) {
        v2s_echo_close(&e);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    for (int i = 0; i < config->size; i++) {
        e->rows[i] = v2s_bilinear_tap_of(i, V2S_ECHO_BINS, config->size);
        e->cols[i] = v2s_bilinear_tap_of(i, e->frames, config->size);
    }
    *out = e;
    return V2S_OK;
}

void v2s_echo_close(v2s_echo **echo) {
    v2s_echo *e = *echo;
    if (e == NULL)
        return;
    free(e->rows);
    free(e->cols);
    free(e);
    *echo = NULL;
}

// ---- spectrogram ------------------------------------------------------------------------------

// |X| [frames][bins] over X [frames][bins][2], in place.
static void take_magnitudes(size_t count, float *X) {
    for (size_t i = 0; i < count; i++)
        X[i] = sqrtf(X[2 * i] * X[2 * i] + X[2 * i + 1] * X[2 * i + 1]);
}

// x [size,size], rows of frequency, from |X| [frames][bins].
static void resize(const v2s_echo *e, const float *magnitudes, float *x) {
    const int size = e->config.size;
    for (int j = 0; j < size; j++) {
        const float *low = magnitudes + (size_t)e->cols[j].low * V2S_ECHO_BINS;
        const float *high = magnitudes + (size_t)e->cols[j].high * V2S_ECHO_BINS;
        for (int i = 0; i < size; i++) {
            v2s_bilinear_tap t = e->rows[i];
            x[(size_t)i * (size_t)size + (size_t)j] =
                v2s_bilinear_mix(e->cols[j], v2s_bilinear_mix(t, low[t.low], low[t.high]),
                                 v2s_bilinear_mix(t, high[t.low], high[t.high]));
        }
    }
}

// A transform of its own for each call lets threads share `e`; opening one costs less than a tenth
// of its work here.
v2s_status v2s_echo_spectrogram(const v2s_echo *e, const float *samples, float *x) {
    v2s_stft *transform = NULL;
    size_t count = (size_t)e->frames * V2S_ECHO_BINS;
    float *X = malloc(2 * count * sizeof *X);
    v2s_status status =
        X == NULL ? V2S_FAIL(V2S_NOMEM, "out of memory") : v2s_stft_open(&TRANSFORM, &transform);
    if (status == V2S_OK) {
        v2s_stft_forward(transform, e->samples, samples, X);
        take_magnitudes(count, X);
        resize(e, X, x);
    }
    v2s_stft_close(&transform);
    free(X);
    return status;
}

// ---- sound ------------------------------------------------------------------------------------

// n samples of one ear that lie `stride` apart.
static bool is_clipped(const float *x, size_t n, size_t stride) {
    int run = 0;
    float last = 0;
    for (size_t i = 0; i < n; i++) {
        float v = x[i * stride];
        bool full = fabsf(v) >= FULL_SCALE;
        run = full && v * last > 0 ? run + 1 : full;
        last = v;
        if (run >= CLIPPED_RUN)
            return true;
    }
    return false;
}

static bool is_silent(const float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (x[i] != 0)
            return false;
    return true;
}

static v2s_status check_found(const v2s_echo *e, const char *path, size_t found) {
    if (found < V2S_ECHO_LEAST_SAMPLES)
        return V2S_FAIL(V2S_FORMAT, "%s: expected at least %d samples at %d Hz, found %zu", path,
                        V2S_ECHO_LEAST_SAMPLES, e->config.rate_hz, found);
    return V2S_OK;
}

static v2s_status check_sound(const v2s_echo *e, const char *path, const v2s_sound_info *info) {
    if (info->channels != EARS)
        return V2S_FAIL(V2S_FORMAT, "%s: expected 2 channels (left and right ear), found %d", path,
                        info->channels);
    if (info->rate_hz != e->config.rate_hz && !e->config.resample)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: expected %d Hz, which the network works at, found %g Hz (--resample "
                        "converts)",
                        path, e->config.rate_hz, info->rate_hz);
    double ratio = info->rate_hz / e->config.rate_hz;
    if (!(ratio >= 1.0 / MAX_RATIO && ratio <= MAX_RATIO))
        return V2S_FAIL(V2S_FORMAT, "%s: sampled at %g Hz, which cannot be converted to %d Hz",
                        path, info->rate_hz, e->config.rate_hz);
    return V2S_OK;
}

// Up to `wanted` frames [][2] from the start.
static v2s_status read_frames(v2s_sound_in *in, size_t wanted, float **frames, size_t *count) {
    size_t got = 1;
    *frames = malloc((wanted + 1) * EARS * sizeof **frames);
    if (*frames == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (*count = 0; got > 0 && *count < wanted; *count += got)
        V2S_TRY(v2s_sound_in_read(in, *frames + *count * EARS, wanted - *count, &got));
    return V2S_OK;
}

// Frames at the network's rate; at most a little more than count.
static v2s_status load_frames(const v2s_echo *e, v2s_sound_in *in, float **frames, size_t *count,
                              v2s_echo_notes *notes) {
    double from_hz = v2s_sound_in_info(in)->rate_hz, to_hz = e->config.rate_hz;
    bool same = from_hz == to_hz;
    double ratio = from_hz / to_hz, reach = RESAMPLER_REACH * fmax(1, ratio);
    double wanted = same ? e->samples : ceil(e->samples * ratio + reach);
    V2S_TRY(read_frames(in, (size_t)wanted, frames, count));
    notes->clipped = is_clipped(*frames, *count, EARS) || is_clipped(*frames + 1, *count, EARS);
    if (same || *count == 0)
        return V2S_OK;
    float *converted = NULL;
    V2S_TRY(v2s_resample(*frames, *count, EARS, from_hz, to_hz, &converted, count));
    free(*frames);
    *frames = converted;
    notes->resampled_from = (int)lround(from_hz);
    return V2S_OK;
}

static v2s_status load_sound(const v2s_echo *e, const char *path, float *ears,
                             v2s_echo_notes *notes) {
    v2s_sound_in *in = NULL;
    float *frames = NULL;
    size_t count = 0, n = (size_t)e->samples;
    V2S_TRY(v2s_sound_in_open(path, &in));
    v2s_status status = check_sound(e, path, v2s_sound_in_info(in));
    if (status == V2S_OK)
        status = load_frames(e, in, &frames, &count, notes);
    v2s_sound_in_close(&in);
    if (status == V2S_OK)
        status = check_found(e, path, count);
    notes->found_samples = count < n ? count : n;
    for (size_t i = 0; status == V2S_OK && i < notes->found_samples; i++)
        for (size_t ear = 0; ear < EARS; ear++)
            ears[ear * n + i] = frames[EARS * i + ear];
    free(frames);
    return status;
}

// ---- arrays -----------------------------------------------------------------------------------

static v2s_status check_array(const v2s_echo *e, const char *path, const v2s_npy *a) {
    size_t longest = 1;
    for (int d = 0; d < V2S_NPY_RANK_MAX; d++)
        longest = a->dim[d] > longest ? a->dim[d] : longest;
    if (a->count != longest && a->count != 0)
        return V2S_FAIL(V2S_FORMAT, "%s: expected the samples of one ear, found %d dimensions",
                        path, a->rank);
    if (a->kind == V2S_NPY_UNSIGNED)
        return V2S_FAIL(V2S_FORMAT, "%s: expected floats or signed integers, found unsigned ones",
                        path);
    return check_found(e, path, a->count);
}

static v2s_status copy_array(const v2s_echo *e, const char *path, const v2s_npy *a, float *ear,
                             size_t *found) {
    V2S_TRY(check_array(e, path, a));
    size_t n = (size_t)e->samples;
    double scale = a->kind == V2S_NPY_FLOAT ? 1 : ldexp(1, 1 - 8 * a->bytes);
    *found = a->count < n ? a->count : n;
    for (size_t i = 0; i < *found; i++) {
        ear[i] = (float)(scale * a->values[i]);
        if (!isfinite(ear[i]))
            return V2S_FAIL(V2S_NUMERIC, "%s: sample %zu is not a finite number", path, i);
    }
    return V2S_OK;
}

static v2s_status load_array(const v2s_echo *e, const char *path, float *ear, size_t *found) {
    v2s_npy a = {0};
    V2S_TRY(v2s_npy_read(path, MAX_SAMPLES, &a));
    v2s_status status = copy_array(e, path, &a, ear, found);
    v2s_npy_free(&a);
    return status;
}

static v2s_status load_arrays(const v2s_echo *e, const char *const path[EARS], float *ears,
                              v2s_echo_notes *notes) {
    size_t n = (size_t)e->samples, found[EARS] = {0};
    for (int ear = 0; ear < EARS; ear++) {
        float *x = ears + (size_t)ear * n;
        V2S_TRY(load_array(e, path[ear], x, &found[ear]));
        notes->clipped |= is_clipped(x, found[ear], 1);
    }
    notes->found_samples = found[0] < found[1] ? found[0] : found[1];
    return V2S_OK;
}

v2s_status v2s_echo_read(const v2s_echo *e, const char *left_or_file, const char *right, float *x,
                         v2s_echo_notes *notes) {
    const char *const path[EARS] = {left_or_file, right};
    size_t n = (size_t)e->samples, size = (size_t)e->config.size;
    v2s_echo_notes found = {0};
    float *ears = calloc(EARS * n, sizeof *ears);
    if (ears == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", left_or_file);
    v2s_status status = right == NULL ? load_sound(e, left_or_file, ears, &found)
                                      : load_arrays(e, path, ears, &found);
    for (size_t ear = 0; status == V2S_OK && ear < EARS; ear++) {
        found.silent |= is_silent(ears + ear * n, n);
        status = v2s_echo_spectrogram(e, ears + ear * n, x + ear * size * size);
    }
    free(ears);
    if (status != V2S_OK)
        return status;
    found.short_sound = found.found_samples < n;
    *notes = found;
    return V2S_OK;
}
