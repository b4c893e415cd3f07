// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>

#include "data/npy.h"
#include "data/sound_out.h"
#include "train/ytambigen.h"

enum { MAX_VALUES = 1 << 26, CLIPPED_RUN = 3 };

#define CLIP_S 5.0
#define OPUS_RATE_HZ 48000.0
#define RATE_TOLERANCE 0.01
#define FULL_SCALE (32767.0 / 32768.0)

void v2s_ytambigen_array_free(v2s_ytambigen_array *a) {
    free(a->samples);
    *a = (v2s_ytambigen_array){0};
}

static double rate_of(size_t frames, bool *guessed) {
    static const double usual_hz[] = {8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000};
    double rate_hz = (double)frames / CLIP_S;
    for (size_t i = 0; i < sizeof usual_hz / sizeof *usual_hz; i++)
        if (fabs(rate_hz / usual_hz[i] - 1) <= RATE_TOLERANCE)
            return usual_hz[i];
    *guessed = true;
    return OPUS_RATE_HZ;
}

static v2s_status check_shape(const v2s_npy *n, bool *channels_first) {
    if (n->rank != 2 || (n->dim[0] != V2S_FOA_CHANNELS && n->dim[1] != V2S_FOA_CHANNELS))
        return V2S_FAIL(V2S_FORMAT,
                        "no sound: expected an array [4, T] or [T, 4], found %zu x %zu in %d "
                        "dimensions (36 rows are codes of a neural codec)",
                        n->dim[0], n->dim[1], n->rank);
    if (n->count == 0)
        return V2S_FAIL(V2S_FORMAT, "no sound: the array is empty");
    if (n->kind == V2S_NPY_UNSIGNED)
        return V2S_FAIL(V2S_FORMAT, "no sound: expected floats or signed integers");
    *channels_first = n->dim[0] == V2S_FOA_CHANNELS;
    return V2S_OK;
}

static v2s_status take(const v2s_npy *n, v2s_ytambigen_array *a) {
    bool channels_first = false;
    V2S_TRY(check_shape(n, &channels_first));
    double scale = n->kind == V2S_NPY_FLOAT ? 1 : ldexp(1, 1 - 8 * n->bytes);
    a->frames = n->count / V2S_FOA_CHANNELS;
    a->samples = malloc(n->count * sizeof *a->samples);
    if (a->samples == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t t = 0; t < a->frames; t++)
        for (size_t c = 0; c < V2S_FOA_CHANNELS; c++) {
            double x = n->values[channels_first ? c * a->frames + t : V2S_FOA_CHANNELS * t + c];
            float *to = &a->samples[V2S_FOA_CHANNELS * t + c];
            *to = (float)(scale * x);
            if (!isfinite(*to))
                return V2S_FAIL(V2S_NUMERIC, "not a number: channel %zu, sample %zu", c + 1, t);
        }
    a->rate_hz = rate_of(a->frames, &a->guessed);
    return V2S_OK;
}

v2s_status v2s_ytambigen_array_read(const char *path, v2s_ytambigen_array *a) {
    v2s_npy n = {0};
    v2s_ytambigen_array made = {0};
    V2S_TRY(v2s_npy_read(path, MAX_VALUES, &n));
    v2s_status status = take(&n, &made);
    v2s_npy_free(&n);
    if (status != V2S_OK) {
        v2s_ytambigen_array_free(&made);
        return status;
    }
    *a = made;
    return V2S_OK;
}

v2s_status v2s_ytambigen_array_write(const char *wav, const v2s_ytambigen_array *a) {
    v2s_sound_out *out = NULL;
    V2S_TRY(v2s_sound_out_open(wav, a->rate_hz, V2S_FOA_CHANNELS, V2S_FLOAT32, (int64_t)a->frames,
                               &out));
    v2s_sound_out_defer_sync(out);
    v2s_status status = v2s_sound_out_write(out, a->samples, a->frames);
    if (status == V2S_OK)
        status = v2s_sound_out_commit(out, NULL, NULL);
    v2s_sound_out_close(&out);
    return status;
}

void v2s_ytambigen_array_survey(const v2s_ytambigen_array *a, v2s_sound_survey *s) {
    *s = (v2s_sound_survey){.rate_hz = a->rate_hz,
                            .channels = V2S_FOA_CHANNELS,
                            .frames = (int64_t)a->frames,
                            .duration_s = (double)a->frames / a->rate_hz};
    for (size_t c = 0; c < V2S_FOA_CHANNELS; c++) {
        int64_t run = 0;
        for (size_t t = 0; t < a->frames; t++) {
            double x = fabs((double)a->samples[V2S_FOA_CHANNELS * t + c]);
            s->peak = fmax(s->peak, x);
            run = x >= FULL_SCALE ? run + 1 : 0;
            s->clipped += run == CLIPPED_RUN ? CLIPPED_RUN : run > CLIPPED_RUN;
        }
    }
    s->silent = s->peak == 0;
}
