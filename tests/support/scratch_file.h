// SPDX-License-Identifier: MIT
// A file of a test, in a folder that goes away with it.
#ifndef V2S_TESTS_SUPPORT_SCRATCH_FILE_H
#define V2S_TESTS_SUPPORT_SCRATCH_FILE_H

#include <stddef.h>

typedef struct scratch_file {
    char folder[64];
    char path[96]; // "<folder>/weights.safetensors"
} scratch_file;

// Makes the folder; the file does not exist yet.
scratch_file scratch_file_make(void);

// Writes (or replaces) the file.
void scratch_file_write(const scratch_file *f, const void *data, size_t size);

// Reads all of it: malloc'ed, *size bytes.
unsigned char *scratch_file_read(const scratch_file *f, size_t *size);

// Asserts that the folder holds at most the file, and removes both.
void scratch_file_remove(const scratch_file *f);

#endif
