// SPDX-License-Identifier: MIT
#include "kernels/base/file_out.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernels/base/cancel.h"

enum { BUFFER_BYTES = 1 << 16 };

struct v2s_file_out {
    char *path;       // final name
    char *temp_path;  // NULL once committed, or for a spooled pipe or device
    int fd;           // temporary file
    int target_fd;    // open pipe or device, -1 for a regular file
    int64_t position; // of the next write, buffered bytes included
    int64_t size;     // bytes of the file, buffered bytes included
    size_t buffered;
    bool defers_sync;
    v2s_status status;
    char error[V2S_ERROR_TEXT_MAX];
    unsigned char buffer[BUFFER_BYTES];
};

static v2s_status keep_error(v2s_file_out *f, const char *what, int error_number) {
    if (f->status == V2S_OK) {
        f->status = V2S_FAIL(V2S_IO, "%s: %s: %s", f->path, what, strerror(error_number));
        v2s_error_save(f->error);
    }
    return f->status;
}

static v2s_status kept_error(const v2s_file_out *f) {
    if (f->status != V2S_OK)
        v2s_error_restore(f->error);
    return f->status;
}

static bool write_all(int fd, const unsigned char *data, size_t size) {
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

static v2s_status flush_buffer(v2s_file_out *f) {
    V2S_TRY(kept_error(f));
    if (f->buffered > 0 && !write_all(f->fd, f->buffer, f->buffered))
        return keep_error(f, "cannot write", errno);
    f->buffered = 0;
    return V2S_OK;
}

// A pipe or device takes bytes in order only, so they wait in an unlinked file.
static v2s_status open_spool(v2s_file_out *f) {
    // A pipe waits here for its reader; an interruption ends the wait.
    f->target_fd = open(f->path, O_WRONLY | O_CLOEXEC);
    if (f->target_fd < 0 && errno == EINTR)
        V2S_TRY(v2s_cancel_check());
    if (f->target_fd < 0)
        return V2S_FAIL(V2S_IO, "%s: cannot open for writing: %s", f->path, strerror(errno));
    FILE *spool = tmpfile();
    f->fd = spool == NULL ? -1 : fcntl(fileno(spool), F_DUPFD_CLOEXEC, 0);
    if (spool != NULL)
        fclose(spool);
    if (f->fd < 0)
        return V2S_FAIL(V2S_IO, "%s: cannot make a temporary file: %s", f->path, strerror(errno));
    return V2S_OK;
}

static v2s_status open_temp(v2s_file_out *f) {
    static atomic_uint counter;
    int n = asprintf(&f->temp_path, "%s.partial-%ld-%u", f->path, (long)getpid(),
                     atomic_fetch_add(&counter, 1));
    if (n < 0) {
        f->temp_path = NULL;
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    f->fd = open(f->temp_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (f->fd < 0) {
        int error_number = errno;
        free(f->temp_path);
        f->temp_path = NULL;
        return V2S_FAIL(V2S_IO, "%s: cannot create: %s", f->path, strerror(error_number));
    }
    return V2S_OK;
}

v2s_status v2s_file_out_open(const char *path, v2s_file_out **out) {
    v2s_file_out *f = calloc(1, sizeof *f);
    if (f == NULL || (f->path = strdup(path)) == NULL) {
        free(f);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    f->fd = f->target_fd = -1;
    struct stat info;
    bool exists = stat(path, &info) == 0;
    v2s_status status;
    if (exists && S_ISDIR(info.st_mode))
        status = V2S_FAIL(V2S_IO, "%s: cannot write: it is a folder", path);
    else if (exists && !S_ISREG(info.st_mode))
        status = open_spool(f);
    else
        status = open_temp(f);
    if (status != V2S_OK) {
        v2s_file_out_close(&f);
        return status;
    }
    *out = f;
    return V2S_OK;
}

v2s_status v2s_file_out_write(v2s_file_out *f, const void *data, size_t size) {
    V2S_TRY(kept_error(f));
    const unsigned char *from = data;
    while (size > 0) {
        if (f->buffered == BUFFER_BYTES)
            V2S_TRY(flush_buffer(f));
        size_t n = BUFFER_BYTES - f->buffered;
        n = n < size ? n : size;
        memcpy(f->buffer + f->buffered, from, n);
        f->buffered += n;
        f->position += (int64_t)n;
        from += n;
        size -= n;
    }
    if (f->position > f->size)
        f->size = f->position;
    return V2S_OK;
}

v2s_status v2s_file_out_seek(v2s_file_out *f, int64_t offset, int whence) {
    V2S_TRY(flush_buffer(f));
    int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? f->position : f->size;
    if (base + offset < 0 || lseek(f->fd, base + offset, SEEK_SET) < 0)
        return keep_error(f, "cannot seek", errno);
    f->position = base + offset;
    return V2S_OK;
}

v2s_status v2s_file_out_read(v2s_file_out *f, void *data, size_t size, size_t *got) {
    V2S_TRY(flush_buffer(f));
    ssize_t n = pread(f->fd, data, size, f->position);
    if (n < 0)
        return keep_error(f, "cannot read back", errno);
    f->position += n;
    if (lseek(f->fd, f->position, SEEK_SET) < 0)
        return keep_error(f, "cannot seek", errno);
    *got = (size_t)n;
    return V2S_OK;
}

v2s_status v2s_file_out_printf(v2s_file_out *f, const char *fmt, ...) {
    V2S_TRY(kept_error(f));
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    if (n < 0)
        return keep_error(f, "cannot format", ENOMEM);
    v2s_status status = v2s_file_out_write(f, text, (size_t)n);
    free(text);
    return status;
}

int64_t v2s_file_out_tell(const v2s_file_out *f) {
    return f->position;
}

int64_t v2s_file_out_size(const v2s_file_out *f) {
    return f->size;
}

const char *v2s_file_out_path(const v2s_file_out *f) {
    return f->path;
}

v2s_status v2s_file_out_status(const v2s_file_out *f) {
    return kept_error(f);
}

static v2s_status copy_spool(v2s_file_out *f) {
    int64_t at = 0;
    for (;;) {
        ssize_t n = pread(f->fd, f->buffer, BUFFER_BYTES, at);
        if (n < 0)
            return keep_error(f, "cannot read back", errno);
        if (n == 0)
            break;
        if (!write_all(f->target_fd, f->buffer, (size_t)n))
            return keep_error(f, "cannot write", errno);
        at += n;
    }
    int fd = f->target_fd;
    f->target_fd = -1;
    return close(fd) == 0 ? V2S_OK : keep_error(f, "cannot write", errno);
}

// The new name must survive a power cut too; file systems that cannot sync a folder say EINVAL.
static void sync_folder_of(const char *path) {
    char *copy = strdup(path);
    if (copy == NULL)
        return;
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(copy);
}

v2s_status v2s_file_out_commit(v2s_file_out *f) {
    V2S_TRY(flush_buffer(f));
    if (f->temp_path == NULL)
        return copy_spool(f);
    if (!f->defers_sync && fsync(f->fd) != 0)
        return keep_error(f, "cannot write", errno);
    int fd = f->fd;
    f->fd = -1;
    if (close(fd) != 0)
        return keep_error(f, "cannot write", errno);
    if (rename(f->temp_path, f->path) != 0)
        return keep_error(f, "cannot rename the finished file", errno);
    free(f->temp_path);
    f->temp_path = NULL;
    if (!f->defers_sync)
        sync_folder_of(f->path);
    return V2S_OK;
}

void v2s_file_out_defer_sync(v2s_file_out *f) {
    f->defers_sync = true;
}

v2s_status v2s_file_out_sync_folder(const char *folder) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return V2S_FAIL(V2S_IO, "%s: cannot open the folder: %s", folder, strerror(errno));
    v2s_status status = V2S_OK;
    if (syncfs(fd) != 0)
        status = V2S_FAIL(V2S_IO, "%s: cannot write: %s", folder, strerror(errno));
    close(fd);
    return status;
}

void v2s_file_out_close(v2s_file_out **out) {
    v2s_file_out *f = *out;
    if (f == NULL)
        return;
    if (f->fd >= 0)
        close(f->fd);
    if (f->target_fd >= 0)
        close(f->target_fd);
    if (f->temp_path != NULL) {
        unlink(f->temp_path);
        free(f->temp_path);
    }
    free(f->path);
    free(f);
    *out = NULL;
}
