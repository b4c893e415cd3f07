// SPDX-License-Identifier: MIT
#include "infer/pair_detail.h"

#include <math.h>

#include "spatial/foa_stats.h"

static void add_number(cJSON *o, const char *key, double value) {
    if (isfinite(value))
        cJSON_AddNumberToObject(o, key, value);
    else
        cJSON_AddNullToObject(o, key);
}

static void add_direction(cJSON *o, const char *key, v2s_vec3 intensity) {
    if (!(v2s_norm(intensity) > 0)) {
        cJSON_AddNullToObject(o, key);
        return;
    }
    cJSON *d = cJSON_AddObjectToObject(o, key);
    add_number(d, "azimuth_deg", v2s_deg(v2s_azimuth_rad(intensity)));
    add_number(d, "elevation_deg", v2s_deg(v2s_elevation_rad(intensity)));
}

static cJSON *add_object(cJSON *array) {
    cJSON *o = cJSON_CreateObject();
    cJSON_AddItemToArray(array, o);
    return o;
}

static void add_band(cJSON *array, const v2s_foa_band *b) {
    cJSON *o = add_object(array);
    add_number(o, "centre_hz", b->centre_hz);
    add_number(o, "share", b->share);
    add_number(o, "diffuseness_truth", b->diffuseness_truth);
    add_number(o, "diffuseness_prediction", b->diffuseness_prediction);
    add_number(o, "level_db", b->level_db);
    add_number(o, "direction_deg", b->direction_deg);
}

static void add_block(cJSON *array, const v2s_foa_block *b) {
    bool both = v2s_norm(b->truth) > 0 && v2s_norm(b->prediction) > 0;
    cJSON *o = add_object(array);
    add_number(o, "time_s", b->time_s);
    add_number(o, "level_db", b->level_db);
    add_direction(o, "truth", b->truth);
    add_direction(o, "prediction", b->prediction);
    add_number(o, "angle_deg",
               both ? v2s_deg(v2s_angle_between_rad(b->truth, b->prediction)) : NAN);
}

v2s_status v2s_pair_detail(double rate_hz, size_t frames, const float *truth,
                           const float *prediction, v2s_run_log *log) {
    v2s_foa_stats *stats = NULL;
    v2s_foa_detail detail = {.block_count = 0};
    cJSON *bands = cJSON_AddArrayToObject(log->json, "bands");
    cJSON *blocks = cJSON_AddArrayToObject(log->json, "frames");
    V2S_TRY(v2s_foa_stats_open(rate_hz, &stats));
    v2s_status status = v2s_foa_stats_detail(stats, frames, truth, prediction, &detail);
    v2s_foa_stats_close(&stats);
    if (status == V2S_FORMAT) // the scores have been told to be undefined
        return V2S_OK;
    V2S_TRY(status);
    for (int i = 0; i < V2S_ERB_BANDS; i++)
        add_band(bands, &detail.bands[i]);
    for (size_t i = 0; i < detail.block_count; i++)
        add_block(blocks, &detail.blocks[i]);
    v2s_foa_detail_free(&detail);
    return V2S_OK;
}
