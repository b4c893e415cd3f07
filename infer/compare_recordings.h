// SPDX-License-Identifier: MIT
// Which clips are parts of one recording: those marked as recorded with the same truth file.
#ifndef V2S_INFER_COMPARE_RECORDINGS_H
#define V2S_INFER_COMPARE_RECORDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/base/status.h"

struct v2s_clip_result;

typedef struct v2s_recording {
    size_t first, count; // its clips are order[first .. first + count - 1]
} v2s_recording;

typedef struct v2s_recordings {
    size_t count;
    v2s_recording *items; // by their first clips; owned
    size_t *order;        // indices of results, those of one recording together, ascending; owned
} v2s_recordings;

// Of results[count] those that are recorded, with `judged_only` those that are judged as well. Time
// n log n. NOMEM; `recordings` is untouched on failure.
V2S_MUST_USE v2s_status v2s_recordings_find(const struct v2s_clip_result *results, size_t count,
                                            bool judged_only, v2s_recordings *recordings);
void v2s_recordings_free(v2s_recordings *recordings); // accepts a zeroed one

#endif
