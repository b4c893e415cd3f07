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

static bool is_flat(const v2s_room *room) {
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        for (int b = 1; b < V2S_ROOM_BANDS; b++)
            if (room->absorption[w][b] != room->absorption[w][0])
                return false;
    return true;
}

v2s_status v2s_room_bands_open(const v2s_room *room, double rate_hz, v2s_room_bands *bands) {
    v2s_room_bands made = {.flat = is_flat(room)};
    if (made.flat) {
        *bands = made;
        return V2S_OK;
    }
    size_t n = v2s_fft_length_above((size_t)(0.5 * rate_hz) + 1);
    made.bins = n / 2 + 1;
    made.bin_hz = rate_hz / (double)n;
    v2s_fft_real *fft = NULL;
    V2S_TRY(v2s_fft_real_open(n, &fft));
    made.psi = v2s_fft_alloc(V2S_ROOM_BANDS * made.bins, sizeof *made.psi);
    float *time = v2s_fft_alloc(n, sizeof *time);
    v2s_complex *work = v2s_fft_alloc(made.bins, sizeof *work);
    v2s_status status = made.psi && time && work
                            ? V2S_OK
                            : V2S_FAIL(V2S_NOMEM, "room: out of memory for its walls");
    // All bands together are 1, whose transform is 0: the last one follows from the others.
    float *last = (float *)(made.psi + (V2S_ROOM_BANDS - 1) * made.bins);
    for (size_t k = 0; status == V2S_OK && k < made.bins; k++)
        last[2 * k] = 1.0f;
    for (int b = 0; status == V2S_OK && b < V2S_ROOM_BANDS - 1; b++) {
        for (size_t k = 0; k < made.bins; k++)
            work[k] = (v2s_complex){(float)v2s_room_phi(b, (double)k * made.bin_hz), 0.0f};
        make_analytic(fft, n, work, time);
        memcpy(made.psi + (size_t)b * made.bins, work, made.bins * sizeof *work);
        for (size_t k = 0; k < made.bins; k++) {
            last[2 * k] -= work[k].re;
            last[2 * k + 1] -= work[k].im;
        }
    }
    v2s_fft_free(work);
    v2s_fft_free(time);
    v2s_fft_real_close(&fft);
    if (status != V2S_OK) {
        v2s_room_bands_close(&made);
        return status;
    }
    *bands = made;
    return V2S_OK;
}

void v2s_room_bands_close(v2s_room_bands *bands) {
    v2s_fft_free(bands->psi);
    *bands = (v2s_room_bands){0};
}

v2s_complex v2s_room_bands_at(const v2s_room_bands *bands, const double log_gain[V2S_ROOM_BANDS],
                              double hz) {
    double x = hz / bands->bin_hz, log_size = 0.0, angle = 0.0;
    size_t k = (size_t)x < bands->bins - 1 ? (size_t)x : bands->bins - 2;
    double share = x - (double)k;
    for (int b = 0; b < V2S_ROOM_BANDS; b++) {
        const v2s_complex *psi = bands->psi + (size_t)b * bands->bins + k;
        log_size += log_gain[b] * ((1.0 - share) * (double)psi[0].re + share * (double)psi[1].re);
        angle += log_gain[b] * ((1.0 - share) * (double)psi[0].im + share * (double)psi[1].im);
    }
    double size = exp(log_size);
    return (v2s_complex){(float)(size * cos(angle)), (float)(size * sin(angle))};
}
