// SPDX-License-Identifier: MIT
// The diffuse end of a room's response.
//
// Level     An image at distance r has the power g / r^2, and 4 pi r^2 dr / V images lie between r
//           and r + dr: per second of response the power of W is
//               P_b(t) = (4 pi c / V) < exp(c t sum_axes |u_a| / (2 L_a) ln((1 - a_0b)(1 - a_1b)))
//               >
//           the mean over all directions u (Y, Z, X: a third each). With an order limit the mean
//           leaves out the directions whose images at r = c t are still rendered,
//           c t sum_a |u_a| / L_a <= order + 1/2. From where all images are gone it falls by
//           Eyring's time of the band.
// Sound     Gaussian noise, independent per channel, split into bands by v2s_room_phi (zero phase,
//           adding up to the noise), each band under its own envelope.
#ifndef V2S_SPATIAL_ROOM_TAIL_H
#define V2S_SPATIAL_ROOM_TAIL_H

#include "spatial/room.h"

// *noise is malloc'ed [*frames][4]; its first sample belongs to sample *begin of the response.
// *frames is 0 where the room has no tail. ARG for one that would be too long, NOMEM.
V2S_MUST_USE v2s_status v2s_room_tail(const v2s_room *room, double rate_hz, float **noise,
                                      size_t *begin, size_t *frames);

#endif
