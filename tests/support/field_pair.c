// SPDX-License-Identifier: MIT
#include "tests/support/field_pair.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/conventions.h"
#include "tests/support/hash_noise.h"

static float *noise(unsigned stream, size_t count, float scale) {
    float *x = malloc(count * sizeof *x);
    cr_assert(x != NULL);
    hash_noise(stream, count, scale, x);
    return x;
}

static void turning(double azimuth, double d[4]) {
    d[0] = 1;
    d[1] = sin(azimuth) * cos(0.3);
    d[2] = sin(0.3);
    d[3] = cos(azimuth) * cos(0.3);
}

// What the truth and the prediction are made of at one sample: source, noises, its time.
typedef struct material {
    double s, q[4], r[4], time_s;
} material;

static void mix(const char *kind, const material *m, double t[4], double p[4]) {
    static const double here[4] = {1, 0.48, 0.6, 0.64}, there[4] = {1, -0.6, 0.28, 0.75};
    double az = 2 * V2S_PI * 0.2 * m->time_s, a[4], b[4];
    bool waves = strcmp(kind, "waves") == 0, moving = strcmp(kind, "moving") == 0;
    bool diffuse = strcmp(kind, "diffuse") == 0;
    turning(az, a);
    turning(az - 0.3, b);
    for (int c = 0; c < 4; c++) {
        double fade = 1 / (1 + m->time_s / 0.2);
        t[c] = m->s * fade * here[c] + m->q[c];
        p[c] = (m->s * here[c] + m->r[c]) * (c == 0 ? 1 : 0.75);
        if (waves) {
            t[c] = m->s * here[c];
            p[c] = m->s * there[c];
        } else if (moving) {
            t[c] = m->s * a[c];
            p[c] = m->s * b[c] + m->r[c];
        } else if (diffuse) {
            t[c] = m->q[c];
            p[c] = m->r[c];
        }
    }
}

// The kinds that are made of the scene.
static void change(const char *kind, bool second_half, double t[4], double p[4]) {
    const double turned[4] = {t[0], t[3], t[2], -t[1]};
    if (strcmp(kind, "flat") == 0)
        t[2] = p[2] = 0;
    for (int c = 0; c < 4; c++) {
        if ((strcmp(kind, "mono") == 0 && c > 0) || strcmp(kind, "silent") == 0)
            p[c] = 0;
        if (strcmp(kind, "identical") == 0)
            p[c] = t[c];
        if (strcmp(kind, "turned") == 0)
            p[c] = turned[c];
        if ((strcmp(kind, "truth_mono") == 0 && c > 0) ||
            (strcmp(kind, "half") == 0 && second_half))
            t[c] = 0;
    }
}

field_pair field_pair_make(const char *kind, double rate_hz, size_t frames) {
    field_pair pair = {frames, noise(2, 4 * frames, 0.1f), noise(3, 4 * frames, 0.1f)};
    float *s = noise(1, frames, 0.5f);
    for (size_t i = 0; i < frames; i++) {
        material m = {.s = (double)s[i], .time_s = (double)i / rate_hz};
        double t[4], p[4];
        for (size_t c = 0; c < 4; c++) {
            m.q[c] = (double)pair.truth[4 * i + c];
            m.r[c] = (double)pair.prediction[4 * i + c];
        }
        mix(kind, &m, t, p);
        change(kind, i >= frames / 2, t, p);
        for (size_t c = 0; c < 4; c++) {
            pair.truth[4 * i + c] = (float)t[c];
            pair.prediction[4 * i + c] = (float)p[c];
        }
    }
    free(s);
    return pair;
}

void field_pair_free(field_pair *pair) {
    free(pair->truth);
    free(pair->prediction);
}
