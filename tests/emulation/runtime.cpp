// SPDX-License-Identifier: MIT
// The device itself: whether there is one, what it is, errors, settings from the environment.
#include "emulation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_limits.h"

namespace v2s_emulation {

static thread_local cudaError_t last_error = cudaSuccess;
static thread_local int current_device;

std::recursive_mutex &lock() {
    static std::recursive_mutex *mutex = new std::recursive_mutex;
    return *mutex;
}

long long setting(const char *name, long long otherwise) {
    const char *text = getenv(name);
    return text && *text ? atoll(text) : otherwise;
}

bool reversed() {
    static int order = -1;
    if (order < 0) {
        const char *text = getenv("V2S_EMULATION_ORDER");
        order = text && strcmp(text, "reverse") == 0;
    }
    return order == 1;
}

int capability() {
    return (int)setting("V2S_EMULATION_CAPABILITY", 90);
}

int multiprocessors() {
    return (int)setting("V2S_EMULATION_MULTIPROCESSORS", 132);
}

cudaError_t keep(cudaError_t error) {
    if (error != cudaSuccess)
        last_error = error;
    return error;
}

static long long driver() {
    return setting("V2S_EMULATION_DRIVER", CUDART_VERSION);
}

static int devices() {
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    if (visible && !*visible)
        return 0;
    return (int)setting("V2S_EMULATION_DEVICES", 1);
}

cudaError_t device_ready() {
    // A driver serves runtimes of its own major version and older ones.
    if (driver() / 1000 < CUDART_VERSION / 1000)
        return cudaErrorInsufficientDriver;
    return devices() > 0 ? cudaSuccess : cudaErrorNoDevice;
}

static cudaError_t check_device(int device) {
    if (device_ready() != cudaSuccess)
        return device_ready();
    return device >= 0 && device < devices() ? cudaSuccess : cudaErrorInvalidDevice;
}

} // namespace v2s_emulation

using namespace v2s_emulation;

cudaError_t cudaGetLastError(void) {
    cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}

cudaError_t cudaPeekAtLastError(void) {
    return last_error;
}

const char *cudaGetErrorName(cudaError_t error) {
    switch (error) {
#define V2S_NAME(name, value, text)                                                                \
    case name:                                                                                     \
        return #name;
        V2S_EMULATED_ERRORS(V2S_NAME)
#undef V2S_NAME
    }
    return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error) {
    switch (error) {
#define V2S_TEXT(name, value, text)                                                                \
    case name:                                                                                     \
        return text;
        V2S_EMULATED_ERRORS(V2S_TEXT)
#undef V2S_TEXT
    }
    return "unrecognized error code";
}

cudaError_t cudaGetDeviceCount(int *count) {
    *count = device_ready() == cudaSuccess ? devices() : 0;
    return keep(device_ready());
}

cudaError_t cudaSetDevice(int device) {
    cudaError_t error = check_device(device);
    if (error == cudaSuccess)
        current_device = device;
    return keep(error);
}

cudaError_t cudaGetDevice(int *device) {
    *device = current_device;
    return keep(device_ready());
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *prop, int device) {
    if (check_device(device) != cudaSuccess)
        return keep(check_device(device));
    memset(prop, 0, sizeof *prop);
    snprintf(prop->name, sizeof prop->name, "emulated");
    prop->totalGlobalMem = (size_t)setting("V2S_EMULATION_MEMORY", 1 << 30);
    prop->sharedMemPerBlock = DEFAULT_SHARED_BYTES;
    prop->regsPerBlock = prop->regsPerMultiprocessor = REGISTERS;
    prop->warpSize = 32;
    prop->maxThreadsPerBlock = MAX_BLOCK_THREADS;
    prop->maxThreadsDim[0] = prop->maxThreadsDim[1] = MAX_BLOCK_THREADS;
    prop->maxThreadsDim[2] = MAX_BLOCK_DEPTH;
    prop->maxGridSize[0] = MAX_GRID_X;
    prop->maxGridSize[1] = prop->maxGridSize[2] = MAX_GRID_YZ;
    prop->major = capability() / 10;
    prop->minor = capability() % 10;
    prop->multiProcessorCount = multiprocessors();
    prop->pciBusID = device + 1;
    prop->memoryBusWidth = 6144;
    prop->l2CacheSize = L2_BYTES;
    prop->maxThreadsPerMultiProcessor = MAX_SM_THREADS;
    prop->sharedMemPerMultiprocessor = shared_limit() + RESERVED_SHARED_BYTES;
    prop->cooperativeLaunch = 0;
    prop->sharedMemPerBlockOptin = shared_limit();
    prop->maxBlocksPerMultiProcessor = MAX_SM_BLOCKS;
    prop->reservedSharedMemPerBlock = RESERVED_SHARED_BYTES;
    prop->clusterLaunch = capability() >= 90;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attr, int device) {
    cudaDeviceProp prop;
    cudaError_t error = cudaGetDeviceProperties(&prop, device);
    if (error != cudaSuccess)
        return error;
    const struct {
        cudaDeviceAttr attr;
        size_t value;
    } known[] = {
        {cudaDevAttrMaxThreadsPerBlock, MAX_BLOCK_THREADS},
        {cudaDevAttrMaxSharedMemoryPerBlock, prop.sharedMemPerBlock},
        {cudaDevAttrWarpSize, 32},
        {cudaDevAttrMaxRegistersPerBlock, REGISTERS},
        {cudaDevAttrClockRate, 1980000},
        {cudaDevAttrMultiProcessorCount, (size_t)prop.multiProcessorCount},
        {cudaDevAttrMemoryClockRate, 3201000},
        {cudaDevAttrGlobalMemoryBusWidth, (size_t)prop.memoryBusWidth},
        {cudaDevAttrL2CacheSize, L2_BYTES},
        {cudaDevAttrMaxThreadsPerMultiProcessor, MAX_SM_THREADS},
        {cudaDevAttrComputeCapabilityMajor, (size_t)prop.major},
        {cudaDevAttrComputeCapabilityMinor, (size_t)prop.minor},
        {cudaDevAttrMaxSharedMemoryPerMultiprocessor, prop.sharedMemPerMultiprocessor},
        {cudaDevAttrMaxRegistersPerMultiprocessor, REGISTERS},
        {cudaDevAttrCooperativeLaunch, 0},
        {cudaDevAttrMaxSharedMemoryPerBlockOptin, prop.sharedMemPerBlockOptin},
        {cudaDevAttrReservedSharedMemoryPerBlock, RESERVED_SHARED_BYTES},
        {cudaDevAttrClusterLaunch, (size_t)prop.clusterLaunch},
    };
    for (const auto &row : known)
        if (row.attr == attr) {
            *value = (int)row.value;
            return cudaSuccess;
        }
    return keep(cudaErrorInvalidValue);
}

cudaError_t cudaDeviceGetPCIBusId(char *text, int length, int device) {
    if (check_device(device) != cudaSuccess)
        return keep(check_device(device));
    snprintf(text, (size_t)length, "0000:%02x:00.0", device + 1);
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version) {
    *version = (int)driver();
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaDeviceReset(void) {
    return cudaDeviceSynchronize();
}
