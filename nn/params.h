// SPDX-License-Identifier: MIT
// The walk over a model's parameters: the single list of their names and shapes. Initialisation,
// counting, saving, loading and optimising all walk it.
#ifndef V2S_NN_PARAMS_H
#define V2S_NN_PARAMS_H

#include "kernels/base/status.h"
#include "nn/tensor.h"

enum { V2S_PARAM_NAME_MAX = 96 };

// Called once per parameter, in the order of PyTorch's state_dict; any status but OK ends the walk
// and is returned by it. `name` is PyTorch's and valid during the call only.
typedef v2s_status (*v2s_param_visit)(void *ctx, const char *name, v2s_tensor *param);

// Visits one parameter as "<module>.<name>".
V2S_MUST_USE v2s_status v2s_param_walk(const char *module, const char *name, v2s_tensor *param,
                                       v2s_param_visit visit, void *ctx);

#endif
