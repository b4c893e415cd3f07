// SPDX-License-Identifier: MIT
// v2s-infer track: video + box -> trajectory.
#include "infer/commands.h"
#include "infer/preflight.h"
#include "infer/progress.h"
#include "infer/tracking.h"

static v2s_status check(const v2s_settings *settings) {
    if (settings->inputs.count == 0)
        return V2S_FAIL(V2S_USAGE, "no INPUT: a video file or a folder of images");
    if (settings->boxes.count == 0 && settings->boxes_in == NULL)
        return V2S_FAIL(V2S_USAGE, "no object: give --box X,Y,W,H or --boxes-in FILE");
    if (settings->boxes.count > 0 && settings->boxes_in != NULL)
        return V2S_FAIL(V2S_USAGE, "--box and --boxes-in contradict each other");
    return V2S_OK;
}

v2s_status v2s_track_run(const void *config, int argc, char **argv) {
    (void)argc;
    (void)argv;
    const v2s_settings *settings = config;
    double started_s = v2s_now_s();
    v2s_scene scene = {0};
    v2s_run_log log = {0};
    v2s_video *video = NULL;
    v2s_tracking tracking = {0};
    v2s_video_options options = {settings->fps_hz, (int)settings->threads};
    v2s_status status;
    V2S_TRY(check(settings));
    V2S_TRY(v2s_scene_from_settings(settings, &scene));
    V2S_TRY_GOTO(status, v2s_preflight_device(settings), done);
    V2S_TRY_GOTO(status, v2s_preflight_outputs(settings, &scene), done);
    V2S_TRY_GOTO(status, v2s_run_log_open(&log, settings->quiet, settings->json), done);
    V2S_TRY_GOTO(status, v2s_video_open(settings->inputs.items[0], &options, &video), done);
    V2S_TRY_GOTO(status, v2s_tracking_run(settings, video, &scene, false, &log, &tracking), done);
    V2S_TRY_GOTO(status, v2s_trajectories_save(settings->output, &tracking.trajectories), done);
    v2s_tracking_report(&tracking, &log);
    v2s_ranges_report(&tracking.trajectories, &log);
    double wall_s = v2s_now_s() - started_s;
    double duration_s = tracking.times_s[tracking.pictures - 1] - tracking.times_s[0];
    v2s_run_log_number(&log, "duration_s", duration_s);
    v2s_run_log_number(&log, "wall_s", wall_s);
    v2s_run_log_number(&log, "realtime", duration_s / wall_s);
    v2s_run_log_row(&log, "time", "%.2f s: %.0f frames a second", wall_s,
                    (double)tracking.pictures / wall_s);
    v2s_run_log_row(&log, "written", "%s%s%s%s%s", settings->output,
                    settings->boxes_out ? ", " : "", settings->boxes_out ? settings->boxes_out : "",
                    settings->overlay ? ", " : "", settings->overlay ? settings->overlay : "");
    status = v2s_run_log_finish(&log);
done:
    v2s_tracking_free(&tracking);
    v2s_video_close(&video);
    v2s_run_log_close(&log);
    v2s_scene_free(&scene);
    return status;
}
