// SPDX-License-Identifier: MIT
#include "spatial/stereo_distance.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fft.h"
#include "spatial/conventions.h"

enum { FFT = 512, HOP = 160, WINDOW = 400, EDGE = (FFT - WINDOW) / 2, PAD = FFT / 2 };
enum { ENVELOPE_FRAMES_MAX = 15 * 131072 / 2 };

void v2s_stereo_normalise(float *stereo, size_t frames) {
    float peak = 1e-20f;
    for (size_t i = 0; i < 2 * frames; i++)
        peak = fmaxf(peak, fabsf(stereo[i]));
    for (size_t i = 0; i < 2 * frames; i++)
        stereo[i] /= peak;
}

// ---- M1 ---------------------------------------------------------------------------------------

// Sample `at` of the centred sound, before 0 and past the end what the padding says.
static float padded(const float *difference, ptrdiff_t at, ptrdiff_t frames, bool reflect) {
    if (reflect && at < 0)
        at = -at;
    if (reflect && at >= frames)
        at = 2 * (frames - 1) - at;
    return at < 0 || at >= frames ? 0 : difference[2 * at];
}

// Mean over re/im, bins and frames of one channel of `difference` [frames][2].
static double stft_mean(v2s_fft_real *fft, const float *difference, size_t frames, bool reflect,
                        float *in, v2s_complex *out) {
    size_t count = 1 + frames / HOP;
    float hann[WINDOW];
    double sum = 0;
    for (int i = 0; i < WINDOW; i++)
        hann[i] = (float)(0.5 - 0.5 * cos(2 * V2S_PI * i / WINDOW));
    for (size_t t = 0; t < count; t++) {
        memset(in, 0, FFT * sizeof *in);
        for (int i = 0; i < WINDOW; i++) {
            ptrdiff_t at = (ptrdiff_t)(t * HOP) + EDGE + i - PAD;
            in[EDGE + i] = hann[i] * padded(difference, at, (ptrdiff_t)frames, reflect);
        }
        v2s_fft_real_forward(fft, in, out);
        for (int k = 0; k <= FFT / 2; k++)
            sum += (double)out[k].re * (double)out[k].re + (double)out[k].im * (double)out[k].im;
    }
    return sum / (2.0 * (double)count * (FFT / 2 + 1));
}

v2s_status v2s_stereo_stft_distance(const float *truth, const float *prediction, size_t frames,
                                    bool reflect, double *m1) {
    if (frames == 0 || (reflect && frames <= PAD))
        return V2S_FAIL(V2S_FORMAT, "too short for M1: %zu samples at 16 kHz", frames);
    v2s_fft_real *fft = NULL;
    float *difference = malloc(2 * frames * sizeof *difference);
    float *in = v2s_fft_alloc(FFT, sizeof *in);
    v2s_complex *out = v2s_fft_alloc(FFT / 2 + 1, sizeof *out);
    v2s_status status = v2s_fft_real_open(FFT, &fft);
    if (status == V2S_OK && (difference == NULL || in == NULL || out == NULL))
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK) {
        // The transform is linear: the distance of the STFTs is the size of the difference's.
        for (size_t i = 0; i < 2 * frames; i++)
            difference[i] = prediction[i] - truth[i];
        *m1 = stft_mean(fft, difference, frames, reflect, in, out) +
              stft_mean(fft, difference + 1, frames, reflect, in, out);
    }
    v2s_fft_real_close(&fft);
    v2s_fft_free(out);
    v2s_fft_free(in);
    free(difference);
    return status;
}

// ---- M2 ---------------------------------------------------------------------------------------

// Transform of any length n through one of a fast length m >= 2n - 1: with w = exp(-i pi / n) and
// jk = (j^2 + k^2 - (k - j)^2) / 2,   X_k = w^(k^2) sum_j (x_j w^(j^2)) w^(-(k-j)^2)
// (Bluestein, "A linear filtering approach to the computation of discrete Fourier transform",
// 1970).
typedef struct chirp {
    size_t n, m;
    v2s_fft_complex *fft;
    v2s_complex *w;      // [n] w^(k^2)
    v2s_complex *filter; // [m] transform of w^(-k^2), k = -(n-1) .. n-1
    v2s_complex *a, *b;  // [m]
} chirp;

static void chirp_close(chirp *c) {
    v2s_fft_complex_close(&c->fft);
    v2s_fft_free(c->w);
    v2s_fft_free(c->filter);
    v2s_fft_free(c->a);
    v2s_fft_free(c->b);
}

static v2s_complex times(v2s_complex a, v2s_complex b) {
    return (v2s_complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static v2s_status chirp_open(size_t n, chirp *c) {
    *c = (chirp){.n = n, .m = v2s_fft_length_above(2 * n - 1)};
    c->w = v2s_fft_alloc(n, sizeof *c->w);
    c->filter = v2s_fft_alloc(c->m, sizeof *c->filter);
    c->a = v2s_fft_alloc(c->m, sizeof *c->a);
    c->b = v2s_fft_alloc(c->m, sizeof *c->b);
    v2s_status status = v2s_fft_complex_open(c->m, &c->fft);
    if (status == V2S_OK && (!c->w || !c->filter || !c->a || !c->b))
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status != V2S_OK) {
        chirp_close(c);
        return status;
    }
    for (size_t k = 0; k < n; k++) {
        // k^2 modulo 2n first: the angle of a large square would have no digits left.
        double angle = V2S_PI * (double)((uint64_t)k * k % (2 * n)) / (double)n;
        c->w[k] = (v2s_complex){(float)cos(angle), (float)-sin(angle)};
        v2s_complex back = {c->w[k].re, -c->w[k].im};
        c->a[k] = back;
        if (k > 0)
            c->a[c->m - k] = back;
    }
    v2s_fft_complex_forward(c->fft, c->a, c->filter);
    return V2S_OK;
}

// x [n] in place.
static void chirp_forward(chirp *c, v2s_complex *x) {
    memset(c->a, 0, c->m * sizeof *c->a);
    for (size_t k = 0; k < c->n; k++)
        c->a[k] = times(x[k], c->w[k]);
    v2s_fft_complex_forward(c->fft, c->a, c->b);
    for (size_t k = 0; k < c->m; k++)
        c->b[k] = times(c->b[k], c->filter[k]);
    v2s_fft_complex_inverse(c->fft, c->b, c->a);
    for (size_t k = 0; k < c->n; k++)
        x[k] = times(c->a[k], c->w[k]);
}

v2s_status v2s_envelope(const float *x, size_t n, float *envelope) {
    if (n == 0 || n > ENVELOPE_FRAMES_MAX)
        return V2S_FAIL(V2S_FORMAT, "M2 takes 1 .. %d samples at 16 kHz, found %zu",
                        ENVELOPE_FRAMES_MAX, n);
    chirp c;
    v2s_complex *z = v2s_fft_alloc(n, sizeof *z);
    v2s_status status = z != NULL ? chirp_open(n, &c) : V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK) {
        for (size_t i = 0; i < n; i++)
            z[i] = (v2s_complex){x[i], 0};
        chirp_forward(&c, z);
        // Negative frequencies away, positive ones doubled; the inverse is the transform of the
        // conjugate, whose magnitude is the same.
        for (size_t k = 0; k < n; k++) {
            float gain = k == 0 || 2 * k == n ? 1.0f : 2 * k < n ? 2.0f : 0.0f;
            z[k] = (v2s_complex){gain * z[k].re, -gain * z[k].im};
        }
        chirp_forward(&c, z);
        for (size_t i = 0; i < n; i++)
            envelope[i] = hypotf(z[i].re, z[i].im) / (float)n;
        chirp_close(&c);
    }
    v2s_fft_free(z);
    return status;
}

v2s_status v2s_stereo_envelope_distance(const float *truth, const float *prediction, size_t frames,
                                        double *m2) {
    float *memory = calloc(3 * frames + 1, sizeof *memory);
    if (memory == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    float *channel = memory, *t = memory + frames, *p = memory + 2 * frames;
    v2s_status status = V2S_OK;
    double total = 0;
    for (int c = 0; c < 2 && status == V2S_OK; c++) {
        for (size_t i = 0; i < frames; i++)
            channel[i] = truth[2 * i + (size_t)c];
        status = v2s_envelope(channel, frames, t);
        for (size_t i = 0; i < frames; i++)
            channel[i] = prediction[2 * i + (size_t)c];
        if (status == V2S_OK)
            status = v2s_envelope(channel, frames, p);
        double sum = 0;
        for (size_t i = 0; i < frames; i++)
            sum += ((double)t[i] - (double)p[i]) * ((double)t[i] - (double)p[i]);
        total += sqrt(sum / (double)frames);
    }
    free(memory);
    if (status == V2S_OK)
        *m2 = total;
    return status;
}
