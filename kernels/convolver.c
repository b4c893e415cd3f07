// SPDX-License-Identifier: MIT
#include "kernels/convolver.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/fft.h"

enum { MAX_ENDS = 64, MIN_LENGTH = 512 };

struct v2s_convolver {
    int inputs, outputs;
    size_t taps, n, hop, bins; // n = hop + taps - 1, bins = n/2 + 1
    size_t fill;               // new frames gathered for the next block, 0..hop-1
    v2s_fft_real *fft;
    v2s_complex *filters; // [outputs][inputs][pitch] spectra
    v2s_complex *x;       // [inputs][pitch] spectra of the block
    v2s_complex *y;       // [pitch] one output's spectrum
    size_t pitch;         // bins rounded up to whole cache lines
    float *past;          // [inputs][n]: taps - 1 old samples, then the gathered ones
    float *block;         // [n] one output in time
    float *ready;         // [hop][outputs] the last block's output, handed out frame by frame
};

// A block costs (inputs + outputs) n log n for hop = n - taps + 1 new frames: four times the
// taps is near the minimum of n log n / hop and still in the first-level cache for short filters.
static size_t transform_length(size_t taps) {
    size_t n = MIN_LENGTH;
    while (n < 4 * taps)
        n *= 2;
    return n;
}

static v2s_status take_memory(v2s_convolver *c) {
    size_t in = (size_t)c->inputs, out = (size_t)c->outputs;
    c->pitch = (c->bins + 7) / 8 * 8;
    c->filters = v2s_fft_alloc(in * out * c->pitch, sizeof *c->filters);
    c->x = v2s_fft_alloc(in * c->pitch, sizeof *c->x);
    c->y = v2s_fft_alloc(c->pitch, sizeof *c->y);
    c->past = v2s_fft_alloc(in * c->n, sizeof *c->past);
    c->block = v2s_fft_alloc(c->n, sizeof *c->block);
    c->ready = v2s_fft_alloc(c->hop * out, sizeof *c->ready);
    if (!c->filters || !c->x || !c->y || !c->past || !c->block || !c->ready)
        return V2S_FAIL(V2S_NOMEM, "convolver of %d x %d filters of %zu taps: out of memory",
                        c->inputs, c->outputs, c->taps);
    return V2S_OK;
}

v2s_status v2s_convolver_open(int inputs, int outputs, size_t taps, const float *filters,
                              v2s_convolver **convolver) {
    if (inputs < 1 || inputs > MAX_ENDS || outputs < 1 || outputs > MAX_ENDS || taps < 1 ||
        taps > V2S_CONVOLVER_MAX_TAPS)
        return V2S_FAIL(V2S_ARG, "convolver of %d inputs, %d outputs, %zu taps: at most 64, 64, %d",
                        inputs, outputs, taps, V2S_CONVOLVER_MAX_TAPS);
    v2s_convolver *c = calloc(1, sizeof *c);
    if (!c)
        return V2S_FAIL(V2S_NOMEM, "convolver: out of memory");
    c->inputs = inputs;
    c->outputs = outputs;
    c->taps = taps;
    c->n = transform_length(taps);
    c->hop = c->n - taps + 1;
    c->bins = c->n / 2 + 1;
    v2s_status status;
    V2S_TRY_GOTO(status, v2s_fft_real_open(c->n, &c->fft), fail);
    V2S_TRY_GOTO(status, take_memory(c), fail);
    for (int i = 0; i < inputs * outputs; i++) {
        memcpy(c->block, filters + (size_t)i * taps, taps * sizeof *c->block);
        memset(c->block + taps, 0, (c->n - taps) * sizeof *c->block);
        v2s_fft_real_forward(c->fft, c->block, c->filters + (size_t)i * c->pitch);
    }
    *convolver = c;
    return V2S_OK;
fail:
    v2s_convolver_close(&c);
    return status;
}

// y (+)= h x over the bins.
static void multiply(const v2s_complex *h, const v2s_complex *x, size_t bins, v2s_complex *y,
                     int first) {
    if (first) {
        for (size_t k = 0; k < bins; k++) {
            y[k].re = h[k].re * x[k].re - h[k].im * x[k].im;
            y[k].im = h[k].re * x[k].im + h[k].im * x[k].re;
        }
        return;
    }
    for (size_t k = 0; k < bins; k++) {
        y[k].re += h[k].re * x[k].re - h[k].im * x[k].im;
        y[k].im += h[k].re * x[k].im + h[k].im * x[k].re;
    }
}

// The gathered block becomes the next output, and its end the past of the block after it.
static void run_block(v2s_convolver *c) {
    for (int i = 0; i < c->inputs; i++) {
        float *past = c->past + (size_t)i * c->n;
        v2s_fft_real_forward(c->fft, past, c->x + (size_t)i * c->pitch);
        memmove(past, past + c->hop, (c->taps - 1) * sizeof *past);
    }
    for (int o = 0; o < c->outputs; o++) {
        for (int i = 0; i < c->inputs; i++)
            multiply(c->filters + (size_t)(o * c->inputs + i) * c->pitch,
                     c->x + (size_t)i * c->pitch, c->bins, c->y, i == 0);
        v2s_fft_real_inverse(c->fft, c->y, c->block);
        const float *valid = c->block + c->taps - 1;
        for (size_t t = 0; t < c->hop; t++)
            c->ready[t * (size_t)c->outputs + (size_t)o] = valid[t];
    }
}

void v2s_convolver_process(v2s_convolver *c, const float *in, size_t frames, float *out) {
    size_t inputs = (size_t)c->inputs, outputs = (size_t)c->outputs;
    while (frames > 0) {
        size_t count = c->hop - c->fill < frames ? c->hop - c->fill : frames;
        for (size_t i = 0; i < inputs; i++) {
            float *fresh = c->past + i * c->n + c->taps - 1 + c->fill;
            for (size_t t = 0; t < count; t++)
                fresh[t] = in[t * inputs + i];
        }
        memcpy(out, c->ready + c->fill * outputs, count * outputs * sizeof *out);
        in += count * inputs;
        out += count * outputs;
        frames -= count;
        c->fill += count;
        if (c->fill == c->hop) {
            run_block(c);
            c->fill = 0;
        }
    }
}

size_t v2s_convolver_latency_frames(const v2s_convolver *c) {
    return c->hop;
}

void v2s_convolver_reset(v2s_convolver *c) {
    c->fill = 0;
    memset(c->past, 0, (size_t)c->inputs * c->n * sizeof *c->past);
    memset(c->ready, 0, c->hop * (size_t)c->outputs * sizeof *c->ready);
}

void v2s_convolver_close(v2s_convolver **convolver) {
    v2s_convolver *c = *convolver;
    if (!c)
        return;
    v2s_fft_real_close(&c->fft);
    v2s_fft_free(c->filters);
    v2s_fft_free(c->x);
    v2s_fft_free(c->y);
    v2s_fft_free(c->past);
    v2s_fft_free(c->block);
    v2s_fft_free(c->ready);
    free(c);
    *convolver = NULL;
}
