// SPDX-License-Identifier: MIT
#include "spatial/erb_stft.h"

#include <math.h>
#include <stdlib.h>

#include "spatial/conventions.h"

#define FRAME_S 0.032
#define TOP_HZ 8000.0

enum { POINTS = V2S_ERB_BANDS + 2 };

static double erb_rate(double hz) {
    return 21.4 * log10(1 + 0.00437 * hz);
}

static double band_step(double rate_hz) {
    return erb_rate(fmin(TOP_HZ, rate_hz / 2)) / (POINTS - 1);
}

double v2s_erb_stft_centre_hz(const v2s_erb_stft *stft, int band) {
    return (pow(10, (band + 1) * band_step(stft->rate_hz) / 21.4) - 1) / 0.00437;
}

static void make_bands(v2s_erb_stft *s) {
    double step = band_step(s->rate_hz);
    for (int k = 0; k < s->bins; k++) {
        double x = erb_rate(k * s->rate_hz / s->n) / step;
        if (x >= POINTS - 1)
            break;
        s->low[k] = (int)x;
        s->rise[k] = x - s->low[k];
        s->band_bins = k + 1;
    }
}

v2s_status v2s_erb_stft_open(double rate_hz, v2s_erb_stft **stft) {
    if (!(rate_hz >= 4e3 && rate_hz <= 4e5))
        return V2S_FAIL(V2S_ARG, "spatial statistics: expected a rate of 4 to 400 kHz, found %g Hz",
                        rate_hz);
    v2s_erb_stft *s = calloc(1, sizeof *s);
    if (s == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    s->rate_hz = rate_hz;
    s->n = 1 << (int)lround(log2(FRAME_S * rate_hz));
    s->hop = s->n / 4;
    s->bins = s->n / 2 + 1;
    s->low = calloc((size_t)s->bins, sizeof *s->low);
    s->rise = calloc((size_t)s->bins, sizeof *s->rise);
    s->window = calloc((size_t)s->n, sizeof *s->window);
    s->in = calloc((size_t)s->n, 4 * sizeof *s->in);
    s->ops = v2s_field_ops_for(v2s_cpu_isa());
    v2s_status status = v2s_lanes_fft_open(s->n, &s->fft);
    if (status == V2S_OK && (!s->low || !s->rise || !s->window || !s->in))
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status != V2S_OK) {
        v2s_erb_stft_close(&s);
        return status;
    }
    for (int i = 0; i < s->n; i++)
        s->window[i] = 0.5 - 0.5 * cos(2 * V2S_PI * i / s->n);
    make_bands(s);
    *stft = s;
    return V2S_OK;
}

size_t v2s_erb_stft_count(const v2s_erb_stft *stft, size_t sound_frames) {
    size_t n = (size_t)stft->n;
    return sound_frames < n ? 0 : (sound_frames - n) / (size_t)stft->hop + 1;
}

void v2s_erb_stft_four(v2s_erb_stft *stft, const float *interleaved, size_t t,
                       v2s_lanes_bin *spectrum) {
    stft->ops->transform(&stft->fft, stft->window, interleaved + 4 * t * (size_t)stft->hop,
                         spectrum);
}

void v2s_erb_stft_two(v2s_erb_stft *stft, const float *interleaved, size_t t, bool one,
                      v2s_lanes_bin *spectrum) {
    const float *x = interleaved + 2 * t * (size_t)stft->hop, *next = x + 2 * (size_t)stft->hop;
    for (size_t i = 0; i < (size_t)stft->n; i++) {
        float *in = stft->in + 4 * i;
        in[0] = x[2 * i];
        in[1] = x[2 * i + 1];
        in[2] = one ? 0.0F : next[2 * i];
        in[3] = one ? 0.0F : next[2 * i + 1];
    }
    stft->ops->transform(&stft->fft, stft->window, stft->in, spectrum);
}

void v2s_erb_stft_close(v2s_erb_stft **stft) {
    v2s_erb_stft *s = *stft;
    if (s == NULL)
        return;
    v2s_lanes_fft_close(&s->fft);
    free(s->in);
    free(s->window);
    free(s->rise);
    free(s->low);
    free(s);
    *stft = NULL;
}
