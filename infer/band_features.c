// SPDX-License-Identifier: MIT
#include "infer/band_features.h"

#include <math.h>
#include <string.h>

enum { BANDS = V2S_BASIS_BANDS, NEIGHBOURS = 2 };

#define FLOOR 1e-6
#define RT60_S 0.5
#define SPEED_STEP_S 0.05

v2s_condition v2s_condition_of(const v2s_clip *clip, double distance_m) {
    v2s_condition c = {.drr_db = -20 * log10(distance_m)};
    for (int i = 0; i < V2S_CLIP_BANDS; i++)
        c.rt60_s[i] = clip == NULL || clip->rt60_count == 0 ? RT60_S
                      : clip->rt60_count == 1               ? clip->rt60_s[0]
                                                            : clip->rt60_s[i];
    if (clip != NULL && isfinite(clip->drr_db))
        c.drr_db = clip->drr_db;
    return c;
}

static void mean_energies(const float *energy, int frames, double mean[BANDS]) {
    for (int i = 0; i < BANDS; i++) {
        double sum = 0;
        for (int t = 0; t < frames; t++)
            sum += energy[(size_t)t * BANDS + i];
        mean[i] = sum / frames;
    }
}

static void level_features(int used, const float *energy, const double mean[BANDS], int frames,
                           int inputs, float *x) {
    for (int i = 0; i < BANDS; i++) {
        double scale = mean[i] > 0 ? 1 / mean[i] : 0;
        bool silent = i >= used || mean[i] <= 0;
        for (int t = 0; t < frames; t++)
            x[(size_t)t * inputs + i] =
                silent ? 0 : (float)log10(energy[(size_t)t * BANDS + i] * scale + FLOOR);
    }
}

// log10 of each band's mean over that of its neighbours; 0 where one of them has nothing.
static void contrast_features(int used, const double mean[BANDS], int frames, int inputs,
                              float *x) {
    float contrast[BANDS] = {0};
    for (int i = 0; i < used; i++) {
        double sum = 0;
        int count = 0;
        bool known = mean[i] > 0;
        for (int j = i - NEIGHBOURS; j <= i + NEIGHBOURS; j++) {
            if (j < 0 || j >= used || j == i)
                continue;
            known = known && mean[j] > 0;
            sum += known ? log10(mean[j]) : 0;
            count++;
        }
        if (known && count > 0)
            contrast[i] = (float)fmin(fmax(log10(mean[i]) - sum / count, -3), 3);
    }
    for (int t = 0; t < frames; t++)
        memcpy(x + (size_t)t * inputs, contrast, sizeof contrast);
}

static double angle_between(v2s_vec3 a, v2s_vec3 b) {
    double dot = a.x * b.x + a.y * b.y + a.z * b.z;
    return acos(fmin(fmax(dot, -1), 1));
}

static void path_features(const v2s_point *now, const v2s_point *before, float *x) {
    x[0] = (float)now->unit.z;
    x[1] = (float)tanh(angle_between(now->unit, before->unit) / SPEED_STEP_S);
}

static void room_features(const v2s_point *now, const v2s_condition *condition, float *x) {
    x[0] = (float)log2(fmax(now->distance_m, 0.1));
    for (int i = 0; i < V2S_CLIP_BANDS; i++)
        x[1 + i] = (float)log2(fmin(fmax(condition->rt60_s[i], 0.02), 20) / RT60_S);
    x[1 + V2S_CLIP_BANDS] = (float)(fmin(fmax(condition->drr_db, -30), 30) / 10);
}

void v2s_band_features(const v2s_band_clock *clock, const float *energy, int frames,
                       const v2s_trajectory *path, const v2s_condition *condition, float *x) {
    int inputs = condition != NULL ? V2S_BAND_INPUTS_DRY : V2S_BAND_INPUTS_OMNI;
    double mean[BANDS];
    mean_energies(energy, frames, mean);
    level_features(clock->used, energy, mean, frames, inputs, x);
    if (condition == NULL)
        contrast_features(clock->used, mean, frames, inputs, x + BANDS + 2);
    size_t cursor = 0, cursor_before = 0;
    for (int t = 0; t < frames; t++) {
        double time_s = clock->first_s + t * clock->hop_s;
        v2s_point now = v2s_trajectory_at(path, time_s, &cursor);
        v2s_point before = v2s_trajectory_at(path, time_s - SPEED_STEP_S, &cursor_before);
        float *row = x + (size_t)t * inputs + BANDS;
        path_features(&now, &before, row);
        if (condition != NULL)
            room_features(&now, condition, row + 2);
    }
}

void v2s_band_features_neutral(int frames, bool dry, float *x) {
    size_t inputs = dry ? V2S_BAND_INPUTS_DRY : V2S_BAND_INPUTS_OMNI;
    size_t told = dry ? V2S_BAND_INPUTS_DRY - BANDS : 2;
    for (size_t t = 0; t < (size_t)frames; t++)
        memset(x + t * inputs + BANDS, 0, told * sizeof *x);
}
