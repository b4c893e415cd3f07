// SPDX-License-Identifier: MIT
#include "spatial/delay_line.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/conventions.h"
#include "spatial/kaiser.h"
#include "spatial/lanes.h"

// 48 taps and beta 10: error below -98 dB up to 0.85 of Nyquist (32 taps: 0.8). 512 phases with
// linear interpolation add an error of (pi / 512)^2 / 24, -116 dB.
enum { TAPS = 2 * V2S_DELAY_HALF_TAPS, PHASES = 512, SLACK = 4096 };
#define WINDOW_BETA 10.0

struct v2s_delay_line {
    float (
        *kernel)[TAPS]; // [PHASES + 1]: row f holds the weights of samples floor - 23 .. floor + 24
    float *samples;     // [keep + SLACK], the newest at used - 1
    size_t keep;        // samples behind the newest that stay readable
    size_t used;
    int64_t written;
};

// Each row sums to 1, so that a constant stays constant while the phase moves.
static void make_row(double fraction, float row[TAPS]) {
    double weight[TAPS], sum = 0.0;
    for (int k = 0; k < TAPS; k++) {
        double x = fraction - (k - (V2S_DELAY_HALF_TAPS - 1));
        double sinc = x == 0.0 ? 1.0 : sin(V2S_PI * x) / (V2S_PI * x);
        weight[k] = sinc * v2s_kaiser(x / V2S_DELAY_HALF_TAPS, WINDOW_BETA);
        sum += weight[k];
    }
    for (int k = 0; k < TAPS; k++)
        row[k] = (float)(weight[k] / sum);
}

// Phases 0 and 1 are whole samples: exactly one weight, where sin(pi k) would leave 1e-16.
static void make_kernel(float (*kernel)[TAPS]) {
    memset(kernel, 0, (PHASES + 1) * sizeof *kernel);
    kernel[0][V2S_DELAY_HALF_TAPS - 1] = 1.0f;
    kernel[PHASES][V2S_DELAY_HALF_TAPS] = 1.0f;
    for (int p = 1; p < PHASES; p++)
        make_row((double)p / PHASES, kernel[p]);
}

v2s_status v2s_delay_line_open(size_t history_frames, v2s_delay_line **line) {
    v2s_delay_line *d = calloc(1, sizeof *d);
    if (d != NULL) {
        d->keep = history_frames + TAPS;
        d->used = d->keep; // silence before the first sample
        d->kernel = malloc((PHASES + 1) * sizeof *d->kernel);
        d->samples = calloc(d->keep + d->keep / 4 + SLACK, sizeof *d->samples);
    }
    if (d == NULL || d->kernel == NULL || d->samples == NULL) {
        v2s_delay_line_close(&d);
        return V2S_FAIL(V2S_NOMEM, "delay line: out of memory for %zu samples", history_frames);
    }
    make_kernel(d->kernel);
    *line = d;
    return V2S_OK;
}

void v2s_delay_line_write(v2s_delay_line *d, const float *x, size_t frames) {
    size_t capacity = d->keep + d->keep / 4 + SLACK;
    d->written += (int64_t)frames;
    while (frames > 0) {
        if (d->used == capacity) {
            memmove(d->samples, d->samples + d->used - d->keep, d->keep * sizeof *d->samples);
            d->used = d->keep;
        }
        size_t n = capacity - d->used < frames ? capacity - d->used : frames;
        memcpy(d->samples + d->used, x, n * sizeof *x);
        d->used += n;
        x += n;
        frames -= n;
    }
}

int64_t v2s_delay_line_written(const v2s_delay_line *d) {
    return d->written;
}

void v2s_delay_line_read(const v2s_delay_line *d, const double *position, size_t frames,
                         float *out) {
    for (size_t i = 0; i < frames; i++) {
        double whole = floor(position[i]);
        double phase = (position[i] - whole) * PHASES;
        int row = (int)phase;
        int64_t behind = d->written - 1 - ((int64_t)whole + V2S_DELAY_HALF_TAPS);
        V2S_ASSERT(behind >= 0 && (size_t)behind + TAPS <= d->used);
        const float *x = d->samples + d->used - (size_t)behind - TAPS;
        out[i] =
            v2s_lanes_dot_mix(x, d->kernel[row], d->kernel[row + 1], (float)(phase - row), TAPS);
    }
}

void v2s_delay_line_close(v2s_delay_line **line) {
    v2s_delay_line *d = *line;
    if (d == NULL)
        return;
    free(d->kernel);
    free(d->samples);
    free(d);
    *line = NULL;
}
