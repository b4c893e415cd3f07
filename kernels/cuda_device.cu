// SPDX-License-Identifier: MIT
// The CUDA module's devices: opening, memory, the order of work, recordings, failures.
#include "kernels/cuda.cuh"
#include "kernels/gru_cuda.cuh"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern "C" {
#include "kernels/cuda_module.h"
}

// Capability that the module has code for, and the CUDA that it was built with.
static const int oldest_capability = 80;

// Steps that are queued ahead: enough that the GPU never waits for the host's turn at the results.
static const int queue_depth = 16;

static const v2s_cuda_host *program; // whose error text is written; set before anything else runs

// ---- errors -----------------------------------------------------------------------------------

// The module's own kernels/base/status.c: the text goes to the program's.
extern "C" v2s_status v2s_fail(v2s_status code, const char *fmt, ...) {
    char text[V2S_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return program->fail(code, text);
}

extern "C" void v2s_assert_failed(const char *cond, const char *file, int line) {
    fprintf(stderr, "%s:%d: broken contract in the CUDA module: %s\n", file, line, cond);
    abort();
}

v2s_status v2s_cuda_status(const char *what, cudaError_t error) {
    if (error == cudaSuccess)
        return V2S_OK;
    cudaGetLastError(); // it was told: the next call is not to find it again
    return V2S_FAIL(error == cudaErrorMemoryAllocation ? V2S_NOMEM : V2S_CUDA, "CUDA: %s: %s", what,
                    cudaGetErrorString(error));
}

void v2s_cuda_note_text(const v2s_device *dev, v2s_status status, const char *text) {
    v2s_cuda_state *s = dev->cuda;
    if (status == V2S_OK || s->status != V2S_OK)
        return;
    s->status = status;
    snprintf(s->error, sizeof s->error, "%s", text);
}

void v2s_cuda_note(const v2s_device *dev, const char *what, cudaError_t error) {
    if (error == cudaSuccess)
        return;
    cudaGetLastError();
    char text[V2S_ERROR_TEXT_MAX];
    snprintf(text, sizeof text, "CUDA: %s: %s", what, cudaGetErrorString(error));
    v2s_cuda_note_text(dev, error == cudaErrorMemoryAllocation ? V2S_NOMEM : V2S_CUDA, text);
}

// The runtime keeps the device per thread: every call that may be a thread's first says which.
static void use(const v2s_device *dev) {
    v2s_cuda_note(dev, "choosing the GPU", cudaSetDevice(dev->cuda->index));
}

// ---- memory -----------------------------------------------------------------------------------

v2s_status v2s_cuda_no_memory(const char *where, size_t bytes) {
    size_t left = 0, all = 0;
    cudaGetLastError();
    if (cudaMemGetInfo(&left, &all) != cudaSuccess)
        cudaGetLastError();
    return V2S_FAIL(
        V2S_NOMEM, "out of memory: %s needs %.1f MiB more, and the GPU has %.1f of %.1f MiB free",
        where, (double)bytes / 1048576.0, (double)left / 1048576.0, (double)all / 1048576.0);
}

static v2s_status take(const v2s_device *dev, size_t bytes, void **out) {
    use(dev);
    void *memory = NULL;
    size_t size = bytes > 0 ? bytes : 1;
    cudaError_t error = cudaMalloc(&memory, size);
    if (error == cudaErrorMemoryAllocation)
        return v2s_cuda_no_memory("the work", size);
    V2S_TRY(v2s_cuda_status("taking memory", error));
    v2s_cuda_note(dev, "clearing memory", cudaMemsetAsync(memory, 0, size, v2s_stream(dev)));
    *out = memory;
    return V2S_OK;
}

static void give(const v2s_device *dev, void *memory) {
    if (memory == NULL)
        return;
    use(dev);
    v2s_cuda_note(dev, "waiting", cudaStreamSynchronize(v2s_stream(dev)));
    v2s_cuda_note(dev, "giving memory back", cudaFree(memory));
}

static v2s_status host_take(const v2s_device *dev, size_t bytes, void **out) {
    use(dev);
    void *memory = NULL;
    size_t size = bytes > 0 ? bytes : 1;
    cudaError_t error = cudaMallocHost(&memory, size);
    if (error == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        return V2S_FAIL(V2S_NOMEM, "out of memory: %.1f MiB of page-locked memory",
                        (double)size / 1048576.0);
    }
    V2S_TRY(v2s_cuda_status("taking page-locked memory", error));
    memset(memory, 0, size);
    *out = memory;
    return V2S_OK;
}

static void host_give(const v2s_device *dev, void *memory) {
    if (memory == NULL)
        return;
    use(dev);
    v2s_cuda_note(dev, "waiting", cudaStreamSynchronize(v2s_stream(dev)));
    v2s_cuda_note(dev, "giving page-locked memory back", cudaFreeHost(memory));
}

// Of memory that is not page-locked CUDA does not say that a queued copy is done with it when the
// call returns.
static void wait_if_pageable(const v2s_device *dev, const char *what, const void *host) {
    cudaPointerAttributes attributes;
    cudaError_t error = cudaPointerGetAttributes(&attributes, host);
    if (error == cudaSuccess && attributes.type == cudaMemoryTypeUnregistered)
        error = cudaStreamSynchronize(v2s_stream(dev));
    v2s_cuda_note(dev, what, error);
}

static void transfer(const v2s_device *dev, const char *what, void *to, const void *from,
                     size_t bytes, cudaMemcpyKind kind) {
    if (bytes == 0)
        return;
    use(dev);
    v2s_cuda_note(dev, what, cudaMemcpyAsync(to, from, bytes, kind, v2s_stream(dev)));
    if (kind != cudaMemcpyDeviceToDevice)
        wait_if_pageable(dev, what, kind == cudaMemcpyHostToDevice ? from : to);
}

static void upload(const v2s_device *dev, void *to, const void *from, size_t bytes) {
    transfer(dev, "upload", to, from, bytes, cudaMemcpyHostToDevice);
}

static void download(const v2s_device *dev, void *to, const void *from, size_t bytes) {
    transfer(dev, "download", to, from, bytes, cudaMemcpyDeviceToHost);
}

static void copy(const v2s_device *dev, void *to, const void *from, size_t bytes) {
    transfer(dev, "copy", to, from, bytes, cudaMemcpyDeviceToDevice);
}

static void zero(const v2s_device *dev, void *to, size_t bytes) {
    if (bytes == 0)
        return;
    use(dev);
    v2s_cuda_note(dev, "clearing memory", cudaMemsetAsync(to, 0, bytes, v2s_stream(dev)));
}

// ---- order ------------------------------------------------------------------------------------

static v2s_status synchronize(const v2s_device *dev) {
    v2s_cuda_state *s = dev->cuda;
    use(dev);
    v2s_cuda_note(dev, "work", cudaStreamSynchronize(s->stream));
    v2s_status status = s->status;
    if (status != V2S_OK)
        V2S_FAIL(status, "%s", s->error);
    s->status = V2S_OK;
    return status;
}

static void mark(const v2s_device *dev, int slot) {
    V2S_ASSERT(slot >= 0 && slot < V2S_MARKS);
    use(dev);
    v2s_cuda_note(dev, "mark", cudaEventRecord(dev->cuda->marks[slot], v2s_stream(dev)));
    dev->cuda->marked[slot] = true;
}

static void wait_for(const v2s_device *dev, int slot) {
    V2S_ASSERT(slot >= 0 && slot < V2S_MARKS);
    if (!dev->cuda->marked[slot])
        return;
    use(dev);
    v2s_cuda_note(dev, "work", cudaEventSynchronize(dev->cuda->marks[slot]));
}

// ---- recordings -------------------------------------------------------------------------------

struct v2s_recording {
    cudaGraphExec_t graph;
};

// Whatever goes wrong in between, the recording ends before this returns.
static v2s_status capture(const v2s_device *dev, void (*work)(void *ctx), void *ctx,
                          cudaGraph_t *graph) {
    cudaStream_t stream = v2s_stream(dev);
    V2S_TRY(v2s_cuda_status("recording",
                            cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal)));
    work(ctx);
    v2s_status status = v2s_cuda_status("recording", cudaStreamEndCapture(stream, graph));
    if (dev->cuda->status == V2S_OK)
        return status;
    if (status == V2S_OK)
        cudaGraphDestroy(*graph);
    status = dev->cuda->status;
    dev->cuda->status = V2S_OK;
    return V2S_FAIL(status, "recording: %s", dev->cuda->error);
}

static v2s_status record(const v2s_device *dev, void (*work)(void *ctx), void *ctx,
                         v2s_recording **out) {
    V2S_TRY(synchronize(dev));
    v2s_recording *r = (v2s_recording *)calloc(1, sizeof *r);
    if (r == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    cudaGraph_t graph = NULL;
    v2s_status status = capture(dev, work, ctx, &graph);
    if (status == V2S_OK) {
        status = v2s_cuda_status("recording", cudaGraphInstantiate(&r->graph, graph, 0));
        cudaGraphDestroy(graph);
    }
    if (status != V2S_OK) {
        free(r);
        return status;
    }
    *out = r;
    return V2S_OK;
}

static void replay(const v2s_device *dev, v2s_recording *r) {
    use(dev);
    v2s_cuda_note(dev, "recorded work", cudaGraphLaunch(r->graph, v2s_stream(dev)));
}

static void forget(const v2s_device *dev, v2s_recording **r) {
    if (*r == NULL)
        return;
    use(dev);
    v2s_cuda_note(dev, "waiting", cudaStreamSynchronize(v2s_stream(dev)));
    v2s_cuda_note(dev, "recorded work", cudaGraphExecDestroy((*r)->graph));
    free(*r);
    *r = NULL;
}

static void enter(const v2s_device *dev) {
    pthread_mutex_lock(&dev->cuda->turn);
    use(dev);
}

static void leave(const v2s_device *dev) {
    pthread_mutex_unlock(&dev->cuda->turn);
}

static const char *kernels(const v2s_device *dev) {
    v2s_cuda_state *s = dev->cuda;
    snprintf(s->kernels, sizeof s->kernels, "cuda, capability %d.%d, GRU: %s", s->capability / 10,
             s->capability % 10, s->gru_kind != NULL ? s->gru_kind : "not run");
    return s->kernels;
}

extern "C" const v2s_memory_ops v2s_memory_cuda = {
    .host_memory = false,
    .take = take,
    .give = give,
    .host_take = host_take,
    .host_give = host_give,
    .upload = upload,
    .download = download,
    .copy = copy,
    .zero = zero,
    .synchronize = synchronize,
    .mark = mark,
    .wait = wait_for,
    .record = record,
    .replay = replay,
    .forget = forget,
    .enter = enter,
    .leave = leave,
    .kernels = kernels,
};

// ---- the module -------------------------------------------------------------------------------

static v2s_status count(int *devices) {
    int driver = 0, runtime = 0, found = 0;
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0)
        return V2S_FAIL(V2S_UNSUPPORTED, "there is no NVIDIA driver");
    V2S_TRY(v2s_cuda_status("version", cudaRuntimeGetVersion(&runtime)));
    if (driver / 1000 < runtime / 1000)
        return V2S_FAIL(V2S_UNSUPPORTED,
                        "the NVIDIA driver is too old: it serves CUDA %d.%d, expected %d.%d or "
                        "later",
                        driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
    cudaError_t error = cudaGetDeviceCount(&found);
    if (error != cudaSuccess || found == 0) {
        cudaGetLastError();
        return V2S_FAIL(V2S_UNSUPPORTED, "there is no CUDA device (%s)",
                        error != cudaSuccess ? cudaGetErrorString(error) : "none was found");
    }
    *devices = found;
    return V2S_OK;
}

static v2s_status describe(int index, char *line, size_t size) {
    cudaDeviceProp p;
    V2S_TRY(v2s_cuda_status("properties", cudaGetDeviceProperties(&p, index)));
    int capability = 10 * p.major + p.minor;
    char use[96];
    if (capability < oldest_capability)
        snprintf(use, sizeof use, "not used: the module has code for capability 8.0 and later");
    else
        snprintf(use, sizeof use, "GRU: persistent to %d units, cuDNN or steps beyond",
                 v2s_gru_persistent_most(capability));
    snprintf(line, size, "%s, capability %d.%d, %d multiprocessors, %.1f GiB (%s)", p.name, p.major,
             p.minor, p.multiProcessorCount, (double)p.totalGlobalMem / 1073741824.0, use);
    return V2S_OK;
}

static v2s_status open_state(int index, v2s_cuda_state *s, v2s_device *dev) {
    cudaDeviceProp p;
    V2S_TRY(v2s_cuda_status("properties", cudaGetDeviceProperties(&p, index)));
    s->index = index;
    s->capability = 10 * p.major + p.minor;
    s->multiprocessors = p.multiProcessorCount;
    s->memory = p.totalGlobalMem;
    if (s->capability < oldest_capability)
        return V2S_FAIL(V2S_UNSUPPORTED,
                        "%s has capability %d.%d, and the module has code for 8.0 and later",
                        p.name, p.major, p.minor);
    snprintf(dev->name, sizeof dev->name, "cuda:%d, %.64s, %s", index, p.name,
             dev->precision == V2S_PRECISION_TF32   ? "tf32"
             : dev->precision == V2S_PRECISION_BF16 ? "bf16"
                                                    : "f32");
    V2S_TRY(v2s_cuda_status("opening", cudaSetDevice(index)));
    V2S_TRY(
        v2s_cuda_status("opening", cudaStreamCreateWithFlags(&s->stream, cudaStreamNonBlocking)));
    for (int i = 0; i < V2S_MARKS; i++)
        V2S_TRY(v2s_cuda_status("opening",
                                cudaEventCreateWithFlags(&s->marks[i], cudaEventDisableTiming)));
    V2S_TRY(v2s_gru_open(s));
    V2S_TRY(v2s_conv2d_open(s));
    return v2s_cuda_blas_open(s);
}

static void close_device(v2s_device *dev) {
    v2s_cuda_state *s = dev->cuda;
    cudaSetDevice(s->index);
    if (s->stream != NULL)
        cudaStreamSynchronize(s->stream);
    v2s_cuda_group_close(s);
    v2s_gru_close(s);
    v2s_conv2d_close(s);
    v2s_cuda_dnn_close(s);
    v2s_cuda_blas_close(s);
    for (int i = 0; i < V2S_MARKS; i++)
        if (s->marks[i] != NULL)
            cudaEventDestroy(s->marks[i]);
    if (s->stream != NULL)
        cudaStreamDestroy(s->stream);
    cudaGetLastError();
    pthread_mutex_destroy(&s->turn);
    free(s);
    dev->cuda = NULL;
}

static v2s_status open_device(int index, v2s_device *dev) {
    v2s_cuda_state *s = (v2s_cuda_state *)calloc(1, sizeof *s);
    if (s == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    pthread_mutex_init(&s->turn, NULL);
    dev->cuda = s;
    v2s_status status = open_state(index, s, dev);
    if (status != V2S_OK) {
        close_device(dev);
        return status;
    }
    dev->ops = &v2s_ops_cuda_table;
    dev->lanes = 1;
    dev->queue_depth = queue_depth;
    return V2S_OK;
}

extern "C" __attribute__((visibility("default"))) const v2s_cuda_module *
v2s_cuda_module_entry(const v2s_cuda_host *host) {
    static const v2s_cuda_module module = {
        .interface = V2S_CUDA_INTERFACE,
        .table_bytes = sizeof(v2s_ops),
        .version = V2S_VERSION,
        .count = count,
        .describe = describe,
        .open = open_device,
        .close = close_device,
    };
    program = host;
    return &module;
}
