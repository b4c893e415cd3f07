// SPDX-License-Identifier: MIT
// Memory of a device and the order of its work.
//
// A device has memory of its own (a GPU) or works in the program's (the processor). Pointers that
// operations get are device pointers: the host reads and writes them through upload and download
// only. On the processor both are copies and everything is done when a call returns. On a GPU all
// work is queued in one order: a call returns at once, what it was given has to stay as it is until
// the work is done (v2s_memory_ops.synchronize or .wait), and the first failure is kept until
// synchronize tells it.
//
// Threads   Calls of one device may come from one thread at a time; `enter` and `leave` take turns
//           between threads.
#ifndef V2S_KERNELS_MEMORY_H
#define V2S_KERNELS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/base/status.h"

struct v2s_device;

enum { V2S_MARKS = 32 };

// Work that was recorded once and is repeated as it is.
typedef struct v2s_recording v2s_recording;

typedef struct v2s_memory_ops {
    // Whether the device works in the program's own memory, so that pointers of the host serve it
    // as they are. Only a saving: copies work everywhere.
    bool host_memory;

    // Zeroed memory of the device, aligned to 256 bytes. NOMEM says how much was asked for and how
    // much the device has. `give` accepts NULL and waits for the device first.
    v2s_status (*take)(const struct v2s_device *, size_t bytes, void **out);
    void (*give)(const struct v2s_device *, void *memory);

    // Zeroed memory of the host that the device reads and writes without a detour (page-locked on a
    // GPU): uploads from it and downloads to it are queued, those of other memory are waited for.
    v2s_status (*host_take)(const struct v2s_device *, size_t bytes, void **out);
    void (*host_give)(const struct v2s_device *, void *memory);

    void (*upload)(const struct v2s_device *, void *to, const void *from, size_t bytes);
    void (*download)(const struct v2s_device *, void *to, const void *from, size_t bytes);
    void (*copy)(const struct v2s_device *, void *to, const void *from, size_t bytes); // no overlap
    void (*zero)(const struct v2s_device *, void *to, size_t bytes);

    // Waits for everything that was queued; the first failure since the last call, or OK. CUDA
    // names the operation that failed.
    v2s_status (*synchronize)(const struct v2s_device *);

    // `mark` notes the end of what was queued so far as number `slot` (0 .. V2S_MARKS-1), `wait`
    // waits for the last mark of that number (at once without one). Failures are left to
    // synchronize.
    void (*mark)(const struct v2s_device *, int slot);
    void (*wait)(const struct v2s_device *, int slot);

    // `record` keeps what work(ctx) queues, without doing it; `replay` queues it again. Work of the
    // same shapes was done before: libraries load what they use at its first use. Inside `work`
    // nothing may be taken, given or waited for, uploads and downloads use memory of host_take, and
    // everything that changes from run to run has to be in memory. On the processor the recording
    // is the function itself, so ctx has to live as long. CUDA: recording failed.
    v2s_status (*record)(const struct v2s_device *, void (*work)(void *ctx), void *ctx,
                         v2s_recording **out);
    void (*replay)(const struct v2s_device *, v2s_recording *);
    void (*forget)(const struct v2s_device *, v2s_recording **); // accepts NULL inside

    // A thread's turn at a device that serves one thread at a time. Nothing to do on the processor.
    void (*enter)(const struct v2s_device *);
    void (*leave)(const struct v2s_device *);

    // Which kernels ran last, in words for --verbose; valid until the device's next work.
    const char *(*kernels)(const struct v2s_device *);
} v2s_memory_ops;

extern const v2s_memory_ops v2s_memory_cpu;

#endif
