// SPDX-License-Identifier: MIT
// The losses of a batch against the double definitions, row by row.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_signal.h"
#include "tests/device/tested_device.h"
#include "tests/support/guarded.h"
#include "tests/support/hash_noise.h"

enum { B = 3, T = 1100, TAPS = 7 };

// Tolerances, of the value and of the largest gradient: transforms in float leave about 1e-7 of the
// largest number of a spectrum, which is divided by magnitudes that lie up to 60 dB below it; the
// ears' sounds come out of a transform themselves.
typedef struct loss_case {
    const char *name;
    v2s_loss_config config;
    double tolerance;
} loss_case;

static float filters[2 * 4 * TAPS];

static loss_case cases[] = {
    {"mse", {.type = V2S_LOSS_TYPE_MSE, .C = 4}, 1e-6},
    {"edc", {.type = V2S_LOSS_TYPE_EDC, .C = 4}, 1e-5},
    {"edc of three channels", {.type = V2S_LOSS_TYPE_EDC, .C = 3}, 1e-5},
    {"edc of one channel", {.type = V2S_LOSS_TYPE_EDC, .C = 1}, 1e-5},
    {"mrstft", {.type = V2S_LOSS_TYPE_MRSTFT, .C = 4, .resolutions = 2, .n = {32, 48}}, 1e-4},
    {"mrstft of one", {.type = V2S_LOSS_TYPE_MRSTFT, .C = 1, .resolutions = 1, .n = {60}}, 1e-4},
    {"intensity", {.type = V2S_LOSS_TYPE_INTENSITY, .C = 4, .rate_hz = 8000}, 1e-4},
    {"binaural",
     {.type = V2S_LOSS_TYPE_BINAURAL,
      .C = 4,
      .resolutions = 2,
      .n = {16, 40},
      .taps = TAPS,
      .filters = filters},
     5e-4},
    {"binaural mse",
     {.type = V2S_LOSS_TYPE_BINAURAL, .C = 4, .taps = TAPS, .filters = filters},
     1e-5},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static v2s_loss *open_loss(const v2s_device *dev, loss_case *c) {
    v2s_loss *loss = NULL;
    hash_noise(77, sizeof filters / sizeof filters[0], 0.5f, filters);
    c->config.B = c->config.B > 0 ? c->config.B : B;
    c->config.T = c->config.T > 0 ? c->config.T : T;
    cr_assert_eq(dev->ops->loss_open(dev, &c->config, &loss), V2S_OK, "%s: %s", c->name,
                 v2s_error_text());
    return loss;
}

// L of one row; adds its gradient to dx.
static double definition(const v2s_loss_config *c, int length, const double *x, const double *y,
                         double *dx) {
    double value = 0.0, taps[2 * 4 * TAPS], *work = calloc((size_t)length + 1, sizeof *work);
    v2s_loss_mrstft_f64 *mrstft = NULL;
    v2s_loss_intensity_f64 *intensity = NULL;
    v2s_loss_binaural_f64 *binaural = NULL;
    switch (c->type) {
    case V2S_LOSS_TYPE_MSE:
        value = v2s_loss_mse_f64((size_t)(length * c->C), x, y, 1.0, dx);
        break;
    case V2S_LOSS_TYPE_EDC:
        value = v2s_loss_edc_f64(length, c->C, x, y, 1.0, dx, work);
        break;
    case V2S_LOSS_TYPE_MRSTFT:
        cr_assert_eq(v2s_loss_mrstft_open_f64(c->T, c->C, c->resolutions, c->n, &mrstft), V2S_OK);
        value = v2s_loss_mrstft_value_f64(mrstft, length, x, y, 1.0, dx);
        break;
    case V2S_LOSS_TYPE_INTENSITY:
        cr_assert_eq(v2s_loss_intensity_open_f64(c->T, c->rate_hz, &intensity), V2S_OK);
        value = v2s_loss_intensity_value_f64(intensity, length, x, y, 1.0, dx);
        break;
    case V2S_LOSS_TYPE_BINAURAL:
        for (int i = 0; i < 2 * 4 * TAPS; i++)
            taps[i] = (double)filters[i];
        cr_assert_eq(v2s_loss_binaural_open_f64(c->T, TAPS, taps, c->resolutions, c->n, &binaural),
                     V2S_OK);
        value = v2s_loss_binaural_value_f64(binaural, length, x, y, 1.0, dx);
        break;
    }
    v2s_loss_mrstft_close_f64(&mrstft);
    v2s_loss_intensity_close_f64(&intensity);
    v2s_loss_binaural_close_f64(&binaural);
    free(work);
    return value;
}

typedef struct sounds {
    float *x, *y, *dx; // [count]
    double *gradient;  // [count], of scale * weight * L
    double value[B];   // weight * L
} sounds;

static sounds sounds_open(size_t count) {
    float *floats = malloc(3 * count * sizeof *floats);
    return (sounds){floats, floats + count, floats + 2 * count, calloc(count, sizeof(double)), {0}};
}

static void sounds_close(sounds *s) {
    free(s->x);
    free(s->gradient);
}

static const double weight = 0.75, scale = 3.0, value_before = 0.5;

// Fills the sounds, what is expected of them, and dx with noise as large as the gradient.
static double expect(const loss_case *c, int rows, int length, float scale_x, float scale_y,
                     sounds *s) {
    const size_t row = (size_t)length * (size_t)c->config.C, count = (size_t)rows * row;
    double largest = 0.0;
    hash_noise(1, count, scale_x, s->x);
    hash_noise(2, count, scale_y, s->y);
    for (int b = 0; b < rows; b++) {
        size_t at = (size_t)b * row;
        double *x = doubles_of(s->x + at, row), *y = doubles_of(s->y + at, row);
        s->value[b] = weight * definition(&c->config, length, x, y, s->gradient + at);
        free(x);
        free(y);
    }
    for (size_t i = 0; i < count; i++) {
        s->gradient[i] *= scale * weight;
        largest = fmax(largest, fabs(s->gradient[i]));
    }
    hash_noise(3, count, (float)largest, s->dx);
    return largest;
}

static void check(const v2s_device *dev, v2s_loss *loss, const loss_case *c, int rows, int length,
                  float scale_x, float scale_y) {
    const size_t count = (size_t)rows * (size_t)length * (size_t)c->config.C;
    const size_t bytes = count * sizeof(float), values = (size_t)rows * sizeof(double);
    sounds all = sounds_open(count), *s = &all;
    const double largest = expect(c, rows, length, scale_x, scale_y, s);
    double value[B] = {value_before, value_before, value_before};
    v2s_loss_args a = {.B = rows,
                       .T = length,
                       .x = put(dev, s->x, bytes),
                       .truth = put(dev, s->y, bytes),
                       .weight = weight,
                       .scale = scale,
                       .dx = put(dev, s->dx, bytes)};
    void *room = NULL;
    cr_assert_eq(dev->ops->memory->take(dev, values + 1, &room), V2S_OK);
    dev->ops->memory->upload(dev, room, value, values);
    a.value = room;
    dev->ops->loss_run(dev, loss, &a);
    fetch(dev, value, a.value, values);
    float *dx = fetch_floats(dev, a.dx, count);
    for (int b = 0; b < rows; b++)
        cr_assert_lt(fabs(value[b] - value_before - s->value[b]),
                     c->tolerance * fmax(s->value[b], 1e-3), "%s, B %d, T %d: %g %g", c->name, rows,
                     length, value[b] - value_before, s->value[b]);
    for (size_t i = 0; i < count; i++)
        s->gradient[i] += (double)s->dx[i];
    cr_assert_leq(largest_gap(dx, s->gradient, count), c->tolerance * largest,
                  "%s, B %d, T %d, %g %g: %g of %g", c->name, rows, length, (double)scale_x,
                  (double)scale_y, largest_gap(dx, s->gradient, count), largest);
    drop(dev, (void *)a.x, bytes);
    drop(dev, (void *)a.truth, bytes);
    drop(dev, a.dx, bytes);
    dev->ops->memory->give(dev, room);
    free(dx);
    sounds_close(s);
}

Test(loss, equals_the_definition_in_double) {
    static const int lengths[] = {1, 2, 33, 300, T};
    v2s_device *dev = tested_device();
    for (int i = 0; i < CASES; i++) {
        v2s_loss *loss = open_loss(dev, &cases[i]);
        for (int j = 0; j < 5; j++)
            check(dev, loss, &cases[i], j % 2 == 0 ? B : 1, lengths[j], 0.4f, 0.5f);
        dev->ops->loss_close(dev, &loss);
        cr_assert_null(loss);
    }
    v2s_device_close(&dev);
}

// So many channels and samples that a row has more chunks than a block has threads.
Test(loss, edc_of_many_channels_equals_the_definition) {
    loss_case many = {
        "edc of 64 channels", {.type = V2S_LOSS_TYPE_EDC, .B = 1, .T = 8300, .C = 64}, 1e-5};
    v2s_device *dev = tested_device();
    v2s_loss *loss = open_loss(dev, &many);
    check(dev, loss, &many, 1, many.config.T, 0.4f, 0.5f);
    dev->ops->loss_close(dev, &loss);
    v2s_device_close(&dev);
}

Test(loss, of_silence_is_finite_and_as_defined) {
    v2s_device *dev = tested_device();
    for (int i = 0; i < CASES; i++) {
        v2s_loss *loss = open_loss(dev, &cases[i]);
        check(dev, loss, &cases[i], B, 200, 0.0f, 0.0f);
        check(dev, loss, &cases[i], B, 200, 0.0f, 0.5f);
        check(dev, loss, &cases[i], B, 200, 0.5f, 0.0f);
        dev->ops->loss_close(dev, &loss);
    }
    v2s_device_close(&dev);
}

// Two sounds, a gradient and values on the device, for calls whose results are compared.
typedef struct bench {
    const v2s_device *dev;
    v2s_loss *loss;
    v2s_loss_args a;
    size_t bytes;
} bench;

static bench bench_open(const v2s_device *dev, loss_case *c) {
    bench w = {.dev = dev, .loss = open_loss(dev, c)};
    w.bytes = (size_t)(B * T * c->config.C) * sizeof(float);
    float *noise = malloc(w.bytes);
    void *values = NULL;
    w.a = (v2s_loss_args){.B = B, .T = T, .weight = weight, .scale = scale};
    hash_noise(1, w.bytes / sizeof(float), 0.4f, noise);
    w.a.x = put(dev, noise, w.bytes);
    hash_noise(2, w.bytes / sizeof(float), 0.4f, noise);
    w.a.truth = put(dev, noise, w.bytes);
    w.a.dx = put(dev, noise, w.bytes);
    cr_assert_eq(dev->ops->memory->take(dev, B * sizeof(double), &values), V2S_OK);
    w.a.value = values;
    free(noise);
    return w;
}

static void bench_close(bench *w) {
    drop(w->dev, (void *)w->a.x, w->bytes);
    drop(w->dev, (void *)w->a.truth, w->bytes);
    drop(w->dev, w->a.dx, w->bytes);
    w->dev->ops->memory->give(w->dev, w->a.value);
    w->dev->ops->loss_close(w->dev, &w->loss);
}

// Zeroes the results, runs, and fetches them.
static void run_and_fetch(bench *w, void (*run)(void *), void *ctx, float *dx, double *value) {
    const v2s_memory_ops *memory = w->dev->ops->memory;
    memory->zero(w->dev, w->a.dx, w->bytes);
    memory->zero(w->dev, w->a.value, B * sizeof(double));
    run(ctx);
    fetch(w->dev, dx, w->a.dx, w->bytes);
    fetch(w->dev, value, w->a.value, B * sizeof(double));
}

static void run_once(void *ctx) {
    const bench *w = ctx;
    w->dev->ops->loss_run(w->dev, w->loss, &w->a);
}

Test(loss, of_equal_sounds_is_nothing) {
    v2s_device *dev = tested_device();
    for (int i = 0; i < CASES; i++) {
        if (cases[i].config.type == V2S_LOSS_TYPE_INTENSITY) // 0 only for direct sound
            continue;
        bench w = bench_open(dev, &cases[i]);
        float *dx = malloc(w.bytes);
        double value[B];
        dev->ops->memory->copy(dev, (void *)w.a.x, w.a.truth, w.bytes);
        run_and_fetch(&w, run_once, &w, dx, value);
        for (int b = 0; b < B; b++)
            cr_assert_eq(value[b], 0.0, "%s", cases[i].name);
        for (size_t j = 0; j < w.bytes / sizeof(float); j++)
            cr_assert_eq(dx[j], 0.0f, "%s", cases[i].name);
        bench_close(&w);
        free(dx);
    }
    v2s_device_close(&dev);
}

typedef struct replaying {
    const v2s_device *dev;
    v2s_recording *recording;
} replaying;

static void replay_once(void *ctx) {
    const replaying *r = ctx;
    r->dev->ops->memory->replay(r->dev, r->recording);
}

Test(loss, gives_the_same_bits_again_and_as_recorded_work) {
    v2s_device *dev = tested_device();
    for (int i = 0; i < CASES; i++) {
        bench w = bench_open(dev, &cases[i]);
        float *dx = malloc(2 * w.bytes), *again = dx + w.bytes / sizeof(float);
        double value[B], value_again[B];
        replaying r = {.dev = dev};
        run_and_fetch(&w, run_once, &w, dx, value);
        cr_assert_eq(dev->ops->memory->record(dev, run_once, &w, &r.recording), V2S_OK, "%s",
                     v2s_error_text());
        for (int j = 0; j < 3; j++) {
            if (j == 0)
                run_and_fetch(&w, run_once, &w, again, value_again);
            else
                run_and_fetch(&w, replay_once, &r, again, value_again);
            cr_assert_eq(memcmp(dx, again, w.bytes), 0, "%s", cases[i].name);
            cr_assert_eq(memcmp(value, value_again, sizeof value), 0, "%s", cases[i].name);
        }
        dev->ops->memory->forget(dev, &r.recording);
        bench_close(&w);
        free(dx);
    }
    v2s_device_close(&dev);
}

Test(loss, leaves_out_what_is_not_wanted) {
    v2s_device *dev = tested_device();
    for (int i = 0; i < CASES; i++) {
        bench w = bench_open(dev, &cases[i]);
        float *dx = malloc(2 * w.bytes), *again = dx + w.bytes / sizeof(float);
        double value[B], value_again[B];
        const v2s_loss_args all = w.a;
        run_and_fetch(&w, run_once, &w, dx, value);
        bench part = w;
        part.a.dx = NULL;
        run_and_fetch(&w, run_once, &part, again, value_again);
        cr_assert_eq(memcmp(value, value_again, sizeof value), 0, "%s", cases[i].name);
        part.a = all;
        part.a.value = NULL;
        run_and_fetch(&w, run_once, &part, again, value_again);
        cr_assert_eq(memcmp(dx, again, w.bytes), 0, "%s", cases[i].name);
        cr_assert_eq(value_again[0], 0.0);
        part.a.dx = NULL;
        run_and_fetch(&w, run_once, &part, again, value_again);
        part.a = all;
        part.a.B = 0;
        run_and_fetch(&w, run_once, &part, again, value_again);
        part.a.B = B;
        part.a.T = 0;
        run_and_fetch(&w, run_once, &part, again, value_again);
        cr_assert_eq(again[0], 0.0f);
        cr_assert_eq(value_again[B - 1], 0.0);
        bench_close(&w);
        free(dx);
    }
    v2s_device_close(&dev);
}

static void check_refused(const v2s_device *dev, v2s_loss_config config, const char *words) {
    v2s_loss *loss = NULL;
    cr_assert_eq(dev->ops->loss_open(dev, &config, &loss), V2S_ARG, "%s", words);
    cr_assert_not_null(strstr(v2s_error_text(), words), "%s", v2s_error_text());
    cr_assert_null(loss);
}

Test(loss, names_what_is_out_of_range) {
    v2s_device *dev = tested_device();
    v2s_loss_config c = {.type = V2S_LOSS_TYPE_MRSTFT, .B = 1, .T = 50, .C = 2};
    check_refused(dev, c, "0 resolutions");
    c.resolutions = V2S_LOSS_RESOLUTIONS_MAX + 1;
    check_refused(dev, c, "9 resolutions");
    c.resolutions = 2;
    c.n[0] = 16;
    c.n[1] = 6;
    check_refused(dev, c, "6 points");
    c.B = 0;
    check_refused(dev, c, "0 rows");
    c = (v2s_loss_config){.type = V2S_LOSS_TYPE_EDC, .B = 1, .T = 5, .C = 65};
    check_refused(dev, c, "65 channels");
    c.type = V2S_LOSS_TYPE_INTENSITY;
    c.C = 3;
    check_refused(dev, c, "3 channels");
    c.C = 4;
    c.rate_hz = 10;
    check_refused(dev, c, "10 Hz");
    c.type = V2S_LOSS_TYPE_BINAURAL;
    check_refused(dev, c, "0 taps");
    v2s_device_close(&dev);
}
