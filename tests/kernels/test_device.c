// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/device.h"

Test(device, auto_and_cpu_open_the_processor) {
    const char *const specs[] = {"auto", "cpu"};
    setenv("V2S_CUDA_MODULE", "", 1);
    for (int i = 0; i < 2; i++) {
        v2s_device *dev = NULL;
        cr_assert_eq(v2s_device_open(specs[i], 3, &dev), V2S_OK);
        cr_assert_eq(dev->threads, 3);
        cr_assert_eq(strncmp(dev->name, "cpu, ", 5), 0);
        cr_assert_not_null(strstr(dev->name, dev->ops->name));
        v2s_device_close(&dev);
        cr_assert_null(dev);
    }
}

// BF16 changes results, so it never comes by itself.
Test(device, bf16_runs_only_when_it_is_asked_for) {
    v2s_device *dev = NULL;
    cr_assert_eq(v2s_device_open("cpu", 0, &dev), V2S_OK);
    cr_assert_null(strstr(dev->ops->name, "bf16"));
    v2s_device_close(&dev);
    v2s_status status = v2s_device_open_with(
        "cpu", &(v2s_device_options){.threads = 1, .precision = V2S_PRECISION_BF16}, &dev);
    if (v2s_cpu_isa() == V2S_ISA_AVX512_BF16) {
        cr_assert_eq(status, V2S_OK);
        cr_assert_str_eq(dev->ops->name, "avx512-bf16");
        v2s_device_close(&dev);
    } else {
        cr_assert_eq(status, V2S_UNSUPPORTED);
        cr_assert_null(dev);
    }
}

Test(device, cuda_is_refused_with_the_reason) {
    const char *const specs[] = {"cuda", "cuda:0", "cuda:12"};
    setenv("V2S_CUDA_MODULE", "/nowhere/libv2s_cuda.so", 1);
    for (int i = 0; i < 3; i++) {
        v2s_device *dev = NULL;
        cr_assert_eq(v2s_device_open(specs[i], 0, &dev), V2S_UNSUPPORTED);
        cr_assert_null(dev);
        cr_assert_not_null(strstr(v2s_error_text(), "there is no CUDA module /nowhere/"));
        cr_assert_not_null(strstr(v2s_error_text(), specs[i]));
    }
}

Test(device, a_malformed_spec_is_a_wrong_argument) {
    const char *const specs[] = {"",       "gpu",     "CPU",     "cpu ",      "cpu:0", "cuda:",
                                 "cuda:x", "cuda:-1", "cuda:1x", "cuda:1234", "cuda0", "auto,cpu"};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        v2s_device *dev = NULL;
        cr_assert_eq(v2s_device_open(specs[i], 0, &dev), V2S_ARG, "\"%s\"", specs[i]);
        cr_assert_null(dev);
    }
    v2s_device *dev = NULL;
    cr_assert_eq(v2s_device_open("cpu", -1, &dev), V2S_ARG);
}

Test(device, describes_the_processor_and_why_cuda_is_not_used) {
    char line[V2S_DEVICE_LINE_MAX];
    setenv("V2S_CUDA_MODULE", "/nowhere/libv2s_cuda.so", 1);
    cr_assert(v2s_device_describe(0, line));
    cr_assert_eq(strncmp(line, "cpu: ", 5), 0);
    cr_assert_not_null(strstr(line, v2s_isa_name(v2s_cpu_isa())));
    cr_assert(v2s_device_describe(1, line));
    cr_assert_str_eq(line, "cuda: not used (there is no CUDA module /nowhere/libv2s_cuda.so)");
    cr_assert_not(v2s_device_describe(2, line));
}
