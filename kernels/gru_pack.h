// SPDX-License-Identifier: MIT
// What the vector forms of the GRU for running and for training share. Private to
// kernels/gru*_vector.c.
#ifndef V2S_KERNELS_GRU_PACK_H
#define V2S_KERNELS_GRU_PACK_H

#include "kernels/gru.h"
#include "kernels/vector.h"

// W_ih and the biases that do not depend on the state, into a zeroed gemm matrix [3*Hp,C].
void v2s_gru_pack_projection(const v2s_vector *v, int C, int H, const v2s_gru_direction *dir,
                             float *packed);

// A forward call with `saved`.
void v2s_gru_forward_train_vector(const struct v2s_device *dev, const v2s_gru_args *a,
                                  v2s_arena *scratch);
size_t v2s_gru_train_scratch_vector(const struct v2s_device *dev, const v2s_gru_args *a);

#endif
