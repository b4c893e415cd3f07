// SPDX-License-Identifier: MIT
// Copies and fills.
//
// An asynchronous copy is queued, and host memory is read or written when it runs; pageable memory,
// too, of which CUDA says only that a driver may wait or set its bytes aside.
#include "emulation.h"

#include <string.h>

namespace v2s_emulation {

struct plane {
    void *dst;
    const void *src;
    size_t dst_pitch, src_pitch, width, height;
};

static void copy_now(const plane &p) {
    for (size_t row = 0; row < p.height; row++)
        memmove((char *)p.dst + row * p.dst_pitch, (const char *)p.src + row * p.src_pitch,
                p.width);
}

static size_t extent(size_t pitch, size_t width, size_t height) {
    return width && height ? (height - 1) * pitch + width : 0;
}

static bool direction_ok(place dst, place src, cudaMemcpyKind kind) {
    switch (kind) {
    case cudaMemcpyHostToHost:
        return dst != DEVICE && src != DEVICE;
    case cudaMemcpyHostToDevice:
        return dst == DEVICE && src != DEVICE;
    case cudaMemcpyDeviceToHost:
        return dst != DEVICE && src == DEVICE;
    case cudaMemcpyDeviceToDevice:
        return dst == DEVICE && src == DEVICE;
    default:
        return kind == cudaMemcpyDefault;
    }
}

static cudaError_t copy(plane p, cudaMemcpyKind kind, cudaStream_t stream, bool wait) {
    if (device_ready() != cudaSuccess)
        return device_ready();
    if (p.width > p.dst_pitch || p.width > p.src_pitch)
        return cudaErrorInvalidPitchValue;
    size_t dst_size = extent(p.dst_pitch, p.width, p.height);
    size_t src_size = extent(p.src_pitch, p.width, p.height);
    if (!range_ok(p.dst, dst_size) || !range_ok(p.src, src_size))
        return cudaErrorInvalidValue;
    if (dst_size == 0)
        return cudaSuccess;
    place dst = place_of(p.dst), src = place_of(p.src);
    if (!direction_ok(dst, src, kind))
        return cudaErrorInvalidValue;
    bool pageable = dst == PAGEABLE || src == PAGEABLE;
    if (pageable && is_capturing(stream))
        return invalidate_capture(stream);
    if (wait && forbid_while_capturing() != cudaSuccess)
        return cudaErrorStreamCaptureUnsupported;
    cudaError_t error = enqueue(stream, [p]() { copy_now(p); });
    return error == cudaSuccess && wait ? drain(stream) : error;
}

static cudaError_t fill(void *pointer, size_t pitch, int value, size_t width, size_t height,
                        cudaStream_t stream) {
    if (device_ready() != cudaSuccess)
        return device_ready();
    if (width > pitch)
        return cudaErrorInvalidPitchValue;
    if (!range_ok(pointer, extent(pitch, width, height)))
        return cudaErrorInvalidValue;
    if (width == 0 || height == 0)
        return cudaSuccess;
    if (place_of(pointer) == PAGEABLE)
        return cudaErrorInvalidValue;
    return enqueue(stream, [=]() {
        for (size_t row = 0; row < height; row++)
            memset((char *)pointer + row * pitch, value, width);
    });
}

} // namespace v2s_emulation

using namespace v2s_emulation;

cudaError_t cudaMemcpy(void *dst, const void *src, size_t count, enum cudaMemcpyKind kind) {
    locked guard;
    return keep(copy(plane{dst, src, count, count, count, 1}, kind, nullptr, true));
}

cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t count, enum cudaMemcpyKind kind,
                            cudaStream_t stream) {
    locked guard;
    return keep(copy(plane{dst, src, count, count, count, 1}, kind, stream, false));
}

cudaError_t cudaMemcpy2D(void *dst, size_t dpitch, const void *src, size_t spitch, size_t width,
                         size_t height, enum cudaMemcpyKind kind) {
    locked guard;
    return keep(copy(plane{dst, src, dpitch, spitch, width, height}, kind, nullptr, true));
}

cudaError_t cudaMemcpy2DAsync(void *dst, size_t dpitch, const void *src, size_t spitch,
                              size_t width, size_t height, enum cudaMemcpyKind kind,
                              cudaStream_t stream) {
    locked guard;
    return keep(copy(plane{dst, src, dpitch, spitch, width, height}, kind, stream, false));
}

cudaError_t cudaMemset(void *pointer, int value, size_t count) {
    locked guard;
    return keep(fill(pointer, count, value, count, 1, nullptr));
}

cudaError_t cudaMemsetAsync(void *pointer, int value, size_t count, cudaStream_t stream) {
    locked guard;
    return keep(fill(pointer, count, value, count, 1, stream));
}

cudaError_t cudaMemset2DAsync(void *pointer, size_t pitch, int value, size_t width, size_t height,
                              cudaStream_t stream) {
    locked guard;
    return keep(fill(pointer, pitch, value, width, height, stream));
}

cudaError_t v2s_emulated_copy_symbol(void *symbol, size_t symbol_size, const void *src,
                                     size_t count, size_t offset, cudaStream_t stream, bool wait) {
    locked guard;
    if (offset + count > symbol_size)
        return keep(cudaErrorInvalidValue);
    if (is_capturing(stream) && place_of(src) == PAGEABLE)
        return keep(invalidate_capture(stream));
    auto aside = std::make_shared<std::vector<char>>();
    if (place_of(src) == PAGEABLE)
        aside->assign((const char *)src, (const char *)src + count);
    cudaError_t error = enqueue(stream, [=]() {
        memcpy((char *)symbol + offset, aside->empty() ? src : aside->data(), count);
    });
    return keep(error == cudaSuccess && wait ? drain(stream) : error);
}
