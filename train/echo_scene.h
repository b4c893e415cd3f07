// SPDX-License-Identifier: MIT
// What the two ears of a rig record when its loudspeaker sends one chirp.
//
//   chirp     linear sweep, 20 Hz to 20 kHz in 3 ms, amplitude 1 at 1 m in front of the
//   loudspeaker,
//             which radiates less below 150 Hz (Butterworth, second order); it starts at 5.8 ms
//   recorded  8192 samples of 44.1 kHz (186 ms: 30 m there and back at 340 m/s take 7782)
//   sound     sum over the paths (echo_paths.h) of chirp * octave bands * response of the head
//             (echo_head.h); the bands overlap by cos^2 over an octave and add up to 1;
//             they have no phase: up to a thousandth of the direct sound's energy precedes it
//   noise     white, of the same level at both ears, so many dB below the mean power of the whole
//   level     the same fixed gain for all samples; what would pass full scale is cut and counted
//
// Paths that reflect at a mirror and the direct one keep their time to a sixteenth of a sample.
// Threads   A maker is used by one thread at a time; the head may be shared.
#ifndef V2S_TRAIN_ECHO_SCENE_H
#define V2S_TRAIN_ECHO_SCENE_H

#include "train/echo_head.h"
#include "train/echo_paths.h"

#define V2S_ECHO_SCENE_RATE_HZ 44100.0
#define V2S_ECHO_SCENE_START_S 0.0058
#define V2S_ECHO_SCENE_GAIN 0.12 // full scale is a pressure of 1 / gain

enum { V2S_ECHO_SCENE_FRAMES = 8192, V2S_ECHO_SCENE_RAYS = 2048 };

typedef struct v2s_echo_maker v2s_echo_maker;

typedef struct v2s_echo_stats {
    size_t mirrored, diffuse; // paths
    size_t clipped;           // samples
    double peak;              // before they were cut; 1 is full scale
} v2s_echo_stats;

// `head` outlives the maker. NOMEM.
V2S_MUST_USE v2s_status v2s_echo_maker_open(const v2s_echo_head *head, v2s_echo_maker **out);

// stereo [V2S_ECHO_SCENE_FRAMES][2], left first. rays 0: no diffuse paths. snr_db infinite: no
// noise. Draws from *rng.
void v2s_echo_make(v2s_echo_maker *maker, const v2s_world *world, const v2s_depth_rig *rig,
                   int rays, double snr_db, v2s_rng *rng, float *stereo, v2s_echo_stats *stats);

void v2s_echo_maker_close(v2s_echo_maker **maker); // accepts NULL inside

#endif
