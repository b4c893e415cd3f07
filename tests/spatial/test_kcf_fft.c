// SPDX-License-Identifier: MIT
// The tracker's transforms against the O(N^2) definition, and all instruction sets bit for bit.
#include <criterion/criterion.h>

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/kcf_fft.h"
#include "tests/spatial/tracker_scene.h"

enum { MIN_SNR_DB = 120 };

static const v2s_isa all_isas[] = {V2S_ISA_SCALAR, V2S_ISA_AVX2, V2S_ISA_AVX512};

static float *floats(size_t count) {
    float *p = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
    memset(p, 0, (count * sizeof(float) + 63) / 64 * 64);
    return p;
}

static void fill(float *x, size_t count, unsigned seed) {
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(scene_hash((int)i, 5, seed) - 0.5);
}

static double snr_db(double signal, double noise) {
    return 10.0 * log10(signal / (noise + 1e-30 * signal));
}

static double line_snr_db(int n, const v2s_track_ops *ops) {
    v2s_fft_plan plan;
    v2s_fft_plan_init(&plan, n);
    float *x = floats((size_t)n * V2S_ROW), *y = floats((size_t)n * V2S_ROW);
    float *scratch = floats(2 * V2S_FFT_MAX * V2S_ROW);
    double signal = 0, noise = 0;
    fill(x, (size_t)n * V2S_ROW, (unsigned)n);
    memcpy(y, x, (size_t)n * V2S_ROW * sizeof(float));
    ops->fft_axis(&plan, 1, y, scratch);
    for (int k = 0; k < n; k++)
        for (int l = 0; l < V2S_LANES; l++) {
            double complex sum = 0;
            for (int i = 0; i < n; i++)
                sum += (x[i * V2S_ROW + l] + I * x[i * V2S_ROW + V2S_LANES + l]) *
                       cexp(-2.0 * M_PI * I * ((double)k * i / n));
            double complex got = y[k * V2S_ROW + l] + I * y[k * V2S_ROW + V2S_LANES + l];
            signal += creal(sum) * creal(sum) + cimag(sum) * cimag(sum);
            noise += pow(cabs(sum - got), 2);
        }
    free(x);
    free(y);
    free(scratch);
    return snr_db(signal, noise);
}

Test(kcf_fft, equals_the_definition_at_every_length) {
    const v2s_track_ops *ops = v2s_track_ops_for(v2s_cpu_isa());
    int tried = 0;
    for (int n = 1; n <= V2S_FFT_MAX; n++) {
        int rest = n;
        for (int p = 2; p <= 5; p++)
            while (rest % p == 0)
                rest /= p;
        if (rest > 1)
            continue;
        double snr = line_snr_db(n, ops);
        cr_expect(snr > MIN_SNR_DB, "length %d: %.1f dB", n, snr);
        tried++;
    }
    cr_assert_eq(tried, 38); // the numbers 2^a 3^b 5^c up to 128
}

Test(kcf_fft, lengths_are_even_smooth_and_near) {
    cr_assert(v2s_fft_length(0) == 8);
    cr_assert(v2s_fft_length(39) == 40 || v2s_fft_length(39) == 38 + 2);
    cr_assert(v2s_fft_length(36.4) == 36);
    cr_assert(v2s_fft_length(1e9) == 128);
}

// Real plane [ny][pitch_x], its spectrum against the definition, and back.
static void check_plane(int nx, int ny, const v2s_track_ops *ops) {
    v2s_fft_plan px, py;
    v2s_fft_plan_init(&px, nx);
    v2s_fft_plan_init(&py, ny);
    int pitch_x = v2s_plane_pitch(nx), pitch_y = v2s_plane_pitch(ny);
    float *in = floats((size_t)ny * (size_t)pitch_x), *out = floats((size_t)ny * (size_t)pitch_x);
    float *re = floats((size_t)nx * (size_t)pitch_y), *im = floats((size_t)nx * (size_t)pitch_y);
    float *scratch = floats(V2S_PLANE_SCRATCH);
    for (int y = 0; y < ny; y++)
        fill(in + y * pitch_x, (size_t)nx, (unsigned)y);
    ops->plane_forward(&px, &py, in, re, im, scratch);
    double signal = 0, noise = 0;
    for (int kx = 0; kx < nx; kx += 3)
        for (int ky = 0; ky < ny; ky += 2) {
            double complex sum = 0;
            for (int y = 0; y < ny; y++)
                for (int x = 0; x < nx; x++)
                    sum += in[y * pitch_x + x] *
                           cexp(-2.0 * M_PI * I * ((double)kx * x / nx + (double)ky * y / ny));
            double complex got = re[kx * pitch_y + ky] + I * im[kx * pitch_y + ky];
            signal += pow(cabs(sum), 2);
            noise += pow(cabs(sum - got), 2);
        }
    cr_expect(snr_db(signal, noise) > MIN_SNR_DB, "%d x %d: %.1f dB", nx, ny,
              snr_db(signal, noise));
    ops->plane_inverse(&px, &py, re, im, out, scratch);
    for (int y = 0; y < ny; y++)
        for (int x = 0; x < nx; x++)
            cr_assert_float_eq(out[y * pitch_x + x], in[y * pitch_x + x], 1e-6);
    // The zoom is the Fourier series of the plane: exact on the grid, and real everywhere.
    float *fine = floats(V2S_LANES * V2S_LANES);
    ops->zoom(re, im, nx, ny, 3.5, 4.5, 1.0, scratch, fine);
    for (int i = 0; i < V2S_LANES; i++)
        for (int j = 0; j < V2S_LANES; j++) {
            int x = (i - 4 + nx) % nx, y = (j - 3 + 2 * ny) % ny;
            cr_assert_float_eq(fine[i * V2S_LANES + j], in[y * pitch_x + x], 2e-5, "%d,%d", x, y);
        }
    free(in);
    free(out);
    free(re);
    free(im);
    free(scratch);
    free(fine);
}

Test(kcf_fft, planes_equal_the_definition_and_return) {
    const v2s_track_ops *ops = v2s_track_ops_for(v2s_cpu_isa());
    check_plane(8, 8, ops);
    check_plane(20, 54, ops);
    check_plane(40, 16, ops);
    check_plane(36, 50, ops);
}

// Between grid points a cosine stays that cosine.
Test(kcf_fft, zoom_interpolates_exactly) {
    const v2s_track_ops *ops = v2s_track_ops_for(v2s_cpu_isa());
    enum { N = 16 };
    v2s_fft_plan plan;
    v2s_fft_plan_init(&plan, N);
    float *in = floats(N * N), *re = floats(N * N), *im = floats(N * N);
    float *scratch = floats(V2S_PLANE_SCRATCH), *fine = floats(V2S_LANES * V2S_LANES);
    for (int y = 0; y < N; y++)
        for (int x = 0; x < N; x++)
            in[y * N + x] = (float)cos(2 * M_PI * (3.0 * x + 2.0 * y) / N + 0.3);
    ops->plane_forward(&plan, &plan, in, re, im, scratch);
    ops->zoom(re, im, N, N, 5, -2, 0.125, scratch, fine);
    for (int i = 0; i < V2S_LANES; i++)
        for (int j = 0; j < V2S_LANES; j++) {
            double x = 5 + (i - 7.5) * 0.125, y = -2 + (j - 7.5) * 0.125;
            cr_assert_float_eq(fine[i * V2S_LANES + j], cos(2 * M_PI * (3 * x + 2 * y) / N + 0.3),
                               1e-5);
        }
    free(in);
    free(re);
    free(im);
    free(scratch);
    free(fine);
}

Test(kcf_fft, gauss_is_the_exponential) {
    const v2s_track_ops *ops = v2s_track_ops_for(v2s_cpu_isa());
    enum { N = 4096 };
    float *x = floats(N), *y = floats(N);
    for (int i = 0; i < N; i++)
        x[i] = 2.0f - (float)i * 0.01f;
    memcpy(y, x, N * sizeof(float));
    ops->gauss(y, N, 3.0f, 0.9f);
    for (int i = 0; i < N; i++) {
        double t = fmax(0.0, 3.0 - 2.0 * (double)x[i]) * 0.9, want = exp(-t);
        // The exponent is rounded to float: an error of t epsilon.
        cr_assert(fabs(y[i] - want) <= (1.0 + t) * 2.4e-7 * want + 1e-33, "%d: %g, want %g", i,
                  (double)y[i], want);
    }
    free(x);
    free(y);
}

Test(kcf_fft, every_instruction_set_gives_the_same_bits) {
    enum { NX = 36, NY = 40, COUNT = NX * NY * V2S_ROW };
    v2s_fft_plan px, py;
    v2s_fft_plan_init(&px, NX);
    v2s_fft_plan_init(&py, NY);
    float *first = NULL, *scratch = floats(V2S_PLANE_SCRATCH);
    for (size_t i = 0; i < sizeof all_isas / sizeof *all_isas && all_isas[i] <= v2s_cpu_isa();
         i++) {
        const v2s_track_ops *ops = v2s_track_ops_for(all_isas[i]);
        size_t total = COUNT + 3 * 48 * 48;
        float *data = floats(total);
        float *re = data + COUNT, *im = re + 48 * 48, *plane = im + 48 * 48;
        fill(data, COUNT, 9);
        ops->fft_2d(&px, &py, data, scratch);
        ops->cross(data, data, 1, NX, NY, v2s_plane_pitch(NY), re, im);
        ops->plane_inverse(&px, &py, re, im, plane, scratch);
        ops->gauss(plane, NY * v2s_plane_pitch(NX), ops->energy(data, COUNT) * 1e-3f, 1e-4f);
        ops->lerp(re, im, 0.3f, 48 * 48);
        if (first)
            cr_assert_eq(memcmp(first, data, total * sizeof(float)), 0, "%s differs",
                         v2s_isa_name(all_isas[i]));
        if (!first)
            first = data;
        else
            free(data);
    }
    free(first);
    free(scratch);
}
