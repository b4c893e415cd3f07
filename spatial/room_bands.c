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

static void find_kinds(const v2s_room *room, v2s_room_bands *bands) {
    bands->flat = true;
    for (int w = 0; w < V2S_ROOM_WALLS; w++) {
        const double *own = room->absorption[w];
        int like = 0;
        while (like < w && memcmp(room->absorption[like], own, sizeof room->absorption[w]) != 0)
            like++;
        bands->kind[w] = like < w ? bands->kind[like] : bands->kinds++;
        bands->flat_log[bands->kind[w]] = v2s_room_log_reflection(own[0]);
        for (int b = 1; b < V2S_ROOM_BANDS; b++)
            bands->flat = bands->flat && own[b] == own[0];
    }
}

// ln |R| of all kinds at the bins.
static void fill_levels(const v2s_room *room, const v2s_room_bands *bands) {
    double level[V2S_ROOM_WALLS][V2S_ROOM_BANDS];
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        for (int b = 0; b < V2S_ROOM_BANDS; b++)
            level[bands->kind[w]][b] = v2s_room_log_reflection(room->absorption[w][b]);
    int low = 0;
    for (size_t k = 0; k < bands->bins; k++) {
        double hz = (double)k * bands->bin_hz;
        while (low < V2S_ROOM_BANDS - 2 && hz >= v2s_room_band_hz[low + 1])
            low++;
        double share = v2s_room_phi(low + 1, hz); // of the band above: two bands make up each bin
        for (int i = 0; i < bands->kinds; i++)
            bands->log[(size_t)i * bands->bins + k] = (v2s_complex){
                (float)((1.0 - share) * level[i][low] + share * level[i][low + 1]), 0.0f};
    }
}

static v2s_status fill_logs(const v2s_room *room, size_t n, v2s_room_bands *bands) {
    v2s_fft_real *fft = NULL;
    V2S_TRY(v2s_fft_real_open(n, &fft));
    float *time = v2s_fft_alloc(n, sizeof *time);
    if (time != NULL) {
        fill_levels(room, bands);
        for (int i = 0; i < bands->kinds; i++)
            make_analytic(fft, n, bands->log + (size_t)i * bands->bins, time);
    }
    v2s_status status = time ? V2S_OK : V2S_FAIL(V2S_NOMEM, "room: out of memory for its walls");
    v2s_fft_free(time);
    v2s_fft_real_close(&fft);
    return status;
}

v2s_status v2s_room_bands_open(const v2s_room *room, double rate_hz, v2s_room_bands *bands) {
    v2s_room_bands made = {0};
    find_kinds(room, &made);
    v2s_status status = V2S_OK;
    if (!made.flat) {
        size_t n = 1024; // a power of two, for speed, of a quarter of a second or more
        while ((double)n < 0.25 * rate_hz)
            n *= 2;
        made.bins = n / 2 + 1;
        made.bin_hz = rate_hz / (double)n;
        made.log = v2s_fft_alloc((size_t)made.kinds * made.bins, sizeof *made.log);
        status = made.log ? fill_logs(room, n, &made)
                          : V2S_FAIL(V2S_NOMEM, "room: out of memory for its walls");
    }
    if (status != V2S_OK) {
        v2s_room_bands_close(&made);
        return status;
    }
    *bands = made;
    return V2S_OK;
}

void v2s_room_bands_close(v2s_room_bands *bands) {
    v2s_fft_free(bands->log);
    *bands = (v2s_room_bands){0};
}

v2s_complex v2s_room_bands_at(const v2s_room_bands *bands, const uint16_t *counts, double hz) {
    double x = hz / bands->bin_hz, log_size = 0.0, angle = 0.0;
    size_t k = (size_t)x < bands->bins - 1 ? (size_t)x : bands->bins - 2;
    double share = x - (double)k;
    for (int i = 0; i < bands->kinds; i++) {
        const v2s_complex *at = bands->log + (size_t)i * bands->bins + k;
        log_size += counts[i] * ((1.0 - share) * (double)at[0].re + share * (double)at[1].re);
        angle += counts[i] * ((1.0 - share) * (double)at[0].im + share * (double)at[1].im);
    }
    double size = exp(log_size);
    return (v2s_complex){(float)(size * cos(angle)), (float)(size * sin(angle))};
}
