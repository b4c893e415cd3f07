// SPDX-License-Identifier: MIT
// Scores of two channels, which are the sound itself or four channels decoded to two ears.
#include <stdlib.h>
#include <string.h>

#include "infer/judge_internal.h"
#include "kernels/resample.h"
#include "spatial/binaural_design.h"
#include "spatial/ear_stats.h"
#include "spatial/stereo_distance.h"

// What the metrics need of one sound.
typedef struct ears {
    const float *stereo; // [frames][2]
    float *decoded;      // owned; NULL where `stereo` is the caller's
    v2s_ear_bands bands;
    float *low; // [low_frames][2] at 16 kHz, normalised if asked for
    size_t low_frames;
} ears;

static void ears_free(ears *e) {
    free(e->decoded);
    free(e->low);
}

v2s_status v2s_judge_open_ears(const v2s_judge_options *options, v2s_judge_tools *t) {
    float *filters = NULL;
    size_t taps = 0, delay = 0;
    V2S_TRY(v2s_binaural_design(options->hrtf, 1, t->rate_hz, V2S_BINAURAL_MAGLS, &filters, &taps,
                                &delay));
    v2s_status status = v2s_convolver_open(V2S_FOA_CHANNELS, 2, taps, filters, &t->ears);
    free(filters);
    if (status == V2S_OK)
        t->latency = delay + v2s_convolver_latency_frames(t->ears);
    return status;
}

// Decodes [frames][4], in time with it.
static v2s_status decode(v2s_judge_tools *t, size_t frames, const float *foa, ears *e) {
    size_t total = frames + t->latency;
    float *late = malloc(total * 2 * sizeof *late);
    float *zeros = calloc(t->latency + 1, V2S_FOA_CHANNELS * sizeof *zeros);
    if (late == NULL || zeros == NULL) {
        free(late);
        free(zeros);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    v2s_convolver_reset(t->ears);
    v2s_convolver_process(t->ears, foa, frames, late);
    v2s_convolver_process(t->ears, zeros, t->latency, late + 2 * frames);
    memmove(late, late + 2 * t->latency, frames * 2 * sizeof *late);
    free(zeros);
    e->stereo = e->decoded = late;
    return V2S_OK;
}

static const v2s_metric_set of_bands = V2S_METRICS_BETWEEN(V2S_METRIC_IACC, V2S_METRIC_ITD);
static const v2s_metric_set of_low = V2S_METRICS_BETWEEN(V2S_METRIC_M1_STFT, V2S_METRIC_M4_SNR);

// e->stereo is given.
static v2s_status measure(const v2s_judge_options *o, v2s_judge_tools *t, size_t frames, ears *e) {
    if (v2s_judge_wants(o, of_bands))
        V2S_TRY(v2s_ear_bands_measure(t->stft, frames, e->stereo, &e->bands));
    if (v2s_judge_wants(o, of_low)) {
        V2S_TRY(v2s_resample(e->stereo, frames, 2, t->rate_hz, V2S_STEREO_DISTANCE_RATE_HZ, &e->low,
                             &e->low_frames));
        if (o->normalise)
            v2s_stereo_normalise(e->low, e->low_frames);
    }
    return V2S_OK;
}

static v2s_status take(const v2s_judge_options *o, v2s_judge_tools *t, int channels, size_t frames,
                       const float *sound, ears *e) {
    e->stereo = sound;
    if (channels != 2)
        V2S_TRY(decode(t, frames, sound, e));
    return measure(o, t, frames, e);
}

static v2s_status score(const v2s_judge_options *o, const ears *truth, const ears *prediction,
                        double *scores) {
    if (v2s_judge_wants(o, of_bands)) {
        v2s_ear_scores s = v2s_ear_bands_compare(&truth->bands, &prediction->bands);
        scores[V2S_METRIC_IACC] = s.iacc;
        scores[V2S_METRIC_ILD] = s.ild;
    }
    if (v2s_judge_wants(o, V2S_METRIC_BIT(V2S_METRIC_M1_STFT)))
        V2S_TRY(v2s_stereo_stft_distance(truth->low, prediction->low, truth->low_frames, o->reflect,
                                         &scores[V2S_METRIC_M1_STFT]));
    if (v2s_judge_wants(o, V2S_METRIC_BIT(V2S_METRIC_M2_ENV)))
        V2S_TRY(v2s_stereo_envelope_distance(truth->low, prediction->low, truth->low_frames,
                                             &scores[V2S_METRIC_M2_ENV]));
    return V2S_OK;
}

v2s_status v2s_judge_ears(const v2s_judge_options *o, v2s_judge_tools *t, int channels,
                          size_t frames, const float *truth, const float *const *predictions,
                          size_t count, double (*scores)[V2S_METRIC_COUNT]) {
    ears true_ears = {0};
    v2s_status status = take(o, t, channels, frames, truth, &true_ears);
    for (size_t i = 0; status == V2S_OK && i < count; i++) {
        ears e = {0};
        status = take(o, t, channels, frames, predictions[i], &e);
        if (status == V2S_OK)
            status = score(o, &true_ears, &e, scores[i]);
        ears_free(&e);
    }
    ears_free(&true_ears);
    return status;
}
