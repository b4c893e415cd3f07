// SPDX-License-Identifier: MIT
// HOW IT WORKS. protobuf-c unpacks a message by calling itself for every message in it, without a
// limit on depth, and makes a struct of some hundred bytes of a message that takes two in the file.
// So the bytes are walked first, along the same descriptors, with limits on the depth and on the
// number of messages and fields; only then is the model unpacked.
#include <errno.h>
#include <fcntl.h>
#include <onnx/onnx.pb-c.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoints/onnx.h"
#include "kernels/base/array.h"
#include "kernels/base/utf8.h"

enum { DEPTH_MAX = 64, MESSAGES_MAX = 1 << 20, FIELDS_MAX = 1 << 24 };

// ---- the walk ---------------------------------------------------------------------------------

typedef struct span {
    const uint8_t *at, *end;
} span;

typedef struct walk {
    const char *path;
    size_t messages, fields;
} walk;

static bool get_varint(span *s, uint64_t *value) {
    *value = 0;
    for (int shift = 0; shift < 64 && s->at < s->end; shift += 7) {
        uint8_t byte = *s->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool skip(span *s, uint64_t bytes) {
    if (bytes > (uint64_t)(s->end - s->at))
        return false;
    s->at += bytes;
    return true;
}

// One field; *inner is what a length-delimited one holds. Groups, of old files alone, are refused.
static bool get_field(span *s, uint64_t *number, bool *delimited, span *inner) {
    uint64_t tag, value;
    if (!get_varint(s, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
        return false;
    *number = tag >> 3;
    *delimited = (tag & 7) == 2;
    switch (tag & 7) {
    case 0:
        return get_varint(s, &value);
    case 1:
        return skip(s, 8);
    case 2:
        if (!get_varint(s, &value))
            return false;
        inner->at = s->at;
        if (!skip(s, value))
            return false;
        inner->end = s->at;
        return true;
    case 5:
        return skip(s, 4);
    default:
        return false;
    }
}

static v2s_status walk_message(walk *w, const ProtobufCMessageDescriptor *type, span s, int depth) {
    if (depth > DEPTH_MAX)
        return V2S_FAIL(V2S_FORMAT, "%s: messages are nested deeper than %d", w->path, DEPTH_MAX);
    if (++w->messages > MESSAGES_MAX)
        return V2S_FAIL(V2S_UNSUPPORTED, "%s: more than %d messages", w->path, MESSAGES_MAX);
    while (s.at < s.end) {
        uint64_t number = 0;
        bool delimited = false;
        span inner = {NULL, NULL};
        if (++w->fields > FIELDS_MAX)
            return V2S_FAIL(V2S_UNSUPPORTED, "%s: more than %d fields", w->path, FIELDS_MAX);
        if (!get_field(&s, &number, &delimited, &inner))
            return V2S_FAIL(V2S_FORMAT, "%s: not an ONNX file, or a damaged one", w->path);
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(type, (unsigned)number);
        if (field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE && delimited)
            V2S_TRY(walk_message(w, field->descriptor, inner, depth + 1));
    }
    return V2S_OK;
}

// ---- the file ---------------------------------------------------------------------------------

static v2s_status read_all(int fd, const char *path, uint8_t *bytes, size_t size) {
    for (size_t at = 0; at < size;) {
        ssize_t n = read(fd, bytes + at, size - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return V2S_FAIL(V2S_IO, "%s: cannot read: %s", path,
                            n < 0 ? strerror(errno) : "the file became shorter");
        at += (size_t)n;
    }
    return V2S_OK;
}

static v2s_status read_file(const char *path, uint8_t **bytes, size_t *size) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe must not block; refused below
    if (fd < 0)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    v2s_status status = V2S_OK;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        status = V2S_FAIL(V2S_IO, "%s: cannot read a model: not a regular file", path);
    else if (info.st_size == 0)
        status = V2S_FAIL(V2S_FORMAT, "%s: not an ONNX file: it is empty", path);
    else if (info.st_size > INT32_MAX)
        status = V2S_FAIL(V2S_UNSUPPORTED, "%s: %lld bytes, an ONNX file has at most %d", path,
                          (long long)info.st_size, INT32_MAX);
    uint8_t *data = status == V2S_OK ? malloc((size_t)info.st_size) : NULL;
    if (status == V2S_OK && data == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK)
        status = read_all(fd, path, data, (size_t)info.st_size);
    close(fd);
    if (status != V2S_OK) {
        free(data);
        return status;
    }
    *bytes = data;
    *size = (size_t)info.st_size;
    return V2S_OK;
}

static v2s_status unpack(const char *path, Onnx__ModelProto **out) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    walk w = {.path = path};
    V2S_TRY(read_file(path, &bytes, &size));
    v2s_status status =
        walk_message(&w, &onnx__model_proto__descriptor, (span){bytes, bytes + size}, 1);
    if (status == V2S_OK) {
        *out = onnx__model_proto__unpack(NULL, size, bytes);
        if (*out == NULL)
            status = V2S_FAIL(V2S_FORMAT, "%s: not an ONNX file, or a damaged one", path);
    }
    free(bytes);
    return status;
}

// ---- what it says -----------------------------------------------------------------------------

static const char *type_name(int type) {
    static const char *const names[] = {"undefined",  "float32", "uint8",  "int8",   "uint16",
                                        "int16",      "int32",   "int64",  "string", "bool",
                                        "float16",    "float64", "uint32", "uint64", "complex64",
                                        "complex128", "bfloat16"};
    return type > 0 && type < (int)(sizeof names / sizeof *names) ? names[type] : "other";
}

static v2s_status get_dim(const char *path, const char *name,
                          const Onnx__TensorShapeProto__Dimension *d, v2s_onnx_dim *out) {
    *out = (v2s_onnx_dim){.name = "?"};
    if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM) {
        if (!v2s_utf8_is_line(d->dim_param))
            return V2S_FAIL(V2S_FORMAT, "%s: %.64s: a dimension's name has a control character",
                            path, name);
        out->name = d->dim_param;
    } else if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE) {
        *out = (v2s_onnx_dim){.size = d->dim_value};
        if (d->dim_value < 0)
            return V2S_FAIL(V2S_FORMAT, "%s: %.64s: expected dimensions of at least 0, found %lld",
                            path, name, (long long)d->dim_value);
    }
    return V2S_OK;
}

static v2s_status get_value(const char *path, const Onnx__ValueInfoProto *from,
                            v2s_onnx_value *out) {
    if (from->name == NULL || !v2s_utf8_is_line(from->name))
        return V2S_FAIL(V2S_FORMAT, "%s: an input or output has no name that can be shown", path);
    *out = (v2s_onnx_value){.name = from->name, .type = "other", .rank = -1};
    const Onnx__TypeProto *type = from->type;
    if (type == NULL || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
        return V2S_OK;
    const Onnx__TensorShapeProto *shape = type->tensor_type->shape;
    out->type = type_name(type->tensor_type->elem_type);
    if (shape == NULL)
        return V2S_OK;
    if (shape->n_dim > V2S_ONNX_RANK_MAX)
        return V2S_FAIL(V2S_UNSUPPORTED, "%s: %.64s: expected at most %d dimensions, found %zu",
                        path, from->name, V2S_ONNX_RANK_MAX, shape->n_dim);
    out->rank = (int)shape->n_dim;
    for (int i = 0; i < out->rank; i++)
        V2S_TRY(get_dim(path, from->name, shape->dim[i], &out->dim[i]));
    return V2S_OK;
}

// The names of all weights, sorted.
typedef struct name_list {
    const char **items;
    size_t count;
} name_list;

static v2s_status list_weights(const Onnx__GraphProto *g, name_list *list) {
    list->items = calloc(g->n_initializer + 1, sizeof *list->items);
    if (list->items == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < g->n_initializer; i++)
        if (g->initializer[i]->name != NULL)
            list->items[list->count++] = g->initializer[i]->name;
    qsort(list->items, list->count, sizeof *list->items, v2s_compare_texts);
    return V2S_OK;
}

// Old files list their weights among the inputs: those are left out.
static v2s_status get_inputs(const char *path, const Onnx__GraphProto *g, v2s_onnx_info *info) {
    name_list weights = {0};
    V2S_TRY(list_weights(g, &weights));
    v2s_status status = V2S_OK;
    for (size_t i = 0; i < g->n_input && status == V2S_OK; i++) {
        const char *name = g->input[i]->name;
        if (name == NULL || bsearch(&name, weights.items, weights.count, sizeof *weights.items,
                                    v2s_compare_texts) == NULL)
            status = get_value(path, g->input[i], &info->inputs[info->input_count++]);
    }
    free(weights.items);
    return status;
}

static v2s_status get_outputs(const char *path, const Onnx__GraphProto *g, v2s_onnx_info *info) {
    for (size_t i = 0; i < g->n_output; i++)
        V2S_TRY(get_value(path, g->output[i], &info->outputs[info->output_count++]));
    return V2S_OK;
}

static v2s_status count_numbers(const char *path, const Onnx__GraphProto *g, size_t *count) {
    for (size_t i = 0; i < g->n_initializer; i++) {
        const Onnx__TensorProto *t = g->initializer[i];
        size_t numbers = 1;
        bool fits = true;
        for (size_t d = 0; d < t->n_dims; d++)
            fits = fits && t->dims[d] >= 0 &&
                   !__builtin_mul_overflow(numbers, (size_t)t->dims[d], &numbers);
        if (!fits || __builtin_add_overflow(*count, numbers, count))
            return V2S_FAIL(V2S_FORMAT, "%s: initialiser %zu: a shape that cannot be", path, i);
    }
    return V2S_OK;
}

static v2s_status get_metadata(const char *path, const Onnx__ModelProto *model,
                               v2s_onnx_info *info) {
    for (size_t i = 0; i < model->n_metadata_props; i++) {
        const Onnx__StringStringEntryProto *pair = model->metadata_props[i];
        if (pair->key == NULL || pair->value == NULL || !v2s_utf8_is_line(pair->key) ||
            !v2s_utf8_is_line(pair->value))
            return V2S_FAIL(V2S_FORMAT, "%s: metadata_props %zu is no text that can be shown", path,
                            i);
        info->metadata[info->metadata_count++] = (v2s_onnx_pair){pair->key, pair->value};
    }
    return V2S_OK;
}

static char *or_empty(char *text) {
    static char empty[] = "";
    return text != NULL && v2s_utf8_is_line(text) ? text : empty;
}

static v2s_status get_head(const char *path, const Onnx__ModelProto *model, v2s_onnx_info *info) {
    const Onnx__GraphProto *g = model->graph;
    if (g == NULL || !model->has_ir_version || model->n_opset_import == 0 || g->n_output == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: not an ONNX file: no %s", path,
                        g == NULL                    ? "graph"
                        : !model->has_ir_version     ? "IR version"
                        : model->n_opset_import == 0 ? "operator set"
                                                     : "output of the graph");
    info->ir_version = model->ir_version;
    info->producer = or_empty(model->producer_name);
    info->graph = or_empty(g->name);
    info->node_count = g->n_node;
    info->weight_count = g->n_initializer;
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const char *domain = model->opset_import[i]->domain;
        if (domain == NULL || domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0)
            info->opset = model->opset_import[i]->version;
    }
    return V2S_OK;
}

static v2s_status get_info(const char *path, const Onnx__ModelProto *model, v2s_onnx_info *info) {
    V2S_TRY(get_head(path, model, info));
    const Onnx__GraphProto *g = model->graph;
    info->inputs = calloc(g->n_input + 1, sizeof *info->inputs);
    info->outputs = calloc(g->n_output + 1, sizeof *info->outputs);
    info->metadata = calloc(model->n_metadata_props + 1, sizeof *info->metadata);
    if (info->inputs == NULL || info->outputs == NULL || info->metadata == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    V2S_TRY(get_inputs(path, g, info));
    V2S_TRY(get_outputs(path, g, info));
    V2S_TRY(count_numbers(path, g, &info->number_count));
    return get_metadata(path, model, info);
}

v2s_status v2s_onnx_read_info(const char *path, v2s_onnx_info *out) {
    Onnx__ModelProto *model = NULL;
    v2s_onnx_info info = {0};
    V2S_TRY(unpack(path, &model));
    info.owned = model;
    v2s_status status = get_info(path, model, &info);
    if (status != V2S_OK) {
        v2s_onnx_info_free(&info);
        return status;
    }
    *out = info;
    return V2S_OK;
}

void v2s_onnx_info_free(v2s_onnx_info *info) {
    if (info->owned != NULL)
        onnx__model_proto__free_unpacked(info->owned, NULL);
    free(info->inputs);
    free(info->outputs);
    free(info->metadata);
    *info = (v2s_onnx_info){0};
}
