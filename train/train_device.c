// SPDX-License-Identifier: MIT
#include "train/train_device.h"

#include <stdio.h>
#include <string.h>

// The GPU whose number is that of this process on its machine.
static v2s_status open_own(const v2s_device_options *options, const v2s_processes *p,
                           v2s_device **out) {
    char spec[32];
    snprintf(spec, sizeof spec, "cuda:%d", p->local_rank);
    v2s_status status = v2s_device_open_with(spec, options, out);
    if (status == V2S_UNSUPPORTED)
        v2s_error_prefix(status, "%d processes on one machine need a GPU each", p->local_count);
    return status;
}

static v2s_status open_auto(const v2s_device_options *options, const v2s_processes *p,
                            v2s_device **out) {
    v2s_status status = open_own(options, p, out);
    double without = status == V2S_UNSUPPORTED;
    v2s_processes_sum_f64(p, &without, 1);
    return without == p->count ? v2s_device_open_with("cpu", options, out) : status;
}

static v2s_status open_one(const v2s_refiner_settings *s, const v2s_processes *p,
                           v2s_device **out) {
    const char *spec = s->common.device;
    v2s_device_options options = {.threads = v2s_train_threads(&s->common),
                                  .precision = (v2s_precision)s->precision,
                                  .deterministic = s->deterministic,
                                  .training = true};
    if (p->count > 1 && strcmp(spec, "auto") == 0)
        return open_auto(&options, p, out);
    if (p->count > 1 && strcmp(spec, "cuda") == 0)
        return open_own(&options, p, out);
    return v2s_device_open_with(spec, &options, out);
}

v2s_status v2s_train_device_open(const v2s_refiner_settings *settings,
                                 const v2s_processes *processes, v2s_device **out) {
    v2s_device *dev = NULL;
    v2s_status status = open_one(settings, processes, &dev);
    if (status == V2S_ARG)
        status = V2S_USAGE; // the word came from the command line
    status = v2s_processes_agree(processes, status);
    if (status == V2S_OK)
        status = v2s_processes_join(processes, dev);
    if (status != V2S_OK) {
        v2s_device_close(&dev);
        return status;
    }
    *out = dev;
    return V2S_OK;
}
