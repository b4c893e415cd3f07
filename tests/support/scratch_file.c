// SPDX-License-Identifier: MIT
#include "tests/support/scratch_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

scratch_file scratch_file_make(void) {
    scratch_file f = {.folder = "/tmp/v2s-test-XXXXXX"};
    cr_assert_not_null(mkdtemp(f.folder));
    snprintf(f.path, sizeof f.path, "%s/weights.safetensors", f.folder);
    return f;
}

void scratch_file_write(const scratch_file *f, const void *data, size_t size) {
    FILE *file = fopen(f->path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(data, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
}

unsigned char *scratch_file_read(const scratch_file *f, size_t *size) {
    FILE *file = fopen(f->path, "rb");
    cr_assert_not_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *data = malloc(*size + 1);
    cr_assert_eq(fread(data, 1, *size, file), *size);
    fclose(file);
    return data;
}

void scratch_file_remove(const scratch_file *f) {
    unlink(f->path);
    cr_assert_eq(rmdir(f->folder), 0, "something was left in %s", f->folder);
}
