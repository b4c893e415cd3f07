// SPDX-License-Identifier: MIT
// Private to data/: the sound stream of a container, decoded by FFmpeg, placed by its time stamps.
#ifndef V2S_DATA_SOUND_AV_H
#define V2S_DATA_SOUND_AV_H

#include "data/sound_in.h"

typedef struct v2s_sound_av v2s_sound_av;

V2S_MUST_USE v2s_status v2s_sound_av_open(const char *path, v2s_sound_av **av,
                                          v2s_sound_info *info);

// As v2s_sound_in_read, without the check for NaN.
V2S_MUST_USE v2s_status v2s_sound_av_read(v2s_sound_av *av, float *interleaved, size_t frames,
                                          size_t *got);

// NULL or one sentence.
const char *v2s_sound_av_warning(const v2s_sound_av *av);

void v2s_sound_av_close(v2s_sound_av **av);

#endif
