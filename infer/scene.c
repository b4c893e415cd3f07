// SPDX-License-Identifier: MIT
#include "infer/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// "X,Y,W,H" or "X,Y,W,H@SECONDS".
static bool parse_box(const char *text, v2s_box *box, double *start_s) {
    char copy[128];
    if (strlen(text) >= sizeof copy)
        return false;
    strcpy(copy, text);
    char *at = strchr(copy, '@');
    *start_s = 0;
    if (at != NULL) {
        *at = '\0';
        if (!v2s_parse_number(at + 1, start_s) || *start_s < 0)
            return false;
    }
    double v[4];
    char *rest = copy;
    for (int i = 0; i < 4; i++) {
        const char *field = strsep(&rest, ",");
        if (field == NULL || !v2s_parse_number(field, &v[i]))
            return false;
    }
    *box = (v2s_box){v[0], v[1], v[2], v[3]};
    return rest == NULL && v[2] > 0 && v[3] > 0;
}

v2s_scene_object *v2s_scene_find(const v2s_scene *scene, const char *name) {
    for (size_t i = 0; i < scene->count; i++)
        if (strcmp(scene->objects[i].name, name) == 0)
            return &scene->objects[i];
    return NULL;
}

v2s_status v2s_scene_add(v2s_scene *scene, const char *name, double distance_m, size_t *index) {
    v2s_scene_object *grown = realloc(scene->objects, (scene->count + 1) * sizeof *grown);
    if (grown == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    scene->objects = grown;
    v2s_scene_object *object = &grown[scene->count];
    *object = (v2s_scene_object){.distance_m = distance_m};
    snprintf(object->name, sizeof object->name, "%s", name);
    *index = scene->count++;
    return V2S_OK;
}

static v2s_status add_numbered(v2s_scene *scene, double distance_m, v2s_scene_object **object) {
    char name[24];
    snprintf(name, sizeof name, "%zu", scene->count + 1);
    size_t index = 0;
    V2S_TRY(v2s_scene_add(scene, name, distance_m, &index));
    *object = &scene->objects[index];
    return V2S_OK;
}

static v2s_status set_object_field(v2s_scene_object *object, const char *key, const char *value) {
    if (strcmp(key, "box") == 0) {
        if (!parse_box(value, &object->box, &object->start_s))
            return V2S_FAIL(V2S_USAGE, "--object: box '%s' is not X,Y,W,H[@SECONDS]", value);
        object->has_box = true;
    } else if (strcmp(key, "sound") == 0) {
        if (value[0] == '\0')
            return V2S_FAIL(V2S_USAGE, "--object: sound needs the name of a file");
        free(object->sound);
        object->sound = strdup(value);
        if (object->sound == NULL)
            return V2S_FAIL(V2S_NOMEM, "out of memory");
    } else if (strcmp(key, "distance") == 0) {
        if (!v2s_parse_number(value, &object->distance_m) || object->distance_m <= 0)
            return V2S_FAIL(V2S_USAGE, "--object: distance '%s' is not a number above 0", value);
    } else if (strcmp(key, "name") == 0) {
        if (value[0] == '\0' || strlen(value) >= sizeof object->name)
            return V2S_FAIL(V2S_USAGE, "--object: name '%s' needs 1 to %d characters", value,
                            V2S_TRAJECTORY_NAME_MAX - 1);
        strcpy(object->name, value);
    } else {
        return V2S_FAIL(V2S_USAGE,
                        "--object: unknown field '%s'; it has box, sound, distance, name", key);
    }
    return V2S_OK;
}

// "key=value;key=value"; the object is already in the scene.
static v2s_status parse_object(const char *text, v2s_scene_object *object) {
    char *copy = strdup(text), *save = NULL;
    if (copy == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = V2S_OK;
    for (char *field = strtok_r(copy, ";", &save); field != NULL && status == V2S_OK;
         field = strtok_r(NULL, ";", &save)) {
        char *equals = strchr(field, '=');
        if (equals == NULL) {
            status = V2S_FAIL(V2S_USAGE, "--object: '%s' is not KEY=VALUE", field);
        } else {
            *equals = '\0';
            status = set_object_field(object, field, equals + 1);
        }
    }
    free(copy);
    return status;
}

static v2s_status check_names(const v2s_scene *scene) {
    for (size_t i = 0; i < scene->count; i++)
        if (v2s_scene_find(scene, scene->objects[i].name) != &scene->objects[i])
            return V2S_FAIL(V2S_USAGE, "--object: two objects are named '%s'",
                            scene->objects[i].name);
    return V2S_OK;
}

v2s_status v2s_scene_from_settings(const v2s_settings *settings, v2s_scene *scene) {
    v2s_scene made = {0};
    v2s_status status = V2S_OK;
    for (size_t i = 0; i < settings->boxes.count && status == V2S_OK; i++) {
        v2s_scene_object *object = NULL;
        V2S_TRY_GOTO(status, add_numbered(&made, settings->distance_m, &object), fail);
        if (!parse_box(settings->boxes.items[i], &object->box, &object->start_s))
            status = V2S_FAIL(V2S_USAGE, "--box: '%s' is not X,Y,W,H[@SECONDS] with W, H above 0",
                              settings->boxes.items[i]);
        object->has_box = true;
    }
    for (size_t i = 0; i < settings->objects.count && status == V2S_OK; i++) {
        v2s_scene_object *object = NULL;
        V2S_TRY_GOTO(status, add_numbered(&made, settings->distance_m, &object), fail);
        status = parse_object(settings->objects.items[i], object);
    }
    if (status == V2S_OK)
        status = check_names(&made);
fail:
    if (status != V2S_OK) {
        v2s_scene_free(&made);
        return status;
    }
    *scene = made;
    return V2S_OK;
}

void v2s_scene_free(v2s_scene *scene) {
    for (size_t i = 0; i < scene->count; i++)
        free(scene->objects[i].sound);
    free(scene->objects);
    *scene = (v2s_scene){0};
}
