// SPDX-License-Identifier: MIT
#include "spatial/foa_basis.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/rng.h"
#include "kernels/fft.h"

#define WINDOW_S 0.032
#define MEMORY_S 0.250
#define NOISE_SEED 20190901 // any: the noise is part of the basis and never changes

enum { LANES = 16, BANDS = V2S_BASIS_BANDS };

// A segment: where its taps lie, and whether a tap is a burst of one hop or of a whole window.
typedef struct segment {
    int first, step, count; // delays of the bursts' middles, in frames of 8 ms
    bool whole;
} segment;

// Up to 190 ms: what is diffuse in W is so at the same time in the dipoles.
static const segment omni_segments[] = {{0, 1, 4, false}, {4, 1, 5, false}, {9, 2, 8, false}};

// From 4 ms to 2 s: W is dry, and all of the reverberation has to come from here.
static const segment dry_segments[] = {{1, 1, 3, false}, {4, 1, 6, false},  {11, 3, 4, true},
                                       {23, 4, 6, true}, {47, 4, 14, true}, {105, 6, 24, true}};

static int segments_of(bool with_w) {
    return with_w ? (int)(sizeof dry_segments / sizeof *dry_segments)
                  : (int)(sizeof omni_segments / sizeof *omni_segments);
}

v2s_band_layout v2s_foa_basis_layout(bool with_w) {
    return (v2s_band_layout){with_w, segments_of(with_w)};
}

int v2s_foa_basis_gains(bool with_w) {
    return v2s_band_layout_gains(v2s_foa_basis_layout(with_w));
}

int v2s_foa_basis_length(double rate_hz) {
    double wanted = WINDOW_S * rate_hz;
    int above = (int)v2s_fft_length_above((size_t)ceil(wanted)), below = above;
    for (int n = (int)wanted; n > 0 && below == above; n--)
        if (v2s_fft_length_ok((size_t)n) && n % 16 == 0)
            below = n;
    return above - wanted < wanted - below ? above : below;
}

int v2s_foa_basis_frames(const v2s_foa_basis *b, size_t samples) {
    size_t frames = (samples + (size_t)b->hop - 1) / (size_t)b->hop + 2;
    return frames > INT_MAX ? INT_MAX : (int)frames;
}

// ---- tables -----------------------------------------------------------------------------------

// Spectrum of a burst of complex noise, `samples` samples about time 0, bins 0 .. N-1 and on around
// the circle, mean power 1, into burst[2][pitch].
static v2s_status make_burst(const v2s_foa_basis *b, int samples, uint64_t stream, float *burst) {
    v2s_fft_complex *fft = NULL;
    v2s_complex *x = v2s_fft_alloc((size_t)b->length, sizeof *x);
    v2s_complex *spectrum = v2s_fft_alloc((size_t)b->length, sizeof *spectrum);
    v2s_status status = x != NULL && spectrum != NULL
                            ? v2s_fft_complex_open((size_t)b->length, &fft)
                            : V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK) {
        v2s_rng rng = v2s_rng_open(NOISE_SEED, stream);
        for (int i = 0; i < samples; i++)
            x[(i - samples / 2 + b->length) % b->length] =
                (v2s_complex){(float)v2s_rng_normal(&rng), (float)v2s_rng_normal(&rng)};
        v2s_fft_complex_forward(fft, x, spectrum);
        double sum = 0;
        for (int i = 0; i < b->length; i++)
            sum += spectrum[i].re * spectrum[i].re + spectrum[i].im * spectrum[i].im;
        float scale = (float)sqrt(b->length / sum);
        for (size_t i = 0; i < b->pitch; i++) {
            burst[i] = scale * spectrum[i % (size_t)b->length].re;
            burst[b->pitch + i] = scale * spectrum[i % (size_t)b->length].im;
        }
    }
    v2s_fft_complex_close(&fft);
    v2s_fft_free(spectrum);
    v2s_fft_free(x);
    return status;
}

// Starting bins of the taps: the circle in equal steps, in a shuffled order.
static void place_shifts(v2s_foa_basis *b) {
    int places = V2S_FOA_CHANNELS * b->taps, step = b->length / places,
        order[4 * V2S_BASIS_TAPS_MAX];
    v2s_rng rng = v2s_rng_open(NOISE_SEED, 2);
    for (int i = 0; i < places; i++) {
        int j = (int)v2s_rng_below(&rng, (uint64_t)i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (int i = 0; i < places; i++)
        b->shift[i % V2S_FOA_CHANNELS][i / V2S_FOA_CHANNELS] = order[i] * step;
}

// Four windows overlap: the sum of their squares is 2.
static void make_window(v2s_foa_basis *b) {
    for (int i = 0; i < b->length; i++)
        b->window[i] = (float)(sqrt(0.5) * sin(V2S_PI * (i + 0.5) / b->length));
}

// Share of the energy of frames, smeared by a burst of `samples`, that is left when they overlap
// to a sound: what a burst's sample d brings comes out as a(n) x(n - d), and around the circle as
// b(n) x(n - d +- N), where a and b sum products of windows d apart; the share is the mean of
// a^2 + b^2.
static double energy_kept(const v2s_foa_basis *b, int samples) {
    int step = samples / 64 > 0 ? samples / 64 : 1, count = 0, N = b->length;
    double sum = 0;
    for (int d = -samples / 2; d < samples / 2; d += step)
        for (int n = 0; n < b->hop; n++, count++) {
            double straight = 0, around = 0;
            for (int m = n; m < N; m += b->hop)
                *(m >= d && m - d < N ? &straight : &around) +=
                    b->window[m] * b->window[(m - d + N) % N];
            sum += straight * straight + around * around;
        }
    return sum / count;
}

static void place_taps(v2s_foa_basis *b, const segment *segments) {
    for (int k = 0; k < b->segments; k++) {
        b->first[k] = b->taps;
        b->whole[k] = segments[k].whole;
        b->power[k] = (float)(1 / energy_kept(b, segments[k].whole ? b->length : b->hop));
        for (int i = 0; i < segments[k].count; i++)
            b->delay[b->taps++] = segments[k].first + i * segments[k].step;
    }
    b->first[b->segments] = b->taps;
    b->history = b->delay[b->taps - 1];
}

v2s_status v2s_foa_basis_open(double rate_hz, bool with_w, v2s_foa_basis **out) {
    if (!(rate_hz >= V2S_BASIS_RATE_MIN_HZ && rate_hz <= V2S_BASIS_RATE_MAX_HZ))
        return V2S_FAIL(V2S_ARG, "v2s refiner: rate: expected %g .. %g Hz, found %g",
                        V2S_BASIS_RATE_MIN_HZ, V2S_BASIS_RATE_MAX_HZ, rate_hz);
    v2s_foa_basis *b = calloc(1, sizeof *b);
    if (b == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    const segment *segments = with_w ? dry_segments : omni_segments;
    b->rate_hz = rate_hz;
    b->length = v2s_foa_basis_length(rate_hz);
    b->hop = b->length / 4;
    b->bins = b->length / 2 + 1;
    b->stride = (b->bins + LANES - 1) / LANES * LANES;
    b->with_w = with_w;
    b->ops = v2s_foa_ops_for(v2s_cpu_isa());
    b->segments = segments_of(with_w);
    b->gains = v2s_foa_basis_gains(with_w);
    b->memory = (float)exp(-b->hop / (MEMORY_S * rate_hz));
    b->window = v2s_fft_alloc((size_t)b->length, sizeof *b->window);
    b->pitch = (size_t)(b->length + b->stride);
    b->noise = v2s_fft_alloc(4 * b->pitch, sizeof *b->noise);
    v2s_status status = b->window != NULL && b->noise != NULL
                            ? v2s_erb_bands_open(V2S_BASIS_BANDS, V2S_BASIS_LOW_HZ,
                                                 V2S_BASIS_HIGH_HZ, b->length, rate_hz, &b->bands)
                            : V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK) {
        make_window(b);
        place_taps(b, segments);
        place_shifts(b);
        status = make_burst(b, b->hop, 0, b->noise);
    }
    if (status == V2S_OK)
        status = make_burst(b, b->length, 1, b->noise + 2 * b->pitch);
    if (status != V2S_OK) {
        v2s_foa_basis_close(&b);
        return status;
    }
    *out = b;
    return V2S_OK;
}

void v2s_foa_basis_close(v2s_foa_basis **basis) {
    v2s_foa_basis *b = *basis;
    if (b == NULL)
        return;
    v2s_erb_bands_close(&b->bands);
    v2s_fft_free(b->window);
    v2s_fft_free(b->noise);
    free(b);
    *basis = NULL;
}
