// SPDX-License-Identifier: MIT
#include "train/echo_scene.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/fft.h"

enum {
    BANDS = V2S_ECHO_BANDS,
    FRAMES = V2S_ECHO_SCENE_FRAMES,
    TAPS = V2S_ECHO_HEAD_TAPS,
    ROOM = V2S_ECHO_HEAD_LEAD + FRAMES + TAPS, // samples of a band, from -LEAD on
    FFT = 16384,                               // ROOM + chirp fit
    BINS = FFT / 2 + 1,
};

static const double RATE_HZ = V2S_ECHO_SCENE_RATE_HZ;
static const double CHIRP_LOW_HZ = 20, CHIRP_HIGH_HZ = 20000, CHIRP_S = 0.003;
static const double SPEAKER_LOW_HZ = 150;

struct v2s_echo_maker {
    const v2s_echo_head *head;
    v2s_echo_air air;
    v2s_fft_real *fft;
    v2s_complex *chirp;          // [BINS] with the loudspeaker and 1/gain
    float *weight;               // [BANDS][BINS]
    float *bands;                // [2][BANDS][FFT], used up to ROOM
    v2s_complex *spectrum, *sum; // [BINS]
    float *sound;                // [FFT]
    const v2s_depth_rig *rig;    // of the sound being made
    v2s_echo_stats *stats;
};

// ---- tables -----------------------------------------------------------------------------------

// Squared cosine over an octave on either side of the middle; all below the lowest, all above the
// highest.
static double band_weight(int band, double hz) {
    double octaves = hz > 0 ? log2(hz / v2s_echo_band_hz(band)) : -INFINITY;
    if ((band == 0 && octaves < 0) || (band == BANDS - 1 && octaves > 0))
        return 1;
    if (fabs(octaves) >= 1)
        return 0;
    double c = cos(V2S_PI / 2 * octaves);
    return c * c;
}

// Times s^2 / (s^2 + sqrt(2) s + 1), s = i f / f0.
static v2s_complex radiated(v2s_complex x, double hz) {
    double f = hz / SPEAKER_LOW_HZ, re = 1 - f * f, im = sqrt(2) * f, norm = re * re + im * im;
    double hr = -f * f * re / norm, hi = f * f * im / norm;
    return (v2s_complex){(float)(x.re * hr - x.im * hi), (float)(x.re * hi + x.im * hr)};
}

static void fill_tables(v2s_echo_maker *m) {
    memset(m->sound, 0, FFT * sizeof *m->sound);
    for (int i = 0; i / RATE_HZ < CHIRP_S; i++) {
        double t = i / RATE_HZ;
        double sweep = (CHIRP_HIGH_HZ - CHIRP_LOW_HZ) / CHIRP_S;
        m->sound[i] =
            (float)(V2S_ECHO_SCENE_GAIN * sin(2 * V2S_PI * (CHIRP_LOW_HZ * t + sweep * t * t / 2)));
    }
    v2s_fft_real_forward(m->fft, m->sound, m->chirp);
    for (int k = 0; k < BINS; k++) {
        double hz = k * RATE_HZ / FFT;
        m->chirp[k] = radiated(m->chirp[k], hz);
        for (int b = 0; b < BANDS; b++)
            m->weight[b * BINS + k] = (float)band_weight(b, hz);
    }
}

v2s_status v2s_echo_maker_open(const v2s_echo_head *head, v2s_echo_maker **out) {
    v2s_echo_maker *m = calloc(1, sizeof *m);
    if (m == NULL)
        return V2S_FAIL(V2S_NOMEM, "echo: out of memory");
    m->head = head;
    m->air = v2s_echo_air_default();
    m->chirp = v2s_fft_alloc(BINS, sizeof *m->chirp);
    m->weight = v2s_fft_alloc((size_t)BANDS * BINS, sizeof *m->weight);
    m->bands = v2s_fft_alloc((size_t)2 * BANDS * FFT, sizeof *m->bands);
    m->spectrum = v2s_fft_alloc(BINS, sizeof *m->spectrum);
    m->sum = v2s_fft_alloc(BINS, sizeof *m->sum);
    m->sound = v2s_fft_alloc(FFT, sizeof *m->sound);
    bool complete = m->chirp && m->weight && m->bands && m->spectrum && m->sum && m->sound;
    v2s_status status =
        complete ? v2s_fft_real_open(FFT, &m->fft) : V2S_FAIL(V2S_NOMEM, "echo: out of memory");
    if (status != V2S_OK) {
        v2s_echo_maker_close(&m);
        return status;
    }
    fill_tables(m);
    *out = m;
    return V2S_OK;
}

void v2s_echo_maker_close(v2s_echo_maker **maker) {
    v2s_echo_maker *m = *maker;
    if (m != NULL) {
        v2s_fft_real_close(&m->fft);
        v2s_fft_free(m->chirp);
        v2s_fft_free(m->weight);
        v2s_fft_free(m->bands);
        v2s_fft_free(m->spectrum);
        v2s_fft_free(m->sum);
        v2s_fft_free(m->sound);
    }
    free(m);
    *maker = NULL;
}

// ---- a sound ----------------------------------------------------------------------------------

// Adds what a path brings to the bands of both ears.
static void add_path(void *ctx, const v2s_echo_path *path) {
    v2s_echo_maker *m = ctx;
    const int phases = V2S_ECHO_HEAD_PHASES;
    double at = (V2S_ECHO_SCENE_START_S + path->length_m / V2S_SPEED_OF_SOUND_M_S) * RATE_HZ;
    long step = lround(at * phases);
    long whole = step / phases;
    if (whole >= FRAMES)
        return;
    v2s_vec3 from = v2s_depth_rig_axes(m->rig, path->from);
    for (int ear = 0; ear < 2; ear++) {
        const float *response = v2s_echo_head_response(m->head, from, ear, (int)(step % phases));
        for (int b = 0; b < BANDS; b++) {
            float *to = m->bands + (size_t)(ear * BANDS + b) * FFT + whole;
            float gain = (float)path->gain[b];
            for (int j = 0; j < TAPS; j++)
                to[j] += gain * response[j];
        }
    }
    m->stats->mirrored += path->reflections > 0;
}

static void add_diffuse(void *ctx, const v2s_echo_path *path) {
    v2s_echo_maker *m = ctx;
    add_path(ctx, path);
    m->stats->mirrored--;
    m->stats->diffuse++;
}

// The bands of an ear together, sent through chirp and loudspeaker: m->sound from -LEAD on.
static void finish_ear(v2s_echo_maker *m, int ear) {
    memset(m->sum, 0, BINS * sizeof *m->sum);
    for (int b = 0; b < BANDS; b++) {
        const float *weight = m->weight + (size_t)b * BINS;
        v2s_fft_real_forward(m->fft, m->bands + (size_t)(ear * BANDS + b) * FFT, m->spectrum);
        for (int k = 0; k < BINS; k++) {
            m->sum[k].re += weight[k] * m->spectrum[k].re;
            m->sum[k].im += weight[k] * m->spectrum[k].im;
        }
    }
    for (int k = 0; k < BINS; k++) {
        v2s_complex a = m->sum[k], c = m->chirp[k];
        m->sum[k] = (v2s_complex){a.re * c.re - a.im * c.im, a.re * c.im + a.im * c.re};
    }
    v2s_fft_real_inverse(m->fft, m->sum, m->sound);
}

static void add_noise(float *stereo, double snr_db, v2s_rng *rng) {
    double power = 0;
    for (int i = 0; i < 2 * FRAMES; i++)
        power += (double)stereo[i] * stereo[i] / (2 * FRAMES);
    double level = sqrt(power) * pow(10, -snr_db / 20);
    for (int i = 0; i < 2 * FRAMES; i++)
        stereo[i] += (float)(level * v2s_rng_normal(rng));
}

void v2s_echo_make(v2s_echo_maker *m, const v2s_world *world, const v2s_depth_rig *rig, int rays,
                   double snr_db, v2s_rng *rng, float *stereo, v2s_echo_stats *stats) {
    double longest_m = (FRAMES / RATE_HZ - V2S_ECHO_SCENE_START_S) * V2S_SPEED_OF_SOUND_M_S;
    *stats = (v2s_echo_stats){0};
    m->rig = rig;
    m->stats = stats;
    memset(m->bands, 0, (size_t)2 * BANDS * FFT * sizeof *m->bands);
    v2s_echo_direct(rig, &m->air, add_path, m);
    v2s_echo_mirrors(world, rig, &m->air, longest_m, add_path, m);
    if (rays > 0)
        v2s_echo_diffuse(world, rig, &m->air, longest_m, rays, rng, add_diffuse, m);
    for (int ear = 0; ear < 2; ear++) {
        finish_ear(m, ear);
        for (int i = 0; i < FRAMES; i++)
            stereo[2 * i + ear] = m->sound[V2S_ECHO_HEAD_LEAD + i];
    }
    if (isfinite(snr_db))
        add_noise(stereo, snr_db, rng);
    for (int i = 0; i < 2 * FRAMES; i++) {
        stats->peak = fmax(stats->peak, fabsf(stereo[i]));
        stats->clipped += fabsf(stereo[i]) > 1;
        stereo[i] = fmaxf(-1, fminf(1, stereo[i]));
    }
}
