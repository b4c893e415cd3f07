// SPDX-License-Identifier: MIT
// Device memory and pinned host memory.
//
// Device memory is a reserved range of addresses that nobody may touch. An allocation gets whole
// pages of it, ends (but for less than 256 bytes, which hold a pattern) at a page that stays
// closed, begins as NaN, and is open only while device work runs. Freed pages are closed, and their
// addresses are used again as late as possible.
#include "emulation.h"

#include <map>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

namespace v2s_emulation {

static const size_t PAGE_BYTES = 4096;
static const size_t ALIGNMENT = 256;
// Large allocations lie in huge pages: opening and closing costs time for each page.
static const size_t HUGE_PAGE_BYTES = 2 << 20;
static const size_t LARGE_BYTES = 16 << 20;
static const unsigned char PATTERN = 0xA5;
// Addresses are cheap: many times the memory, so that freed ones rest.
static const size_t ADDRESSES_PER_BYTE = 16;

struct allocation {
    size_t size;  // asked for
    size_t pages; // bytes of its pages, without the closed one behind
    unsigned char *first_page;
};

struct memory {
    unsigned char *base = nullptr;
    size_t reserved = 0, limit = 0, used = 0;
    unsigned char *next = nullptr;               // where to look for room first
    std::map<unsigned char *, allocation> alive; // by the pointer that was given out
    std::map<unsigned char *, size_t> pinned;
    int opened = 0;
};

static memory &all() {
    static memory *m = new memory;
    if (!m->base) {
        m->limit = (size_t)setting("V2S_EMULATION_MEMORY", 1 << 30);
        m->reserved = m->limit * ADDRESSES_PER_BYTE + (64 << 20);
        void *map =
            mmap(NULL, m->reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (map == MAP_FAILED)
            report("no addresses for %zu bytes of device memory", m->limit);
        m->base = m->next = (unsigned char *)map;
        install_fault_handler();
    }
    return *m;
}

static size_t round_up(size_t value, size_t step) {
    return (value + step - 1) / step * step;
}

// The allocation that holds `p`; end() where there is none.
static std::map<unsigned char *, allocation>::iterator holder(memory &m, const void *p) {
    auto after = m.alive.upper_bound((unsigned char *)p);
    if (after == m.alive.begin())
        return m.alive.end();
    auto found = std::prev(after);
    bool inside = (unsigned char *)p < found->first + found->second.size;
    return inside ? found : m.alive.end();
}

bool in_device_region(const void *pointer) {
    memory &m = all();
    return (unsigned char *)pointer >= m.base && (unsigned char *)pointer < m.base + m.reserved;
}

bool device_memory_is_open() {
    return all().opened > 0;
}

place place_of(const void *pointer) {
    if (in_device_region(pointer))
        return DEVICE;
    memory &m = all();
    auto after = m.pinned.upper_bound((unsigned char *)pointer);
    if (after == m.pinned.begin())
        return PAGEABLE;
    auto found = std::prev(after);
    return (unsigned char *)pointer < found->first + found->second ? PINNED : PAGEABLE;
}

bool range_ok(const void *pointer, size_t size) {
    if (size == 0)
        return true;
    if (!pointer)
        return false;
    if (!in_device_region(pointer))
        return true;
    memory &m = all();
    auto found = holder(m, pointer);
    return found != m.alive.end() &&
           size <= (size_t)(found->first + found->second.size - (unsigned char *)pointer);
}

static void protect(const allocation &a, int how) {
    if (mprotect(a.first_page, a.pages, how))
        report("cannot change the protection of device memory");
}

open_memory::open_memory() {
    memory &m = all();
    if (m.opened++ == 0)
        for (auto &entry : m.alive)
            protect(entry.second, PROT_READ | PROT_WRITE);
}

open_memory::~open_memory() {
    memory &m = all();
    if (--m.opened == 0)
        for (auto &entry : m.alive)
            protect(entry.second, PROT_NONE);
}

static void check_canary(unsigned char *pointer, const allocation &a) {
    const unsigned char *end = a.first_page + a.pages;
    for (const unsigned char *p = pointer + a.size; p < end; p++)
        if (*p != PATTERN)
            report("something wrote %zu bytes behind the %zu bytes of device memory at %p",
                   (size_t)(p - pointer) - a.size, a.size, (void *)pointer);
    for (const unsigned char *p = a.first_page; p < pointer; p++)
        if (*p != PATTERN)
            report("something wrote in front of the %zu bytes of device memory at %p", a.size,
                   (void *)pointer);
}

void check_canaries() {
    open_memory open;
    for (auto &entry : all().alive)
        check_canary(entry.first, entry.second);
}

// Addresses for `bytes`, a multiple of `step`: behind the last allocation, from the start again
// when the end is reached.
static unsigned char *find_room(memory &m, size_t bytes, size_t step) {
    for (int pass = 0; pass < 2; pass++) {
        uintptr_t at = round_up((uintptr_t)(pass == 0 ? m.next : m.base), step);
        for (auto &entry : m.alive) {
            const allocation &a = entry.second;
            uintptr_t behind = (uintptr_t)a.first_page + a.pages + PAGE_BYTES;
            if (behind <= at)
                continue;
            if (at + bytes <= (uintptr_t)a.first_page)
                return (unsigned char *)at;
            at = round_up(behind, step);
        }
        if (at + bytes <= (uintptr_t)m.base + m.reserved)
            return (unsigned char *)at;
    }
    return nullptr;
}

static cudaError_t allocate(void **pointer, size_t size) {
    memory &m = all();
    if (size > m.limit || round_up(size, PAGE_BYTES) > m.limit - m.used)
        return cudaErrorMemoryAllocation;
    allocation a;
    a.size = size;
    a.pages = round_up(round_up(size, ALIGNMENT), PAGE_BYTES);
    bool large = size >= LARGE_BYTES;
    a.first_page = find_room(m, a.pages + PAGE_BYTES, large ? HUGE_PAGE_BYTES : PAGE_BYTES);
    if (!a.first_page)
        return cudaErrorMemoryAllocation;
    if (large)
        madvise(a.first_page, a.pages, MADV_HUGEPAGE); // only speed
    unsigned char *p = a.first_page + a.pages - round_up(size, ALIGNMENT);
    protect(a, PROT_READ | PROT_WRITE);
    memset(a.first_page, PATTERN, (size_t)(p - a.first_page));
    memset(p, 0xFF, size);
    memset(p + size, PATTERN, (size_t)(a.first_page + a.pages - p) - size);
    if (m.opened == 0)
        protect(a, PROT_NONE);
    m.alive[p] = a;
    m.used += a.pages;
    m.next = a.first_page + a.pages + PAGE_BYTES;
    *pointer = p;
    return cudaSuccess;
}

} // namespace v2s_emulation

using namespace v2s_emulation;

cudaError_t cudaMalloc(void **pointer, size_t size) {
    locked guard;
    if (device_ready() != cudaSuccess)
        return keep(device_ready());
    if (!pointer)
        return keep(cudaErrorInvalidValue);
    if (forbid_while_capturing() != cudaSuccess)
        return keep(cudaErrorStreamCaptureUnsupported);
    if (size == 0) {
        *pointer = nullptr;
        return cudaSuccess;
    }
    return keep(allocate(pointer, size));
}

cudaError_t cudaFree(void *pointer) {
    locked guard;
    if (!pointer)
        return cudaSuccess;
    if (forbid_while_capturing() != cudaSuccess)
        return keep(cudaErrorStreamCaptureUnsupported);
    memory &m = all();
    auto found = m.alive.find((unsigned char *)pointer);
    if (found == m.alive.end())
        return keep(cudaErrorInvalidValue);
    drain_all(); // as a device does
    allocation a = found->second;
    {
        open_memory open;
        check_canary(found->first, a);
    }
    m.alive.erase(found);
    m.used -= a.pages;
    madvise(a.first_page, a.pages, MADV_DONTNEED);
    protect(a, PROT_NONE);
    return cudaSuccess;
}

cudaError_t cudaHostAlloc(void **pointer, size_t size, unsigned int) {
    locked guard;
    if (device_ready() != cudaSuccess)
        return keep(device_ready());
    if (!pointer)
        return keep(cudaErrorInvalidValue);
    if (forbid_while_capturing() != cudaSuccess)
        return keep(cudaErrorStreamCaptureUnsupported);
    if (size == 0) {
        *pointer = nullptr;
        return cudaSuccess;
    }
    void *p; // from the heap: AddressSanitizer then knows where it ends
    if (posix_memalign(&p, ALIGNMENT, size))
        return keep(cudaErrorMemoryAllocation);
    memset(p, 0xFF, size);
    all().pinned[(unsigned char *)p] = size;
    *pointer = p;
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **pointer, size_t size) {
    return cudaHostAlloc(pointer, size, 0);
}

cudaError_t cudaFreeHost(void *pointer) {
    locked guard;
    if (!pointer)
        return cudaSuccess;
    if (forbid_while_capturing() != cudaSuccess)
        return keep(cudaErrorStreamCaptureUnsupported);
    memory &m = all();
    auto found = m.pinned.find((unsigned char *)pointer);
    if (found == m.pinned.end())
        return keep(cudaErrorInvalidValue);
    drain_all();
    memset(found->first, 0xFF, found->second);
    m.pinned.erase(found);
    free(pointer);
    return cudaSuccess;
}

cudaError_t cudaHostRegister(void *pointer, size_t size, unsigned int) {
    locked guard;
    if (!pointer || size == 0 || in_device_region(pointer))
        return keep(cudaErrorInvalidValue);
    if (place_of(pointer) == PINNED)
        return keep(cudaErrorHostMemoryAlreadyRegistered);
    all().pinned[(unsigned char *)pointer] = size;
    return cudaSuccess;
}

cudaError_t cudaHostUnregister(void *pointer) {
    locked guard;
    drain_all();
    if (!all().pinned.erase((unsigned char *)pointer))
        return keep(cudaErrorHostMemoryNotRegistered);
    return cudaSuccess;
}

cudaError_t cudaHostGetDevicePointer(void **device, void *host, unsigned int) {
    locked guard;
    if (place_of(host) != PINNED)
        return keep(cudaErrorInvalidValue);
    *device = host;
    return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *attributes,
                                     const void *pointer) {
    locked guard;
    if (device_ready() != cudaSuccess)
        return keep(device_ready());
    place where = place_of(pointer);
    cudaPointerAttributes found = {cudaMemoryTypeUnregistered, -2, nullptr, nullptr};
    if (where == DEVICE && range_ok(pointer, 1))
        found = {cudaMemoryTypeDevice, 0, (void *)pointer, nullptr};
    else if (where == PINNED)
        found = {cudaMemoryTypeHost, 0, (void *)pointer, (void *)pointer};
    *attributes = found;
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes) {
    locked guard;
    if (device_ready() != cudaSuccess)
        return keep(device_ready());
    *free_bytes = all().limit - all().used;
    *total_bytes = all().limit;
    return cudaSuccess;
}
