// SPDX-License-Identifier: MIT
#include "tests/nn/refiner_training_check.h"

static v2s_device *device_or_skip(v2s_isa isa) {
    v2s_device *dev = NULL;
    if (v2s_device_open_isa(isa, 2, &dev) != V2S_OK)
        cr_skip("this processor has no %s", v2s_isa_name(isa));
    return dev;
}

static void check_isa(v2s_isa isa) {
    v2s_device *dev = device_or_skip(isa);
    check_gradients(dev, 1e-5);
    check_optimizers(dev, 1e-3);
    v2s_device_close(&dev);
}

Test(refiner_training, plain_definition_equals_pytorch) {
    check_isa(V2S_ISA_SCALAR);
}

Test(refiner_training, avx2_equals_pytorch) {
    check_isa(V2S_ISA_AVX2);
}

Test(refiner_training, avx512_equals_pytorch) {
    check_isa(V2S_ISA_AVX512);
}
