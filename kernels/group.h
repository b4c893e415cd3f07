// SPDX-License-Identifier: MIT
// Sums over the devices of several processes (data-parallel training). A device that has no way of
// its own has no such table (v2s_ops.group is NULL): its processes sum in the program's memory.
//
// All processes of a group open it with one id, which the first one made and gave to the others,
// and then make the same calls in the same order. A sum is queued like any other work and can be
// part of recorded work; all get the same bits. The group ends with the device.
#ifndef V2S_KERNELS_GROUP_H
#define V2S_KERNELS_GROUP_H

#include <stddef.h>

#include "kernels/base/status.h"

struct v2s_device;

enum { V2S_GROUP_ID_BYTES = 128 };

typedef struct v2s_group_ops {
    // Makes an id that no other group has. CUDA.
    v2s_status (*id)(const struct v2s_device *, unsigned char id[V2S_GROUP_ID_BYTES]);
    // Joins as number `rank` of `count` (2 or more); returns when all have. CUDA: two processes
    // share a device, or cannot reach one another.
    v2s_status (*open)(const struct v2s_device *, const unsigned char id[V2S_GROUP_ID_BYTES],
                       int rank, int count);
    // data[i] = sum over the processes, on all of them.
    void (*sum_f32)(const struct v2s_device *, float *data, size_t count);
    void (*sum_f64)(const struct v2s_device *, double *data, size_t count);
} v2s_group_ops;

#endif
