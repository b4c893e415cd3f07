// SPDX-License-Identifier: MIT
#include "train/settings.h"

#include "kernels/base/cpu.h"
#include "kernels/device.h"

#define AT(field) offsetof(v2s_train_common, field)
#define UNLIMITED 0, 0

const v2s_option v2s_train_common_rows[] = {
    {"json", 0, V2S_OPTION_TEXT, "FILE", NULL, UNLIMITED,
     "every number of the run as JSON; - is standard output", AT(json)},
    {"threads", 0, V2S_OPTION_INT, "N", "0", 0, 1024, "threads to use; 0 is every processor",
     AT(threads)},
    {"device", 0, V2S_OPTION_TEXT, "auto|cpu|cuda[:N]", "auto", UNLIMITED, "where networks run",
     AT(device)},
    {"seed", 0, V2S_OPTION_INT, "N", "0", UNLIMITED, "seed of random numbers", AT(seed)},
    {"quiet", 'q', V2S_OPTION_FLAG, NULL, NULL, UNLIMITED, "no progress, no summary", AT(quiet)},
    {"help", 'h', V2S_OPTION_FLAG, NULL, NULL, UNLIMITED, "this text", AT(help)},
    {NULL, 0, V2S_OPTION_FLAG, NULL, NULL, UNLIMITED, NULL, 0},
};

int v2s_train_threads(const v2s_train_common *common) {
    return common->threads > 0 ? (int)common->threads : v2s_cpu_count();
}

v2s_status v2s_train_check_device(const v2s_train_common *common) {
    v2s_device *device = NULL;
    v2s_status status = v2s_device_open(common->device, v2s_train_threads(common), &device);
    v2s_device_close(&device);
    return status == V2S_ARG ? V2S_USAGE : status;
}
