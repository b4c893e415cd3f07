// SPDX-License-Identifier: MIT
// What validation saw, as pictures for TensorBoard: one PNG a sample, five squares side by side.
//
//   left ear, right ear   spectrograms, the highest frequency on top, from 60 dB below the largest
//                         number of both up to it
//   truth, prediction     0 .. max_depth_m; black where the truth is not valid
//   error                 |prediction - truth|, 0 .. max_depth_m / 4; black as above
//
// Dark is small, bright is large.
#ifndef V2S_TRAIN_DEPTH_PICTURES_H
#define V2S_TRAIN_DEPTH_PICTURES_H

#include "train/depth_trainer.h"
#include "train/tensorboard.h"

V2S_MUST_USE v2s_status v2s_depth_pictures_write(v2s_tensorboard *events, int64_t step, int size,
                                                 double max_depth_m, const v2s_depth_view *view,
                                                 int index);

#endif
