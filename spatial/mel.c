// SPDX-License-Identifier: MIT
#include "spatial/mel.h"

#include <math.h>
#include <stdlib.h>

#include "kernels/fft_f64.h"
#include "spatial/conventions.h"

enum { FFT = 2048, HOP = 512, BINS = FFT / 2 + 1 };

struct v2s_mel {
    size_t mels;
    double *point_hz;          // [mels + 2]
    double *bin_hz;            // [BINS]
    double *window, *in;       // [FFT]
    v2s_complex_f64 *spectrum; // [BINS]
    v2s_fft_real_f64 *fft;
};

#define LINEAR_HZ (200.0 / 3)
#define BREAK_MEL 15.0 // at 1 kHz
#define LOG_STEP (log(6.4) / 27)

static double mel_of(double hz) {
    return hz < BREAK_MEL * LINEAR_HZ ? hz / LINEAR_HZ
                                      : BREAK_MEL + log(hz / (BREAK_MEL * LINEAR_HZ)) / LOG_STEP;
}

static double hz_of(double mel) {
    return mel < BREAK_MEL ? mel * LINEAR_HZ
                           : BREAK_MEL * LINEAR_HZ * exp(LOG_STEP * (mel - BREAK_MEL));
}

v2s_status v2s_mel_open(double rate_hz, size_t mels, double top_hz, v2s_mel **mel) {
    v2s_mel *m = calloc(1, sizeof *m);
    if (m == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    m->mels = mels;
    m->point_hz = malloc((mels + 2) * sizeof *m->point_hz);
    m->bin_hz = malloc(BINS * sizeof *m->bin_hz);
    m->window = malloc(FFT * sizeof *m->window);
    m->in = malloc(FFT * sizeof *m->in);
    m->spectrum = malloc(BINS * sizeof *m->spectrum);
    v2s_status status = v2s_fft_real_f64_open(FFT, &m->fft);
    if (status == V2S_OK && (!m->point_hz || !m->bin_hz || !m->window || !m->in || !m->spectrum))
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status != V2S_OK) {
        v2s_mel_close(&m);
        return status;
    }
    for (size_t i = 0; i < mels + 2; i++)
        m->point_hz[i] = hz_of(mel_of(top_hz) * (double)i / (double)(mels + 1));
    for (int k = 0; k < BINS; k++)
        m->bin_hz[k] = k * rate_hz / FFT;
    for (int i = 0; i < FFT; i++)
        m->window[i] = 0.5 - 0.5 * cos(2 * V2S_PI * i / FFT);
    *mel = m;
    return V2S_OK;
}

size_t v2s_mel_count(size_t samples) {
    return 1 + samples / HOP;
}

// Sample `at` of a sound that is reflected at its ends, as often as it takes.
static double reflected(const double *x, ptrdiff_t at, ptrdiff_t samples) {
    ptrdiff_t period = samples > 1 ? 2 * (samples - 1) : 1;
    at = (at % period + period) % period;
    return x[at < samples ? at : period - at];
}

// The triangle's sum over the power spectrum; bins in front of `*first` lie below it.
static double collect(const v2s_mel *m, size_t band, int *first) {
    double low = m->point_hz[band], peak = m->point_hz[band + 1], high = m->point_hz[band + 2];
    double sum = 0;
    while (*first < BINS && m->bin_hz[*first] < low)
        (*first)++;
    for (int k = *first; k < BINS && m->bin_hz[k] < high; k++) {
        double f = m->bin_hz[k], re = m->spectrum[k].re, im = m->spectrum[k].im;
        double weight = fmin((f - low) / (peak - low), (high - f) / (high - peak));
        sum += weight * (re * re + im * im);
    }
    return sum * 2 / (high - low);
}

void v2s_mel_frame(v2s_mel *m, const double *x, size_t samples, size_t t, double *out) {
    ptrdiff_t start = (ptrdiff_t)(t * HOP) - FFT / 2;
    int first = 0;
    for (int i = 0; i < FFT; i++)
        m->in[i] = m->window[i] * reflected(x, start + i, (ptrdiff_t)samples);
    v2s_fft_real_f64_forward(m->fft, m->in, m->spectrum);
    for (size_t band = 0; band < m->mels; band++)
        out[band] = collect(m, band, &first);
}

void v2s_mel_close(v2s_mel **mel) {
    v2s_mel *m = *mel;
    if (m == NULL)
        return;
    v2s_fft_real_f64_close(&m->fft);
    free(m->spectrum);
    free(m->in);
    free(m->window);
    free(m->bin_hz);
    free(m->point_hz);
    free(m);
    *mel = NULL;
}
