// SPDX-License-Identifier: MIT
#include "infer/stimulus.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <ebur128.h>

#include "data/sound_out.h"
#include "kernels/convolver.h"
#include "spatial/conventions.h"
#include "spatial/kaiser.h"

enum {
    C = V2S_STIMULUS_CHANNELS,
    HALF = 200, // taps on each side: 60 dB within 0.5 kHz at 48 kHz
    TAPS = 2 * HALF + 1,
    ROUNDS = 4, // of matching: the gates move a little with the level
};

static const double edge_hz = 3750; // half way between 3.5 and 4 kHz
static const double beta = 5.65;    // 60 dB
static const double fade_s = 0.01, near_lu = 0.05;

v2s_status v2s_stimulus_loudness(const float *stereo, size_t frames, double *lufs) {
    ebur128_state *state = ebur128_init(C, (unsigned long)V2S_STIMULUS_RATE_HZ, EBUR128_MODE_I);
    double value = -HUGE_VAL;
    if (state == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    int error = ebur128_add_frames_float(state, stereo, frames);
    if (error == EBUR128_SUCCESS)
        error = ebur128_loudness_global(state, &value);
    ebur128_destroy(&state);
    if (error == EBUR128_ERROR_NOMEM)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    *lufs = error == EBUR128_SUCCESS && isfinite(value) ? value : NAN;
    return V2S_OK;
}

v2s_status v2s_stimulus_match(float *stereo, size_t frames, double lufs, double *gain_db) {
    double total_db = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double now = NAN;
        V2S_TRY(v2s_stimulus_loudness(stereo, frames, &now));
        // So soft that the absolute gate of -70 LUFS closes: louder first.
        double step_db = isfinite(now) ? lufs - now : 40;
        if (isfinite(now) && fabs(step_db) < near_lu) {
            *gain_db = total_db;
            return V2S_OK;
        }
        for (size_t i = 0; i < frames * C; i++)
            stereo[i] *= (float)pow(10, step_db / 20);
        total_db += step_db;
    }
    return V2S_FAIL(V2S_FORMAT, "too short or too silent to have a loudness");
}

static void design_low_pass(float filters[C][C][TAPS]) {
    double sum = 0, taps[TAPS];
    for (int i = 0; i < TAPS; i++) {
        double t = i - HALF, x = 2 * V2S_PI * edge_hz / V2S_STIMULUS_RATE_HZ * t;
        taps[i] = (t == 0 ? 1 : sin(x) / x) * v2s_kaiser(t / (HALF + 0.5), beta);
        sum += taps[i];
    }
    memset(filters, 0, sizeof(float) * C * C * TAPS);
    for (int c = 0; c < C; c++)
        for (int i = 0; i < TAPS; i++)
            filters[c][c][i] = (float)(taps[i] / sum);
}

v2s_status v2s_stimulus_anchor35(const float *in, size_t frames, float *out) {
    float filters[C][C][TAPS];
    v2s_convolver *convolver = NULL;
    design_low_pass(filters);
    V2S_TRY(v2s_convolver_open(C, C, TAPS, &filters[0][0][0], &convolver));
    size_t late = HALF + v2s_convolver_latency_frames(convolver);
    float *room = calloc((frames + late) * C, sizeof *room);
    float *zeros = calloc(late * C, sizeof *zeros);
    v2s_status status =
        room != NULL && zeros != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK) {
        v2s_convolver_process(convolver, in, frames, room);
        v2s_convolver_process(convolver, zeros, late, room + frames * C);
        memcpy(out, room + late * C, frames * C * sizeof *out);
    }
    free(room);
    free(zeros);
    v2s_convolver_close(&convolver);
    return status;
}

void v2s_stimulus_mono(const float *in, size_t frames, float *out) {
    for (size_t i = 0; i < frames; i++)
        out[C * i] = out[C * i + 1] = 0.5f * (in[C * i] + in[C * i + 1]);
}

void v2s_stimulus_fade(float *stereo, size_t frames) {
    size_t length = (size_t)(fade_s * V2S_STIMULUS_RATE_HZ);
    length = length < frames / 2 ? length : frames / 2;
    for (size_t i = 0; i < length; i++) {
        float gain = (float)(0.5 - 0.5 * cos(V2S_PI * ((double)i + 0.5) / (double)length));
        for (size_t c = 0; c < C; c++) {
            stereo[C * i + c] *= gain;
            stereo[C * (frames - 1 - i) + c] *= gain;
        }
    }
}

double v2s_stimulus_peak(const float *stereo, size_t frames) {
    double peak = 0;
    for (size_t i = 0; i < frames * C; i++)
        peak = fmax(peak, fabs((double)stereo[i]));
    return peak;
}

v2s_status v2s_stimulus_write(const char *path, const float *stereo, size_t frames, double gain,
                              size_t length) {
    float block[C * 4096];
    v2s_sound_out *out = NULL;
    V2S_TRY(v2s_sound_out_open(path, V2S_STIMULUS_RATE_HZ, C, V2S_S24, (int64_t)length, &out));
    v2s_sound_out_defer_sync(out); // the folder is waited for as a whole
    v2s_status status = V2S_OK;
    for (size_t done = 0, n = 0; status == V2S_OK && done < length; done += n) {
        n = length - done < 4096 ? length - done : 4096;
        for (size_t i = 0; i < n * C; i++)
            block[i] = done + i / C < frames ? (float)(gain * stereo[done * C + i]) : 0;
        status = v2s_sound_out_write(out, block, n);
    }
    if (status == V2S_OK)
        status = v2s_sound_out_commit(out, NULL, NULL);
    v2s_sound_out_close(&out);
    return status;
}
