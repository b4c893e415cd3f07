// SPDX-License-Identifier: MIT
#include "spatial/envelope.h"

#include <math.h>
#include <stdlib.h>

#include "kernels/dft_f64.h"
#include "kernels/fft.h"

struct v2s_envelope {
    size_t n;
    v2s_dft_f64 *dft;
    v2s_complex_f64 *x, *spectrum; // [n]
};

v2s_status v2s_envelope_open(size_t frames, v2s_envelope **envelope) {
    if (frames == 0 || frames > V2S_ENVELOPE_FRAMES_MAX)
        return V2S_FAIL(V2S_FORMAT, "an envelope takes 1 .. %zu samples, found %zu",
                        V2S_ENVELOPE_FRAMES_MAX, frames);
    v2s_envelope *e = calloc(1, sizeof *e);
    if (e == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    e->n = frames;
    e->x = v2s_fft_alloc(frames, sizeof *e->x);
    e->spectrum = v2s_fft_alloc(frames, sizeof *e->spectrum);
    v2s_status status = v2s_dft_f64_open(frames, &e->dft);
    if (status == V2S_OK && (e->x == NULL || e->spectrum == NULL))
        status = V2S_FAIL(V2S_NOMEM, "envelope of %zu samples: out of memory", frames);
    if (status != V2S_OK) {
        v2s_envelope_close(&e);
        return status;
    }
    *envelope = e;
    return V2S_OK;
}

void v2s_envelope_take(v2s_envelope *e, const double *a, const double *b, size_t stride,
                       double *out_a, double *out_b) {
    size_t n = e->n;
    for (size_t t = 0; t < n; t++)
        e->x[t] = (v2s_complex_f64){a[t * stride], b != NULL ? b[t * stride] : 0};
    v2s_dft_f64_forward(e->dft, e->x, e->spectrum);
    for (size_t k = 0; k < n; k++) {
        v2s_complex_f64 z = e->spectrum[k];
        double sign = k == 0 || 2 * k == n ? 0 : 2 * k < n ? 1 : -1;
        e->spectrum[k] = (v2s_complex_f64){sign * z.im, -sign * z.re};
    }
    v2s_dft_f64_inverse(e->dft, e->spectrum, e->x);
    for (size_t t = 0; t < n; t++) {
        out_a[t] = hypot(a[t * stride], e->x[t].re);
        if (b != NULL)
            out_b[t] = hypot(b[t * stride], e->x[t].im);
    }
}

void v2s_envelope_close(v2s_envelope **envelope) {
    v2s_envelope *e = *envelope;
    if (e == NULL)
        return;
    v2s_dft_f64_close(&e->dft);
    v2s_fft_free(e->x);
    v2s_fft_free(e->spectrum);
    free(e);
    *envelope = NULL;
}
