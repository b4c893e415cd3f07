// SPDX-License-Identifier: MIT
// Attention by matrix products of a piece of the map at a time, for devices of TF32 or BF16: tensor
// cores do the products, and pieces of the map pass through memory, which the kernels of
// attention.cu avoid.
//
// COST (counted, not measured). Memory traffic per pair of a query and a key is 16 bytes forward (s
// and P, each written and read) and 36 backward; at 4.8 TB/s (H200) a batch of 16 with 16 384
// positions takes 14 and 32 ms at best, whatever D and E are. Scratch is a piece forward and two
// backward, a piece being 2 MiB for each multiprocessor at most, or a row.
#ifndef V2S_KERNELS_ATTENTION_PRODUCTS_CUH
#define V2S_KERNELS_ATTENTION_PRODUCTS_CUH

#include "kernels/cuda.cuh"

// Whether attention goes this way.
bool v2s_attention_by_products(const v2s_device *dev, const v2s_attention_args *a);

// Bytes of one piece.
size_t v2s_attention_piece_bytes(const v2s_device *dev, const v2s_attention_args *a);

// `s` and `dp` are a piece each; delta [B,Nq] is d_o . o.
void v2s_attention_products_forward(const v2s_device *dev, const v2s_attention_args *a, float *s);
void v2s_attention_products_backward(const v2s_device *dev, const v2s_attention_backward_args *g,
                                     const float *delta, float *s, float *dp);

#endif
