// SPDX-License-Identifier: MIT
// A refiner from a safetensors file: joins checkpoints/ (bytes) and nn/ (layers).
#ifndef V2S_INFER_REFINER_FILE_H
#define V2S_INFER_REFINER_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "checkpoints/safetensors.h"
#include "nn/refiner.h"

typedef struct v2s_refiner_info {
    int rate_hz;        // rate of the training data, 0: the file does not say
    char preset[32];    // "seed" or "v2s"
    char pairing[32];   // "dry", "omni", or "" where the file does not say
    size_t parameters;  // trainable numbers
    uint32_t crc32;     // of the weights
    bool has_metadata;  // false: a plain PyTorch file; say that the rate is unknown
    bool crc_checked;   // the file had a CRC-32 and it was right
    bool told_by_shape; // the file names no preset: it, and for v2s the pairing and the basis of
                        // this program, were taken by the tensors' shapes
    v2s_refiner_config config;
} v2s_refiner_info;

// Loads weights, all checked (checkpoints/format.md): the errors name the file and the tensor. The
// sizes of the model follow from the tensors' shapes; so does the preset where the file names none
// (FORMAT where the shapes are no preset's). A tensor conv1d.*, gru.* or output.* that the
// model does not know is an error too: the file is for another model; other names (a training
// state) are left alone. `info` may be NULL. Close with v2s_refiner_close.
V2S_MUST_USE v2s_status v2s_refiner_load(const char *path, v2s_refiner **out,
                                         v2s_refiner_info *info);

// The floors that a checkpoint carries beside its weights (README, "Floors").
typedef struct v2s_refiner_floors {
    bool has_scaled;
    float scaled[V2S_REFINER_CHANNELS]; // constant gains of the geometric path
    float *constant;                    // [constant_count] constant gains on the basis of `v2s`;
    int constant_count;                 // NULL and 0 where the file has none
} v2s_refiner_floors;

V2S_MUST_USE v2s_status v2s_refiner_read_floors(const char *path, v2s_refiner_floors *out);
void v2s_refiner_floors_free(v2s_refiner_floors *floors);

// What every reader of such a file needs beside rate and pairing: the hop, the rates (v2s) and the
// conventions, key `index` of the list; false past the last one.
bool v2s_refiner_conventions(bool banded, int index, v2s_safetensors_pair *pair);

// Saves weights with metadata; rate_hz 0 and pairing NULL or "" leave their keys out.
V2S_MUST_USE v2s_status v2s_refiner_save(const char *path, v2s_refiner *m, int rate_hz,
                                         const char *pairing);

#endif
