// SPDX-License-Identifier: MIT
// KCF's Fourier formulas against their definitions in space.
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/kcf.h"
#include "tests/spatial/tracker_scene.h"

enum { NX = 10, NY = 8, GROUPS = 2, POINTS = NX * NY, COUNT = GROUPS * POINTS * V2S_ROW };

typedef struct fixture {
    v2s_arena arena;
    v2s_kcf kcf;
    const v2s_track_ops *ops;
} fixture;

static fixture make(void) {
    fixture f = {.ops = v2s_track_ops_for(v2s_cpu_isa())};
    v2s_kcf_config c = {NX, NY, GROUPS, GROUPS * V2S_ROW, 0.4, 1e-3, 1.2};
    v2s_arena count = v2s_arena_count();
    v2s_kcf_init(&f.kcf, &count, &c, f.ops);
    cr_assert_eq(v2s_arena_open(&f.arena, count.used), V2S_OK);
    v2s_kcf_init(&f.kcf, &f.arena, &c, f.ops);
    return f;
}

static void fill(float *x, unsigned seed) {
    for (int i = 0; i < COUNT; i++)
        x[i] = (float)(scene_hash(i, 3, seed) - 0.5);
}

// Kernel of x and z displaced by (dx, dy): exp(-|x - z(. + d)|^2 / (sigma^2 n)), channel by
// channel.
static double kernel(const float *x, const float *z, int dx, int dy) {
    double sum = 0;
    for (int g = 0; g < GROUPS; g++)
        for (int y = 0; y < NY; y++)
            for (int i = 0; i < NX; i++) {
                int a = (g * POINTS + y * NX + i) * V2S_ROW;
                int b = (g * POINTS + (y + dy) % NY * NX + (i + dx) % NX) * V2S_ROW;
                for (int c = 0; c < V2S_ROW; c++)
                    sum += pow((double)x[a + c] - z[b + c], 2);
            }
    return exp(-sum / (0.4 * 0.4 * COUNT));
}

static double energy(const float *x) {
    double sum = 0;
    for (int i = 0; i < COUNT; i++)
        sum += (double)x[i] * x[i];
    return sum;
}

Test(kcf, gaussian_correlation_equals_brute_force) {
    static _Alignas(64) float x[COUNT], z[COUNT], fx[COUNT], fz[COUNT], plane[NY * V2S_LANES];
    fixture f = make();
    fill(x, 1);
    fill(z, 2);
    memcpy(fx, x, sizeof x);
    memcpy(fz, z, sizeof z);
    for (int g = 0; g < GROUPS; g++) {
        f.ops->fft_2d(&f.kcf.px, &f.kcf.py, fx + g * POINTS * V2S_ROW, f.kcf.scratch);
        f.ops->fft_2d(&f.kcf.px, &f.kcf.py, fz + g * POINTS * V2S_ROW, f.kcf.scratch);
    }
    v2s_kcf_kernel(&f.kcf, f.ops, fx, energy(x), fz, energy(z), plane);
    for (int dy = 0; dy < NY; dy++)
        for (int dx = 0; dx < NX; dx++)
            cr_assert_float_eq(plane[dy * f.kcf.pitch_x + dx], kernel(x, z, dx, dy), 2e-6);
    v2s_arena_close(&f.arena);
}

// Solves K alpha = y directly, K[i][j] = kernel of the sample displaced by i against j, and checks
// the dual weights through the responses they give: f = K alpha for a new sample.
static void solve(double a[POINTS][POINTS + 1]) {
    for (int c = 0; c < POINTS; c++) {
        int best = c;
        for (int r = c + 1; r < POINTS; r++)
            best = fabs(a[r][c]) > fabs(a[best][c]) ? r : best;
        for (int k = c; k <= POINTS; k++) {
            double t = a[c][k];
            a[c][k] = a[best][k];
            a[best][k] = t;
        }
        for (int r = 0; r < POINTS; r++) {
            double m = r == c ? 0 : a[r][c] / a[c][c];
            for (int k = c; k <= POINTS; k++)
                a[r][k] -= m * a[c][k];
        }
    }
}

Test(kcf, detection_equals_ridge_regression_over_all_shifts) {
    static _Alignas(64) float x[COUNT], z[COUNT];
    static double a[POINTS][POINTS + 1], kxx[POINTS], kxz[POINTS];
    fixture f = make();
    fill(x, 5);
    fill(z, 6);
    for (int i = 0; i < COUNT; i++)
        z[i] = 0.7f * x[i] + 0.3f * z[i];
    for (int i = 0; i < POINTS; i++) {
        kxx[i] = kernel(x, x, i % NX, i / NX);
        kxz[i] = kernel(x, z, i % NX, i / NX);
    }
    for (int i = 0; i < POINTS; i++) {
        int ix = i % NX, iy = i / NX, lx = ix > NX / 2 ? ix - NX : ix,
            ly = iy > NY / 2 ? iy - NY : iy;
        for (int j = 0; j < POINTS; j++)
            a[i][j] = kxx[(iy - j / NX + NY) % NY * NX + (ix - j % NX + NX) % NX];
        a[i][i] += 1e-3;
        a[i][POINTS] = exp(-0.5 * (lx * lx + ly * ly) / (1.2 * 1.2));
    }
    solve(a);
    memcpy(f.kcf.features, x, sizeof x);
    v2s_kcf_train(&f.kcf, f.ops, 0.5);
    memcpy(f.kcf.features, z, sizeof z);
    v2s_kcf_detect(&f.kcf, f.ops);
    for (int i = 0; i < POINTS; i++) {
        double want = 0;
        for (int j = 0; j < POINTS; j++)
            want += a[j][POINTS] / a[j][j] *
                    kxz[(i / NX - j / NX + NY) % NY * NX + (i % NX - j % NX + NX) % NX];
        cr_assert_float_eq(f.kcf.response[i / NX * f.kcf.pitch_x + i % NX], want, 2e-4,
                           "%d: %g, want %g", i,
                           (double)f.kcf.response[i / NX * f.kcf.pitch_x + i % NX], want);
    }
    v2s_arena_close(&f.arena);
}

Test(kcf, a_displaced_sample_moves_the_peak) {
    static _Alignas(64) float x[COUNT];
    fixture f = make();
    fill(x, 8);
    memcpy(f.kcf.features, x, sizeof x);
    v2s_kcf_train(&f.kcf, f.ops, 1);
    for (int g = 0; g < GROUPS; g++)
        for (int y = 0; y < NY; y++)
            for (int i = 0; i < NX; i++)
                memcpy(f.kcf.features +
                           (g * POINTS + (y + 2) % NY * NX + (i + NX - 3) % NX) * V2S_ROW,
                       x + (g * POINTS + y * NX + i) * V2S_ROW, V2S_ROW * sizeof(float));
    v2s_kcf_detect(&f.kcf, f.ops);
    int best = 0;
    for (int i = 0; i < POINTS; i++)
        if (f.kcf.response[i / NX * f.kcf.pitch_x + i % NX] >
            f.kcf.response[best / NX * f.kcf.pitch_x + best % NX])
            best = i;
    cr_assert_eq(best % NX, NX - 3);
    cr_assert_eq(best / NX, 2);
    cr_assert(v2s_kcf_psr(&f.kcf, best % NX, best / NX, 2) > 8);
    v2s_arena_close(&f.arena);
}

Test(kcf, psr_of_a_flat_response_is_zero) {
    fixture f = make();
    for (int i = 0; i < NY * f.kcf.pitch_x; i++)
        f.kcf.response[i] = 0.3f;
    cr_assert_eq(v2s_kcf_psr(&f.kcf, 1, 1, 2), 0.0);
    cr_assert_eq(v2s_kcf_psr(&f.kcf, 1, 1, 100), 0.0);
    v2s_arena_close(&f.arena);
}
