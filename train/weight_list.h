// SPDX-License-Identifier: MIT
// Lists of losses with weights, as they stand in --loss: "mse=1,mrstft=0.5". A name alone has
// weight 1, a loss that is not named has 0.
#ifndef V2S_TRAIN_WEIGHT_LIST_H
#define V2S_TRAIN_WEIGHT_LIST_H

#include <stddef.h>

#include "kernels/base/status.h"

enum { V2S_WEIGHT_LIST_MAX = 32 }; // names

// weights[count], overwritten on success. USAGE in a sentence that begins with `option`: a name
// that is unknown or given twice, a weight that is no number of 0 or more, all weights 0.
V2S_MUST_USE v2s_status v2s_weight_list_parse(const char *option, const char *text,
                                              const char *const *names, int count, double *weights);

// The list as text that parses to the same weights: shortest numbers, weights of 0 left out.
void v2s_weight_list_text(const double *weights, const char *const *names, int count, char *text,
                          size_t size);

#endif
