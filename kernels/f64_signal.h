// SPDX-License-Identifier: MIT
// The transforms, losses, activations and element-wise operations in double, beside the float ones
// (kernels/f64.h says how, and does the same for the layers).
#ifndef V2S_KERNELS_F64_SIGNAL_H
#define V2S_KERNELS_F64_SIGNAL_H

#include "kernels/activation.h"
#include "kernels/elementwise.h"
#include "kernels/fir_matrix.h"
#include "kernels/loss_binaural.h"
#include "kernels/loss_edc.h"
#include "kernels/loss_intensity.h"
#include "kernels/loss_mrstft.h"
#include "kernels/loss_mse.h"
#include "kernels/rdft.h"
#include "kernels/stft.h"

// The operations' headers once more, under the twins' names and with another number type.
#undef V2S_KERNELS_ACTIVATION_H
#undef V2S_KERNELS_ELEMENTWISE_H
#undef V2S_KERNELS_FIR_MATRIX_H
#undef V2S_KERNELS_LOSS_BINAURAL_H
#undef V2S_KERNELS_LOSS_EDC_H
#undef V2S_KERNELS_LOSS_INTENSITY_H
#undef V2S_KERNELS_LOSS_MRSTFT_H
#undef V2S_KERNELS_LOSS_MSE_H
#undef V2S_KERNELS_RDFT_H
#undef V2S_KERNELS_STFT_H
#define real double
#include "kernels/f64_signal_names.h"
// clang-format off: the order matters
#include "kernels/activation.h"
#include "kernels/elementwise.h"
#include "kernels/fir_matrix.h"
#include "kernels/loss_binaural.h"
#include "kernels/loss_edc.h"
#include "kernels/loss_intensity.h"
#include "kernels/loss_mrstft.h"
#include "kernels/loss_mse.h"
#include "kernels/rdft.h"
#include "kernels/stft.h"
// clang-format on
#include "kernels/f64_signal_names.h"
#undef real

#endif
