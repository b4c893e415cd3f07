// SPDX-License-Identifier: MIT
// Scores of two channels, which are the sound itself or four channels decoded to two ears.
#include <stdlib.h>

#include "infer/judge_internal.h"
#include "kernels/resample_hq.h"
#include "spatial/ear_stats.h"
#include "spatial/envelope.h"
#include "spatial/stereo_distance.h"

// What the metrics need of one sound.
typedef struct ears {
    const float *stereo; // [frames][2]
    float *decoded;      // owned; NULL where `stereo` is the caller's
    size_t frames;
    bool has_bands; // false: shorter than one frame of the STFT
    v2s_ear_bands bands;
    double *own; // [frames][2], the same in double
    double *low; // [low_frames][2] at 16 kHz, normalised if asked for
    size_t low_frames;
} ears;

static void ears_free(ears *e) {
    free(e->decoded);
    free(e->own);
    v2s_ear_bands_free(&e->bands);
    free(e->low);
}

static const v2s_metric_set of_bands = V2S_METRICS_BETWEEN(V2S_METRIC_IACC, V2S_METRIC_ITD);
static const v2s_metric_set of_low = V2S_METRICS_BETWEEN(V2S_METRIC_M1_STFT, V2S_METRIC_M4_SNR);
static const v2s_metric_set of_own = V2S_METRICS_BETWEEN(V2S_METRIC_M5_MAG, V2S_METRIC_M5_ENV);

static v2s_status measure(const v2s_judge_options *o, v2s_judge_tools *t, ears *e) {
    e->has_bands = v2s_judge_wants(o, of_bands) && v2s_erb_stft_count(t->stft, e->frames) > 0;
    if (e->has_bands)
        V2S_TRY(v2s_ear_bands_measure(t->stft, e->frames, e->stereo, &e->bands));
    if (v2s_judge_wants(o, of_own)) {
        e->own = malloc(2 * e->frames * sizeof *e->own);
        if (e->own == NULL)
            return V2S_FAIL(V2S_NOMEM, "out of memory");
        for (size_t i = 0; i < 2 * e->frames; i++)
            e->own[i] = (double)e->stereo[i];
    }
    if (v2s_judge_wants(o, of_low)) {
        V2S_TRY(v2s_resample_hq(e->stereo, e->frames, 2, t->rate_hz, V2S_STEREO_DISTANCE_RATE_HZ,
                                &e->low, &e->low_frames));
        if (o->normalise)
            v2s_stereo_normalise(e->low, e->low_frames);
    }
    return V2S_OK;
}

static v2s_status take(const v2s_judge_options *o, v2s_judge_tools *t, int channels, size_t frames,
                       const float *sound, ears *e) {
    e->frames = frames;
    e->stereo = sound;
    if (channels != 2) {
        V2S_TRY(v2s_ear_decoder_apply(t->ears, frames, sound, &e->decoded));
        e->stereo = e->decoded;
    }
    return measure(o, t, e);
}

static bool wants_one(const v2s_judge_options *o, v2s_metric_id id) {
    return v2s_judge_wants(o, V2S_METRIC_BIT(id));
}

// Longer sounds have no envelope here, so no number.
static bool has_envelope(size_t frames) {
    return frames <= V2S_ENVELOPE_FRAMES_MAX;
}

// M1 - M4.
static v2s_status score_low(const v2s_judge_options *o, const ears *truth, const ears *prediction,
                            double *scores) {
    const double *t = truth->low, *p = prediction->low;
    size_t n = truth->low_frames;
    if (wants_one(o, V2S_METRIC_M1_STFT) || wants_one(o, V2S_METRIC_M3_MAG)) {
        V2S_TRY(v2s_stereo_stft_distance(t, p, n, o->reflect, &scores[V2S_METRIC_M1_STFT]));
        scores[V2S_METRIC_M3_MAG] = 2 * scores[V2S_METRIC_M1_STFT];
    }
    if (wants_one(o, V2S_METRIC_M2_ENV) && has_envelope(n))
        V2S_TRY(v2s_stereo_envelope_distance(t, p, n, &scores[V2S_METRIC_M2_ENV]));
    if (wants_one(o, V2S_METRIC_M4_DPHASE))
        V2S_TRY(v2s_stereo_phase_distance(t, p, n, o->reflect, &scores[V2S_METRIC_M4_DPHASE]));
    scores[V2S_METRIC_M3_WAV] = v2s_stereo_wave_distance(t, p, n);
    scores[V2S_METRIC_M4_SNR] = v2s_stereo_snr_db(t, p, n);
    return V2S_OK;
}

static v2s_status score(const v2s_judge_options *o, const ears *truth, const ears *prediction,
                        double *scores) {
    if (truth->has_bands) {
        v2s_ear_scores s = v2s_ear_bands_compare(&truth->bands, &prediction->bands);
        scores[V2S_METRIC_IACC] = s.iacc;
        scores[V2S_METRIC_ILD] = s.ild;
        scores[V2S_METRIC_ITD] = s.itd;
    }
    if (truth->low != NULL)
        V2S_TRY(score_low(o, truth, prediction, scores));
    if (wants_one(o, V2S_METRIC_M5_MAG))
        V2S_TRY(v2s_stereo_magnitude_distance(truth->own, prediction->own, truth->frames,
                                              o->reflect, &scores[V2S_METRIC_M5_MAG]));
    if (wants_one(o, V2S_METRIC_M5_ENV) && has_envelope(truth->frames))
        V2S_TRY(v2s_stereo_envelope_distance(truth->own, prediction->own, truth->frames,
                                             &scores[V2S_METRIC_M5_ENV]));
    return V2S_OK;
}

v2s_status v2s_judge_ears(const v2s_judge_options *o, v2s_judge_tools *t, int true_channels,
                          int channels, size_t frames, const float *truth,
                          const float *const *predictions, size_t count,
                          double (*scores)[V2S_METRIC_COUNT]) {
    ears true_ears = {0};
    v2s_status status = take(o, t, true_channels, frames, truth, &true_ears);
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
