// SPDX-License-Identifier: MIT
// Properties; the numbers are held to numpy by tests/infer/test_judge_field.c.
#include "spatial/foa_stats.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/ambisonics.h"
#include "spatial/erb_stft.h"
#include "tests/support/foa_scene.h"
#include "tests/support/hash_noise.h"

enum { RATE = 16000, FRAMES = 16000 };

static v2s_foa_scores compare_at(int rate_hz, size_t frames, const float *truth,
                                 const float *prediction) {
    v2s_foa_stats *stats = NULL;
    v2s_foa_scores scores;
    cr_assert_eq(v2s_foa_stats_open(rate_hz, &stats), V2S_OK);
    cr_assert_eq(v2s_foa_stats_compare(stats, frames, truth, &prediction, 1, &scores), V2S_OK, "%s",
                 v2s_error_text());
    v2s_foa_stats_close(&stats);
    return scores;
}

static v2s_foa_scores compare(const float *truth, const float *prediction) {
    return compare_at(RATE, FRAMES, truth, prediction);
}

Test(foa_stats, the_same_sound_differs_by_nothing) {
    float *foa = foa_scene(RATE, FRAMES, 1);
    v2s_foa_scores s = compare(foa, foa);
    cr_expect_eq(s.diffuseness, 0);
    cr_expect_eq(s.level, 0);
    cr_expect_eq(s.lsd, 0);
    cr_expect_eq(s.direction, 0);
    cr_expect_eq(s.diffuseness_block, 0);
    cr_expect_eq(s.level_block, 0);
    cr_expect_eq(s.covariance, 0);
    free(foa);
}

Test(foa_stats, a_rotation_turns_the_direction_by_its_angle) {
    float *truth = foa_plane_wave(FRAMES, 1, 1, 0, 0);
    float *turned = foa_plane_wave(FRAMES, 1, 1, 0, 0);
    v2s_foa_rotate_yaw(turned, FRAMES, v2s_rad(37));
    v2s_foa_scores s = compare(truth, turned);
    cr_expect_float_eq(s.direction, 37, 1e-4);
    cr_expect_lt(s.diffuseness, 1e-6);
    cr_expect_lt(s.level, 1e-5);
    free(truth);
    free(turned);
}

Test(foa_stats, a_gain_of_the_dipoles_is_its_decibels_of_level) {
    float *truth = foa_scene(RATE, FRAMES, 3), *louder = foa_scene(RATE, FRAMES, 3);
    for (size_t i = 0; i < 4 * FRAMES; i++)
        louder[i] *= i % 4 == 0 ? 1.0f : 0.5f;
    v2s_foa_scores s = compare(truth, louder);
    cr_expect_float_eq(s.level, 20 * log10(2), 1e-9);
    cr_expect_float_eq(s.level_block, 20 * log10(2), 1e-9);
    cr_expect_lt(s.direction, 1e-4);
    free(truth);
    free(louder);
}

// Both fields have E_YZX = E_W; 2|I|/(E_W + E_YZX) tells them apart.
Test(foa_stats, a_plane_wave_is_not_diffuse_and_incoherent_noise_is) {
    v2s_foa_stats *stats = NULL;
    v2s_foa_summary sum;
    enum { LONG = 160000 };
    cr_assert_eq(v2s_foa_stats_open(RATE, &stats), V2S_OK);
    float *wave = foa_plane_wave(FRAMES, 5, 0.48, -0.64, 0.6);
    cr_assert_eq(v2s_foa_stats_summary(stats, FRAMES, wave, &sum), V2S_OK);
    cr_expect_float_eq(v2s_foa_directness(&sum), 1, 1e-6);
    cr_expect_float_eq(sum.energy_dipoles / sum.energy_w, 1, 1e-6);
    cr_expect_float_eq(sum.intensity.y / sum.energy_w, -0.64, 1e-6);
    cr_expect_float_eq(sum.intensity.z / sum.energy_w, 0.6, 1e-6);
    cr_expect_float_eq(sum.intensity.x / sum.energy_w, 0.48, 1e-6);
    float *noise = malloc(4 * LONG * sizeof *noise); // isotropic: dipole power 1/3 of W
    hash_noise(7, 4 * LONG, 0.5f, noise);
    for (size_t i = 0; i < 4 * LONG; i++)
        noise[i] *= i % 4 == 0 ? 1.0f : sqrtf(1.0f / 3);
    cr_assert_eq(v2s_foa_stats_summary(stats, LONG, noise, &sum), V2S_OK);
    cr_expect_lt(v2s_foa_directness(&sum), 0.03);
    cr_expect_float_eq(sum.energy_dipoles / sum.energy_w, 1, 0.02);
    v2s_foa_scores s = compare_at(RATE, FRAMES, noise, wave);
    cr_expect_gt(s.diffuseness, 0.85);
    v2s_foa_stats_close(&stats);
    free(wave);
    free(noise);
}

Test(foa_stats, without_dipoles_level_ends_and_direction_is_no_number) {
    float *truth = foa_scene(RATE, FRAMES, 3), *mono = foa_scene(RATE, FRAMES, 3);
    for (size_t i = 0; i < 4 * FRAMES; i++)
        if (i % 4 != 0)
            mono[i] = 0;
    v2s_foa_scores s = compare(truth, mono);
    cr_expect_float_eq(s.level, V2S_LEVEL_DIFFERENCE_MAX_DB, 1e-12);
    cr_expect(isnan(s.direction));
    cr_expect(isfinite(s.lsd) && isfinite(s.covariance));
    free(truth);
    free(mono);
}

Test(foa_stats, predictions_do_not_disturb_each_other) {
    float *truth = foa_scene(RATE, FRAMES, 3), *a = foa_scene(RATE, FRAMES, 5);
    float *b = foa_plane_wave(FRAMES, 5, 0, 1, 0);
    const float *const both[] = {a, b};
    v2s_foa_stats *stats = NULL;
    v2s_foa_scores together[2], first = compare(truth, a), second = compare(truth, b);
    cr_assert_eq(v2s_foa_stats_open(RATE, &stats), V2S_OK);
    cr_assert_eq(v2s_foa_stats_compare(stats, FRAMES, truth, both, 2, together), V2S_OK);
    cr_expect_eq(memcmp(&together[0], &first, sizeof first), 0);
    cr_expect_eq(memcmp(&together[1], &second, sizeof second), 0);
    v2s_foa_stats_close(&stats);
    free(truth);
    free(a);
    free(b);
}

Test(foa_stats, silence_short_sounds_and_odd_rates_are_refused) {
    v2s_foa_stats *stats = NULL;
    v2s_foa_scores s;
    float *zeros = calloc(4 * FRAMES, sizeof *zeros), *foa = foa_scene(RATE, FRAMES, 3);
    const float *p = foa, *silent = zeros;
    cr_expect_eq(v2s_foa_stats_open(1000, &stats), V2S_ARG);
    cr_expect_eq(v2s_foa_stats_open(NAN, &stats), V2S_ARG);
    cr_assert_eq(v2s_foa_stats_open(RATE, &stats), V2S_OK);
    cr_expect_eq(v2s_foa_stats_compare(stats, FRAMES, zeros, &p, 1, &s), V2S_FORMAT);
    cr_expect(strstr(v2s_error_text(), "silent") != NULL);
    cr_expect_eq(v2s_foa_stats_compare(stats, 511, foa, &p, 1, &s), V2S_FORMAT);
    cr_assert_eq(v2s_foa_stats_compare(stats, 512, foa, &silent, 1, &s), V2S_OK);
    cr_expect_float_eq(s.covariance, 1, 1e-12);
    v2s_foa_stats_close(&stats);
    free(zeros);
    free(foa);
}

Test(erb_stft, triangles_share_every_bin_between_neighbours) {
    static const double rates[] = {8000, 16000, 24000, 44100, 48000, 96000};
    static const int lengths[] = {256, 512, 1024, 1024, 2048, 4096};
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        v2s_erb_stft *s = NULL;
        double filled[V2S_ERB_BANDS] = {0};
        cr_assert_eq(v2s_erb_stft_open(rates[r], &s), V2S_OK);
        cr_expect_eq(s->n, lengths[r]);
        for (int k = 0; k < s->band_bins; k++) {
            cr_assert(s->rise[k] >= 0 && s->rise[k] < 1 && s->low[k] <= V2S_ERB_BANDS);
            if (s->low[k] < V2S_ERB_BANDS)
                filled[s->low[k]] += s->rise[k];
            if (s->low[k] > 0)
                filled[s->low[k] - 1] += 1 - s->rise[k];
        }
        for (int b = 0; b < V2S_ERB_BANDS; b++)
            cr_expect_gt(filled[b], 0, "rate %g: band %d is empty", rates[r], b);
        v2s_erb_stft_close(&s);
    }
}

// A band of the truth turned away: the detail names that band, and no other.
Test(foa_stats, detail_finds_the_band_and_the_moment) {
    enum { HALF = FRAMES / 2 };
    v2s_foa_stats *stats = NULL;
    v2s_foa_detail detail;
    float *truth = malloc(4 * FRAMES * sizeof *truth), *p = malloc(4 * FRAMES * sizeof *p);
    for (int i = 0; i < FRAMES; i++) {
        double low = 0.3 * sin(2 * V2S_PI * 400 * i / RATE);
        double high = 0.3 * sin(2 * V2S_PI * 3000 * i / RATE);
        bool late = i >= HALF; // then 3 kHz comes from the left, at half the level of its dipole
        const double t[4] = {low + high, 0, 0, low + high};
        const double g[4] = {low + high, late ? high / 2 : 0, 0, late ? low : low + high};
        for (int c = 0; c < 4; c++) {
            truth[4 * i + c] = (float)t[c];
            p[4 * i + c] = (float)g[c];
        }
    }
    cr_assert_eq(v2s_foa_stats_open(RATE, &stats), V2S_OK);
    cr_assert_eq(v2s_foa_stats_detail(stats, FRAMES, truth, p, &detail), V2S_OK);
    double share = 0;
    for (int b = 0; b < V2S_ERB_BANDS; b++) {
        const v2s_foa_band *band = &detail.bands[b];
        bool tone = band->share > 0.1;
        share += band->share;
        if (tone && band->centre_hz < 1000) {
            cr_expect_lt(band->direction_deg, 0.1, "%g Hz", band->centre_hz);
            cr_expect_lt(fabs(band->level_db), 0.01);
        } else if (tone) {
            cr_expect_gt(band->direction_deg, 20, "%g Hz", band->centre_hz);
            cr_expect_lt(band->level_db, -1);
            cr_expect_lt(band->diffuseness_truth, 1e-6);
            cr_expect_gt(band->diffuseness_prediction, 0.1);
        }
    }
    cr_expect_float_eq(share, 1, 1e-12);
    for (size_t i = 0; i < detail.block_count; i++) {
        const v2s_foa_block *block = &detail.blocks[i];
        double angle = v2s_deg(v2s_angle_between_rad(block->truth, block->prediction));
        if (block->time_s < 0.44)
            cr_expect_lt(angle, 1e-3, "%g s", block->time_s);
        else if (block->time_s > 0.56)
            cr_expect_float_eq(angle, v2s_deg(atan(0.5)), 0.1, "%g s: %g", block->time_s, angle);
        cr_expect(block->level_db <= 0 && block->level_db > -3);
    }
    cr_expect_float_eq(detail.blocks[0].time_s, (7 * 128 + 512) / 2.0 / RATE, 1e-12);
    cr_expect_eq(detail.block_count, (size_t)((FRAMES - 512) / 128 + 1 + 7) / 8);
    v2s_foa_detail_free(&detail);
    memset(truth, 0, 4 * FRAMES * sizeof *truth);
    cr_expect_eq(v2s_foa_stats_detail(stats, FRAMES, truth, p, &detail), V2S_FORMAT);
    v2s_foa_stats_close(&stats);
    free(truth);
    free(p);
}
