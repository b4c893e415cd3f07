// SPDX-License-Identifier: MIT
// Noise of places and microphones: what its statistics are said to be.
#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "spatial/conventions.h"
#include "train/ambience.h"

enum { RATE_HZ = 8000, FRAMES = 60 * RATE_HZ, BLOCK = 1024 };

static float *make(v2s_ambience_colour colour, double ambient, double microphones, uint64_t seed) {
    float *foa = calloc((size_t)FRAMES * V2S_FOA_CHANNELS, sizeof *foa);
    cr_assert(foa != NULL);
    v2s_rng rng = v2s_rng_open(seed, 0);
    v2s_ambience_add(colour, ambient, microphones, RATE_HZ, FRAMES, &rng, foa);
    return foa;
}

// Mean of a(i) b(i + lag).
static double product(const float *foa, int a, int b, size_t lag) {
    double sum = 0;
    for (size_t i = 0; i + lag < FRAMES; i++)
        sum += (double)foa[V2S_FOA_CHANNELS * i + (size_t)a] *
               (double)foa[V2S_FOA_CHANNELS * (i + lag) + (size_t)b];
    return sum / (double)(FRAMES - lag);
}

static double correlation(const float *foa, int a, int b) {
    return product(foa, a, b, 0) / sqrt(product(foa, a, a, 0) * product(foa, b, b, 0));
}

// Spectral density of W at a frequency in dB: Hann windowed blocks against a complex exponential.
static double density_db(const float *foa, double hz) {
    double sum = 0;
    for (size_t first = 0; first + BLOCK <= FRAMES; first += BLOCK) {
        double re = 0, im = 0;
        for (size_t i = 0; i < BLOCK; i++) {
            double w = 0.5 - 0.5 * cos(2 * V2S_PI * (double)i / BLOCK);
            double x = w * (double)foa[V2S_FOA_CHANNELS * (first + i)];
            re += x * cos(2 * V2S_PI * hz / RATE_HZ * (double)i);
            im += x * sin(2 * V2S_PI * hz / RATE_HZ * (double)i);
        }
        sum += re * re + im * im;
    }
    return 10 * log10(sum);
}

// Brown noise of 20 Hz has the fewest independent values: about 2 * 31 Hz * 60 s, 2.3 % of error
// of a power, 1.6 % of a correlation. Four times as much is accepted.
Test(synth_ambience, a_place_is_isotropic) {
    for (int colour = 0; colour < V2S_AMBIENCE_COLOUR_COUNT; colour++) {
        float *foa = make((v2s_ambience_colour)colour, 0.02, 0, 7);
        cr_expect(fabs(product(foa, 0, 0, 0) / 0.02 - 1) < 0.1, "colour %d: power %g", colour,
                  product(foa, 0, 0, 0));
        for (int c = 1; c < V2S_FOA_CHANNELS; c++) {
            double share = product(foa, c, c, 0) / product(foa, 0, 0, 0);
            cr_expect(fabs(3 * share - 1) < 0.1, "colour %d: channel %d has %g of W", colour, c,
                      share);
            for (int other = 0; other < c; other++)
                cr_expect(fabs(correlation(foa, c, other)) < 0.07, "colour %d: %d and %d: %g",
                          colour, c, other, correlation(foa, c, other));
        }
        free(foa);
    }
}

Test(synth_ambience, microphones_are_white_independent_and_equally_loud) {
    float *foa = make(V2S_AMBIENCE_PINK, 0, 0.003, 8);
    for (int c = 0; c < V2S_FOA_CHANNELS; c++) {
        double power = product(foa, c, c, 0);
        cr_expect(fabs(power / 0.003 - 1) < 0.01, "channel %d: power %g", c, power);
        for (size_t lag = 1; lag < 4; lag++)
            cr_expect(fabs(product(foa, c, c, lag)) < 0.01 * power, "channel %d, lag %zu", c, lag);
        for (int other = 0; other < c; other++)
            cr_expect(fabs(correlation(foa, c, other)) < 0.01, "%d and %d", c, other);
    }
    free(foa);
}

Test(synth_ambience, place_and_microphones_add_up) {
    float *foa = make(V2S_AMBIENCE_SPEECH, 0.02, 0.03, 9);
    cr_expect(fabs(product(foa, 0, 0, 0) / 0.05 - 1) < 0.03, "W %g", product(foa, 0, 0, 0));
    for (int c = 1; c < V2S_FOA_CHANNELS; c++)
        cr_expect(fabs(product(foa, c, c, 0) / (0.02 / 3 + 0.03) - 1) < 0.03, "channel %d", c);
    free(foa);
}

Test(synth_ambience, colours_fall_as_they_are_said_to) {
    float *pink = make(V2S_AMBIENCE_PINK, 0.02, 0, 10),
          *brown = make(V2S_AMBIENCE_BROWN, 0.02, 0, 11),
          *speech = make(V2S_AMBIENCE_SPEECH, 0.02, 0, 12);
    double slope = (density_db(pink, 1600) - density_db(pink, 100)) / 4;
    cr_expect(fabs(slope + 3) < 0.4, "pink: %g dB an octave", slope);
    // Below an eighth of the rate: the bilinear transform bends the rest down.
    slope = (density_db(brown, 1000) - density_db(brown, 125)) / 3;
    cr_expect(fabs(slope + 6) < 0.5, "brown: %g dB an octave", slope);
    double low = density_db(speech, 200), middle = density_db(speech, 400);
    cr_expect(fabs(low - middle) < 3, "speech is flat: %g and %g dB", low, middle);
    double fall = density_db(speech, 500) - density_db(speech, 2000);
    cr_expect(fall > 10 && fall < 20, "speech falls by %g dB in two octaves", fall);
    free(pink);
    free(brown);
    free(speech);
}
