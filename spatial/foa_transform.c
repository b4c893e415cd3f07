// SPDX-License-Identifier: MIT
#include "spatial/foa_transform.h"

#include <string.h>

v2s_status v2s_foa_transform_open(const v2s_foa_basis *b, v2s_foa_transform *out) {
    v2s_foa_transform f = {.basis = b};
    V2S_TRY(v2s_fft_real_open((size_t)b->length, &f.fft));
    f.x = v2s_fft_alloc((size_t)b->length, sizeof *f.x);
    f.spectrum = v2s_fft_alloc((size_t)b->bins, sizeof *f.spectrum);
    if (f.x == NULL || f.spectrum == NULL) {
        v2s_foa_transform_close(&f);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    *out = f;
    return V2S_OK;
}

void v2s_foa_transform_close(v2s_foa_transform *f) {
    v2s_fft_real_close(&f->fft);
    v2s_fft_free(f->x);
    v2s_fft_free(f->spectrum);
    *f = (v2s_foa_transform){0};
}

// Samples first .. of the frame that lie inside the sound: window positions *begin .. *end-1.
static int64_t inside(const v2s_foa_basis *b, int64_t t, size_t samples, int *begin, int *end) {
    int64_t first = (t - 2) * b->hop;
    int64_t left = (int64_t)samples - first;
    *begin = first < 0 ? (int)(-first < b->length ? -first : b->length) : 0;
    *end = left < b->length ? (int)(left > 0 ? left : 0) : b->length;
    return first;
}

void v2s_foa_analyse(v2s_foa_transform *f, const float *sound, size_t samples, int channels,
                     int channel, int64_t t, float *spectrum) {
    const v2s_foa_basis *b = f->basis;
    int begin, end;
    int64_t first = inside(b, t, samples, &begin, &end);
    memset(f->x, 0, (size_t)b->length * sizeof *f->x);
    for (int i = begin; i < end; i++)
        f->x[i] = b->window[i] * sound[(size_t)(first + i) * (size_t)channels + (size_t)channel];
    v2s_fft_real_forward(f->fft, f->x, f->spectrum);
    for (int i = 0; i < b->bins; i++) {
        spectrum[i] = f->spectrum[i].re;
        spectrum[b->stride + i] = f->spectrum[i].im;
    }
    memset(spectrum + b->bins, 0, (size_t)(b->stride - b->bins) * sizeof *spectrum);
    memset(spectrum + b->stride + b->bins, 0, (size_t)(b->stride - b->bins) * sizeof *spectrum);
}

void v2s_foa_synthesise(v2s_foa_transform *f, const float *spectrum, int64_t t, float *sound,
                        size_t samples, int channels, int channel) {
    const v2s_foa_basis *b = f->basis;
    int begin, end;
    int64_t first = inside(b, t, samples, &begin, &end);
    for (int i = 0; i < b->bins; i++)
        f->spectrum[i] = (v2s_complex){spectrum[i], spectrum[b->stride + i]};
    v2s_fft_real_inverse(f->fft, f->spectrum, f->x);
    for (int i = begin; i < end; i++)
        sound[(size_t)(first + i) * (size_t)channels + (size_t)channel] += b->window[i] * f->x[i];
}
