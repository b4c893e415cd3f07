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

enum { LANES = 16, CHANNELS = V2S_FOA_CHANNELS, W_TAIL = 3 };

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
            for (int c = 0; c < b->channels; c++) {
                double power = (c == W_TAIL ? 1.0 : 1.0 / 3) / segments[k].count;
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
    b->channels = with_w ? 4 : 3;
    b->segments = segments_of(with_w);
    b->gains = v2s_foa_basis_gains(with_w);
    b->memory = (float)exp(-b->hop / (MEMORY_S * rate_hz));
    place_taps(b, segments);
    b->window = v2s_fft_alloc((size_t)b->length, sizeof *b->window);
    b->noise = v2s_fft_alloc((size_t)b->channels * b->taps * 2 * b->stride, sizeof *b->noise);
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

// ---- state ------------------------------------------------------------------------------------

v2s_status v2s_foa_basis_state_open(const v2s_foa_basis *b, v2s_foa_basis_state *out) {
    v2s_foa_basis_state s = {.basis = b, .frames = b->delay[b->taps - 1] + 1};
    size_t row = (size_t)b->stride, tails = (size_t)b->segments * b->channels;
    s.ring = v2s_fft_alloc((size_t)s.frames * 2 * row, sizeof(float));
    s.tails = v2s_fft_alloc(tails * 2 * row, sizeof(float));
    s.cross = v2s_fft_alloc(tails * V2S_BASIS_BANDS, sizeof(float));
    s.power = v2s_fft_alloc(V2S_BASIS_BANDS, sizeof(float));
    s.energy = v2s_fft_alloc(V2S_BASIS_BANDS, sizeof(float));
    s.work = v2s_fft_alloc(4 * row, sizeof(float));
    if (s.ring == NULL || s.tails == NULL || s.cross == NULL || s.power == NULL ||
        s.energy == NULL || s.work == NULL) {
        v2s_foa_basis_state_close(&s);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    *out = s;
    return V2S_OK;
}

void v2s_foa_basis_state_close(v2s_foa_basis_state *s) {
    v2s_fft_free(s->ring);
    v2s_fft_free(s->tails);
    v2s_fft_free(s->cross);
    v2s_fft_free(s->power);
    v2s_fft_free(s->energy);
    v2s_fft_free(s->work);
    *s = (v2s_foa_basis_state){0};
}

void v2s_foa_basis_state_reset(v2s_foa_basis_state *s) {
    const v2s_foa_basis *b = s->basis;
    memset(s->ring, 0, (size_t)s->frames * 2 * b->stride * sizeof(float));
    memset(s->cross, 0, (size_t)b->segments * b->channels * V2S_BASIS_BANDS * sizeof(float));
    memset(s->power, 0, V2S_BASIS_BANDS * sizeof(float));
}

// ---- one frame --------------------------------------------------------------------------------

// to += e w, complex, over n (a multiple of LANES) bins.
static void add_product(const float *restrict e_re, const float *restrict e_im,
                        const float *restrict w_re, const float *restrict w_im, int n,
                        float *restrict to_re, float *restrict to_im) {
    for (int i = 0; i < n; i++) {
        to_re[i] += e_re[i] * w_re[i] - e_im[i] * w_im[i];
        to_im[i] += e_re[i] * w_im[i] + e_im[i] * w_re[i];
    }
}

static float *tail_of(const v2s_foa_basis_state *s, int k, int c) {
    return s->tails + ((size_t)k * s->basis->channels + c) * 2 * s->basis->stride;
}

static void make_tails(v2s_foa_basis_state *s) {
    const v2s_foa_basis *b = s->basis;
    size_t row = (size_t)b->stride;
    memset(s->tails, 0, (size_t)b->segments * b->channels * 2 * row * sizeof(float));
    for (int k = 0; k < b->segments; k++)
        for (int i = b->first[k]; i < b->first[k + 1]; i++) {
            int place = (s->at - b->delay[i] + s->frames) % s->frames;
            const float *w = s->ring + (size_t)place * 2 * row;
            for (int c = 0; c < b->channels; c++) {
                const float *e = b->noise + ((size_t)c * b->taps + i) * 2 * row;
                float *to = tail_of(s, k, c);
                add_product(e, e + row, w, w + row, b->stride, to, to + row);
            }
        }
}

// Re(conj(a) b) per bin.
static void real_product(const float *restrict a, const float *restrict b, int n, size_t row,
                         float *restrict out) {
    for (int i = 0; i < n; i++)
        out[i] = a[i] * b[i] + a[row + i] * b[row + i];
}

// Takes W's share out of one tail: D -= rho W with rho = Re<W* D> / <|W|^2> per band.
static void remove_w(v2s_foa_basis_state *s, const float *w, float *tail, float *cross) {
    const v2s_foa_basis *b = s->basis;
    size_t row = (size_t)b->stride;
    float band[V2S_BASIS_BANDS], *rho = s->work;
    real_product(w, tail, b->bins, row, rho);
    v2s_erb_bands_collect(&b->bands, rho, band);
    for (int i = 0; i < V2S_BASIS_BANDS; i++) {
        cross[i] = b->memory * cross[i] + (1 - b->memory) * band[i];
        band[i] = s->power[i] > 0 ? cross[i] / s->power[i] : 0;
    }
    v2s_erb_bands_spread(&b->bands, band, 1, rho);
    for (int i = 0; i < b->bins; i++) {
        tail[i] -= rho[i] * w[i];
        tail[row + i] -= rho[i] * w[row + i];
    }
}

void v2s_foa_basis_push(v2s_foa_basis_state *s, const float *w) {
    const v2s_foa_basis *b = s->basis;
    size_t row = (size_t)b->stride;
    s->at = (s->at + 1) % s->frames;
    memcpy(s->ring + (size_t)s->at * 2 * row, w, 2 * row * sizeof *w);
    real_product(w, w, b->bins, row, s->work);
    v2s_erb_bands_collect(&b->bands, s->work, s->energy);
    for (int i = 0; i < V2S_BASIS_BANDS; i++)
        s->power[i] = b->memory * s->power[i] + (1 - b->memory) * s->energy[i];
    make_tails(s);
    for (int k = 0; k < b->segments; k++)
        for (int c = 0; c < b->channels; c++)
            remove_w(s, w, tail_of(s, k, c),
                     s->cross + ((size_t)k * b->channels + c) * V2S_BASIS_BANDS);
}

// to += gain w over the bins; gain is real.
static void add_scaled(const float *restrict gain, const float *restrict w, int n, size_t row,
                       float *restrict to) {
    for (int i = 0; i < n; i++) {
        to[i] += gain[i] * w[i];
        to[row + i] += gain[i] * w[row + i];
    }
}

// to += (x0 g0 + x1 g1 + x2 g2) w: one dipole's coherent part.
static void add_coherent(v2s_foa_basis_state *s, const float *const gain[3], const double x[3],
                         const float *w, float *to) {
    float *sum = s->work + 3 * (size_t)s->basis->stride;
    float x0 = (float)x[0], x1 = (float)x[1], x2 = (float)x[2];
    for (int i = 0; i < s->basis->bins; i++)
        sum[i] = x0 * gain[0][i] + x1 * gain[1][i] + x2 * gain[2][i];
    add_scaled(sum, w, s->basis->bins, (size_t)s->basis->stride, to);
}

void v2s_foa_basis_residual(v2s_foa_basis_state *s, v2s_vec3 u, const float *gains, float *out) {
    static const int dipoles[3] = {V2S_ACN_Y, V2S_ACN_Z, V2S_ACN_X};
    const v2s_foa_basis *b = s->basis;
    size_t row = (size_t)b->stride;
    const float *w = s->ring + (size_t)s->at * 2 * row;
    const double toward[3][3] = {{u.y, u.y, 0}, {u.z, 0, 1}, {u.x, u.x, 0}};
    memset(out, 0, CHANNELS * 2 * row * sizeof *out);
    const float *gain[3];
    for (int j = 0; j < 3; j++) {
        float *to = s->work + (size_t)j * row;
        v2s_erb_bands_spread(&b->bands, gains + j, b->gains, to);
        gain[j] = to;
    }
    for (int c = 0; c < 3; c++)
        add_coherent(s, gain, toward[c], w, out + (size_t)dipoles[c] * 2 * row);
    bool with_w = b->channels == 4;
    int tails = with_w ? 4 : 3, w_tails = tails + b->segments;
    if (with_w) {
        v2s_erb_bands_spread(&b->bands, gains + 3, b->gains, s->work);
        add_scaled(s->work, w, b->bins, row, out);
    }
    for (int k = 0; k < b->segments; k++) {
        v2s_erb_bands_spread(&b->bands, gains + tails + k, b->gains, s->work);
        for (int c = 0; c < 3; c++)
            add_scaled(s->work, tail_of(s, k, c), b->bins, row, out + (size_t)dipoles[c] * 2 * row);
        if (with_w) {
            v2s_erb_bands_spread(&b->bands, gains + w_tails + k, b->gains, s->work);
            add_scaled(s->work, tail_of(s, k, W_TAIL), b->bins, row, out);
        }
    }
}

static void add_energy(v2s_foa_basis_state *s, const float *tail, float *energy) {
    const v2s_foa_basis *b = s->basis;
    float band[V2S_BASIS_BANDS];
    real_product(tail, tail, b->bins, (size_t)b->stride, s->work);
    v2s_erb_bands_collect(&b->bands, s->work, band);
    for (int i = 0; i < V2S_BASIS_BANDS; i++)
        energy[i] += band[i];
}

void v2s_foa_basis_tail_energy(v2s_foa_basis_state *s, float *energy, float *w_energy) {
    const v2s_foa_basis *b = s->basis;
    size_t bytes = (size_t)b->segments * V2S_BASIS_BANDS * sizeof(float);
    memset(energy, 0, bytes);
    if (w_energy != NULL)
        memset(w_energy, 0, bytes);
    for (int k = 0; k < b->segments; k++) {
        for (int c = 0; c < 3; c++)
            add_energy(s, tail_of(s, k, c), energy + k * V2S_BASIS_BANDS);
        if (w_energy != NULL)
            add_energy(s, tail_of(s, k, W_TAIL), w_energy + k * V2S_BASIS_BANDS);
    }
}
