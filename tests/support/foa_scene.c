// SPDX-License-Identifier: MIT
#include "tests/support/foa_scene.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/hash_noise.h"

static float *noise_of(unsigned stream, size_t count, float scale) {
    float *x = malloc(count * sizeof *x);
    cr_assert(x != NULL);
    hash_noise(stream, count, scale, x);
    return x;
}

float *foa_scene(int rate_hz, size_t frames, unsigned stream) {
    static const double gain[4] = {1, 0.48, 0.6, 0.64};
    float *s = noise_of(stream, frames, 0.5f), *foa = noise_of(stream + 1, 4 * frames, 0.1f);
    for (size_t i = 0; i < frames; i++) {
        double fade = 1.0 / (1.0 + (double)i / (0.2 * rate_hz)), x = (double)s[i] * fade;
        for (int c = 0; c < 4; c++)
            foa[4 * i + (size_t)c] = (float)(x * gain[c] + (double)foa[4 * i + (size_t)c]);
    }
    free(s);
    return foa;
}

float *stereo_scene(int rate_hz, size_t frames, unsigned stream) {
    float *foa = foa_scene(rate_hz, frames, stream);
    for (size_t i = 0; i < frames; i++)
        memmove(foa + 2 * i, foa + 4 * i + 2, 2 * sizeof *foa);
    return foa;
}

float *foa_plane_wave(size_t frames, unsigned stream, double x, double y, double z) {
    const double gain[4] = {1, y, z, x};
    float *s = noise_of(stream, frames, 0.5f), *foa = malloc(4 * frames * sizeof *foa);
    for (size_t i = 0; i < 4 * frames; i++)
        foa[i] = (float)((double)s[i / 4] * gain[i % 4]);
    free(s);
    return foa;
}

static bool parse_line(char *text, const char *name, golden_line *line) {
    char word[32];
    int used = 0;
    if (sscanf(text, "%31s %d %zu %u%n", word, &line->rate_hz, &line->frames, &line->stream,
               &used) != 4 ||
        strcmp(word, name) != 0)
        return false;
    char *end = text + used, *next;
    for (line->count = 0; line->count < 8; line->count++) {
        line->number[line->count] = strtod(end, &next);
        if (next == end)
            break;
        end = next;
    }
    return true;
}

void golden_lines(const char *name, void (*check)(const golden_line *line)) {
    FILE *f = fopen(V2S_TEST_DATA "/golden/spatial_metrics.txt", "r");
    char text[1024];
    int found = 0;
    cr_assert(f != NULL);
    while (fgets(text, sizeof text, f) != NULL) {
        golden_line line;
        if (text[0] == '#' || !parse_line(text, name, &line))
            continue;
        check(&line);
        found++;
    }
    fclose(f);
    cr_assert_gt(found, 0, "no line '%s'", name);
}

void golden_expect(const golden_line *line, int index, double value, double relative) {
    cr_assert_lt(index, line->count);
    double expected = line->number[index];
    cr_expect(fabs(value - expected) <= relative * fabs(expected),
              "rate %d, frames %zu, number %d: %.9g, expected %.9g (relative %.2g)", line->rate_hz,
              line->frames, index, value, expected, fabs(value / expected - 1));
}
