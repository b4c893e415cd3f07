// SPDX-License-Identifier: MIT
// What v2s-train prepare says about the order and normalisation of a data set's channels.
#ifndef V2S_TRAIN_PREPARE_CHANNELS_H
#define V2S_TRAIN_PREPARE_CHANNELS_H

#include "train/prepare.h"
#include "train/seld_check.h"

enum { V2S_LAYOUTS = V2S_LAYOUT_WXYZ_SN3D + 1 };

// Rows, numbers and, where labels and sounds speak for another layout than `assumed`, a warning.
// guesses[layout]: sounds of which spatial/layout_guess.h says so. Sorts what `channels` holds.
void v2s_prepare_channels(v2s_prepare *p, v2s_seld_channels *channels,
                          const size_t guesses[V2S_LAYOUTS], v2s_layout assumed);

#endif
