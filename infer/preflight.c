// SPDX-License-Identifier: MIT
#include "infer/preflight.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/sound_out.h"
#include "infer/run_device.h"
#include "kernels/base/file_out.h"
#include "spatial/conventions.h"

enum { OUTPUTS = 8, PROBE_RATE_HZ = 48000 };

v2s_status v2s_preflight_device(const v2s_settings *settings) {
    v2s_device *device = NULL;
    if (strcmp(settings->device, "auto") == 0)
        return V2S_OK; // there is always one
    V2S_TRY(v2s_run_device_open(settings, (int)settings->threads, &device));
    v2s_device_close(&device);
    return V2S_OK;
}

// A path is NULL where it was not asked for; channels of a sound, else 0.
static void list_outputs(const v2s_settings *s, v2s_preflight_file files[OUTPUTS],
                         int channels[OUTPUTS]) {
    const char *json = s->json != NULL && strcmp(s->json, "-") == 0 ? NULL : s->json;
    const v2s_preflight_file made[OUTPUTS] = {
        {"-o", s->output, false},         {"--binaural", s->binaural, false},
        {"--stereo", s->stereo, false},   {"--trajectory-out", s->trajectory_out, false},
        {"--boxes", s->boxes_out, false}, {"--overlay", s->overlay, false},
        {"--report", s->report, false},   {"--json", json, false},
    };
    // Only render has an order; the output of track is text.
    const int widths[OUTPUTS] = {s->order > 0 ? v2s_channels_of_order((int)s->order) : 0, 2, 2};
    memcpy(files, made, sizeof made);
    memcpy(channels, widths, sizeof widths);
}

static bool is_regular(const char *path, struct stat *info) {
    return path != NULL && stat(path, info) == 0 && S_ISREG(info->st_mode);
}

// The same name, or two names of one file or folder that exists. Devices may serve twice.
static bool is_same_file(const char *a, const char *b) {
    struct stat x, y;
    bool a_exists = stat(a, &x) == 0, b_exists = stat(b, &y) == 0;
    if (!a_exists || !b_exists)
        return strcmp(a, b) == 0;
    return (S_ISREG(x.st_mode) || S_ISDIR(x.st_mode)) && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

v2s_status v2s_preflight_input(const v2s_preflight_file *files, size_t count, const char *input) {
    struct stat info;
    for (size_t i = 0; i < count && is_regular(input, &info); i++)
        if (files[i].path != NULL && is_same_file(files[i].path, input))
            return V2S_FAIL(V2S_USAGE, "%s %s would overwrite an input", files[i].option,
                            files[i].path);
    return V2S_OK;
}

static v2s_status check_different(const v2s_preflight_file *files, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (files[i].path != NULL && files[j].path != NULL &&
                is_same_file(files[i].path, files[j].path))
                return V2S_FAIL(V2S_USAGE, "%s and %s name the same file: %s", files[j].option,
                                files[i].option, files[i].path);
    return V2S_OK;
}

static v2s_status check_names(const v2s_settings *s, const v2s_scene *scene,
                              const v2s_preflight_file *files) {
    V2S_TRY(check_different(files, OUTPUTS));
    const char *const inputs[] = {s->sound,   s->trajectory, s->boxes_in,
                                  s->refiner, s->hrtf,       s->room_response};
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++)
        V2S_TRY(v2s_preflight_input(files, OUTPUTS, inputs[i]));
    for (size_t i = 0; i < s->inputs.count; i++)
        V2S_TRY(v2s_preflight_input(files, OUTPUTS, s->inputs.items[i]));
    for (size_t i = 0; i < scene->count; i++)
        V2S_TRY(v2s_preflight_input(files, OUTPUTS, scene->objects[i].sound));
    return V2S_OK;
}

// A folder that is there takes files; one that is missing can be made.
static v2s_status try_folder(const char *path) {
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISDIR(info.st_mode))
        return V2S_FAIL(V2S_IO, "%s: a file is in the place of the folder", path);
    if (stat(path, &info) == 0)
        return access(path, W_OK | X_OK) == 0
                   ? V2S_OK
                   : V2S_FAIL(V2S_IO, "%s: cannot write into the folder: %s", path,
                              strerror(errno));
    char around[PATH_MAX];
    snprintf(around, sizeof around, "%s", path);
    if (access(dirname(around), W_OK | X_OK) != 0)
        return V2S_FAIL(V2S_IO, "%s: cannot make the folder: %s", path, strerror(errno));
    return V2S_OK;
}

static v2s_status try_file(const v2s_preflight_file *f) {
    struct stat info;
    if (f->path == NULL)
        return V2S_OK;
    if (f->folder)
        return try_folder(f->path);
    if (stat(f->path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
        return V2S_OK;
    v2s_file_out *file = NULL;
    v2s_status status = v2s_file_out_open(f->path, &file);
    v2s_file_out_close(&file);
    return status;
}

v2s_status v2s_preflight_files(const v2s_preflight_file *files, size_t count) {
    V2S_TRY(check_different(files, count));
    for (size_t i = 0; i < count; i++)
        V2S_TRY(try_file(&files[i]));
    return V2S_OK;
}

static v2s_status try_output(const v2s_settings *s, const v2s_preflight_file *o, int channels) {
    struct stat info;
    if (o->path == NULL || channels == 0)
        return try_file(o);
    if (stat(o->path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
        return V2S_OK;
    v2s_sound_out *sound = NULL;
    double rate_hz = s->rate_hz > 0 ? s->rate_hz : PROBE_RATE_HZ;
    v2s_status status =
        v2s_sound_out_open(o->path, rate_hz, channels, (v2s_sample_format)s->format, 0, &sound);
    v2s_sound_out_close(&sound);
    return status;
}

v2s_status v2s_preflight_outputs(const v2s_settings *settings, const v2s_scene *scene) {
    v2s_preflight_file files[OUTPUTS];
    int channels[OUTPUTS];
    list_outputs(settings, files, channels);
    V2S_TRY(check_names(settings, scene, files));
    for (int i = 0; i < OUTPUTS; i++)
        V2S_TRY(try_output(settings, &files[i], channels[i]));
    return V2S_OK;
}
