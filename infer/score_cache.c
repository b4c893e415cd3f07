// SPDX-License-Identifier: MIT
#include "infer/score_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "kernels/base/array.h"

enum { KEY_DIGITS = 32, NUMBER_DIGITS = 16, CRC_DIGITS = 8, COUNT_MAX = 1 << 16 };

typedef struct record {
    v2s_digest key;
    off_t offset;
} record;

struct v2s_score_cache {
    char path[PATH_MAX];
    int fd;
    record *records; // [count], by key
    size_t count, capacity, damaged, torn_bytes;
    pthread_mutex_t lock; // of appending
};

// ---- lines ------------------------------------------------------------------------------------

// Bytes of a line with `count` numbers, its end included; `count` itself has up to 6 digits.
static size_t line_room(size_t count) {
    return KEY_DIGITS + 8 + count * (NUMBER_DIGITS + 1) + CRC_DIGITS + 3;
}

static unsigned crc_of(const char *text, size_t length) {
    return (unsigned)crc32_z(crc32_z(0, Z_NULL, 0), (const Bytef *)text, length);
}

// Fills line[line_room(count)]; returns its length.
static size_t write_line(const v2s_digest *key, const double *values, size_t count, char *line) {
    int n = sprintf(line, "%016" PRIx64 "%016" PRIx64 " %zu", key->word[0], key->word[1], count);
    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        n += sprintf(line + n, " %016" PRIx64, bits);
    }
    n += sprintf(line + n, " %08x\n", crc_of(line, (size_t)n));
    return (size_t)n;
}

// Exactly `digits` hexadecimal digits at *at, which moves behind them.
static bool take_hex(const char **at, int digits, uint64_t *value) {
    *value = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        char c = **at;
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        *value = *value << 4 | (uint64_t)digit;
    }
    return true;
}

static bool take_space(const char **at) {
    return *(*at)++ == ' ';
}

static bool take_count(const char **at, size_t *count) {
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    unsigned long value = strtoul(*at, &end, 10);
    *at = end;
    *count = value;
    return value <= COUNT_MAX;
}

// A line without its '\n'. values NULL: they are only checked; else there must be `wanted` of them.
static bool read_line(const char *line, v2s_digest *key, double *values, size_t wanted) {
    const char *at = line;
    size_t count = 0;
    uint64_t bits, crc;
    if (!take_hex(&at, 16, &key->word[0]) || !take_hex(&at, 16, &key->word[1]) ||
        !take_space(&at) || !take_count(&at, &count) || (values != NULL && count != wanted))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!take_space(&at) || !take_hex(&at, NUMBER_DIGITS, &bits))
            return false;
        if (values != NULL)
            memcpy(&values[i], &bits, sizeof bits);
    }
    size_t length = (size_t)(at - line);
    return take_space(&at) && take_hex(&at, CRC_DIGITS, &crc) && *at == '\0' &&
           crc == crc_of(line, length);
}

// ---- opening ----------------------------------------------------------------------------------

static int by_key(const void *a, const void *b) {
    const record *x = a, *y = b;
    for (int i = 0; i < 2; i++)
        if (x->key.word[i] != y->key.word[i])
            return x->key.word[i] < y->key.word[i] ? -1 : 1;
    return 0;
}

static v2s_status keep_record(v2s_score_cache *c, const v2s_digest *key, off_t offset) {
    record *grown = v2s_array_grow(c->records, c->count, &c->capacity, sizeof *grown);
    if (grown == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for more than %zu records", c->count);
    c->records = grown;
    c->records[c->count++] = (record){*key, offset};
    return V2S_OK;
}

static v2s_status list_records(v2s_score_cache *c, FILE *file, off_t *end) {
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    v2s_status status = V2S_OK;
    *end = 0;
    while (status == V2S_OK && (n = getline(&line, &room, file)) > 0 && line[n - 1] == '\n') {
        v2s_digest key;
        line[n - 1] = '\0';
        if (strlen(line) + 1 == (size_t)n && read_line(line, &key, NULL, 0))
            status = keep_record(c, &key, *end);
        else
            c->damaged++;
        *end += n;
    }
    if (status == V2S_OK && ferror(file))
        status = V2S_FAIL(V2S_IO, "%s: cannot read: %s", c->path, strerror(errno));
    free(line);
    return status;
}

// Reads what is there and cuts off a line without an end.
static v2s_status read_records(v2s_score_cache *c) {
    off_t end = 0, size = lseek(c->fd, 0, SEEK_END);
    int copy = dup(c->fd);
    FILE *file = copy >= 0 ? fdopen(copy, "rb") : NULL;
    if (file == NULL || fseek(file, 0, SEEK_SET) != 0) {
        if (file != NULL)
            fclose(file);
        else if (copy >= 0)
            close(copy);
        return V2S_FAIL(V2S_IO, "%s: cannot read: %s", c->path, strerror(errno));
    }
    v2s_status status = list_records(c, file, &end);
    fclose(file);
    V2S_TRY(status);
    if (end < size) {
        c->torn_bytes = (size_t)(size - end);
        if (ftruncate(c->fd, end) != 0)
            return V2S_FAIL(V2S_IO, "%s: cannot be cut: %s", c->path, strerror(errno));
    }
    if (c->count > 0)
        qsort(c->records, c->count, sizeof *c->records, by_key);
    return V2S_OK;
}

static v2s_status open_file(const char *folder, v2s_score_cache *c) {
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return V2S_FAIL(V2S_IO, "%s: cannot make the folder: %s", folder, strerror(errno));
    c->fd = open(c->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (c->fd < 0)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", c->path, strerror(errno));
    if (flock(c->fd, LOCK_EX | LOCK_NB) != 0)
        return V2S_FAIL(V2S_IO, "%s: %s", c->path,
                        errno == EWOULDBLOCK ? "another run is using it" : strerror(errno));
    return read_records(c);
}

v2s_status v2s_score_cache_open(const char *folder, v2s_score_cache **cache) {
    v2s_score_cache *c = calloc(1, sizeof *c);
    if (c == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    c->fd = -1;
    pthread_mutex_init(&c->lock, NULL);
    v2s_status status = V2S_OK;
    if (snprintf(c->path, sizeof c->path, "%s/scores.txt", folder) >= (int)sizeof c->path)
        status = V2S_FAIL(V2S_IO, "%.200s: the name is too long", folder);
    if (status == V2S_OK)
        status = open_file(folder, c);
    if (status != V2S_OK) {
        v2s_score_cache_close(&c);
        return status;
    }
    *cache = c;
    return V2S_OK;
}

void v2s_score_cache_close(v2s_score_cache **cache) {
    v2s_score_cache *c = *cache;
    if (c == NULL)
        return;
    if (c->fd >= 0)
        close(c->fd);
    pthread_mutex_destroy(&c->lock);
    free(c->records);
    free(c);
    *cache = NULL;
}

size_t v2s_score_cache_damaged(const v2s_score_cache *c) {
    return c->damaged;
}

size_t v2s_score_cache_torn_bytes(const v2s_score_cache *c) {
    return c->torn_bytes;
}

// ---- use --------------------------------------------------------------------------------------

bool v2s_score_cache_find(v2s_score_cache *c, const v2s_digest *key, double *values, size_t count) {
    const record wanted = {*key, 0};
    const record *found =
        c->count == 0 ? NULL : bsearch(&wanted, c->records, c->count, sizeof *c->records, by_key);
    size_t room = line_room(count);
    char *line = found != NULL ? malloc(room + 1) : NULL;
    v2s_digest read_key;
    if (line == NULL)
        return false;
    ssize_t n = pread(c->fd, line, room, found->offset);
    char *end = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;
    bool good = end != NULL;
    if (good) {
        *end = '\0';
        good = read_line(line, &read_key, values, count) &&
               memcmp(&read_key, key, sizeof read_key) == 0;
    }
    free(line);
    return good;
}

v2s_status v2s_score_cache_add(v2s_score_cache *c, const v2s_digest *key, const double *values,
                               size_t count) {
    V2S_ASSERT(count <= COUNT_MAX);
    char *line = malloc(line_room(count));
    if (line == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    size_t length = write_line(key, values, count, line);
    pthread_mutex_lock(&c->lock);
    ssize_t written;
    do
        written = write(c->fd, line, length);
    while (written < 0 && errno == EINTR);
    int fault = errno;
    pthread_mutex_unlock(&c->lock);
    free(line);
    // What a full disk took of the line has no end: it is cut off when the folder is opened again.
    if (written == (ssize_t)length)
        return V2S_OK;
    return V2S_FAIL(V2S_IO, "%s: cannot write: %s", c->path,
                    written < 0 ? strerror(fault) : "no space left");
}
