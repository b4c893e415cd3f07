// SPDX-License-Identifier: MIT
// Reads the samples of the next step while the device works on this one.
//
// One batch is under way at a time: start gives it to a thread of its own (or does it at once,
// where all samples are in memory or the system gives no thread), wait returns when it is complete.
// One thread calls.
#ifndef V2S_TRAIN_DEPTH_LOADER_H
#define V2S_TRAIN_DEPTH_LOADER_H

#include <pthread.h>

#include "train/depth_data.h"

typedef struct v2s_depth_row {
    size_t item;
    bool swap;
} v2s_depth_row;

typedef struct v2s_depth_loader {
    const v2s_depth_data *data;
    pthread_t thread;
    bool busy, threaded;
    // of the batch under way
    const v2s_depth_item *items;
    const v2s_depth_row *rows;
    int count;
    float *x, *truth;
    char error[V2S_ERROR_TEXT_MAX];
    v2s_status status;
} v2s_depth_loader;

void v2s_depth_loader_open(const v2s_depth_data *data, v2s_depth_loader *loader);

// Fills x [count,2,size,size] and truth [count,size,size] with rows of `items`. All of it stays
// until wait.
void v2s_depth_loader_start(v2s_depth_loader *loader, const v2s_depth_item *items,
                            const v2s_depth_row *rows, int count, float *x, float *truth);

// What a sample's file says that could be read before; OK at once where nothing is under way.
V2S_MUST_USE v2s_status v2s_depth_loader_wait(v2s_depth_loader *loader);

void v2s_depth_loader_close(v2s_depth_loader *loader); // accepts a zeroed one

#endif
