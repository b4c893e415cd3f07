// SPDX-License-Identifier: MIT
#include "data/npy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "tests/support/damage.h"
#include "tests/support/make_media.h"

enum { MANY = 1 << 20 };

TestSuite(npy, .fini = v2s_test_folder_remove);

// A file of this header text, padded as NumPy pads it, and these bytes behind it.
static const char *make(const char *header, const void *data, size_t size) {
    const char *path = v2s_test_path("a.npy");
    char start[1024];
    int n = (int)strlen(header) + 1, total = (10 + n + 63) / 64 * 64;
    memcpy(start, "\x93NUMPY\1\0", 8);
    start[8] = (char)(total - 10);
    start[9] = (char)((total - 10) >> 8);
    memset(start + 10, ' ', (size_t)(total - 10));
    memcpy(start + 10, header, strlen(header));
    start[total - 1] = '\n';
    FILE *f = fopen(path, "wb");
    cr_assert(f != NULL);
    cr_assert(fwrite(start, 1, (size_t)total, f) == (size_t)total);
    cr_assert(size == 0 || fwrite(data, 1, size, f) == size);
    fclose(f);
    return path;
}

static v2s_npy read_ok(const char *path) {
    v2s_npy a = {0};
    cr_assert(v2s_npy_read(path, MANY, &a) == V2S_OK, "%s", v2s_error_text());
    return a;
}

static void assert_fails(const char *path, v2s_status code, const char *part) {
    v2s_npy a = {0};
    v2s_error_clear();
    v2s_status status = v2s_npy_read(path, MANY, &a);
    cr_expect(status == code, "%d: '%s'", (int)status, v2s_error_text());
    cr_expect(strstr(v2s_error_text(), part) != NULL, "no '%s' in '%s'", part, v2s_error_text());
    cr_expect(strncmp(v2s_error_text(), path, strlen(path)) == 0, "'%s'", v2s_error_text());
    cr_expect(a.values == NULL);
}

// The same three numbers in every type and byte order.
typedef struct coded {
    const char *type, *bytes;
    size_t size;
    double value[3];
    v2s_npy_kind kind;
} coded;

static const coded CODED[] = {
    {"|b1", "\1\0\1", 3, {1, 0, 1}, V2S_NPY_UNSIGNED},
    {"|u1", "\xFF\0\7", 3, {255, 0, 7}, V2S_NPY_UNSIGNED},
    {"|i1", "\xFF\x80\7", 3, {-1, -128, 7}, V2S_NPY_SIGNED},
    {"<u2", "\1\2\0\0\xFF\xFF", 6, {513, 0, 65535}, V2S_NPY_UNSIGNED},
    {">u2", "\2\1\0\0\xFF\xFF", 6, {513, 0, 65535}, V2S_NPY_UNSIGNED},
    {"<i2", "\1\2\0\x80\xFF\xFF", 6, {513, -32768, -1}, V2S_NPY_SIGNED},
    {">i2", "\2\1\x80\0\xFF\xFF", 6, {513, -32768, -1}, V2S_NPY_SIGNED},
    {"<u4", "\1\0\1\0\0\0\0\0\0\0\0\x80", 12, {65537, 0, 2147483648.0}, V2S_NPY_UNSIGNED},
    {">i4", "\0\1\0\1\0\0\0\0\x80\0\0\0", 12, {65537, 0, -2147483648.0}, V2S_NPY_SIGNED},
    {"<u8",
     "\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80",
     24,
     {0x1p40, 0, 0x1p63},
     V2S_NPY_UNSIGNED},
    {">i8",
     "\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE",
     24,
     {0x1p40, 0, -2},
     V2S_NPY_SIGNED},
    {"<f2", "\0\x3C\xFF\xFB\1\0", 6, {1, -65504, 0x1p-24}, V2S_NPY_FLOAT},
    {">f2", "\x3C\0\xFB\xFF\x7C\0", 6, {1, -65504, INFINITY}, V2S_NPY_FLOAT},
    {"<f4", "\0\0\x80\x3F\0\0\0\xC0\0\0\x80\x7F", 12, {1, -2, INFINITY}, V2S_NPY_FLOAT},
    {">f4", "\x3F\x80\0\0\xC0\0\0\0\xFF\x80\0\0", 12, {1, -2, -INFINITY}, V2S_NPY_FLOAT},
    {"<f8",
     "\0\0\0\0\0\0\xF0\x3F\0\0\0\0\0\0\0\xC0\0\0\0\0\0\0\0\0",
     24,
     {1, -2, 0},
     V2S_NPY_FLOAT},
    {">f8",
     "\x3F\xF0\0\0\0\0\0\0\xC0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
     24,
     {1, -2, 0},
     V2S_NPY_FLOAT},
};

Test(npy, every_type_and_byte_order_is_read) {
    for (size_t i = 0; i < sizeof CODED / sizeof CODED[0]; i++) {
        const coded *c = &CODED[i];
        char header[128];
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (3,), }",
                 c->type);
        v2s_npy a = read_ok(make(header, c->bytes, c->size));
        cr_expect(a.kind == c->kind && (size_t)a.bytes == c->size / 3, "%s", c->type);
        cr_expect(a.rank == 1 && a.count == 3 && a.dim[0] == 3 && a.dim[1] == 1 && a.dim[3] == 1);
        for (int k = 0; k < 3; k++)
            cr_expect(a.values[k] == c->value[k], "%s [%d] %g", c->type, k, a.values[k]);
        v2s_npy_free(&a);
        cr_expect(a.values == NULL);
    }
}

Test(npy, half_nan_is_nan) {
    v2s_npy a = read_ok(
        make("{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }", "\0\x7E\1\xFC", 4));
    cr_expect(isnan(a.values[0]) && isnan(a.values[1]));
    v2s_npy_free(&a);
}

Test(npy, fortran_order_is_turned) {
    uint8_t data[2 * 3 * 4];
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 4; k++)
                data[i + 2 * (j + 3 * k)] = (uint8_t)(100 * i + 10 * j + k);
    v2s_npy a = read_ok(
        make("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4), }", data, sizeof data));
    cr_assert(a.rank == 3 && a.count == 24);
    for (int i = 0; i < 24; i++)
        cr_expect_eq(a.values[i], 100 * (i / 12) + 10 * (i / 4 % 3) + i % 4);
    v2s_npy_free(&a);
}

Test(npy, headers_may_differ_in_form) {
    static const char *const headers[] = {
        "{'shape': (2, 1), 'fortran_order': False, 'descr': '|u1'}",
        "{\"descr\":\"u1\",\"fortran_order\":False,\"shape\":(2,1)}",
        "{ 'descr' : '=u1' , 'fortran_order' : False , 'shape' : ( 2L , 1L , ) , }",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        v2s_npy a = read_ok(make(headers[i], "\5\6", 2));
        cr_expect(a.rank == 2 && a.dim[0] == 2 && a.values[1] == 6);
        v2s_npy_free(&a);
    }
    v2s_npy a = read_ok(make("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", "\5", 1));
    cr_expect(a.rank == 0 && a.count == 1 && a.values[0] == 5);
    v2s_npy_free(&a);
    a = read_ok(make("{'descr': '|u1', 'fortran_order': True, 'shape': (3, 0), }", "", 0));
    cr_expect(a.rank == 2 && a.count == 0 && a.dim[0] == 3 && a.dim[1] == 0);
    v2s_npy_free(&a);
}

Test(npy, version_2_has_a_long_header) {
    static const char file[] = "\x93NUMPY\2\0\x3A\0\0\0"
                               "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), } \x09";
    const char *path = v2s_test_path("v2.npy");
    v2s_test_write_file(path, file, sizeof file - 1);
    v2s_npy a = read_ok(path);
    cr_expect(a.count == 1 && a.values[0] == 9);
    v2s_npy_free(&a);
}

typedef struct fault {
    const char *header, *part;
    size_t size; // of the data behind it
} fault;

#define FIELDS(descr, order, shape)                                                                \
    "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }"

static const fault FAULTS[] = {
    {"", "beginning", 3},
    {"{", "a field's name", 3},
    {"{'descr': '|u1', 'shape': (3,), }", "fortran_order is missing", 3},
    {"{'fortran_order': False, 'shape': (3,), }", "descr is missing", 3},
    {"{'descr': '|u1', 'fortran_order': False}", "shape is missing", 3},
    {"{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (3,)}", "double", 3},
    {"{'colour': 'red', 'descr': '|u1'}", "unknown", 3},
    {"{'descr' '|u1'}", "a field's name", 3},
    {"{'descr': '|u1' 'fortran_order': False}", "descr cannot be understood", 3},
    {"{'descr': '|u1", "descr cannot be understood", 3},
    {FIELDS("3", "False", "(3,)"), "descr cannot be understood", 3},
    {FIELDS("'|O'", "False", "(3,)"), "found '|O'", 24},
    {FIELDS("'<c8'", "False", "(3,)"), "found '<c8'", 24},
    {FIELDS("'<U4'", "False", "(3,)"), "found '<U4'", 48},
    {FIELDS("'<f16'", "False", "(3,)"), "found '<f16'", 48},
    {FIELDS("'<M8[ns]'", "False", "(3,)"), "found '<M8[ns]'", 24},
    {FIELDS("''", "False", "(3,)"), "found ''", 3},
    {FIELDS("[('a', '<f4'), ('b', '<i4')]", "False", "(3,)"), "records with fields", 24},
    {FIELDS("'|u1'", "0", "(3,)"), "fortran_order", 3},
    {FIELDS("'|u1'", "False", "3"), "shape cannot", 3},
    {FIELDS("'|u1'", "False", "(-3,)"), "shape cannot", 3},
    {FIELDS("'|u1'", "False", "(3.0,)"), "shape cannot", 3},
    {FIELDS("'|u1'", "False", "(3 3)"), "shape cannot", 3},
    {FIELDS("'|u1'", "False", "(3"), "shape cannot", 3},
    {FIELDS("'|u1'", "False", "(1, 1, 1, 1, 3)"), "at most 4 dimensions", 3},
    {FIELDS("'|u1'", "False", "(99999999999999999999,)"), "shape cannot", 3},
    {FIELDS("'<f8'", "False", "(4294967296, 4294967296)"), "at most 1048576 values", 8},
    {FIELDS("'<f8'", "False", "(2305843009213693952,)"), "at most 1048576 values", 0},
    {FIELDS("'|u1'", "False", "(1048577,)"), "at most 1048576 values", 3},
    {FIELDS("'|u1'", "False", "(4,)"), "expected 4 values of 1 bytes, found 3 bytes", 3},
    {FIELDS("'|u1'", "False", "(2,)"), "expected 2 values of 1 bytes, found 3 bytes", 3},
    {FIELDS("'<f4'", "False", "(2, 2)"), "expected 4 values of 4 bytes, found 15 bytes", 15},
    {FIELDS("'<f4'", "False", "(2, 2)"), "expected 4 values of 4 bytes, found 17 bytes", 17},
    {FIELDS("'<f4'", "False", "(0, 9999999999)"), "expected 0 values", 4},
};

Test(npy, a_header_that_does_not_fit_is_named) {
    static const char data[64];
    for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++)
        assert_fails(make(FAULTS[i].header, data, FAULTS[i].size), V2S_FORMAT, FAULTS[i].part);
}

Test(npy, what_is_no_array_is_named) {
    static const struct {
        const char *bytes;
        size_t size;
        const char *part;
    } files[] = {
        {"", 0, "empty"},
        {"\x93NUM", 4, "not an npy file"},
        {"RIFF1234WAVEfmt ", 16, "not an npy file"},
        {"version https://git-lfs.github.com/spec/v1\n", 43, "git lfs pull"},
        {"\x93NUMPY\0\0\1\0{", 11, "version"},
        {"\x93NUMPY\4\0\1\0{", 11, "version"},
        {"\x93NUMPY\1\0\xFF\xFF{", 11, "ends in the header"},
        {"\x93NUMPY\1\0\1", 9, "ends in the header"},
        {"\x93NUMPY\2\0\xFF\xFF\xFF\xFF{", 13, "at most"},
    };
    const char *path = v2s_test_path("b.npy");
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        v2s_test_write_file(path, files[i].bytes, files[i].size);
        assert_fails(path, V2S_FORMAT, files[i].part);
    }
    assert_fails(v2s_test_path("gone.npy"), V2S_IO, "No such file");
    assert_fails(v2s_test_folder(), V2S_IO, "folder");
    path = v2s_test_path("pipe.npy");
    cr_assert(mkfifo(path, 0600) == 0);
    assert_fails(path, V2S_FORMAT, "not a file");
}

Test(npy, written_bytes_are_those_of_numpy) {
    static const char numpy[] = "\x93NUMPY\1\0v\0{'descr': '<u2', 'fortran_order': False, "
                                "'shape': (2, 3), }";
    const uint16_t values[] = {1, 2, 3, 256, 65535, 0};
    const size_t dim[] = {2, 3};
    const char *path = v2s_test_path("w.npy");
    cr_assert(v2s_npy_write_u16(path, 2, dim, values) == V2S_OK, "%s", v2s_error_text());
    size_t size;
    unsigned char *bytes = v2s_test_read_file(path, &size);
    cr_assert_eq(size, 128 + sizeof values);
    cr_expect(memcmp(bytes, numpy, sizeof numpy - 1) == 0);
    for (size_t i = sizeof numpy - 1; i < 127; i++)
        cr_expect_eq(bytes[i], ' ');
    cr_expect_eq(bytes[127], '\n');
    cr_expect(memcmp(bytes + 128, "\1\0\2\0\3\0\0\1\xFF\xFF\0\0", 12) == 0);
    free(bytes);
}

Test(npy, what_is_written_is_read_back) {
    float values[60];
    for (int i = 0; i < 60; i++)
        values[i] = sinf((float)i) * 1e3f;
    const size_t dim[] = {3, 4, 5, 1};
    static const size_t counts[] = {1, 3, 12, 60, 60};
    for (int rank = 0; rank <= V2S_NPY_RANK_MAX; rank++) {
        const char *path = v2s_test_path("f.npy");
        cr_assert(v2s_npy_write_f32(path, rank, dim, values) == V2S_OK, "%s", v2s_error_text());
        v2s_npy a = read_ok(path);
        cr_assert(a.rank == rank && a.count == counts[rank] && a.kind == V2S_NPY_FLOAT);
        for (size_t i = 0; i < a.count; i++)
            cr_expect(a.values[i] == values[i]);
        v2s_npy_free(&a);
    }
    const size_t none[] = {0};
    cr_assert(v2s_npy_write_f32(v2s_test_path("e.npy"), 1, none, values) == V2S_OK);
    v2s_npy a = read_ok(v2s_test_path("e.npy"));
    cr_expect_eq(a.count, 0);
    v2s_npy_free(&a);
    cr_expect(v2s_npy_write_f32(v2s_test_path("no/such/folder.npy"), 1, dim, values) == V2S_IO);
}

Test(npy, damaged_files_never_crash) {
    const uint16_t values[300] = {0};
    const size_t dim[] = {15, 20};
    const char *path = v2s_test_path("whole.npy"), *spoilt = v2s_test_path("spoilt.npy");
    cr_assert(v2s_npy_write_u16(path, 2, dim, values) == V2S_OK);
    size_t size;
    unsigned char *data = v2s_test_read_file(path, &size);
    uint32_t state = 1;
    int refused = 0;
    for (int i = 0; i < 600; i++) {
        size_t damaged_size = size;
        unsigned char *bytes = v2s_test_damage(data, &damaged_size, &state);
        v2s_test_write_file(spoilt, bytes, damaged_size);
        free(bytes);
        v2s_npy a = {0};
        if (v2s_npy_read(spoilt, MANY, &a) != V2S_OK) {
            refused++;
            cr_assert(a.values == NULL && v2s_error_text()[0] != '\0');
        } else {
            cr_assert(a.count <= MANY && a.values != NULL);
        }
        v2s_npy_free(&a);
    }
    cr_expect(refused > 300 && refused < 600, "%d", refused);
    free(data);
}
