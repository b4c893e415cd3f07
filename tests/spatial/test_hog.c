// SPDX-License-Identifier: MIT
// HOG against a plain definition: directions by dot products in double, votes pixel by pixel.
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/hog.h"
#include "tests/spatial/tracker_scene.h"

enum { CW = 9, CH = 7, W = 4 * CW, H = 4 * CH };

static void make_luma(float *luma, unsigned seed) {
    for (int i = 0; i < W * H; i++)
        luma[i] = (float)(0.7 * scene_noise((i % W) / 5.0, (i / W) / 5.0, seed) +
                          0.3 * scene_hash(i % W, i / W, seed));
}

static void hog(v2s_isa isa, const float *luma, const float *weight, float *features) {
    float *scratch = aligned_alloc(64, v2s_hog_scratch_floats(CW, CH) * 4 / 64 * 64 + 64);
    v2s_hog(v2s_track_ops_for(isa), luma, CW, CH, weight, scratch, features);
    free(scratch);
}

static int at(int v, int size) {
    return v < 0 ? 0 : v >= size ? size - 1 : v;
}

// Histogram of every cell: each pixel votes for the four cells around it.
static void reference_cells(const float *luma, double cells[CH][CW][18]) {
    memset(cells, 0, sizeof(double) * CH * CW * 18);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            double gx = (double)luma[y * W + at(x + 1, W)] - luma[y * W + at(x - 1, W)];
            double gy = (double)luma[at(y + 1, H) * W + x] - luma[at(y - 1, H) * W + x];
            int bin = 0;
            double best = -1;
            for (int o = 0; o < 18; o++) {
                double dot = gx * cos(o * M_PI / 9) + gy * sin(o * M_PI / 9);
                if (dot > best) {
                    best = dot;
                    bin = o;
                }
            }
            double px = (x + 0.5) / 4 - 0.5, py = (y + 0.5) / 4 - 0.5;
            for (int cy = 0; cy < CH; cy++)
                for (int cx = 0; cx < CW; cx++) {
                    double wx = 1 - fabs(px - cx), wy = 1 - fabs(py - cy);
                    if (wx > 0 && wy > 0)
                        cells[cy][cx][bin] += wx * wy * hypot(gx, gy);
                }
        }
}

static double reference_energy(double cells[CH][CW][18], int x, int y) {
    double e = 0;
    for (int o = 0; o < 9; o++) {
        double s = cells[at(y, CH)][at(x, CW)][o] + cells[at(y, CH)][at(x, CW)][o + 9];
        e += s * s;
    }
    return e;
}

static void reference_features(double cells[CH][CW][18], int x, int y, double f[31]) {
    static const int side[4][2] = {{1, 1}, {1, -1}, {-1, 1}, {-1, -1}};
    for (int i = 0; i < 31; i++)
        f[i] = 0;
    for (int k = 0; k < 4; k++) {
        int dx = side[k][0], dy = side[k][1];
        double n = 1 / sqrt(reference_energy(cells, x, y) + reference_energy(cells, x + dx, y) +
                            reference_energy(cells, x, y + dy) +
                            reference_energy(cells, x + dx, y + dy) + 1e-4);
        for (int o = 0; o < 18; o++) {
            f[o] += 0.5 * fmin(0.2, n * cells[y][x][o]);
            f[27 + k] += 0.2357 * fmin(0.2, n * cells[y][x][o]);
        }
        for (int o = 0; o < 9; o++)
            f[18 + o] += 0.5 * fmin(0.2, n * (cells[y][x][o] + cells[y][x][o + 9]));
    }
}

Test(hog, equals_the_definition) {
    static double cells[CH][CW][18];
    static _Alignas(64) float features[CW * CH * V2S_ROW], luma[W * H], weight[CW * CH];
    for (int i = 0; i < CW * CH; i++)
        weight[i] = 0.25f + (float)i / (CW * CH);
    for (unsigned seed = 1; seed <= 4; seed++) {
        make_luma(luma, seed);
        hog(v2s_cpu_isa(), luma, weight, features);
        reference_cells(luma, cells);
        for (int y = 0; y < CH; y++)
            for (int x = 0; x < CW; x++) {
                double f[31];
                reference_features(cells, x, y, f);
                const float *got = features + (y * CW + x) * V2S_ROW;
                for (int i = 0; i < 31; i++)
                    cr_assert_float_eq(got[i], f[i] * (double)weight[y * CW + x], 1e-5,
                                       "cell %d,%d channel %d: %g, want %g", x, y, i,
                                       (double)got[i], f[i] * (double)weight[y * CW + x]);
                cr_assert_eq(got[31], 0.0f);
            }
    }
}

Test(hog, a_constant_patch_has_no_gradient) {
    static _Alignas(64) float features[CW * CH * V2S_ROW], luma[W * H];
    for (int i = 0; i < W * H; i++)
        luma[i] = 0.4f;
    hog(v2s_cpu_isa(), luma, NULL, features);
    for (int i = 0; i < CW * CH * V2S_ROW; i++)
        cr_assert_eq(features[i], 0.0f);
}

Test(hog, every_instruction_set_gives_the_same_bits) {
    static const v2s_isa isas[] = {V2S_ISA_AVX2, V2S_ISA_AVX512};
    static _Alignas(64) float a[CW * CH * V2S_ROW], b[CW * CH * V2S_ROW], luma[W * H];
    make_luma(luma, 11);
    hog(V2S_ISA_SCALAR, luma, NULL, a);
    for (int i = 0; i < 2 && isas[i] <= v2s_cpu_isa(); i++) {
        hog(isas[i], luma, NULL, b);
        cr_assert_eq(memcmp(a, b, sizeof a), 0, "%s differs", v2s_isa_name(isas[i]));
    }
}
