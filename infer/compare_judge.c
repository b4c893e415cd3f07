// SPDX-License-Identifier: MIT
// One truth, some predictions, all metrics.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/judge_internal.h"
#include "spatial/si_sdr.h"

enum { RATES_MAX = 8 };

struct v2s_judge {
    const v2s_judge_options *options;
    v2s_judge_tools rates[RATES_MAX]; // latest made last
    int rate_count;
};

static void tools_close(v2s_judge_tools *t) {
    v2s_foa_stats_close(&t->stats);
    v2s_erb_stft_close(&t->stft);
    v2s_ear_decoder_close(&t->ears);
}

v2s_status v2s_judge_open(const v2s_judge_options *options, v2s_judge **judge) {
    v2s_judge *j = calloc(1, sizeof *j);
    if (j == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    j->options = options;
    *judge = j;
    return V2S_OK;
}

void v2s_judge_close(v2s_judge **judge) {
    v2s_judge *j = *judge;
    if (j == NULL)
        return;
    for (int i = 0; i < j->rate_count; i++)
        tools_close(&j->rates[i]);
    free(j);
    *judge = NULL;
}

static v2s_status tools_of(v2s_judge *j, double rate_hz, v2s_judge_tools **out) {
    for (int i = 0; i < j->rate_count; i++)
        if (j->rates[i].rate_hz == rate_hz) {
            *out = &j->rates[i];
            return V2S_OK;
        }
    v2s_judge_tools made = {.rate_hz = rate_hz};
    v2s_status status = v2s_foa_stats_open(rate_hz, &made.stats);
    if (status == V2S_OK)
        status = v2s_erb_stft_open(rate_hz, &made.stft);
    if (status == V2S_OK && j->options->hrtf != NULL)
        status = v2s_ear_decoder_open(j->options->hrtf, rate_hz, &made.ears);
    if (status != V2S_OK) {
        tools_close(&made);
        return status;
    }
    if (j->rate_count == RATES_MAX) {
        tools_close(&j->rates[0]);
        memmove(j->rates, j->rates + 1, (RATES_MAX - 1) * sizeof *j->rates);
        j->rate_count--;
    }
    j->rates[j->rate_count] = made;
    *out = &j->rates[j->rate_count++];
    return V2S_OK;
}

static void clear(double (*scores)[V2S_METRIC_COUNT], size_t count) {
    for (size_t i = 0; i < count; i++)
        for (int m = 0; m < V2S_METRIC_COUNT; m++)
            scores[i][m] = NAN;
}

v2s_status v2s_judge_foa(v2s_judge *judge, double rate_hz, size_t frames, const float *truth,
                         const float *const *predictions, size_t count,
                         double (*scores)[V2S_METRIC_COUNT]) {
    const v2s_judge_options *o = judge->options;
    v2s_judge_tools *t = NULL;
    clear(scores, count);
    V2S_TRY(tools_of(judge, rate_hz, &t));
    V2S_TRY(v2s_judge_field(o, t, frames, truth, predictions, count, scores));
    if (v2s_judge_wants(o, V2S_METRIC_BIT(V2S_METRIC_M12_SI_SDR)))
        for (size_t i = 0; i < count; i++)
            scores[i][V2S_METRIC_M12_SI_SDR] =
                v2s_si_sdr_db(frames, V2S_FOA_CHANNELS, truth, predictions[i]);
    if (t->ears == NULL)
        return V2S_OK;
    return v2s_judge_ears(o, t, V2S_FOA_CHANNELS, V2S_FOA_CHANNELS, frames, truth, predictions,
                          count, scores);
}

v2s_status v2s_judge_decoded(v2s_judge *judge, double rate_hz, size_t frames, const float *ears,
                             const float *const *predictions, size_t count,
                             double (*scores)[V2S_METRIC_COUNT]) {
    v2s_judge_tools *t = NULL;
    V2S_ASSERT(judge->options->hrtf != NULL);
    clear(scores, count);
    V2S_TRY(tools_of(judge, rate_hz, &t));
    return v2s_judge_ears(judge->options, t, 2, V2S_FOA_CHANNELS, frames, ears, predictions, count,
                          scores);
}

v2s_status v2s_judge_stereo(v2s_judge *judge, double rate_hz, size_t frames, const float *truth,
                            const float *prediction, double scores[V2S_METRIC_COUNT]) {
    v2s_judge_tools *t = NULL;
    double one[1][V2S_METRIC_COUNT];
    clear(one, 1);
    V2S_TRY(tools_of(judge, rate_hz, &t));
    V2S_TRY(v2s_judge_ears(judge->options, t, 2, 2, frames, truth, &prediction, 1, one));
    one[0][V2S_METRIC_M12_SI_SDR] = v2s_si_sdr_db(frames, 2, truth, prediction);
    one[0][V2S_METRIC_M12_ILD] = v2s_ild_error_db(frames, truth, prediction);
    memcpy(scores, one[0], sizeof one[0]);
    return V2S_OK;
}
