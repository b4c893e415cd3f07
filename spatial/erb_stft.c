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

static void make_bands(v2s_erb_stft *s) {
    double top_hz = fmin(TOP_HZ, s->rate_hz / 2), step = erb_rate(top_hz) / (POINTS - 1);
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
    s->in = v2s_fft_alloc((size_t)s->n, sizeof *s->in);
    v2s_status status = v2s_fft_real_open((size_t)s->n, &s->fft);
    if (status == V2S_OK && (!s->low || !s->rise || !s->window || !s->in))
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status != V2S_OK) {
        v2s_erb_stft_close(&s);
        return status;
    }
    for (int i = 0; i < s->n; i++)
        s->window[i] = (float)(0.5 - 0.5 * cos(2 * V2S_PI * i / s->n));
    make_bands(s);
    *stft = s;
    return V2S_OK;
}

size_t v2s_erb_stft_count(const v2s_erb_stft *stft, size_t sound_frames) {
    size_t n = (size_t)stft->n;
    return sound_frames < n ? 0 : (sound_frames - n) / (size_t)stft->hop + 1;
}

void v2s_erb_stft_frame(v2s_erb_stft *stft, const float *interleaved, int channels, int channel,
                        size_t t, v2s_complex *spectrum) {
    const float *x = interleaved + t * (size_t)stft->hop * (size_t)channels + channel;
    for (int i = 0; i < stft->n; i++)
        stft->in[i] = stft->window[i] * x[(size_t)i * (size_t)channels];
    v2s_fft_real_forward(stft->fft, stft->in, spectrum);
}

void v2s_erb_stft_close(v2s_erb_stft **stft) {
    v2s_erb_stft *s = *stft;
    if (s == NULL)
        return;
    v2s_fft_real_close(&s->fft);
    v2s_fft_free(s->in);
    free(s->window);
    free(s->rise);
    free(s->low);
    free(s);
    *stft = NULL;
}
