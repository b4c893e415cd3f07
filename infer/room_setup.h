// SPDX-License-Identifier: MIT
// The room of a render, from its options: a shoebox, or a response from a file.
//
// Direct sound   always by geometry (encoder.h), at the output's order; the room adds reflections
//                and tail to the first four channels.
// Response file  Four channels, AmbiX. Its own direct sound, up to 2.5 ms after the strongest
//                sample of W, is left out; the rest is scaled so that its direct sound would have
//                been as loud as the rendered one is at the beginning, and begins as long after it
//                as in the file. It does not turn with the source.
#ifndef V2S_INFER_ROOM_SETUP_H
#define V2S_INFER_ROOM_SETUP_H

#include "infer/run_log.h"
#include "infer/settings.h"
#include "spatial/room.h"

typedef struct v2s_room_setup {
    bool has_room; // --room
    v2s_room room;
    const char *path; // of --room-response, or NULL
    float *response;  // [frames][4] at the file's rate, direct sound still in
    size_t frames;
    double response_rate_hz;
} v2s_room_setup;

// One number, or eight with commas, into bands. USAGE in a sentence that begins with `option`.
V2S_MUST_USE v2s_status v2s_room_setup_bands(const char *option, const char *text,
                                             double bands[V2S_ROOM_BANDS]);

// USAGE for options that contradict each other or make no room; IO, FORMAT for the file.
V2S_MUST_USE v2s_status v2s_room_setup_open(const v2s_settings *settings, v2s_room_setup *setup);

// What `--room L,W,H --rt60 ...` alone makes: the usual listener, early part, tail and seed. ARG
// names the band whose time the box cannot have. Nothing to close.
V2S_MUST_USE v2s_status v2s_room_setup_of_rt60(v2s_vec3 size_m, const double rt60_s[V2S_ROOM_BANDS],
                                               v2s_room_setup *setup);

// A box (8 x 6 x 3 m) for a room of which only the decay times are known.
extern const v2s_vec3 v2s_room_setup_box_m;

static inline bool v2s_room_setup_is_used(const v2s_room_setup *setup) {
    return setup->has_room || setup->path != NULL;
}

// Warns about places outside the room.
void v2s_room_setup_check_paths(const v2s_room_setup *setup, const v2s_trajectory_set *paths,
                                v2s_run_log *log);

// The room of one source.
V2S_MUST_USE v2s_status v2s_room_setup_renderer(const v2s_room_setup *setup, double rate_hz,
                                                const v2s_trajectory *trajectory, bool doppler,
                                                double min_distance_m,
                                                v2s_room_renderer **renderer);

// Rows and numbers of the summary.
void v2s_room_setup_report(const v2s_room_setup *setup, v2s_run_log *log);

void v2s_room_setup_close(v2s_room_setup *setup);

#endif
