// SPDX-License-Identifier: MIT
#include "train/prepare_channels.h"

#include <math.h>

static void add_numbers(cJSON *json, const v2s_seld_verdict *v) {
    const double numbers[] = {v->angle_deg, v->angle_wxyz_deg, v->ratio, v->spread};
    static const char *const keys[] = {"angle_median_deg", "angle_wxyz_median_deg",
                                       "dipoles_over_w", "spread"};
    cJSON_AddStringToObject(json, "layout", v2s_layout_name(v->layout));
    cJSON_AddStringToObject(json, "order", v->wyzx ? "wyzx" : v->wxyz ? "wxyz" : "uncertain");
    for (int i = 0; i < 4; i++)
        cJSON_AddItemToObject(json, keys[i],
                              isfinite(numbers[i]) ? cJSON_CreateNumber(numbers[i])
                                                   : cJSON_CreateNull());
}

static void show_verdict(v2s_run_log *log, const v2s_seld_verdict *v, size_t spans) {
    if (spans > 0)
        v2s_run_log_row(log, "order of channels",
                        "%s: intensity to label %.1f deg (median of %zu spans) as W Y Z X, %.1f "
                        "deg as W X Y Z",
                        v->wyzx   ? "W Y Z X"
                        : v->wxyz ? "W X Y Z"
                                  : "uncertain",
                        v->angle_deg, spans, v->angle_wxyz_deg);
    if (v->ratios > 0)
        v2s_run_log_row(log, "normalisation",
                        "%s: dipoles / W %.2f (spread %.0f %%, %zu spans); SN3D 1, FuMa 2, N3D 3",
                        v->layout == V2S_LAYOUT_UNCERTAIN ? "cannot be told"
                                                          : v2s_layout_name(v->layout),
                        v->ratio, 100 * v->spread, v->ratios);
    else if (spans > 0)
        v2s_run_log_row(log, "normalisation", "cannot be told: no wave is clear enough");
}

// Whether the labels speak against what the channels are taken for.
static bool contradicts(const v2s_seld_verdict *v, v2s_layout assumed) {
    bool wyzx = assumed == V2S_LAYOUT_AMBIX || assumed == V2S_LAYOUT_N3D;
    if (assumed == V2S_LAYOUT_UNCERTAIN)
        return false;
    return (wyzx ? v->wxyz : v->wyzx) ||
           (v->layout != V2S_LAYOUT_UNCERTAIN && v->layout != assumed);
}

void v2s_prepare_channels(v2s_prepare *p, v2s_seld_channels *channels,
                          const size_t guesses[V2S_LAYOUTS], v2s_layout assumed) {
    v2s_run_log *log = p->log;
    v2s_seld_verdict v = v2s_seld_channels_judge(channels);
    cJSON *json = cJSON_AddObjectToObject(log->json, "channels_test"), *alone;
    add_numbers(json, &v);
    show_verdict(log, &v, channels->count);
    alone = cJSON_AddObjectToObject(json, "by_signal_alone");
    for (int i = 0; i < V2S_LAYOUTS; i++)
        cJSON_AddNumberToObject(alone, v2s_layout_name((v2s_layout)i), (double)guesses[i]);
    v2s_run_log_row(log, "by signal alone",
                    "%zu ambix, %zu n3d, %zu fuma, %zu wxyz_sn3d, %zu uncertain",
                    guesses[V2S_LAYOUT_AMBIX], guesses[V2S_LAYOUT_N3D], guesses[V2S_LAYOUT_FUMA],
                    guesses[V2S_LAYOUT_WXYZ_SN3D], guesses[V2S_LAYOUT_UNCERTAIN]);
    if (contradicts(&v, assumed))
        v2s_run_log_warn(log,
                         "%s: labels and sounds speak for %s, not for %s, which the manifest says "
                         "(dipoles / W %.2f; intensity to label %.1f deg as W Y Z X, %.1f deg as "
                         "W X Y Z)",
                         p->root,
                         v.layout != V2S_LAYOUT_UNCERTAIN ? v2s_layout_name(v.layout)
                         : v.wxyz                         ? "the order W X Y Z"
                                                          : "the order W Y Z X",
                         v2s_layout_name(assumed), v.ratio, v.angle_deg, v.angle_wxyz_deg);
}
