// SPDX-License-Identifier: MIT
#include "spatial/room.h"

#include <complex.h>
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/conventions.h"

static const v2s_vec3 source = {4.1, 1.3, 1.7};
static const double c = V2S_SPEED_OF_SOUND_M_S;

typedef enum walls { FLAT, OCTAVES, DIFFERENT } walls;

static v2s_room room_of(walls kind, int order, double early_s, bool tail) {
    v2s_room r = {.size_m = {6.3, 4.7, 3.1},
                  .listener_m = {2.2, 2.9, 1.4},
                  .order = order,
                  .early_s = early_s,
                  .tail = tail,
                  .min_distance_m = 0.5,
                  .seed = 7};
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        for (int b = 0; b < V2S_ROOM_BANDS; b++)
            r.absorption[w][b] = kind == FLAT      ? 0.2 + 0.05 * w
                                 : kind == OCTAVES ? 0.1 + 0.06 * b
                                                   : 0.05 + 0.04 * b + 0.05 * ((w * 5 + b) % 4);
    return r;
}

static float *response_of(const v2s_room *r, v2s_vec3 at, double rate_hz, size_t *frames) {
    float *foa = NULL;
    cr_assert_eq(v2s_room_response(r, at, rate_hz, &foa, frames), V2S_OK, "%s", v2s_error_text());
    return foa;
}

// ---- the exact sum ----------------------------------------------------------------------------

enum { GRID = 32768 };

// Plain recursive transform in double.
static void fft(double complex *x, size_t n, size_t stride, double complex *out, double sign) {
    if (n == 1) {
        out[0] = x[0];
        return;
    }
    fft(x, n / 2, 2 * stride, out, sign);
    fft(x + stride, n / 2, 2 * stride, out + n / 2, sign);
    for (size_t k = 0; k < n / 2; k++) {
        double complex a = out[k];
        double complex b = out[n / 2 + k] * cexp(sign * 2.0 * V2S_PI * I * (double)k / (double)n);
        out[k] = a + b;
        out[n / 2 + k] = a - b;
    }
}

// ln R of a wall at every grid frequency: raised cosines in the logarithm, minimum phase by the
// folded cepstrum.
static double complex *log_reflection(const double *absorption, double rate_hz) {
    double complex *x = malloc(GRID * sizeof *x), *y = malloc(GRID * sizeof *y);
    for (size_t k = 0; k < GRID; k++) {
        double hz = (double)(k <= GRID / 2 ? k : GRID - k) * rate_hz / GRID;
        int b = 0;
        while (b < V2S_ROOM_BANDS - 2 && hz > v2s_room_band_hz[b + 1])
            b++;
        double u = hz > 0.0 ? log(hz / v2s_room_band_hz[b]) /
                                  log(v2s_room_band_hz[b + 1] / v2s_room_band_hz[b])
                            : 0.0;
        u = 0.5 - 0.5 * cos(V2S_PI * fmin(fmax(u, 0.0), 1.0));
        x[k] = (1.0 - u) * 0.5 * log(1.0 - absorption[b]) + u * 0.5 * log(1.0 - absorption[b + 1]);
    }
    fft(x, GRID, 1, y, 1.0);
    for (size_t t = 0; t < GRID; t++)
        y[t] *= (t == 0 || t == GRID / 2 ? 1.0 : t < GRID / 2 ? 2.0 : 0.0) / GRID;
    fft(y, GRID, 1, x, -1.0);
    free(y);
    return x;
}

// Allen and Berkley's own indices: 2 n L + (1 - 2 q) s, |n - q| and |n| reflections.
static void add_images(const v2s_room *r, v2s_vec3 s, double hz, const double complex *log_wall,
                       double complex sum[4]) {
    const double l[3] = {r->size_m.x, r->size_m.y, r->size_m.z}, from[3] = {s.x, s.y, s.z};
    const double ear[3] = {r->listener_m.x, r->listener_m.y, r->listener_m.z};
    enum { N = 5, SIDE = 2 * N + 1 };
    memset(sum, 0, 4 * sizeof *sum);
    for (int i = 0; i < SIDE * SIDE * SIDE * 8; i++) {
        int n[3] = {i / 8 % SIDE - N, i / 8 / SIDE % SIDE - N, i / 8 / SIDE / SIDE - N};
        double d[3], square = 0.0;
        int order = 0;
        double complex log_gain = 0.0;
        for (int a = 0; a < 3; a++) {
            int q = i >> a & 1;
            d[a] = 2.0 * n[a] * l[a] + (1 - 2 * q) * from[a] - ear[a];
            square += d[a] * d[a];
            order += abs(n[a] - q) + abs(n[a]);
            log_gain += abs(n[a] - q) * log_wall[2 * a] + abs(n[a]) * log_wall[2 * a + 1];
        }
        double distance = sqrt(square);
        if (r->order >= 0 ? order > r->order : distance > c * r->early_s)
            continue;
        double complex p = cexp(log_gain - 2.0 * V2S_PI * I * hz * distance / c) /
                           fmax(distance, r->min_distance_m);
        sum[0] += p;
        sum[1] += p * d[1] / distance;
        sum[2] += p * d[2] / distance;
        sum[3] += p * d[0] / distance;
    }
}

static void spectrum_at(const float *foa, size_t frames, double cycles, double complex sum[4]) {
    memset(sum, 0, 4 * sizeof *sum);
    for (size_t t = 0; t < frames; t++) {
        double complex e = cexp(-2.0 * V2S_PI * I * cycles * (double)t);
        for (int ch = 0; ch < 4; ch++)
            sum[ch] += foa[4 * t + (size_t)ch] * e;
    }
}

static void expect_exact(walls kind, int order, double early_s, double rate_hz) {
    v2s_room r = room_of(kind, order, early_s, false);
    size_t frames;
    float *foa = response_of(&r, source, rate_hz, &frames);
    double complex *log_wall[V2S_ROOM_WALLS];
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        log_wall[w] = log_reflection(r.absorption[w], rate_hz);
    double error[4] = {0}, power[4] = {0};
    enum { POINTS = 61 };
    for (int i = 0; i < POINTS; i++) {
        size_t k = (size_t)(i + 0.5) * (size_t)(0.85 * GRID / 2) / POINTS;
        double complex at[V2S_ROOM_WALLS], exact[4], found[4];
        for (int w = 0; w < V2S_ROOM_WALLS; w++)
            at[w] = log_wall[w][k];
        add_images(&r, source, (double)k * rate_hz / GRID, at, exact);
        spectrum_at(foa, frames, (double)k / GRID, found);
        for (int ch = 0; ch < 4; ch++) {
            error[ch] += pow(cabs(found[ch] - exact[ch]), 2.0);
            power[ch] += pow(cabs(exact[ch]), 2.0);
        }
    }
    for (int ch = 0; ch < 4; ch++) {
        double db = 10.0 * log10(error[ch] / power[ch]);
        cr_expect_lt(db, -60.0, "channel %d: %.1f dB", ch, db);
    }
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        free(log_wall[w]);
    free(foa);
}

Test(room, flat_walls_give_the_exact_sum_over_images) {
    expect_exact(FLAT, -1, 0.04, 16000.0);
}

Test(room, octave_walls_give_the_exact_sum_over_images) {
    expect_exact(OCTAVES, -1, 0.04, 16000.0);
}

Test(room, six_different_walls_give_the_exact_sum_over_images) {
    expect_exact(DIFFERENT, -1, 0.035, 16000.0);
}

Test(room, an_order_limit_gives_the_exact_sum_at_48_kHz) {
    expect_exact(DIFFERENT, 3, 0.0, 48000.0);
}

// ---- other references -------------------------------------------------------------------------

// In the far field of an image a pressure gradient is its direction: dW/dx = j k u W (1 + 1/jkd).
// At 4 to 6 kHz and distances from 1.7 m the 1/kd term is below 0.8 %.
Test(room, dipoles_are_differences_of_w_over_listener_positions) {
    const double rate_hz = 16000.0, h = 0.0005;
    v2s_room r = room_of(OCTAVES, -1, 0.03, false);
    size_t frames;
    float *foa = response_of(&r, source, rate_hz, &frames), *side[3][2];
    for (int a = 0; a < 3; a++)
        for (int i = 0; i < 2; i++) {
            v2s_room moved = r;
            double *at = a == 0   ? &moved.listener_m.y
                         : a == 1 ? &moved.listener_m.z
                                  : &moved.listener_m.x;
            *at += i == 0 ? -h : h;
            size_t n;
            side[a][i] = response_of(&moved, source, rate_hz, &n);
            cr_assert_eq(n, frames);
        }
    for (int a = 0; a < 3; a++) {
        double error = 0.0, power = 0.0;
        for (int i = 0; i < 40; i++) {
            double hz = 4000.0 + 50.0 * i, k = 2.0 * V2S_PI * hz / c;
            double complex low[4], high[4], here[4];
            spectrum_at(side[a][0], frames, hz / rate_hz, low);
            spectrum_at(side[a][1], frames, hz / rate_hz, high);
            spectrum_at(foa, frames, hz / rate_hz, here);
            double complex dipole = (high[0] - low[0]) / (2.0 * h) / (I * k);
            error += pow(cabs(dipole - here[a + 1]), 2.0);
            power += pow(cabs(here[a + 1]), 2.0);
        }
        double db = 10.0 * log10(error / power);
        cr_expect_lt(db, -40.0, "axis %d: %.1f dB", a, db);
    }
    free(foa);
    for (int i = 0; i < 6; i++)
        free(side[i / 2][i % 2]);
}

// W of pyroomacoustics 0.10.1 by tests/tools/make_room_golden.py.
Test(room, w_is_that_of_pyroomacoustics) {
    enum { FRAMES = 800 };
    const double rate_hz = 16000.0;
    float golden[FRAMES];
    FILE *file = fopen(V2S_TEST_DATA "/golden/room_w.f32", "rb");
    cr_assert_not_null(file);
    cr_assert_eq(fread(golden, sizeof *golden, FRAMES, file), FRAMES);
    fclose(file);
    v2s_room r = room_of(FLAT, 4, 0.0, false);
    r.min_distance_m = 0.01;
    size_t frames;
    float *foa = response_of(&r, source, rate_hz, &frames);
    double error = 0.0, power = 0.0;
    float w[FRAMES * 4] = {0}, theirs[FRAMES * 4] = {0};
    for (size_t t = 0; t < FRAMES; t++) {
        w[4 * t] = t < frames ? foa[4 * t] : 0.0F;
        theirs[4 * t] = golden[t];
    }
    for (int i = 1; i < 200; i++) { // up to 0.8 of Nyquist
        double complex a[4], b[4];
        spectrum_at(w, FRAMES, 0.4 * i / 200.0, a);
        spectrum_at(theirs, FRAMES, 0.4 * i / 200.0, b);
        error += pow(cabs(a[0] - b[0]), 2.0);
        power += pow(cabs(b[0]), 2.0);
    }
    double db = 10.0 * log10(error / power);
    cr_expect_lt(db, -50.0, "%.1f dB", db);
    free(foa);
}

// Takes out what lies below about 80 Hz, twice one pole: all images are positive, so that their
// sum, and only it, has a mean.
static void high_pass(float *foa, size_t frames) {
    for (int ch = 0; ch < 4; ch++) {
        double low[2] = {0.0};
        for (size_t t = 0; t < frames; t++) {
            double x = foa[4 * t + (size_t)ch];
            for (int i = 0; i < 2; i++) {
                low[i] += 0.03 * (x - low[i]);
                x -= low[i];
            }
            foa[4 * t + (size_t)ch] = (float)x;
        }
    }
}

static double power_between(const float *foa, size_t frames, double from_s, double to_s, int a,
                            int b) {
    double sum = 0.0;
    for (size_t t = (size_t)(from_s * 16000.0); t < (size_t)(to_s * 16000.0) && t < frames; t++)
        sum += (double)foa[4 * t + (size_t)a] * foa[4 * t + (size_t)b];
    return sum;
}

// ---- decay ------------------------------------------------------------------------------------

// T30 of an energy curve: twice the time from -5 to -35 dB of its backward sum.
static double t30_s(const double *energy, size_t frames, double rate_hz) {
    double total = 0.0, sum = 0.0, from = -1.0, to = -1.0;
    for (size_t t = 0; t < frames; t++)
        total += energy[t];
    for (size_t t = 0; t < frames; t++) {
        sum += energy[t];
        double left_db = 10.0 * log10((total - sum) / total);
        if (from < 0.0 && left_db <= -5.0)
            from = (double)t;
        if (to < 0.0 && left_db <= -35.0)
            to = (double)t;
    }
    return 2.0 * (to - from) / rate_hz;
}

// Energy of W in a band: a Hann window of `length` samples, modulated.
static double *band_energy(const float *foa, size_t frames, double cycles, int length) {
    double *energy = calloc(frames, sizeof *energy);
    for (size_t t = 0; t < frames; t++) {
        double complex sum = 0.0;
        for (int k = 0; k < length && (size_t)k <= t; k++)
            sum += foa[4 * (t - (size_t)k)] * cexp(2.0 * V2S_PI * I * cycles * k) *
                   (0.5 - 0.5 * cos(2.0 * V2S_PI * (k + 0.5) / length));
        energy[t] = pow(cabs(sum), 2.0);
    }
    return energy;
}

Test(room, w_decays_by_eyring) {
    const v2s_vec3 sizes[3] = {{4.0, 4.4, 3.6}, {6.0, 5.0, 4.0}, {9.0, 8.0, 7.0}};
    const double times_s[3] = {0.25, 0.5, 0.9};
    for (int i = 0; i < 3; i++) {
        v2s_room r = room_of(FLAT, -1, 0.06, true);
        r.size_m = sizes[i];
        r.listener_m = (v2s_vec3){1.7, 1.9, 1.6};
        double want[V2S_ROOM_BANDS], absorption[V2S_ROOM_BANDS];
        for (int b = 0; b < V2S_ROOM_BANDS; b++)
            want[b] = times_s[i];
        cr_assert_eq(v2s_room_absorption_of_rt60(r.size_m, want, absorption), V2S_OK);
        for (int w = 0; w < V2S_ROOM_WALLS; w++)
            memcpy(r.absorption[w], absorption, sizeof absorption);
        size_t frames;
        float *foa = response_of(&r, (v2s_vec3){3.1, 3.2, 2.0}, 16000.0, &frames);
        high_pass(foa, frames);
        double *energy = calloc(frames, sizeof *energy);
        for (size_t t = 0; t < frames; t++)
            energy[t] = (double)foa[4 * t] * foa[4 * t];
        double found = t30_s(energy, frames, 16000.0);
        cr_expect_float_eq(found / times_s[i], 1.0, 0.1, "%.3f s, want %.3f", found, times_s[i]);
        free(energy);
        free(foa);
    }
}

Test(room, every_band_decays_by_its_own_time) {
    v2s_room r = room_of(FLAT, -1, 0.06, true);
    double want[V2S_ROOM_BANDS] = {0.9, 0.9, 0.8, 0.6, 0.45, 0.4, 0.3, 0.25};
    double absorption[V2S_ROOM_BANDS], back[V2S_ROOM_BANDS];
    r.size_m = (v2s_vec3){5.0, 4.5, 4.0};
    cr_assert_eq(v2s_room_absorption_of_rt60(r.size_m, want, absorption), V2S_OK);
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        memcpy(r.absorption[w], absorption, sizeof absorption);
    v2s_room_rt60(&r, back);
    size_t frames;
    float *foa = response_of(&r, source, 16000.0, &frames);
    for (int b = 2; b < 7; b += 2) {
        cr_expect_float_eq(back[b], want[b], 1e-9);
        double cycles = v2s_room_band_hz[b] / 16000.0;
        double *energy = band_energy(foa, frames, cycles, (int)(4.0 / cycles));
        double found = t30_s(energy, frames, 16000.0);
        // One narrow band of one noise: its decay scatters by 5 %.
        cr_expect_float_eq(found / want[b], 1.0, 0.15, "band %d: %.3f s", b, found);
        free(energy);
    }
    free(foa);
}

// ---- tail -------------------------------------------------------------------------------------

Test(room, tail_is_isotropic_and_incoherent) {
    v2s_room r = room_of(FLAT, 0, 0.05, true);
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        for (int b = 0; b < V2S_ROOM_BANDS; b++)
            r.absorption[w][b] = 0.05;
    size_t frames;
    float *foa = response_of(&r, source, 16000.0, &frames);
    double w = power_between(foa, frames, 0.05, 0.4, 0, 0);
    for (int a = 1; a < 4; a++) {
        double power = power_between(foa, frames, 0.05, 0.4, a, a);
        cr_expect_float_eq(power / w, 1.0 / 3.0, 0.03, "channel %d: %.3f", a, power / w);
        for (int b = 0; b < a; b++) {
            double other = power_between(foa, frames, 0.05, 0.4, b, b);
            double both = power_between(foa, frames, 0.05, 0.4, a, b);
            cr_expect_lt(fabs(both) / sqrt(power * other), 0.06);
        }
    }
    free(foa);
}

// The tail must have the energy of the images that it stands for, on the mean over places.
static void expect_level(int order, double early_s, double from_s, double to_s) {
    double with_tail = 0.0, with_images = 0.0;
    for (int i = 0; i < 11; i++) {
        v2s_vec3 at = {0.6 + 0.5 * i, 0.6 + 0.35 * ((i * 4) % 11), 0.4 + 0.22 * ((i * 7) % 11)};
        v2s_room r = room_of(OCTAVES, order, early_s, true), all = room_of(OCTAVES, -1, 0.1, false);
        size_t frames;
        float *foa = response_of(&r, at, 16000.0, &frames);
        high_pass(foa, frames);
        with_tail += power_between(foa, frames, from_s, to_s, 0, 0);
        free(foa);
        foa = response_of(&all, at, 16000.0, &frames);
        high_pass(foa, frames);
        with_images += power_between(foa, frames, from_s, to_s, 0, 0);
        free(foa);
    }
    double db = 10.0 * log10(with_tail / with_images);
    cr_expect_float_eq(db, 0.0, 1.5, "order %d, %g to %g s: %.2f dB", order, from_s, to_s, db);
}

Test(room, tail_continues_the_level_of_the_images) {
    // From 8 ms behind the end of the images' mean on.
    expect_level(-1, 0.06, 0.068, 0.095);
    expect_level(-1, 0.03, 0.038, 0.06);
}

Test(room, tail_fills_what_an_order_limit_leaves_out) {
    expect_level(3, 0.0, 0.025, 0.045);
    expect_level(3, 0.0, 0.045, 0.07);
    expect_level(6, 0.0, 0.04, 0.07);
}

Test(room, the_same_seed_gives_the_same_tail_and_another_another) {
    v2s_room r = room_of(OCTAVES, 0, 0.05, true);
    size_t n;
    float *a = response_of(&r, source, 16000.0, &n), *b = response_of(&r, source, 16000.0, &n);
    r.seed++;
    float *other = response_of(&r, source, 16000.0, &n);
    cr_expect_eq(memcmp(a, b, 4 * n * sizeof *a), 0);
    double cross = 0.0, power = 0.0;
    for (size_t t = 1000; t < 3000; t++) {
        cross += (double)a[4 * t] * other[4 * t];
        power += (double)a[4 * t] * a[4 * t];
    }
    cr_expect_lt(fabs(cross) / power, 0.1);
    free(a);
    free(b);
    free(other);
}

// ---- level and limits -------------------------------------------------------------------------

Test(room, without_reflections_the_direct_sound_is_left_at_its_place_and_level) {
    v2s_room r = room_of(FLAT, 0, 0.0, false);
    const double rate_hz = 16000.0, distance = 100.0 * c / rate_hz; // a whole number of samples
    v2s_vec3 at = {r.listener_m.x + distance, r.listener_m.y, r.listener_m.z};
    size_t frames;
    float *foa = response_of(&r, at, rate_hz, &frames);
    for (size_t t = 0; t < frames; t++) {
        double want = t == 100 ? 1.0 / distance : 0.0;
        cr_assert_float_eq(foa[4 * t], want, 1e-6);
        cr_assert_float_eq(foa[4 * t + 3], want, 1e-6);
        cr_assert_float_eq(foa[4 * t + 1], 0.0, 1e-7);
    }
    free(foa);
}

Test(room, direct_to_reverberant_ratio_is_that_of_the_images) {
    v2s_room r = room_of(FLAT, 1, 0.0, false);
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        for (int b = 0; b < V2S_ROOM_BANDS; b++)
            r.absorption[w][b] = w == 0 ? 0.5 : 1.0; // one reflection, behind the listener
    v2s_vec3 at = {4.0, 2.9, 1.4};
    size_t frames;
    float *foa = response_of(&r, at, 16000.0, &frames);
    double want = 10.0 * log10(pow(1.0 / 1.8, 2.0) / (0.5 * pow(1.0 / 6.2, 2.0)));
    cr_expect_float_eq(v2s_room_drr_db(foa, frames, 16000.0, 1.8), want, 0.1);
    free(foa);
}

Test(room, walls_that_absorb_all_or_nothing_are_rooms_too) {
    v2s_room r = room_of(FLAT, -1, 0.05, true);
    size_t frames;
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        for (int b = 0; b < V2S_ROOM_BANDS; b++)
            r.absorption[w][b] = 1.0;
    float *foa = response_of(&r, source, 16000.0, &frames);
    double energy = 0.0, distance = sqrt(1.9 * 1.9 + 1.6 * 1.6 + 0.3 * 0.3);
    for (size_t t = 0; t < frames; t++)
        energy += (double)foa[4 * t] * foa[4 * t];
    cr_expect_float_eq(energy * distance * distance, 1.0, 0.1); // the direct sound alone
    free(foa);
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        r.absorption[w][2] = 0.0; // one band that never decays
    cr_expect_eq(v2s_room_response(&r, source, 16000.0, &foa, &frames), V2S_ARG);
    cr_expect_not_null(strstr(v2s_error_text(), "tail"));
    r.tail = false;
    foa = response_of(&r, source, 16000.0, &frames);
    for (size_t i = 0; i < 4 * frames; i++)
        cr_assert(isfinite(foa[i]));
    free(foa);
}

Test(room, what_makes_no_room_is_refused_by_name) {
    const v2s_room good = room_of(FLAT, -1, 0.05, true);
    v2s_room bad[9];
    const char *words[9] = {"length",     "height", "listener", "listener", "absorption",
                            "absorption", "order",  "early",    "distance"};
    for (int i = 0; i < 9; i++)
        bad[i] = good;
    bad[0].size_m.x = 0.0;
    bad[1].size_m.z = NAN;
    bad[2].listener_m.y = 0.0; // on a wall
    bad[3].listener_m.z = 9.0;
    bad[4].absorption[3][4] = NAN;
    bad[5].absorption[5][7] = 1.5;
    bad[6].order = 100000;
    bad[7].early_s = -1.0;
    bad[8].min_distance_m = 0.0;
    for (int i = 0; i < 9; i++) {
        float *foa = NULL;
        size_t frames = 0;
        cr_expect_eq(v2s_room_check(&bad[i]), V2S_ARG, "%d", i);
        cr_expect_eq(v2s_room_response(&bad[i], source, 16000.0, &foa, &frames), V2S_ARG);
        cr_expect_not_null(strstr(v2s_error_text(), words[i]), "%s", v2s_error_text());
        cr_expect_null(foa);
    }
    float *foa = NULL;
    size_t frames;
    cr_expect_eq(v2s_room_response(&good, (v2s_vec3){7.0, 1.0, 1.0}, 16000.0, &foa, &frames),
                 V2S_ARG);
    cr_expect_eq(v2s_room_response(&good, (v2s_vec3){NAN, 1.0, 1.0}, 16000.0, &foa, &frames),
                 V2S_ARG);
    cr_expect_eq(v2s_room_response(&good, source, 0.0, &foa, &frames), V2S_ARG);
    v2s_room vast = good;
    vast.size_m = (v2s_vec3){1000.0, 1000.0, 0.1};
    vast.listener_m = (v2s_vec3){10.0, 10.0, 0.05};
    vast.early_s = 2.0;
    cr_expect_eq(v2s_room_response(&vast, vast.listener_m, 16000.0, &foa, &frames), V2S_ARG);
}

Test(room, a_source_at_the_listener_and_on_a_wall_stays_finite) {
    v2s_room r = room_of(OCTAVES, -1, 0.03, false);
    const v2s_vec3 places[2] = {r.listener_m, {0.0, 2.0, 3.1}};
    for (int i = 0; i < 2; i++) {
        size_t frames;
        float *foa = response_of(&r, places[i], 16000.0, &frames);
        for (size_t k = 0; k < 4 * frames; k++)
            cr_assert(isfinite(foa[k]) && fabsf(foa[k]) < 10.0F);
        free(foa);
    }
}

Test(room, a_decay_time_out_of_reach_names_its_band) {
    double rt60_s[V2S_ROOM_BANDS] = {0.5, 0.5, 0.5, 0.0, 0.5, 0.5, 0.5, 0.5}, absorption[8] = {9};
    cr_expect_eq(v2s_room_absorption_of_rt60((v2s_vec3){5, 4, 3}, rt60_s, absorption), V2S_ARG);
    cr_expect_not_null(strstr(v2s_error_text(), "500 Hz"), "%s", v2s_error_text());
    rt60_s[3] = 0.001;
    cr_expect_eq(v2s_room_absorption_of_rt60((v2s_vec3){5, 4, 3}, rt60_s, absorption), V2S_ARG);
    cr_expect_eq(absorption[0], 9.0);
}
