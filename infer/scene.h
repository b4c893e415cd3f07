// SPDX-License-Identifier: MIT
// The objects a command line names: box, sound, distance and name of each.
#ifndef V2S_INFER_SCENE_H
#define V2S_INFER_SCENE_H

#include "infer/settings.h"
#include "spatial/picture.h"
#include "spatial/trajectory.h"

typedef struct v2s_scene_object {
    char name[V2S_TRAJECTORY_NAME_MAX];
    bool has_box;
    v2s_box box;       // pixels of the displayed picture
    double start_s;    // the box belongs to the first picture at or after this time
    double distance_m; // at the first box
    char *sound;       // owned; NULL: the common --sound or the sound of INPUT
} v2s_scene_object;

typedef struct v2s_scene {
    size_t count;
    v2s_scene_object *objects;
} v2s_scene;

// From --box and --object. Names are "1", "2", ... in order unless given. USAGE names the option
// and the field that is wrong; two objects of one name are refused. No object at all is no error.
V2S_MUST_USE v2s_status v2s_scene_from_settings(const v2s_settings *settings, v2s_scene *scene);

// Appends an object without box. *index is its place.
V2S_MUST_USE v2s_status v2s_scene_add(v2s_scene *scene, const char *name, double distance_m,
                                      size_t *index);

// The object of this name, or NULL.
v2s_scene_object *v2s_scene_find(const v2s_scene *scene, const char *name);

void v2s_scene_free(v2s_scene *scene);

#endif
