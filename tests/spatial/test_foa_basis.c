// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/band_split.h"
#include "spatial/foa_tails.h"
#include "spatial/foa_transform.h"
#include "tests/support/hash_noise.h"

enum { SAMPLES = 16000, BANDS = V2S_BASIS_BANDS };

Test(foa_basis, lengths_are_near_32_ms) {
    const double rates[] = {8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000, 192000};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        int n = v2s_foa_basis_length(rates[i]);
        cr_expect(v2s_fft_length_ok((size_t)n) && n % 4 == 0);
        cr_expect(fabs(n / rates[i] - 0.032) < 0.0035, "%g Hz: %d samples", rates[i], n);
    }
    cr_expect_eq(v2s_foa_basis_length(16000), 512);
    cr_expect_eq(v2s_foa_basis_length(48000), 1536);
}

Test(foa_basis, refuses_rates_out_of_range) {
    v2s_foa_basis *b = NULL;
    cr_expect_eq(v2s_foa_basis_open(7999, false, &b), V2S_ARG);
    cr_expect_eq(v2s_foa_basis_open(NAN, true, &b), V2S_ARG);
    cr_expect_null(b);
}

Test(foa_basis, analysis_and_synthesis_give_the_sound_back) {
    const double rates[] = {16000, 44100, 48000};
    static float x[SAMPLES], y[SAMPLES];
    hash_noise(1, SAMPLES, 1.0f, x);
    for (int r = 0; r < 3; r++) {
        v2s_foa_basis *b;
        v2s_foa_transform f;
        cr_assert_eq(v2s_foa_basis_open(rates[r], false, &b), V2S_OK);
        cr_assert_eq(v2s_foa_transform_open(b, &f), V2S_OK);
        float *spectrum = v2s_fft_alloc(2 * (size_t)b->stride, sizeof *spectrum);
        memset(y, 0, sizeof y);
        for (int t = 0; t < v2s_foa_basis_frames(b, SAMPLES); t++) {
            v2s_foa_analyse(&f, x, SAMPLES, 1, 0, t, spectrum);
            v2s_foa_synthesise(&f, spectrum, t, y, SAMPLES, 1, 0);
        }
        double gap = 0;
        for (int i = b->hop; i < SAMPLES; i++) // frame -1, before the sound, is not taken
            gap = fmax(gap, fabs((double)x[i] - y[i]));
        cr_expect(gap < 1e-6, "%g Hz: %g", rates[r], gap);
        v2s_fft_free(spectrum);
        v2s_foa_transform_close(&f);
        v2s_foa_basis_close(&b);
    }
}

// Of W and of one segment's tails: in the frames, and in the sound that they give.
typedef struct totals {
    double w, tail[4], cross_w[4], cross_dipoles;
    double w_sound, heard[4];
} totals;

static double product(const v2s_foa_basis *b, const float *x, const float *y) {
    double sum = 0;
    for (int i = 0; i < b->bins; i++)
        sum += (double)x[i] * y[i] + (double)x[b->stride + i] * y[b->stride + i];
    return sum;
}

static double energy_of(const float *x, int from, int to) {
    double sum = 0;
    for (int i = from; i < to; i++)
        sum += (double)x[i] * x[i];
    return sum;
}

// x[4 * SAMPLES] through segment k of a basis: energies of its tails and what they share.
static totals run_tails(const v2s_foa_basis *b, int k, const float *x) {
    static float sound[4][4 * SAMPLES];
    memset(sound, 0, sizeof sound);
    int frames = 4 * SAMPLES / b->hop, lowest = b->with_w ? 0 : 1;
    size_t row = 2 * (size_t)b->stride;
    v2s_foa_transform f;
    v2s_foa_tails tails[4] = {0};
    cr_assert_eq(v2s_foa_transform_open(b, &f), V2S_OK);
    for (int c = lowest; c < 4; c++)
        cr_assert_eq(v2s_foa_tails_open(b, c, &tails[c]), V2S_OK);
    float *spectra = v2s_fft_alloc((size_t)(b->history + frames) * row, sizeof *spectra);
    float levels[V2S_BASIS_LEVELS], energy[BANDS], *tail = v2s_fft_alloc(4 * row, sizeof *tail);
    v2s_foa_levels running;
    cr_assert_eq(v2s_foa_levels_open(b, &running), V2S_OK);
    int warm = b->history + 30;
    totals sum = {0};
    for (int t = 0; t < frames; t++) {
        float *w = spectra + (size_t)(b->history + t) * row;
        v2s_foa_analyse(&f, x, 4 * SAMPLES, 1, 0, t, w);
        v2s_foa_levels_next(&running, w, energy, levels);
        for (int c = lowest; c < 4; c++) {
            v2s_foa_tails_next(&tails[c], w, levels);
            v2s_foa_tails_get(&tails[c], k, tail + (size_t)c * row);
            v2s_foa_synthesise(&f, tail + (size_t)c * row, t, sound[c], 4 * SAMPLES, 1, 0);
        }
        if (t < warm)
            continue;
        sum.w += product(b, w, w);
        for (int c = lowest; c < 4; c++) {
            const float *of_c = tail + (size_t)c * row;
            sum.tail[c] += product(b, of_c, of_c);
            sum.cross_w[c] += product(b, w, of_c);
        }
        sum.cross_dipoles += product(b, tail + row, tail + 3 * row);
    }
    int from = (warm + 2) * b->hop, to = (frames - 4) * b->hop;
    sum.w_sound = energy_of(x, from, to);
    for (int c = lowest; c < 4; c++)
        sum.heard[c] = energy_of(sound[c], from, to);
    v2s_fft_free(spectra);
    v2s_fft_free(tail);
    v2s_foa_levels_close(&running);
    for (int c = 0; c < 4; c++)
        v2s_foa_tails_close(&tails[c]);
    v2s_foa_transform_close(&f);
    return sum;
}

Test(foa_basis, tails_are_isotropic_and_apart_from_w) {
    static float x[4 * SAMPLES];
    hash_noise(3, 4 * SAMPLES, 1.0f, x);
    for (int with_w = 0; with_w < 2; with_w++) {
        v2s_foa_basis *b;
        cr_assert_eq(v2s_foa_basis_open(16000, with_w, &b), V2S_OK);
        for (int k = 0; k < b->segments; k++) {
            totals t = run_tails(b, k, x);
            for (int c = with_w ? 0 : 1; c < 4; c++) {
                double expected = c == 0 ? 1.0 : 1.0 / 3;
                double heard = t.heard[c] / t.w_sound;
                cr_expect(fabs(10 * log10(heard / expected)) < 0.7, "segment %d, channel %d: %g", k,
                          c, heard);
                cr_expect(fabs(t.cross_w[c]) < 0.02 * t.w, "segment %d: %g of W is left", k,
                          t.cross_w[c] / t.w);
            }
            cr_expect(fabs(t.cross_dipoles) < 0.06 * t.w);
        }
        v2s_foa_basis_close(&b);
    }
}

// A tone hears one bin of the fixed noise, which may be a peak or a dip; and most of what it hears
// is W, which is taken out. (What is heard in the end depends on the tone: train/band_stats.h.)
Test(foa_basis, tails_of_a_tone_have_the_level_of_a_tone) {
    static float x[4 * SAMPLES];
    for (int with_w = 0; with_w < 2; with_w++) {
        v2s_foa_basis *b;
        cr_assert_eq(v2s_foa_basis_open(16000, with_w, &b), V2S_OK);
        for (int n = 0; n < 3; n++) {
            for (int i = 0; i < 4 * SAMPLES; i++)
                x[i] = (float)sin(2 * V2S_PI * (230 + 611 * n) * i / 16000);
            for (int k = 0; k < b->segments; k++) {
                totals t = run_tails(b, k, x);
                double dipoles = (t.tail[1] + t.tail[2] + t.tail[3]) / (b->power[k] * t.w);
                cr_expect(fabs(10 * log10(dipoles)) < 2, "%d Hz, segment %d: %g", 230 + 611 * n, k,
                          dipoles);
            }
        }
        v2s_foa_basis_close(&b);
    }
}

// Energy of noise's dipoles over that of W, for constant gains in all bands.
static double dipole_level(const v2s_foa_basis *b, v2s_vec3 u, const float *of_band) {
    static float x[4 * SAMPLES], sound[4 * SAMPLES];
    const double along[V2S_FOA_CHANNELS] = {1, u.y, u.z, u.x};
    int frames = 4 * SAMPLES / b->hop, warm = b->history + 30;
    int from = (warm + 2) * b->hop, to = (frames - 4) * b->hop;
    size_t row = 2 * (size_t)b->stride;
    float *run = v2s_fft_alloc((size_t)(b->history + frames) * row, sizeof *run);
    float *out = v2s_fft_alloc(row, sizeof *out), gains[BANDS * 8];
    double dipoles = 0;
    hash_noise(11, 4 * SAMPLES, 1.0f, x);
    for (int i = 0; i < BANDS; i++)
        memcpy(gains + (size_t)i * b->gains, of_band, (size_t)b->gains * sizeof *gains);
    v2s_foa_transform f;
    cr_assert_eq(v2s_foa_transform_open(b, &f), V2S_OK);
    for (int c = 1; c < V2S_FOA_CHANNELS; c++) {
        v2s_foa_tails t;
        v2s_foa_levels running;
        float levels[V2S_BASIS_LEVELS], energy[BANDS];
        cr_assert_eq(v2s_foa_tails_open(b, c, &t), V2S_OK);
        cr_assert_eq(v2s_foa_levels_open(b, &running), V2S_OK);
        for (int i = 0; i < 4 * SAMPLES; i++)
            sound[i] = (float)along[c] * x[i];
        for (int frame = 0; frame < frames; frame++) {
            float *w = run + (size_t)(b->history + frame) * row;
            v2s_foa_analyse(&f, x, 4 * SAMPLES, 1, 0, frame, w);
            v2s_foa_levels_next(&running, w, energy, levels);
            v2s_foa_tails_next(&t, w, levels);
            v2s_foa_tails_residual(&t, w, u, gains, out);
            v2s_foa_synthesise(&f, out, frame, sound, 4 * SAMPLES, 1, 0);
        }
        dipoles += energy_of(sound, from, to);
        v2s_foa_levels_close(&running);
        v2s_foa_tails_close(&t);
    }
    v2s_foa_transform_close(&f);
    v2s_fft_free(run);
    v2s_fft_free(out);
    return dipoles / energy_of(x, from, to);
}

Test(foa_basis, tails_of_norm_one_keep_the_level_whatever_the_coherent_part) {
    v2s_foa_basis *b;
    v2s_vec3 u = {0.36, 0.48, 0.8};
    const float none[6] = {0}, wet[6] = {-0.7f, 0.1f, -0.2f, 0.8f, 0.6f, 0},
                half[6] = {-0.3f, 0, 0, 0, 0.6f, 0.8f}, over[6] = {0.2f, 0, 0, 1, 0, 0};
    cr_assert_eq(v2s_foa_basis_open(16000, false, &b), V2S_OK);
    cr_expect_float_eq(dipole_level(b, u, none), 1, 1e-5);
    v2s_band_split s = v2s_band_split_of(none, false, (v2s_vec3){0.3, 0.5, 0.812403840463596});
    cr_expect(s.c.x == 0.3 && s.c.y == 0.5 && s.r2 == 0);
    cr_expect(fabs(10 * log10(dipole_level(b, u, wet))) < 0.5);
    cr_expect(fabs(10 * log10(dipole_level(b, u, half))) < 0.5);
    cr_expect_float_eq(dipole_level(b, u, over), 1, 1e-4, "no room for tails");
    v2s_foa_basis_close(&b);
}

Test(foa_basis, no_gains_no_residual_and_radial_gain_scales_the_plane_wave) {
    v2s_foa_basis *b;
    cr_assert_eq(v2s_foa_basis_open(48000, true, &b), V2S_OK);
    size_t row = 2 * (size_t)b->stride, count = (size_t)BANDS * b->gains;
    float *run = v2s_fft_alloc((size_t)(b->history + 1) * row, sizeof *run);
    float *w = run + (size_t)b->history * row, *out = v2s_fft_alloc(row, sizeof *out);
    float *gains = calloc(count, sizeof *gains), levels[V2S_BASIS_LEVELS], energy[BANDS];
    v2s_foa_levels running;
    cr_assert_eq(v2s_foa_levels_open(b, &running), V2S_OK);
    hash_noise(5, (size_t)b->bins, 1.0f, w);
    v2s_foa_levels_next(&running, w, energy, levels);
    v2s_vec3 u = {0.36, 0.48, 0.8};
    const double dipole[4] = {0, u.y, u.z, u.x};
    for (int c = 0; c < 4; c++) {
        v2s_foa_tails t;
        cr_assert_eq(v2s_foa_tails_open(b, c, &t), V2S_OK);
        v2s_foa_tails_next(&t, w, levels);
        memset(gains, 0, count * sizeof *gains);
        v2s_foa_tails_residual(&t, w, u, gains, out);
        for (size_t i = 0; i < row; i++)
            cr_assert_eq(out[i], 0.0f);
        for (size_t i = 0; i < count; i += (size_t)b->gains)
            gains[i] = -0.25f;
        v2s_foa_tails_residual(&t, w, u, gains, out);
        for (int i = 0; i < b->bins; i++)
            cr_assert_float_eq(out[i], -0.25 * dipole[c] * w[i], 1e-6);
        v2s_foa_tails_close(&t);
    }
    v2s_foa_levels_close(&running);
    free(gains);
    v2s_fft_free(run);
    v2s_fft_free(out);
    v2s_foa_basis_close(&b);
}

// The vector forms are one source: they must agree bit for bit.
Test(foa_ops, instruction_sets_agree) {
    v2s_erb_bands b;
    cr_assert_eq(v2s_erb_bands_open(BANDS, 50, 20000, 1536, 48000, &b), V2S_OK);
    enum { ROW = 784, TAPS = 3 };
    static float w[4 * 2 * ROW], noise[2 * 2 * ROW], gain[BANDS];
    static float out[2][2 * ROW], energy[2][BANDS], all[4][2 * ROW];
    const int delay[TAPS] = {0, 1, 3};
    const int shift[4][TAPS] = {{9, 8, 7}, {0, 77, 500}, {1, 2, 3}, {600, 30, 90}};
    const int *const shifts[4] = {shift[0], shift[1], shift[2], shift[3]};
    float *const outs[4] = {all[0], all[1], all[2], all[3]};
    hash_noise(1, 4 * 2 * ROW, 1.0f, w);
    hash_noise(2, 2 * 2 * ROW, 1.0f, noise);
    hash_noise(3, BANDS, 1.0f, gain);
    for (int isa = V2S_ISA_SCALAR; isa <= (int)v2s_cpu_isa(); isa++) {
        const v2s_foa_ops *ops = v2s_foa_ops_for((v2s_isa)isa);
        int to = isa != V2S_ISA_SCALAR;
        ops->tail(1, TAPS, delay, shifts + 1, noise, 2 * ROW, w + 3 * 2 * ROW, ROW,
                  (float *const[]){out[to]});
        for (int channels = 2; channels <= 4; channels++) {
            ops->tail(channels, TAPS, delay, shifts, noise, 2 * ROW, w + 3 * 2 * ROW, ROW, outs);
            cr_expect_eq(memcmp(all[1], out[to], sizeof out[to]), 0, "%d channels", channels);
        }
        ops->mix(&b, gain, 1, w, ROW, out[to]);
        ops->collect(&b, out[to], w, ROW, energy[to]);
        if (to == 0)
            continue;
        cr_expect_eq(memcmp(out[0], out[1], sizeof out[0]), 0, "%s", v2s_isa_name((v2s_isa)isa));
        cr_expect_eq(memcmp(energy[0], energy[1], sizeof energy[0]), 0);
    }
    v2s_erb_bands_close(&b);
}

Test(erb_bands, shares_add_up_and_centres_do_not_move_with_the_rate) {
    cr_expect_float_eq(v2s_erb_hz(v2s_erb_rate(1234)), 1234, 1e-9);
    for (int high = 0; high < 2; high++) {
        v2s_erb_bands b;
        double rate = high ? 48000 : 16000;
        cr_assert_eq(v2s_erb_bands_open(BANDS, 50, 20000, high ? 1536 : 512, rate, &b), V2S_OK);
        const v2s_foa_ops *ops = v2s_foa_ops_for(V2S_ISA_SCALAR);
        static float ones[2 * 784], values[2 * 784];
        float gains[BANDS], energy[BANDS];
        memset(values, 0, sizeof values);
        for (int i = 0; i < b.bins; i++)
            ones[i] = 1;
        ops->collect(&b, ones, ones, 784, energy);
        double sum = 0;
        for (int i = 0; i < BANDS; i++)
            sum += energy[i];
        cr_expect_float_eq(sum, b.bins, 1e-3);
        for (int i = 0; i < BANDS; i++)
            gains[i] = (float)i;
        ops->mix(&b, gains, 1, ones, 784, values);
        double step = (v2s_erb_rate(20000) - v2s_erb_rate(50)) / (BANDS - 1);
        double at = (v2s_erb_rate(1000) - v2s_erb_rate(50)) / step;
        cr_expect_float_eq(values[32], at, 1e-3, "bin 32 is 1 kHz at both rates");
        memset(ones, 0, sizeof ones);
        cr_expect_eq(b.used, high ? BANDS : 25);
        v2s_erb_bands_close(&b);
    }
}

// Levels are running means of W's energy, delayed as the taps of each segment are.
Test(foa_basis, levels_follow_the_taps) {
    enum { FRAMES = 90 };
    v2s_foa_basis *b;
    v2s_foa_levels running;
    cr_assert_eq(v2s_foa_basis_open(16000, true, &b), V2S_OK);
    cr_assert_eq(v2s_foa_levels_open(b, &running), V2S_OK);
    float *w = v2s_fft_alloc(2 * (size_t)b->stride, sizeof *w), energy[BANDS];
    float levels[V2S_BASIS_LEVELS], past[FRAMES] = {0};
    double mean[V2S_BASIS_SEGMENTS_MAX] = {0};
    int band = 10;
    for (int t = 0; t < FRAMES; t++) {
        hash_noise((unsigned)t, (size_t)b->bins, t % 7 == 0 ? 3.0f : 0.2f, w);
        v2s_foa_levels_next(&running, w, energy, levels);
        past[t] = energy[band];
        cr_expect_eq(levels[band], energy[band]);
        for (int k = 0; k < b->segments; k++) {
            double smeared = 0;
            for (int tap = b->first[k]; tap < b->first[k + 1]; tap++)
                smeared += t >= b->delay[tap] ? past[t - b->delay[tap]] : 0;
            smeared /= b->first[k + 1] - b->first[k];
            mean[k] = b->memory * mean[k] + (1 - b->memory) * smeared;
            cr_expect_float_eq(levels[(1 + k) * BANDS + band], mean[k], 1e-4 * mean[k] + 1e-7,
                               "frame %d, segment %d", t, k);
        }
    }
    v2s_fft_free(w);
    v2s_foa_levels_close(&running);
    v2s_foa_basis_close(&b);
}
