// SPDX-License-Identifier: MIT
#include "infer/tracking_path.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/trajectory_csv.h"
#include "spatial/box_distance.h"
#include "spatial/smoother.h"

static v2s_status observe(const v2s_tracking *t, const v2s_tracked_object *o, double distance_m,
                          v2s_observation *observations) {
    v2s_camera camera = v2s_camera_from_fov(t->info.width, t->info.height, v2s_rad(t->fov_deg),
                                            t->info.sample_aspect);
    v2s_box_distance scale;
    V2S_TRY(v2s_box_distance_init(&scale, camera, o->tracks[0].box, distance_m));
    for (size_t i = 0; i < o->count; i++)
        observations[i] = (v2s_observation){
            t->times_s[o->first + i], v2s_box_distance_position(&scale, o->tracks[i].box),
            o->tracks[i].confidence, o->tracks[i].state != V2S_HELD};
    return V2S_OK;
}

// The observations as they are (--smooth off); while held the box stands still.
static v2s_status copy_path(const v2s_observation *observations, size_t count,
                            v2s_trajectory *path) {
    v2s_point *points = malloc(count * sizeof *points);
    if (points == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        v2s_vec3 p = observations[i].position_m;
        double d = v2s_norm(p);
        points[i] = (v2s_point){
            observations[i].time_s, {p.x / d, p.y / d, p.z / d}, d, observations[i].confidence};
    }
    path->points = points;
    path->count = count;
    return V2S_OK;
}

static v2s_status make_path(const v2s_settings *settings, const v2s_tracking *t,
                            const v2s_tracked_object *o, const v2s_scene_object *object,
                            v2s_trajectory *path) {
    v2s_observation *observations = malloc(o->count * sizeof *observations);
    if (observations == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = observe(t, o, object->distance_m, observations);
    if (status == V2S_OK && settings->smooth == V2S_SWITCH_ON) {
        v2s_smoother_config config = v2s_smoother_default();
        status = v2s_smooth(observations, o->count, &config, path);
    } else if (status == V2S_OK) {
        status = copy_path(observations, o->count, path);
    }
    free(observations);
    if (status != V2S_OK)
        return v2s_error_prefix(status, "object %s", object->name);
    snprintf(path->name, sizeof path->name, "%s", object->name);
    v2s_trajectory_quantise(path);
    return V2S_OK;
}

v2s_status v2s_tracking_paths(const v2s_settings *settings, const v2s_scene *scene,
                              v2s_tracking *tracking) {
    v2s_trajectory_set *set = &tracking->trajectories;
    set->items = calloc(tracking->object_count, sizeof *set->items);
    if (set->items == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    set->count = tracking->object_count;
    for (size_t i = 0; i < set->count; i++)
        V2S_TRY(make_path(settings, tracking, &tracking->objects[i], &scene->objects[i],
                          &set->items[i]));
    return V2S_OK;
}

// ---- what the summary says about it -----------------------------------------------------------

void v2s_tracking_report(const v2s_tracking *t, v2s_run_log *log) {
    size_t states[3] = {0}, total = 0;
    double confidence = 0;
    for (size_t i = 0; i < t->object_count; i++)
        for (size_t j = 0; j < t->objects[i].count; j++, total++) {
            states[t->objects[i].tracks[j].state]++;
            confidence += t->objects[i].tracks[j].confidence;
        }
    double percent = 100.0 / (double)total;
    confidence /= (double)total;
    v2s_run_log_row(log, "video", "%d x %d, %zu frames, %.2f s", t->info.width, t->info.height,
                    t->pictures, t->times_s[t->pictures - 1] - t->times_s[0]);
    v2s_run_log_row(log, "tracked", "%.1f %% (held %.1f %%, re-detected %.1f %%), %zu object%s",
                    percent * (double)states[V2S_TRACKED], percent * (double)states[V2S_HELD],
                    percent * (double)states[V2S_REDETECTED], t->object_count,
                    t->object_count == 1 ? "" : "s");
    v2s_run_log_row(log, "confidence", "%.2f mean", confidence);
    v2s_run_log_row(log, "field of view", "%.2f deg horizontal (%s)", t->fov_deg, t->fov_source);
    v2s_run_log_number(log, "frames", (double)t->pictures);
    v2s_run_log_number(log, "tracked", (double)states[V2S_TRACKED]);
    v2s_run_log_number(log, "held", (double)states[V2S_HELD]);
    v2s_run_log_number(log, "redetected", (double)states[V2S_REDETECTED]);
    v2s_run_log_number(log, "confidence_mean", confidence);
    v2s_run_log_number(log, "fov_deg", t->fov_deg);
    v2s_run_log_text(log, "fov_source", t->fov_source);
    if (2 * states[V2S_HELD] > total)
        v2s_run_log_warn(log, "the object was lost in %.0f %% of the frames: check the overlay",
                         percent * (double)states[V2S_HELD]);
}

void v2s_ranges_report(const v2s_trajectory_set *set, v2s_run_log *log) {
    cJSON *objects = cJSON_AddArrayToObject(log->json, "objects");
    for (size_t i = 0; i < set->count; i++) {
        const v2s_trajectory *t = &set->items[i];
        v2s_trajectory_ranges r = v2s_trajectory_summary(t);
        char label[96];
        snprintf(label, sizeof label, set->count > 1 ? "path of %.60s" : "path", t->name);
        v2s_run_log_row(log, label,
                        "azimuth %.1f .. %.1f deg, elevation %.1f .. %.1f deg, distance %.2f .. "
                        "%.2f m",
                        r.azimuth_min_deg, r.azimuth_max_deg, r.elevation_min_deg,
                        r.elevation_max_deg, r.distance_min_m, r.distance_max_m);
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "name", t->name);
        cJSON_AddNumberToObject(object, "azimuth_min_deg", r.azimuth_min_deg);
        cJSON_AddNumberToObject(object, "azimuth_max_deg", r.azimuth_max_deg);
        cJSON_AddNumberToObject(object, "elevation_min_deg", r.elevation_min_deg);
        cJSON_AddNumberToObject(object, "elevation_max_deg", r.elevation_max_deg);
        cJSON_AddNumberToObject(object, "distance_min_m", r.distance_min_m);
        cJSON_AddNumberToObject(object, "distance_max_m", r.distance_max_m);
        cJSON_AddNumberToObject(object, "speed_max_m_s", r.speed_max_m_s);
        cJSON_AddItemToArray(objects, object);
    }
}

v2s_status v2s_trajectories_save(const char *path, const v2s_trajectory_set *set) {
    v2s_file_out *file = NULL;
    V2S_TRY(v2s_file_out_open(path, &file));
    v2s_status status = v2s_trajectory_csv_write(file, set);
    if (status == V2S_OK)
        status = v2s_file_out_commit(file);
    v2s_file_out_close(&file);
    return status;
}
