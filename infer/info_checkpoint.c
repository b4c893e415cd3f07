// SPDX-License-Identifier: MIT
#include "infer/info_checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "checkpoints/safetensors.h"
#include "infer/refiner_file.h"

static void shape_text(const v2s_safetensors_entry *entry, char *text, size_t room) {
    size_t at = (size_t)snprintf(text, room, "[");
    for (int i = 0; i < entry->rank && at < room; i++)
        at +=
            (size_t)snprintf(text + at, room - at, "%s%" PRId64, i > 0 ? ", " : "", entry->dim[i]);
    if (at < room)
        snprintf(text + at, room - at, "]");
}

static void list_tensors(const v2s_safetensors *file, v2s_run_log *log) {
    cJSON *tensors = cJSON_AddArrayToObject(log->json, "tensors");
    const v2s_safetensors_entry *entry;
    for (int i = 0; (entry = v2s_safetensors_at(file, i)) != NULL; i++) {
        char shape[160];
        shape_text(entry, shape, sizeof shape);
        v2s_run_log_row(log, i == 0 ? "tensors" : "", "%-28s %-4s %s", entry->name, entry->dtype,
                        shape);
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
        v2s_run_log_warn(log,
                         "%s: no metadata of ours: sample rate, pairing and provenance are "
                         "not known",
                         path);
    return V2S_OK;
}

v2s_status v2s_info_checkpoint(const char *path, v2s_run_log *log) {
    v2s_safetensors *file = NULL;
    V2S_TRY(v2s_safetensors_open(path, &file));
    v2s_run_log_text(log, "kind", "checkpoint");
    v2s_status status = V2S_OK;
    const char *model = v2s_safetensors_metadata(file, "model");
    bool is_refiner = model != NULL ? strcmp(model, "refiner") == 0
                                    : v2s_safetensors_find(file, "conv1d.weight") != NULL;
    if (is_refiner) {
        status = describe_refiner(path, log);
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
        list_metadata(file, log);
        list_tensors(file, log);
    }
    v2s_safetensors_close(&file);
    return status;
}
