// SPDX-License-Identifier: MIT
// The order in which clips are offered to a listening test: rooms (else sources) in a random order,
// one clip of each, then a second one of each, and so on, so that any beginning of the list has as
// many rooms as it can.
#ifndef V2S_INFER_LISTENING_CHOICE_H
#define V2S_INFER_LISTENING_CHOICE_H

#include "infer/compare.h"

// Judged clips of the comparison: *list is malloc'ed [*count], the caller's; same seed, same order.
// NOMEM.
V2S_MUST_USE v2s_status v2s_listening_choice(const v2s_comparison *comparison, uint64_t seed,
                                             const v2s_clip_result ***list, size_t *count);

#endif
