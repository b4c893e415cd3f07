// SPDX-License-Identifier: MIT
// All objects' sounds, encoded along their trajectories and added: the geometric path as a stream,
// with the reflections of a room in the first four channels.
#ifndef V2S_INFER_MIXER_H
#define V2S_INFER_MIXER_H

#include "infer/source.h"
#include "spatial/encoder.h"
#include "spatial/room.h"

// Takes the W channel of one object's encoded sound, block after block, time-exact.
typedef v2s_status (*v2s_mixer_tap)(void *ctx, const float *w, size_t frames);

typedef struct v2s_mixer_input {
    v2s_source *source;               // started; borrowed
    const v2s_trajectory *trajectory; // borrowed
    v2s_room_renderer *room;          // its reflections, or NULL; the mixer closes it
    v2s_mixer_tap tap;                // or NULL
    void *tap_ctx;
    size_t tail_frames; // silence that is rendered after the end, for what the tap adds
} v2s_mixer_input;

typedef struct v2s_mixer v2s_mixer;

// `config` holds what is common to all encoders; its trajectory and start are ignored. The rooms
// are the mixer's from here on, also where it fails.
V2S_MUST_USE v2s_status v2s_mixer_open(const v2s_mixer_input *inputs, size_t count,
                                       const v2s_encoder_config *config, v2s_mixer **mixer);

// ambi[frames][channels], overwritten, time-exact (latency dropped); *got < frames only at the
// end, which is that of the longest sound plus what is still under way with --doppler and in rooms.
V2S_MUST_USE v2s_status v2s_mixer_read(v2s_mixer *mixer, float *ambi, size_t frames, size_t *got);

// Upper bound of the next, before anything is read.
uint64_t v2s_mixer_longest_extra_frames(const v2s_mixer *mixer);

// Frames by which the output has become longer than its sounds, once all of it is read.
uint64_t v2s_mixer_extra_frames(const v2s_mixer *mixer);

void v2s_mixer_close(v2s_mixer **mixer);

#endif
