// SPDX-License-Identifier: MIT
// Sums over processes through NCCL.
#include "kernels/cuda.cuh"

#include <nccl.h>
#include <stdio.h>
#include <string.h>

static v2s_status group_status(const char *what, ncclResult_t result) {
    if (result == ncclSuccess)
        return V2S_OK;
    return V2S_FAIL(V2S_CUDA, "NCCL: %s: %s", what, ncclGetErrorString(result));
}

static v2s_status make_id(const v2s_device *dev, unsigned char id[V2S_GROUP_ID_BYTES]) {
    (void)dev;
    ncclUniqueId unique;
    static_assert(sizeof unique.internal == V2S_GROUP_ID_BYTES, "size of an id");
    V2S_TRY(group_status("making an id", ncclGetUniqueId(&unique)));
    memcpy(id, unique.internal, sizeof unique.internal);
    return V2S_OK;
}

static v2s_status open_group(const v2s_device *dev, const unsigned char id[V2S_GROUP_ID_BYTES],
                             int rank, int count) {
    ncclUniqueId unique;
    memcpy(unique.internal, id, sizeof unique.internal);
    V2S_TRY(v2s_cuda_status("joining the processes", cudaSetDevice(dev->cuda->index)));
    ncclComm_t group = NULL;
    V2S_TRY(group_status("joining the processes", ncclCommInitRank(&group, count, unique, rank)));
    dev->cuda->group = group;
    return V2S_OK;
}

static void sum(const v2s_device *dev, void *data, size_t count, ncclDataType_t type) {
    ncclResult_t result = ncclAllReduce(data, data, count, type, ncclSum,
                                        (ncclComm_t)dev->cuda->group, v2s_stream(dev));
    if (result == ncclSuccess)
        return;
    char text[V2S_ERROR_TEXT_MAX];
    snprintf(text, sizeof text, "NCCL: sum over processes: %s", ncclGetErrorString(result));
    v2s_cuda_note_text(dev, V2S_CUDA, text);
}

static void sum_f32(const v2s_device *dev, float *data, size_t count) {
    sum(dev, data, count, ncclFloat);
}

static void sum_f64(const v2s_device *dev, double *data, size_t count) {
    sum(dev, data, count, ncclDouble);
}

void v2s_cuda_group_close(v2s_cuda_state *state) {
    if (state->group != NULL)
        ncclCommDestroy((ncclComm_t)state->group);
    state->group = NULL;
}

extern "C" const v2s_group_ops v2s_group_cuda = {
    .id = make_id,
    .open = open_group,
    .sum_f32 = sum_f32,
    .sum_f64 = sum_f64,
};
