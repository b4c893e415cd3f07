// SPDX-License-Identifier: MIT
// ONNX files: what is built is read again, and hostile files are refused. That others read them is
// shown by tests/cli/onnx.sh.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoints/onnx.h"
#include "tests/support/damage.h"
#include "tests/support/scratch_file.h"

static const float six[] = {1, 2, 3, 4, 5, 6};

static void write_small(const scratch_file *f) {
    v2s_onnx *m = NULL;
    const v2s_onnx_dim in[] = {{.name = "batch"}, {.size = 2}},
                       out[] = {{.name = "batch"}, {.size = 3}};
    size_t bytes = 0;
    cr_assert_eq(v2s_onnx_open("small", &m), V2S_OK);
    v2s_onnx_input(m, "x", 2, in);
    v2s_onnx_output(m, "y", 2, out);
    v2s_onnx_floats(m, "w", 2, (const int[]){2, 3}, six);
    v2s_onnx_ints(m, "n", 2, (const int64_t[]){1, -1});
    float *own = v2s_onnx_new_floats(m, "half", 0, NULL);
    cr_assert_not_null(own);
    *own = 0.5f;
    v2s_onnx_node *node = v2s_onnx_add(m, "Gemm", (const char *const[]){"x", "w", NULL}, "z");
    v2s_onnx_float(m, node, "alpha", 2);
    v2s_onnx_int(m, node, "transA", 0);
    v2s_onnx_add(m, "Mul", (const char *const[]){"z", "half", NULL}, "y");
    v2s_onnx_metadata(m, "model", "test");
    v2s_onnx_metadata(m, "note", "umlaut \xc3\xa4");
    cr_assert_eq(v2s_onnx_write(m, f->path, &bytes), V2S_OK, "%s", v2s_error_text());
    v2s_onnx_close(&m);
    cr_assert_null(m);
    size_t size = 0;
    free(scratch_file_read(f, &size));
    cr_assert_eq(size, bytes);
}

static void expect_refusal(const scratch_file *f, v2s_status code, const char *words) {
    v2s_onnx_info info = {.opset = 77};
    v2s_error_clear();
    v2s_status status = v2s_onnx_read_info(f->path, &info);
    cr_assert_eq(status, code, "%d: %s", status, v2s_error_text());
    cr_assert_eq(info.opset, 77, "untouched on failure");
    cr_assert_not_null(strstr(v2s_error_text(), f->path), "%s", v2s_error_text());
    cr_assert_not_null(strstr(v2s_error_text(), words), "\"%s\" has no \"%s\"", v2s_error_text(),
                       words);
}

Test(onnx, what_is_built_is_read) {
    scratch_file f = scratch_file_make();
    write_small(&f);
    v2s_onnx_info info;
    cr_assert_eq(v2s_onnx_read_info(f.path, &info), V2S_OK, "%s", v2s_error_text());
    cr_expect(info.ir_version == V2S_ONNX_IR && info.opset == V2S_ONNX_OPSET);
    cr_expect_str_eq(info.producer, "vid2spatial");
    cr_expect_str_eq(info.graph, "small");
    cr_expect(info.node_count == 2 && info.weight_count == 3 && info.number_count == 6 + 2 + 1);
    cr_assert(info.input_count == 1 && info.output_count == 1 && info.metadata_count == 2);
    cr_expect_str_eq(info.inputs[0].name, "x");
    cr_expect_str_eq(info.inputs[0].type, "float32");
    cr_assert_eq(info.inputs[0].rank, 2);
    cr_expect_str_eq(info.inputs[0].dim[0].name, "batch");
    cr_expect(info.inputs[0].dim[1].name == NULL && info.inputs[0].dim[1].size == 2);
    cr_expect(info.outputs[0].dim[1].size == 3);
    cr_expect_str_eq(info.metadata[1].key, "note");
    cr_expect_str_eq(info.metadata[1].value, "umlaut \xc3\xa4");
    v2s_onnx_info_free(&info);
    scratch_file_remove(&f);
}

Test(onnx, the_same_calls_give_the_same_bytes) {
    scratch_file f[2];
    unsigned char *data[2];
    size_t size[2];
    for (int i = 0; i < 2; i++) {
        f[i] = scratch_file_make();
        write_small(&f[i]);
        data[i] = scratch_file_read(&f[i], &size[i]);
        scratch_file_remove(&f[i]);
    }
    cr_expect(size[0] == size[1] && memcmp(data[0], data[1], size[0]) == 0);
    free(data[0]);
    free(data[1]);
}

// A writer that grows lists one by one: the number of items is right across every doubling.
Test(onnx, long_lists_are_whole) {
    scratch_file f = scratch_file_make();
    v2s_onnx *m = NULL;
    enum { COUNT = 1000 };
    cr_assert_eq(v2s_onnx_open("long", &m), V2S_OK);
    v2s_onnx_output(m, "y", 0, NULL);
    for (int i = 0; i < COUNT; i++) {
        char name[16], before[16];
        snprintf(name, sizeof name, "v%d", i);
        snprintf(before, sizeof before, "v%d", i - 1);
        v2s_onnx_add(m, "Relu", (const char *const[]){before, NULL}, name);
        v2s_onnx_metadata(m, name, before);
    }
    cr_assert_eq(v2s_onnx_write(m, f.path, NULL), V2S_OK);
    v2s_onnx_close(&m);
    v2s_onnx_info info;
    cr_assert_eq(v2s_onnx_read_info(f.path, &info), V2S_OK, "%s", v2s_error_text());
    cr_expect(info.node_count == COUNT && info.metadata_count == COUNT);
    cr_expect_str_eq(info.metadata[777].key, "v777");
    v2s_onnx_info_free(&info);
    scratch_file_remove(&f);
}

Test(onnx, every_truncation_is_refused_or_whole) {
    scratch_file f = scratch_file_make();
    write_small(&f);
    size_t size = 0;
    unsigned char *data = scratch_file_read(&f, &size);
    for (size_t n = 0; n < size; n++) {
        scratch_file_write(&f, data, n);
        v2s_onnx_info info;
        v2s_status status = v2s_onnx_read_info(f.path, &info);
        cr_assert(status == V2S_OK || status == V2S_FORMAT, "%zu bytes: %s", n, v2s_error_text());
        if (status == V2S_OK)
            v2s_onnx_info_free(&info);
    }
    free(data);
    scratch_file_remove(&f);
}

Test(onnx, damaged_files_never_crash) {
    scratch_file f = scratch_file_make();
    write_small(&f);
    size_t size = 0;
    unsigned char *data = scratch_file_read(&f, &size);
    uint32_t state = 4;
    int refused = 0;
    for (int i = 0; i < 2000; i++) {
        size_t n = size;
        unsigned char *copy = v2s_test_damage(data, &n, &state);
        scratch_file_write(&f, copy, n);
        free(copy);
        v2s_onnx_info info;
        v2s_status status = v2s_onnx_read_info(f.path, &info);
        refused += status != V2S_OK;
        if (status == V2S_OK)
            v2s_onnx_info_free(&info);
    }
    cr_expect_gt(refused, 1000);
    free(data);
    scratch_file_remove(&f);
}

// ---- hostile files ----------------------------------------------------------------------------

// Puts `tag` and a length in front of what stands at the end of `room` bytes; returns its new size.
static size_t wrap(unsigned char *room, size_t room_bytes, size_t size, unsigned char tag) {
    unsigned char head[12];
    size_t n = 0, length = size;
    head[n++] = tag;
    do {
        head[n++] = (unsigned char)((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
        length >>= 7;
    } while (length > 0);
    memcpy(room + room_bytes - size - n, head, n);
    return size + n;
}

// graph of an attribute of a node of a graph ..., `levels` of them.
Test(onnx, deep_nesting_is_refused) {
    enum { GRAPH = 0x3a, NODE = 0x0a, ATTRIBUTE = 0x2a, SUBGRAPH = 0x32 };
    scratch_file f = scratch_file_make();
    size_t room_bytes = 4 << 20, size = 0;
    unsigned char *room = malloc(room_bytes);
    for (int level = 0; level < 100000; level++) {
        size = wrap(room, room_bytes, size, SUBGRAPH);
        size = wrap(room, room_bytes, size, ATTRIBUTE);
        size = wrap(room, room_bytes, size, NODE);
    }
    size = wrap(room, room_bytes, size, GRAPH);
    scratch_file_write(&f, room + room_bytes - size, size);
    expect_refusal(&f, V2S_FORMAT, "nested deeper than 64");
    free(room);
    scratch_file_remove(&f);
}

// Four million empty nodes: 8 MiB that would become a gibibyte.
Test(onnx, a_flood_of_messages_is_refused) {
    scratch_file f = scratch_file_make();
    size_t nodes = 4 << 20, room_bytes = 2 * nodes + 16;
    unsigned char *room = malloc(room_bytes);
    for (size_t i = 0; i < nodes; i++)
        memcpy(room + 16 + 2 * i, "\x0a\x00", 2);
    size_t size = wrap(room, room_bytes, 2 * nodes, 0x3a);
    scratch_file_write(&f, room + room_bytes - size, size);
    expect_refusal(&f, V2S_UNSUPPORTED, "messages");
    free(room);
    scratch_file_remove(&f);
}

Test(onnx, what_is_no_model_is_refused) {
    static const struct {
        const char *bytes;
        size_t size;
        const char *words;
    } cases[] = {
        {"", 0, "it is empty"},
        {"{\"a\": 1}", 8, "not an ONNX file"},
        {"\x08\x08", 2, "no graph"},
        {"\x3a\x00", 2, "no IR version"},
        {"\x08\x08\x3a\x00", 4, "no operator set"},
        {"\x08\x08\x42\x02\x10\x0f\x3a\x00", 8, "no output"},
        {"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "damaged"}, // a length of 2^64 - 1
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12,
         "damaged"},                // a number that goes on
        {"\x0b\x0c", 2, "damaged"}, // a group
        {"\x00\x00", 2, "damaged"}, // field number 0
    };
    scratch_file f = scratch_file_make();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scratch_file_write(&f, cases[i].bytes, cases[i].size);
        expect_refusal(&f, V2S_FORMAT, cases[i].words);
    }
    scratch_file_remove(&f);
    expect_refusal(&f, V2S_IO, "cannot open");
}

Test(onnx, names_and_shapes_that_cannot_be_are_refused) {
    static const v2s_onnx_dim nine[9] = {{.size = 1}};
    static const v2s_onnx_dim below = {.size = -1}, bell = {.name = "a\ab"};
    static const struct {
        const char *name, *key, *value;
        const v2s_onnx_dim *dim;
        int rank;
        v2s_status code;
        const char *words;
    } cases[] = {
        {"a\nb", "k", "v", NULL, 0, V2S_FORMAT, "no name that can be shown"},
        {"y", "k\x1b", "v", NULL, 0, V2S_FORMAT, "metadata_props 0"},
        {"y", "k", "\xff\xfe", NULL, 0, V2S_FORMAT, "metadata_props 0"},
        {"y", "k", "v", nine, 9, V2S_UNSUPPORTED, "at most 8 dimensions, found 9"},
        {"y", "k", "v", &below, 1, V2S_FORMAT, "at least 0, found -1"},
        {"y", "k", "v", &bell, 1, V2S_FORMAT, "control character"},
    };
    scratch_file f = scratch_file_make();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        v2s_onnx *m = NULL;
        cr_assert_eq(v2s_onnx_open("odd", &m), V2S_OK);
        v2s_onnx_output(m, cases[i].name, cases[i].rank, cases[i].dim);
        v2s_onnx_metadata(m, cases[i].key, cases[i].value);
        cr_assert_eq(v2s_onnx_write(m, f.path, NULL), V2S_OK);
        v2s_onnx_close(&m);
        expect_refusal(&f, cases[i].code, cases[i].words);
    }
    scratch_file_remove(&f);
}
