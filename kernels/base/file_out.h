// SPDX-License-Identifier: MIT
// A file that appears under its name only when it is complete.
//
// Bytes go to "<path>.partial-<pid>-<n>" in the same folder; commit flushes, fsyncs, renames and
// fsyncs the folder; close without commit removes the temporary file. Where `path` is an existing
// pipe or device, bytes are spooled to an unlinked temporary file and copied to it by commit.
// Every write error (a full disk above all) is kept: later calls and commit fail with it, naming
// `path`. One thread at a time per file.
#ifndef V2S_KERNELS_BASE_FILE_OUT_H
#define V2S_KERNELS_BASE_FILE_OUT_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/base/status.h"

typedef struct v2s_file_out v2s_file_out;

V2S_MUST_USE v2s_status v2s_file_out_open(const char *path, v2s_file_out **out);

// Buffered write at the current position, and positioning (whence as lseek). Both return the
// kept error once there is one.
v2s_status v2s_file_out_write(v2s_file_out *f, const void *data, size_t size);
v2s_status v2s_file_out_seek(v2s_file_out *f, int64_t offset, int whence);
v2s_status v2s_file_out_read(v2s_file_out *f, void *data, size_t size, size_t *got);
v2s_status v2s_file_out_printf(v2s_file_out *f, const char *fmt, ...) V2S_PRINTF(2, 3);
int64_t v2s_file_out_tell(const v2s_file_out *f);
int64_t v2s_file_out_size(const v2s_file_out *f);
const char *v2s_file_out_path(const v2s_file_out *f);

// Commit will not wait for the disk. For one of many files that count only together: their writer
// calls v2s_file_out_sync_folder before it commits the file that names them.
void v2s_file_out_defer_sync(v2s_file_out *f);

// Waits until everything on the file system of `folder` has reached the disk. IO.
V2S_MUST_USE v2s_status v2s_file_out_sync_folder(const char *folder);

// OK or the first error.
v2s_status v2s_file_out_status(const v2s_file_out *f);

// Makes the file appear under its name. The handle must still be closed.
V2S_MUST_USE v2s_status v2s_file_out_commit(v2s_file_out *f);

// Frees; removes the temporary file unless committed. Sets *f to NULL; accepts NULL inside.
void v2s_file_out_close(v2s_file_out **f);

#endif
