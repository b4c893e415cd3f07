// SPDX-License-Identifier: MIT
// The v2s refiner as a stream: bounded memory must not change what comes out.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/band_stream.h"
#include "kernels/band_gains.h"
#include "kernels/fft.h"
#include "spatial/foa_tails.h"
#include "spatial/foa_transform.h"
#include "tests/support/guarded.h"
#include "tests/support/hash_noise.h"

#define RATE_HZ 8000.0

typedef struct rig {
    v2s_foa_basis *basis;
    v2s_refiner *network;
    v2s_device *device;
    v2s_point points[2];
    v2s_trajectory path;
    float *constant;
} rig;

static void set_coherent_bias(rig *r, float bias) {
    int gains = r->basis->gains;
    for (int i = 0; i < V2S_BASIS_BANDS * gains; i++)
        r->network->output.bias.data[i] = i % gains == 0 ? bias : 0;
}

static void open_rig(rig *r, bool dry) {
    cr_assert_eq(v2s_foa_basis_open(RATE_HZ, dry, &r->basis), V2S_OK);
    int outputs = V2S_BASIS_BANDS * r->basis->gains;
    v2s_refiner_config config = {.inputs = dry ? V2S_BAND_INPUTS_DRY : V2S_BAND_INPUTS_OMNI,
                                 .kernel = 5,
                                 .channels = 8,
                                 .hidden = 8,
                                 .outputs = outputs};
    cr_assert_eq(v2s_refiner_open(&config, &r->network), V2S_OK);
    v2s_refiner_init_weights(r->network, 1);
    if (!dry)
        set_coherent_bias(r, -5); // diffuse enough not to be left alone
    r->device = device_of(V2S_ISA_SCALAR, 1);
    r->points[0] = (v2s_point){0, {1, 0, 0}, 1, 1};
    r->points[1] = (v2s_point){30, {0, 0.6, 0.8}, 3, 1};
    r->path = (v2s_trajectory){.name = "1", .count = 2, .points = r->points};
    r->constant = malloc((size_t)outputs * sizeof *r->constant);
    hash_noise(9, (size_t)outputs, 0.3f, r->constant);
}

static void close_rig(rig *r) {
    v2s_foa_basis_close(&r->basis);
    v2s_refiner_close(&r->network);
    v2s_device_close(&r->device);
    free(r->constant);
}

// Residual of w[n], pushed in blocks of `block` samples; pulled in odd pieces.
static float *run(const rig *r, bool network, const v2s_condition *condition, const float *w,
                  size_t n, size_t block) {
    v2s_band_stream_config config = {.basis = r->basis,
                                     .network = network ? r->network : NULL,
                                     .constant = r->constant,
                                     .device = r->device,
                                     .path = &r->path,
                                     .condition = condition};
    v2s_band_stream *s = NULL;
    cr_assert_eq(v2s_band_stream_open(&config, &s), V2S_OK);
    float *out = calloc(n * 4 + 4, sizeof *out);
    size_t have = 0, got;
    for (size_t at = 0; at < n; at += block) {
        cr_assert_eq(v2s_band_stream_push(s, w + at, n - at < block ? n - at : block), V2S_OK);
        while ((got = v2s_band_stream_pull(s, out + have * 4, 777 < n - have ? 777 : n - have)) > 0)
            have += got;
    }
    cr_assert_eq(v2s_band_stream_finish(s), V2S_OK);
    while ((got = v2s_band_stream_pull(s, out + have * 4, n - have)) > 0)
        have += got;
    cr_assert_eq(have, n, "%zu of %zu frames", have, n);
    v2s_band_stream_close(&s);
    return out;
}

static const v2s_condition room = {.rt60_s = {1, 1, 1, 1, 1, 1, 1, 1}, .drr_db = 0};

// Lengths around the borders of the stretches (12 s every 8 s).
Test(band_stream, block_sizes_do_not_matter) {
    const size_t lengths[] = {1, 63, 64, 5000, 95999, 96001, 128000, 161000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        rig r;
        open_rig(&r, i % 2);
        size_t n = lengths[i];
        float *w = malloc(n * sizeof *w);
        hash_noise(2, n, 1.0f, w);
        float *whole = run(&r, true, i % 2 ? &room : NULL, w, n, n);
        float *pieces = run(&r, true, i % 2 ? &room : NULL, w, n, 1999);
        cr_expect_eq(memcmp(whole, pieces, n * 4 * sizeof *whole), 0, "%zu samples", n);
        double energy = 0;
        for (size_t j = 0; j < 4 * n; j++)
            energy += fabs(whole[j]);
        cr_expect(n < 64 || energy > 0);
        free(w);
        free(whole);
        free(pieces);
        close_rig(&r);
    }
}

// Constant gains must not know of stretches: the cross-fades add up to one.
Test(band_stream, fades_add_up_to_one) {
    rig r;
    open_rig(&r, false);
    for (int i = 0; i < V2S_BASIS_BANDS * r.basis->gains; i++)
        r.constant[i] = i % r.basis->gains == 0 ? -0.5f : 0; // c = u / 1.8
    r.points[1] = (v2s_point){30, {1, 0, 0}, 1, 1};
    size_t n = 200000;
    float *w = malloc(n * sizeof *w);
    hash_noise(2, n, 1.0f, w);
    float *out = run(&r, false, NULL, w, n, 4096);
    double gap = 0;
    for (size_t i = (size_t)r.basis->hop; i < n; i++)
        gap = fmax(gap, fabs(out[4 * i + V2S_ACN_X] - (1 / 1.8 - 1) * w[i]) +
                            fabs(out[4 * i + V2S_ACN_Z]));
    cr_expect(gap < 2e-6, "%g", gap);
    free(w);
    free(out);
    close_rig(&r);
}

// The residual of one stretch by its definition: features of all frames, the network, gains, and
// the basis channel by channel.
static float *by_definition(const rig *r, const float *w, size_t n) {
    const v2s_foa_basis *b = r->basis;
    int frames = v2s_foa_basis_frames(b, n), outputs = V2S_BASIS_BANDS * b->gains;
    size_t row = 2 * (size_t)b->stride, bands = (size_t)frames * V2S_BASIS_BANDS;
    float *run = v2s_fft_alloc((size_t)(b->history + frames) * row, sizeof *run);
    float *spectrum = v2s_fft_alloc(row, sizeof *spectrum),
          *energy = malloc(bands * sizeof *energy);
    float *levels = malloc((size_t)frames * V2S_BASIS_LEVELS * sizeof *levels);
    float *x = malloc((size_t)frames * V2S_BAND_INPUTS_OMNI * sizeof *x);
    float *raw = malloc((size_t)frames * (size_t)outputs * sizeof *raw);
    float *gains = malloc((size_t)frames * (size_t)outputs * sizeof *gains);
    float *out = calloc(n * 4, sizeof *out);
    v2s_foa_transform f;
    v2s_foa_levels running;
    v2s_refiner_work work = {0};
    cr_assert_eq(v2s_foa_transform_open(b, &f), V2S_OK);
    cr_assert_eq(v2s_foa_levels_open(b, &running), V2S_OK);
    cr_assert_eq(v2s_refiner_work_open(&work, r->network, r->device, 1, frames), V2S_OK);
    for (int t = 0; t < frames; t++) {
        v2s_foa_analyse(&f, w, n, 1, 0, t, run + (size_t)(b->history + t) * row);
        v2s_foa_levels_next(&running, run + (size_t)(b->history + t) * row,
                            energy + (size_t)t * V2S_BASIS_BANDS,
                            levels + (size_t)t * V2S_BASIS_LEVELS);
    }
    v2s_band_clock clock = {0, b->hop / b->rate_hz, b->bands.used};
    v2s_band_features(&clock, energy, frames, &r->path, NULL, x);
    v2s_refiner_forward(r->network, r->device, 1, frames, x, raw, &work);
    v2s_band_gains(false, frames, outputs, raw, gains);
    for (int c = 1; c < 4; c++) {
        v2s_foa_tails tails;
        size_t cursor = 0;
        cr_assert_eq(v2s_foa_tails_open(b, c, &tails), V2S_OK);
        for (int t = 0; t < frames; t++) {
            v2s_vec3 u = v2s_trajectory_at(&r->path, t * clock.hop_s, &cursor).unit;
            const float *at = run + (size_t)(b->history + t) * row;
            v2s_foa_tails_next(&tails, at, levels + (size_t)t * V2S_BASIS_LEVELS);
            v2s_foa_tails_residual(&tails, at, u, gains + (size_t)t * (size_t)outputs, spectrum);
            v2s_foa_synthesise(&f, spectrum, t, out, n, 4, c);
        }
        v2s_foa_tails_close(&tails);
    }
    v2s_refiner_work_close(&work);
    v2s_foa_levels_close(&running);
    v2s_foa_transform_close(&f);
    v2s_fft_free(run);
    v2s_fft_free(spectrum);
    free(energy);
    free(levels);
    free(x);
    free(raw);
    free(gains);
    return out;
}

Test(band_stream, one_stretch_is_its_definition) {
    enum { N = 30000 };
    rig r;
    open_rig(&r, false);
    float *w = malloc(N * sizeof *w);
    hash_noise(5, N, 0.5f, w);
    for (int i = 0; i < N; i++)
        w[i] *= (i / 1500) % 3 == 0 ? 1 : 0.1f; // gains that move
    float *stream = run(&r, true, NULL, w, N, 4096), *definition = by_definition(&r, w, N);
    double gap = 0, size = 0;
    for (int i = 0; i < 4 * N; i++) {
        gap = fmax(gap, fabs(stream[i] - definition[i]));
        size = fmax(size, fabs(definition[i]));
    }
    cr_expect(size > 0.05 && gap < 2e-6, "%g of %g", gap, size);
    free(stream);
    free(definition);
    free(w);
    close_rig(&r);
}

// Sum of the residual's magnitudes where all that the network gives is a gain along the path.
static double change_with_gain(rig *r, float gain) {
    enum { N = 30000 };
    v2s_tensor *weight = &r->network->output.weight;
    memset(weight->data, 0, v2s_tensor_count(weight) * sizeof *weight->data);
    set_coherent_bias(r, gain / (float)V2S_REFINER_GAIN);
    float *w = malloc(N * sizeof *w);
    hash_noise(4, N, 1.0f, w);
    float *out = run(r, true, NULL, w, N, 4096);
    double sum = 0;
    for (int i = 0; i < 4 * N; i++)
        sum += fabs(out[i]);
    free(out);
    free(w);
    return sum;
}

Test(band_stream, what_the_network_finds_dry_is_left_to_geometry) {
    rig r;
    open_rig(&r, false);
    cr_expect_eq(change_with_gain(&r, -0.15f), 0, "|c| = 0.85 / 0.9");
    cr_expect_gt(change_with_gain(&r, -0.2f), 1, "|c| = 0.8 / 0.9");
    close_rig(&r);
}

Test(band_stream, refuses_bad_samples_and_use_after_the_end) {
    rig r;
    open_rig(&r, false);
    v2s_band_stream_config config = {
        .basis = r.basis, .constant = r.constant, .device = r.device, .path = &r.path};
    v2s_band_stream *s = NULL;
    cr_assert_eq(v2s_band_stream_open(&config, &s), V2S_OK);
    const float bad[3] = {0, NAN, 0};
    cr_expect_eq(v2s_band_stream_push(s, bad, 3), V2S_NUMERIC);
    cr_expect_eq(v2s_band_stream_finish(s), V2S_OK);
    cr_expect_eq(v2s_band_stream_push(s, bad, 1), V2S_ARG);
    v2s_band_stream_close(&s);
    close_rig(&r);
}
