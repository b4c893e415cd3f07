// SPDX-License-Identifier: MIT
// A checkpoint of the depth network on the device of a run, ready to predict batches.
//
// Ownership  Everything is the model's; the device is borrowed. One thread at a time.
#ifndef V2S_INFER_DEPTH_MODEL_H
#define V2S_INFER_DEPTH_MODEL_H

#include "infer/depth_file.h"
#include "kernels/device.h"

typedef struct v2s_depth_model {
    char name[64];        // among the systems of a run
    const char *path;     // borrowed
    v2s_depth_file file;  // in host memory
    v2s_depth_net *net;   // in the device's
    size_t parameters;    // trained numbers
    v2s_depth_work *work; // of batches up to `batch`
    const v2s_device *dev;
    int batch;
    float *seen;               // [batch,2,size,size] what the network was given last
    real *device_x, *device_y; // [batch,2,size,size], [batch,size,size]; NULL on a host device
} v2s_depth_model;

// What v2s_depth_file_open reports; NOMEM. `model` is untouched on failure. Close with
// v2s_depth_model_close.
V2S_MUST_USE v2s_status v2s_depth_model_open(const char *path, const v2s_device *dev, int batch,
                                             v2s_depth_model *model);
void v2s_depth_model_close(v2s_depth_model *model); // accepts a zeroed one

// depth [count,size,size] of x [count,2,size,size], count <= batch. A model of the left ear alone
// gets the left ear's spectrogram for both. NUMERIC: a depth is not finite.
V2S_MUST_USE v2s_status v2s_depth_model_predict(v2s_depth_model *model, int count, const float *x,
                                                float *depth);

// After predict: item b's map [side*side] at `level`, see v2s_depth_net_attention.
V2S_MUST_USE v2s_status v2s_depth_model_attention(const v2s_depth_model *model, int count,
                                                  int level, int b, int ear, int i, float *map);

enum { V2S_DEPTH_MODEL_TEXT = 160 };
// "base 64, attention 2,3,4,5 (scale key), 256 x 256, 30 m, 44100 Hz"
void v2s_depth_model_describe(const v2s_depth_file *file, char text[V2S_DEPTH_MODEL_TEXT]);

#endif
