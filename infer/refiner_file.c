// SPDX-License-Identifier: MIT
#include "infer/refiner_file.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoints/safetensors.h"
#include "infer/band_features.h"

enum { RATE_MIN_HZ = 1000, RATE_MAX_HZ = 384000, TENSORS_MAX = 16 };

typedef struct join {
    v2s_safetensors *file;
    const char *path;
} join;

// Dimension `index` of a tensor that must exist with this rank.
static v2s_status get_size(const join *j, const char *name, int rank, int index, int *size) {
    const v2s_safetensors_entry *e = v2s_safetensors_find(j->file, name);
    if (e == NULL)
        return V2S_FAIL(V2S_FORMAT, "%s: tensor %s is missing", j->path, name);
    if (e->rank != rank)
        return V2S_FAIL(V2S_FORMAT, "%s: tensor %s: expected %d dimensions, found %d", j->path,
                        name, rank, e->rank);
    if (e->dim[index] < 1 || e->dim[index] > V2S_REFINER_SIZE_MAX)
        return V2S_FAIL(V2S_FORMAT, "%s: tensor %s: dimension %d: expected 1 .. %d, found %lld",
                        j->path, name, index, V2S_REFINER_SIZE_MAX, (long long)e->dim[index]);
    *size = (int)e->dim[index];
    return V2S_OK;
}

static v2s_status get_config(const join *j, v2s_refiner_config *config) {
    V2S_TRY(get_size(j, "conv1d.weight", 3, 0, &config->channels));
    V2S_TRY(get_size(j, "conv1d.weight", 3, 1, &config->inputs));
    V2S_TRY(get_size(j, "conv1d.weight", 3, 2, &config->kernel));
    V2S_TRY(get_size(j, "gru.weight_hh_l0", 2, 1, &config->hidden));
    V2S_TRY(get_size(j, "output.weight", 2, 0, &config->outputs));
    if (config->kernel % 2 == 0)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: tensor conv1d.weight: expected an odd kernel (dimension 2), found %d",
                        j->path, config->kernel);
    return V2S_OK;
}

static v2s_status load_param(void *ctx, const char *name, v2s_tensor *param) {
    join *j = ctx;
    return v2s_safetensors_read_f32(j->file, name, param->rank, param->dim, param->data);
}

static v2s_status find_name(void *ctx, const char *name, v2s_tensor *param) {
    (void)param;
    return strcmp(ctx, name) == 0 ? V2S_END : V2S_OK;
}

static bool begins_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

// A tensor in the model's own name space must be a parameter. Others (a training state) stay aside.
static v2s_status check_strangers(const join *j, v2s_refiner *m) {
    const v2s_safetensors_entry *e;
    for (int i = 0; (e = v2s_safetensors_at(j->file, i)) != NULL; i++) {
        if (!begins_with(e->name, "conv1d.") && !begins_with(e->name, "gru.") &&
            !begins_with(e->name, "output."))
            continue;
        char name[V2S_PARAM_NAME_MAX];
        snprintf(name, sizeof name, "%s", e->name);
        if (v2s_refiner_each_param(m, find_name, name) != V2S_END)
            return V2S_FAIL(V2S_FORMAT, "%s: tensor %.64s does not belong to a refiner", j->path,
                            e->name);
    }
    return V2S_OK;
}

// Text of a file as it may appear in a message.
static const char *shown(const char *text) {
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return "control characters";
    return text;
}

static v2s_status get_rate(const join *j, int *rate_hz) {
    const char *text = v2s_safetensors_metadata(j->file, "rate_hz");
    *rate_hz = 0;
    if (text == NULL)
        return V2S_OK;
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= RATE_MIN_HZ && value <= RATE_MAX_HZ) ||
        value != floor(value))
        return V2S_FAIL(V2S_FORMAT, "%s: metadata rate_hz: expected %d .. %d, found \"%.32s\"",
                        j->path, RATE_MIN_HZ, RATE_MAX_HZ, shown(text));
    *rate_hz = (int)value;
    return V2S_OK;
}

// The value must be one of the NULL-terminated `allowed`; "" where the key is absent.
static v2s_status get_word(const join *j, const char *key, const char *const *allowed,
                           char word[32]) {
    const char *text = v2s_safetensors_metadata(j->file, key);
    word[0] = '\0';
    if (text == NULL)
        return V2S_OK;
    for (int i = 0; allowed[i] != NULL; i++)
        if (strcmp(text, allowed[i]) == 0) {
            snprintf(word, 32, "%s", text);
            return V2S_OK;
        }
    return V2S_FAIL(V2S_FORMAT, "%s: metadata %s: expected %s%s%s, found \"%.32s\"", j->path, key,
                    allowed[0], allowed[1] != NULL ? " or " : "",
                    allowed[1] != NULL ? allowed[1] : "", shown(text));
}

static v2s_status get_info(const join *j, v2s_refiner_info *info) {
    static const char *const models[] = {"refiner", NULL}, *const presets[] = {"seed", "v2s", NULL},
                             *const pairings[] = {"dry", "omni", NULL};
    char model[32];
    V2S_TRY(get_word(j, "model", models, model));
    V2S_TRY(get_word(j, "preset", presets, info->preset));
    V2S_TRY(get_word(j, "pairing", pairings, info->pairing));
    V2S_TRY(get_rate(j, &info->rate_hz));
    info->has_metadata = model[0] != '\0' || info->rate_hz > 0;
    info->crc32 = v2s_safetensors_crc32(j->file);
    info->crc_checked = v2s_safetensors_has_crc32(j->file);
    return V2S_OK;
}

static int band_inputs(bool dry) {
    return dry ? V2S_BAND_INPUTS_DRY : V2S_BAND_INPUTS_OMNI;
}

static int band_outputs(bool dry) {
    return V2S_BASIS_BANDS * v2s_foa_basis_gains(dry);
}

// The network of `v2s` must fit the basis that this program has.
static v2s_status check_band_network(const join *j, const v2s_refiner_info *info) {
    static const char *const versions[] = {V2S_FOA_BASIS_VERSION, NULL};
    char version[32];
    V2S_TRY(get_word(j, "basis", versions, version));
    if (version[0] == '\0' && info->told_by_shape)
        snprintf(version, sizeof version, "%s", V2S_FOA_BASIS_VERSION);
    if (version[0] == '\0' || info->pairing[0] == '\0')
        return V2S_FAIL(V2S_FORMAT, "%s: metadata %s is missing (preset v2s)", j->path,
                        version[0] == '\0' ? "basis" : "pairing");
    bool dry = strcmp(info->pairing, "dry") == 0;
    int inputs = band_inputs(dry), outputs = band_outputs(dry);
    if (info->config.inputs != inputs || info->config.outputs != outputs)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: preset v2s, pairing %s: expected %d inputs and %d outputs, found %d "
                        "and %d",
                        j->path, info->pairing, inputs, outputs, info->config.inputs,
                        info->config.outputs);
    return V2S_OK;
}

// The preset, and for v2s the pairing, of a file that does not name its preset.
static v2s_status tell_preset(const join *j, v2s_refiner_info *info) {
    static const char *const pairings[] = {"omni", "dry"};
    const v2s_refiner_config *c = &info->config;
    info->told_by_shape = true;
    if (c->inputs == V2S_REFINER_CHANNELS && c->outputs == V2S_REFINER_CHANNELS) {
        snprintf(info->preset, sizeof info->preset, "seed");
        return V2S_OK;
    }
    for (int dry = 0; dry < 2; dry++)
        if (c->inputs == band_inputs(dry) && c->outputs == band_outputs(dry)) {
            snprintf(info->preset, sizeof info->preset, "v2s");
            if (info->pairing[0] == '\0')
                snprintf(info->pairing, sizeof info->pairing, "%s", pairings[dry]);
            return check_band_network(j, info);
        }
    return V2S_FAIL(V2S_FORMAT,
                    "%s: no metadata says the preset, and %d inputs and %d outputs are those of "
                    "none: expected %d and %d (seed), %d and %d (v2s, omni) or %d and %d (v2s, "
                    "dry)",
                    j->path, c->inputs, c->outputs, V2S_REFINER_CHANNELS, V2S_REFINER_CHANNELS,
                    band_inputs(false), band_outputs(false), band_inputs(true), band_outputs(true));
}

static v2s_status load(join *j, v2s_refiner **m, v2s_refiner_info *info) {
    V2S_TRY(v2s_safetensors_open(j->path, &j->file));
    V2S_TRY(get_info(j, info));
    V2S_TRY(get_config(j, &info->config));
    if (strcmp(info->preset, "v2s") == 0)
        V2S_TRY(check_band_network(j, info));
    V2S_TRY(v2s_refiner_open(&info->config, m));
    V2S_TRY(v2s_refiner_each_param(*m, load_param, j));
    V2S_TRY(check_strangers(j, *m));
    if (info->preset[0] == '\0')
        V2S_TRY(tell_preset(j, info));
    info->parameters = v2s_refiner_parameters(*m);
    return V2S_OK;
}

v2s_status v2s_refiner_load(const char *path, v2s_refiner **out, v2s_refiner_info *info) {
    join j = {.path = path};
    v2s_refiner *m = NULL;
    v2s_refiner_info found = {0};
    v2s_status status = load(&j, &m, &found);
    v2s_safetensors_close(&j.file);
    if (status != V2S_OK) {
        v2s_refiner_close(&m);
        return status;
    }
    *out = m;
    if (info != NULL)
        *info = found;
    return V2S_OK;
}

static v2s_status read_floors(v2s_safetensors *file, v2s_refiner_floors *floors) {
    const v2s_safetensors_entry *e = v2s_safetensors_find(file, "floor.constant");
    if (v2s_safetensors_find(file, "floor.scaled") != NULL) {
        int size = V2S_REFINER_CHANNELS;
        V2S_TRY(v2s_safetensors_read_f32(file, "floor.scaled", 1, &size, floors->scaled));
        floors->has_scaled = true;
    }
    if (e == NULL)
        return V2S_OK;
    int count = e->rank == 1 && e->dim[0] <= INT_MAX ? (int)e->dim[0] : 0;
    floors->constant = malloc((count > 0 ? (size_t)count : 1) * sizeof *floors->constant);
    if (floors->constant == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    floors->constant_count = count;
    return v2s_safetensors_read_f32(file, "floor.constant", 1, &count, floors->constant);
}

v2s_status v2s_refiner_read_floors(const char *path, v2s_refiner_floors *out) {
    v2s_refiner_floors floors = {0};
    v2s_safetensors *file = NULL;
    V2S_TRY(v2s_safetensors_open(path, &file));
    v2s_status status = read_floors(file, &floors);
    v2s_safetensors_close(&file);
    if (status != V2S_OK) {
        v2s_refiner_floors_free(&floors);
        return status;
    }
    *out = floors;
    return V2S_OK;
}

void v2s_refiner_floors_free(v2s_refiner_floors *floors) {
    free(floors->constant);
    *floors = (v2s_refiner_floors){0};
}

bool v2s_refiner_conventions(bool banded, int index, v2s_safetensors_pair *pair) {
    static const v2s_safetensors_pair
        seed[] = {{"hop", "1 sample"},
                  {"conventions",
                   "AmbiX: channels W,Y,Z,X (ACN), SN3D; x front, y left, z up; refined = "
                   "foa + 0.1 network(foa)"}},
        bands[] = {
            {"hop", "a quarter of the transform, which is the fast length nearest to 32 ms: 128 "
                    "samples at 16000 Hz, 384 at 48000 Hz"},
            {"rate_range_hz", "8000 .. 384000"},
            {"conventions", "AmbiX: channels W,Y,Z,X (ACN), SN3D; x front, y left, z up; a row of "
                            "features and of gains for each hop, 32 ERB bands from 50 to 20000 Hz "
                            "at every rate"}};
    int count = banded ? (int)(sizeof bands / sizeof *bands) : (int)(sizeof seed / sizeof *seed);
    if (index < 0 || index >= count)
        return false;
    *pair = banded ? bands[index] : seed[index];
    return true;
}

typedef struct save_list {
    char names[TENSORS_MAX][V2S_PARAM_NAME_MAX];
    v2s_safetensors_tensor tensors[TENSORS_MAX];
    int count;
} save_list;

static v2s_status list_param(void *ctx, const char *name, v2s_tensor *param) {
    save_list *list = ctx;
    V2S_ASSERT(list->count < TENSORS_MAX);
    v2s_safetensors_tensor *t = &list->tensors[list->count];
    snprintf(list->names[list->count], V2S_PARAM_NAME_MAX, "%s", name);
    *t = (v2s_safetensors_tensor){
        .name = list->names[list->count], .rank = param->rank, .data = param->data};
    for (int i = 0; i < param->rank; i++)
        t->dim[i] = param->dim[i];
    list->count++;
    return V2S_OK;
}

v2s_status v2s_refiner_save(const char *path, v2s_refiner *m, int rate_hz, const char *pairing) {
    save_list list = {.count = 0};
    V2S_TRY(v2s_refiner_each_param(m, list_param, &list));
    char rate[16];
    snprintf(rate, sizeof rate, "%d", rate_hz);
    v2s_safetensors_pair metadata[8] = {{"model", "refiner"}, {"preset", "seed"}};
    int count = 2;
    if (rate_hz != 0)
        metadata[count++] = (v2s_safetensors_pair){"rate_hz", rate};
    if (pairing != NULL && pairing[0] != '\0')
        metadata[count++] = (v2s_safetensors_pair){"pairing", pairing};
    for (int i = 0; v2s_refiner_conventions(false, i, &metadata[count]); i++)
        count++;
    return v2s_safetensors_write(path, list.tensors, list.count, metadata, count);
}
