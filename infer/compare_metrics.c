// SPDX-License-Identifier: MIT
// The table of metrics.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "infer/compare.h"

// Short, for the rows of a table.
#define NO V2S_USE_NEVER
#define ASKED V2S_USE_ASKED
#define YES V2S_USE_ALWAYS

const v2s_metric v2s_metrics[V2S_METRIC_COUNT] = {
    // name, formula, unit, meaning, two, four, scale, decimals, higher is better
    [V2S_METRIC_DIFFUSENESS] = {"diffuseness", "S1", "", "share of sound from all sides, per band",
                                NO, YES, 1, 3, false},
    [V2S_METRIC_LEVEL] = {"level", "S2", "dB", "level of the dipoles, per band", NO, YES, 1, 2,
                          false},
    [V2S_METRIC_LSD] = {"lsd", "S3", "dB", "log-spectral distance of the dipoles", NO, YES, 1, 2,
                        false},
    [V2S_METRIC_DIRECTION] = {"direction", "S4", "deg", "angle between the mean directions", NO,
                              YES, 1, 2, false},
    [V2S_METRIC_DIFFUSENESS_BLOCK] = {"diffuseness_block", "S1", "",
                                      "diffuseness per band and block of 8 frames", NO, YES, 1, 3,
                                      false},
    [V2S_METRIC_LEVEL_BLOCK] = {"level_block", "S2", "dB",
                                "level of the dipoles per band and block", NO, YES, 1, 2, false},
    [V2S_METRIC_COVARIANCE] = {"covariance", "S5", "",
                               "covariance of the four channels; rewards silence, never decisive",
                               NO, YES, 1, 3, false},
    [V2S_METRIC_IACC] = {"iacc", "iacc", "", "coherence of the ears, per band", YES, YES, 1, 3,
                         false},
    [V2S_METRIC_ILD] = {"ild", "ild", "dB", "level difference of the ears, per band", YES, YES, 1,
                        2, false},
    [V2S_METRIC_ITD] = {"itd", "itd", "us", "time difference of the ears, per block", YES, YES, 1,
                        1, false},

    [V2S_METRIC_M1_STFT] = {"M1_stft", "M1", "", "STFT distance of the ears' signals", YES, ASKED,
                            1, 4, false},
    [V2S_METRIC_M2_ENV] = {"M2_env", "M2", "", "envelope distance of the ears' signals", YES, ASKED,
                           1, 4, false},
    [V2S_METRIC_M3_MAG] = {"M3_mag", "M3", "", "\"magnitude\" distance of complex STFTs, 2 M1", YES,
                           ASKED, 1, 4, false},
    [V2S_METRIC_M3_WAV] = {"M3_wav", "M3", "", "squared difference of the ears' signals", YES,
                           ASKED, 1, 6, false},
    [V2S_METRIC_M4_DPHASE] = {"M4_dphase", "M4", "rad", "phase of the left ear minus the right one",
                              YES, ASKED, 1, 3, false},
    [V2S_METRIC_M4_SNR] = {"M4_snr_db", "M4", "dB", "signal to error, both ears together", YES,
                           ASKED, 1, 2, true},
    [V2S_METRIC_M5_MAG] = {"M5_mag", "M5", "", "distance of true STFT magnitudes, own rate", YES,
                           ASKED, 1, 4, false},
    [V2S_METRIC_M5_ENV] = {"M5_env", "M5", "", "envelope distance, own rate", YES, ASKED, 1, 4,
                           false},

    [V2S_METRIC_M6_CC] = {"M6_cc_all", "M6", "", "correlation of the energy maps", NO, YES, 1, 3,
                          true},
    [V2S_METRIC_M6_AUC] = {"M6_auc_all", "M6", "", "AUC-Judd of the energy maps", NO, YES, 1, 3,
                           true},
    [V2S_METRIC_M6_CC_1FPS] = {"M6_cc_1fps", "M6", "", "correlation of the maps, each second", NO,
                               YES, 1, 3, true},
    [V2S_METRIC_M6_AUC_1FPS] = {"M6_auc_1fps", "M6", "", "AUC-Judd of the maps, each second", NO,
                                YES, 1, 3, true},
    [V2S_METRIC_M6_CC_5FPS] = {"M6_cc_5fps", "M6", "", "correlation of the maps, five a second", NO,
                               YES, 1, 3, true},
    [V2S_METRIC_M6_AUC_5FPS] = {"M6_auc_5fps", "M6", "", "AUC-Judd of the maps, five a second", NO,
                                YES, 1, 3, true},
    [V2S_METRIC_M6_CC_SN3D] = {"M6_cc_all_sn3d", "M6", "", "the same with SN3D's gains", NO, YES, 1,
                               3, true},
    [V2S_METRIC_M6_AUC_SN3D] = {"M6_auc_all_sn3d", "M6", "", "the same with SN3D's gains", NO, YES,
                                1, 3, true},
    [V2S_METRIC_M6_CC_1FPS_SN3D] = {"M6_cc_1fps_sn3d", "M6", "", "the same with SN3D's gains", NO,
                                    YES, 1, 3, true},
    [V2S_METRIC_M6_AUC_1FPS_SN3D] = {"M6_auc_1fps_sn3d", "M6", "", "the same with SN3D's gains", NO,
                                     YES, 1, 3, true},
    [V2S_METRIC_M6_CC_5FPS_SN3D] = {"M6_cc_5fps_sn3d", "M6", "", "the same with SN3D's gains", NO,
                                    YES, 1, 3, true},
    [V2S_METRIC_M6_AUC_5FPS_SN3D] = {"M6_auc_5fps_sn3d", "M6", "", "the same with SN3D's gains", NO,
                                     YES, 1, 3, true},

    [V2S_METRIC_M8] = {"M8", "M8", "deg", "angle of the directions, frames of 100 ms", NO, ASKED, 1,
                       2, false},
    [V2S_METRIC_M9_AZIMUTH] = {"M9_azimuth_rad", "M9", "rad", "azimuth of the active intensity", NO,
                               YES, 1, 3, false},
    [V2S_METRIC_M9_ELEVATION] = {"M9_elevation_rad", "M9", "rad",
                                 "elevation of the active intensity", NO, YES, 1, 3, false},
    [V2S_METRIC_M9_ANGLE] = {"M9_angle_rad", "M9", "rad", "angle between the active intensities",
                             NO, YES, 1, 3, false},

    [V2S_METRIC_M10_STFT_Y] = {"M10_stft_y", "M10", "", "STFT distance of Y, times 100", NO, ASKED,
                               1, 4, false},
    [V2S_METRIC_M10_STFT_Z] = {"M10_stft_z", "M10", "", "STFT distance of Z, times 100", NO, ASKED,
                               1, 4, false},
    [V2S_METRIC_M10_STFT_X] = {"M10_stft_x", "M10", "", "STFT distance of X, times 100", NO, ASKED,
                               1, 4, false},
    [V2S_METRIC_M10_ENV_Y] = {"M10_env_y", "M10", "", "envelope distance of Y", NO, ASKED, 1, 4,
                              false},
    [V2S_METRIC_M10_ENV_Z] = {"M10_env_z", "M10", "", "envelope distance of Z", NO, ASKED, 1, 4,
                              false},
    [V2S_METRIC_M10_ENV_X] = {"M10_env_x", "M10", "", "envelope distance of X", NO, ASKED, 1, 4,
                              false},
    [V2S_METRIC_M10_LSD] = {"M10_lsd_db", "M10", "dB", "log-mel-spectral distance, mean of Y, Z, X",
                            NO, ASKED, 1, 2, false},
    [V2S_METRIC_M10_MSE] = {"M10_mse", "M10", "", "squared error times 5000, mean of Y, Z, X", NO,
                            ASKED, 1, 4, false},
    [V2S_METRIC_M10_SNR] = {"M10_snr_db", "M10", "dB", "signal to error, mean of Y, Z, X", NO,
                            ASKED, 1, 2, true},
    [V2S_METRIC_M10_EMD] = {"M10_emd", "M10", "rad", "earth mover's distance of the energy maps",
                            NO, ASKED, 1, 4, false},
    [V2S_METRIC_M10_EMD_NORM] = {"M10_emd_norm", "M10", "rad",
                                 "the same of maps that add up to one", NO, ASKED, 1, 4, false},

    [V2S_METRIC_M12_SI_SDR] = {"M12_si_sdr_db", "M12", "dB",
                               "scale-invariant signal to distortion, mean of channels", YES, YES,
                               1, 2, true},
    [V2S_METRIC_M12_ILD] = {"M12_ild_db", "M12", "dB", "level difference of the two channels", YES,
                            NO, 1, 2, false},
};

v2s_metric_set v2s_metrics_spatial(void) {
    return V2S_METRICS_BETWEEN(V2S_METRIC_DIFFUSENESS, V2S_METRIC_ITD);
}

v2s_metric_set v2s_metrics_of(int channels, v2s_metric_use least) {
    v2s_metric_set set = 0;
    for (int i = 0; i < V2S_METRIC_COUNT; i++)
        if ((channels == 2 ? v2s_metrics[i].two : v2s_metrics[i].four) >= least)
            set |= V2S_METRIC_BIT(i);
    return set;
}

v2s_metric_set v2s_metrics_ears(void) {
    return V2S_METRICS_BETWEEN(V2S_METRIC_IACC, V2S_METRIC_M5_ENV);
}

bool v2s_metrics_need_head(v2s_metric_set set) {
    return (set & v2s_metrics_ears()) != 0;
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
        return V2S_METRICS_BETWEEN(0, V2S_METRIC_COUNT - 1);
    if (strcasecmp(word, "spatial") == 0)
        return v2s_metrics_spatial();
    for (int i = 0; i < V2S_METRIC_COUNT; i++)
        if (strcasecmp(word, v2s_metrics[i].name) == 0)
            return V2S_METRIC_BIT(i);
    for (int i = 0; i < V2S_METRIC_COUNT; i++)
        if (strcasecmp(word, v2s_metrics[i].formula) == 0)
            set |= V2S_METRIC_BIT(i);
    return set;
}

// "all, spatial", then each formula once: a name of its own is one, too.
static void known_words(char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "all, spatial");
    for (int i = 0; i < V2S_METRIC_COUNT; i++) {
        bool seen = false;
        for (int k = 0; k < i && !seen; k++)
            seen = strcmp(v2s_metrics[k].formula, v2s_metrics[i].formula) == 0;
        if (!seen && used < size)
            used += (size_t)snprintf(text + used, size - used, ", %s", v2s_metrics[i].formula);
    }
}

v2s_status v2s_metrics_parse(const char *list, v2s_metric_set *set) {
    char *copy = strdup(list), *rest = copy, *word;
    v2s_metric_set found = 0;
    v2s_status status = copy != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
    while (status == V2S_OK && (word = strsep(&rest, ",")) != NULL) {
        v2s_metric_set one = named(word);
        char words[256];
        known_words(words, sizeof words);
        if (one == 0)
            status = V2S_FAIL(V2S_USAGE,
                              "--metrics: '%.40s' is none of %s, nor the name of one metric "
                              "(M1_stft, level, ...)",
                              word, words);
        found |= one;
    }
    free(copy);
    if (status == V2S_OK)
        *set = found;
    return status;
}
