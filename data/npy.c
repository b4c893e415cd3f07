// SPDX-License-Identifier: MIT
//
//   bytes   0  93 4E 55 4D 50 59      "\x93NUMPY"
//           6  01 00                  version
//           8  76 00                  length of the header (4 bytes from version 2 on)
//          10  {'descr': '<u2', 'fortran_order': False, 'shape': (720, 1280), } .. \n
//   then the values
#include "data/npy.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/media_internal.h"
#include "kernels/base/file_out.h"

enum {
    MAGIC_BYTES = 6,
    HEADER_MAX_BYTES = 1 << 16,
    HEADER_MULTIPLE = 64, // values start at a multiple of it, as NumPy writes them
    BLOCK_BYTES = 1 << 16,
};

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE '<'
#else
#define NATIVE '>'
#endif

static const char MAGIC[] = "\x93NUMPY";

typedef struct reader {
    const char *path;
    FILE *file;
    size_t rest; // bytes not read yet
    size_t max_count;
    char *text;     // the header
    const char *at; // in it
    bool fortran, swap;
    v2s_npy a;
} reader;

void v2s_npy_free(v2s_npy *a) {
    free(a->values);
    *a = (v2s_npy){0};
}

static v2s_status get_bytes(reader *r, void *to, size_t size) {
    if (size > r->rest)
        return V2S_FAIL(V2S_FORMAT, "%s: not a whole npy file: it ends in the header", r->path);
    if (fread(to, 1, size, r->file) != size)
        return V2S_FAIL(V2S_IO, "%s: cannot read: %s", r->path,
                        ferror(r->file) ? strerror(errno) : "it became shorter");
    r->rest -= size;
    return V2S_OK;
}

// ---- header -----------------------------------------------------------------------------------

static v2s_status bad_header(const reader *r, const char *field) {
    return V2S_FAIL(V2S_FORMAT, "%s: npy header: %s cannot be understood", r->path, field);
}

static void skip_spaces(reader *r) {
    r->at += strspn(r->at, " \t\r\n");
}

static bool skip(reader *r, const char *word) {
    skip_spaces(r);
    size_t n = strlen(word);
    bool found = strncmp(r->at, word, n) == 0;
    r->at += found ? n : 0;
    return found;
}

// A text in quotation marks of either kind, without escapes.
static bool get_quoted(reader *r, char *to, size_t size) {
    skip_spaces(r);
    char mark = *r->at;
    if (mark != '\'' && mark != '"')
        return false;
    const char *end = strchr(r->at + 1, mark);
    if (end == NULL || (size_t)(end - r->at) > size)
        return false;
    size_t n = (size_t)(end - r->at) - 1;
    memcpy(to, r->at + 1, n);
    to[n] = '\0';
    r->at = end + 1;
    return true;
}

static v2s_status get_type(reader *r) {
    char text[32];
    skip_spaces(r);
    if (*r->at == '[')
        return V2S_FAIL(V2S_FORMAT, "%s: descr: expected numbers, found records with fields",
                        r->path);
    if (!get_quoted(r, text, sizeof text))
        return bad_header(r, "descr");
    static const struct {
        const char *name;
        v2s_npy_kind kind;
        int bytes;
    } types[] = {
        {"b1", V2S_NPY_UNSIGNED, 1}, {"u1", V2S_NPY_UNSIGNED, 1}, {"u2", V2S_NPY_UNSIGNED, 2},
        {"u4", V2S_NPY_UNSIGNED, 4}, {"u8", V2S_NPY_UNSIGNED, 8}, {"i1", V2S_NPY_SIGNED, 1},
        {"i2", V2S_NPY_SIGNED, 2},   {"i4", V2S_NPY_SIGNED, 4},   {"i8", V2S_NPY_SIGNED, 8},
        {"f2", V2S_NPY_FLOAT, 2},    {"f4", V2S_NPY_FLOAT, 4},    {"f8", V2S_NPY_FLOAT, 8}};
    const char *name = text + (text[0] != '\0' && strchr("<>|=", text[0]) != NULL);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(name, types[i].name) == 0) {
            r->a.kind = types[i].kind;
            r->a.bytes = types[i].bytes;
            r->swap = (text[0] == '<' || text[0] == '>') && text[0] != NATIVE;
            return V2S_OK;
        }
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
            *c = '?';
    return V2S_FAIL(V2S_FORMAT,
                    "%s: descr: expected integers, floats of up to 8 bytes or bool, found '%s'",
                    r->path, text);
}

static v2s_status get_order(reader *r) {
    if (skip(r, "True"))
        r->fortran = true;
    else if (!skip(r, "False"))
        return bad_header(r, "fortran_order");
    return V2S_OK;
}

static v2s_status get_shape(reader *r) {
    if (!skip(r, "("))
        return bad_header(r, "shape");
    r->a.rank = 0;
    while (!skip(r, ")")) {
        skip_spaces(r);
        char *end;
        errno = 0;
        unsigned long long n = strtoull(r->at, &end, 10);
        if (*r->at < '0' || *r->at > '9' || errno != 0 || n > SIZE_MAX)
            return bad_header(r, "shape");
        r->at = end + (*end == 'L'); // Python 2 wrote 720L
        if (r->a.rank == V2S_NPY_RANK_MAX)
            return V2S_FAIL(V2S_FORMAT, "%s: shape: expected at most %d dimensions", r->path,
                            V2S_NPY_RANK_MAX);
        r->a.dim[r->a.rank++] = (size_t)n;
        if (!skip(r, ",")) {
            skip_spaces(r);
            if (*r->at != ')')
                return bad_header(r, "shape");
        }
    }
    return V2S_OK;
}

// {'descr': .., 'fortran_order': .., 'shape': ..}, each once, in any order.
static v2s_status get_fields(reader *r) {
    static const char *const names[] = {"descr", "fortran_order", "shape"};
    static v2s_status (*const get[])(reader *) = {get_type, get_order, get_shape};
    bool seen[3] = {false};
    if (!skip(r, "{"))
        return bad_header(r, "its beginning");
    while (!skip(r, "}")) {
        char name[32];
        if (!get_quoted(r, name, sizeof name) || !skip(r, ":"))
            return bad_header(r, "a field's name");
        size_t i = 0;
        while (i < 3 && strcmp(name, names[i]) != 0)
            i++;
        if (i == 3 || seen[i])
            return bad_header(r, "a field that is double or unknown");
        seen[i] = true;
        V2S_TRY(get[i](r));
        skip_spaces(r);
        if (!skip(r, ",") && *r->at != '}')
            return bad_header(r, names[i]);
    }
    for (size_t i = 0; i < 3; i++)
        if (!seen[i])
            return V2S_FAIL(V2S_FORMAT, "%s: npy header: %s is missing", r->path, names[i]);
    return V2S_OK;
}

static v2s_status read_header_text(reader *r) {
    unsigned char start[8], length[4] = {0};
    if (r->rest < sizeof start)
        return V2S_FAIL(V2S_FORMAT, "%s: not an npy file: it has %zu bytes", r->path, r->rest);
    V2S_TRY(get_bytes(r, start, sizeof start));
    if (memcmp(start, "version ", 8) == 0)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: not an npy file but the pointer that Git LFS leaves for one; fetch "
                        "it with git lfs pull",
                        r->path);
    if (memcmp(start, MAGIC, MAGIC_BYTES) != 0)
        return V2S_FAIL(V2S_FORMAT, "%s: not an npy file: it does not begin with \\x93NUMPY",
                        r->path);
    if (start[6] < 1 || start[6] > 3)
        return V2S_FAIL(V2S_FORMAT, "%s: npy version: expected 1 to 3, found %d", r->path,
                        start[6]);
    V2S_TRY(get_bytes(r, length, start[6] == 1 ? 2 : 4));
    size_t size =
        length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16 | (size_t)length[3] << 24;
    if (size > HEADER_MAX_BYTES)
        return V2S_FAIL(V2S_FORMAT, "%s: npy header: expected at most %d bytes, found %zu", r->path,
                        HEADER_MAX_BYTES, size);
    r->text = calloc(size + 1, 1);
    if (r->text == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", r->path);
    r->at = r->text;
    return get_bytes(r, r->text, size);
}

// The header's numbers against the bytes that are there.
static v2s_status check_size(reader *r) {
    for (int d = r->a.rank; d < V2S_NPY_RANK_MAX; d++)
        r->a.dim[d] = 1;
    r->a.count = 1;
    bool empty = false, huge = false;
    for (int d = 0; d < V2S_NPY_RANK_MAX; d++) {
        empty |= r->a.dim[d] == 0;
        huge |= __builtin_mul_overflow(r->a.count, r->a.dim[d] == 0 ? 1 : r->a.dim[d], &r->a.count);
    }
    if (empty)
        r->a.count = 0;
    else if (huge || r->a.count > r->max_count)
        return V2S_FAIL(V2S_FORMAT, "%s: shape: expected at most %zu values", r->path,
                        r->max_count);
    size_t bytes = (size_t)r->a.bytes;
    if (r->rest % bytes != 0 || r->rest / bytes != r->a.count)
        return V2S_FAIL(V2S_FORMAT, "%s: expected %zu values of %zu bytes, found %zu bytes",
                        r->path, r->a.count, bytes, r->rest);
    return V2S_OK;
}

// ---- values -----------------------------------------------------------------------------------

// IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction.
static double half_to_double(uint16_t h) {
    int exponent = h >> 10 & 31, fraction = h & 1023;
    double x = exponent == 31  ? (fraction != 0 ? (double)NAN : (double)INFINITY)
               : exponent == 0 ? ldexp(fraction, -24)
                               : ldexp(1024 + fraction, exponent - 25);
    return h >> 15 != 0 ? -x : x;
}

static void swap_bytes(unsigned char *raw, size_t n, size_t bytes) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < bytes / 2; k++) {
            unsigned char *low = raw + i * bytes + k, *high = raw + (i + 1) * bytes - 1 - k;
            unsigned char kept = *low;
            *low = *high;
            *high = kept;
        }
}

#define CONVERT(type)                                                                              \
    for (size_t i = 0; i < n; i++) {                                                               \
        type value;                                                                                \
        memcpy(&value, raw + i * sizeof value, sizeof value);                                      \
        to[i] = (double)value;                                                                     \
    }

static void convert_integers(const v2s_npy *a, const unsigned char *raw, size_t n, double *to) {
    switch (a->bytes + (a->kind == V2S_NPY_SIGNED ? 10 : 0)) {
    case 1:
        CONVERT(uint8_t) break;
    case 2:
        CONVERT(uint16_t) break;
    case 4:
        CONVERT(uint32_t) break;
    case 8:
        CONVERT(uint64_t) break;
    case 11:
        CONVERT(int8_t) break;
    case 12:
        CONVERT(int16_t) break;
    case 14:
        CONVERT(int32_t) break;
    default:
        CONVERT(int64_t) break;
    }
}

static void convert(const v2s_npy *a, const unsigned char *raw, size_t n, double *to) {
    if (a->kind != V2S_NPY_FLOAT)
        convert_integers(a, raw, n, to);
    else if (a->bytes == 8)
        CONVERT(double)
    else if (a->bytes == 4)
        CONVERT(float)
    else
        for (size_t i = 0; i < n; i++) {
            uint16_t half;
            memcpy(&half, raw + 2 * i, sizeof half);
            to[i] = half_to_double(half);
        }
}

static v2s_status read_values(reader *r) {
    size_t bytes = (size_t)r->a.bytes, step = BLOCK_BYTES / bytes;
    unsigned char *block = malloc(BLOCK_BYTES);
    r->a.values = malloc((r->a.count + 1) * sizeof *r->a.values);
    v2s_status status = block == NULL || r->a.values == NULL
                            ? V2S_FAIL(V2S_NOMEM, "%s: out of memory", r->path)
                            : V2S_OK;
    for (size_t i = 0; status == V2S_OK && i < r->a.count; i += step) {
        size_t n = r->a.count - i < step ? r->a.count - i : step;
        status = get_bytes(r, block, n * bytes);
        if (status != V2S_OK)
            break;
        if (r->swap)
            swap_bytes(block, n, bytes);
        convert(&r->a, block, n, r->a.values + i);
    }
    free(block);
    return status;
}

// Column-major values to row-major ones: the file's first index runs fastest.
static v2s_status turn(reader *r) {
    const size_t *n = r->a.dim;
    double *to = malloc((r->a.count + 1) * sizeof *to);
    if (to == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", r->path);
    const double *from = r->a.values;
    for (size_t l = 0; l < n[3]; l++)
        for (size_t k = 0; k < n[2]; k++)
            for (size_t j = 0; j < n[1]; j++)
                for (size_t i = 0; i < n[0]; i++)
                    to[((i * n[1] + j) * n[2] + k) * n[3] + l] = *from++;
    free(r->a.values);
    r->a.values = to;
    return V2S_OK;
}

static v2s_status read_array(reader *r) {
    V2S_TRY(read_header_text(r));
    V2S_TRY(get_fields(r));
    V2S_TRY(check_size(r));
    V2S_TRY(read_values(r));
    return r->fortran && r->a.count > 0 ? turn(r) : V2S_OK;
}

v2s_status v2s_npy_read(const char *path, size_t max_count, v2s_npy *out) {
    reader r = {.path = path, .max_count = max_count};
    struct stat info;
    V2S_TRY(v2s_media_check(path));
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return V2S_FAIL(V2S_FORMAT, "%s: not a file", path);
    r.rest = (size_t)info.st_size;
    r.file = fopen(path, "rb");
    if (r.file == NULL)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    v2s_status status = read_array(&r);
    fclose(r.file);
    free(r.text);
    if (status != V2S_OK) {
        v2s_npy_free(&r.a);
        return status;
    }
    *out = r.a;
    return V2S_OK;
}

// ---- writing ----------------------------------------------------------------------------------

// "(3,)" and "(3, 4)": a tuple of one has its comma in Python.
static int print_shape(int rank, const size_t *dim, char *to, size_t size) {
    int n = snprintf(to, size, "(");
    for (int d = 0; d < rank; d++)
        n += snprintf(to + n, size - (size_t)n, "%s%zu", d > 0 ? ", " : "", dim[d]);
    return n + snprintf(to + n, size - (size_t)n, rank == 1 ? ",)" : ")");
}

static v2s_status put(v2s_file_out *f, const char *type, int rank, const size_t *dim,
                      const void *values, size_t bytes) {
    char shape[128], text[4 * HEADER_MULTIPLE];
    print_shape(rank, dim, shape, sizeof shape);
    int n = snprintf(text, sizeof text, "{'descr': '%c%s', 'fortran_order': False, 'shape': %s, }",
                     NATIVE, type, shape);
    size_t start = MAGIC_BYTES + 4, length = (size_t)n + 1;
    length += HEADER_MULTIPLE - 1 - (start + length - 1) % HEADER_MULTIPLE;
    const unsigned char head[] = {1, 0, (unsigned char)length, (unsigned char)(length >> 8)};
    V2S_TRY(v2s_file_out_write(f, MAGIC, MAGIC_BYTES));
    V2S_TRY(v2s_file_out_write(f, head, sizeof head));
    V2S_TRY(v2s_file_out_printf(f, "%-*s\n", (int)length - 1, text));
    size_t count = 1;
    for (int d = 0; d < rank; d++)
        count *= dim[d];
    if (count > 0)
        V2S_TRY(v2s_file_out_write(f, values, count * bytes));
    return v2s_file_out_commit(f);
}

static v2s_status write_array(const char *path, const char *type, int rank, const size_t *dim,
                              const void *values, size_t bytes) {
    V2S_ASSERT(rank >= 0 && rank <= V2S_NPY_RANK_MAX);
    v2s_file_out *f = NULL;
    V2S_TRY(v2s_file_out_open(path, &f));
    v2s_status status = put(f, type, rank, dim, values, bytes);
    v2s_file_out_close(&f);
    return status;
}

v2s_status v2s_npy_write_f32(const char *path, int rank, const size_t *dim, const float *values) {
    return write_array(path, "f4", rank, dim, values, sizeof *values);
}

v2s_status v2s_npy_write_u16(const char *path, int rank, const size_t *dim,
                             const uint16_t *values) {
    return write_array(path, "u2", rank, dim, values, sizeof *values);
}
