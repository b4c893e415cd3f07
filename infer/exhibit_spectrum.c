// SPDX-License-Identifier: MIT
// Spectrograms of an exhibit: columns are the transform's frames (the loudest of several where a
// clip has more than the picture), rows are frequencies, even in their logarithm, top row highest.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "data/image.h"
#include "infer/exhibit_internal.h"
#include "infer/report_colour.h"
#include "kernels/fft.h"
#include "spatial/erb_stft.h"

enum { ROWS = 96, COLUMNS_MAX = 260, LEFT = 0 };

static const double most_hz = 16000;

typedef struct picture {
    v2s_erb_stft *stft;
    size_t frames; // of the transform
    int columns;
    double top_hz;
    v2s_lanes_bin *spectrum;           // [bins]
    double *power[V2S_EXHIBIT_VOICES]; // [ROWS][columns]
} picture;

static double bin_power(const picture *p, int bin) {
    double re = p->spectrum[bin].re[LEFT], im = p->spectrum[bin].im[LEFT];
    return re * re + im * im;
}

// Power at a frequency: the largest of the bins of a row, or the straight line between two bins
// where rows are finer than bins.
static double row_power(const picture *p, int row) {
    double octaves = log2(p->top_hz / V2S_EXHIBIT_LEAST_HZ), bin_hz = p->stft->rate_hz / p->stft->n;
    double lo = V2S_EXHIBIT_LEAST_HZ * exp2(octaves * (ROWS - 1 - row) / ROWS) / bin_hz;
    double hi = V2S_EXHIBIT_LEAST_HZ * exp2(octaves * (ROWS - row) / ROWS) / bin_hz;
    double best = 0;
    if (floor(hi) <= lo) { // no bin inside
        double middle = 0.5 * (lo + hi), part = middle - floor(middle);
        for (int side = 0; side < 2; side++) {
            int bin = (int)fmin(floor(middle) + side, p->stft->bins - 1);
            best += (side ? part : 1 - part) * bin_power(p, bin);
        }
        return best;
    }
    for (int bin = (int)ceil(lo); bin <= hi && bin < p->stft->bins; bin++)
        best = fmax(best, bin_power(p, bin));
    return best;
}

static v2s_status measure(picture *p, const float *ears, double **power) {
    double *made = calloc((size_t)ROWS * (size_t)p->columns, sizeof *made);
    if (made == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t t = 0; t < p->frames; t++) {
        size_t column = t * (size_t)p->columns / p->frames;
        v2s_erb_stft_two(p->stft, ears, t, true, p->spectrum);
        for (int row = 0; row < ROWS; row++) {
            double *at = &made[(size_t)row * (size_t)p->columns + column];
            *at = fmax(*at, row_power(p, row));
        }
    }
    *power = made;
    return V2S_OK;
}

static v2s_status draw(const picture *p, const double *power, double loudest,
                       const v2s_map_ramp *ramp, v2s_exhibit_file *file) {
    size_t count = (size_t)ROWS * (size_t)p->columns;
    uint8_t *rgb = malloc(3 * count);
    if (rgb == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        double db = power[i] > 0 && loudest > 0 ? 10 * log10(power[i] / loudest) : -INFINITY;
        double at = fmax(0, 1 + db / V2S_EXHIBIT_RANGE_DB);
        for (int k = 0; k < 3; k++)
            rgb[3 * i + (size_t)k] = ramp->rgb[(int)lround(255 * at)][k];
    }
    v2s_status status = v2s_image_png_rgb(rgb, p->columns, ROWS, &file->bytes, &file->size);
    free(rgb);
    return status;
}

static v2s_status draw_all(picture *p, const float *const *ears, v2s_exhibit *e) {
    v2s_map_ramp ramp = v2s_map_ramp_make();
    double loudest = 0;
    size_t count = (size_t)ROWS * (size_t)p->columns;
    p->spectrum = v2s_fft_alloc((size_t)p->stft->bins, sizeof *p->spectrum);
    if (p->spectrum == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (int i = 0; i < e->voice_count; i++) {
        V2S_TRY(measure(p, ears[i], &p->power[i]));
        for (size_t k = 0; k < count; k++)
            loudest = fmax(loudest, p->power[i][k]);
    }
    for (int i = 0; i < e->voice_count; i++)
        V2S_TRY(draw(p, p->power[i], loudest, &ramp, &e->voices[i].spectrogram));
    return V2S_OK;
}

v2s_status v2s_exhibit_spectrograms(double rate_hz, size_t frames, const float *const *ears,
                                    v2s_exhibit *e) {
    picture p = {.top_hz = fmin(most_hz, rate_hz / 2)};
    V2S_TRY(v2s_erb_stft_open(rate_hz, &p.stft));
    p.frames = v2s_erb_stft_count(p.stft, frames);
    p.columns = p.frames < COLUMNS_MAX ? (int)p.frames : COLUMNS_MAX;
    v2s_status status =
        p.frames > 0 ? draw_all(&p, ears, e) : V2S_FAIL(V2S_FORMAT, "too short for a picture");
    e->top_hz = p.top_hz;
    for (int i = 0; i < V2S_EXHIBIT_VOICES; i++)
        free(p.power[i]);
    v2s_fft_free(p.spectrum);
    v2s_erb_stft_close(&p.stft);
    return status;
}
