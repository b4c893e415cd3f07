// SPDX-License-Identifier: MIT
#include "data/h5_strings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void v2s_h5_strings_free(v2s_h5_strings *strings) {
    for (size_t i = 0; i < strings->count; i++)
        free(strings->items[i]);
    free(strings->items);
    *strings = (v2s_h5_strings){0};
}

#ifdef V2S_HAVE_HDF5

#include <hdf5.h>

bool v2s_h5_supported(void) {
    return true;
}

enum { STRING_MAX_BYTES = 65536 };

// What is open while one dataset is read.
typedef struct list {
    const char *path, *dataset;
    hid_t file, data, type, space;
    size_t count;
    v2s_h5_strings made;
} list;

static v2s_status bad(const list *l, const char *what) {
    return V2S_FAIL(V2S_FORMAT, "%s: dataset `%s`: %s", l->path, l->dataset, what);
}

static v2s_status keep(list *l, const char *text, size_t length) {
    if (length > STRING_MAX_BYTES)
        return bad(l, "a string is longer than 64 KiB");
    char *copy = strndup(text, length);
    if (copy == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", l->path);
    l->made.items[l->made.count++] = copy;
    return V2S_OK;
}

static v2s_status keep_variable(list *l, char **texts) {
    for (size_t i = 0; i < l->count; i++)
        V2S_TRY(keep(l, texts[i] != NULL ? texts[i] : "",       // a NULL is an empty string that
                     texts[i] != NULL ? strlen(texts[i]) : 0)); // was never written
    return V2S_OK;
}

static v2s_status read_variable(list *l) {
    char **texts = calloc(l->count, sizeof *texts);
    hid_t memory = H5Tcopy(H5T_C_S1);
    v2s_status status = V2S_OK;
    if (texts == NULL)
        status = V2S_FAIL(V2S_NOMEM, "%s: out of memory", l->path);
    else if (memory < 0 || H5Tset_size(memory, H5T_VARIABLE) < 0 ||
             H5Tset_cset(memory, H5Tget_cset(l->type)) < 0 ||
             H5Dread(l->data, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts) < 0)
        status = bad(l, "cannot be read; is the file truncated?");
    else
        status = keep_variable(l, texts);
    if (texts != NULL && memory >= 0)
        H5Dvlen_reclaim(memory, l->space, H5P_DEFAULT, texts);
    if (memory >= 0)
        H5Tclose(memory);
    free(texts);
    return status;
}

static v2s_status keep_fixed(list *l, const char *bytes, size_t size) {
    bool blanks = H5Tget_strpad(l->type) == H5T_STR_SPACEPAD;
    for (size_t i = 0; i < l->count; i++) {
        const char *text = bytes + i * size;
        size_t length = strnlen(text, size);
        while (blanks && length > 0 && text[length - 1] == ' ')
            length--;
        V2S_TRY(keep(l, text, length));
    }
    return V2S_OK;
}

static v2s_status read_fixed(list *l) {
    size_t size = H5Tget_size(l->type);
    if (size == 0 || size > STRING_MAX_BYTES)
        return bad(l, "a string is longer than 64 KiB");
    char *bytes = calloc(l->count, size);
    if (bytes == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", l->path);
    v2s_status status = H5Dread(l->data, l->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) < 0
                            ? bad(l, "cannot be read; is the file truncated?")
                            : keep_fixed(l, bytes, size);
    free(bytes);
    return status;
}

static v2s_status check_shape(list *l, size_t max_count) {
    hsize_t dim = 0;
    if (l->type < 0 || l->space < 0 || H5Tget_class(l->type) != H5T_STRING)
        return bad(l, "expected strings, found another type");
    if (H5Sget_simple_extent_ndims(l->space) != 1)
        return bad(l, "expected one dimension, found another number");
    if (H5Sget_simple_extent_dims(l->space, &dim, NULL) != 1 || dim > max_count)
        return V2S_FAIL(V2S_FORMAT, "%s: dataset `%s`: expected at most %zu strings, found %llu",
                        l->path, l->dataset, max_count, (unsigned long long)dim);
    l->count = (size_t)dim;
    return V2S_OK;
}

static v2s_status read_dataset(list *l, size_t max_count) {
    l->data = H5Dopen2(l->file, l->dataset, H5P_DEFAULT);
    if (l->data < 0)
        return V2S_FAIL(V2S_FORMAT, "%s: no dataset `%s` in it", l->path, l->dataset);
    l->type = H5Dget_type(l->data);
    l->space = H5Dget_space(l->data);
    V2S_TRY(check_shape(l, max_count));
    if (l->count == 0)
        return V2S_OK;
    l->made.items = calloc(l->count, sizeof *l->made.items);
    if (l->made.items == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", l->path);
    return H5Tis_variable_str(l->type) > 0 ? read_variable(l) : read_fixed(l);
}

static v2s_status read_list(list *l, size_t max_count) {
    if (H5Fis_hdf5(l->path) <= 0)
        return V2S_FAIL(V2S_FORMAT, "%s: expected an HDF5 file, found something else", l->path);
    l->file = H5Fopen(l->path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (l->file < 0)
        return V2S_FAIL(V2S_FORMAT, "%s: an HDF5 file that cannot be read; is it truncated?",
                        l->path);
    return read_dataset(l, max_count);
}

static void close_list(list *l) {
    if (l->space >= 0)
        H5Sclose(l->space);
    if (l->type >= 0)
        H5Tclose(l->type);
    if (l->data >= 0)
        H5Dclose(l->data);
    if (l->file >= 0)
        H5Fclose(l->file);
}

v2s_status v2s_h5_strings_read(const char *path, const char *dataset, size_t max_count,
                               v2s_h5_strings *out) {
    if (access(path, R_OK) != 0)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    list l = {.path = path, .dataset = dataset, .file = -1, .data = -1, .type = -1, .space = -1};
    H5E_auto2_t printer;
    void *printer_data;
    H5Eget_auto2(H5E_DEFAULT, &printer, &printer_data); // the library would print its own story
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    v2s_status status = read_list(&l, max_count);
    close_list(&l);
    H5Eset_auto2(H5E_DEFAULT, printer, printer_data);
    if (status != V2S_OK) {
        v2s_h5_strings_free(&l.made);
        return status;
    }
    *out = l.made;
    return V2S_OK;
}

#else

bool v2s_h5_supported(void) {
    return false;
}

v2s_status v2s_h5_strings_read(const char *path, const char *dataset, size_t max_count,
                               v2s_h5_strings *out) {
    (void)dataset;
    (void)max_count;
    (void)out;
    if (access(path, R_OK) != 0)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    return V2S_FAIL(V2S_UNSUPPORTED,
                    "%s: this program was built without HDF5, which the file needs; install "
                    "libhdf5-dev and build again",
                    path);
}

#endif
