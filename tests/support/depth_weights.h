// SPDX-License-Identifier: MIT
// Checkpoints of depth networks for tests.
#ifndef V2S_TESTS_SUPPORT_DEPTH_WEIGHTS_H
#define V2S_TESTS_SUPPORT_DEPTH_WEIGHTS_H

#include "checkpoints/safetensors.h"
#include "nn/depth_net.h"

enum { DEPTH_TENSORS_MAX = 256, DEPTH_PAIRS_MAX = 16 };

// What a file holds, to be written with something changed. Numbers belong to the network.
typedef struct depth_list {
    char names[DEPTH_TENSORS_MAX][V2S_PARAM_NAME_MAX];
    v2s_safetensors_tensor tensors[DEPTH_TENSORS_MAX];
    int count;
    char texts[DEPTH_PAIRS_MAX][64];
    v2s_safetensors_pair pairs[DEPTH_PAIRS_MAX];
    int pair_count;
} depth_list;

// malloc'ed; free() it.
depth_list *depth_list_of(v2s_depth_net *net, int rate_hz, bool left_only);
v2s_safetensors_tensor *depth_list_find(depth_list *l, const char *name);

// A checkpoint of fresh weights (v2s_depth_net_init_weights), gammas 0.5, at 44.1 kHz.
void depth_weights_write(const char *path, const v2s_depth_config *config, uint64_t seed);

#endif
