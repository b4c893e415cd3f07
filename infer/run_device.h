// SPDX-License-Identifier: MIT
// The device of a run, as the command line asks for it, and what the run says of it.
#ifndef V2S_INFER_RUN_DEVICE_H
#define V2S_INFER_RUN_DEVICE_H

#include "infer/run_log.h"
#include "infer/settings.h"
#include "kernels/device.h"

// Opens --device in --precision with `threads` of the host (0: every processor). USAGE for a word
// that is no device, UNSUPPORTED for one that this machine does not have. Close with
// v2s_device_close.
V2S_MUST_USE v2s_status v2s_run_device_open(const v2s_settings *settings, int threads,
                                            v2s_device **out);

// Returns `status`. Where a GPU's memory did not suffice, the error text goes on with `advice`:
// which option needs less of it.
v2s_status v2s_run_device_fault(v2s_status status, const v2s_device *dev, const char *advice);

// After the work: the rows "device" and, with --verbose, "kernels" (what ran there last), which is
// a key of the JSON too.
void v2s_run_device_report(const v2s_device *dev, const v2s_settings *settings, v2s_run_log *log);

#endif
