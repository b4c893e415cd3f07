// SPDX-License-Identifier: MIT
// Convolutions of pictures by oneDNN (float32, direct algorithm).
//
// The primitives of a device (code made for one shape) are kept until it closes: the first call
// with a shape makes them. Weights are turned into oneDNN's order in scratch in every call, and
// their gradient back, so that parameters lie as [O,C,KH,KW] everywhere else.
//
// dx is made as a convolution of dy with the taps turned round and the channels exchanged, because
// a forward primitive can add to its output, and runs faster than oneDNN's backward one.
#ifndef V2S_KERNELS_CONV2D_ONEDNN_H
#define V2S_KERNELS_CONV2D_ONEDNN_H

#include <stdbool.h>

#include "kernels/conv2d.h"

typedef struct v2s_onednn v2s_onednn;

typedef enum v2s_onednn_kind {
    V2S_ONEDNN_FORWARD, // y = the convolution, with or without bias
    V2S_ONEDNN_DATA,    // dx += ...
    V2S_ONEDNN_WEIGHTS  // dw += ..., dbias += ...
} v2s_onednn_kind;

// One of the three of a convolution; `g` is read as conv2d.h says, of a forward call g.of alone.
typedef struct v2s_onednn_call {
    v2s_onednn_kind kind;
    v2s_conv2d_backward_args g;
} v2s_onednn_call;

// An empty store of primitives: cheap, oneDNN is not touched before the first shape. NOMEM.
V2S_MUST_USE v2s_status v2s_onednn_open(v2s_onednn **out);

// Frees and sets *o to NULL; accepts NULL inside.
void v2s_onednn_close(v2s_onednn **o);

// Whether oneDNN has code for this shape that is not its slow reference. N, H and W are at least 1.
bool v2s_onednn_has(const struct v2s_device *dev, const v2s_onednn_call *call);

// Bytes of scratch and the work itself, where oneDNN has the shape. Threads: several may call with
// one device, but not from a thread of a team (kernels/base/team.h). Gives the scratch back.
size_t v2s_onednn_scratch(const struct v2s_device *dev, const v2s_onednn_call *call);
void v2s_onednn_run(const struct v2s_device *dev, const v2s_onednn_call *call, v2s_arena *scratch);

#endif
