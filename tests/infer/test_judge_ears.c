// SPDX-License-Identifier: MIT
// Metrics of two channels, all of them through the table, against the golden file.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/compare.h"
#include "spatial/conventions.h"
#include "tests/support/hash_noise.h"

enum { GOLDEN_NUMBERS = 10 };

typedef struct pair {
    size_t frames;
    float *truth, *prediction; // [frames][2]
} pair;

static void pair_free(pair *p) {
    free(p->truth);
    free(p->prediction);
}

static void tones(double rate_hz, size_t frames, const double gains[2][2], float *out) {
    for (size_t i = 0; i < frames; i++) {
        double t = (double)i / rate_hz;
        double s[2] = {sin(2 * V2S_PI * 440.0 * t), sin(2 * V2S_PI * 1234.5 * t)};
        for (int c = 0; c < 2; c++)
            out[2 * i + (size_t)c] = (float)(gains[c][0] * s[0] + gains[c][1] * s[1]);
    }
}

// Sample i of channel c of a prediction, made of the truth t[2] and other noise q[2].
static double predicted(const char *kind, int c, const double t[2], const double q[2]) {
    double mixed = 0.7 * t[c] + 0.5 * q[c];
    if (strcmp(kind, "other") == 0 || strcmp(kind, "truth_silent") == 0)
        return q[c];
    if (strcmp(kind, "identical") == 0)
        return t[c];
    if (strcmp(kind, "negative") == 0)
        return -t[c];
    if (strcmp(kind, "swapped") == 0)
        return t[1 - c];
    if (strcmp(kind, "mono") == 0)
        return (t[0] + t[1]) / 2;
    if (strcmp(kind, "right_silent") == 0)
        return c == 0 ? mixed : 0;
    if (strcmp(kind, "silent") == 0)
        return 0;
    if (strcmp(kind, "offset") == 0)
        return 0.5 * t[c] + 0.25;
    cr_assert_str_eq(kind, "noise");
    return mixed;
}

// As make_metrics_stereo_golden.py does.
static pair make_pair(const char *kind, double rate_hz, size_t frames) {
    static const double gains[2][2][2] = {{{0.4, 0.1}, {0.1, 0.3}}, {{0.3, 0.2}, {0.2, 0.2}}};
    pair p = {frames, malloc(2 * frames * sizeof(float)), malloc(2 * frames * sizeof(float))};
    cr_assert(p.truth != NULL && p.prediction != NULL);
    if (strcmp(kind, "tones") == 0) {
        tones(rate_hz, frames, gains[0], p.truth);
        tones(rate_hz, frames, gains[1], p.prediction);
        return p;
    }
    hash_noise(1, 2 * frames, 0.3f, p.truth);
    hash_noise(2, 2 * frames, 0.3f, p.prediction);
    for (size_t i = 0; i < frames; i++) {
        double t[2] = {(double)p.truth[2 * i], (double)p.truth[2 * i + 1]};
        double q[2] = {(double)p.prediction[2 * i], (double)p.prediction[2 * i + 1]};
        for (int c = 0; c < 2; c++)
            p.prediction[2 * i + (size_t)c] = (float)predicted(kind, c, t, q);
    }
    if (strcmp(kind, "truth_silent") == 0)
        memset(p.truth, 0, 2 * frames * sizeof *p.truth);
    return p;
}

static void judge(const pair *p, double rate_hz, bool reflect, bool normalise,
                  double scores[V2S_METRIC_COUNT]) {
    v2s_judge_options options = {
        .metrics = v2s_metrics_of(2, V2S_USE_ALWAYS), .normalise = normalise, .reflect = reflect};
    v2s_judge *j = NULL;
    cr_assert_eq(v2s_judge_open(&options, &j), V2S_OK);
    cr_assert_eq(v2s_judge_stereo(j, rate_hz, p->frames, p->truth, p->prediction, scores), V2S_OK,
                 "%s", v2s_error_text());
    v2s_judge_close(&j);
}

static void check_line(const char *text) {
    static const v2s_metric_id ids[GOLDEN_NUMBERS] = {
        V2S_METRIC_M1_STFT,    V2S_METRIC_M2_ENV, V2S_METRIC_M3_MAG, V2S_METRIC_M3_WAV,
        V2S_METRIC_M4_DPHASE,  V2S_METRIC_M4_SNR, V2S_METRIC_M5_MAG, V2S_METRIC_M5_ENV,
        V2S_METRIC_M12_SI_SDR, V2S_METRIC_M12_ILD};
    char kind[32], compat[8];
    int rate, frames, normalise, used = 0;
    double scores[V2S_METRIC_COUNT];
    cr_assert_eq(
        sscanf(text, "%31s %d %d %7s %d%n", kind, &rate, &frames, compat, &normalise, &used), 5,
        "%s", text);
    pair p = make_pair(kind, rate, (size_t)frames);
    judge(&p, rate, strcmp(compat, "0.8") == 0, normalise == 1, scores);
    pair_free(&p);
    const char *at = text + used;
    for (int k = 0; k < GOLDEN_NUMBERS; k++) {
        char word[40];
        cr_assert_eq(sscanf(at, "%39s%n", word, &used), 1, "%s", text);
        at += used;
        double value = scores[ids[k]], expected = strtod(word, NULL);
        if (strcmp(word, "null") == 0)
            cr_expect(!isfinite(value), "%s, %.*s: %.9g", v2s_metrics[ids[k]].name, 40, text,
                      value);
        else
            cr_expect(fabs(value - expected) <= 1e-6 * fmax(fabs(expected), 1e-3),
                      "%s, %.*s: %.12g, expected %.12g", v2s_metrics[ids[k]].name, 40, text, value,
                      expected);
    }
}

Test(judge_ears, equals_numpy_scipy_and_librosa) {
    FILE *f = fopen(V2S_TEST_DATA "/golden/metrics_stereo.txt", "r");
    char text[1024];
    int lines = 0;
    cr_assert(f != NULL);
    while (fgets(text, sizeof text, f) != NULL)
        if (text[0] != '#') {
            check_line(text);
            lines++;
        }
    fclose(f);
    cr_assert_gt(lines, 50);
}
