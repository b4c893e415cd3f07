// SPDX-License-Identifier: MIT
// Energies and intensities in cells of 10 ms.
#include "spatial/foa_cells.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "tests/support/foa_scene.h"
#include "tests/support/hash_noise.h"

static v2s_foa_cells *cells_of(double rate_hz, const float *foa, size_t frames, size_t block) {
    v2s_foa_cells *c = NULL;
    cr_assert(v2s_foa_cells_open(rate_hz, &c) == V2S_OK);
    for (size_t i = 0; i < frames; i += block) {
        size_t n = frames - i < block ? frames - i : block;
        cr_assert(v2s_foa_cells_add(c, foa + 4 * i, n) == V2S_OK);
    }
    return c;
}

static v2s_foa_cell total(const v2s_foa_cells *c) {
    size_t count;
    const v2s_foa_cell *all = v2s_foa_cells_all(c, &count);
    v2s_foa_cell sum = {0};
    for (size_t i = 0; i < count; i++)
        v2s_foa_cell_sum(&sum, &all[i]);
    return sum;
}

Test(foa_cells, the_intensity_of_a_plane_wave_points_to_its_source) {
    v2s_vec3 u = v2s_unit_from_angles(v2s_rad(123), v2s_rad(-31));
    float *foa = foa_plane_wave(8000, 5, u.x, u.y, u.z);
    v2s_foa_cells *c = cells_of(16000, foa, 8000, 8000);
    v2s_foa_cell sum = total(c);
    v2s_vec3 i = v2s_foa_cell_wyzx(&sum);
    cr_expect(v2s_angle_between_rad(i, u) < 1e-6);
    cr_expect(fabs(v2s_norm(i) / sum.energy[0] - 1) < 1e-6, "SN3D: |I| is the energy of W");
    cr_expect(fabs(v2s_foa_cell_dipoles(&sum) / sum.energy[0] - 1) < 1e-6);
    cr_expect(v2s_foa_cell_coherence(&sum) > 0.999999);
    v2s_foa_cells_close(&c);
    free(foa);
}

Test(foa_cells, independent_channels_are_not_coherent) {
    enum { FRAMES = 48000 };
    float *foa = malloc(4 * FRAMES * sizeof *foa);
    hash_noise(9, 4 * FRAMES, 0.5f, foa);
    v2s_foa_cells *c = cells_of(16000, foa, FRAMES, FRAMES);
    v2s_foa_cell sum = total(c);
    cr_expect(v2s_foa_cell_coherence(&sum) < 0.01);
    v2s_foa_cells_close(&c);
    free(foa);
}

Test(foa_cells, blocks_do_not_change_a_bit_and_cells_are_10_ms) {
    enum { FRAMES = 10000 };
    float *foa = malloc(4 * FRAMES * sizeof *foa);
    size_t count, other;
    hash_noise(3, 4 * FRAMES, 0.5f, foa);
    v2s_foa_cells *a = cells_of(22050, foa, FRAMES, FRAMES), *b = cells_of(22050, foa, FRAMES, 77);
    const v2s_foa_cell *x = v2s_foa_cells_all(a, &count), *y = v2s_foa_cells_all(b, &other);
    cr_assert(count == 46 && other == 46, "10000 frames are 45.35 cells, found %zu", count);
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < 4; k++)
            cr_expect(x[i].energy[k] == y[i].energy[k]);
    v2s_foa_cells_close(&a);
    v2s_foa_cells_close(&b);
    free(foa);
}

// A sine of frequency f through Butterworth's second order: |H|^2 = 1 / (1 + (f / corner)^4) for
// the low-pass, in the warped frequency of the bilinear transform.
Test(foa_cells, the_band_is_that_of_the_filters_that_are_stated) {
    enum { FRAMES = 48000, RATE = 48000 };
    static const double hz[] = {100, 250, 500, 1500, 5000, 12000};
    float *foa = malloc(4 * FRAMES * sizeof *foa);
    for (int k = 0; k < 6; k++) {
        double low = tan(V2S_PI * 500 / RATE), high = tan(V2S_PI * 5000 / RATE);
        double f = tan(V2S_PI * hz[k] / RATE), gain = 1;
        gain *= 1 / (1 + pow(low / f, 4)) / (1 + pow(f / high, 4));
        for (int i = 0; i < 4 * FRAMES; i++)
            foa[i] = (float)sin(2 * V2S_PI * hz[k] * (i / 4) / RATE);
        v2s_foa_cells *c = cells_of(RATE, foa, FRAMES, FRAMES);
        v2s_foa_cell sum = total(c);
        double found = sum.energy[0] / (FRAMES / 2.0);
        cr_expect(fabs(10 * log10(found / gain)) < 0.05, "%g Hz: %g dB, expected %g", hz[k],
                  10 * log10(found), 10 * log10(gain));
        v2s_foa_cells_close(&c);
    }
    free(foa);
}

Test(foa_cells, silence_is_not_coherent_and_wrong_rates_are_refused) {
    const v2s_foa_cell nothing = {0};
    v2s_foa_cells *c = NULL;
    cr_expect(v2s_foa_cell_coherence(&nothing) == 0);
    cr_expect(v2s_foa_cells_open(0, &c) == V2S_ARG);
    cr_expect(v2s_foa_cells_open(NAN, &c) == V2S_ARG);
    cr_expect(v2s_foa_cells_open(1e6, &c) == V2S_ARG);
}
