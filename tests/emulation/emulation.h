// SPDX-License-Identifier: MIT
// What the parts of the emulated CUDA device share (README.md says how it works).
//
// One lock guards everything: each call of the runtime holds it, and device work runs under it on
// the thread that waits for that work.
#ifndef V2S_EMULATION_EMULATION_H
#define V2S_EMULATION_EMULATION_H

#include <functional>
#include <memory>
#include <mutex>
#include <stddef.h>
#include <stdint.h>
#include <vector>

#include "cuda_runtime_api.h"

namespace v2s_emulation {

// runtime.cpp
std::recursive_mutex &lock();
struct locked {
    std::lock_guard<std::recursive_mutex> guard;
    locked() : guard(lock()) {
    }
};
long long setting(const char *name, long long otherwise); // a number from the environment
bool reversed();                                          // V2S_EMULATION_ORDER=reverse
int capability();                                         // 90
int multiprocessors();
cudaError_t keep(cudaError_t error); // remembers it for cudaGetLastError, and returns it
cudaError_t device_ready();          // cudaSuccess where there is a driver and a device

// launch.cpp
struct launch {
    const void *kernel;
    dim3 grid, block, cluster;
    size_t shared_bytes;
    std::function<void()> thread; // what one thread runs
};

// block.cpp: runs a grid to its end.
void run_grid(const launch &work);

// report.cpp
const char *function_name(const void *function); // mangled; never NULL
// Where device code is at the moment, for reports; empty outside of it (block.cpp).
void describe_position(char *text, size_t size);
void report(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void install_fault_handler();

// memory.cpp
enum place { PAGEABLE, PINNED, DEVICE };
place place_of(const void *pointer);
// False where the range touches device memory that is not allocated.
bool range_ok(const void *pointer, size_t size);
bool in_device_region(const void *pointer);
bool device_memory_is_open();
// Device memory can be touched while one of these lives.
struct open_memory {
    open_memory();
    ~open_memory();
    open_memory(const open_memory &) = delete;
};
void check_canaries();

// stream.cpp
struct queue;
// Adds work to a stream (or to the graph that it captures).
cudaError_t enqueue(cudaStream_t stream, std::function<void()> work);
// Fails, and spoils captures under way, where a call is not allowed while capturing.
cudaError_t forbid_while_capturing();
bool is_capturing(cudaStream_t stream);
cudaError_t invalidate_capture(cudaStream_t stream);
// Libraries load what they run at its first use, and what loads a module may not be captured. True,
// and the capture is spoilt, where `stream` captures and `used` is not set; sets it otherwise.
bool first_use_spoils_capture(bool &used, cudaStream_t stream);
cudaError_t drain(cudaStream_t stream);
void drain_all();
bool in_host_function();

} // namespace v2s_emulation

#endif
