// SPDX-License-Identifier: MIT
#include "spatial/foa_cells.h"

#include <math.h>
#include <stdlib.h>

#include "kernels/base/array.h"

#define LOW_HZ 500.0
#define HIGH_HZ 5000.0
#define HIGH_SHARE 0.4 // of the rate
#define RATE_MIN_HZ 4e3
#define RATE_MAX_HZ 4e5

enum { CHANNELS = V2S_FOA_CHANNELS, SECTIONS = 2 };

// y = b0 x + b1 x' + b2 x'' - a1 y' - a2 y''
typedef struct section {
    double b0, b1, b2, a1, a2;
} section;

struct v2s_foa_cells {
    double rate_hz;
    section sections[SECTIONS];
    double state[CHANNELS][SECTIONS][2]; // transposed direct form II
    long long frame, border;             // frames seen; where the present cell ends
    size_t count, room;
    v2s_foa_cell *cells; // the last one may be incomplete
};

// Butterworth by the bilinear transform, k = tan(pi f / rate):
//   low-pass  k^2 (1 + 2/z + 1/z^2),  high-pass 1 - 2/z + 1/z^2,  both over
//   (1 + sqrt2 k + k^2) + 2 (k^2 - 1)/z + (1 - sqrt2 k + k^2)/z^2
static section butterworth(double corner_hz, double rate_hz, int high) {
    double k = tan(V2S_PI * corner_hz / rate_hz), n = 1 + sqrt(2.0) * k + k * k;
    double gain = (high ? 1 : k * k) / n, sign = high ? -2 : 2;
    return (section){gain, sign * gain, gain, 2 * (k * k - 1) / n, (1 - sqrt(2.0) * k + k * k) / n};
}

v2s_status v2s_foa_cells_open(double rate_hz, v2s_foa_cells **cells) {
    if (!(rate_hz >= RATE_MIN_HZ && rate_hz <= RATE_MAX_HZ))
        return V2S_FAIL(V2S_ARG, "rate: expected %g to %g Hz, found %g", RATE_MIN_HZ, RATE_MAX_HZ,
                        rate_hz);
    v2s_foa_cells *c = calloc(1, sizeof *c);
    if (c == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    c->rate_hz = rate_hz;
    c->sections[0] = butterworth(LOW_HZ, rate_hz, 1);
    c->sections[1] = butterworth(fmin(HIGH_HZ, HIGH_SHARE * rate_hz), rate_hz, 0);
    *cells = c;
    return V2S_OK;
}

void v2s_foa_cells_close(v2s_foa_cells **cells) {
    if (*cells == NULL)
        return;
    free((*cells)->cells);
    free(*cells);
    *cells = NULL;
}

static double filter(const section *sections, double state[SECTIONS][2], double x) {
    for (int i = 0; i < SECTIONS; i++) {
        const section *s = &sections[i];
        double y = s->b0 * x + state[i][0];
        state[i][0] = s->b1 * x - s->a1 * y + state[i][1];
        state[i][1] = s->b2 * x - s->a2 * y;
        x = y;
    }
    return x;
}

static v2s_status next_cell(v2s_foa_cells *c) {
    v2s_foa_cell *grown = v2s_array_grow(c->cells, c->count, &c->room, sizeof *grown);
    if (grown == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    c->cells = grown;
    c->cells[c->count++] = (v2s_foa_cell){0};
    c->border = llround((double)c->count * V2S_FOA_CELL_S * c->rate_hz);
    return V2S_OK;
}

v2s_status v2s_foa_cells_add(v2s_foa_cells *c, const float *interleaved4, size_t frames) {
    for (size_t i = 0; i < frames; i++, interleaved4 += CHANNELS, c->frame++) {
        double s[CHANNELS];
        if (c->frame == c->border)
            V2S_TRY(next_cell(c));
        v2s_foa_cell *cell = &c->cells[c->count - 1];
        for (int k = 0; k < CHANNELS; k++) {
            s[k] = filter(c->sections, c->state[k], (double)interleaved4[k]);
            cell->energy[k] += s[k] * s[k];
        }
        for (int k = 0; k < CHANNELS - 1; k++)
            cell->intensity[k] += s[0] * s[k + 1];
    }
    return V2S_OK;
}

const v2s_foa_cell *v2s_foa_cells_all(const v2s_foa_cells *cells, size_t *count) {
    *count = cells->count;
    return cells->cells;
}

double v2s_foa_cell_coherence(const v2s_foa_cell *c) {
    double energy = c->energy[0] * v2s_foa_cell_dipoles(c);
    v2s_vec3 i = v2s_foa_cell_wxyz(c);
    return energy > 0 ? fmin(1, v2s_dot(i, i) / energy) : 0;
}

void v2s_foa_cell_sum(v2s_foa_cell *sum, const v2s_foa_cell *c) {
    for (int k = 0; k < CHANNELS; k++)
        sum->energy[k] += c->energy[k];
    for (int k = 0; k < CHANNELS - 1; k++)
        sum->intensity[k] += c->intensity[k];
}
