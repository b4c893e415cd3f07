// SPDX-License-Identifier: MIT
#include "train/tensorboard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they lie");

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
enum { LENGTH_BYTES = 8, CRC_BYTES = 4 };

struct v2s_tensorboard {
    char *path;
    int fd;
    v2s_status status;
    char error[V2S_ERROR_TEXT_MAX];
};

// ---- CRC-32C ----------------------------------------------------------------------------------

uint32_t v2s_crc32c(const void *data, size_t size) {
    const unsigned char *at = data;
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++) // a few kB a step: no table is needed
            crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static uint32_t masked_crc(const void *data, size_t size) {
    uint32_t crc = v2s_crc32c(data, size);
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

// ---- messages ---------------------------------------------------------------------------------

typedef struct message {
    unsigned char *data; // malloc
    size_t size, room;
    bool failed; // out of memory
} message;

static void put_bytes(message *m, const void *data, size_t size) {
    if (m->failed || size == 0)
        return;
    if (m->size + size > m->room) {
        size_t room = 2 * (m->size + size);
        unsigned char *grown = realloc(m->data, room);
        if (grown == NULL) {
            m->failed = true;
            return;
        }
        m->data = grown;
        m->room = room;
    }
    memcpy(m->data + m->size, data, size);
    m->size += size;
}

static void put_varint(message *m, uint64_t value) {
    do {
        unsigned char byte = (unsigned char)((value & 127) | (value > 127 ? 128 : 0));
        put_bytes(m, &byte, 1);
        value >>= 7;
    } while (value > 0);
}

static void put_key(message *m, int field, int wire) {
    put_varint(m, (uint64_t)field << 3 | (uint64_t)wire);
}

static void put_integer(message *m, int field, int64_t value) {
    put_key(m, field, WIRE_VARINT);
    put_varint(m, (uint64_t)value);
}

static void put_double(message *m, int field, double value) {
    put_key(m, field, WIRE_64);
    put_bytes(m, &value, sizeof value);
}

static void put_float(message *m, int field, float value) {
    put_key(m, field, WIRE_32);
    put_bytes(m, &value, sizeof value);
}

static void put_data(message *m, int field, const void *data, size_t size) {
    put_key(m, field, WIRE_BYTES);
    put_varint(m, size);
    put_bytes(m, data, size);
}

static void put_text(message *m, int field, const char *text) {
    put_data(m, field, text, strlen(text));
}

// Puts `inner` as a field and frees it.
static void put_message(message *m, int field, message *inner) {
    m->failed = m->failed || inner->failed;
    put_data(m, field, inner->data, inner->size);
    free(inner->data);
    *inner = (message){0};
}

// ---- records ----------------------------------------------------------------------------------

static v2s_status keep_error(v2s_tensorboard *t, v2s_status status) {
    if (t->status == V2S_OK) {
        t->status = status;
        v2s_error_save(t->error);
    }
    return status;
}

static v2s_status write_record(v2s_tensorboard *t, const message *event) {
    size_t size = LENGTH_BYTES + CRC_BYTES + event->size + CRC_BYTES;
    unsigned char *record = event->failed ? NULL : malloc(size);
    if (record == NULL)
        return keep_error(t, V2S_FAIL(V2S_NOMEM, "out of memory"));
    uint64_t length = event->size;
    uint32_t crc = masked_crc(&length, sizeof length);
    memcpy(record, &length, LENGTH_BYTES);
    memcpy(record + LENGTH_BYTES, &crc, CRC_BYTES);
    memcpy(record + LENGTH_BYTES + CRC_BYTES, event->data, event->size);
    crc = masked_crc(event->data, event->size);
    memcpy(record + size - CRC_BYTES, &crc, CRC_BYTES);
    size_t done = 0;
    while (done < size) {
        ssize_t n = write(t->fd, record + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    v2s_status status = V2S_OK;
    if (done < size)
        status = keep_error(t, V2S_FAIL(V2S_IO, "%s: cannot write: %s", t->path, strerror(errno)));
    free(record);
    return status;
}

static void put_wall_time(message *event) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    put_double(event, 1, (double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
}

// An event with one field besides time and step; frees `payload`.
static v2s_status write_event(v2s_tensorboard *t, int64_t step, int field, message *payload) {
    if (t->status != V2S_OK) {
        free(payload->data);
        v2s_error_restore(t->error);
        return t->status;
    }
    message event = {0};
    put_wall_time(&event);
    put_integer(&event, 2, step);
    put_message(&event, field, payload);
    v2s_status status = write_record(t, &event);
    free(event.data);
    return status;
}

// Wraps one Value in a Summary in an Event; frees `value`.
static v2s_status write_value(v2s_tensorboard *t, int64_t step, message *value) {
    message summary = {0};
    put_message(&summary, 1, value);
    return write_event(t, step, 5, &summary);
}

static v2s_status write_head(v2s_tensorboard *t, int64_t first_step) {
    message event = {0};
    put_wall_time(&event);
    put_text(&event, 3, "brain.Event:2");
    v2s_status status = write_record(t, &event);
    free(event.data);
    V2S_TRY(status);
    message start = {0};
    put_integer(&start, 1, 1);
    return write_event(t, first_step, 7, &start);
}

v2s_status v2s_tensorboard_open(const char *folder, int64_t first_step, v2s_tensorboard **out) {
    v2s_tensorboard *t = calloc(1, sizeof *t);
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
        snprintf(host, sizeof host, "host");
    if (t != NULL && asprintf(&t->path, "%s/events.out.tfevents.%010lld.%s.%ld", folder,
                              (long long)time(NULL), host, (long)getpid()) < 0)
        t->path = NULL;
    if (t == NULL || t->path == NULL) {
        free(t);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    t->fd = open(t->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    v2s_status status = V2S_OK;
    if (t->fd < 0)
        status = V2S_FAIL(V2S_IO, "%s: cannot create: %s", t->path, strerror(errno));
    else
        status = write_head(t, first_step);
    if (status != V2S_OK) {
        v2s_tensorboard_close(&t);
        return status;
    }
    *out = t;
    return V2S_OK;
}

v2s_status v2s_tensorboard_scalar(v2s_tensorboard *t, const char *tag, int64_t step,
                                  double number) {
    message value = {0};
    put_text(&value, 1, tag);
    put_float(&value, 2, (float)number);
    return write_value(t, step, &value);
}

v2s_status v2s_tensorboard_text(v2s_tensorboard *t, const char *tag, int64_t step,
                                const char *text) {
    message dim = {0}, shape = {0}, tensor = {0}, plugin = {0}, metadata = {0}, value = {0};
    put_integer(&dim, 1, 1);
    put_message(&shape, 2, &dim);
    put_integer(&tensor, 1, 7);
    put_message(&tensor, 2, &shape);
    put_text(&tensor, 8, text);
    put_text(&plugin, 1, "text");
    put_message(&metadata, 1, &plugin);
    put_text(&value, 1, tag);
    put_message(&value, 8, &tensor);
    put_message(&value, 9, &metadata);
    return write_value(t, step, &value);
}

v2s_status v2s_tensorboard_image(v2s_tensorboard *t, const char *tag, int64_t step, int width,
                                 int height, const void *png, size_t size) {
    message image = {0}, value = {0};
    put_integer(&image, 1, height);
    put_integer(&image, 2, width);
    put_integer(&image, 3, 3);
    put_data(&image, 4, png, size);
    put_text(&value, 1, tag);
    put_message(&value, 4, &image);
    return write_value(t, step, &value);
}

void v2s_tensorboard_close(v2s_tensorboard **out) {
    v2s_tensorboard *t = *out;
    if (t == NULL)
        return;
    if (t->fd >= 0)
        close(t->fd);
    free(t->path);
    free(t);
    *out = NULL;
}
