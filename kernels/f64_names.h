// SPDX-License-Identifier: MIT
// The double twins' names. Included once it renames everything that depends on `real`, included
// again it takes that back. v2s_kernels_f64 is built under these names, so that a program may hold
// both precisions; kernels/f64.h declares the twins.
#include "kernels/f64_signal_names.h"
#ifndef v2s_conv1d_args
#define v2s_conv1d_args v2s_conv1d_args_f64
#define v2s_conv1d_forward v2s_conv1d_forward_f64
#define v2s_conv1d_scratch v2s_conv1d_scratch_f64
#define v2s_conv1d_forward_vector v2s_conv1d_forward_vector_f64
#define v2s_conv1d_scratch_vector v2s_conv1d_scratch_vector_f64
#define v2s_gru_args v2s_gru_args_f64
#define v2s_gru_direction v2s_gru_direction_f64
#define v2s_gru_forward v2s_gru_forward_f64
#define v2s_gru_scratch v2s_gru_scratch_f64
#define v2s_gru_packed_size v2s_gru_packed_size_f64
#define v2s_gru_pack v2s_gru_pack_f64
#define v2s_gru_forward_vector v2s_gru_forward_vector_f64
#define v2s_gru_scratch_vector v2s_gru_scratch_vector_f64
#define v2s_gru_packed_size_vector v2s_gru_packed_size_vector_f64
#define v2s_gru_pack_vector v2s_gru_pack_vector_f64
#define v2s_linear_args v2s_linear_args_f64
#define v2s_linear_forward v2s_linear_forward_f64
#define v2s_linear_scratch v2s_linear_scratch_f64
#define v2s_linear_forward_vector v2s_linear_forward_vector_f64
#define v2s_linear_scratch_vector v2s_linear_scratch_vector_f64
#else
#undef v2s_conv1d_args
#undef v2s_conv1d_forward
#undef v2s_conv1d_scratch
#undef v2s_conv1d_forward_vector
#undef v2s_conv1d_scratch_vector
#undef v2s_gru_args
#undef v2s_gru_direction
#undef v2s_gru_forward
#undef v2s_gru_scratch
#undef v2s_gru_packed_size
#undef v2s_gru_pack
#undef v2s_gru_forward_vector
#undef v2s_gru_scratch_vector
#undef v2s_gru_packed_size_vector
#undef v2s_gru_pack_vector
#undef v2s_linear_args
#undef v2s_linear_forward
#undef v2s_linear_scratch
#undef v2s_linear_forward_vector
#undef v2s_linear_scratch_vector
#endif
