// SPDX-License-Identifier: MIT
// The sample rate that most sounds of a data set have, for sets of which none is published or that
// somebody has converted: a sound of another rate is the odd one.
#ifndef V2S_TRAIN_USUAL_RATE_H
#define V2S_TRAIN_USUAL_RATE_H

#include "train/prepare.h"

// The most frequent of the rates (0 does not count), of several the lowest; 0: there is none. Sorts
// the list.
double v2s_usual_rate(double *rates_hz, size_t count);

// The same of surveyed sounds. NOMEM.
V2S_MUST_USE v2s_status v2s_prepare_usual_rate(const v2s_prepare *p, size_t count,
                                               const char *const *paths, double *rate_hz);

#endif
