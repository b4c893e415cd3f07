// SPDX-License-Identifier: MIT
#include "infer/depth_outputs.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/image.h"
#include "data/npy.h"
#include "infer/depth_picture.h"
#include "infer/file_name.h"
#include "infer/preflight.h"
#include "kernels/base/file_out.h"

// ---- usage ------------------------------------------------------------------------------------

static v2s_status check_sound(const v2s_settings *s) {
    for (size_t i = 0; i < s->outputs.count; i++)
        if (!v2s_ends_with(s->outputs.items[i], ".npy") &&
            !v2s_ends_with(s->outputs.items[i], ".png"))
            return V2S_FAIL(V2S_USAGE, "-o %s: the suffix must be .npy or .png",
                            s->outputs.items[i]);
    if (s->colour != NULL && !v2s_ends_with(s->colour, ".png"))
        return V2S_FAIL(V2S_USAGE, "--colour %s: the suffix must be .png", s->colour);
    if (s->spectrogram_out != NULL && !v2s_ends_with(s->spectrogram_out, ".npy"))
        return V2S_FAIL(V2S_USAGE, "--spectrogram-out %s: the suffix must be .npy",
                        s->spectrogram_out);
    return V2S_OK;
}

static v2s_status check_folder(const v2s_settings *s) {
    if (s->outputs.count > 1)
        return V2S_FAIL(V2S_USAGE, "-o names one folder for a folder of sounds, found %zu",
                        s->outputs.count);
    const char *const given[] = {s->outputs.count > 0 ? s->outputs.items[0] : NULL, s->colour,
                                 s->spectrogram_out};
    for (int i = 0; i < 3; i++)
        if (given[i] != NULL &&
            (v2s_ends_with(given[i], ".npy") || v2s_ends_with(given[i], ".png")))
            return V2S_FAIL(V2S_USAGE, "%s: a folder of sounds needs a folder for its outputs",
                            given[i]);
    return V2S_OK;
}

v2s_status v2s_depth_outputs_usage(const v2s_settings *s, v2s_depth_source_kind kind) {
    bool writes = s->outputs.count > 0 || s->colour != NULL || s->spectrogram_out != NULL ||
                  s->attention != NULL;
    if (kind == V2S_DEPTH_SET && writes)
        return V2S_FAIL(V2S_USAGE,
                        "a data set is judged, its sounds are not written: -o, --colour, "
                        "--spectrogram-out and --attention take a sound or a folder");
    if (kind == V2S_DEPTH_SET)
        return V2S_OK;
    return kind == V2S_DEPTH_SOUND ? check_sound(s) : check_folder(s);
}

// ---- before the work --------------------------------------------------------------------------

typedef struct file_list {
    size_t count;
    v2s_preflight_file *files; // [count]
} file_list;

static v2s_status add_file(file_list *list, const char *option, const char *path, bool folder) {
    if (path == NULL || strcmp(path, "-") == 0)
        return V2S_OK;
    v2s_preflight_file *grown = realloc(list->files, (list->count + 1) * sizeof *grown);
    if (grown == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    list->files = grown;
    grown[list->count++] = (v2s_preflight_file){option, path, folder};
    return V2S_OK;
}

static v2s_status list_outputs(const v2s_settings *s, bool folders, file_list *list) {
    for (size_t i = 0; i < s->outputs.count; i++)
        V2S_TRY(add_file(list, "-o", s->outputs.items[i], folders));
    V2S_TRY(add_file(list, "--colour", s->colour, folders));
    V2S_TRY(add_file(list, "--spectrogram-out", s->spectrogram_out, folders));
    V2S_TRY(add_file(list, "--attention", s->attention, true));
    V2S_TRY(add_file(list, "--report", s->report, false));
    return add_file(list, "--json", s->json, false);
}

// What is read beside the sounds.
static v2s_status check_inputs(const v2s_settings *s, const v2s_depth_source *source,
                               const file_list *list) {
    const char *const inputs[] = {s->model, s->truth, source->path};
    for (int i = 0; i < 3; i++)
        V2S_TRY(v2s_preflight_input(list->files, list->count, inputs[i]));
    for (size_t i = 0; i < s->against.count; i++)
        V2S_TRY(v2s_preflight_input(list->files, list->count, s->against.items[i]));
    return V2S_OK;
}

static v2s_status join(const char *folder, const char *id, const char *suffix,
                       char path[PATH_MAX]) {
    if (snprintf(path, PATH_MAX, "%s/%s%s", folder, id, suffix) >= PATH_MAX)
        return V2S_FAIL(V2S_ARG, "%s: the path is too long", folder);
    return V2S_OK;
}

// Files in folders: against the sounds and truths that may lie in the same ones.
static v2s_status check_sample(const v2s_settings *s, const v2s_depth_sample *sample) {
    const struct {
        const char *option, *folder, *suffix;
    } made[] = {{"-o", s->outputs.count > 0 ? s->outputs.items[0] : NULL, ".npy"},
                {"-o", s->outputs.count > 0 ? s->outputs.items[0] : NULL, ".png"},
                {"--colour", s->colour, ".png"},
                {"--spectrogram-out", s->spectrogram_out, ".npy"}};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        char path[PATH_MAX];
        if (made[i].folder == NULL)
            continue;
        V2S_TRY(join(made[i].folder, sample->id, made[i].suffix, path));
        v2s_preflight_file file = {made[i].option, path, false};
        V2S_TRY(v2s_preflight_input(&file, 1, sample->audio[0]));
        V2S_TRY(v2s_preflight_input(&file, 1, sample->depth));
    }
    return V2S_OK;
}

v2s_status v2s_depth_outputs_preflight(const v2s_settings *s, const v2s_depth_source *source) {
    file_list list = {0};
    v2s_status status = list_outputs(s, source->kind == V2S_DEPTH_FOLDER, &list);
    if (status == V2S_OK)
        status = check_inputs(s, source, &list);
    if (status == V2S_OK)
        status = v2s_preflight_files(list.files, list.count);
    free(list.files);
    for (size_t i = 0; status == V2S_OK && source->kind == V2S_DEPTH_FOLDER && i < source->count;
         i++)
        status = check_sample(s, source->samples[i]);
    return status;
}

// ---- writing ----------------------------------------------------------------------------------

v2s_status v2s_depth_make_folder(const char *path) {
    struct stat info;
    if (mkdir(path, 0777) == 0 ||
        (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode)))
        return V2S_OK;
    return V2S_FAIL(V2S_IO, "%s: cannot make the folder: %s", path, strerror(errno));
}

v2s_status v2s_depth_write_bytes(const char *path, const unsigned char *bytes, size_t size) {
    v2s_file_out *file = NULL;
    V2S_TRY(v2s_file_out_open(path, &file));
    v2s_status status = v2s_file_out_write(file, bytes, size);
    if (status == V2S_OK)
        status = v2s_file_out_commit(file);
    v2s_file_out_close(&file);
    return status;
}

uint16_t v2s_depth_millimetres(float depth_m) {
    return (uint16_t)lround(fmin(fmax(1000.0 * (double)depth_m, 1.0), 65535.0));
}

static v2s_status write_grey(const char *path, int size, const float *depth) {
    size_t pixels = (size_t)size * (size_t)size, bytes_count = 0;
    unsigned char *bytes = NULL;
    uint16_t *grey = malloc(pixels * sizeof *grey);
    if (grey == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < pixels; i++)
        grey[i] = v2s_depth_millimetres(depth[i]);
    v2s_status status = v2s_image_png_grey16(grey, size, size, &bytes, &bytes_count);
    free(grey);
    V2S_TRY(status);
    status = v2s_depth_write_bytes(path, bytes, bytes_count);
    free(bytes);
    return status;
}

static v2s_status write_colour(const char *path, int size, const float *depth) {
    size_t pixels = (size_t)size * (size_t)size, bytes_count = 0;
    unsigned char *bytes = NULL;
    uint8_t *rgb = malloc(3 * pixels);
    v2s_depth_ramp ramp;
    if (rgb == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", path);
    v2s_depth_ramp_init(&ramp);
    v2s_depth_colours(&ramp, pixels, depth, v2s_depth_top(pixels, depth), rgb);
    v2s_status status = v2s_image_png_rgb(rgb, size, size, &bytes, &bytes_count);
    free(rgb);
    V2S_TRY(status);
    status = v2s_depth_write_bytes(path, bytes, bytes_count);
    free(bytes);
    return status;
}

static v2s_status write_depth(const char *path, int size, const float *depth) {
    const size_t dim[2] = {(size_t)size, (size_t)size};
    return v2s_ends_with(path, ".png") ? write_grey(path, size, depth)
                                       : v2s_npy_write_f32(path, 2, dim, depth);
}

static v2s_status write_spectrogram(const char *path, int size, const float *x) {
    const size_t dim[3] = {2, (size_t)size, (size_t)size};
    return v2s_npy_write_f32(path, 3, dim, x);
}

static v2s_status write_in_folders(const v2s_settings *s, const char *id, int size, const float *x,
                                   const float *depth) {
    char path[PATH_MAX];
    static const char *const suffixes[] = {".npy", ".png"};
    for (int i = 0; s->outputs.count > 0 && i < 2; i++) {
        V2S_TRY(v2s_depth_make_folder(s->outputs.items[0]));
        V2S_TRY(join(s->outputs.items[0], id, suffixes[i], path));
        V2S_TRY(write_depth(path, size, depth));
    }
    if (s->colour != NULL) {
        V2S_TRY(v2s_depth_make_folder(s->colour));
        V2S_TRY(join(s->colour, id, ".png", path));
        V2S_TRY(write_colour(path, size, depth));
    }
    if (s->spectrogram_out != NULL) {
        V2S_TRY(v2s_depth_make_folder(s->spectrogram_out));
        V2S_TRY(join(s->spectrogram_out, id, ".npy", path));
        V2S_TRY(write_spectrogram(path, size, x));
    }
    return V2S_OK;
}

v2s_status v2s_depth_outputs_write(const v2s_settings *s, v2s_depth_source_kind kind,
                                   const v2s_depth_sample *sample, int size, const float *x,
                                   const float *depth) {
    if (kind == V2S_DEPTH_SET)
        return V2S_OK;
    if (kind == V2S_DEPTH_FOLDER)
        return write_in_folders(s, sample->id, size, x, depth);
    for (size_t i = 0; i < s->outputs.count; i++)
        V2S_TRY(write_depth(s->outputs.items[i], size, depth));
    if (s->colour != NULL)
        V2S_TRY(write_colour(s->colour, size, depth));
    return s->spectrogram_out != NULL ? write_spectrogram(s->spectrogram_out, size, x) : V2S_OK;
}
