// SPDX-License-Identifier: MIT
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "checkpoints/safetensors.h"
#include "kernels/base/arena.h"
#include "kernels/base/file_out.h"

static const char *dtype_of(const v2s_safetensors_tensor *t) {
    return t->dtype != NULL ? t->dtype : "F32";
}

static size_t tensor_bytes(const v2s_safetensors_tensor *t) {
    size_t bytes = v2s_safetensors_dtype_bytes(dtype_of(t));
    V2S_ASSERT(bytes > 0);
    for (int i = 0; i < t->rank; i++)
        bytes = v2s_size_mul(bytes, (size_t)t->dim[i]);
    return bytes;
}

static uint32_t data_crc(const v2s_safetensors_tensor *tensors, int count) {
    uLong crc = crc32_z(0, Z_NULL, 0);
    for (int i = 0; i < count; i++)
        if (tensor_bytes(&tensors[i]) > 0)
            crc = crc32_z(crc, (const Bytef *)tensors[i].data, tensor_bytes(&tensors[i]));
    return (uint32_t)crc;
}

static bool add_metadata(cJSON *header, const v2s_safetensors_pair *metadata, int count,
                         uint32_t crc) {
    cJSON *object = cJSON_AddObjectToObject(header, "__metadata__");
    if (object == NULL)
        return false;
    for (int i = 0; i < count; i++)
        if (cJSON_AddStringToObject(object, metadata[i].key, metadata[i].value) == NULL)
            return false;
    char text[16];
    snprintf(text, sizeof text, "%08x", (unsigned)crc);
    return cJSON_AddStringToObject(object, "crc32", text) != NULL;
}

// Offsets below 2^53 print exactly from a double.
static bool add_tensor(cJSON *header, const v2s_safetensors_tensor *t, size_t begin) {
    cJSON *object = cJSON_AddObjectToObject(header, t->name);
    if (object == NULL || cJSON_AddStringToObject(object, "dtype", dtype_of(t)) == NULL)
        return false;
    double offsets[2] = {(double)begin, (double)(begin + tensor_bytes(t))};
    cJSON *shape = cJSON_CreateIntArray(t->dim, t->rank);
    if (!cJSON_AddItemToObject(object, "shape", shape)) {
        cJSON_Delete(shape);
        return false;
    }
    cJSON *range = cJSON_CreateDoubleArray(offsets, 2);
    if (!cJSON_AddItemToObject(object, "data_offsets", range)) {
        cJSON_Delete(range);
        return false;
    }
    return true;
}

// The header's text, or NULL when memory runs out.
static char *header_text(const v2s_safetensors_tensor *tensors, int tensor_count,
                         const v2s_safetensors_pair *metadata, int metadata_count) {
    cJSON *header = cJSON_CreateObject();
    bool ok = header != NULL &&
              add_metadata(header, metadata, metadata_count, data_crc(tensors, tensor_count));
    size_t at = 0;
    for (int i = 0; ok && i < tensor_count; i++) {
        ok = add_tensor(header, &tensors[i], at);
        at += tensor_bytes(&tensors[i]);
    }
    char *text = ok ? cJSON_PrintUnformatted(header) : NULL;
    cJSON_Delete(header);
    return text;
}

static v2s_status write_all(v2s_file_out *f, const char *text,
                            const v2s_safetensors_tensor *tensors, int count) {
    // Padding to 8 bytes aligns the data for readers that map the file.
    size_t length = strlen(text), padded = (length + 7) / 8 * 8;
    uint64_t prefix = padded;
    V2S_TRY(v2s_file_out_write(f, &prefix, sizeof prefix));
    V2S_TRY(v2s_file_out_write(f, text, length));
    V2S_TRY(v2s_file_out_write(f, "       ", padded - length));
    for (int i = 0; i < count; i++)
        V2S_TRY(v2s_file_out_write(f, tensors[i].data, tensor_bytes(&tensors[i])));
    return v2s_file_out_commit(f);
}

v2s_status v2s_safetensors_write(const char *path, const v2s_safetensors_tensor *tensors,
                                 int tensor_count, const v2s_safetensors_pair *metadata,
                                 int metadata_count) {
    char *text = header_text(tensors, tensor_count, metadata, metadata_count);
    if (text == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_file_out *f = NULL;
    v2s_status status = v2s_file_out_open(path, &f);
    if (status == V2S_OK)
        status = write_all(f, text, tensors, tensor_count);
    v2s_file_out_close(&f);
    cJSON_free(text);
    return status;
}
