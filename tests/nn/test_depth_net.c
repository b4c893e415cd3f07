// SPDX-License-Identifier: MIT
#include "tests/nn/depth_net_check.h"

static void check_isa(v2s_isa isa) {
    v2s_device *dev = NULL;
    if (v2s_device_open_isa(isa, 2, &dev) != V2S_OK)
        cr_skip("this processor has no %s", v2s_isa_name(isa));
    golden_case all = {"all", "12345", V2S_ATTENTION_SCALE_KEY, 1.0, 1e-3, 1e-3, 1e-5};
    golden_case some = {"some", "24", V2S_ATTENTION_SCALE_CHANNELS, 1.0, 1e-3, 1e-3, 1e-5};
    golden_case peaked = {"peaked", "12345", V2S_ATTENTION_SCALE_KEY, 8.0, 1e-3, 1e-3, 1e-5};
    golden_check(dev, &all);
    golden_check(dev, &some);
    golden_check(dev, &peaked);
    golden_losses(dev, 1e-3);
    golden_optimizer(dev, 1e-6);
    v2s_device_close(&dev);
}

Test(depth_net, plain_definition_equals_pytorch) {
    check_isa(V2S_ISA_SCALAR);
}

Test(depth_net, avx2_equals_pytorch) {
    check_isa(V2S_ISA_AVX2);
}

Test(depth_net, avx512_equals_pytorch) {
    check_isa(V2S_ISA_AVX512);
}
