// SPDX-License-Identifier: MIT
// Parts of an exhibit that its files share. Nothing outside infer/exhibit*.c includes this.
#ifndef V2S_INFER_EXHIBIT_INTERNAL_H
#define V2S_INFER_EXHIBIT_INTERNAL_H

#include "infer/exhibit.h"

// ears[i] are the voices' two ears, [frames][2]. Fills the spectrograms and top_hz.
V2S_MUST_USE v2s_status v2s_exhibit_spectrograms(double rate_hz, size_t frames,
                                                 const float *const *ears, v2s_exhibit *e);

// Fills the maps and the directions from the first `frames` of the four-channel sounds.
V2S_MUST_USE v2s_status v2s_exhibit_field(const v2s_exhibit_source *s, size_t frames,
                                          v2s_exhibit *e);

#endif
