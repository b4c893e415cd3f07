// SPDX-License-Identifier: MIT
#include "spatial/room_fir.h"

#include <string.h>

enum { LONGEST = 15 * 131072, SHORTEST = 4096 };

static v2s_status take_memory(v2s_room_fir *f) {
    V2S_TRY(v2s_fft_real_open(f->n, &f->fft));
    f->sound = v2s_fft_alloc(f->n, sizeof *f->sound);
    f->block = v2s_fft_alloc(f->n, sizeof *f->block);
    f->filter = v2s_fft_alloc(4 * f->bins, sizeof *f->filter);
    f->x = v2s_fft_alloc(f->bins, sizeof *f->x);
    f->y = v2s_fft_alloc(f->bins, sizeof *f->y);
    return f->sound && f->block && f->filter && f->x && f->y
               ? V2S_OK
               : V2S_FAIL(V2S_NOMEM, "room: out of memory for a response of %zu samples", f->taps);
}

v2s_status v2s_room_fir_open(const float *response, size_t taps, int64_t begin, size_t step,
                             v2s_room_fir *fir) {
    v2s_room_fir f = {.taps = taps, .begin = begin};
    size_t least = taps + (taps > SHORTEST ? taps : SHORTEST);
    least = least < LONGEST ? least : LONGEST;
    f.n = v2s_fft_length_above(least > taps + step ? least : taps + step);
    if (f.n == 0 || f.n <= taps)
        return V2S_FAIL(V2S_ARG, "room: response of %zu samples: too long", taps);
    f.hop = (f.n - taps) / step * step;
    f.bins = f.n / 2 + 1;
    v2s_status status = take_memory(&f);
    if (status != V2S_OK) {
        v2s_room_fir_close(&f);
        return status;
    }
    for (size_t c = 0; c < 4; c++) {
        memset(f.block, 0, f.n * sizeof *f.block);
        for (size_t t = 0; t < taps; t++)
            f.block[t] = response[4 * t + c];
        v2s_fft_real_forward(f.fft, f.block, f.filter + c * f.bins);
    }
    *fir = f;
    return V2S_OK;
}

static void run_block(v2s_room_fir *f, v2s_room_ring *ring) {
    v2s_fft_real_forward(f->fft, f->sound, f->x);
    for (int c = 0; c < 4; c++) {
        const v2s_complex *h = f->filter + (size_t)c * f->bins, *x = f->x;
        for (size_t k = 0; k < f->bins; k++) {
            f->y[k].re = h[k].re * x[k].re - h[k].im * x[k].im;
            f->y[k].im = h[k].re * x[k].im + h[k].im * x[k].re;
        }
        v2s_fft_real_inverse(f->fft, f->y, f->block);
        v2s_room_ring_add(ring, f->time + f->begin, c, f->block, f->hop + f->taps - 1);
    }
}

void v2s_room_fir_push(v2s_room_fir *f, const float *x, size_t frames, v2s_room_ring *ring) {
    memcpy(f->sound + f->fill, x, frames * sizeof *x);
    f->fill += frames;
    V2S_ASSERT(f->fill <= f->hop);
    if (f->fill == f->hop) {
        run_block(f, ring);
        f->time += (int64_t)f->hop;
        f->fill = 0;
    }
}

size_t v2s_room_fir_latency_frames(const v2s_room_fir *f) {
    int64_t late = (int64_t)f->hop - f->begin;
    return late > 0 ? (size_t)late : 0;
}

void v2s_room_fir_close(v2s_room_fir *f) {
    v2s_fft_real_close(&f->fft);
    v2s_fft_free(f->sound);
    v2s_fft_free(f->block);
    v2s_fft_free(f->filter);
    v2s_fft_free(f->x);
    v2s_fft_free(f->y);
    *f = (v2s_room_fir){0};
}
