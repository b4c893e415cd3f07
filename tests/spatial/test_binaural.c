// SPDX-License-Identifier: MIT
// What reaches the two ears against the responses that the decoder was made from: times, levels,
// spectrum; for the KEMAR head of libmysofa1, three more heads of ../shared/data where they are
// present, and for a pair of ears in free air, whose answers are known in closed form.
#include "spatial/binaural.h"

#include <complex.h>
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/sofa.h"
#include "spatial/sh.h"

enum { WINDOW = 1400, ITD_POINTS = 13, CIRCLE = 72 };

// Responses of a decoder to an impulse in each channel, with its delay taken off by `early`.
typedef struct bank {
    int channels;
    double rate_hz;
    size_t latency, length;
    float *ir; // [channels][length][2]
} bank;

static bank open_bank(const v2s_hrtf *h, int order, double rate_hz, v2s_binaural_method method) {
    bank k = {.channels = v2s_channels_of_order(order), .rate_hz = rate_hz};
    v2s_binaural *b = NULL;
    cr_assert_eq(v2s_binaural_open(h, order, rate_hz, method, &b), V2S_OK, "%s", v2s_error_text());
    k.latency = v2s_binaural_latency_frames(b);
    k.length = k.latency + (size_t)(0.02 * rate_hz);
    k.ir = malloc((size_t)k.channels * k.length * 2 * sizeof *k.ir);
    size_t n = (size_t)k.channels;
    float *in = calloc(k.length * n, sizeof *in), *rest = malloc(k.length * 2 * sizeof *rest);
    for (size_t c = 0; c < n; c++) {
        // A fresh decoder each time would be slow: flush with silence instead.
        cr_assert_eq(v2s_binaural_process(b, in, k.length, rest), V2S_OK);
        in[c] = 1.0F;
        cr_assert_eq(v2s_binaural_process(b, in, k.length, k.ir + c * k.length * 2), V2S_OK);
        in[c] = 0.0F;
    }
    free(in);
    free(rest);
    v2s_binaural_close(&b);
    cr_assert_null(b);
    return k;
}

// The two ears' responses to a plane wave, from 7 ms before the latency to 7 ms after it (the
// filters are 11 ms long), as [WINDOW][2] with `middle` at the latency.
typedef struct heard {
    double rate_hz;
    size_t middle, length;
    double ear[WINDOW][2];
} heard;

static void hear(const bank *k, v2s_vec3 unit, heard *h) {
    double y[V2S_MAX_CHANNELS];
    v2s_sh_sn3d((int)sqrt((double)k->channels) - 1, unit, y);
    *h = (heard){.rate_hz = k->rate_hz, .middle = (size_t)(0.007 * k->rate_hz)};
    h->length = 2 * h->middle;
    cr_assert(h->length <= WINDOW && h->middle <= k->latency);
    for (int c = 0; c < k->channels; c++) {
        const float *s = k->ir + ((size_t)c * k->length + k->latency - h->middle) * 2;
        for (size_t t = 0; t < h->length; t++)
            for (int e = 0; e < 2; e++)
                h->ear[t][e] += y[c] * s[2 * t + (size_t)e];
    }
}

// Transfer functions of the two ears, relative to the latency.
static void ears(const heard *h, double hz, double complex out[2]) {
    double complex turn = cexp(-2.0 * I * V2S_PI * hz / h->rate_hz);
    double complex phase = cexp(2.0 * I * V2S_PI * hz / h->rate_hz * (double)h->middle);
    out[0] = out[1] = 0.0;
    for (size_t t = 0; t < h->length; t++, phase *= turn) {
        out[0] += h->ear[t][0] * phase;
        out[1] += h->ear[t][1] * phase;
    }
}

static void file_ears(const v2s_hrtf *h, int j, double hz, double complex out[2]) {
    double complex turn = cexp(-2.0 * I * V2S_PI * hz / h->rate_hz);
    for (int e = 0; e < 2; e++) {
        double complex phase = 1.0;
        const float *ir = h->ir + ((size_t)j * 2 + (size_t)e) * (size_t)h->taps;
        out[e] = 0.0;
        for (int t = 0; t < h->taps; t++, phase *= turn)
            out[e] += ir[t] * phase;
    }
}

// Interaural time difference (> 0: left first) that best explains the phases of 200 to 500 Hz.
static double time_difference_s(double complex at[ITD_POINTS][2]) {
    double best = -1e9, delay = 0.0;
    for (double d = -1.2e-3; d < 1.2e-3; d += 4e-6) {
        double sum = 0.0;
        for (int i = 0; i < ITD_POINTS; i++) {
            double complex cross = at[i][0] * conj(at[i][1]);
            double hz = 200.0 + 25.0 * i;
            sum += creal(cross * cexp(-2.0 * I * V2S_PI * hz * d)) / (cabs(cross) + 1e-30);
        }
        if (sum > best) {
            best = sum;
            delay = d;
        }
    }
    return delay;
}

typedef struct bounds {
    double time_us, level_db, mean_level_db; // largest, largest and mean deviation from the file
} bounds;

// Every direction of the file near the horizon (at most one in four degrees).
static void check_cues(const v2s_hrtf *h, const bank *k, bounds bound, const char *what) {
    double sum_db = 0.0, count = 0.0;
    uint8_t seen[90] = {0};
    for (int j = 0; j < h->measurements; j++) {
        v2s_vec3 u = h->unit[j];
        int slot = (int)floor((v2s_deg(v2s_azimuth_rad(u)) + 180.0) / 4.0) % 90;
        if (fabs(u.z) > sin(v2s_rad(3.0)) || seen[slot]++ > 0)
            continue;
        double complex ours[ITD_POINTS][2], theirs[ITD_POINTS][2], o[2], t[2];
        heard wave;
        hear(k, u, &wave);
        for (int i = 0; i < ITD_POINTS; i++) {
            ears(&wave, 200.0 + 25.0 * i, ours[i]);
            file_ears(h, j, 200.0 + 25.0 * i, theirs[i]);
        }
        double itd = time_difference_s(ours), true_itd = time_difference_s(theirs);
        double e[4] = {0};
        for (double hz = 1500.0; hz < 12000.0; hz *= 1.06) {
            ears(&wave, hz, o);
            file_ears(h, j, hz, t);
            for (int side = 0; side < 2; side++) {
                e[side] += pow(cabs(o[side]), 2.0);
                e[2 + side] += pow(cabs(t[side]), 2.0);
            }
        }
        double ild = 10.0 * log10(e[0] / e[1]), true_ild = 10.0 * log10(e[2] / e[3]);
        double az = v2s_deg(v2s_azimuth_rad(u));
        cr_assert_lt(1e6 * fabs(itd - true_itd), bound.time_us, "%s, az %.0f: %g us, file %g us",
                     what, az, 1e6 * itd, 1e6 * true_itd);
        cr_assert_lt(fabs(ild - true_ild), bound.level_db, "%s, az %.0f: %g dB, file %g dB", what,
                     az, ild, true_ild);
        if (fabs(u.y) > sin(v2s_rad(15.0))) { // left (y > 0): left ear first and louder
            cr_assert_gt(itd * u.y, 0.0, "%s, az %.0f: %g us", what, az, 1e6 * itd);
            cr_assert_gt(ild * u.y, 0.0, "%s, az %.0f: %g dB", what, az, ild);
        }
        sum_db += fabs(ild - true_ild);
        count += 1.0;
    }
    cr_assert_gt(count, 15.0);
    cr_assert_lt(sum_db / count, bound.mean_level_db, "%s: ILD off by %g dB on the mean", what,
                 sum_db / count);
}

// Third octaves from 100 Hz to 16 kHz: mean over the horizon within `band_db`; pink noise (equal
// power in all bands) from single directions within -4 .. +3 dB.
static void check_level(const bank *k, double band_db, const char *what) {
    double top = fmin(16000.0, 0.35 * k->rate_hz), mean[32] = {0};
    int bands = (int)floor(3.0 * log2(top * 1.01 / 1000.0)) + 11;
    cr_assert(bands > 10 && bands <= 32);
    for (int a = 0; a < CIRCLE; a += 3) {
        double pink = 0.0;
        heard wave;
        hear(k, v2s_unit_from_angles(2.0 * V2S_PI * a / CIRCLE, 0.0), &wave);
        for (int b = 0; b < bands; b++)
            for (int i = -2; i <= 2; i++) {
                double complex e[2];
                ears(&wave, 1000.0 * pow(2.0, (b - 10) / 3.0 + i / 15.0), e);
                double power = (pow(cabs(e[0]), 2.0) + pow(cabs(e[1]), 2.0)) / 10.0;
                pink += power / bands;
                mean[b] += power / (CIRCLE / 3);
            }
        double db = 10.0 * log10(pink);
        cr_assert(db > -4.0 && db < 3.0, "%s, az %d: %.2f dB", what, a * 360 / CIRCLE, db);
    }
    for (int b = 0; b < bands; b++)
        cr_assert_lt(fabs(10.0 * log10(mean[b])), band_db, "%s, %.0f Hz: %.2f dB", what,
                     1000.0 * pow(2.0, (b - 10) / 3.0), 10.0 * log10(mean[b]));
}

static v2s_hrtf read_or_skip(const char *path) {
    v2s_hrtf h = {0};
    if (access(path ? path : V2S_SOFA_DEFAULT, R_OK) != 0)
        cr_skip("%s is absent", path ? path : V2S_SOFA_DEFAULT);
    cr_assert_eq(v2s_sofa_read(path, &h), V2S_OK, "%s", v2s_error_text());
    return h;
}

static void check_head(const v2s_hrtf *h, v2s_binaural_method method, int order, bounds bound,
                       double band_db, const char *what) {
    bank k = open_bank(h, order, 48000.0, method);
    check_cues(h, &k, bound, what);
    check_level(&k, band_db, what);
    free(k.ir);
}

Test(binaural, magls_order_1_keeps_cues_and_level_of_kemar) {
    v2s_hrtf h = read_or_skip(NULL);
    check_head(&h, V2S_BINAURAL_MAGLS, 1, (bounds){80, 6.5, 2.0}, 1.0, "MagLS order 1");
    v2s_hrtf_free(&h);
}

Test(binaural, magls_order_3_keeps_cues_and_level_of_kemar) {
    v2s_hrtf h = read_or_skip(NULL);
    check_head(&h, V2S_BINAURAL_MAGLS, 3, (bounds){20, 5, 1.6}, 1.0, "MagLS order 3");
    v2s_hrtf_free(&h);
}

Test(binaural, speakers_order_1_keep_cues_and_level_of_kemar) {
    v2s_hrtf h = read_or_skip(NULL);
    check_head(&h, V2S_BINAURAL_SPEAKERS, 1, (bounds){80, 7.5, 2.5}, 1.0, "speakers order 1");
    v2s_hrtf_free(&h);
}

Test(binaural, speakers_order_3_keep_cues_and_level_of_kemar) {
    v2s_hrtf h = read_or_skip(NULL);
    check_head(&h, V2S_BINAURAL_SPEAKERS, 3, (bounds){60, 6.5, 2.0}, 1.0, "speakers order 3");
    v2s_hrtf_free(&h);
}

Test(binaural, other_heads_keep_cues_and_level) {
    static const char *const names[] = {"CIPIC_subject_003_hrir_final", "FHK_HRIR_L2354",
                                        "LISTEN_1002_IRC_1002_C_HRIR"};
    for (int i = 0; i < 3; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/hrtf/%s.sofa", V2S_SHARED_DATA, names[i]);
        v2s_hrtf h = read_or_skip(path);
        check_head(&h, V2S_BINAURAL_MAGLS, 1, (bounds){160, 6, 2.5}, 1.0, names[i]);
        check_head(&h, V2S_BINAURAL_SPEAKERS, 1, (bounds){160, 9, 4.0}, 1.0, names[i]);
        v2s_hrtf_free(&h);
    }
}

// Two ears without a head, 2 x 8.75 cm apart, 512 directions, 1.5 ms of common delay.
static v2s_hrtf ears_in_free_air(void) {
    enum { DIRECTIONS = 512, TAPS = 256 };
    v2s_hrtf h = {.rate_hz = 48000.0, .measurements = DIRECTIONS, .taps = TAPS};
    h.unit = malloc(DIRECTIONS * sizeof *h.unit);
    h.ir = malloc(2UL * DIRECTIONS * TAPS * sizeof *h.ir);
    for (int j = 0; j < DIRECTIONS; j++) {
        double z = 1.0 - (2.0 * j + 1.0) / DIRECTIONS, r = sqrt(1.0 - z * z);
        h.unit[j] = (v2s_vec3){r * cos(2.39996 * j), r * sin(2.39996 * j), z};
        for (int e = 0; e < 2; e++) {
            double side = e == 0 ? -1.0 : 1.0; // the left ear is early for y > 0
            double delay = h.rate_hz * (0.0015 + side * 0.0875 * h.unit[j].y / 343.0);
            for (int t = 0; t < TAPS; t++) {
                double x = t - delay, window = fabs(x) < 24.0 ? pow(cos(V2S_PI * x / 48.0), 2) : 0;
                double sinc = fabs(x) < 1e-9 ? 1.0 : sin(V2S_PI * x) / (V2S_PI * x);
                h.ir[((size_t)j * 2 + (size_t)e) * TAPS + (size_t)t] = (float)(0.2 * window * sinc);
            }
        }
    }
    snprintf(h.title, sizeof h.title, "free air");
    return h;
}

Test(binaural, ears_in_free_air_have_the_closed_form_delay) {
    v2s_hrtf h = ears_in_free_air();
    bank k = open_bank(&h, 3, 48000.0, V2S_BINAURAL_MAGLS);
    for (int a = -180; a < 180; a += 30) {
        double complex at[ITD_POINTS][2];
        heard wave;
        hear(&k, v2s_unit_from_angles(v2s_rad(a), 0.0), &wave);
        for (int i = 0; i < ITD_POINTS; i++)
            ears(&wave, 200.0 + 25.0 * i, at[i]);
        double want = 2.0 * 0.0875 * sin(v2s_rad(a)) / 343.0;
        cr_assert_float_eq(time_difference_s(at), want, 10e-6, "az %d", a);
    }
    check_level(&k, 0.3, "free air");
    free(k.ir);
    v2s_hrtf_free(&h);
}

// Slope of the phase of left + right, mean over the horizon: the delay beyond the stated one.
Test(binaural, output_is_aligned_to_the_middle_of_the_head) {
    v2s_hrtf h = ears_in_free_air();
    static const double rates[] = {16000.0, 44100.0, 48000.0, 96000.0};
    for (int r = 0; r < 4; r++)
        for (int order = 1; order <= 3; order += 2)
            for (int m = 0; m < 2; m++) {
                bank k = open_bank(&h, order, rates[r], (v2s_binaural_method)m);
                heard wave[12];
                for (int a = 0; a < 12; a++)
                    hear(&k, v2s_unit_from_angles(v2s_rad(30.0 * a), 0.0), &wave[a]);
                for (double hz = 300.0; hz < 6000.0; hz *= 1.7) {
                    double complex sum = 0.0;
                    for (int a = 0; a < 12; a++) {
                        double complex p[2], q[2];
                        ears(&wave[a], hz * 0.98, p);
                        ears(&wave[a], hz * 1.02, q);
                        sum += q[0] * conj(p[0]) + q[1] * conj(p[1]);
                    }
                    double late_s = -carg(sum) / (2.0 * V2S_PI * hz * 0.04);
                    cr_assert_lt(fabs(late_s), 80e-6, "%g Hz, order %d, method %d: %g us at %g Hz",
                                 rates[r], order, m, 1e6 * late_s, hz);
                }
                free(k.ir);
            }
    v2s_hrtf_free(&h);
}

Test(binaural, level_holds_at_other_rates_and_order_7) {
    v2s_hrtf h = read_or_skip(NULL);
    bank k = open_bank(&h, 7, 44100.0, V2S_BINAURAL_MAGLS);
    check_level(&k, 1.0, "order 7 at 44.1 kHz");
    free(k.ir);
    k = open_bank(&h, 1, 96000.0, V2S_BINAURAL_MAGLS);
    check_level(&k, 1.0, "order 1 at 96 kHz");
    free(k.ir);
    k = open_bank(&h, 1, 16000.0, V2S_BINAURAL_SPEAKERS);
    check_level(&k, 1.0, "order 1 at 16 kHz");
    free(k.ir);
    v2s_hrtf_free(&h);
}

Test(binaural, output_does_not_depend_on_the_blocks) {
    enum { FRAMES = 12000 };
    v2s_hrtf h = ears_in_free_air();
    float *in = malloc(4 * FRAMES * sizeof *in);
    float *whole = malloc(2 * FRAMES * sizeof *whole), *parts = malloc(2 * FRAMES * sizeof *parts);
    uint32_t seed = 7;
    for (int i = 0; i < 4 * FRAMES; i++) {
        seed = seed * 1664525U + 1013904223U;
        in[i] = (float)(int32_t)seed / 2147483648.0F;
    }
    v2s_binaural *b = NULL;
    cr_assert_eq(v2s_binaural_open(&h, 1, 48000.0, V2S_BINAURAL_MAGLS, &b), V2S_OK);
    cr_assert_eq(v2s_binaural_process(b, in, FRAMES, whole), V2S_OK);
    v2s_binaural_close(&b);
    cr_assert_eq(v2s_binaural_open(&h, 1, 48000.0, V2S_BINAURAL_MAGLS, &b), V2S_OK);
    for (size_t t = 0, n = 1; t < FRAMES; t += n, n = n * 3 + 1) {
        n = n < FRAMES - t ? n : FRAMES - t;
        cr_assert_eq(v2s_binaural_process(b, in + 4 * t, n, parts + 2 * t), V2S_OK);
    }
    cr_assert_eq(memcmp(whole, parts, 2 * FRAMES * sizeof *whole), 0);
    v2s_binaural_close(&b);
    free(in);
    free(whole);
    free(parts);
    v2s_hrtf_free(&h);
}

Test(binaural, impossible_requests_fail_with_a_sentence) {
    v2s_hrtf h = ears_in_free_air();
    v2s_binaural *b = NULL;
    cr_assert_eq(v2s_binaural_open(&h, 0, 48000.0, V2S_BINAURAL_MAGLS, &b), V2S_ARG);
    cr_assert_eq(v2s_binaural_open(&h, 8, 48000.0, V2S_BINAURAL_MAGLS, &b), V2S_ARG);
    cr_assert_eq(v2s_binaural_open(&h, 1, NAN, V2S_BINAURAL_MAGLS, &b), V2S_ARG);
    h.measurements = 3;
    cr_assert_eq(v2s_binaural_open(&h, 1, 48000.0, V2S_BINAURAL_MAGLS, &b), V2S_FORMAT);
    cr_assert(strstr(v2s_error_text(), "3 directions"), "%s", v2s_error_text());
    h.measurements = 512;
    h.ir[100000] = NAN;
    cr_assert_eq(v2s_binaural_open(&h, 1, 48000.0, V2S_BINAURAL_MAGLS, &b), V2S_FORMAT);
    h.ir[100000] = 0.0F;
    h.unit[7].x = INFINITY;
    cr_assert_eq(v2s_binaural_open(&h, 1, 48000.0, V2S_BINAURAL_MAGLS, &b), V2S_FORMAT);
    h.unit[7].x = 0.5;
    memset(h.ir, 0, 2UL * 512 * 256 * sizeof *h.ir);
    cr_assert_eq(v2s_binaural_open(&h, 1, 48000.0, V2S_BINAURAL_MAGLS, &b), V2S_FORMAT);
    cr_assert(strstr(v2s_error_text(), "zero"), "%s", v2s_error_text());
    cr_assert_null(b);
    v2s_hrtf_free(&h);
}
