// SPDX-License-Identifier: MIT
#include "infer/tracking.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/mot.h"
#include "infer/frame_queue.h"
#include "infer/progress.h"
#include "infer/tracking_path.h"
#include "kernels/base/cancel.h"

static const double default_fov_deg = 60.0;

// What the loop over the pictures needs; every handle may be NULL.
typedef struct session {
    const v2s_settings *settings;
    v2s_scene *scene;
    v2s_tracking *tracking;
    v2s_tracker **trackers; // [scene->count]; NULL before the object's start
    v2s_mot_row *rows;      // of --boxes-in, sorted by (frame, id)
    size_t row_count, row;
    v2s_overlay *overlay;
    bool want_strip;
} session;

// ---- before the loop --------------------------------------------------------------------------

static void choose_fov(const v2s_settings *settings, v2s_tracking *tracking, v2s_run_log *log) {
    if (settings->fov_deg > 0) {
        tracking->fov_deg = settings->fov_deg;
        tracking->fov_source = "option --fov";
    } else if (tracking->info.fov_deg > 0) {
        tracking->fov_deg = tracking->info.fov_deg;
        tracking->fov_source = tracking->info.fov_source;
    } else {
        tracking->fov_deg = default_fov_deg;
        tracking->fov_source = "assumed";
        v2s_run_log_warn(log,
                         "no field of view in the metadata: %.0f deg assumed; a wrong one bends "
                         "every angle, so give --fov DEG if you know it",
                         default_fov_deg);
    }
}

// Every id of the file becomes an object of that name, unless --object has named it already.
static v2s_status read_boxes(session *s) {
    if (s->settings->boxes_in == NULL)
        return V2S_OK;
    V2S_TRY(v2s_mot_read(s->settings->boxes_in, &s->rows, &s->row_count));
    for (size_t i = 0; i < s->row_count; i++) {
        char name[24];
        snprintf(name, sizeof name, "%d", s->rows[i].id);
        size_t index = 0;
        if (v2s_scene_find(s->scene, name) == NULL)
            V2S_TRY(v2s_scene_add(s->scene, name, s->settings->distance_m, &index));
    }
    return V2S_OK;
}

static v2s_status begin(session *s, const char *path) {
    v2s_tracking *t = s->tracking;
    V2S_TRY(read_boxes(s));
    t->object_count = s->scene->count;
    t->objects = calloc(t->object_count, sizeof *t->objects);
    s->trackers = calloc(t->object_count, sizeof(v2s_tracker *));
    if (t->objects == NULL || s->trackers == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    if (s->settings->overlay == NULL)
        return V2S_OK;
    return v2s_overlay_open(s->settings->overlay, t->info.is_folder ? NULL : path, &t->info,
                            &s->overlay);
}

// ---- the loop ---------------------------------------------------------------------------------

static v2s_status append_track(v2s_tracking *t, size_t object, v2s_track track) {
    v2s_tracked_object *o = &t->objects[object];
    if (o->count == 0)
        o->first = t->pictures - 1;
    if (o->count == o->capacity) {
        size_t capacity = o->capacity > 0 ? 2 * o->capacity : 256;
        v2s_track *grown = realloc(o->tracks, capacity * sizeof *grown);
        if (grown == NULL)
            return V2S_FAIL(V2S_NOMEM, "out of memory");
        o->tracks = grown;
        o->capacity = capacity;
    }
    o->tracks[o->count++] = track;
    return V2S_OK;
}

static v2s_status append_time(v2s_tracking *t, double time_s) {
    if (t->pictures == t->picture_capacity) {
        size_t capacity = t->picture_capacity > 0 ? 2 * t->picture_capacity : 256;
        double *grown = realloc(t->times_s, capacity * sizeof *grown);
        if (grown == NULL)
            return V2S_FAIL(V2S_NOMEM, "out of memory");
        t->times_s = grown;
        t->picture_capacity = capacity;
    }
    t->times_s[t->pictures++] = time_s;
    return V2S_OK;
}

static v2s_status track_object(session *s, size_t index, const v2s_frame *frame) {
    const v2s_scene_object *object = &s->scene->objects[index];
    v2s_track track = {object->box, V2S_TRACKED, 1.0, 0.0};
    v2s_status status;
    if (s->trackers[index] != NULL) {
        status = v2s_tracker_update(s->trackers[index], &frame->picture, &track);
    } else {
        if (!object->has_box || frame->time_s < object->start_s - 1e-6)
            return V2S_OK;
        status = v2s_tracker_open(&frame->picture, object->box, &s->trackers[index]);
    }
    if (status != V2S_OK)
        return v2s_error_prefix(status, "%s: object %s", s->settings->inputs.items[0],
                                object->name);
    return append_track(s->tracking, index, track);
}

// The rows of this picture; an object without one is held, as when the tracker has lost it.
static v2s_status take_boxes(session *s) {
    v2s_tracking *t = s->tracking;
    int64_t number = (int64_t)t->pictures;
    size_t end = s->row;
    while (end < s->row_count && s->rows[end].frame <= number)
        end++;
    for (size_t i = 0; i < t->object_count; i++) {
        const v2s_mot_row *found = NULL;
        for (size_t r = s->row; r < end; r++) {
            char name[24];
            snprintf(name, sizeof name, "%d", s->rows[r].id);
            if (s->rows[r].frame == number && strcmp(name, s->scene->objects[i].name) == 0)
                found = &s->rows[r];
        }
        v2s_tracked_object *o = &t->objects[i];
        if (found != NULL)
            V2S_TRY(append_track(
                t, i,
                (v2s_track){found->box, V2S_TRACKED, fmin(fmax(found->confidence, 0), 1), 0}));
        else if (o->count > 0)
            V2S_TRY(append_track(t, i, (v2s_track){o->tracks[o->count - 1].box, V2S_HELD, 0, 0}));
    }
    s->row = end;
    return V2S_OK;
}

// Boxes of the current picture for the overlay and the film strip.
static v2s_status draw(session *s, const v2s_frame *frame) {
    if (s->overlay == NULL && !s->want_strip)
        return V2S_OK;
    enum { MAX_DRAWN = 64, LABEL_MAX = 40 };
    v2s_overlay_box boxes[MAX_DRAWN];
    char labels[MAX_DRAWN][LABEL_MAX];
    size_t count = 0;
    for (size_t i = 0; i < s->tracking->object_count && count < MAX_DRAWN; i++) {
        const v2s_tracked_object *o = &s->tracking->objects[i];
        if (o->count == 0)
            continue;
        const v2s_track *track = &o->tracks[o->count - 1];
        snprintf(labels[count], LABEL_MAX, "%.24s %.2f", s->scene->objects[i].name,
                 track->confidence);
        boxes[count] =
            (v2s_overlay_box){track->box, (int)i, track->state == V2S_HELD, labels[count]};
        count++;
    }
    if (s->overlay != NULL)
        V2S_TRY(v2s_overlay_write(s->overlay, &frame->picture, frame->time_s, boxes, count));
    if (!s->want_strip)
        return V2S_OK;
    return v2s_film_strip_add(&s->tracking->strip, &frame->picture, frame->time_s, boxes, count);
}

static v2s_status handle_picture(session *s, const v2s_frame *frame) {
    V2S_TRY(v2s_cancel_check());
    V2S_TRY(append_time(s->tracking, frame->time_s));
    if (s->rows != NULL) {
        V2S_TRY(take_boxes(s));
    } else {
        for (size_t i = 0; i < s->tracking->object_count; i++)
            V2S_TRY(track_object(s, i, frame));
    }
    return draw(s, frame);
}

static v2s_status run_pictures(session *s, v2s_video *video) {
    v2s_frame_queue *queue = NULL;
    V2S_TRY(v2s_frame_queue_open(video, &queue));
    v2s_progress progress = v2s_progress_begin(
        "tracking", "frames", (double)s->tracking->info.frames_estimate, s->settings->quiet);
    v2s_status status = V2S_OK;
    while (status == V2S_OK) {
        v2s_frame frame;
        status = v2s_frame_queue_next(queue, &frame);
        if (status != V2S_OK)
            break;
        status = handle_picture(s, &frame);
        v2s_video_unref(&frame.ref);
        v2s_progress_update(&progress, (double)s->tracking->pictures);
    }
    v2s_progress_end(&progress);
    v2s_frame_queue_close(&queue);
    return status == V2S_END ? V2S_OK : status;
}

// ---- after the loop ---------------------------------------------------------------------------

static v2s_status check_all_started(const session *s) {
    const v2s_tracking *t = s->tracking;
    for (size_t i = 0; i < t->object_count; i++)
        if (t->objects[i].count == 0)
            return V2S_FAIL(V2S_ARG,
                            "object %s: no box before the video ends (last picture at %.3f s)",
                            s->scene->objects[i].name, t->times_s[t->pictures - 1]);
    return V2S_OK;
}

static int mot_id(const v2s_scene *scene, size_t index) {
    int64_t id;
    bool numeric = v2s_parse_int(scene->objects[index].name, &id) && id >= 0 && id < 1 << 30;
    return numeric ? (int)id : (int)index + 1;
}

static v2s_status write_boxes(const session *s) {
    if (s->settings->boxes_out == NULL)
        return V2S_OK;
    v2s_file_out *file = NULL;
    V2S_TRY(v2s_file_out_open(s->settings->boxes_out, &file));
    v2s_status status = V2S_OK;
    for (size_t p = 0; p < s->tracking->pictures && status == V2S_OK; p++)
        for (size_t i = 0; i < s->tracking->object_count && status == V2S_OK; i++) {
            const v2s_tracked_object *o = &s->tracking->objects[i];
            if (p < o->first || p - o->first >= o->count)
                continue;
            const v2s_track *track = &o->tracks[p - o->first];
            v2s_mot_row row = {(int64_t)p + 1, mot_id(s->scene, i), track->box, track->confidence};
            status = v2s_mot_write(file, &row, 1);
        }
    if (status == V2S_OK)
        status = v2s_file_out_commit(file);
    v2s_file_out_close(&file);
    return status;
}

v2s_status v2s_tracking_run(const v2s_settings *settings, v2s_video *video, v2s_scene *scene,
                            bool want_strip, v2s_run_log *log, v2s_tracking *tracking) {
    *tracking = (v2s_tracking){.info = *v2s_video_info_of(video)};
    session s = {
        .settings = settings, .scene = scene, .tracking = tracking, .want_strip = want_strip};
    const char *path = settings->inputs.items[0];
    choose_fov(settings, tracking, log);
    if (tracking->info.fps_is_default)
        v2s_run_log_warn(log, "%s: a folder has no frame rate: 25 Hz assumed; give --fps HZ", path);
    v2s_status status;
    V2S_TRY_GOTO(status, begin(&s, path), done);
    V2S_TRY_GOTO(status, run_pictures(&s, video), done);
    if (v2s_video_warning(video) != NULL)
        v2s_run_log_warn(log, "%s", v2s_video_warning(video));
    V2S_TRY_GOTO(status, check_all_started(&s), done);
    V2S_TRY_GOTO(status, v2s_tracking_paths(settings, scene, tracking), done);
    V2S_TRY_GOTO(status, write_boxes(&s), done);
    if (s.overlay != NULL) {
        V2S_TRY_GOTO(status, v2s_overlay_commit(s.overlay), done);
        if (v2s_overlay_warning(s.overlay) != NULL)
            v2s_run_log_warn(log, "%s", v2s_overlay_warning(s.overlay));
    }
done:
    v2s_overlay_close(&s.overlay);
    for (size_t i = 0; s.trackers != NULL && i < tracking->object_count; i++)
        v2s_tracker_close(&s.trackers[i]);
    free(s.trackers);
    free(s.rows);
    if (status != V2S_OK)
        v2s_tracking_free(tracking);
    return status;
}

void v2s_tracking_free(v2s_tracking *tracking) {
    for (size_t i = 0; tracking->objects != NULL && i < tracking->object_count; i++)
        free(tracking->objects[i].tracks);
    free(tracking->objects);
    free(tracking->times_s);
    v2s_trajectory_set_free(&tracking->trajectories);
    v2s_film_strip_free(&tracking->strip);
    *tracking = (v2s_tracking){0};
}
