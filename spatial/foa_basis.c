// SPDX-License-Identifier: MIT
#include "spatial/foa_basis.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fft.h"

#define WINDOW_S 0.032
#define MEMORY_S 0.070
#define LOW_HZ 50.0
#define HIGH_HZ 20000.0
#define RATE_MIN_HZ 8000.0
#define RATE_MAX_HZ 384000.0

enum { LANES = 16, BANDS = V2S_BASIS_BANDS };

// A segment: where its taps lie, and whether a tap is a burst of one hop or of a whole window.
typedef struct segment {
    int first, step, count; // delays in frames of 8 ms
    bool whole;
} segment;

// Up to 200 ms: what is diffuse in W is so at the same time in the dipoles.
static const segment omni_segments[] = {{0, 1, 4, false}, {4, 1, 5, false}, {10, 3, 5, true}};

// Up to 2 s: W is dry, and all of the reverberation has to come from here.
static const segment dry_segments[] = {{0, 1, 3, false}, {3, 1, 6, false},  {10, 3, 4, true},
                                       {22, 4, 6, true}, {46, 4, 14, true}, {104, 6, 24, true}};

static int segments_of(bool with_w) {
    return with_w ? (int)(sizeof dry_segments / sizeof *dry_segments)
                  : (int)(sizeof omni_segments / sizeof *omni_segments);
}

int v2s_foa_basis_gains(bool with_w) {
    return with_w ? 4 + 2 * segments_of(true) : 3 + segments_of(false);
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

// SplitMix64 (Steele, Lea, Flood 2014) of a counter, as a number in (0,1).
static double unit_noise(uint64_t counter) {
    uint64_t z = counter * 0x9e3779b97f4a7c15u + 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return ((double)((z ^ z >> 31) >> 11) + 0.5) * 0x1p-53;
}

static float gauss(uint64_t counter) {
    double u = unit_noise(2 * counter), v = unit_noise(2 * counter + 1);
    return (float)(sqrt(-2 * log(u)) * cos(2 * V2S_PI * v));
}

// Spectrum of one burst into e[2][stride], scaled to mean power `power` over the bins.
static void make_burst(const v2s_foa_basis *b, v2s_fft_real *fft, uint64_t stream, bool whole,
                       double power, float *x, v2s_complex *spectrum, float *e) {
    int n = whole ? b->length : b->hop;
    memset(x, 0, (size_t)b->length * sizeof *x);
    for (int i = 0; i < n; i++)
        x[i] = gauss(stream << 20 | (uint64_t)i);
    v2s_fft_real_forward(fft, x, spectrum);
    double sum = 0;
    for (int i = 0; i < b->bins; i++)
        sum += spectrum[i].re * spectrum[i].re + spectrum[i].im * spectrum[i].im;
    float scale = (float)sqrt(power * b->bins / sum);
    for (int i = 0; i < b->bins; i++) {
        e[i] = scale * spectrum[i].re;
        e[b->stride + i] = scale * spectrum[i].im;
    }
}

static v2s_status make_noise(v2s_foa_basis *b, const segment *segments) {
    v2s_fft_real *fft = NULL;
    float *x = v2s_fft_alloc((size_t)b->length, sizeof *x);
    v2s_complex *spectrum = v2s_fft_alloc((size_t)b->bins, sizeof *spectrum);
    v2s_status status = v2s_fft_real_open((size_t)b->length, &fft);
    if (status == V2S_OK && (x == NULL || spectrum == NULL))
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    for (int k = 0; status == V2S_OK && k < b->segments; k++)
        for (int i = b->first[k]; i < b->first[k + 1]; i++)
            for (int c = b->with_w ? 0 : 1; c < V2S_FOA_CHANNELS; c++) {
                double power = (c == V2S_ACN_W ? 1.0 : 1.0 / 3) / segments[k].count;
                float *e = b->noise + ((size_t)c * b->taps + i) * 2 * b->stride;
                make_burst(b, fft, (uint64_t)(c * V2S_BASIS_TAPS_MAX + i), segments[k].whole, power,
                           x, spectrum, e);
            }
    v2s_fft_real_close(&fft);
    v2s_fft_free(spectrum);
    v2s_fft_free(x);
    return status;
}

static void place_taps(v2s_foa_basis *b, const segment *segments) {
    for (int k = 0; k < b->segments; k++) {
        b->first[k] = b->taps;
        for (int i = 0; i < segments[k].count; i++)
            b->delay[b->taps++] = segments[k].first + i * segments[k].step;
    }
    b->first[b->segments] = b->taps;
    b->history = b->delay[b->taps - 1];
}

v2s_status v2s_foa_basis_open(double rate_hz, bool with_w, v2s_foa_basis **out) {
    if (!(rate_hz >= RATE_MIN_HZ && rate_hz <= RATE_MAX_HZ))
        return V2S_FAIL(V2S_ARG, "v2s refiner: rate: expected %g .. %g Hz, found %g", RATE_MIN_HZ,
                        RATE_MAX_HZ, rate_hz);
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
    place_taps(b, segments);
    b->window = v2s_fft_alloc((size_t)b->length, sizeof *b->window);
    b->noise = v2s_fft_alloc((size_t)V2S_FOA_CHANNELS * b->taps * 2 * b->stride, sizeof *b->noise);
    v2s_status status =
        b->window != NULL && b->noise != NULL
            ? v2s_erb_bands_open(V2S_BASIS_BANDS, LOW_HZ, HIGH_HZ, b->length, rate_hz, &b->bands)
            : V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK)
        status = make_noise(b, segments);
    if (status != V2S_OK) {
        v2s_foa_basis_close(&b);
        return status;
    }
    // Four windows overlap: the sum of their squares is 2.
    for (int i = 0; i < b->length; i++)
        b->window[i] = (float)(sqrt(0.5) * sin(V2S_PI * (i + 0.5) / b->length));
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

// ---- one channel, frame by frame --------------------------------------------------------------

void v2s_foa_basis_power(const v2s_foa_basis *b, const float *w, float *energy, float *power) {
    b->ops->collect(&b->bands, w, w, b->stride, energy);
    for (int i = 0; i < BANDS; i++)
        power[i] = b->memory * power[i] + (1 - b->memory) * energy[i];
}

v2s_status v2s_foa_tails_open(const v2s_foa_basis *b, int channel, v2s_foa_tails *out) {
    V2S_ASSERT(channel >= (b->with_w ? 0 : 1) && channel < V2S_FOA_CHANNELS);
    v2s_foa_tails t = {.basis = b, .channel = channel};
    t.tails = v2s_fft_alloc((size_t)b->segments * 2 * b->stride, sizeof *t.tails);
    t.cross = v2s_fft_alloc((size_t)b->segments * BANDS, sizeof *t.cross);
    if (t.tails == NULL || t.cross == NULL) {
        v2s_foa_tails_close(&t);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    *out = t;
    return V2S_OK;
}

void v2s_foa_tails_close(v2s_foa_tails *t) {
    v2s_fft_free(t->tails);
    v2s_fft_free(t->cross);
    *t = (v2s_foa_tails){0};
}

// Takes W's share out of one tail: D -= rho W with rho = Re<W* D> / <|W|^2> per band.
static void remove_w(const v2s_foa_basis *b, const float *w, const float *power, float *tail,
                     float *cross) {
    float band[BANDS];
    b->ops->collect(&b->bands, w, tail, b->stride, band);
    for (int i = 0; i < BANDS; i++) {
        cross[i] = b->memory * cross[i] + (1 - b->memory) * band[i];
        band[i] = power[i] > 0 ? -cross[i] / power[i] : 0;
    }
    b->ops->mix(&b->bands, band, 1, w, b->stride, tail);
}

void v2s_foa_tails_next(v2s_foa_tails *t, const float *w, const float *power) {
    const v2s_foa_basis *b = t->basis;
    size_t row = 2 * (size_t)b->stride;
    for (int k = 0; k < b->segments; k++) {
        int first = b->first[k], taps = b->first[k + 1] - first;
        const float *noise = b->noise + ((size_t)t->channel * b->taps + first) * row;
        float *tail = t->tails + (size_t)k * row;
        b->ops->tail(taps, b->delay + first, noise, w, b->stride, tail);
        remove_w(b, w, power, tail, t->cross + (size_t)k * BANDS);
    }
}

void v2s_foa_tails_energy(const v2s_foa_tails *t, float *energy) {
    const v2s_foa_basis *b = t->basis;
    for (int k = 0; k < b->segments; k++) {
        const float *tail = t->tails + (size_t)k * 2 * b->stride;
        b->ops->collect(&b->bands, tail, tail, b->stride, energy + (size_t)k * BANDS);
    }
}

// What a dipole gets of a u + b h + d z.
static void coherent_gains(const v2s_foa_tails *t, v2s_vec3 u, const float *gains,
                           float band[BANDS]) {
    static const int axis_of_acn[4] = {-1, 1, 2, 0};
    const double along[3] = {u.x, u.y, u.z};
    int axis = axis_of_acn[t->channel];
    float radial = (float)along[axis], flat = axis == 2 ? 0 : radial, up = axis == 2 ? 1 : 0;
    for (int i = 0; i < BANDS; i++) {
        const float *g = gains + (size_t)i * t->basis->gains;
        band[i] = radial * g[0] + flat * g[1] + up * g[2];
    }
}

void v2s_foa_tails_residual(const v2s_foa_tails *t, const float *w, v2s_vec3 u, const float *gains,
                            float *out) {
    const v2s_foa_basis *b = t->basis;
    int tails = b->with_w ? 4 : 3;
    memset(out, 0, 2 * (size_t)b->stride * sizeof *out);
    if (t->channel == V2S_ACN_W) {
        b->ops->mix(&b->bands, gains + 3, b->gains, w, b->stride, out);
        tails += b->segments;
    } else {
        float band[BANDS];
        coherent_gains(t, u, gains, band);
        b->ops->mix(&b->bands, band, 1, w, b->stride, out);
    }
    for (int k = 0; k < b->segments; k++)
        b->ops->mix(&b->bands, gains + tails + k, b->gains, t->tails + (size_t)k * 2 * b->stride,
                    b->stride, out);
}
