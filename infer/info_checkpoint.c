// SPDX-License-Identifier: MIT
#include "infer/info_checkpoint.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "checkpoints/safetensors.h"
#include "infer/depth_model.h"
#include "infer/refiner_file.h"

static void shape_text(const v2s_safetensors_entry *entry, char *text, size_t room) {
    size_t at = (size_t)snprintf(text, room, "[");
    for (int i = 0; i < entry->rank && at < room; i++)
        at +=
            (size_t)snprintf(text + at, room - at, "%s%" PRId64, i > 0 ? ", " : "", entry->dim[i]);
    if (at < room)
        snprintf(text + at, room - at, "]");
}

static int longest_name(const v2s_safetensors *file) {
    const v2s_safetensors_entry *entry;
    size_t longest = 0;
    for (int i = 0; (entry = v2s_safetensors_at(file, i)) != NULL; i++)
        longest = strlen(entry->name) > longest ? strlen(entry->name) : longest;
    return (int)longest;
}

static void list_tensors(const v2s_safetensors *file, v2s_run_log *log) {
    cJSON *tensors = cJSON_AddArrayToObject(log->json, "tensors");
    const v2s_safetensors_entry *entry;
    int width = longest_name(file);
    for (int i = 0; (entry = v2s_safetensors_at(file, i)) != NULL; i++) {
        char shape[160];
        shape_text(entry, shape, sizeof shape);
        v2s_run_log_row(log, i == 0 ? "tensors" : "", "%-*s %-4s %s", width, entry->name,
                        entry->dtype, shape);
        cJSON *item = cJSON_CreateObject(), *dims = cJSON_AddArrayToObject(item, "shape");
        cJSON_AddStringToObject(item, "name", entry->name);
        cJSON_AddStringToObject(item, "dtype", entry->dtype);
        for (int d = 0; d < entry->rank; d++)
            cJSON_AddItemToArray(dims, cJSON_CreateNumber((double)entry->dim[d]));
        cJSON_AddItemToArray(tensors, item);
    }
}

static void list_metadata(const v2s_safetensors *file, v2s_run_log *log) {
    cJSON *metadata = cJSON_AddObjectToObject(log->json, "metadata");
    const char *key, *value;
    for (int i = 0; v2s_safetensors_metadata_at(file, i, &key, &value); i++) {
        v2s_run_log_row(log, i == 0 ? "metadata" : "", "%s = %s", key, value);
        cJSON_AddStringToObject(metadata, key, value);
    }
}

static v2s_status describe_floors(const char *path, v2s_run_log *log) {
    v2s_refiner_floors floors = {0};
    V2S_TRY(v2s_refiner_read_floors(path, &floors));
    v2s_run_log_row(log, "floors", "scaled: %s, constant: %s",
                    floors.has_scaled ? "there" : "missing",
                    floors.constant != NULL ? "there" : "missing");
    cJSON *json = cJSON_AddObjectToObject(log->json, "floors");
    cJSON_AddBoolToObject(json, "scaled", floors.has_scaled);
    cJSON_AddBoolToObject(json, "constant", floors.constant != NULL);
    v2s_refiner_floors_free(&floors);
    return V2S_OK;
}

// A refiner is checked whole: shapes, missing tensors, numbers that are not finite.
static v2s_status describe_refiner(const char *path, v2s_run_log *log) {
    v2s_refiner *refiner = NULL;
    v2s_refiner_info info;
    V2S_TRY(v2s_refiner_load(path, &refiner, &info));
    v2s_refiner_close(&refiner);
    v2s_run_log_row(log, "kind", "checkpoint: refiner, preset %s, %zu parameters", info.preset,
                    info.parameters);
    v2s_run_log_text(log, "model", "refiner");
    v2s_run_log_text(log, "preset", info.preset);
    v2s_run_log_number(log, "parameters", (double)info.parameters);
    if (info.rate_hz > 0)
        v2s_run_log_row(log, "rate", "%d Hz", info.rate_hz);
    if (info.pairing[0] != '\0')
        v2s_run_log_row(log, "pairing", "%s", info.pairing);
    if (!info.has_metadata)
        v2s_run_log_warn(log, "%s: no metadata of ours: %s not known", path,
                         strcmp(info.preset, "v2s") == 0
                             ? "preset and pairing are told by the shapes; basis and provenance are"
                             : "sample rate, pairing and provenance are");
    return describe_floors(path, log);
}

static void describe_depth_config(const v2s_depth_file *f, v2s_run_log *log) {
    char text[V2S_DEPTH_MODEL_TEXT], levels[16];
    size_t parameters = v2s_depth_net_parameters(f->net);
    v2s_depth_model_describe(f, text);
    v2s_run_log_row(log, "kind", "checkpoint: depth network, %s, %zu parameters", text, parameters);
    v2s_run_log_text(log, "model", "depth");
    v2s_run_log_number(log, "parameters", (double)parameters);
    v2s_run_log_number(log, "base_channels", f->config.base_channels);
    v2s_run_log_text(log, "attention_levels", v2s_depth_levels_text(&f->config, levels));
    v2s_run_log_text(log, "attention_scale",
                     f->config.scale == V2S_ATTENTION_SCALE_KEY ? "key" : "channels");
    v2s_run_log_number(log, "size", f->config.size);
    v2s_run_log_number(log, "max_depth_m", f->config.max_depth_m);
    v2s_run_log_number(log, "rate_hz", f->rate_hz);
    v2s_run_log_text(log, "ears", f->left_only ? "left" : "both");
}

// A depth network is checked whole as well.
static v2s_status describe_depth(const char *path, v2s_run_log *log) {
    v2s_depth_file f = {0};
    V2S_TRY(v2s_depth_file_open(path, &f));
    describe_depth_config(&f, log);
    bool constant = isfinite(f.constant_depth);
    v2s_run_log_row(log, "floors", "mean depth map: %s, best constant: %s",
                    f.mean_depth != NULL ? "there" : "missing", constant ? "there" : "missing");
    cJSON *floors = cJSON_AddObjectToObject(log->json, "floors");
    cJSON_AddBoolToObject(floors, "mean_map", f.mean_depth != NULL);
    if (constant)
        cJSON_AddNumberToObject(floors, "constant_m", f.constant_depth);
    else
        cJSON_AddNullToObject(floors, "constant_m");
    for (int i = 0; i < f.warning_count; i++)
        v2s_run_log_warn(log, "%s", f.warnings[i]);
    v2s_depth_file_close(&f);
    return V2S_OK;
}

// What a run would need to go on, and where the file comes from.
static void describe_training(v2s_safetensors *file, v2s_run_log *log) {
    static const char *const keys[] = {"steps", "seed", "command", "version", "wall_s", "cpu_s"};
    enum { COUNTERS = 9, STEPS = 2 };
    int64_t counters[COUNTERS];
    int count = COUNTERS;
    cJSON *state = cJSON_AddObjectToObject(log->json, "training_state");
    bool there =
        v2s_safetensors_find(file, "trainer.counters") != NULL &&
        v2s_safetensors_read_raw(file, "trainer.counters", "I64", 1, &count, counters) == V2S_OK;
    cJSON_AddBoolToObject(state, "there", there);
    if (there)
        cJSON_AddNumberToObject(state, "steps", (double)counters[STEPS]);
    if (there)
        v2s_run_log_row(log, "training state", "after %lld steps: --resume goes on from here",
                        (long long)counters[STEPS]);
    else
        v2s_run_log_row(log, "training state", "none");
    cJSON *provenance = cJSON_AddObjectToObject(log->json, "provenance");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (v2s_safetensors_metadata(file, keys[i]) != NULL)
            cJSON_AddStringToObject(provenance, keys[i], v2s_safetensors_metadata(file, keys[i]));
}

// By metadata, else by a tensor that only that model has.
static bool is_model(const v2s_safetensors *file, const char *model, const char *tensor) {
    const char *told = v2s_safetensors_metadata(file, "model");
    return told != NULL ? strcmp(told, model) == 0 : v2s_safetensors_find(file, tensor) != NULL;
}

v2s_status v2s_info_checkpoint(const char *path, v2s_run_log *log) {
    v2s_safetensors *file = NULL;
    V2S_TRY(v2s_safetensors_open(path, &file));
    v2s_run_log_text(log, "kind", "checkpoint");
    v2s_status status = V2S_OK;
    const char *model = v2s_safetensors_metadata(file, "model");
    if (is_model(file, "refiner", "conv1d.weight")) {
        status = describe_refiner(path, log);
    } else if (is_model(file, "depth", "encoder_left.inc.double_conv.0.weight")) {
        status = describe_depth(path, log);
    } else {
        v2s_run_log_row(log, "kind", "checkpoint of another model (%s)",
                        model != NULL ? model : "no metadata");
        v2s_run_log_text(log, "model", model != NULL ? model : "unknown");
    }
    if (status == V2S_OK) {
        char crc[16];
        snprintf(crc, sizeof crc, "%08" PRIx32, v2s_safetensors_crc32(file));
        v2s_run_log_row(log, "CRC-32", "%s%s", crc,
                        v2s_safetensors_has_crc32(file) ? ", as the file says"
                                                        : " (the file names none)");
        v2s_run_log_text(log, "crc32", crc);
        describe_training(file, log);
        list_metadata(file, log);
        list_tensors(file, log);
    }
    v2s_safetensors_close(&file);
    return status;
}
