// SPDX-License-Identifier: MIT
// The plain definitions in double, beside the float ones: v2s_gru_forward_f64 takes a
// v2s_gru_args_f64, whose fields are v2s_gru_args's with double for float. They come from the same
// sources (library v2s_kernels_f64) and serve as reference: rounding errors of the float kernels,
// and numeric gradients, which float is too coarse for.
#ifndef V2S_KERNELS_F64_H
#define V2S_KERNELS_F64_H

#include "kernels/conv1d.h"
#include "kernels/gru.h"
#include "kernels/linear.h"
#include "kernels/optim.h"

// The operations' headers once more, under the twins' names and with another number type.
#undef V2S_KERNELS_CONV1D_H
#undef V2S_KERNELS_GRU_H
#undef V2S_KERNELS_LINEAR_H
#undef V2S_KERNELS_OPTIM_H
#define real double
#include "kernels/f64_names.h"
// clang-format off: the order matters
#include "kernels/conv1d.h"
#include "kernels/gru.h"
#include "kernels/linear.h"
#include "kernels/optim.h"
// clang-format on
#include "kernels/f64_names.h"
#undef real

#endif
