// SPDX-License-Identifier: MIT
// The mono sound of one object as a stream at the output's rate, on the output's clock: sample 0
// is time 0 of the video; a sound that starts later has silence in front of it.
#ifndef V2S_INFER_SOURCE_H
#define V2S_INFER_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/sound_in.h"
#include "kernels/base/status.h"

typedef struct v2s_source v2s_source;

// Opens the sound and checks its channels. `path` is borrowed.
V2S_MUST_USE v2s_status v2s_source_open(const char *path, v2s_mono_choice choice,
                                        v2s_source **source);

const v2s_sound_info *v2s_source_info(const v2s_source *source);

// To be called once, before reading. Resamples if rate_hz differs from the file's. loop_until_s
// above 0: the sound is repeated, without a gap, and ends at that time.
V2S_MUST_USE v2s_status v2s_source_start(v2s_source *source, double rate_hz, double loop_until_s);

// Frames that reading will give; -1 if the file does not say.
int64_t v2s_source_frames(const v2s_source *source);

// mono[frames]; *got < frames only at the end.
V2S_MUST_USE v2s_status v2s_source_read(v2s_source *source, float *mono, size_t frames,
                                        size_t *got);

// NULL or one sentence; complete at the end.
const char *v2s_source_warning(const v2s_source *source);

void v2s_source_close(v2s_source **source);

#endif
