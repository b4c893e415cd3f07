// SPDX-License-Identifier: MIT
#include "infer/run_device.h"

static v2s_status advise(v2s_status status, const char *advice) {
    char text[V2S_ERROR_TEXT_MAX];
    v2s_error_save(text);
    return V2S_FAIL(status, "%s; %s", text, advice);
}

v2s_status v2s_run_device_open(const v2s_settings *settings, int threads, v2s_device **out) {
    v2s_device_options options = {.threads = threads,
                                  .precision = (v2s_precision)settings->precision};
    v2s_status status = v2s_device_open_with(settings->device, &options, out);
    if (status == V2S_NOMEM)
        return advise(status, "--device cpu needs none of the GPU's");
    return status == V2S_ARG ? V2S_USAGE : status; // the word came from the command line
}

v2s_status v2s_run_device_fault(v2s_status status, const v2s_device *dev, const char *advice) {
    return status == V2S_NOMEM && !dev->ops->memory->host_memory ? advise(status, advice) : status;
}

void v2s_run_device_report(const v2s_device *dev, const v2s_settings *settings, v2s_run_log *log) {
    const char *kernels = dev->ops->memory->kernels(dev);
    v2s_run_log_row(log, "device", "%s", dev->name);
    if (settings->verbose)
        v2s_run_log_row(log, "kernels", "%s", kernels);
    v2s_run_log_text(log, "kernels", kernels);
}
