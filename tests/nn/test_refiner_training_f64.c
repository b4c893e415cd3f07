// SPDX-License-Identifier: MIT
// The whole network and the optimizers in double: every name below is its double twin's.
#define V2S_F64
#include "kernels/f64_names.h"
// clang-format off: after the names
#include "tests/nn/refiner_training_check.h"
// clang-format on

static const v2s_device definition = {.ops = &v2s_ops_scalar, .threads = 1};

Test(refiner_training_f64, gradients_equal_pytorch) {
    check_gradients(&definition, 1e-9);
}

Test(refiner_training_f64, ten_steps_equal_pytorch) {
    check_optimizers(&definition, 1e-9);
}
