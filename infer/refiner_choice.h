// SPDX-License-Identifier: MIT
// Which refiner a render uses, and why.
//
//   --refiner none   none
//   --refiner FILE   that one
//   --refiner NAME   NAME.safetensors of those that ship: in the folder V2S_CHECKPOINTS, else in
//                    ../checkpoints or ../share/vid2spatial/checkpoints beside the program's folder
//   not given        v2s-omni where the only sound is the film's own (it has the room in it) and no
//                    room is added; else none
#ifndef V2S_INFER_REFINER_CHOICE_H
#define V2S_INFER_REFINER_CHOICE_H

#include <limits.h>

#include "infer/scene.h"
#include "infer/settings.h"

typedef struct v2s_refiner_choice {
    bool used;
    char path[PATH_MAX]; // where used
    char name[256];      // as the summary calls it
    const char *why;     // not used, or used without having been asked for; else NULL
} v2s_refiner_choice;

// Path of --refiner FILE|NAME: a shipped refiner of that name, else the text itself.
void v2s_refiner_path(const char *name, char path[PATH_MAX]);

V2S_MUST_USE v2s_status v2s_refiner_choose(const v2s_settings *settings, const v2s_scene *scene,
                                           v2s_refiner_choice *out);

#endif
