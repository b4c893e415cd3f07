// SPDX-License-Identifier: MIT
// The objective of the v2s presets: its gradient against finite differences, and properties of
// its terms.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/hash_noise.h"
#include "train/band_loss.h"

enum { FRAMES = 21, BANDS = V2S_BASIS_BANDS };

typedef struct scene {
    v2s_foa_basis *basis;
    v2s_band_clip clip;
    v2s_point *points; // [2]
    float *gains, *dgains;
    size_t count;
    v2s_band_loss work;
} scene;

// Uniform in (-1,1), a multiple of 2^-20, so that steps of 2^-10 are exact in float.
static float noise(unsigned stream, size_t i) {
    float x;
    hash_noise(stream + (unsigned)i * 64u, 1, 1.0f, &x);
    return rintf(x * 0x1p20f) * 0x1p-20f;
}

// Sums that belong together: W and its dipoles are vectors of 8 random complex bins.
static void fill_stat(v2s_band_stat *s, size_t at, int tails, bool with_w) {
    enum { BINS = 8 };
    *s = (v2s_band_stat){0};
    for (unsigned bin = 0; bin < 2 * BINS; bin++) {
        unsigned stream = 1000 + 16 * bin;
        float w = noise(stream, at), y = 0.5f * w + noise(stream + 1, at);
        float z = 0.3f * w + noise(stream + 2, at), x = 0.7f * w + noise(stream + 3, at);
        float g = with_w ? 0.8f * w + 0.3f * noise(stream + 4, at) : w;
        s->g += g * g, s->t += w * w, s->gt += g * w;
        s->ix += w * x, s->iy += w * y, s->iz += w * z;
        s->px += g * x, s->py += g * y, s->pz += g * z;
        s->e += x * x + y * y + z * z, s->ez += z * z;
    }
    for (int k = 0; k < tails; k++) {
        s->tail[k] = s->g * (1 + 0.5f * noise(2000 + (unsigned)k, at));
        s->w_tail[k] = with_w ? s->g * (1 + 0.5f * noise(3000 + (unsigned)k, at)) : 0;
    }
}

static scene make_scene(bool with_w) {
    scene s = {0};
    cr_assert_eq(v2s_foa_basis_open(16000, with_w, &s.basis), V2S_OK);
    s.clip = (v2s_band_clip){.frames = FRAMES,
                             .segments = s.basis->segments,
                             .used = s.basis->bands.used,
                             .hop_s = 0.008,
                             .with_w = with_w};
    cr_assert_eq(v2s_band_clip_alloc(&s.clip), V2S_OK);
    for (size_t i = 0; i < FRAMES * BANDS; i++) {
        v2s_band_stat stat;
        fill_stat(&stat, i, s.basis->segments, with_w);
        v2s_band_clip_set(&s.clip, i, &stat);
        v2s_band_stat back = v2s_band_clip_get(&s.clip, i);
        cr_assert_eq(memcmp(&stat, &back, sizeof stat), 0);
    }
    s.points = calloc(2, sizeof *s.points);
    s.points[0] = (v2s_point){0, {0.6, 0.48, 0.64}, 2, 1};
    s.points[1] = (v2s_point){0.1, {0, -0.8, 0.6}, 3, 1};
    s.clip.path = (v2s_trajectory){.name = "1", .count = 2, .points = s.points};
    s.count = (size_t)FRAMES * BANDS * (size_t)s.basis->gains;
    s.gains = malloc(s.count * sizeof *s.gains);
    s.dgains = malloc(s.count * sizeof *s.dgains);
    for (size_t i = 0; i < s.count; i++)
        s.gains[i] = 0.4f * rintf(noise(7, i) * 0x1p12f) * 0x1p-12f;
    for (size_t i = 0; i < s.count; i++)
        s.gains[i] = rintf(s.gains[i] * 0x1p20f) * 0x1p-20f;
    cr_assert_eq(v2s_band_loss_open(FRAMES, &s.work), V2S_OK);
    return s;
}

static void free_scene(scene *s) {
    v2s_foa_basis_close(&s->basis);
    v2s_band_loss_close(&s->work);
    free(s->clip.stats);
    free(s->points);
    free(s->gains);
    free(s->dgains);
}

static double loss_at(scene *s, const v2s_loss_band_config *config, double *terms) {
    return v2s_band_loss_row(&s->work, config, &s->clip, 0, FRAMES, s->gains, 1, NULL, terms);
}

// Fourth-order central difference with exact steps.
static double difference(scene *s, const v2s_loss_band_config *config, size_t i) {
    const float h = 0x1p-10f;
    float kept = s->gains[i];
    double f[4];
    const float at[4] = {-2 * h, -h, h, 2 * h};
    for (int j = 0; j < 4; j++) {
        s->gains[i] = kept + at[j];
        f[j] = loss_at(s, config, NULL);
    }
    s->gains[i] = kept;
    return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12.0 * h);
}

// Each term alone, so that a small one cannot hide behind a large one.
static void check_gradient(bool with_w) {
    scene s = make_scene(with_w);
    for (int term = 0; term < V2S_BAND_TERMS; term++) {
        v2s_loss_band_config config = {.emphasis = 0.8};
        config.weight[term] = 1.5;
        v2s_band_loss_row(&s.work, &config, &s.clip, 0, FRAMES, s.gains, 2, s.dgains, NULL);
        double largest = 0, gap = 0;
        for (size_t i = 5; i < s.count; i += 97) {
            double numeric = difference(&s, &config, i);
            largest = fmax(largest, fabs(numeric));
            gap = fmax(gap, fabs(numeric - (double)s.dgains[i] / 2));
        }
        bool idle = !with_w && (term == V2S_BAND_W_LEVEL || term == V2S_BAND_W_LEVEL_BLOCK);
        cr_expect(idle || largest > 1e-7, "term %s has no gradient", v2s_band_term_names[term]);
        cr_expect(gap <= 1e-6 * largest + 1e-12, "term %s: gap %g of %g", v2s_band_term_names[term],
                  gap, largest);
    }
    free_scene(&s);
}

Test(band_loss, gradient_matches_differences_omni) {
    check_gradient(false);
}

Test(band_loss, gradient_matches_differences_dry) {
    check_gradient(true);
}

// Gains that give what the truth has: every statistic agrees, so only `coherent` and `spectrum`
// (which look at single frames) are left.
Test(band_loss, a_perfect_plane_wave_costs_nothing) {
    scene s = make_scene(false);
    s.points[1].unit = s.points[0].unit;
    v2s_vec3 u = s.points[0].unit;
    for (size_t i = 0; i < FRAMES * BANDS; i++) {
        v2s_band_stat b = v2s_band_clip_get(&s.clip, i);
        b.ix = b.px = (float)u.x * b.g;
        b.iy = b.py = (float)u.y * b.g;
        b.iz = b.pz = (float)u.z * b.g;
        b.e = b.g;
        b.ez = (float)(u.z * u.z) * b.g;
        v2s_band_clip_set(&s.clip, i, &b);
    }
    for (size_t i = 0; i < s.count; i++)
        s.gains[i] = 0;
    v2s_loss_band_config config = v2s_band_loss_defaults(false);
    double terms[V2S_BAND_TERMS];
    double loss = loss_at(&s, &config, terms);
    cr_expect(fabs(loss) < 2e-6, "loss %g", loss);
    s.gains[3] = 0.5f; // a plane wave leaves nothing to the tails
    cr_expect(fabs(loss_at(&s, &config, terms)) < 2e-6);
    s.gains[0] = -0.3f;
    cr_expect(loss_at(&s, &config, terms) > loss + 1e-4);
    free_scene(&s);
}

Test(band_loss, silence_is_finite) {
    for (int with_w = 0; with_w < 2; with_w++) {
        scene s = make_scene(with_w);
        for (size_t i = 0; i < FRAMES * BANDS; i++)
            v2s_band_clip_set(&s.clip, i, &(v2s_band_stat){0});
        v2s_loss_band_config config = v2s_band_loss_defaults(with_w);
        double loss =
            v2s_band_loss_row(&s.work, &config, &s.clip, 0, FRAMES, s.gains, 1, s.dgains, NULL);
        cr_expect(isfinite(loss));
        for (size_t i = 0; i < s.count; i++)
            cr_assert(isfinite(s.dgains[i]));
        free_scene(&s);
    }
}
