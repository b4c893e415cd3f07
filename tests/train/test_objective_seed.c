// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "data/manifest.h"
#include "tests/support/make_media.h"
#include "tests/support/make_pairs.h"
#include "train/objective_seed.h"

enum { TRAIN = 3, VAL = 2 };

TestSuite(objective_seed, .fini = v2s_test_folder_remove);

typedef struct opened {
    v2s_manifest manifest;
    const v2s_clip *clips[TRAIN + VAL];
    v2s_objective *o;
    v2s_device *dev;
} opened;

static v2s_objective_seed_config usual(void) {
    v2s_objective_seed_config config = {.network = v2s_refiner_seed(),
                                        .segment_s = 0.1,
                                        .pairing = "omni",
                                        .rows = 2,
                                        .threads = 2,
                                        .memory_bytes = 1 << 30};
    cr_assert(v2s_loss_weights_parse("--loss", "mse=1", &config.loss) == V2S_OK);
    return config;
}

static opened open_all(const v2s_objective_seed_config *config) {
    opened a = {0};
    v2s_test_make_pairs(TRAIN, VAL);
    cr_assert(v2s_manifest_read(v2s_test_path("m.jsonl"), (v2s_manifest_rules){.strict = true},
                                &a.manifest) == V2S_OK);
    for (int i = 0; i < TRAIN + VAL; i++)
        a.clips[i] = &a.manifest.clips[i];
    cr_assert(v2s_objective_seed_open(config, a.clips, TRAIN, a.clips + TRAIN, VAL, &a.o) == V2S_OK,
              "%s", v2s_error_text());
    cr_assert(v2s_device_open("cpu", 2, &a.dev) == V2S_OK);
    cr_assert(a.o->cls->open_device(a.o, a.dev, 2) == V2S_OK);
    return a;
}

static void close_all(opened *a) {
    a->o->cls->close(a->o);
    v2s_device_close(&a->dev);
    v2s_manifest_free(&a->manifest);
}

// x, and behind it the truth.
static float *row_of(const opened *a, size_t clip, uint64_t seed) {
    size_t n = (size_t)a->o->T * 4;
    float *x = calloc(2 * n, sizeof *x);
    cr_assert(x != NULL && a->o->row_bytes == n * sizeof *x);
    cr_assert(a->o->cls->prepare(a->o, 0, &(v2s_row_item){clip, seed}, x, x + n) == V2S_OK);
    return x;
}

static double loss_of(const opened *a, const float *x, const float *residual, double scale,
                      float *d) {
    double value;
    a->o->cls->loss(a->o, 1, x, x + (size_t)a->o->T * 4, residual, scale, d, &value);
    return value;
}

// Least-squares gain of channel c on W.
static double gain_of(const float *x, int frames, int c) {
    double xy = 0, xx = 0;
    for (int i = 0; i < frames; i++) {
        xy += (double)x[4 * i] * x[4 * i + c];
        xx += (double)x[4 * i] * x[4 * i];
    }
    return xy / xx;
}

// omni: the row is W times (1, Y, Z, X) of a direction; rotation keeps elevation and length, mirror
// turns Y, and the loss of a residual that is all zero stays that of the geometric path.
Test(objective_seed, augmentation_moves_the_source_and_nothing_else) {
    static const char *const lists[] = {"none", "rotation", "mirror", "rotation,mirror,gain"};
    double plain[4] = {0}, plain_loss = 0;
    for (int k = 0; k < 4; k++) {
        v2s_objective_seed_config config = usual();
        config.segment_s = 0.2; // whole clips, so that rows differ by augmentation alone
        cr_assert(v2s_augment_parse("--augment", lists[k], &config.augment) == V2S_OK);
        opened a = open_all(&config);
        cr_assert(a.o->T == V2S_TEST_PAIR_FRAMES);
        bool moved = false, turned = false;
        for (uint64_t seed = 0; seed < 8; seed++) {
            float *x = row_of(&a, 1, seed);
            double g[4];
            for (int c = 0; c < 4; c++)
                g[c] = gain_of(x, a.o->T, c);
            float *zero = calloc((size_t)a.o->T * 4, sizeof *zero),
                  *d = calloc((size_t)a.o->T * 4, sizeof *d);
            double loss = loss_of(&a, x, zero, 1, d);
            if (k == 0 && seed == 0) {
                memcpy(plain, g, sizeof g);
                plain_loss = loss;
            }
            cr_expect(fabs(g[1] * g[1] + g[2] * g[2] + g[3] * g[3] - 1) < 1e-5);
            cr_expect(fabs(g[2] - plain[2]) < 1e-5, "%s: elevation", lists[k]);
            if (k < 3)
                cr_expect(fabs(loss / plain_loss - 1) < 1e-4, "%s: %g %g", lists[k], loss,
                          plain_loss);
            else // within the range of the gain, +-6 dB
                cr_expect(fabs(10 * log10(loss / plain_loss)) < 6.001);
            if (k == 2)
                cr_expect(fabs(fabs(g[1]) - fabs(plain[1])) < 1e-5 && fabs(g[3] - plain[3]) < 1e-5);
            moved = moved || fabs(g[3] - plain[3]) > 0.05;
            turned = turned || g[1] * plain[1] < 0;
            free(x);
            free(zero);
            free(d);
        }
        cr_expect(moved == (k == 1 || k == 3), "%s", lists[k]);
        cr_expect(turned == (k > 0), "%s", lists[k]);
        close_all(&a);
    }
}

// A segment is a stretch of the clip, anywhere; the same seed gives the same one, also where the
// clip is read again each time.
Test(objective_seed, segments_are_stretches_of_the_clip) {
    v2s_objective_seed_config config = usual();
    opened kept = open_all(&config);
    config.memory_bytes = 0;
    opened again = open_all(&config);
    v2s_objective_seed_config all = usual();
    all.segment_s = 0.2;
    opened whole = open_all(&all);
    float *clip = row_of(&whole, 2, 0);
    int T = kept.o->T, starts[12];
    cr_assert(T == 800);
    for (uint64_t seed = 0; seed < 12; seed++) {
        float *x = row_of(&kept, 2, seed), *y = row_of(&again, 2, seed);
        cr_expect(memcmp(x, y, (size_t)T * 4 * sizeof *x) == 0);
        starts[seed] = -1;
        for (int i = 0; i <= V2S_TEST_PAIR_FRAMES - T; i++)
            if (memcmp(x, clip + 4 * i, (size_t)T * 4 * sizeof *x) == 0)
                starts[seed] = i;
        cr_expect(starts[seed] >= 0);
        free(x);
        free(y);
    }
    int different = 0;
    for (int i = 1; i < 12; i++)
        different += starts[i] != starts[0];
    cr_expect(different >= 10);
    free(clip);
    close_all(&kept);
    close_all(&again);
    close_all(&whole);
}

// The gradient that the trainer gets, against finite differences.
Test(objective_seed, the_gradient_is_that_of_the_loss) {
    v2s_objective_seed_config config = usual();
    config.segment_s = 0.01;
    opened a = open_all(&config);
    int n = a.o->T * 4;
    float *x = row_of(&a, 0, 3), *r = calloc((size_t)n, sizeof *r),
          *d = calloc((size_t)n, sizeof *d);
    for (int i = 0; i < n; i++)
        r[i] = 0.01f * (float)(i % 7 - 3);
    loss_of(&a, x, r, 0.5, d);
    for (int i = 0; i < n; i += 37) {
        float *e = calloc((size_t)n, sizeof *e), kept = r[i];
        r[i] = kept + 0.25f; // the loss is quadratic: any step is exact
        double up = loss_of(&a, x, r, 0, e);
        r[i] = kept - 0.25f;
        double down = loss_of(&a, x, r, 0, e);
        r[i] = kept;
        double numeric = 0.5 * (up - down) / 0.5;
        cr_expect(fabs(numeric - d[i]) < 1e-4 * fabs(numeric) + 1e-8, "%d: %g %g", i, numeric,
                  (double)d[i]);
        free(e);
    }
    free(x);
    free(r);
    free(d);
    close_all(&a);
}

Test(objective_seed, lists_of_augmentations_are_checked) {
    v2s_augment a;
    cr_expect(v2s_augment_parse("--augment", "gain,rotation", &a) == V2S_OK);
    cr_expect(a.gain && a.rotation && !a.mirror);
    static const char *const wrong[] = {"", "gain,", "none,gain", "spin", "gain rotation"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_expect(v2s_augment_parse("--augment", wrong[i], &a) == V2S_USAGE, "'%s'", wrong[i]);
}
