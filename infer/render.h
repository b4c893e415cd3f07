// SPDX-License-Identifier: MIT
// One render from the command line to the files: what it holds, in the order in which it is made.
//
//   check -> room -> device, refiner -> sounds -> head (in a thread) -> paths (tracked or read)
//         -> mixer -> refiner -> outputs -> summary, JSON, report
#ifndef V2S_INFER_RENDER_H
#define V2S_INFER_RENDER_H

#include "infer/binaural_job.h"
#include "infer/mixer.h"
#include "infer/outputs.h"
#include "infer/refiner_stage.h"
#include "infer/room_setup.h"
#include "infer/run_log.h"
#include "infer/scene.h"
#include "infer/tracking.h"

typedef struct v2s_render {
    const v2s_settings *settings;
    int argc;
    char **argv;
    double started_s;
    const char *input; // or NULL
    v2s_scene scene;
    v2s_run_log log;
    v2s_room_setup room;
    double room_tail_s; // by which the output is longer than its sounds
    v2s_refiner_choice choice;
    v2s_refiner_stage *refiner; // NULL: geometry alone
    v2s_video *video;           // open while tracking is due
    v2s_tracking tracking;      // zero where a trajectory was given
    v2s_trajectory_set given;   // of --trajectory
    const v2s_trajectory_set *paths;
    v2s_source **sources; // [paths->count]
    double rate_hz;
    v2s_binaural_job *head; // NULL: no binaural sound is wanted
    char *temp_binaural;    // for the report's player when --binaural was not given
    v2s_outputs *outputs;
} v2s_render;

// The report page of a finished render.
V2S_MUST_USE v2s_status v2s_render_write_report(v2s_render *r);

// What the page plays as the original: the sound of the first object.
const char *v2s_render_sound_path(const v2s_render *r, const char *object_name);

#endif
