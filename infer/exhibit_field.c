// SPDX-License-Identifier: MIT
// Energy maps and directions of an exhibit.
#include <math.h>
#include <stdlib.h>

#include "infer/exhibit_internal.h"
#include "spatial/energy_map.h"

enum {
    C = V2S_FOA_CHANNELS,
    MAP_WIDTH = 120,
    MAP_HEIGHT = 60,
    GRID = V2S_ENERGY_MAP_ROWS * V2S_ENERGY_MAP_COLS
};

static const double window_s = 0.2, step_s = 0.05, silence = 1e-4; // -40 dB

static v2s_status make_maps(const float *foa, size_t frames, const v2s_map_ramp *ramp, float *grid,
                            int count, v2s_exhibit_voice *voice) {
    for (int i = 0; i < count; i++) {
        size_t from = frames * (size_t)i / (size_t)count;
        size_t to = frames * (size_t)(i + 1) / (size_t)count;
        double covariance[C * C] = {0};
        v2s_covariance_add(C, foa + from * C, to - from, covariance);
        v2s_energy_map(C, covariance, grid);
        voice->peaks[i] = v2s_map_find_peak(grid);
        V2S_TRY(v2s_map_picture(ramp, grid, voice->peaks[i].amplitude, MAP_WIDTH, MAP_HEIGHT,
                                &voice->maps[i].bytes, &voice->maps[i].size));
    }
    return V2S_OK;
}

static void find_directions(const float *foa, size_t frames, double rate_hz, size_t count,
                            double *energy, v2s_exhibit_voice *voice) {
    double loudest = 0;
    for (size_t i = 0; i < count; i++) {
        size_t from = (size_t)((double)i * step_s * rate_hz);
        size_t to = (size_t)((double)from + window_s * rate_hz);
        double w = 0, x = 0, y = 0, z = 0;
        for (size_t k = from; k < to && k < frames; k++) {
            const double s = foa[k * C];
            w += s * s;
            y += s * foa[k * C + 1];
            z += s * foa[k * C + 2];
            x += s * foa[k * C + 3];
        }
        energy[i] = x != 0 || y != 0 || z != 0 ? w : 0;
        loudest = fmax(loudest, w);
        voice->azimuth_deg[i] = v2s_deg(atan2(y, x));
        voice->elevation_deg[i] = v2s_deg(atan2(z, hypot(x, y)));
    }
    for (size_t i = 0; i < count; i++)
        if (!(energy[i] > silence * loudest))
            voice->azimuth_deg[i] = voice->elevation_deg[i] = NAN;
}

static void follow_path(const v2s_trajectory *path, v2s_exhibit *e) {
    size_t cursor = 0;
    for (size_t i = 0; i < e->direction_count; i++) {
        v2s_vec3 u = v2s_trajectory_at(path, e->direction_s[i], &cursor).unit;
        e->path_azimuth_deg[i] = v2s_deg(v2s_azimuth_rad(u));
        e->path_elevation_deg[i] = v2s_deg(v2s_elevation_rad(u));
    }
}

static v2s_status open_directions(const v2s_exhibit_source *s, v2s_exhibit *e) {
    double windows = floor((e->length_s - window_s) / step_s) + 1;
    e->direction_count = windows > 1 ? (size_t)windows : 1;
    size_t room = e->direction_count;
    e->direction_s = calloc(room, sizeof *e->direction_s);
    e->path_azimuth_deg = calloc(room, sizeof *e->path_azimuth_deg);
    e->path_elevation_deg = calloc(room, sizeof *e->path_elevation_deg);
    bool ok = e->direction_s && e->path_azimuth_deg && e->path_elevation_deg;
    for (int i = 0; i < s->count; i++) {
        e->voices[i].azimuth_deg = calloc(room, sizeof(double));
        e->voices[i].elevation_deg = calloc(room, sizeof(double));
        ok = ok && e->voices[i].azimuth_deg && e->voices[i].elevation_deg;
    }
    if (!ok)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < room; i++)
        e->direction_s[i] = (double)i * step_s + fmin(window_s, e->length_s) / 2;
    e->has_path = s->path != NULL && s->path->count > 0;
    if (e->has_path)
        follow_path(s->path, e);
    return V2S_OK;
}

v2s_status v2s_exhibit_field(const v2s_exhibit_source *s, size_t frames, v2s_exhibit *e) {
    V2S_TRY(open_directions(s, e));
    v2s_map_ramp ramp = v2s_map_ramp_make();
    float *grid = malloc(GRID * sizeof *grid);
    double *energy = malloc(e->direction_count * sizeof *energy);
    v2s_status status =
        grid != NULL && energy != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
    e->map_count = V2S_EXHIBIT_MAPS;
    e->map_s = e->length_s / V2S_EXHIBIT_MAPS;
    for (int i = 0; status == V2S_OK && i < s->count; i++) {
        find_directions(s->sounds[i], frames, s->rate_hz, e->direction_count, energy,
                        &e->voices[i]);
        status = make_maps(s->sounds[i], frames, &ramp, grid, e->map_count, &e->voices[i]);
    }
    free(grid);
    free(energy);
    return status;
}
