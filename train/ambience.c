// SPDX-License-Identifier: MIT
#include "train/ambience.h"

#include <math.h>
#include <string.h>

#include "spatial/conventions.h"

enum { MAX_SECTIONS = 12 };

// One first-order section with a pole and a zero at frequencies (bilinear transform), direct form.
typedef struct section {
    double b0, b1, a1;
    double x, y;
} section;

typedef struct filter {
    int count;
    section sections[MAX_SECTIONS];
} filter;

// The sum of four 16-bit numbers, to mean 0 and variance 1: one has (2^32 - 1) / 12.
static double sum_of_four(uint32_t a, uint32_t b) {
    int32_t sum =
        (int32_t)(a & 0xffff) + (int32_t)(a >> 16) + (int32_t)(b & 0xffff) + (int32_t)(b >> 16);
    const double mean = 2 * 65535.0, deviation = 37837.226;
    return ((double)sum - mean) / deviation;
}

// Two numbers from a block of the stream.
static void draw(v2s_rng *rng, double x[2]) {
    const uint32_t counter[4] = {(uint32_t)rng->position, (uint32_t)(rng->position >> 32),
                                 (uint32_t)rng->stream, (uint32_t)(rng->stream >> 32)};
    const uint32_t key[2] = {(uint32_t)rng->seed, (uint32_t)(rng->seed >> 32)};
    uint32_t block[4];
    v2s_philox(counter, key, block);
    rng->position++;
    x[0] = sum_of_four(block[0], block[1]);
    x[1] = sum_of_four(block[2], block[3]);
}

// zero_hz < 0: none (a plain low-pass); pole and zero are kept below Nyquist.
static void add_section(filter *f, double pole_hz, double zero_hz, double rate_hz) {
    const double limit_hz = 0.45 * rate_hz;
    if (pole_hz > limit_hz)
        return; // beyond what can be heard at this rate
    double p = tan(V2S_PI * pole_hz / rate_hz);
    double z = zero_hz < 0 ? 0 : tan(V2S_PI * fmin(zero_hz, limit_hz) / rate_hz);
    section s = {.a1 = (p - 1) / (p + 1)};
    if (zero_hz < 0) {
        s.b0 = s.b1 = p / (p + 1);
    } else if (zero_hz == 0) { // high-pass
        s.b0 = 1 / (p + 1);
        s.b1 = -s.b0;
    } else {
        s.b0 = (p / z) * (z + 1) / (p + 1);
        s.b1 = (p / z) * (z - 1) / (p + 1);
    }
    f->sections[f->count++] = s;
}

static filter make_filter(v2s_ambience_colour colour, double rate_hz) {
    filter f = {0};
    if (colour == V2S_AMBIENCE_PINK) {
        // A pole and a zero in every two octaves, one octave apart: -3 dB an octave on average.
        for (double pole_hz = 20; pole_hz < 24000; pole_hz *= 4)
            add_section(&f, pole_hz, 2 * pole_hz, rate_hz);
    } else if (colour == V2S_AMBIENCE_BROWN) {
        add_section(&f, 20, -1, rate_hz);
    } else {
        // Byrne et al., "An international comparison of long-term average speech spectra", 1994:
        // flat from 100 to 500 Hz, then falling by about 9 dB an octave.
        add_section(&f, 100, 0, rate_hz);
        add_section(&f, 500, -1, rate_hz);
        add_section(&f, 1500, 6000, rate_hz);
    }
    return f;
}

static double run(filter *f, double x) {
    for (int i = 0; i < f->count; i++) {
        section *s = &f->sections[i];
        double y = s->b0 * x + s->b1 * s->x - s->a1 * s->y;
        s->x = x;
        s->y = y;
        x = y;
    }
    return x;
}

// Power of the filter's answer to white noise of power 1: the sum of its squared impulse response.
static double noise_gain(filter f, double rate_hz) {
    double sum = 0;
    size_t n = (size_t)(0.3 * rate_hz); // the slowest pole is at 20 Hz
    for (size_t i = 0; i < n; i++) {
        double y = run(&f, i == 0 ? 1 : 0);
        sum += y * y;
    }
    return sum;
}

void v2s_ambience_add(v2s_ambience_colour colour, double ambient_power, double microphone_power,
                      double rate_hz, size_t frames, v2s_rng *rng, float *foa) {
    const filter fresh = make_filter(colour, rate_hz);
    double unit = sqrt(ambient_power / noise_gain(fresh, rate_hz));
    double self = sqrt(microphone_power);
    size_t settle = (size_t)(0.1 * rate_hz);
    for (int c = 0; c < V2S_FOA_CHANNELS; c++) {
        filter f = fresh;
        double gain = c == V2S_ACN_W ? unit : unit / sqrt(3);
        double x[2]; // one for the place, one for the microphone
        for (size_t i = 0; i < settle; i++) {
            draw(rng, x);
            run(&f, x[0]);
        }
        for (size_t i = 0; i < frames; i++) {
            draw(rng, x);
            foa[V2S_FOA_CHANNELS * i + (size_t)c] += (float)(gain * run(&f, x[0]) + self * x[1]);
        }
    }
}
