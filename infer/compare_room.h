// SPDX-License-Identifier: MIT
// The system `room` of compare: what render gives without a network to one who knows only how long
// the clip's room rings.
//
//   room = geometric + reflections and tail of v2s_room_setup_box_m with the clip's true rt60_s,
//          as `render --room 8,6,3 --rt60 ...` makes them of the dry sound; the listener is in the
//          middle of the box, and the trajectory is relative to it. A place outside has the
//          reflections of the nearest one inside.
//
// A clip has no room, and room = geometric, where it is in the free field, has no rt60_s, or has a
// band whose time the box cannot have (0, below 0.0187 s, or so long that render refuses the tail).
#ifndef V2S_INFER_COMPARE_ROOM_H
#define V2S_INFER_COMPARE_ROOM_H

#include <stdbool.h>

#include "data/pair.h"

// out [frames][4] AmbiX, overwritten, in time with pair->geometric. `clip` is a `dry` one and pair
// is loaded from it. *has_room: whether there is more than geometric in it. Errors name the dry
// file; NOMEM.
V2S_MUST_USE v2s_status v2s_compare_room(const v2s_clip *clip, const v2s_pair *pair, float *out,
                                         bool *has_room);

#endif
