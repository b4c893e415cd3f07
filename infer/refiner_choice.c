// SPDX-License-Identifier: MIT
#include "infer/refiner_choice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usual[] = "v2s-omni";

static bool is_file(const char *path) {
    return access(path, R_OK) == 0;
}

// Folder of the running program, without a slash at its end; "" where the system does not tell.
static void program_folder(char folder[PATH_MAX]) {
    ssize_t n = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    folder[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
}

// False where none of this name ships.
static bool find_shipped(const char *name, char path[PATH_MAX]) {
    const char *own = getenv("V2S_CHECKPOINTS");
    if (own != NULL) {
        snprintf(path, PATH_MAX, "%s/%s.safetensors", own, name);
        return is_file(path);
    }
    static const char *const places[] = {"../checkpoints", "../share/vid2spatial/checkpoints"};
    char folder[PATH_MAX];
    program_folder(folder);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        int n = snprintf(path, PATH_MAX, "%s/%s/%s.safetensors", folder, places[i], name);
        if (n < PATH_MAX && is_file(path))
            return true;
    }
    return false;
}

void v2s_refiner_path(const char *name, char path[PATH_MAX]) {
    bool plain = strchr(name, '/') == NULL && strchr(name, '.') == NULL;
    if (!plain || !find_shipped(name, path))
        snprintf(path, PATH_MAX, "%s", name);
}

static v2s_status choose_named(const char *name, v2s_refiner_choice *c) {
    if (strlen(name) >= PATH_MAX)
        return V2S_FAIL(V2S_ARG, "--refiner: name too long");
    c->used = true;
    snprintf(c->name, sizeof c->name, "%s", name);
    v2s_refiner_path(name, c->path); // a file that is missing is named when it is opened
    return V2S_OK;
}

// Where nobody asked for one.
static void choose_usual(const v2s_settings *s, const v2s_scene *scene, v2s_refiner_choice *c) {
    bool own = s->inputs.count > 0 && s->sound == NULL;
    for (size_t i = 0; i < scene->count; i++)
        own = own && scene->objects[i].sound == NULL;
    if (s->room != NULL || s->room_response != NULL)
        c->why = "the room is added by geometry";
    else if (!own)
        c->why = "the sound is not the film's own, so it has no room in it";
    else if (!find_shipped(usual, c->path))
        c->why = "v2s-omni.safetensors was not found beside the program";
    else {
        c->used = true;
        snprintf(c->name, sizeof c->name, "%s", usual);
        c->why = "the sound is the film's own and has its room in it";
    }
}

v2s_status v2s_refiner_choose(const v2s_settings *settings, const v2s_scene *scene,
                              v2s_refiner_choice *out) {
    v2s_refiner_choice c = {0};
    if (settings->refiner == NULL)
        choose_usual(settings, scene, &c);
    else if (strcmp(settings->refiner, "none") == 0)
        c.why = "--refiner none";
    else
        V2S_TRY(choose_named(settings->refiner, &c));
    *out = c;
    return V2S_OK;
}
