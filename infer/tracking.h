// SPDX-License-Identifier: MIT
// From a video and boxes to trajectories: decode, track every object (or read its boxes), turn
// boxes into positions, smooth.
#ifndef V2S_INFER_TRACKING_H
#define V2S_INFER_TRACKING_H

#include <stdint.h>

#include "data/video.h"
#include "infer/film_strip.h"
#include "infer/run_log.h"
#include "infer/scene.h"
#include "infer/settings.h"
#include "spatial/tracker.h"
#include "spatial/trajectory.h"

typedef struct v2s_tracked_object {
    size_t first;      // index of the picture of its first box
    v2s_track *tracks; // [pictures - first]
    size_t count, capacity;
} v2s_tracked_object;

typedef struct v2s_tracking {
    v2s_video_info info;
    double fov_deg; // horizontal
    const char *fov_source;
    size_t pictures, picture_capacity;
    double *times_s;                 // [pictures]
    size_t object_count;             // as in the scene
    v2s_tracked_object *objects;     // [object_count]
    v2s_trajectory_set trajectories; // one per object, quantised as the CSV file is
    v2s_film_strip strip;            // filled when asked for
} v2s_tracking;

// Runs over the whole video. `scene` gains the objects of --boxes-in. `video` is open and unread.
// Writes --overlay and --boxes. Errors name the object and its box.
V2S_MUST_USE v2s_status v2s_tracking_run(const v2s_settings *settings, v2s_video *video,
                                         v2s_scene *scene, bool want_strip, v2s_run_log *log,
                                         v2s_tracking *tracking);

// Summary rows and JSON keys: frames, tracked, held, redetected, confidence_mean, fov, ranges.
void v2s_tracking_report(const v2s_tracking *tracking, v2s_run_log *log);

// Rows and keys for the ranges of a set (a tracked or a given one).
void v2s_ranges_report(const v2s_trajectory_set *set, v2s_run_log *log);

// Writes a set as CSV under `path`.
V2S_MUST_USE v2s_status v2s_trajectories_save(const char *path, const v2s_trajectory_set *set);

void v2s_tracking_free(v2s_tracking *tracking);

#endif
