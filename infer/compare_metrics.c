// SPDX-License-Identifier: MIT
// The table of metrics.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "infer/compare.h"

const v2s_metric v2s_metrics[V2S_METRIC_COUNT] = {
    [V2S_METRIC_DIFFUSENESS] = {"diffuseness", "S1", "", "share of sound from all sides, per band",
                                1, 3, false},
    [V2S_METRIC_LEVEL] = {"level", "S2", "dB", "level of the dipoles, per band", 1, 2, false},
    [V2S_METRIC_LSD] = {"lsd", "S3", "dB", "log-spectral distance of the dipoles", 1, 2, false},
    [V2S_METRIC_DIRECTION] = {"direction", "S4", "deg", "angle between the mean directions", 1, 2,
                              false},
    [V2S_METRIC_DIFFUSENESS_BLOCK] = {"diffuseness_block", "S1", "",
                                      "diffuseness per band and block of 8 frames", 1, 3, false},
    [V2S_METRIC_LEVEL_BLOCK] = {"level_block", "S2", "dB",
                                "level of the dipoles per band and block", 1, 2, false},
    [V2S_METRIC_COVARIANCE] = {"covariance", "S5", "",
                               "covariance of the four channels; rewards silence, never decisive",
                               1, 3, false},
    [V2S_METRIC_IACC] = {"iacc", "iacc", "", "coherence of the ears, per band", 1, 3, false},
    [V2S_METRIC_ILD] = {"ild", "ild", "dB", "level difference of the ears, per band", 1, 2, false},
    [V2S_METRIC_M1] = {"M1", "M1", "", "STFT distance of the ears' signals", 1, 4, false},
    [V2S_METRIC_M2] = {"M2", "M2", "", "envelope distance of the ears' signals", 1, 4, false},
    [V2S_METRIC_M6_CC] = {"M6_cc", "M6", "", "correlation of the energy maps", 1, 3, true},
    [V2S_METRIC_M6_AUC] = {"M6_auc", "M6", "", "AUC-Judd of the energy maps", 1, 3, true},
    [V2S_METRIC_M6_CC_1FPS] = {"M6_cc_1fps", "M6", "", "the same, each second", 1, 3, true},
    [V2S_METRIC_M6_AUC_1FPS] = {"M6_auc_1fps", "M6", "", "the same, each second", 1, 3, true},
    [V2S_METRIC_M6_CC_5FPS] = {"M6_cc_5fps", "M6", "", "the same, five a second", 1, 3, true},
    [V2S_METRIC_M6_AUC_5FPS] = {"M6_auc_5fps", "M6", "", "the same, five a second", 1, 3, true},
    [V2S_METRIC_M8] = {"M8", "M8", "deg", "angle of the directions, frames of 100 ms", 1, 2, false},
};

v2s_metric_set v2s_metrics_default(void) {
    return V2S_METRIC_BIT(V2S_METRIC_M1) - 1;
}

v2s_metric_set v2s_metrics_of_ears(void) {
    return V2S_METRIC_BIT(V2S_METRIC_IACC) | V2S_METRIC_BIT(V2S_METRIC_ILD) |
           V2S_METRIC_BIT(V2S_METRIC_M1) | V2S_METRIC_BIT(V2S_METRIC_M2);
}

int v2s_metrics_count(v2s_metric_set set) {
    int count = 0;
    for (; set != 0; set &= set - 1)
        count++;
    return count;
}

int v2s_metrics_place(v2s_metric_set set, int metric) {
    return v2s_metrics_count(set & (V2S_METRIC_BIT(metric) - 1));
}

static v2s_metric_set named(const char *word) {
    v2s_metric_set set = 0;
    if (strcasecmp(word, "all") == 0)
        return V2S_METRIC_BIT(V2S_METRIC_COUNT) - 1;
    if (strcasecmp(word, "spatial") == 0)
        return v2s_metrics_default();
    for (int i = 0; i < V2S_METRIC_COUNT; i++)
        if (strcasecmp(word, v2s_metrics[i].name) == 0)
            return V2S_METRIC_BIT(i);
    for (int i = 0; i < V2S_METRIC_COUNT; i++)
        if (strcasecmp(word, v2s_metrics[i].formula) == 0)
            set |= V2S_METRIC_BIT(i);
    return set;
}

v2s_status v2s_metrics_parse(const char *list, v2s_metric_set *set) {
    char *copy = strdup(list), *rest = copy, *word;
    v2s_metric_set found = 0;
    v2s_status status = copy != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
    while (status == V2S_OK && (word = strsep(&rest, ",")) != NULL) {
        v2s_metric_set one = named(word);
        if (one == 0)
            status = V2S_FAIL(V2S_USAGE,
                              "--metrics: '%.40s' is none of all, spatial, S1..S5, M1, M2, M6, M8, "
                              "diffuseness, level, lsd, direction, diffuseness_block, level_block, "
                              "covariance, iacc, ild",
                              word);
        found |= one;
    }
    free(copy);
    if (status == V2S_OK)
        *set = found;
    return status;
}
