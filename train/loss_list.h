// SPDX-License-Identifier: MIT
// The loss of a refiner that is trained on waveforms: a weighted sum of named losses,
//
//   L = sum_k weight_k L_k(refined, truth),   refined = geometric + residual,
//
// and dL/dresidual = dL/drefined. Names (formulas in kernels/loss_<name>.h):
//
//   mse           mean over channels and samples of (refined - truth)^2
//   mrstft        spectral convergence and log magnitudes with windows of 16, 32 and 64 ms
//   intensity     direction of the intensity vectors, per band and block
//   edc           energy decay curves in dB
//   binaural      mrstft of the two ears behind the decode that `render` uses (magnitude least
//                 squares, order 1)
//   binaural-mse  mse of the same two ears
//
// As text: "mse=1,mrstft=0.5"; a name alone has weight 1, weight 0 leaves a loss out.
//
// Shapes    residual, geometric, truth [rows,T,4], AmbiX order W, Y, Z, X, at rate_hz, in the
//           device's memory.
// Ownership The device is borrowed until close; work space is taken from it when the list is
// opened.
//           Evaluation allocates nothing, so a batch can be part of recorded work.
// Threads   A lane is used by one thread at a time, a batch is lane 0; on the processor different
//           lanes may be used by different threads at once. A row's result depends on the row's
//           input only.
#ifndef V2S_TRAIN_LOSS_LIST_H
#define V2S_TRAIN_LOSS_LIST_H

#include "kernels/device.h"

typedef enum v2s_loss_kind {
    V2S_LOSS_MSE,
    V2S_LOSS_MRSTFT,
    V2S_LOSS_INTENSITY,
    V2S_LOSS_EDC,
    V2S_LOSS_BINAURAL,
    V2S_LOSS_BINAURAL_MSE,
    V2S_LOSS_KINDS
} v2s_loss_kind;

typedef struct v2s_loss_weights {
    double of[V2S_LOSS_KINDS]; // >= 0; 0: not in the list
} v2s_loss_weights;

enum { V2S_LOSS_TEXT_MAX = 256 };

// "mse", "mrstft", ...
const char *v2s_loss_name(v2s_loss_kind kind);

// Reads a list. USAGE with one sentence for an unknown or repeated name, a weight that is not a
// finite number >= 0, or a list whose weights are all 0. `option` ("--loss") begins the sentence.
V2S_MUST_USE v2s_status v2s_loss_weights_parse(const char *option, const char *text,
                                               v2s_loss_weights *out);

// The same list always as the same text, for config.json: names in the order above, weights in the
// fewest digits that read back equal, no spaces, none of weight 0.
void v2s_loss_weights_text(const v2s_loss_weights *weights, char text[V2S_LOSS_TEXT_MAX]);

typedef struct v2s_loss_setup {
    const v2s_device *dev;
    v2s_loss_weights weights;
    double rate_hz;
    int T;                 // longest row
    int rows;              // largest batch
    int lanes;             // rows that may be evaluated at once, one by one; 0: 1
    const char *hrtf_path; // head of the binaural losses; NULL: the default head
} v2s_loss_setup;

typedef struct v2s_loss_list v2s_loss_list;

// ARG: T or rows below 1, a rate outside 1 .. 400 kHz; NOMEM; and, with a binaural loss, what
// v2s_sofa_read and v2s_binaural_design say about the head. Close with v2s_loss_list_close.
V2S_MUST_USE v2s_status v2s_loss_list_open(const v2s_loss_setup *setup, v2s_loss_list **out);

// Losses of 0 .. setup.rows rows of 0 .. setup.T samples, queued: values [rows] (NULL: not wanted)
// and dresidual [rows,T,4] (NULL: not wanted), with scale * dL/dresidual, are overwritten; both are
// the device's memory. Finite for finite input, silence included.
void v2s_loss_list_batch(v2s_loss_list *list, int rows, int T, const float *residual,
                         const float *geometric, const float *truth, double scale, float *dresidual,
                         double *values);

// The same for one row in lane `lane`, waited for: the loss, and into parts [V2S_LOSS_KINDS] of
// host memory the L_k before their weights, 0 for those not in the list (NULL: not wanted). Not a
// number where the device failed (its synchronize says why).
double v2s_loss_list_row(v2s_loss_list *list, int lane, int T, const float *residual,
                         const float *geometric, const float *truth, double scale, float *dresidual,
                         double *parts);

// Frees and sets *list to NULL; accepts NULL inside.
void v2s_loss_list_close(v2s_loss_list **list);

#endif
