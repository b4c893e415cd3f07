// SPDX-License-Identifier: MIT
#include "spatial/stereo_distance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fft.h"
#include "kernels/fft_f64.h"
#include "spatial/conventions.h"
#include "spatial/envelope.h"

enum { FFT = 512, BINS = FFT / 2 + 1, PAD = FFT / 2 };

void v2s_stereo_normalise(double *stereo, size_t frames) {
    double peak = 1e-20;
    for (size_t i = 0; i < 2 * frames; i++)
        peak = fmax(peak, fabs(stereo[i]));
    for (size_t i = 0; i < 2 * frames; i++)
        stereo[i] /= peak;
}

// ---- short-time spectra -----------------------------------------------------------------------

typedef struct stft {
    size_t hop;
    bool reflect;
    double window[FFT];
    double in[FFT];
    v2s_fft_real_f64 *fft;
} stft;

static v2s_status stft_open(size_t hop, int length, bool reflect, size_t frames, stft *s) {
    if (frames == 0)
        return V2S_FAIL(V2S_FORMAT, "no samples");
    *s = (stft){.hop = hop, .reflect = reflect};
    for (int i = 0; i < length; i++)
        s->window[(FFT - length) / 2 + i] = 0.5 - 0.5 * cos(2 * V2S_PI * i / length);
    return v2s_fft_real_f64_open(FFT, &s->fft);
}

static size_t stft_count(const stft *s, size_t frames) {
    return 1 + frames / s->hop;
}

// Sample `at` of the padded sound; a sound shorter than the padding is reflected again and again.
static double padded(const double *x, ptrdiff_t at, ptrdiff_t frames, bool reflect) {
    if (at < 0 || at >= frames) {
        if (!reflect)
            return 0;
        ptrdiff_t period = frames > 1 ? 2 * (frames - 1) : 1;
        at = (at % period + period) % period;
        at = at < frames ? at : period - at;
    }
    return x[2 * at];
}

// Spectrum [BINS] of frame t of one channel of x [frames][2].
static void stft_frame(stft *s, const double *x, size_t frames, size_t t, v2s_complex_f64 *out) {
    ptrdiff_t start = (ptrdiff_t)(t * s->hop) - PAD;
    for (int i = 0; i < FFT; i++)
        s->in[i] = s->window[i] * padded(x, start + i, (ptrdiff_t)frames, s->reflect);
    v2s_fft_real_f64_forward(s->fft, s->in, out);
}

// ---- M1, M3, M4, M5 ---------------------------------------------------------------------------

static double size2(v2s_complex_f64 z) {
    return z.re * z.re + z.im * z.im;
}

// Mean of |S|^2 of one channel.
static double mean_energy(stft *s, const double *x, size_t frames) {
    v2s_complex_f64 out[BINS];
    size_t count = stft_count(s, frames);
    double sum = 0;
    for (size_t t = 0; t < count; t++) {
        stft_frame(s, x, frames, t, out);
        for (int k = 0; k < BINS; k++)
            sum += size2(out[k]);
    }
    return sum / ((double)count * BINS);
}

v2s_status v2s_stereo_stft_distance(const double *truth, const double *prediction, size_t frames,
                                    bool reflect, double *m1) {
    stft s;
    V2S_TRY(stft_open(160, 400, reflect, frames, &s));
    double *difference = malloc(2 * frames * sizeof *difference);
    v2s_status status = difference != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK) {
        // The transform is linear: the distance of the STFTs is the size of the difference's.
        for (size_t i = 0; i < 2 * frames; i++)
            difference[i] = prediction[i] - truth[i];
        *m1 = (mean_energy(&s, difference, frames) + mean_energy(&s, difference + 1, frames)) / 2;
    }
    v2s_fft_real_f64_close(&s.fft);
    free(difference);
    return status;
}

static double angle_of(v2s_complex_f64 z) {
    return z.re == 0 && z.im == 0 ? 0 : atan2(z.im, z.re); // a zero's sign has no meaning
}

v2s_status v2s_stereo_phase_distance(const double *truth, const double *prediction, size_t frames,
                                     bool reflect, double *dphase) {
    stft s;
    v2s_complex_f64 a[BINS], b[BINS];
    V2S_TRY(stft_open(160, 400, reflect, frames, &s));
    double *sides = malloc(2 * frames * sizeof *sides), sum = 0; // L - R of the two
    if (sides == NULL) {
        v2s_fft_real_f64_close(&s.fft);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < frames; i++) {
        sides[2 * i] = truth[2 * i] - truth[2 * i + 1];
        sides[2 * i + 1] = prediction[2 * i] - prediction[2 * i + 1];
    }
    for (size_t t = 0; t < stft_count(&s, frames); t++) {
        stft_frame(&s, sides, frames, t, a);
        stft_frame(&s, sides + 1, frames, t, b);
        for (int k = 0; k < BINS; k++) {
            double gap = fabs(angle_of(b[k]) - angle_of(a[k]));
            sum += fmin(gap, fmax(2 * V2S_PI - gap, 0));
        }
    }
    *dphase = sum / ((double)stft_count(&s, frames) * BINS);
    v2s_fft_real_f64_close(&s.fft);
    free(sides);
    return V2S_OK;
}

v2s_status v2s_stereo_magnitude_distance(const double *truth, const double *prediction,
                                         size_t frames, bool reflect, double *mag) {
    stft s;
    v2s_complex_f64 a[BINS], b[BINS];
    double sum = 0;
    V2S_TRY(stft_open(128, 512, reflect, frames, &s));
    for (int c = 0; c < 2; c++)
        for (size_t t = 0; t < stft_count(&s, frames); t++) {
            stft_frame(&s, truth + c, frames, t, a);
            stft_frame(&s, prediction + c, frames, t, b);
            for (int k = 0; k < BINS; k++) {
                double gap = sqrt(size2(b[k])) - sqrt(size2(a[k]));
                sum += gap * gap;
            }
        }
    *mag = sum / ((double)stft_count(&s, frames) * BINS);
    v2s_fft_real_f64_close(&s.fft);
    return V2S_OK;
}

// ---- M2, M5 -----------------------------------------------------------------------------------

static double rms_difference(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sqrt(sum / (double)n);
}

v2s_status v2s_stereo_envelope_distance(const double *truth, const double *prediction,
                                        size_t frames, double *env) {
    v2s_envelope *e = NULL;
    V2S_TRY(v2s_envelope_open(frames, &e));
    double *memory = malloc(4 * frames * sizeof *memory);
    if (memory == NULL) {
        v2s_envelope_close(&e);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    double *t = memory, *p = memory + 2 * frames; // [2][frames]
    v2s_envelope_take(e, truth, truth + 1, 2, t, t + frames);
    v2s_envelope_take(e, prediction, prediction + 1, 2, p, p + frames);
    *env = rms_difference(p, t, frames) + rms_difference(p + frames, t + frames, frames);
    v2s_envelope_close(&e);
    free(memory);
    return V2S_OK;
}

// ---- waveforms --------------------------------------------------------------------------------

double v2s_stereo_wave_distance(const double *truth, const double *prediction, size_t frames) {
    double sum = 0;
    for (size_t i = 0; i < 2 * frames; i++)
        sum += (prediction[i] - truth[i]) * (prediction[i] - truth[i]);
    return sum / (double)frames;
}

double v2s_stereo_snr_db(const double *truth, const double *prediction, size_t frames) {
    double energy = 0, error = v2s_stereo_wave_distance(truth, prediction, frames) / 2;
    for (size_t i = 0; i < 2 * frames; i++)
        energy += truth[i] * truth[i];
    return 10 * log10((energy / (2 * (double)frames) + 1e-4) / (error + 1e-4));
}
