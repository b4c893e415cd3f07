// SPDX-License-Identifier: MIT
// The loss of bands on a batch, against its definition row by row, and its gradient against
// differences.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/band_gains.h"
#include "kernels/loss_band.h"
#include "tests/device/tested_device.h"
#include "tests/support/hash_noise.h"

enum { BANDS = V2S_BASIS_BANDS, LEAD = 60 /* makes what `put` gives a multiple of 64 */ };

static const v2s_band_layout omni = {false, 3}, dry = {true, 6}, bare = {false, 0};

static const v2s_loss_band_config usual = {
    .weight = {2, 1, 8, 2, 2, 1, 4, 1, 1, 0.2},
    .emphasis = 0.8,
};

// A batch in host memory, and where it lies on the device.
typedef struct batch {
    v2s_loss_band_args a; // pointers of the device
    unsigned char *rows;  // [B] rows, aligned
    float *residual;
    size_t count; // floats of a row of the residual
} batch;

// ---- making -----------------------------------------------------------------------------------

// Sums that belong together: W and its dipoles are vectors of 8 random complex bins.
static void fill_sums(v2s_band_layout l, unsigned at, float *sums) {
    enum { NUMBERS = 16, CHANNELS = 5 };
    float noise[NUMBERS * CHANNELS + 2 * V2S_BASIS_SEGMENTS_MAX];
    const int tails = l.with_w ? V2S_BAND_SUMS_WITH_W : V2S_BAND_SUMS;
    hash_noise(1000 + at, sizeof noise / sizeof *noise, 1, noise);
    memset(sums, 0, (size_t)tails * sizeof *sums);
    float energy = 0;
    for (int i = 0; i < NUMBERS; i++) {
        const float *n = noise + i * CHANNELS;
        float w = n[0], x = 0.7f * w + n[1], y = 0.5f * w + n[2], z = 0.3f * w + n[3];
        float g = l.with_w ? 0.8f * w + 0.3f * n[4] : w;
        const float own[V2S_BAND_SUMS_WITH_W] = {w * w, w * x, w * y, w * z, x * x + y * y + z * z,
                                                 z * z, g * g, g * w, g * x, g * y,
                                                 g * z};
        for (int k = 0; k < tails; k++)
            sums[k] += own[k];
        energy += g * g;
    }
    for (int k = tails; k < v2s_band_layout_sums(l); k++)
        sums[k] = energy * (1 + 0.5f * noise[NUMBERS * CHANNELS + k - tails]);
}

// Rows differ in everything, `used` too; a third of the second row is silent, the third all of it.
static void fill_row(const batch *x, int row) {
    int T = x->a.T, sums = v2s_band_layout_sums(x->a.layout);
    void *memory = x->rows + (size_t)row * x->a.row_bytes;
    ((v2s_band_row_head *)memory)->used = BANDS - 3 * (row % 4);
    for (int t = 0; t < T; t++) {
        double azimuth = 0.1 * t + row, elevation = 0.5 * sin(0.07 * t);
        v2s_band_row_directions(memory)[t] = (v2s_vec3){
            cos(azimuth) * cos(elevation), sin(azimuth) * cos(elevation), sin(elevation)};
        for (int b = 0; b < BANDS && row % 4 != 2; b++)
            if (row % 4 != 1 || t % 3 != 0)
                fill_sums(x->a.layout, (unsigned)((row * T + t) * BANDS + b),
                          v2s_band_row_sums(memory, T) + (size_t)(t * BANDS + b) * (size_t)sums);
    }
}

static void *put_aligned(const v2s_device *dev, const void *host, size_t bytes) {
    unsigned char *all = calloc(bytes + LEAD, 1);
    cr_assert_not_null(all);
    if (host != NULL && bytes > 0)
        memcpy(all + LEAD, host, bytes);
    unsigned char *start = put(dev, host != NULL ? all : NULL, bytes + LEAD);
    cr_assert_eq((size_t)(start + LEAD) % 64, 0);
    free(all);
    return start + LEAD;
}

static void drop_aligned(const v2s_device *dev, const void *memory, size_t bytes) {
    drop(dev, (unsigned char *)memory - LEAD, bytes + LEAD);
}

static size_t bytes_of_rows(const batch *x) {
    return (size_t)x->a.B * x->a.row_bytes;
}

static batch make_batch(v2s_band_layout l, int B, int T) {
    batch x = {.a = {.config = usual, .layout = l, .B = B, .T = T, .scale = 0.37}};
    x.a.row_bytes = v2s_band_row_bytes(l, T) + 64; // more than needed
    x.count = (size_t)T * BANDS * (size_t)v2s_band_layout_gains(l);
    x.rows = aligned_alloc(64, bytes_of_rows(&x) + 64);
    x.residual = malloc(((size_t)B * x.count + 1) * sizeof *x.residual);
    cr_assert(x.rows != NULL && x.residual != NULL);
    memset(x.rows, 0, bytes_of_rows(&x));
    hash_noise(7, (size_t)B * x.count, 0.5f, x.residual);
    for (int row = 0; row < B; row++)
        fill_row(&x, row);
    return x;
}

static void put_batch(const v2s_device *dev, batch *x) {
    size_t B = (size_t)x->a.B;
    x->a.rows = put_aligned(dev, x->rows, bytes_of_rows(x));
    x->a.residual = put(dev, x->residual, B * x->count * sizeof(float));
    x->a.dresidual = put(dev, NULL, B * x->count * sizeof(float));
    x->a.values = put_aligned(dev, NULL, B * sizeof(double));
    x->a.terms = put_aligned(dev, NULL, B * V2S_BAND_TERMS * sizeof(double));
}

static void drop_batch(const v2s_device *dev, batch *x) {
    size_t B = (size_t)x->a.B;
    drop_aligned(dev, x->a.rows, bytes_of_rows(x));
    drop(dev, (void *)x->a.residual, B * x->count * sizeof(float));
    drop(dev, x->a.dresidual, B * x->count * sizeof(float));
    drop_aligned(dev, x->a.values, B * sizeof(double));
    drop_aligned(dev, x->a.terms, B * V2S_BAND_TERMS * sizeof(double));
    free(x->rows);
    free(x->residual);
}

static void run(const v2s_device *dev, const v2s_loss_band_args *a) {
    v2s_arena scratch = device_scratch(dev, dev->ops->loss_band_scratch(dev, a));
    dev->ops->loss_band(dev, a, &scratch);
    cr_assert_eq(scratch.used, 0);
    cr_assert_eq(dev->ops->memory->synchronize(dev), V2S_OK, "%s", v2s_error_text());
    v2s_device_arena_close(dev, &scratch);
}

// ---- the definition ---------------------------------------------------------------------------

typedef struct expected {
    double value, terms[V2S_BAND_TERMS];
    float *dresidual; // [count]
} expected;

static expected expect_row(const batch *x, int row) {
    expected e = {.dresidual = malloc((x->count + 1) * sizeof(float))};
    float *gains = malloc((2 * x->count + 1) * sizeof *gains), *dgains = gains + x->count;
    void *memory = x->rows + (size_t)row * x->a.row_bytes;
    void *work = aligned_alloc(64, v2s_loss_band_row_work(x->a.T) / 64 * 64 + 64);
    int T = x->a.T, outputs = BANDS * v2s_band_layout_gains(x->a.layout);
    bool is_dry = x->a.layout.with_w;
    v2s_loss_band_row_args a = {.config = &x->a.config,
                                .layout = x->a.layout,
                                .row = {((v2s_band_row_head *)memory)->used,
                                        v2s_band_row_directions(memory),
                                        v2s_band_row_sums(memory, T)},
                                .T = T,
                                .gains = gains,
                                .scale = x->a.scale,
                                .dgains = dgains,
                                .terms = e.terms,
                                .work = work};
    v2s_band_gains(is_dry, T, outputs, x->residual + (size_t)row * x->count, gains);
    e.value = v2s_loss_band_row(&a);
    v2s_band_gains_back(is_dry, T, outputs, dgains, e.dresidual);
    free(gains);
    free(work);
    return e;
}

// The processor computes the definition. Elsewhere, all is double again, but float means of gains
// may be contracted (to about 1e-7) and the slopes of |x| are 50 times as steep as x.
static void compare_row(const v2s_device *dev, const batch *x, int row, double value,
                        const double *terms, const float *dresidual) {
    expected e = expect_row(x, row);
    bool exact = dev->cuda == NULL, smooth = !x->a.layout.with_w;
    double value_gap = exact ? 0 : smooth ? 1e-6 : 1e-12;
    double largest = 0, gap = 0;
    cr_expect(fabs(value - e.value) <= value_gap * (1 + fabs(e.value)), "row %d: %.17g, not %.17g",
              row, value, e.value);
    for (int i = 0; i < V2S_BAND_TERMS; i++)
        cr_expect(fabs(terms[i] - e.terms[i]) <= value_gap * (1 + fabs(e.terms[i])),
                  "row %d term %d: %.17g, not %.17g", row, i, terms[i], e.terms[i]);
    for (size_t i = 0; i < x->count; i++) {
        cr_assert(isfinite(dresidual[i]), "row %d: not finite at %zu", row, i);
        largest = fmax(largest, fabs((double)e.dresidual[i]));
        gap = fmax(gap, fabs((double)dresidual[i] - e.dresidual[i]));
    }
    double gradient_gap = exact ? 0 : smooth ? 2e-5 : 2e-7;
    cr_expect(gap <= gradient_gap * largest, "%d x %d, row %d: gradients %g apart, largest %g",
              x->a.B, x->a.T, row, gap, largest);
    free(e.dresidual);
}

static void compare(const v2s_device *dev, const batch *x) {
    size_t B = (size_t)x->a.B;
    double *values = malloc((B + 1) * sizeof *values);
    double *terms = malloc((B + 1) * V2S_BAND_TERMS * sizeof *terms);
    float *dresidual = fetch_floats(dev, x->a.dresidual, B * x->count);
    fetch(dev, values, x->a.values, B * sizeof *values);
    fetch(dev, terms, x->a.terms, B * V2S_BAND_TERMS * sizeof *terms);
    for (int row = 0; row < x->a.B; row++)
        compare_row(dev, x, row, values[row], terms + row * V2S_BAND_TERMS,
                    dresidual + (size_t)row * x->count);
    free(values);
    free(terms);
    free(dresidual);
}

// ---- tests ------------------------------------------------------------------------------------

typedef struct shape {
    v2s_band_layout layout;
    int B, T;
} shape;

Test(loss_band, equals_the_rows_one_by_one) {
    v2s_device *dev = tested_device();
    const shape shapes[] = {{omni, 1, 1},  {omni, 2, 8}, {omni, 5, 21}, {omni, 1, 375},
                            {bare, 2, 9},  {dry, 1, 1},  {dry, 3, 7},   {dry, 5, 21},
                            {dry, 1, 130}, {omni, 4, 6}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        batch x = make_batch(shapes[i].layout, shapes[i].B, shapes[i].T);
        put_batch(dev, &x);
        run(dev, &x.a);
        compare(dev, &x);
        drop_batch(dev, &x);
    }
    v2s_device_close(&dev);
}

Test(loss_band, repeats_to_the_last_bit_and_gives_what_is_asked_for) {
    v2s_device *dev = tested_device();
    batch x = make_batch(omni, 3, 21);
    put_batch(dev, &x);
    run(dev, &x.a);
    double values[3], again[3];
    float *first = fetch_floats(dev, x.a.dresidual, 3 * x.count);
    fetch(dev, values, x.a.values, sizeof values);
    run(dev, &x.a);
    float *second = fetch_floats(dev, x.a.dresidual, 3 * x.count);
    cr_expect_eq(memcmp(first, second, 3 * x.count * sizeof *first), 0);
    v2s_loss_band_args only_values = x.a;
    only_values.dresidual = NULL;
    only_values.terms = NULL;
    only_values.values = put_aligned(dev, NULL, sizeof values);
    run(dev, &only_values);
    fetch(dev, again, only_values.values, sizeof again);
    cr_expect_eq(memcmp(values, again, sizeof values), 0);
    drop_aligned(dev, only_values.values, sizeof values);
    v2s_loss_band_args only_gradient = x.a;
    only_gradient.values = NULL;
    only_gradient.terms = NULL;
    run(dev, &only_gradient);
    compare(dev, &x);
    free(first);
    free(second);
    drop_batch(dev, &x);
    v2s_device_close(&dev);
}

Test(loss_band, nothing_is_a_batch_too) {
    v2s_device *dev = tested_device();
    batch none = make_batch(omni, 0, 5);
    put_batch(dev, &none);
    run(dev, &none.a);
    drop_batch(dev, &none);
    for (int i = 0; i < 2; i++) { // rows of no frames have the loss of silence
        batch x = make_batch(i == 0 ? omni : dry, 2, 0), silent = make_batch(x.a.layout, 3, 8);
        put_batch(dev, &x);
        run(dev, &x.a);
        double values[2];
        fetch(dev, values, x.a.values, sizeof values);
        memset(silent.rows, 0, bytes_of_rows(&silent));
        expected e = expect_row(&silent, 2);
        for (int row = 0; row < 2; row++)
            cr_expect_float_eq(values[row], e.value, 1e-12);
        free(e.dresidual);
        free(silent.rows);
        free(silent.residual);
        drop_batch(dev, &x);
    }
    v2s_device_close(&dev);
}

// Fourth-order central difference at number `at` of a row, by four rows that differ in it alone.
static double difference(const v2s_device *dev, batch *x, size_t at, double h) {
    const double steps[4] = {-2, -1, 1, 2};
    double f[4];
    float kept = x->residual[at];
    for (int row = 0; row < 4; row++)
        x->residual[(size_t)row * x->count + at] = kept + (float)(steps[row] * h);
    dev->ops->memory->upload(dev, (void *)x->a.residual, x->residual, 4 * x->count * sizeof(float));
    run(dev, &x->a);
    fetch(dev, f, x->a.values, sizeof f);
    for (int row = 0; row < 4; row++)
        x->residual[(size_t)row * x->count + at] = kept;
    return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12.0 * h);
}

// Gains of the first row whose coherent parts are clearly longer than 0.9 in every other band and
// shorter in the rest (between them the gradient jumps), as multiples of 2^-20.
static void away_from_corners(batch *x) {
    int gains = v2s_band_layout_gains(x->a.layout);
    for (size_t i = 0; i < x->count; i++) {
        size_t gain = i % (size_t)gains, band = i / (size_t)gains % BANDS;
        float middle = gain >= 3 ? 0.3f : gain > 0 ? 0.0f : band % 2 == 0 ? 0.4f : -0.6f;
        x->residual[i] = rintf((middle + 0.2f * x->residual[i]) * 0x1p20f) * 0x1p-20f;
    }
}

// Each term alone, so that a small one cannot hide behind a large one. Steps of dry gains are exact
// in float, those of smoothed gains are rounded.
static void check_gradient(v2s_band_layout layout, double h, double tolerance) {
    v2s_device *dev = tested_device();
    batch x = make_batch(layout, 4, 11);
    x.a.scale = 2;
    away_from_corners(&x);
    for (int row = 1; row < 4; row++) {
        memcpy(x.rows + (size_t)row * x.a.row_bytes, x.rows, x.a.row_bytes);
        memcpy(x.residual + (size_t)row * x.count, x.residual, x.count * sizeof(float));
    }
    put_batch(dev, &x);
    for (int term = 0; term < V2S_BAND_TERMS; term++) {
        x.a.config = (v2s_loss_band_config){.emphasis = 0.8};
        x.a.config.weight[term] = 1.5;
        dev->ops->memory->upload(dev, (void *)x.a.residual, x.residual,
                                 4 * x.count * sizeof(float));
        run(dev, &x.a);
        float *gradient = fetch_floats(dev, x.a.dresidual, x.count);
        double largest = 0, gap = 0;
        for (size_t i = 5; i < x.count; i += x.count / 16 + 1) {
            double numeric = difference(dev, &x, i, h);
            largest = fmax(largest, fabs(numeric));
            gap = fmax(gap, fabs(numeric - (double)gradient[i] / 2));
        }
        bool idle = !layout.with_w && (term == V2S_BAND_W_LEVEL || term == V2S_BAND_W_LEVEL_BLOCK);
        cr_expect(idle || largest > 1e-6, "term %d has no gradient", term);
        cr_expect(gap <= tolerance * largest + 1e-12, "term %d: gap %g of %g", term, gap, largest);
        free(gradient);
    }
    drop_batch(dev, &x);
    v2s_device_close(&dev);
}

Test(loss_band, gradient_matches_differences_omni) {
    check_gradient(omni, 0x1p-6, 1e-3);
}

Test(loss_band, gradient_matches_differences_dry) {
    check_gradient(dry, 0x1p-10, 1e-6);
}

typedef struct recorded {
    const v2s_device *dev;
    const v2s_loss_band_args *a;
    v2s_arena scratch;
} recorded;

static void record_work(void *ctx) {
    recorded *r = ctx;
    r->dev->ops->loss_band(r->dev, r->a, &r->scratch);
}

Test(loss_band, recorded_work_takes_the_rows_that_lie_there_then) {
    v2s_device *dev = tested_device();
    const v2s_memory_ops *memory = dev->ops->memory;
    batch x = make_batch(dry, 2, 13), other = make_batch(dry, 4, 13);
    v2s_recording *recording = NULL;
    put_batch(dev, &x);
    recorded r = {dev, &x.a, device_scratch(dev, dev->ops->loss_band_scratch(dev, &x.a))};
    cr_assert_eq(memory->record(dev, record_work, &r, &recording), V2S_OK, "%s", v2s_error_text());
    memory->replay(dev, recording);
    compare(dev, &x);
    memcpy(x.rows, other.rows + 2 * x.a.row_bytes, bytes_of_rows(&x));
    memcpy(x.residual, other.residual + 2 * x.count, 2 * x.count * sizeof(float));
    memory->upload(dev, (void *)x.a.rows, x.rows, bytes_of_rows(&x));
    memory->upload(dev, (void *)x.a.residual, x.residual, 2 * x.count * sizeof(float));
    memory->replay(dev, recording);
    compare(dev, &x);
    memory->forget(dev, &recording);
    v2s_device_arena_close(dev, &r.scratch);
    free(other.rows);
    free(other.residual);
    drop_batch(dev, &x);
    v2s_device_close(&dev);
}
