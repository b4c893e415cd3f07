// SPDX-License-Identifier: MIT
// The refiner on rows of numbers that lie in host memory, wherever the device computes.
//
// On a device that works in the program's memory nothing is copied. On a GPU the runner has a copy
// of the weights there, and page-locked memory through which rows go up and residuals come down.
//
// One thread at a time per runner. Several runners of one device may be used by several threads at
// once: they take turns at a device that serves one thread at a time.
#ifndef V2S_NN_REFINER_RUNNER_H
#define V2S_NN_REFINER_RUNNER_H

#include "nn/refiner.h"

typedef struct v2s_refiner_runner v2s_refiner_runner;

// For passes over up to B x T rows. Model (of the host, or of `dev`) and device are borrowed until
// close; the weights must not change meanwhile. ARG: B x T is above INT_MAX. NOMEM says how much
// was needed. CUDA: the device failed.
V2S_MUST_USE v2s_status v2s_refiner_runner_open(const v2s_refiner *m, const v2s_device *dev, int B,
                                                int T, v2s_refiner_runner **out);

// residual [B,T,outputs] from x [B,T,inputs], both in host memory, as v2s_refiner_forward; done
// when it returns. B and T at most those of open. CUDA: the device failed, and residual is of no
// use.
V2S_MUST_USE v2s_status v2s_refiner_runner_forward(v2s_refiner_runner *r, int B, int T,
                                                   const real *x, real *residual);

// Frees and sets *r to NULL; accepts NULL inside.
void v2s_refiner_runner_close(v2s_refiner_runner **r);

#endif
