// SPDX-License-Identifier: MIT
#include "train/band_floors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/progress.h"
#include "kernels/base/cancel.h"
#include "kernels/base/parallel.h"
#include "kernels/base/rng.h"

enum { BANDS = V2S_BASIS_BANDS, FIT_ROWS = 16, FIT_CLIPS = 12000 };

#define FIT_RATE 0.02        // Adam's step for the constants
#define FIT_TAIL_START 0.5f  // zero is a saddle of the tails' gains
#define FIT_OMNI_START -0.3f // where W begins to be all, it gets no gradient
#define FIT_ROW_S 5.0
#define HOP_S 0.008 // about that of every basis

void v2s_band_floor_scaled(const v2s_band_clips *clips, float gain[4]) {
    double top[4] = {0}, bottom[4] = {0};
    for (size_t n = 0; n < clips->count; n++) {
        const v2s_band_clip *c = &clips->sums[n];
        size_t cursor = 0;
        for (int t = 0; t < c->frames; t++) {
            v2s_vec3 u = v2s_trajectory_at(&c->path, t * c->hop_s, &cursor).unit;
            for (int b = 0; b < BANDS; b++) {
                v2s_band_stat s = v2s_band_clip_get(c, (size_t)t * BANDS + (size_t)b);
                const double up[4] = {s.gt, u.y * s.py, u.z * s.pz, u.x * s.px};
                const double down[4] = {1, u.y * u.y, u.z * u.z, u.x * u.x};
                for (int i = 0; i < 4; i++) {
                    top[i] += up[i];
                    bottom[i] += down[i] * s.g;
                }
            }
        }
    }
    for (int i = 0; i < 4; i++)
        gain[i] = bottom[i] > 0 ? (float)(top[i] / bottom[i]) : 1;
}

// Rows of one step of the constants' fit, summed row by row in their order.
typedef struct fit {
    const v2s_band_clips *clips;
    const v2s_loss_band_config *config;
    int gains; // of a band
    int frames, rows, threads;
    const v2s_band_clip *clip[FIT_ROWS];
    v2s_band_loss loss[FIT_ROWS];
    float *repeated;            // [frames][BANDS][gains]: the constants, frame after frame
    float *dgains[FIT_ROWS];    // the same
    double *gradient[FIT_ROWS]; // [BANDS][gains]
    double *m, *v;              // [BANDS][gains]: Adam's
    size_t *order;              // [clips]
} fit;

static int row_length(const fit *f, int i) {
    return f->clip[i]->frames < f->frames ? f->clip[i]->frames : f->frames;
}

static void fit_row(void *ctx, int i, int parts) {
    (void)parts;
    fit *f = ctx;
    int n = BANDS * f->gains, length = row_length(f, i);
    v2s_band_loss_row(&f->loss[i], f->config, f->clip[i], 0, length, f->repeated, 1.0 / f->rows,
                      f->dgains[i], NULL);
    memset(f->gradient[i], 0, (size_t)n * sizeof(double));
    for (int t = 0; t < length; t++)
        for (int j = 0; j < n; j++)
            f->gradient[i][j] += f->dgains[i][(size_t)t * n + j];
}

static void fit_step(fit *f, float *constant, int step, double rate) {
    int n = BANDS * f->gains;
    for (int t = 0; t < f->frames; t++)
        memcpy(f->repeated + (size_t)t * n, constant, (size_t)n * sizeof *constant);
    v2s_parallel(f->threads, f->rows, fit_row, f);
    double m_scale = 1 / (1 - pow(0.9, step)), v_scale = 1 / (1 - pow(0.999, step));
    for (int j = 0; j < n; j++) {
        double g = 0;
        for (int i = 0; i < f->rows; i++)
            g += f->gradient[i][j];
        f->m[j] = 0.9 * f->m[j] + 0.1 * g;
        f->v[j] = 0.999 * f->v[j] + 0.001 * g * g;
        constant[j] -= (float)(rate * f->m[j] * m_scale / (sqrt(f->v[j] * v_scale) + 1e-12));
    }
}

static v2s_status fit_open(fit *f) {
    size_t n = (size_t)BANDS * (size_t)f->gains, room = (size_t)f->frames * n;
    f->repeated = malloc(room * sizeof(float));
    f->m = calloc(n, sizeof *f->m);
    f->v = calloc(n, sizeof *f->v);
    f->order = malloc((f->clips->count + 1) * sizeof *f->order);
    bool ok = f->repeated != NULL && f->m != NULL && f->v != NULL && f->order != NULL;
    for (int i = 0; i < FIT_ROWS; i++) {
        f->dgains[i] = malloc(room * sizeof(float));
        f->gradient[i] = malloc(n * sizeof(double));
        ok = ok && f->dgains[i] != NULL && f->gradient[i] != NULL &&
             v2s_band_loss_open(f->frames, &f->loss[i]) == V2S_OK;
    }
    return ok ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
}

static void fit_close(fit *f) {
    free(f->repeated);
    free(f->m);
    free(f->v);
    free(f->order);
    for (int i = 0; i < FIT_ROWS; i++) {
        free(f->dgains[i]);
        free(f->gradient[i]);
        v2s_band_loss_close(&f->loss[i]);
    }
}

static v2s_status fit_passes(fit *f, float *constant, v2s_progress *progress) {
    size_t count = f->clips->count;
    int passes = (int)((FIT_CLIPS + count - 1) / count);
    int step = 0, steps = (int)((count + FIT_ROWS - 1) / FIT_ROWS) * passes;
    for (int pass = 0; pass < passes; pass++) {
        for (size_t i = 0; i < count; i++)
            f->order[i] = i;
        v2s_rng rng = v2s_rng_open(0, (uint64_t)pass);
        v2s_rng_shuffle(&rng, f->order, count);
        for (size_t at = 0; at < count; at += FIT_ROWS) {
            V2S_TRY(v2s_cancel_check());
            f->rows = (int)(count - at < FIT_ROWS ? count - at : FIT_ROWS);
            for (int i = 0; i < f->rows; i++)
                f->clip[i] = &f->clips->sums[f->order[at + (size_t)i]];
            double rate = FIT_RATE * 0.5 * (1 + cos(V2S_PI * step / steps));
            fit_step(f, constant, ++step, rate);
            v2s_progress_update(progress, (double)step / steps * passes * (double)count);
        }
    }
    return V2S_OK;
}

v2s_status v2s_band_floor_constant(const v2s_band_clips *clips, bool dry,
                                   const v2s_loss_band_config *loss, int threads,
                                   const v2s_run_log *log, float *constant) {
    fit f = {.clips = clips,
             .config = loss,
             .gains = v2s_foa_basis_gains(dry),
             .frames = (int)(FIT_ROW_S / HOP_S),
             .threads = threads};
    int tails = dry ? 4 : 3;
    for (int i = 0; i < BANDS * f.gains; i++)
        constant[i] = i % f.gains >= tails ? FIT_TAIL_START : 0;
    if (!dry)
        for (int b = 0; b < BANDS; b++)
            constant[b * f.gains] = FIT_OMNI_START;
    double rows = ceil((double)FIT_CLIPS / (double)clips->count) * (double)clips->count;
    v2s_progress progress =
        v2s_progress_begin("fitting constant gains", "rows", rows, log == NULL || log->quiet);
    v2s_status status = fit_open(&f);
    if (status == V2S_OK)
        status = fit_passes(&f, constant, &progress);
    v2s_progress_end(&progress);
    fit_close(&f);
    return status;
}
