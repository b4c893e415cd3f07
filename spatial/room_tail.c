// SPDX-License-Identifier: MIT
#include "spatial/room_tail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fft.h"
#include "spatial/conventions.h"
#include "spatial/room_bands.h"

enum { RINGS = 12, DIRECTIONS = RINGS * RINGS }; // of an octant

static const double grid_s = 0.002;   // of the envelope while images are still being replaced
static const double silent_db = 60.0; // the end, below the beginning
static const double max_tail_s = 30.0;

// ---- envelope ---------------------------------------------------------------------------------

typedef struct octant {
    double per_m[DIRECTIONS];                     // reflections per metre of path
    double log_per_m[DIRECTIONS][V2S_ROOM_BANDS]; // ln of energy per metre
} octant;

// Equal shares of an octant: by symmetry the whole sphere.
static void fill_octant(const v2s_room *room, octant *o) {
    const double length[3] = {room->size_m.x, room->size_m.y, room->size_m.z};
    for (int i = 0; i < DIRECTIONS; i++) {
        double z = (i / RINGS + 0.5) / RINGS, az = 0.5 * V2S_PI * (i % RINGS + 0.5) / RINGS;
        double flat = sqrt(1.0 - z * z);
        const double u[3] = {flat * cos(az), flat * sin(az), z};
        o->per_m[i] = u[0] / length[0] + u[1] / length[1] + u[2] / length[2];
        for (int b = 0; b < V2S_ROOM_BANDS; b++) {
            o->log_per_m[i][b] = 0.0;
            for (int w = 0; w < V2S_ROOM_WALLS; w++)
                o->log_per_m[i][b] +=
                    u[w / 2] / length[w / 2] * v2s_room_log_reflection(room->absorption[w][b]);
        }
    }
}

// Mean of the energies at distance r over the directions without images.
static void mean_energy(const octant *o, double r_m, double order, double energy[V2S_ROOM_BANDS]) {
    memset(energy, 0, V2S_ROOM_BANDS * sizeof *energy);
    for (int i = 0; i < DIRECTIONS; i++)
        if (r_m * o->per_m[i] > order)
            for (int b = 0; b < V2S_ROOM_BANDS; b++)
                energy[b] += exp(r_m * o->log_per_m[i][b]) / DIRECTIONS;
}

typedef struct envelope {
    double begin_s, full_s;           // the images end between these
    size_t points;                    // begin_s + i grid_s, the last at or after full_s
    double (*energy)[V2S_ROOM_BANDS]; // mean energies at the points
    double rt60_s[V2S_ROOM_BANDS];
    double scale; // power per sample of W at energy 1
} envelope;

static v2s_status make_envelope(const v2s_room *room, double rate_hz, envelope *e) {
    octant o;
    fill_octant(room, &o);
    double least = INFINITY, order = room->order < 0 ? -1.0 : room->order + 0.5;
    for (int i = 0; i < DIRECTIONS; i++)
        least = fmin(least, o.per_m[i]);
    double c = V2S_SPEED_OF_SOUND_M_S;
    e->begin_s = room->early_s;
    e->full_s = fmax(e->begin_s, order / (least * c));
    e->points = (size_t)ceil((e->full_s - e->begin_s) / grid_s) + 1;
    e->scale = 4.0 * V2S_PI * c / (room->size_m.x * room->size_m.y * room->size_m.z * rate_hz);
    v2s_room_rt60(room, e->rt60_s);
    e->energy = malloc(e->points * sizeof *e->energy);
    if (e->energy == NULL)
        return V2S_FAIL(V2S_NOMEM, "room: out of memory");
    for (size_t i = 0; i < e->points; i++)
        mean_energy(&o, (e->begin_s + (double)i * grid_s) * c, order, e->energy[i]);
    return V2S_OK;
}

// Length until every band lies silent_db below its beginning.
static double length_s(const envelope *e) {
    double longest = 0.0;
    for (int b = 0; b < V2S_ROOM_BANDS; b++)
        longest = fmax(longest, e->rt60_s[b] * silent_db / 60.0);
    return e->full_s - e->begin_s + longest;
}

// Amplitude of W in a band, sample by sample, as a product per sample after the grid.
static void fill_gains(const envelope *e, int band, double rate_hz, size_t first, size_t frames,
                       float *gain) {
    double grid_end_s = e->begin_s + (double)(e->points - 1) * grid_s;
    double decay = pow(10.0, -3.0 / (e->rt60_s[band] * rate_hz)), level = 0.0;
    bool falling = false;
    for (size_t t = 0; t < frames; t++) {
        double at_s = (double)(first + t) / rate_hz;
        if (falling) {
            level *= decay;
        } else if (at_s >= grid_end_s || e->points < 2) {
            falling = true;
            level = sqrt(e->scale * e->energy[e->points - 1][band]) *
                    pow(decay, (at_s - grid_end_s) * rate_hz);
        } else {
            double x = fmax((at_s - e->begin_s) / grid_s, 0.0);
            size_t i = (size_t)x < e->points - 1 ? (size_t)x : e->points - 2; // rounding
            double share = x - (double)i;
            level = sqrt(e->scale *
                         ((1.0 - share) * e->energy[i][band] + share * e->energy[i + 1][band]));
        }
        gain[t] = (float)level;
    }
}

// ---- noise ------------------------------------------------------------------------------------

// splitmix64 (Steele, Lea, Flood 2014).
static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

// Standard normal numbers in pairs by Marsaglia's polar method.
static void fill_normal(uint64_t *state, size_t count, float *x) {
    for (size_t i = 0; i < count; i += 2) {
        double u, v, s;
        do {
            uint64_t bits = next_random(state);
            u = (double)(uint32_t)bits * (2.0 / 4294967296.0) - 1.0;
            v = (double)(uint32_t)(bits >> 32) * (2.0 / 4294967296.0) - 1.0;
            s = u * u + v * v;
        } while (s >= 1.0 || s == 0.0);
        double size = sqrt(-2.0 * log(s) / s);
        x[i] = (float)(u * size);
        if (i + 1 < count)
            x[i + 1] = (float)(v * size);
    }
}

typedef struct shaper {
    v2s_fft_real *fft;
    size_t n, bins, frames;
    float *noise, *band, *gain; // [n], [n], [bands][frames]
    float *phi;                 // [bands][bins]
    v2s_complex *spectrum, *part;
    double rate_hz;
    int bands; // 1: all bands decay alike and the noise stays white
} shaper;

static void shaper_close(shaper *s) {
    v2s_fft_real_close(&s->fft);
    v2s_fft_free(s->noise);
    v2s_fft_free(s->band);
    free(s->gain);
    free(s->phi);
    v2s_fft_free(s->spectrum);
    v2s_fft_free(s->part);
}

static v2s_status shaper_open(shaper *s) {
    s->n = v2s_fft_length_above(s->frames < 16 ? 16 : s->frames);
    if (s->n == 0)
        return V2S_FAIL(V2S_ARG, "room: tail of %zu samples: too long", s->frames);
    s->bins = s->n / 2 + 1;
    V2S_TRY(v2s_fft_real_open(s->n, &s->fft));
    s->noise = v2s_fft_alloc(s->n, sizeof *s->noise);
    s->band = v2s_fft_alloc(s->n, sizeof *s->band);
    s->gain = malloc((size_t)s->bands * s->frames * sizeof *s->gain);
    s->phi = malloc((size_t)s->bands * s->bins * sizeof *s->phi);
    s->spectrum = v2s_fft_alloc(s->bins, sizeof *s->spectrum);
    s->part = v2s_fft_alloc(s->bins, sizeof *s->part);
    if (!s->noise || !s->band || !s->gain || !s->phi || !s->spectrum || !s->part)
        return V2S_FAIL(V2S_NOMEM, "room: out of memory for a tail of %zu samples", s->frames);
    for (int b = 0; b < s->bands; b++)
        for (size_t k = 0; k < s->bins; k++)
            s->phi[(size_t)b * s->bins + k] =
                (float)v2s_room_phi(b, (double)k * s->rate_hz / (double)s->n);
    return V2S_OK;
}

static void add_band(const float *noise, const float *gain, size_t frames, float share,
                     float *out) {
    for (size_t t = 0; t < frames; t++)
        out[4 * t] += share * gain[t] * noise[t];
}

static void shape_channel(shaper *s, uint64_t *state, float share, float *out) {
    fill_normal(state, s->n, s->noise);
    if (s->bands == 1) {
        add_band(s->noise, s->gain, s->frames, share, out);
        return;
    }
    v2s_fft_real_forward(s->fft, s->noise, s->spectrum);
    for (int b = 0; b < s->bands; b++) {
        for (size_t k = 0; k < s->bins; k++) {
            float phi = s->phi[(size_t)b * s->bins + k];
            s->part[k] = (v2s_complex){s->spectrum[k].re * phi, s->spectrum[k].im * phi};
        }
        v2s_fft_real_inverse(s->fft, s->part, s->band);
        add_band(s->band, s->gain + (size_t)b * s->frames, s->frames, share, out);
    }
}

static bool bands_are_equal(const v2s_room *room) {
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        for (int b = 1; b < V2S_ROOM_BANDS; b++)
            if (room->absorption[w][b] != room->absorption[w][0])
                return false;
    return true;
}

v2s_status v2s_room_tail(const v2s_room *room, double rate_hz, float **noise, size_t *begin,
                         size_t *frames) {
    envelope e;
    V2S_TRY(make_envelope(room, rate_hz, &e));
    shaper s = {.rate_hz = rate_hz, .bands = bands_are_equal(room) ? 1 : V2S_ROOM_BANDS};
    double length = room->tail ? length_s(&e) : 0.0;
    size_t first = (size_t)ceil(e.begin_s * rate_hz);
    float *made = NULL;
    v2s_status status = V2S_OK;
    if (!(length <= max_tail_s)) {
        status = V2S_FAIL(V2S_ARG,
                          "room: walls that absorb so little give a tail of %.3g s: expected at "
                          "most %g s",
                          length, max_tail_s);
        goto done;
    }
    s.frames = (size_t)(length * rate_hz);
    if (s.frames > 0) {
        made = calloc(s.frames * 4, sizeof *made);
        V2S_TRY_GOTO(status, made ? V2S_OK : V2S_FAIL(V2S_NOMEM, "room: out of memory"), done);
        V2S_TRY_GOTO(status, shaper_open(&s), done);
        for (int b = 0; b < s.bands; b++)
            fill_gains(&e, b, rate_hz, first, s.frames, s.gain + (size_t)b * s.frames);
        uint64_t state = room->seed;
        for (int c = 0; c < 4; c++)
            shape_channel(&s, &state, c == 0 ? 1.0f : (float)sqrt(1.0 / 3.0), made + c);
    }
    *noise = made;
    *begin = first;
    *frames = s.frames;
    made = NULL;
done:
    free(made);
    free(e.energy);
    shaper_close(&s);
    return status;
}
