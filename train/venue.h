// SPDX-License-Identifier: MIT
// Random places where sound is heard: rooms, booths, the open air.
//
//   room        ten of eleven that are not in the open: RT60 (mean of 500 Hz and 1 kHz, Eyring)
//   0.15 to 2 s, evenly in the
//               logarithm; volume 20 to 6000 m3 as far as that time allows; every wall of another
//               material, all made more or less absorbing together until the time is right
//   dry booth   RT60 0.04 to 0.1 s, volume 7 to 60 m3
//   outdoor     one reflecting ground, nothing else: two thirds of the open places
//   free field  nothing reflects: one third
//
// Reflections are images until three times Polack's mixing time, sqrt(V / m3) ms (at least 30, at
// most 80 ms); then comes the diffuse tail.
// Kinds and reverberation times are spread by sequences of low discrepancy, so that few places
// still cover what many would.
#ifndef V2S_TRAIN_VENUE_H
#define V2S_TRAIN_VENUE_H

#include "kernels/base/rng.h"
#include "spatial/room.h"
#include "train/motion.h"

typedef enum v2s_venue_kind {
    V2S_VENUE_ROOM,
    V2S_VENUE_BOOTH,
    V2S_VENUE_OUTDOOR,
    V2S_VENUE_FREE_FIELD,
} v2s_venue_kind;

enum { V2S_VENUE_KIND_COUNT = 4 };

const char *v2s_venue_kind_name(v2s_venue_kind kind);

typedef struct v2s_venue {
    v2s_venue_kind kind;
    v2s_room room;                 // without listener
    double rt60_s[V2S_ROOM_BANDS]; // 0 where there is no reverberation
} v2s_venue;

// Share of the places that are outdoor or free field, unless told otherwise.
#define V2S_VENUE_OPEN 0.12

// Place `index` of a seed; `open`: share of open places, 0 .. 1.
void v2s_venue_draw(uint64_t seed, uint64_t index, double open, v2s_venue *venue);

// A listener at least 0.5 m from the walls, 1 to 2 m high, and where the source may be: 0.2 m from
// the walls, 0.2 to 2.5 m high, 0.5 to 8 m away. Sets venue->room.listener_m.
void v2s_venue_listener(v2s_venue *venue, v2s_rng *rng, v2s_motion_space *space);

#endif
