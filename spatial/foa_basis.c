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
#define EVEN_MAX 4.0f
#define FULL 0.9       // length from which on the coherent part is all
#define ROUNDING 1e-12 // of 1 - |c|^2
#define LOW_HZ 50.0
#define HIGH_HZ 20000.0
#define RATE_MIN_HZ 8000.0
#define RATE_MAX_HZ 384000.0
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
    b->window = v2s_fft_alloc((size_t)b->length, sizeof *b->window);
    b->pitch = (size_t)(b->length + b->stride);
    b->noise = v2s_fft_alloc(4 * b->pitch, sizeof *b->noise);
    v2s_status status =
        b->window != NULL && b->noise != NULL
            ? v2s_erb_bands_open(V2S_BASIS_BANDS, LOW_HZ, HIGH_HZ, b->length, rate_hz, &b->bands)
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

// ---- levels of W ------------------------------------------------------------------------------

v2s_status v2s_foa_levels_open(const v2s_foa_basis *b, v2s_foa_levels *out) {
    v2s_foa_levels l = {.basis = b};
    l.ring = v2s_fft_alloc((size_t)(b->history + 1) * BANDS, sizeof *l.ring);
    l.mean = v2s_fft_alloc((size_t)b->segments * BANDS, sizeof *l.mean);
    if (l.ring == NULL || l.mean == NULL) {
        v2s_foa_levels_close(&l);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    *out = l;
    return V2S_OK;
}

void v2s_foa_levels_close(v2s_foa_levels *l) {
    v2s_fft_free(l->ring);
    v2s_fft_free(l->mean);
    *l = (v2s_foa_levels){0};
}

static void running(float memory, const float *now, float *mean) {
    for (int i = 0; i < BANDS; i++)
        mean[i] = memory * mean[i] + (1 - memory) * now[i];
}

void v2s_foa_levels_next(v2s_foa_levels *l, const float *w, float *energy, float *levels) {
    const v2s_foa_basis *b = l->basis;
    int rows = b->history + 1;
    l->newest = (l->newest + 1) % rows;
    b->ops->collect(&b->bands, w, w, b->stride, energy);
    memcpy(l->ring + (size_t)l->newest * BANDS, energy, BANDS * sizeof *energy);
    memcpy(levels, energy, BANDS * sizeof *levels);
    for (int k = 0; k < b->segments; k++) {
        float smeared[BANDS] = {0}, share = 1.0f / (float)(b->first[k + 1] - b->first[k]);
        for (int tap = b->first[k]; tap < b->first[k + 1]; tap++) {
            const float *then =
                l->ring + (size_t)((l->newest - b->delay[tap] + rows) % rows) * BANDS;
            for (int i = 0; i < BANDS; i++)
                smeared[i] += share * then[i];
        }
        running(b->memory, smeared, l->mean + (size_t)k * BANDS);
    }
    memcpy(levels + BANDS, l->mean, (size_t)b->segments * BANDS * sizeof *levels);
}

// ---- one channel, frame by frame --------------------------------------------------------------

v2s_status v2s_foa_tails_open(const v2s_foa_basis *b, int channel, v2s_foa_tails *out) {
    V2S_ASSERT(channel >= (b->with_w ? 0 : 1) && channel < V2S_FOA_CHANNELS);
    v2s_foa_tails t = {.basis = b, .channel = channel};
    size_t bands = (size_t)b->segments * BANDS;
    t.tails = v2s_fft_alloc((size_t)b->segments * 2 * b->stride, sizeof *t.tails);
    t.own = v2s_fft_alloc(bands, sizeof *t.own);
    t.even = v2s_fft_alloc(bands, sizeof *t.even);
    if (t.tails == NULL || t.own == NULL || t.even == NULL) {
        v2s_foa_tails_close(&t);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    *out = t;
    return V2S_OK;
}

void v2s_foa_tails_close(v2s_foa_tails *t) {
    v2s_fft_free(t->tails);
    v2s_fft_free(t->own);
    v2s_fft_free(t->even);
    *t = (v2s_foa_tails){0};
}

// Takes W's share out of one tail: D -= rho W with rho = Re<W* D> / |W|^2 per band.
static void remove_w(const v2s_foa_basis *b, const float *w, const float *energy, float *tail) {
    float band[BANDS];
    b->ops->collect(&b->bands, w, tail, b->stride, band);
    for (int i = 0; i < BANDS; i++)
        band[i] = energy[i] > 0 ? -band[i] / energy[i] : 0;
    b->ops->mix(&b->bands, band, 1, w, b->stride, tail);
}

// Gains that bring the tail to `power` times the smeared energy of W.
static void even_out(const v2s_foa_basis *b, const float *smeared, float power, const float *tail,
                     float *own, float *even) {
    float band[BANDS];
    b->ops->collect(&b->bands, tail, tail, b->stride, band);
    running(b->memory, band, own);
    for (int i = 0; i < BANDS; i++) {
        float gain = own[i] > 0 ? sqrtf(power * smeared[i] / own[i]) : 1;
        even[i] = fminf(fmaxf(gain, 1 / EVEN_MAX), EVEN_MAX);
    }
}

void v2s_foa_tails_next(v2s_foa_tails *t, const float *w, const float *levels) {
    const v2s_foa_basis *b = t->basis;
    size_t row = 2 * (size_t)b->stride;
    for (int k = 0; k < b->segments; k++) {
        int first = b->first[k], taps = b->first[k + 1] - first;
        float *tail = t->tails + (size_t)k * row;
        b->ops->tail(taps, b->delay + first, b->shift[t->channel] + first,
                     b->noise + (b->whole[k] ? 2 * b->pitch : 0), b->pitch, w, b->stride, tail);
        float power = t->channel == V2S_ACN_W ? b->power[k] : b->power[k] / 3;
        float level = sqrtf(power / (float)taps);
        for (size_t i = 0; i < row; i++)
            tail[i] *= level;
        remove_w(b, w, levels, tail);
        even_out(b, levels + (size_t)(1 + k) * BANDS, power, tail, t->own + (size_t)k * BANDS,
                 t->even + (size_t)k * BANDS);
    }
}

void v2s_foa_tails_get(const v2s_foa_tails *t, int k, float *out) {
    const v2s_foa_basis *b = t->basis;
    size_t row = 2 * (size_t)b->stride;
    memset(out, 0, row * sizeof *out);
    b->ops->mix(&b->bands, t->even + (size_t)k * BANDS, 1, t->tails + (size_t)k * row, b->stride,
                out);
}

static double dot(v2s_vec3 a, v2s_vec3 b) {
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

v2s_foa_split v2s_foa_basis_split(const float *gains, bool with_w, v2s_vec3 u) {
    double radial = 1.0 + gains[0], flat = radial + gains[1];
    v2s_foa_split s = {.sum = {u.x * flat, u.y * flat, u.z * radial + gains[2]}, .r2 = 1};
    s.c = s.sum;
    if (with_w)
        return s;
    if (gains[0] == 0 && gains[1] == 0 && gains[2] == 0) { // to the last bit
        s.r2 = 0;
        return s;
    }
    double length = fmax(FULL, sqrt(dot(s.sum, s.sum)));
    s.c = (v2s_vec3){s.sum.x / length, s.sum.y / length, s.sum.z / length};
    double rest = 1 - dot(s.c, s.c);
    s.r2 = rest > ROUNDING ? rest : 0;
    return s;
}

v2s_vec3 v2s_foa_split_back(const v2s_foa_split *s, v2s_vec3 dc) {
    double length = sqrt(dot(s->sum, s->sum));
    if (length < FULL)
        return (v2s_vec3){dc.x / FULL, dc.y / FULL, dc.z / FULL};
    double along = dot(s->c, dc);
    return (v2s_vec3){(dc.x - s->c.x * along) / length, (dc.y - s->c.y * along) / length,
                      (dc.z - s->c.z * along) / length};
}

// Gains of a dipole, one per band: of W in the coherent part, then of the tails as they are stored.
static void dipole_gains(const v2s_foa_tails *t, v2s_vec3 u, const float *gains, float along[BANDS],
                         float tails[][BANDS]) {
    const v2s_foa_basis *b = t->basis;
    int first = b->with_w ? 4 : 3;
    for (int i = 0; i < BANDS; i++) {
        const float *g = gains + (size_t)i * b->gains;
        v2s_foa_split s = v2s_foa_basis_split(g, b->with_w, u);
        const double added[V2S_FOA_CHANNELS] = {0, s.c.y - u.y, s.c.z - u.z, s.c.x - u.x};
        along[i] = (float)added[t->channel];
        float share = (float)sqrt(s.r2);
        for (int k = 0; k < b->segments; k++)
            tails[k][i] = share * g[first + k] * t->even[k * BANDS + i];
    }
}

// The same of W.
static void w_gains(const v2s_foa_tails *t, const float *gains, float along[BANDS],
                    float tails[][BANDS]) {
    const v2s_foa_basis *b = t->basis;
    for (int i = 0; i < BANDS; i++) {
        const float *g = gains + (size_t)i * b->gains + 3;
        along[i] = g[0];
        for (int k = 0; k < b->segments; k++)
            tails[k][i] = g[1 + b->segments + k] * t->even[k * BANDS + i];
    }
}

void v2s_foa_tails_residual(const v2s_foa_tails *t, const float *w, v2s_vec3 u, const float *gains,
                            float *out) {
    const v2s_foa_basis *b = t->basis;
    size_t row = 2 * (size_t)b->stride;
    float along[BANDS], tails[V2S_BASIS_SEGMENTS_MAX][BANDS];
    if (t->channel == V2S_ACN_W)
        w_gains(t, gains, along, tails);
    else
        dipole_gains(t, u, gains, along, tails);
    memset(out, 0, row * sizeof *out);
    b->ops->mix(&b->bands, along, 1, w, b->stride, out);
    for (int k = 0; k < b->segments; k++)
        b->ops->mix(&b->bands, tails[k], 1, t->tails + (size_t)k * row, b->stride, out);
}
