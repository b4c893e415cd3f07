// SPDX-License-Identifier: MIT
#include <onnx/onnx.pb-c.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoints/onnx.h"
#include "kernels/base/arena.h"
#include "kernels/base/file_out.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "raw_data is copied as it lies in memory");

// Everything the messages point at is a block of this list, freed with the builder.
typedef struct block {
    struct block *next;
    max_align_t data[];
} block;

struct v2s_onnx {
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    block *blocks;
    bool out_of_memory;
};

struct v2s_onnx_node {
    Onnx__NodeProto message;
};

// ---- memory -----------------------------------------------------------------------------------

// Zeros; NULL, and remembered, when there is no more.
static void *take(v2s_onnx *m, size_t size) {
    block *b = m->out_of_memory ? NULL : calloc(1, sizeof *b + (size > 0 ? size : 1));
    if (b == NULL) {
        m->out_of_memory = true;
        return NULL;
    }
    b->next = m->blocks;
    m->blocks = b;
    return b->data;
}

static void *copy(v2s_onnx *m, const void *data, size_t size) {
    void *to = take(m, size);
    if (to != NULL && size > 0)
        memcpy(to, data, size);
    return to;
}

static char *copy_text(v2s_onnx *m, const char *text) {
    return copy(m, text, strlen(text) + 1);
}

// Appends to a repeated field. Room doubles when the count is a power of two; what was there stays
// in the list of blocks, so that growing costs at most as much again.
static void append(v2s_onnx *m, size_t *count, void ***items, void *item) {
    size_t n = *count;
    if (item == NULL)
        return;
    if ((n & (n - 1)) == 0) {
        void **more = take(m, (n > 0 ? 2 * n : 1) * sizeof *more);
        if (more == NULL)
            return;
        if (n > 0)
            memcpy(more, *items, n * sizeof *more);
        *items = more;
    }
    (*items)[n] = item;
    *count = n + 1;
}

#define APPEND(m, owner, field, item)                                                              \
    do {                                                                                           \
        void **items_ = (void **)(owner)->field;                                                   \
        append((m), &(owner)->n_##field, &items_, (item));                                         \
        (owner)->field = (void *)items_;                                                           \
    } while (0)

// A message of its own, made from the value that protobuf-c's initialiser gives.
#define MESSAGE(m, type, init) ((type *)copy((m), &(type)init, sizeof(type)))

// ---- the model ----------------------------------------------------------------------------------

static void set_model(v2s_onnx *m, const char *name) {
    Onnx__OperatorSetIdProto *opset =
        MESSAGE(m, Onnx__OperatorSetIdProto, ONNX__OPERATOR_SET_ID_PROTO__INIT);
    m->model = (Onnx__ModelProto)ONNX__MODEL_PROTO__INIT;
    m->graph = (Onnx__GraphProto)ONNX__GRAPH_PROTO__INIT;
    m->graph.name = copy_text(m, name);
    m->model.graph = &m->graph;
    m->model.has_ir_version = true;
    m->model.ir_version = V2S_ONNX_IR;
    m->model.producer_name = copy_text(m, "vid2spatial");
    m->model.producer_version = copy_text(m, V2S_VERSION);
    if (opset == NULL)
        return;
    opset->domain = copy_text(m, "");
    opset->has_version = true;
    opset->version = V2S_ONNX_OPSET;
    APPEND(m, &m->model, opset_import, opset);
}

v2s_status v2s_onnx_open(const char *name, v2s_onnx **out) {
    v2s_onnx *m = calloc(1, sizeof *m);
    if (m == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    set_model(m, name);
    *out = m;
    return V2S_OK;
}

void v2s_onnx_close(v2s_onnx **m) {
    block *b = *m != NULL ? (*m)->blocks : NULL;
    while (b != NULL) {
        block *next = b->next;
        free(b);
        b = next;
    }
    free(*m);
    *m = NULL;
}

static Onnx__TensorShapeProto *new_shape(v2s_onnx *m, int rank, const v2s_onnx_dim *dim) {
    Onnx__TensorShapeProto *shape =
        MESSAGE(m, Onnx__TensorShapeProto, ONNX__TENSOR_SHAPE_PROTO__INIT);
    for (int i = 0; i < rank && shape != NULL; i++) {
        Onnx__TensorShapeProto__Dimension *d = MESSAGE(m, Onnx__TensorShapeProto__Dimension,
                                                       ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT);
        if (d == NULL)
            return shape;
        if (dim[i].name != NULL) {
            d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            d->dim_param = copy_text(m, dim[i].name);
        } else {
            d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            d->dim_value = dim[i].size;
        }
        APPEND(m, shape, dim, d);
    }
    return shape;
}

static Onnx__ValueInfoProto *new_value(v2s_onnx *m, const char *name, int rank,
                                       const v2s_onnx_dim *dim) {
    Onnx__ValueInfoProto *value = MESSAGE(m, Onnx__ValueInfoProto, ONNX__VALUE_INFO_PROTO__INIT);
    Onnx__TypeProto *type = MESSAGE(m, Onnx__TypeProto, ONNX__TYPE_PROTO__INIT);
    Onnx__TypeProto__Tensor *tensor =
        MESSAGE(m, Onnx__TypeProto__Tensor, ONNX__TYPE_PROTO__TENSOR__INIT);
    if (tensor == NULL)
        return NULL;
    tensor->has_elem_type = true;
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->shape = new_shape(m, rank, dim);
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    value->name = copy_text(m, name);
    value->type = type;
    return value;
}

void v2s_onnx_input(v2s_onnx *m, const char *name, int rank, const v2s_onnx_dim *dim) {
    APPEND(m, &m->graph, input, new_value(m, name, rank, dim));
}

void v2s_onnx_output(v2s_onnx *m, const char *name, int rank, const v2s_onnx_dim *dim) {
    APPEND(m, &m->graph, output, new_value(m, name, rank, dim));
}

// ---- weights ------------------------------------------------------------------------------------

// dims are taken over, data is not copied.
static void add_weights(v2s_onnx *m, const char *name, int type, size_t rank, int64_t *dims,
                        const void *data, size_t bytes) {
    Onnx__TensorProto *t = MESSAGE(m, Onnx__TensorProto, ONNX__TENSOR_PROTO__INIT);
    if (t == NULL || dims == NULL)
        return;
    t->name = copy_text(m, name);
    t->n_dims = rank;
    t->dims = dims;
    t->has_data_type = true;
    t->data_type = type;
    t->has_raw_data = true;
    t->raw_data = (ProtobufCBinaryData){bytes, (uint8_t *)data};
    APPEND(m, &m->graph, initializer, t);
}

void v2s_onnx_floats(v2s_onnx *m, const char *name, int rank, const int *dim, const float *data) {
    int64_t *dims = take(m, (size_t)rank * sizeof *dims);
    size_t bytes = sizeof *data;
    for (int i = 0; i < rank && dims != NULL; i++) {
        dims[i] = dim[i];
        bytes = v2s_size_mul(bytes, (size_t)dim[i]);
    }
    add_weights(m, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, (size_t)rank, dims, data, bytes);
}

float *v2s_onnx_new_floats(v2s_onnx *m, const char *name, int rank, const int *dim) {
    size_t count = 1;
    for (int i = 0; i < rank; i++)
        count = v2s_size_mul(count, (size_t)dim[i]);
    float *data = take(m, v2s_size_mul(count, sizeof *data));
    if (data != NULL)
        v2s_onnx_floats(m, name, rank, dim, data);
    return data;
}

void v2s_onnx_ints(v2s_onnx *m, const char *name, int count, const int64_t *data) {
    size_t bytes = (size_t)count * sizeof *data;
    int64_t *dims = take(m, sizeof *dims), *own = copy(m, data, bytes);
    if (dims == NULL || own == NULL)
        return;
    dims[0] = count;
    add_weights(m, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1, dims, own, bytes);
}

// ---- nodes --------------------------------------------------------------------------------------

v2s_onnx_node *v2s_onnx_add(v2s_onnx *m, const char *op, const char *const *inputs,
                            const char *output) {
    Onnx__NodeProto *node = MESSAGE(m, Onnx__NodeProto, ONNX__NODE_PROTO__INIT);
    if (node == NULL)
        return NULL;
    node->op_type = copy_text(m, op);
    node->name = copy_text(m, output);
    for (; *inputs != NULL; inputs++)
        APPEND(m, node, input, copy_text(m, *inputs));
    APPEND(m, node, output, copy_text(m, output));
    APPEND(m, &m->graph, node, node);
    return (v2s_onnx_node *)node;
}

void v2s_onnx_second_output(v2s_onnx *m, v2s_onnx_node *node, const char *output) {
    if (node != NULL)
        APPEND(m, &node->message, output, copy_text(m, output));
}

static Onnx__AttributeProto *new_attribute(v2s_onnx *m, v2s_onnx_node *node, const char *name,
                                           Onnx__AttributeProto__AttributeType type) {
    Onnx__AttributeProto *a = MESSAGE(m, Onnx__AttributeProto, ONNX__ATTRIBUTE_PROTO__INIT);
    if (a == NULL || node == NULL)
        return NULL;
    a->name = copy_text(m, name);
    a->has_type = true;
    a->type = type;
    APPEND(m, &node->message, attribute, a);
    return a;
}

void v2s_onnx_int(v2s_onnx *m, v2s_onnx_node *node, const char *name, int64_t value) {
    Onnx__AttributeProto *a =
        new_attribute(m, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (a == NULL)
        return;
    a->has_i = true;
    a->i = value;
}

void v2s_onnx_float(v2s_onnx *m, v2s_onnx_node *node, const char *name, float value) {
    Onnx__AttributeProto *a =
        new_attribute(m, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    if (a == NULL)
        return;
    a->has_f = true;
    a->f = value;
}

void v2s_onnx_text(v2s_onnx *m, v2s_onnx_node *node, const char *name, const char *value) {
    Onnx__AttributeProto *a =
        new_attribute(m, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    char *text = copy_text(m, value);
    if (a == NULL || text == NULL)
        return;
    a->has_s = true;
    a->s = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
}

void v2s_onnx_int_list(v2s_onnx *m, v2s_onnx_node *node, const char *name, int count,
                       const int64_t *values) {
    Onnx__AttributeProto *a =
        new_attribute(m, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    int64_t *own = copy(m, values, (size_t)count * sizeof *values);
    if (a == NULL || own == NULL)
        return;
    a->n_ints = (size_t)count;
    a->ints = own;
}

void v2s_onnx_metadata(v2s_onnx *m, const char *key, const char *value) {
    Onnx__StringStringEntryProto *pair =
        MESSAGE(m, Onnx__StringStringEntryProto, ONNX__STRING_STRING_ENTRY_PROTO__INIT);
    if (pair == NULL)
        return;
    pair->key = copy_text(m, key);
    pair->value = copy_text(m, value);
    APPEND(m, &m->model, metadata_props, pair);
}

// ---- writing ------------------------------------------------------------------------------------

typedef struct file_buffer {
    ProtobufCBuffer base;
    v2s_file_out *file;
} file_buffer;

static void append_to_file(ProtobufCBuffer *buffer, size_t size, const uint8_t *data) {
    v2s_file_out_write(((file_buffer *)buffer)->file, data, size); // commit reports what it kept
}

v2s_status v2s_onnx_write(v2s_onnx *m, const char *path, size_t *bytes) {
    const ProtobufCMessage *message = &m->model.base;
    if (m->out_of_memory)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    size_t size = protobuf_c_message_get_packed_size(message);
    if (size > INT32_MAX)
        return V2S_FAIL(V2S_UNSUPPORTED,
                        "%s: the model takes %zu bytes, an ONNX file holds at most %d", path, size,
                        INT32_MAX);
    file_buffer buffer = {.base = {append_to_file}};
    V2S_TRY(v2s_file_out_open(path, &buffer.file));
    protobuf_c_message_pack_to_buffer(message, &buffer.base);
    v2s_status status = v2s_file_out_commit(buffer.file);
    v2s_file_out_close(&buffer.file);
    if (status == V2S_OK && bytes != NULL)
        *bytes = size;
    return status;
}
