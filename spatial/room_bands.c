// SPDX-License-Identifier: MIT
#include "spatial/room_bands.h"

#include <math.h>
#include <string.h>

#include "spatial/conventions.h"

static const double min_log_reflection = -11.512925464970229; // 1e-5

double v2s_room_phi(int band, double hz) {
    const double *centre = v2s_room_band_hz;
    if (hz <= centre[band])
        return band == 0 || hz == centre[band] ? 1.0
               : hz <= centre[band - 1]        ? 0.0
                                        : 0.5 - 0.5 * cos(V2S_PI * log(hz / centre[band - 1]) /
                                                          log(centre[band] / centre[band - 1]));
    if (band == V2S_ROOM_BANDS - 1)
        return 1.0;
    return hz >= centre[band + 1] ? 0.0
                                  : 0.5 + 0.5 * cos(V2S_PI * log(hz / centre[band]) /
                                                    log(centre[band + 1] / centre[band]));
}

double v2s_room_log_reflection(double absorption) {
    return fmax(0.5 * log1p(-fmin(absorption, 1.0)), min_log_reflection);
}

// The cepstrum of a real, even log spectrum, its negative half folded onto the positive one.
static void make_analytic(v2s_fft_real *fft, size_t n, v2s_complex *spectrum, float *time) {
    v2s_fft_real_inverse(fft, spectrum, time);
    for (size_t t = 1; t < n / 2; t++)
        time[t] *= 2.0f;
    memset(time + n / 2 + 1, 0, (n - n / 2 - 1) * sizeof *time);
    v2s_fft_real_forward(fft, time, spectrum);
}

v2s_status v2s_room_psi(double rate_hz, size_t n, v2s_complex **psi) {
    size_t bins = n / 2 + 1;
    v2s_fft_real *fft = NULL;
    V2S_TRY(v2s_fft_real_open(n, &fft));
    v2s_complex *made = v2s_fft_alloc(V2S_ROOM_BANDS * bins, sizeof *made);
    float *time = v2s_fft_alloc(n, sizeof *time);
    v2s_complex *work = v2s_fft_alloc(bins, sizeof *work);
    v2s_status status =
        made && time && work ? V2S_OK : V2S_FAIL(V2S_NOMEM, "room: out of memory for its walls");
    for (int b = 0; status == V2S_OK && b < V2S_ROOM_BANDS; b++) {
        v2s_complex *to = made + (size_t)b * bins;
        for (size_t k = 0; k < bins; k++)
            work[k] = (v2s_complex){(float)v2s_room_phi(b, (double)k * rate_hz / (double)n), 0.0f};
        make_analytic(fft, n, work, time);
        memcpy(to, work, bins * sizeof *to);
    }
    v2s_fft_free(work);
    v2s_fft_free(time);
    v2s_fft_real_close(&fft);
    if (status != V2S_OK) {
        v2s_fft_free(made);
        return status;
    }
    *psi = made;
    return V2S_OK;
}
