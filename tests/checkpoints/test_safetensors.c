// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoints/safetensors.h"
#include "tests/support/scratch_file.h"

// The file of this header (its true length in front) and `data_bytes` bytes of data.
static void write_file(const scratch_file *f, const char *header, const void *data,
                       size_t data_bytes) {
    uint64_t length = strlen(header);
    size_t size = 8 + (size_t)length + data_bytes;
    unsigned char *all = malloc(size);
    memcpy(all, &length, 8);
    memcpy(all + 8, header, (size_t)length);
    if (data_bytes > 0)
        memcpy(all + 8 + length, data, data_bytes);
    scratch_file_write(f, all, size);
    free(all);
}

// Opening must fail with this code and a sentence that has the file's name and `words`.
static void expect_refusal(const scratch_file *f, v2s_status code, const char *words) {
    v2s_safetensors *file = NULL;
    v2s_error_clear();
    v2s_status status = v2s_safetensors_open(f->path, &file);
    cr_assert_eq(status, code, "%d: %s", status, v2s_error_text());
    cr_assert_null(file);
    cr_assert_not_null(strstr(v2s_error_text(), f->path), "%s", v2s_error_text());
    cr_assert_not_null(strstr(v2s_error_text(), words), "\"%s\" has no \"%s\"", v2s_error_text(),
                       words);
}

static const float six[] = {1, 2, 3, 4, 5, 6};

static void write_two(const scratch_file *f) {
    const v2s_safetensors_tensor tensors[] = {{"b.weight", 2, {2, 2}, six, NULL},
                                              {"a \"quoted\"", 1, {2}, six + 4, NULL}};
    const v2s_safetensors_pair metadata[] = {{"model", "test"}, {"note", "line\nline \\ \"x\""}};
    cr_assert_eq(v2s_safetensors_write(f->path, tensors, 2, metadata, 2), V2S_OK);
}

Test(safetensors, what_is_written_is_read) {
    scratch_file f = scratch_file_make();
    write_two(&f);
    v2s_safetensors *file = NULL;
    cr_assert_eq(v2s_safetensors_open(f.path, &file), V2S_OK, "%s", v2s_error_text());
    const v2s_safetensors_entry *e = v2s_safetensors_at(file, 0);
    cr_assert_str_eq(e->name, "b.weight");
    cr_assert_str_eq(e->dtype, "F32");
    cr_assert(e->rank == 2 && e->dim[0] == 2 && e->dim[1] == 2);
    cr_assert(e->begin == 0 && e->end == 16);
    cr_assert_str_eq(v2s_safetensors_at(file, 1)->name, "a \"quoted\"");
    cr_assert_null(v2s_safetensors_at(file, 2));
    cr_assert_null(v2s_safetensors_at(file, -1));
    cr_assert_null(v2s_safetensors_find(file, "c"));
    float out[4] = {0};
    cr_assert_eq(v2s_safetensors_read_f32(file, "b.weight", 2, (const int[]){2, 2}, out), V2S_OK);
    cr_assert_eq(memcmp(out, six, sizeof out), 0);
    cr_assert_str_eq(v2s_safetensors_metadata(file, "note"), "line\nline \\ \"x\"");
    cr_assert_null(v2s_safetensors_metadata(file, "Model"));
    cr_assert(v2s_safetensors_has_crc32(file));
    cr_assert_eq(v2s_safetensors_crc32(file), 0x1939e524u, "%08x", v2s_safetensors_crc32(file));
    const char *key, *value;
    cr_assert(v2s_safetensors_metadata_at(file, 0, &key, &value));
    cr_assert_str_eq(key, "model");
    cr_assert_not(v2s_safetensors_metadata_at(file, 3, &key, &value));
    v2s_safetensors_close(&file);
    scratch_file_remove(&f);
}

Test(safetensors, data_starts_on_a_multiple_of_eight) {
    scratch_file f = scratch_file_make();
    write_two(&f);
    size_t size;
    unsigned char *bytes = scratch_file_read(&f, &size);
    cr_assert_eq((size - sizeof six) % 8, 0);
    free(bytes);
    scratch_file_remove(&f);
}

Test(safetensors, every_flipped_data_byte_and_every_shorter_file_is_noticed) {
    scratch_file f = scratch_file_make();
    write_two(&f);
    size_t size;
    unsigned char *bytes = scratch_file_read(&f, &size);
    for (size_t i = size - sizeof six; i < size; i++) {
        bytes[i] ^= 0x10;
        scratch_file_write(&f, bytes, size);
        expect_refusal(&f, V2S_FORMAT, "the weights are damaged");
        bytes[i] ^= 0x10;
    }
    for (size_t n = 0; n < size; n++) {
        v2s_safetensors *file = NULL;
        scratch_file_write(&f, bytes, n);
        cr_assert_eq(v2s_safetensors_open(f.path, &file), V2S_FORMAT, "%zu bytes", n);
    }
    free(bytes);
    scratch_file_remove(&f);
}

// Any flipped bit of the header is either refused or leads to a readable file, never to a crash.
Test(safetensors, flipped_header_bits_do_no_harm) {
    scratch_file f = scratch_file_make();
    write_two(&f);
    size_t size;
    unsigned char *bytes = scratch_file_read(&f, &size);
    for (size_t bit = 0; bit < 8 * (size - sizeof six); bit++) {
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        scratch_file_write(&f, bytes, size);
        v2s_safetensors *file = NULL;
        float out[4];
        if (v2s_safetensors_open(f.path, &file) == V2S_OK &&
            v2s_safetensors_read_f32(file, "b.weight", 2, (const int[]){2, 2}, out) == V2S_OK)
            cr_assert(isfinite(out[3]));
        v2s_safetensors_close(&file);
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    free(bytes);
    scratch_file_remove(&f);
}

Test(safetensors, header_lengths_beyond_the_file_are_refused) {
    scratch_file f = scratch_file_make();
    const uint64_t lengths[] = {0, 1, 3, 1000, UINT64_C(1) << 31, UINT64_C(1) << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        unsigned char bytes[10] = {0, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
        memcpy(bytes, &lengths[i], 8);
        scratch_file_write(&f, bytes, sizeof bytes);
        expect_refusal(&f, V2S_FORMAT, "header length");
    }
    size_t size = 8 + (5 << 20);
    unsigned char *large = malloc(size);
    memset(large, ' ', size);
    uint64_t length = size - 8;
    memcpy(large, &length, 8);
    scratch_file_write(&f, large, size);
    expect_refusal(&f, V2S_UNSUPPORTED, "header length");
    free(large);
    scratch_file_remove(&f);
}

typedef struct hostile {
    const char *header;
    v2s_status code;
    const char *words;
} hostile;

#define A_ "{\"a\":{\"dtype\":\"F32\",\"shape\":"
#define OFFSETS(b, e) ",\"data_offsets\":[" #b "," #e "]}"

// All are followed by 24 bytes of data.
Test(safetensors, hostile_headers_are_refused_with_a_sentence) {
    static const hostile cases[] = {
        {"  ", V2S_FORMAT, "not valid JSON"},
        {"{ ", V2S_FORMAT, "not valid JSON"},
        {"[1]", V2S_FORMAT, "expected a JSON object"},
        {"12", V2S_FORMAT, "expected a JSON object"},
        {"\"{}\"", V2S_FORMAT, "expected a JSON object"},
        {"{}x", V2S_FORMAT, "only spaces after"},
        {"{}", V2S_FORMAT, "expected 0 bytes of tensor data, found 24"},
        {"{\"a\":1}", V2S_FORMAT, "tensor a: expected an object"},
        {"{\"a\":{}}", V2S_FORMAT, "tensor a: dtype"},
        {A_ "[6]" OFFSETS(0, 20) "}", V2S_FORMAT, "another number of bytes"},
        {A_ "[5]" OFFSETS(0, 20) "}", V2S_FORMAT, "expected 20 bytes of tensor data, found 24"},
        {A_ "[6]" OFFSETS(4, 28) "}", V2S_FORMAT, "data_offsets"},
        {A_ "[5]" OFFSETS(4, 24) "}", V2S_FORMAT, "there is a gap"},
        {A_ "[6]" OFFSETS(24, 0) "}", V2S_FORMAT, "data_offsets"},
        {A_ "[6]" OFFSETS(-4, 20) "}", V2S_FORMAT, "two whole numbers"},
        {A_ "[6]" OFFSETS(0, 24.5) "}", V2S_FORMAT, "two whole numbers"},
        {A_ "[6]" OFFSETS(0, 1e300) "}", V2S_FORMAT, "two whole numbers"},
        {A_ "[6]" OFFSETS(0, "24") "}", V2S_FORMAT, "two whole numbers"},
        {A_ "[6],\"data_offsets\":[0]}}", V2S_FORMAT, "two whole numbers"},
        {A_ "[6]}}", V2S_FORMAT, "two whole numbers"},
        {A_ "6" OFFSETS(0, 24) "}", V2S_FORMAT, "shape: expected an array"},
        {A_ "[-6]" OFFSETS(0, 24) "}", V2S_FORMAT, "shape: expected whole numbers"},
        {A_ "[6.5]" OFFSETS(0, 24) "}", V2S_FORMAT, "shape: expected whole numbers"},
        {A_ "[null]" OFFSETS(0, 24) "}", V2S_FORMAT, "shape: expected whole numbers"},
        {A_ "[4294967296,4294967296]" OFFSETS(0, 24) "}", V2S_FORMAT, "the product is too large"},
        {A_ "[4611686018427387910]" OFFSETS(0, 24) "}", V2S_FORMAT, "shape: expected whole"},
        {A_ "[4503599627370496,1024]" OFFSETS(0, 24) "}", V2S_FORMAT, "another number of bytes"},
        {A_ "[1,1,1,1,1,1,1,1,6]" OFFSETS(0, 24) "}", V2S_UNSUPPORTED, "at most 8 dimensions"},
        {"{\"a\":{\"dtype\":\"F31\",\"shape\":[6]" OFFSETS(0, 24) "}", V2S_FORMAT, "found F31"},
        {"{\"a\":{\"dtype\":32,\"shape\":[6]" OFFSETS(0, 24) "}", V2S_FORMAT, "found none"},
        {A_ "[4]" OFFSETS(0, 16) ",\"b\":{\"dtype\":\"F32\",\"shape\":[4]" OFFSETS(8, 24) "}",
         V2S_FORMAT, "tensor b: data_offsets: expected begin 16 (it overlaps"},
        {A_ "[3]" OFFSETS(0, 12) ",\"a\":{\"dtype\":\"F32\",\"shape\":[3]" OFFSETS(12, 24) "}",
         V2S_FORMAT, "tensor a: the name appears twice"},
        {"{\"a\\u001b[31m\":{\"dtype\":\"F32\",\"shape\":[6]" OFFSETS(0, 24) "}", V2S_FORMAT,
         "control character"},
        {"{\"__metadata__\":[],\"a\":{\"dtype\":\"F32\",\"shape\":[6]" OFFSETS(0, 24) "}",
         V2S_FORMAT, "__metadata__: expected an object"},
        {"{\"__metadata__\":{\"k\":1},\"a\":{\"dtype\":\"F32\",\"shape\":[6]" OFFSETS(0, 24) "}",
         V2S_FORMAT, "\"k\": expected a string"},
        {"{\"__metadata__\":{},\"__metadata__\":{},\"a\":{\"dtype\":\"F32\",\"shape\":[6]" OFFSETS(
             0, 24) "}",
         V2S_FORMAT, "__metadata__ appears twice"},
        {"{\"__metadata__\":{\"crc32\":\"0\"},\"a\":{\"dtype\":\"F32\",\"shape\":[6]" OFFSETS(
             0, 24) "}",
         V2S_FORMAT, "the weights are damaged"},
    };
    scratch_file f = scratch_file_make();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_file(&f, cases[i].header, six, sizeof six);
        expect_refusal(&f, cases[i].code, cases[i].words);
    }
    scratch_file_remove(&f);
}

Test(safetensors, deep_nesting_is_refused) {
    scratch_file f = scratch_file_make();
    enum { DEPTH = 200000 };
    char *header = malloc(DEPTH + 8);
    memcpy(header, "{\"a\":", 5);
    memset(header + 5, '[', DEPTH);
    header[DEPTH + 5] = '\0';
    write_file(&f, header, NULL, 0);
    expect_refusal(&f, V2S_FORMAT, "not valid JSON");
    free(header);
    scratch_file_remove(&f);
}

Test(safetensors, tensors_may_come_in_any_order_and_without_metadata) {
    scratch_file f = scratch_file_make();
    write_file(
        &f,
        "{\"z\":{\"dtype\":\"F32\",\"shape\":[2]" OFFSETS(
            16,
            24) ",\"y\":{\"dtype\":\"F32\","
                "\"shape\":[]" OFFSETS(0, 4) ",\"e\":{\"dtype\":\"F32\",\"shape\":[0,7]" OFFSETS(
                    4, 4) ",\"x\":{\"dtype\":\"F32\",\"shape\":[3]" OFFSETS(4, 16) "}   ",
        six, sizeof six);
    v2s_safetensors *file = NULL;
    cr_assert_eq(v2s_safetensors_open(f.path, &file), V2S_OK, "%s", v2s_error_text());
    const char *key, *value;
    cr_assert_not(v2s_safetensors_metadata_at(file, 0, &key, &value));
    cr_assert_not(v2s_safetensors_has_crc32(file));
    float out[3];
    cr_assert_eq(v2s_safetensors_read_f32(file, "z", 1, (const int[]){2}, out), V2S_OK);
    cr_assert(out[0] == 5 && out[1] == 6);
    cr_assert_eq(v2s_safetensors_read_f32(file, "y", 0, NULL, out), V2S_OK);
    cr_assert_eq(out[0], 1);
    cr_assert_eq(v2s_safetensors_read_f32(file, "e", 2, (const int[]){0, 7}, out), V2S_OK);
    v2s_safetensors_close(&file);
    scratch_file_remove(&f);
}

// 1, -2, 0.5, the smallest subnormal half (2^-24), 65504.
Test(safetensors, narrow_and_wide_types_become_floats) {
    scratch_file f = scratch_file_make();
    struct {
        double f64[2];
        uint16_t f16[5], bf16[3];
        uint8_t u8[8];
    } data = {
        {1.0 / 3.0, -2.0}, {0x3c00, 0xc000, 0x3800, 1, 0x7bff}, {0x3f80, 0xc000, 0x3f00}, {0}};
    write_file(
        &f,
        "{\"d\":{\"dtype\":\"F64\",\"shape\":[2]" OFFSETS(
            0,
            16) ",\"h\":{\"dtype\":\"F16\","
                "\"shape\":[5]" OFFSETS(16, 26) ",\"b\":{\"dtype\":\"BF16\",\"shape\":[3]" OFFSETS(
                    26, 32) ",\"u\":{\"dtype\":\"U8\",\"shape\":[8]" OFFSETS(32, 40) "}",
        &data, sizeof data);
    v2s_safetensors *file = NULL;
    cr_assert_eq(v2s_safetensors_open(f.path, &file), V2S_OK, "%s", v2s_error_text());
    float out[8];
    cr_assert_eq(v2s_safetensors_read_f32(file, "d", 1, (const int[]){2}, out), V2S_OK);
    cr_assert(out[0] == (float)(1.0 / 3.0) && out[1] == -2.0f);
    cr_assert_eq(v2s_safetensors_read_f32(file, "h", 1, (const int[]){5}, out), V2S_OK);
    cr_assert(out[0] == 1.0f && out[1] == -2.0f && out[2] == 0.5f && out[3] == 0x1p-24f &&
              out[4] == 65504.0f);
    cr_assert_eq(v2s_safetensors_read_f32(file, "b", 1, (const int[]){3}, out), V2S_OK);
    cr_assert(out[0] == 1.0f && out[1] == -2.0f && out[2] == 0.5f);
    cr_assert_eq(v2s_safetensors_read_f32(file, "u", 1, (const int[]){8}, out), V2S_UNSUPPORTED);
    cr_assert_not_null(strstr(v2s_error_text(), "found U8"));
    v2s_safetensors_close(&file);
    scratch_file_remove(&f);
}

Test(safetensors, numbers_that_are_not_finite_are_refused_by_name) {
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        scratch_file f = scratch_file_make();
        float data[3] = {1, 2, bad[i]}, out[3];
        const v2s_safetensors_tensor t = {"w", 1, {3}, data, NULL};
        cr_assert_eq(v2s_safetensors_write(f.path, &t, 1, NULL, 0), V2S_OK);
        v2s_safetensors *file = NULL;
        cr_assert_eq(v2s_safetensors_open(f.path, &file), V2S_OK);
        cr_assert_eq(v2s_safetensors_read_f32(file, "w", 1, (const int[]){3}, out), V2S_NUMERIC);
        cr_assert_not_null(strstr(v2s_error_text(), "tensor w: number 2 is not finite"));
        v2s_safetensors_close(&file);
        scratch_file_remove(&f);
    }
}

Test(safetensors, a_wrong_shape_and_a_missing_tensor_are_named) {
    scratch_file f = scratch_file_make();
    write_two(&f);
    v2s_safetensors *file = NULL;
    float out[4];
    cr_assert_eq(v2s_safetensors_open(f.path, &file), V2S_OK);
    cr_assert_eq(v2s_safetensors_read_f32(file, "b.weight", 2, (const int[]){4, 1}, out),
                 V2S_FORMAT);
    cr_assert_not_null(
        strstr(v2s_error_text(), "tensor b.weight: shape: expected [4, 1], found [2, 2]"));
    cr_assert_eq(v2s_safetensors_read_f32(file, "b.weight", 1, (const int[]){4}, out), V2S_FORMAT);
    cr_assert_eq(v2s_safetensors_read_f32(file, "c", 1, (const int[]){4}, out), V2S_FORMAT);
    cr_assert_not_null(strstr(v2s_error_text(), "tensor c is missing"));
    v2s_safetensors_close(&file);
    scratch_file_remove(&f);
}

Test(safetensors, what_is_no_file_is_an_input_error) {
    scratch_file f = scratch_file_make();
    expect_refusal(&f, V2S_IO, "cannot open");
    v2s_safetensors *file = NULL;
    cr_assert_eq(v2s_safetensors_open(f.folder, &file), V2S_IO);
    cr_assert_eq(v2s_safetensors_open("/dev/null", &file), V2S_IO);
    scratch_file_remove(&f);
}

Test(safetensors, a_full_disk_leaves_nothing_behind) {
    const v2s_safetensors_tensor t = {"w", 1, {6}, six, NULL};
    cr_assert_eq(v2s_safetensors_write("/dev/full", &t, 1, NULL, 0), V2S_IO);
    cr_assert_eq(v2s_safetensors_write("/nonexistent/folder/w", &t, 1, NULL, 0), V2S_IO);
}

Test(safetensors, other_types_are_written_and_read_as_they_lie) {
    scratch_file f = scratch_file_make();
    const int64_t integers[3] = {-1, INT64_MAX, 1LL << 53};
    double doubles[2] = {0.1, 0};
    const uint64_t nan_bits = 0x7ff8000000000123u; // bytes are kept, whatever they mean
    memcpy(&doubles[1], &nan_bits, sizeof nan_bits);
    const v2s_safetensors_tensor tensors[] = {
        {"i", 1, {3}, integers, "I64"}, {"w", 1, {2}, six, NULL}, {"d", 2, {1, 2}, doubles, "F64"}};
    cr_assert_eq(v2s_safetensors_write(f.path, tensors, 3, NULL, 0), V2S_OK);
    v2s_safetensors *file = NULL;
    cr_assert_eq(v2s_safetensors_open(f.path, &file), V2S_OK, "%s", v2s_error_text());
    int64_t i[3];
    double d[2];
    float w[2];
    cr_assert_eq(v2s_safetensors_read_raw(file, "i", "I64", 1, (int[]){3}, i), V2S_OK);
    cr_assert_eq(v2s_safetensors_read_raw(file, "d", "F64", 2, (int[]){1, 2}, d), V2S_OK);
    cr_assert_eq(v2s_safetensors_read_f32(file, "w", 1, (int[]){2}, w), V2S_OK);
    cr_expect(memcmp(i, integers, sizeof i) == 0 && memcmp(d, doubles, sizeof d) == 0);
    cr_expect(w[0] == 1 && w[1] == 2);
    cr_expect_eq(v2s_safetensors_read_raw(file, "i", "F64", 1, (int[]){3}, i), V2S_FORMAT);
    cr_expect_not_null(strstr(v2s_error_text(), "tensor i: dtype: expected F64, found I64"));
    cr_expect_eq(v2s_safetensors_read_raw(file, "i", "I64", 1, (int[]){2}, i), V2S_FORMAT);
    cr_expect_eq(v2s_safetensors_read_raw(file, "x", "I64", 1, (int[]){2}, i), V2S_FORMAT);
    v2s_safetensors_close(&file);
    scratch_file_remove(&f);
}
