// SPDX-License-Identifier: MIT
// Samples of any sound file, or of the sound of a video: libsndfile first, FFmpeg where it cannot.
//
// Samples are interleaved floats [frames][channels], full scale 1.0, at the file's own rate.
// In containers with time stamps (mp4, mkv, ...) samples keep their time: `start_s` is the time of
// the first sample on the container's clock (0 = its start time, as in data/video.h; samples
// before 0, such as encoder priming, are cut off), and a gap of more than 1 ms between two packets
// (10 ms in containers whose stamps are milliseconds, 200 ms in Ogg, which stamps pages only) is
// filled with silence, an overlap is cut. One thread at a time per handle.
#ifndef V2S_DATA_SOUND_IN_H
#define V2S_DATA_SOUND_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/base/status.h"

typedef struct v2s_sound_in v2s_sound_in;

typedef struct v2s_sound_info {
    double rate_hz;
    int channels;
    int64_t frames;    // -1 unknown (compressed containers)
    double duration_s; // what the file says, 0 unknown
    double start_s;    // of the first sample, relative to the container's origin (>= 0)
    char format[64];   // "WAV float32", "mp4 aac", ...
} v2s_sound_info;

// Errors: IO (cannot be read), FORMAT ("x.mp4: no sound stream; give --sound FILE"; empty file;
// zero-length sound; not a sound file).
V2S_MUST_USE v2s_status v2s_sound_in_open(const char *path, v2s_sound_in **in);

// Valid until close.
const v2s_sound_info *v2s_sound_in_info(const v2s_sound_in *in);

// Reads up to `frames` frames into interleaved[frames][channels]; *got < frames only at the end,
// *got = 0 past it. NUMERIC names file, channel (from 1) and sample of a NaN or infinity.
V2S_MUST_USE v2s_status v2s_sound_in_read(v2s_sound_in *in, float *interleaved, size_t frames,
                                          size_t *got);

// All that is left, or somewhat more than `most` frames of it where there are more (SIZE_MAX: no
// limit): *samples [*frames][channels], malloc'ed. What v2s_sound_in_read reports, and NOMEM;
// nothing to free then.
V2S_MUST_USE v2s_status v2s_sound_in_read_rest(v2s_sound_in *in, size_t most, float **samples,
                                               size_t *frames);

// NULL or one sentence (truncated, gaps filled); complete once read returned *got = 0.
const char *v2s_sound_in_warning(const v2s_sound_in *in);

// Frees; sets *in to NULL; accepts NULL inside.
void v2s_sound_in_close(v2s_sound_in **in);

// How many channels become one. One or two channels: their mean, so that a voice in both keeps
// its level. More need a choice.
typedef struct v2s_mono_choice {
    int channel; // 0-based; -1: no choice
    bool mix;    // mean of all channels
} v2s_mono_choice;

// ARG, in a sentence with the options --channel N (from 1) and --mix, if `choice` does not say
// what to do with info->channels channels.
V2S_MUST_USE v2s_status v2s_mono_check(const char *path, const v2s_sound_info *info,
                                       v2s_mono_choice choice);

// v2s_sound_in_read followed by the choice (which it checks): mono[frames].
V2S_MUST_USE v2s_status v2s_sound_in_read_mono(v2s_sound_in *in, v2s_mono_choice choice,
                                               float *mono, size_t frames, size_t *got);

#endif
