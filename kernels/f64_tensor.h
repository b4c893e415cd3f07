// SPDX-License-Identifier: MIT
// The picture and attention operations (convolution, batch normalisation, pooling, upsampling,
// concatenation, residual, rows, softmax, attention), the loss of depth maps, reductions and random
// arrays in double, beside the float ones (kernels/f64.h says how, and does the same for the
// layers).
#ifndef V2S_KERNELS_F64_TENSOR_H
#define V2S_KERNELS_F64_TENSOR_H

#include "kernels/attention.h"
#include "kernels/batch_norm.h"
#include "kernels/concat.h"
#include "kernels/conv2d.h"
#include "kernels/loss_depth.h"
#include "kernels/picture.h"
#include "kernels/pool2d.h"
#include "kernels/random.h"
#include "kernels/reduce.h"
#include "kernels/residual.h"
#include "kernels/softmax.h"
#include "kernels/upsample2d.h"

// The operations' headers once more, under the twins' names and with another number type.
#undef V2S_KERNELS_ATTENTION_H
#undef V2S_KERNELS_BATCH_NORM_H
#undef V2S_KERNELS_CONCAT_H
#undef V2S_KERNELS_CONV2D_H
#undef V2S_KERNELS_LOSS_DEPTH_H
#undef V2S_KERNELS_PICTURE_H
#undef V2S_KERNELS_POOL2D_H
#undef V2S_KERNELS_RANDOM_H
#undef V2S_KERNELS_REDUCE_H
#undef V2S_KERNELS_RESIDUAL_H
#undef V2S_KERNELS_SOFTMAX_H
#undef V2S_KERNELS_UPSAMPLE2D_H
#define real double
#include "kernels/f64_tensor_names.h"
// clang-format off: the order matters
#include "kernels/attention.h"
#include "kernels/batch_norm.h"
#include "kernels/concat.h"
#include "kernels/conv2d.h"
#include "kernels/loss_depth.h"
#include "kernels/picture.h"
#include "kernels/pool2d.h"
#include "kernels/random.h"
#include "kernels/reduce.h"
#include "kernels/residual.h"
#include "kernels/softmax.h"
#include "kernels/upsample2d.h"
// clang-format on
#include "kernels/f64_tensor_names.h"
#undef real

#endif
