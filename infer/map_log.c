// SPDX-License-Identifier: MIT
#include "infer/map_log.h"

#include <stdlib.h>
#include <string.h>

#include "spatial/energy_map.h"

static const double first_stretch_s = 0.25;

v2s_status v2s_map_log_open(v2s_map_log *log, int channels, double rate_hz) {
    *log = (v2s_map_log){.channels = channels, .rate_hz = rate_hz};
    log->stretch_frames = (size_t)(first_stretch_s * rate_hz);
    log->covariance = calloc((size_t)V2S_MAP_LOG_STRETCHES * (size_t)(channels * channels),
                             sizeof *log->covariance);
    if (log->covariance == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    return V2S_OK;
}

static double *stretch(const v2s_map_log *log, size_t index) {
    return log->covariance + index * (size_t)(log->channels * log->channels);
}

static void merge_neighbours(v2s_map_log *log) {
    size_t n = (size_t)(log->channels * log->channels);
    for (size_t i = 0; i < V2S_MAP_LOG_STRETCHES / 2; i++) {
        double *a = stretch(log, 2 * i), *b = stretch(log, 2 * i + 1), *to = stretch(log, i);
        for (size_t k = 0; k < n; k++)
            to[k] = a[k] + b[k];
    }
    memset(stretch(log, V2S_MAP_LOG_STRETCHES / 2), 0,
           V2S_MAP_LOG_STRETCHES / 2 * n * sizeof(double));
    log->count = V2S_MAP_LOG_STRETCHES / 2;
    log->stretch_frames *= 2;
}

void v2s_map_log_add(v2s_map_log *log, const float *ambi, size_t frames) {
    while (frames > 0) {
        if (log->count == V2S_MAP_LOG_STRETCHES)
            merge_neighbours(log);
        size_t n = log->stretch_frames - log->filled;
        n = n < frames ? n : frames;
        v2s_covariance_add(log->channels, ambi, n, stretch(log, log->count));
        ambi += n * (size_t)log->channels;
        frames -= n;
        log->filled += n;
        if (log->filled == log->stretch_frames) {
            log->filled = 0;
            log->count++;
        }
    }
}

v2s_status v2s_map_log_maps(const v2s_map_log *log, v2s_report_map **maps, size_t *count) {
    enum { GRID = V2S_ENERGY_MAP_ROWS * V2S_ENERGY_MAP_COLS };
    v2s_report_map *made = malloc(V2S_MAP_LOG_SHOWN * (sizeof *made + GRID * sizeof(float)));
    if (made == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    float *grids = (float *)(void *)(made + V2S_MAP_LOG_SHOWN);
    size_t stretches = log->count + (log->filled > 0), shown = 0;
    size_t wanted = stretches < V2S_MAP_LOG_SHOWN ? stretches : V2S_MAP_LOG_SHOWN;
    double stretch_s = (double)log->stretch_frames / log->rate_hz;
    for (size_t i = 0; i < wanted; i++) {
        size_t index = (2 * i + 1) * stretches / (2 * wanted);
        const double *covariance = stretch(log, index);
        if (covariance[0] <= 0)
            continue;
        float *grid = grids + shown * GRID;
        v2s_energy_map(log->channels, covariance, grid);
        double length_s = index < log->count ? stretch_s : (double)log->filled / log->rate_hz;
        made[shown++] = (v2s_report_map){(double)index * stretch_s + length_s / 2, length_s, grid};
    }
    *maps = made;
    *count = shown;
    return V2S_OK;
}

void v2s_map_log_close(v2s_map_log *log) {
    free(log->covariance);
    *log = (v2s_map_log){0};
}
