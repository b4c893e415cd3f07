// SPDX-License-Identifier: MIT
//   00: 40 01 00 00 00 00 00 00    u64 little-endian: bytes of the header
//   08: 7b 22 5f 5f 6d 65 74 61    {"__metadata__":{"model":"refiner",...},
//   ..: ...                         "conv1d.weight":{"dtype":"F32","shape":[64,4,15],
//   ..: ... 20 20                    "data_offsets":[0,15360]},...}   padded with spaces
//   ..: tensor data                 offsets count from here
#include "checkpoints/safetensors.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "data is copied as it lies in memory");

enum { HEADER_MAX = 4 << 20, PREFIX_BYTES = 8, BLOCK_BYTES = 1 << 16 };

// Integers of a JSON header are doubles in cJSON: exact up to 2^53.
static const double INTEGER_MAX = 9007199254740992.0;

struct v2s_safetensors {
    char *path;
    int fd;
    uint64_t data_at, data_bytes;
    cJSON *header, *metadata; // metadata is part of header, or NULL
    v2s_safetensors_entry *entries;
    int count;
    uint32_t crc32;
    bool has_crc32;
};

typedef struct dtype {
    const char *name;
    unsigned bytes;
} dtype;

static const dtype dtypes[] = {{"F32", 4}, {"F64", 8}, {"F16", 2}, {"BF16", 2},    {"BOOL", 1},
                               {"U8", 1},  {"I8", 1},  {"I16", 2}, {"U16", 2},     {"I32", 4},
                               {"U32", 4}, {"I64", 8}, {"U64", 8}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};

static v2s_status read_at(const v2s_safetensors *f, void *data, size_t size, uint64_t at) {
    unsigned char *to = data;
    while (size > 0) {
        ssize_t n = pread(f->fd, to, size, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return V2S_FAIL(V2S_IO, "%s: cannot read: %s", f->path, strerror(errno));
        if (n == 0)
            return V2S_FAIL(V2S_FORMAT, "%s: the file became shorter while it was read", f->path);
        to += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    return V2S_OK;
}

static v2s_status open_file(v2s_safetensors *f, uint64_t *file_bytes) {
    // A pipe without a writer must not block the open; it is refused below.
    f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (f->fd < 0 || fstat(f->fd, &info) != 0)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", f->path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return V2S_FAIL(V2S_IO, "%s: cannot read weights: not a regular file", f->path);
    *file_bytes = (uint64_t)info.st_size;
    return V2S_OK;
}

static v2s_status parse_header(v2s_safetensors *f, char *text, size_t size) {
    const char *end = NULL;
    f->header = cJSON_ParseWithLengthOpts(text, size, &end, 0);
    if (f->header == NULL)
        return V2S_FAIL(V2S_FORMAT, "%s: safetensors header is not valid JSON (byte %zu of %zu)",
                        f->path, end == NULL ? (size_t)0 : (size_t)(end - text), size);
    for (size_t i = (size_t)(end - text); i < size; i++)
        if (text[i] != ' ')
            return V2S_FAIL(V2S_FORMAT,
                            "%s: safetensors header: expected only spaces after the JSON object, "
                            "found byte 0x%02x",
                            f->path, (unsigned)(unsigned char)text[i]);
    if (!cJSON_IsObject(f->header))
        return V2S_FAIL(V2S_FORMAT, "%s: safetensors header: expected a JSON object", f->path);
    return V2S_OK;
}

static v2s_status read_header(v2s_safetensors *f) {
    uint64_t file_bytes = 0, header_bytes = 0;
    V2S_TRY(open_file(f, &file_bytes));
    if (file_bytes < PREFIX_BYTES + 2)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: not a safetensors file: expected at least %d bytes, found %llu",
                        f->path, PREFIX_BYTES + 2, (unsigned long long)file_bytes);
    V2S_TRY(read_at(f, &header_bytes, sizeof header_bytes, 0));
    if (header_bytes < 2 || header_bytes > file_bytes - PREFIX_BYTES)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: safetensors header length: expected 2 .. %llu (the file's size), "
                        "found %llu",
                        f->path, (unsigned long long)(file_bytes - PREFIX_BYTES),
                        (unsigned long long)header_bytes);
    if (header_bytes > HEADER_MAX)
        return V2S_FAIL(V2S_UNSUPPORTED,
                        "%s: safetensors header length: expected at most %d, found %llu", f->path,
                        HEADER_MAX, (unsigned long long)header_bytes);
    f->data_at = PREFIX_BYTES + header_bytes;
    f->data_bytes = file_bytes - f->data_at;
    char *text = malloc(header_bytes + 1);
    if (text == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = read_at(f, text, header_bytes, PREFIX_BYTES);
    if (status == V2S_OK)
        status = parse_header(f, text, header_bytes);
    free(text);
    return status;
}

// Names and keys go into messages and tables: control characters have no business there.
static bool is_printable(const char *text) {
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

static v2s_status check_metadata(const v2s_safetensors *f) {
    if (!cJSON_IsObject(f->metadata))
        return V2S_FAIL(V2S_FORMAT, "%s: __metadata__: expected an object of strings", f->path);
    const cJSON *item;
    cJSON_ArrayForEach(item, f->metadata) {
        if (!is_printable(item->string))
            return V2S_FAIL(V2S_FORMAT, "%s: __metadata__: a key has a control character", f->path);
        if (!cJSON_IsString(item))
            return V2S_FAIL(V2S_FORMAT, "%s: __metadata__: \"%.64s\": expected a string", f->path,
                            item->string);
    }
    return V2S_OK;
}

static bool get_integer(const cJSON *item, uint64_t *value) {
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0.0) || item->valuedouble > INTEGER_MAX ||
        item->valuedouble != floor(item->valuedouble))
        return false;
    *value = (uint64_t)item->valuedouble;
    return true;
}

static v2s_status parse_shape(const v2s_safetensors *f, const cJSON *shape,
                              v2s_safetensors_entry *e, uint64_t *elements) {
    *elements = 1;
    if (!cJSON_IsArray(shape))
        return V2S_FAIL(V2S_FORMAT, "%s: tensor %.64s: shape: expected an array", f->path, e->name);
    const cJSON *item;
    cJSON_ArrayForEach(item, shape) {
        uint64_t dim;
        if (!get_integer(item, &dim))
            return V2S_FAIL(V2S_FORMAT,
                            "%s: tensor %.64s: shape: expected whole numbers from 0 to 2^53",
                            f->path, e->name);
        if (e->rank == V2S_SAFETENSORS_RANK_MAX)
            return V2S_FAIL(V2S_UNSUPPORTED,
                            "%s: tensor %.64s: shape: expected at most %d dimensions", f->path,
                            e->name, V2S_SAFETENSORS_RANK_MAX);
        e->dim[e->rank++] = (int64_t)dim;
        if (__builtin_mul_overflow(*elements, dim, elements))
            return V2S_FAIL(V2S_FORMAT, "%s: tensor %.64s: shape: the product is too large",
                            f->path, e->name);
    }
    return V2S_OK;
}

static const dtype *find_dtype(const cJSON *item) {
    for (size_t i = 0; cJSON_IsString(item) && i < sizeof dtypes / sizeof dtypes[0]; i++)
        if (strcmp(dtypes[i].name, item->valuestring) == 0)
            return &dtypes[i];
    return NULL;
}

static v2s_status parse_offsets(const v2s_safetensors *f, const cJSON *offsets,
                                v2s_safetensors_entry *e) {
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 ||
        !get_integer(offsets->child, &e->begin) || !get_integer(offsets->child->next, &e->end))
        return V2S_FAIL(V2S_FORMAT,
                        "%s: tensor %.64s: data_offsets: expected two whole numbers from 0 to 2^53",
                        f->path, e->name);
    if (e->begin > e->end || e->end > f->data_bytes)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: tensor %.64s: data_offsets: expected begin <= end <= %llu (the data), "
                        "found %llu and %llu",
                        f->path, e->name, (unsigned long long)f->data_bytes,
                        (unsigned long long)e->begin, (unsigned long long)e->end);
    return V2S_OK;
}

static v2s_status parse_entry(const v2s_safetensors *f, const cJSON *item,
                              v2s_safetensors_entry *e) {
    e->name = item->string;
    if (!is_printable(e->name))
        return V2S_FAIL(V2S_FORMAT, "%s: a tensor's name has a control character", f->path);
    if (!cJSON_IsObject(item))
        return V2S_FAIL(V2S_FORMAT, "%s: tensor %.64s: expected an object", f->path, e->name);
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(item, "dtype");
    const dtype *d = find_dtype(type);
    if (d == NULL)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: tensor %.64s: dtype: expected F32 or the like, found "
                        "%.16s",
                        f->path, e->name,
                        cJSON_IsString(type) && is_printable(type->valuestring) ? type->valuestring
                                                                                : "none");
    e->dtype = d->name;
    uint64_t bytes;
    V2S_TRY(parse_shape(f, cJSON_GetObjectItemCaseSensitive(item, "shape"), e, &bytes));
    V2S_TRY(parse_offsets(f, cJSON_GetObjectItemCaseSensitive(item, "data_offsets"), e));
    if (__builtin_mul_overflow(bytes, (uint64_t)d->bytes, &bytes) || bytes != e->end - e->begin)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: tensor %.64s: its shape needs another number of bytes than the %llu "
                        "that data_offsets give it",
                        f->path, e->name, (unsigned long long)(e->end - e->begin));
    return V2S_OK;
}

static int by_name(const void *a, const void *b) {
    const v2s_safetensors_entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int by_offset(const void *a, const void *b) {
    const v2s_safetensors_entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static v2s_status check_names(const v2s_safetensors *f) {
    for (int i = 1; i < f->count; i++)
        if (strcmp(f->entries[i - 1].name, f->entries[i].name) == 0)
            return V2S_FAIL(V2S_FORMAT, "%s: tensor %.64s: the name appears twice", f->path,
                            f->entries[i].name);
    return V2S_OK;
}

// The format leaves no byte unused and uses none twice.
static v2s_status check_coverage(const v2s_safetensors *f) {
    uint64_t at = 0;
    for (int i = 0; i < f->count; i++) {
        const v2s_safetensors_entry *e = &f->entries[i];
        if (e->begin != at)
            return V2S_FAIL(V2S_FORMAT,
                            "%s: tensor %.64s: data_offsets: expected begin %llu (%s the tensor "
                            "before it), found %llu",
                            f->path, e->name, (unsigned long long)at,
                            e->begin < at ? "it overlaps" : "there is a gap behind",
                            (unsigned long long)e->begin);
        at = e->end;
    }
    if (at != f->data_bytes)
        return V2S_FAIL(V2S_FORMAT, "%s: expected %llu bytes of tensor data, found %llu", f->path,
                        (unsigned long long)at, (unsigned long long)f->data_bytes);
    return V2S_OK;
}

static v2s_status parse_entries(v2s_safetensors *f) {
    f->entries = calloc((size_t)cJSON_GetArraySize(f->header) + 1, sizeof *f->entries);
    if (f->entries == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    cJSON *item;
    cJSON_ArrayForEach(item, f->header) {
        if (strcmp(item->string, "__metadata__") != 0) {
            V2S_TRY(parse_entry(f, item, &f->entries[f->count]));
            f->count++;
        } else if (f->metadata == NULL) {
            f->metadata = item;
            V2S_TRY(check_metadata(f));
        } else {
            return V2S_FAIL(V2S_FORMAT, "%s: __metadata__ appears twice", f->path);
        }
    }
    qsort(f->entries, (size_t)f->count, sizeof *f->entries, by_name);
    V2S_TRY(check_names(f));
    qsort(f->entries, (size_t)f->count, sizeof *f->entries, by_offset);
    return check_coverage(f);
}

static v2s_status check_crc(v2s_safetensors *f) {
    unsigned char block[BLOCK_BYTES];
    uLong crc = crc32(0, Z_NULL, 0);
    for (uint64_t at = 0; at < f->data_bytes;) {
        uint64_t left = f->data_bytes - at;
        size_t n = left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;
        V2S_TRY(read_at(f, block, n, f->data_at + at));
        crc = crc32(crc, block, (uInt)n);
        at += n;
    }
    f->crc32 = (uint32_t)crc;
    const char *expected = v2s_safetensors_metadata(f, "crc32");
    f->has_crc32 = expected != NULL;
    char found[16];
    snprintf(found, sizeof found, "%08x", (unsigned)f->crc32);
    if (expected != NULL && strcmp(expected, found) != 0)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: the weights are damaged: CRC-32 of the data: expected %.16s, found %s",
                        f->path, is_printable(expected) ? expected : "another", found);
    return V2S_OK;
}

v2s_status v2s_safetensors_open(const char *path, v2s_safetensors **out) {
    v2s_safetensors *f = calloc(1, sizeof *f);
    if (f == NULL || (f->path = strdup(path)) == NULL) {
        free(f);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    f->fd = -1;
    v2s_status status;
    V2S_TRY_GOTO(status, read_header(f), fail);
    V2S_TRY_GOTO(status, parse_entries(f), fail);
    V2S_TRY_GOTO(status, check_crc(f), fail);
    *out = f;
    return V2S_OK;
fail:
    v2s_safetensors_close(&f);
    return status;
}

void v2s_safetensors_close(v2s_safetensors **file) {
    v2s_safetensors *f = *file;
    if (f == NULL)
        return;
    if (f->fd >= 0)
        close(f->fd);
    cJSON_Delete(f->header);
    free(f->entries);
    free(f->path);
    free(f);
    *file = NULL;
}

const v2s_safetensors_entry *v2s_safetensors_at(const v2s_safetensors *file, int index) {
    return index >= 0 && index < file->count ? &file->entries[index] : NULL;
}

const v2s_safetensors_entry *v2s_safetensors_find(const v2s_safetensors *file, const char *name) {
    for (int i = 0; i < file->count; i++)
        if (strcmp(file->entries[i].name, name) == 0)
            return &file->entries[i];
    return NULL;
}

bool v2s_safetensors_metadata_at(const v2s_safetensors *file, int index, const char **key,
                                 const char **value) {
    const cJSON *item = file->metadata == NULL ? NULL : cJSON_GetArrayItem(file->metadata, index);
    if (item == NULL)
        return false;
    *key = item->string;
    *value = item->valuestring;
    return true;
}

const char *v2s_safetensors_metadata(const v2s_safetensors *file, const char *key) {
    const cJSON *item =
        file->metadata == NULL ? NULL : cJSON_GetObjectItemCaseSensitive(file->metadata, key);
    return item == NULL ? NULL : item->valuestring;
}

uint32_t v2s_safetensors_crc32(const v2s_safetensors *file) {
    return file->crc32;
}

bool v2s_safetensors_has_crc32(const v2s_safetensors *file) {
    return file->has_crc32;
}

static void shape_text(int rank, const int *dim, const int64_t *dim64, char text[192]) {
    int n = snprintf(text, 192, "[");
    for (int i = 0; i < rank; i++)
        n += snprintf(text + n, 192 - (size_t)n, "%s%lld", i == 0 ? "" : ", ",
                      dim != NULL ? (long long)dim[i] : (long long)dim64[i]);
    snprintf(text + n, 192 - (size_t)n, "]");
}

static v2s_status check_shape(const v2s_safetensors *f, const v2s_safetensors_entry *e, int rank,
                              const int *dim) {
    bool same = e->rank == rank;
    for (int i = 0; same && i < rank; i++)
        same = e->dim[i] == dim[i];
    if (same)
        return V2S_OK;
    char expected[192], found[192];
    shape_text(rank, dim, NULL, expected);
    shape_text(e->rank, NULL, e->dim, found);
    return V2S_FAIL(V2S_FORMAT, "%s: tensor %.64s: shape: expected %s, found %s", f->path, e->name,
                    expected, found);
}

static float from_f16(uint16_t bits) {
    int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    float value = exponent == 0    ? ldexpf((float)mantissa, -24)
                  : exponent == 31 ? (mantissa == 0 ? INFINITY : NAN)
                                   : ldexpf((float)(mantissa + 1024), exponent - 25);
    return bits >> 15 ? -value : value;
}

// Number i of a block of stored numbers, as a float.
static float element(const char *type, const unsigned char *block, size_t i) {
    if (strcmp(type, "F32") == 0) {
        float value;
        memcpy(&value, block + 4 * i, sizeof value);
        return value;
    }
    if (strcmp(type, "F64") == 0) {
        double value;
        memcpy(&value, block + 8 * i, sizeof value);
        return fabs(value) <= 3.4028234663852886e38 ? (float)value : NAN;
    }
    uint16_t half;
    memcpy(&half, block + 2 * i, sizeof half);
    if (strcmp(type, "F16") == 0)
        return from_f16(half);
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static v2s_status read_numbers(v2s_safetensors *f, const v2s_safetensors_entry *e, size_t width,
                               float *out) {
    unsigned char block[BLOCK_BYTES];
    size_t index = 0;
    for (uint64_t at = e->begin; at < e->end;) {
        uint64_t left = e->end - at;
        size_t bytes = left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;
        V2S_TRY(read_at(f, block, bytes, f->data_at + at));
        for (size_t i = 0; i < bytes / width; i++, index++) {
            float value = element(e->dtype, block, i);
            if (!isfinite(value))
                return V2S_FAIL(V2S_NUMERIC,
                                "%s: tensor %.64s: number %zu is not finite (NaN or infinite)",
                                f->path, e->name, index);
            out[index] = value;
        }
        at += bytes;
    }
    return V2S_OK;
}

v2s_status v2s_safetensors_read_f32(v2s_safetensors *file, const char *name, int rank,
                                    const int *dim, float *out) {
    const v2s_safetensors_entry *e = v2s_safetensors_find(file, name);
    if (e == NULL)
        return V2S_FAIL(V2S_FORMAT, "%s: tensor %.64s is missing", file->path, name);
    V2S_TRY(check_shape(file, e, rank, dim));
    for (int i = 0; i < 4; i++) // the floating types come first in the table
        if (strcmp(e->dtype, dtypes[i].name) == 0)
            return read_numbers(file, e, dtypes[i].bytes, out);
    return V2S_FAIL(V2S_UNSUPPORTED,
                    "%s: tensor %.64s: dtype: expected F32, F64, F16 or BF16, found %s", file->path,
                    name, e->dtype);
}

v2s_status v2s_safetensors_read_raw(v2s_safetensors *file, const char *name, const char *type,
                                    int rank, const int *dim, void *out) {
    const v2s_safetensors_entry *e = v2s_safetensors_find(file, name);
    if (e == NULL)
        return V2S_FAIL(V2S_FORMAT, "%s: tensor %.64s is missing", file->path, name);
    if (strcmp(e->dtype, type) != 0)
        return V2S_FAIL(V2S_FORMAT, "%s: tensor %.64s: dtype: expected %s, found %s", file->path,
                        name, type, e->dtype);
    V2S_TRY(check_shape(file, e, rank, dim));
    return read_at(file, out, (size_t)(e->end - e->begin), file->data_at + e->begin);
}

size_t v2s_safetensors_dtype_bytes(const char *type) {
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++)
        if (strcmp(dtypes[i].name, type) == 0)
            return dtypes[i].bytes;
    return 0;
}
