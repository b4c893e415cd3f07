// SPDX-License-Identifier: MIT
#include "infer/preflight.h"

#include <string.h>
#include <sys/stat.h>

#include "data/sound_out.h"
#include "infer/run_device.h"
#include "kernels/base/file_out.h"
#include "spatial/conventions.h"

enum { OUTPUTS = 8, PROBE_RATE_HZ = 48000 };

typedef struct output {
    const char *option, *path; // path NULL: not asked for
    int channels;              // of a sound, else 0
} output;

v2s_status v2s_preflight_device(const v2s_settings *settings) {
    v2s_device *device = NULL;
    if (strcmp(settings->device, "auto") == 0)
        return V2S_OK; // there is always one
    V2S_TRY(v2s_run_device_open(settings, (int)settings->threads, &device));
    v2s_device_close(&device);
    return V2S_OK;
}

static void list_outputs(const v2s_settings *s, output list[OUTPUTS]) {
    // Only render has an order; the output of track is text.
    int channels = s->order > 0 ? v2s_channels_of_order((int)s->order) : 0;
    const char *json = s->json != NULL && strcmp(s->json, "-") == 0 ? NULL : s->json;
    const output made[OUTPUTS] = {
        {"-o", s->output, channels},  {"--binaural", s->binaural, 2},
        {"--stereo", s->stereo, 2},   {"--trajectory-out", s->trajectory_out, 0},
        {"--boxes", s->boxes_out, 0}, {"--overlay", s->overlay, 0},
        {"--report", s->report, 0},   {"--json", json, 0},
    };
    memcpy(list, made, sizeof made);
}

static bool is_regular(const char *path, struct stat *info) {
    return path != NULL && stat(path, info) == 0 && S_ISREG(info->st_mode);
}

// The same name, or two names of one file that exists. Devices may serve twice.
static bool is_same_file(const char *a, const char *b) {
    struct stat x, y;
    bool a_exists = stat(a, &x) == 0, b_exists = stat(b, &y) == 0;
    if (!a_exists || !b_exists)
        return strcmp(a, b) == 0;
    return S_ISREG(x.st_mode) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static v2s_status check_input(const output *list, const char *input) {
    struct stat info;
    for (int i = 0; i < OUTPUTS && is_regular(input, &info); i++)
        if (list[i].path != NULL && is_same_file(list[i].path, input))
            return V2S_FAIL(V2S_USAGE, "%s %s would overwrite an input", list[i].option,
                            list[i].path);
    return V2S_OK;
}

static v2s_status check_names(const v2s_settings *s, const v2s_scene *scene, const output *list) {
    for (int i = 0; i < OUTPUTS; i++)
        for (int j = 0; j < i; j++)
            if (list[i].path != NULL && list[j].path != NULL &&
                is_same_file(list[i].path, list[j].path))
                return V2S_FAIL(V2S_USAGE, "%s and %s name the same file: %s", list[j].option,
                                list[i].option, list[i].path);
    const char *const inputs[] = {s->sound,   s->trajectory, s->boxes_in,
                                  s->refiner, s->hrtf,       s->room_response};
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++)
        V2S_TRY(check_input(list, inputs[i]));
    for (size_t i = 0; i < s->inputs.count; i++)
        V2S_TRY(check_input(list, s->inputs.items[i]));
    for (size_t i = 0; i < scene->count; i++)
        V2S_TRY(check_input(list, scene->objects[i].sound));
    return V2S_OK;
}

static v2s_status try_output(const v2s_settings *s, const output *o) {
    struct stat info;
    if (o->path == NULL ||
        (stat(o->path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)))
        return V2S_OK;
    if (o->channels == 0) {
        v2s_file_out *file = NULL;
        v2s_status status = v2s_file_out_open(o->path, &file);
        v2s_file_out_close(&file);
        return status;
    }
    v2s_sound_out *sound = NULL;
    double rate_hz = s->rate_hz > 0 ? s->rate_hz : PROBE_RATE_HZ;
    v2s_status status =
        v2s_sound_out_open(o->path, rate_hz, o->channels, (v2s_sample_format)s->format, 0, &sound);
    v2s_sound_out_close(&sound);
    return status;
}

v2s_status v2s_preflight_outputs(const v2s_settings *settings, const v2s_scene *scene) {
    output list[OUTPUTS];
    list_outputs(settings, list);
    V2S_TRY(check_names(settings, scene, list));
    for (int i = 0; i < OUTPUTS; i++)
        V2S_TRY(try_output(settings, &list[i]));
    return V2S_OK;
}
