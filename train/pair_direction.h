// SPDX-License-Identifier: MIT
// Where a sound comes from, told by its first-order channels alone, where one direction is clear.
//
// Frames of 100 ms sum ten cells (spatial/foa_cells.h). A frame is clear if
//
//   sqrt(coherence) = |I| / sqrt(E_W E_dipoles) >= 0.45
//
// (2|I|/(E_W + E_dipoles) of the spatial statistics after the dipole gain that makes both energies
// equal; their rule for recordings) and W is at most 40 dB below its loudest frame. Directions are
// those of intensities smoothed over five frames (weights 1 2 3 2 1, within the span; energy weighs
// too). A span is a run of clear frames of at least 0.5 s in which the direction turns by at most
// 45 degrees from frame to frame.
//
// LIMITATIONS. Two sources at once give one direction between them; distance is not estimated
// (1 m); reflections pull the direction to the middle of the room.
#ifndef V2S_TRAIN_PAIR_DIRECTION_H
#define V2S_TRAIN_PAIR_DIRECTION_H

#include <stdbool.h>

#include "spatial/foa_cells.h"
#include "spatial/trajectory.h"

typedef struct v2s_clear_span {
    double start_s, end_s;
    v2s_trajectory path; // owned; confidence is sqrt(coherence)
} v2s_clear_span;

typedef struct v2s_clear_spans {
    size_t count;
    v2s_clear_span *spans;
    double duration_s; // of all of them
} v2s_clear_spans;

// cells [count] of a sound of duration_s; wxyz: channels 1..3 are X Y Z, else Y Z X. NOMEM.
V2S_MUST_USE v2s_status v2s_clear_spans_find(const v2s_foa_cell *cells, size_t count, bool wxyz,
                                             double duration_s, v2s_clear_spans *found);
void v2s_clear_spans_free(v2s_clear_spans *spans); // accepts a zeroed one

#endif
