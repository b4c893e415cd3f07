// SPDX-License-Identifier: MIT
// v2s-infer render: video + mono sound -> ambisonics.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/trajectory_csv.h"
#include "infer/commands.h"
#include "infer/preflight.h"
#include "infer/progress.h"
#include "infer/render.h"
#include "kernels/base/cancel.h"

enum { BLOCK_FRAMES = 8192 };

// ---- before any work --------------------------------------------------------------------------

static bool has_boxes(const v2s_settings *s, const v2s_scene *scene) {
    for (size_t i = 0; i < scene->count; i++)
        if (scene->objects[i].has_box)
            return true;
    return s->boxes_in != NULL;
}

static v2s_status check_paths(const v2s_settings *s, const v2s_scene *scene, const char *input) {
    if (s->trajectory != NULL) {
        if (has_boxes(s, scene))
            return V2S_FAIL(V2S_USAGE, "--trajectory and boxes contradict each other");
        if (s->overlay != NULL || s->boxes_out != NULL)
            return V2S_FAIL(V2S_USAGE, "--overlay and --boxes need tracking, not --trajectory");
        return V2S_OK;
    }
    if (input == NULL)
        return V2S_FAIL(V2S_USAGE, "no INPUT: a video file or a folder, or give --trajectory");
    if (!has_boxes(s, scene))
        return V2S_FAIL(V2S_USAGE,
                        "no object: give --box X,Y,W,H, --object, --boxes-in or --trajectory");
    if (s->boxes_in != NULL && s->boxes.count > 0)
        return V2S_FAIL(V2S_USAGE, "--box and --boxes-in contradict each other");
    for (size_t i = 0; i < scene->count && s->boxes_in == NULL; i++)
        if (!scene->objects[i].has_box)
            return V2S_FAIL(V2S_USAGE, "--object: object %s has no box", scene->objects[i].name);
    return V2S_OK;
}

static v2s_status check(const v2s_settings *s, const v2s_scene *scene, const char *input) {
    if (s->output == NULL)
        return V2S_FAIL(V2S_USAGE, "no output: give -o FILE");
    if (s->channel > 0 && s->mix)
        return V2S_FAIL(V2S_USAGE, "--channel and --mix contradict each other");
    if (input == NULL && s->sound == NULL && scene->count == 0)
        return V2S_FAIL(V2S_USAGE, "no sound: give --sound FILE or an INPUT with sound");
    if (input == NULL && s->loop)
        return V2S_FAIL(V2S_USAGE, "--loop needs an INPUT whose length it can fill");
    if (s->hrtf != NULL && s->binaural == NULL && s->report == NULL)
        return V2S_FAIL(V2S_USAGE, "--hrtf needs --binaural FILE or --report FILE");
    return check_paths(s, scene, input);
}

// ---- sounds -----------------------------------------------------------------------------------

const char *v2s_render_sound_path(const v2s_render *r, const char *object_name) {
    const v2s_scene_object *object = v2s_scene_find(&r->scene, object_name);
    if (object != NULL && object->sound != NULL)
        return object->sound;
    return r->settings->sound != NULL ? r->settings->sound : r->input;
}

// Every sound is opened before the (long) tracking, so that a fault in one shows at once. With
// --boxes-in the objects are not known yet: then the sounds that are named are opened.
static v2s_status probe_sounds(v2s_render *r) {
    v2s_mono_choice choice = {(int)r->settings->channel - 1, r->settings->mix};
    size_t count = r->given.count > 0 ? r->given.count : r->scene.count;
    for (size_t i = 0; i < count || i == 0; i++) {
        const char *name = r->given.count > 0 ? r->given.items[i].name
                           : count > 0        ? r->scene.objects[i].name
                                              : "";
        const char *path = v2s_render_sound_path(r, name);
        if (path == NULL)
            return V2S_FAIL(V2S_USAGE, "no sound for object %s: give --sound FILE", name);
        if (path == r->input && r->video != NULL && v2s_video_info_of(r->video)->is_folder)
            return V2S_FAIL(V2S_ARG, "%s: a folder of images has no sound; give --sound FILE",
                            path);
        v2s_source *source = NULL;
        V2S_TRY(v2s_source_open(path, choice, &source));
        if (i == 0)
            r->rate_hz =
                r->settings->rate_hz > 0 ? r->settings->rate_hz : v2s_source_info(source)->rate_hz;
        v2s_source_close(&source);
    }
    return V2S_OK;
}

static double video_end_s(const v2s_render *r) {
    size_t n = r->tracking.pictures;
    if (n == 0)
        return 0;
    double last_s = r->tracking.times_s[n - 1];
    double step_s = n > 1 ? (last_s - r->tracking.times_s[0]) / (double)(n - 1) : 0.04;
    return last_s + step_s;
}

static v2s_status open_sources(v2s_render *r) {
    v2s_mono_choice choice = {(int)r->settings->channel - 1, r->settings->mix};
    double loop_until_s = 0;
    if (r->settings->loop) {
        loop_until_s = video_end_s(r);
        if (loop_until_s <= 0)
            return V2S_FAIL(V2S_USAGE, "--loop needs a tracked video, not --trajectory");
    }
    r->sources = calloc(r->paths->count, sizeof(v2s_source *));
    if (r->sources == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < r->paths->count; i++) {
        const char *path = v2s_render_sound_path(r, r->paths->items[i].name);
        V2S_TRY(v2s_source_open(path, choice, &r->sources[i]));
        V2S_TRY(v2s_source_start(r->sources[i], r->rate_hz, loop_until_s));
        for (size_t j = 0; j < i; j++)
            if (strcmp(path, v2s_render_sound_path(r, r->paths->items[j].name)) == 0)
                v2s_run_log_warn(&r->log, "objects %s and %s share the sound %s",
                                 r->paths->items[j].name, r->paths->items[i].name, path);
    }
    return V2S_OK;
}

// ---- preparation ------------------------------------------------------------------------------

static v2s_status start_head(v2s_render *r) {
    const v2s_settings *s = r->settings;
    if (s->binaural == NULL && s->report == NULL)
        return V2S_OK;
    if (s->binaural == NULL) {
        const char *folder = getenv("TMPDIR");
        if (asprintf(&r->temp_binaural, "%s/v2s-preview-%ld.wav", folder ? folder : "/tmp",
                     (long)getpid()) < 0) {
            r->temp_binaural = NULL;
            return V2S_FAIL(V2S_NOMEM, "out of memory");
        }
    }
    return v2s_binaural_job_start(s->hrtf, (int)s->order, r->rate_hz,
                                  (v2s_binaural_method)s->binaural_method, &r->head);
}

// An --object that the trajectory does not know would be a sound that nobody hears.
static v2s_status check_given_names(const v2s_render *r) {
    for (size_t i = 0; i < r->scene.count; i++) {
        bool found = false;
        for (size_t j = 0; j < r->given.count; j++)
            found = found || strcmp(r->scene.objects[i].name, r->given.items[j].name) == 0;
        if (!found)
            return V2S_FAIL(V2S_ARG, "%s: no object is named '%s', as --object says",
                            r->settings->trajectory, r->scene.objects[i].name);
    }
    return V2S_OK;
}

static v2s_status open_inputs(v2s_render *r) {
    const v2s_settings *s = r->settings;
    if (s->trajectory != NULL) {
        V2S_TRY(v2s_trajectory_csv_read(s->trajectory, &r->given));
        V2S_TRY(check_given_names(r));
    } else {
        v2s_video_options options = {s->fps_hz, (int)s->threads};
        V2S_TRY(v2s_video_open(r->input, &options, &r->video));
    }
    return probe_sounds(r);
}

static v2s_status make_paths(v2s_render *r) {
    if (r->settings->trajectory != NULL) {
        r->paths = &r->given;
        return V2S_OK;
    }
    V2S_TRY(v2s_tracking_run(r->settings, r->video, &r->scene, r->settings->report != NULL, &r->log,
                             &r->tracking));
    r->paths = &r->tracking.trajectories;
    v2s_tracking_report(&r->tracking, &r->log);
    return V2S_OK;
}

// Longest of the sounds; where a compressed file does not say, the video's length stands in, since
// only the choice between WAV and RF64 depends on it.
static int64_t expected_frames(const v2s_render *r) {
    int64_t longest = 0;
    for (size_t i = 0; i < r->paths->count; i++) {
        int64_t frames = v2s_source_frames(r->sources[i]);
        if (frames < 0 && r->tracking.info.duration_s > 0)
            frames = (int64_t)(r->tracking.info.duration_s * r->rate_hz);
        if (frames < 0)
            return -1;
        longest = frames > longest ? frames : longest;
    }
    return longest;
}

// ---- the render -------------------------------------------------------------------------------

static v2s_status pump(v2s_render *r, v2s_mixer *mixer, float *ambi) {
    v2s_progress progress =
        v2s_progress_begin("rendering", "samples", (double)expected_frames(r), r->settings->quiet);
    v2s_status status = V2S_OK;
    size_t got = BLOCK_FRAMES;
    double done = 0;
    while (status == V2S_OK && got == BLOCK_FRAMES) {
        V2S_TRY(v2s_cancel_check());
        V2S_TRY(v2s_mixer_read(mixer, ambi, BLOCK_FRAMES, &got));
        if (r->refiner != NULL)
            status = v2s_refiner_stage_push(r->refiner, ambi, got, r->outputs);
        else
            status = v2s_outputs_write(r->outputs, ambi, got);
        done += (double)got;
        v2s_progress_update(&progress, done);
    }
    if (status == V2S_OK && r->refiner != NULL)
        status = v2s_refiner_stage_finish(r->refiner, r->outputs);
    v2s_progress_end(&progress);
    return status;
}

// Sounds, paths and rooms of all objects for the mixer, which closes the rooms.
static v2s_status make_inputs(v2s_render *r, v2s_mixer_input *inputs) {
    const v2s_settings *s = r->settings;
    for (size_t i = 0; i < r->paths->count; i++) {
        inputs[i].source = r->sources[i];
        inputs[i].trajectory = &r->paths->items[i];
        if (r->refiner != NULL)
            v2s_refiner_stage_tap(r->refiner, i, &inputs[i]);
        if (v2s_room_setup_is_used(&r->room))
            V2S_TRY(v2s_room_setup_renderer(&r->room, r->rate_hz, inputs[i].trajectory, s->doppler,
                                            s->min_distance_m, &inputs[i].room));
    }
    v2s_room_setup_check_paths(&r->room, r->paths, &r->log);
    return V2S_OK;
}

static v2s_status open_mixer(v2s_render *r, v2s_mixer **mixer) {
    const v2s_settings *s = r->settings;
    v2s_encoder_config encoder = {.order = (int)s->order,
                                  .rate_hz = r->rate_hz,
                                  .min_distance_m = s->min_distance_m,
                                  .doppler = s->doppler,
                                  .air = s->air,
                                  .air_conditions = v2s_air_default()};
    v2s_mixer_input *inputs = calloc(r->paths->count, sizeof *inputs);
    if (inputs == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = make_inputs(r, inputs);
    if (status == V2S_OK)
        status = v2s_mixer_open(inputs, r->paths->count, &encoder, mixer);
    else
        for (size_t i = 0; i < r->paths->count; i++)
            v2s_room_renderer_close(&inputs[i].room);
    free(inputs);
    return status;
}

static void report_room(v2s_render *r, const v2s_mixer *mixer) {
    v2s_room_setup_report(&r->room, &r->log);
    r->room_tail_s = (double)v2s_mixer_extra_frames(mixer) / r->rate_hz;
    if (v2s_room_setup_is_used(&r->room)) {
        v2s_run_log_row(&r->log, "room's end", "the output is %.2f s longer than the sound",
                        r->room_tail_s);
        v2s_run_log_number(&r->log, "room_tail_s", r->room_tail_s);
    }
}

static v2s_status render_sound(v2s_render *r) {
    const v2s_settings *s = r->settings;
    int channels = v2s_channels_of_order((int)s->order);
    v2s_outputs_config outputs = {.settings = s,
                                  .binaural_path = s->binaural ? s->binaural : r->temp_binaural,
                                  .rate_hz = r->rate_hz,
                                  .channels = channels,
                                  .frames_expected = expected_frames(r)};
    float *ambi = malloc(BLOCK_FRAMES * (size_t)channels * sizeof *ambi);
    v2s_mixer *mixer = NULL;
    const char *title = NULL;
    v2s_status status = V2S_OK;
    if (ambi == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    if (r->head != NULL)
        V2S_TRY_GOTO(status, v2s_binaural_job_wait(r->head, &outputs.binaural, &title), done);
    V2S_TRY_GOTO(status, open_mixer(r, &mixer), done);
    if (outputs.frames_expected >= 0)
        outputs.frames_expected += (int64_t)v2s_mixer_longest_extra_frames(mixer);
    V2S_TRY_GOTO(status, v2s_outputs_open(&outputs, &r->outputs), done);
    V2S_TRY_GOTO(status, pump(r, mixer, ambi), done);
    V2S_TRY_GOTO(status, v2s_outputs_commit(r->outputs, &r->log), done);
    report_room(r, mixer);
    if (title != NULL && s->binaural != NULL)
        v2s_run_log_row(&r->log, "binaural", "%s", title);
done:
    v2s_mixer_close(&mixer);
    free(ambi);
    return status;
}

// ---- after it ---------------------------------------------------------------------------------

static void warn_about_sounds(v2s_render *r) {
    for (size_t i = 0; i < r->paths->count; i++)
        if (v2s_source_warning(r->sources[i]) != NULL)
            v2s_run_log_warn(&r->log, "%s", v2s_source_warning(r->sources[i]));
    const cJSON *peak = cJSON_GetObjectItem(r->log.json, "peak_dbfs");
    if (cJSON_IsNull(peak))
        v2s_run_log_warn(&r->log,
                         "%s is silent, and so is the output; --sound FILE gives another "
                         "sound",
                         v2s_render_sound_path(r, r->paths->items[0].name));
    double sound_s = v2s_outputs_duration_s(r->outputs) - r->room_tail_s, video_s = video_end_s(r);
    if (video_s > 0 && fabs(sound_s - video_s) > 0.5)
        v2s_run_log_warn(&r->log, "the sound lasts %.2f s, the video %.2f s: %s", sound_s, video_s,
                         sound_s > video_s ? "the last direction is held to the end of the sound"
                                           : "the end of the video stays silent (--loop repeats "
                                             "the sound)");
}

static void report_refiner(v2s_render *r) {
    if (r->refiner != NULL) {
        v2s_refiner_stage_report(r->refiner, &r->log);
    } else {
        v2s_run_log_row(&r->log, "refiner", "not used: %s", r->choice.why);
        v2s_run_log_text(&r->log, "refiner", NULL);
    }
}

static v2s_status finish(v2s_render *r) {
    const v2s_settings *s = r->settings;
    if (s->trajectory_out != NULL)
        V2S_TRY(v2s_trajectories_save(s->trajectory_out, r->paths));
    v2s_ranges_report(r->paths, &r->log);
    report_refiner(r);
    warn_about_sounds(r);
    double wall_s = v2s_now_s() - r->started_s;
    double duration_s = fmax(v2s_outputs_duration_s(r->outputs), video_end_s(r));
    v2s_run_log_row(&r->log, "time", "%.2f s for %.2f s: %.1f x real time", wall_s, duration_s,
                    duration_s / wall_s);
    v2s_run_log_number(&r->log, "wall_s", wall_s);
    v2s_run_log_number(&r->log, "realtime", duration_s / wall_s);
    const char *const written[] = {s->output,         s->binaural, s->stereo,
                                   s->trajectory_out, s->overlay,  s->boxes_out};
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++)
        if (written[i] != NULL)
            v2s_run_log_row(&r->log, "written", "%s", written[i]);
    if (s->report != NULL) {
        V2S_TRY(v2s_render_write_report(r));
        v2s_run_log_row(&r->log, "written", "%s", s->report);
    }
    return v2s_run_log_finish(&r->log);
}

static void render_close(v2s_render *r) {
    v2s_outputs_close(&r->outputs);
    for (size_t i = 0; r->sources != NULL && i < r->paths->count; i++)
        v2s_source_close(&r->sources[i]);
    free(r->sources);
    v2s_binaural_job_close(&r->head);
    if (r->temp_binaural != NULL)
        unlink(r->temp_binaural);
    free(r->temp_binaural);
    v2s_tracking_free(&r->tracking);
    v2s_trajectory_set_free(&r->given);
    v2s_video_close(&r->video);
    v2s_refiner_stage_close(&r->refiner);
    v2s_run_log_close(&r->log);
    v2s_room_setup_close(&r->room);
    v2s_scene_free(&r->scene);
}

v2s_status v2s_render_run(const void *config, int argc, char **argv) {
    const v2s_settings *s = config;
    v2s_render r = {.settings = s, .argc = argc, .argv = argv, .started_s = v2s_now_s()};
    r.input = s->inputs.count > 0 ? s->inputs.items[0] : NULL;
    v2s_status status;
    V2S_TRY_GOTO(status, v2s_scene_from_settings(s, &r.scene), done);
    V2S_TRY_GOTO(status, check(s, &r.scene, r.input), done);
    V2S_TRY_GOTO(status, v2s_room_setup_open(s, &r.room), done);
    V2S_TRY_GOTO(status, v2s_preflight_device(s), done);
    V2S_TRY_GOTO(status, v2s_preflight_outputs(s, &r.scene), done);
    V2S_TRY_GOTO(status, v2s_run_log_open(&r.log, s->quiet, s->json), done);
    V2S_TRY_GOTO(status, v2s_refiner_choose(s, &r.scene, &r.choice), done);
    V2S_TRY_GOTO(status, v2s_refiner_stage_open(s, &r.choice, &r.log, &r.refiner), done);
    V2S_TRY_GOTO(status, open_inputs(&r), done);
    V2S_TRY_GOTO(status, start_head(&r), done);
    V2S_TRY_GOTO(status, make_paths(&r), done);
    V2S_TRY_GOTO(status, open_sources(&r), done);
    if (r.refiner != NULL)
        V2S_TRY_GOTO(status,
                     v2s_refiner_stage_start(r.refiner, r.rate_hz,
                                             v2s_channels_of_order((int)s->order), r.paths, &r.log),
                     done);
    V2S_TRY_GOTO(status, render_sound(&r), done);
    status = finish(&r);
done:
    render_close(&r);
    return status;
}
