// SPDX-License-Identifier: MIT
#include "infer/digest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PRIME 0x100000001B3u

v2s_digest v2s_digest_start(void) {
    return (v2s_digest){{0xCBF29CE484222325u, 0x9AE16A3B2F90404Fu}};
}

void v2s_digest_bytes(v2s_digest *d, const void *data, size_t size) {
    const unsigned char *bytes = data;
    uint64_t a = d->word[0], b = d->word[1];
    for (size_t i = 0; i < size; i++) {
        a = (a ^ bytes[i]) * PRIME;
        b = (b ^ (bytes[i] ^ 0xFFu)) * PRIME;
    }
    *d = (v2s_digest){{a, b}};
}

void v2s_digest_integer(v2s_digest *d, int64_t value) {
    v2s_digest_bytes(d, &value, sizeof value);
}

void v2s_digest_number(v2s_digest *d, double value) {
    v2s_digest_bytes(d, &value, sizeof value);
}

void v2s_digest_text(v2s_digest *d, const char *text) {
    size_t length = text != NULL ? strlen(text) : 0;
    v2s_digest_integer(d, text != NULL ? (int64_t)length : -1);
    v2s_digest_bytes(d, text, length);
}

v2s_status v2s_digest_file(v2s_digest *d, const char *path) {
    unsigned char block[65536];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    v2s_digest made = *d;
    int64_t size = 0;
    size_t n;
    while ((n = fread(block, 1, sizeof block, file)) > 0) {
        v2s_digest_bytes(&made, block, n);
        size += (int64_t)n;
    }
    v2s_digest_integer(&made, size);
    v2s_status status =
        ferror(file) ? V2S_FAIL(V2S_IO, "%s: cannot read: %s", path, strerror(errno)) : V2S_OK;
    fclose(file);
    if (status == V2S_OK)
        *d = made;
    return status;
}

v2s_status v2s_digest_stamp(v2s_digest *d, const char *path) {
    struct stat s = {0};
    if (path != NULL && stat(path, &s) != 0)
        return V2S_FAIL(V2S_IO, "%s: %s", path, strerror(errno));
    const int64_t numbers[] = {path != NULL,     (int64_t)s.st_dev, (int64_t)s.st_ino,
                               s.st_size,        s.st_mtim.tv_sec,  s.st_mtim.tv_nsec,
                               s.st_ctim.tv_sec, s.st_ctim.tv_nsec};
    v2s_digest_bytes(d, numbers, sizeof numbers);
    return V2S_OK;
}
