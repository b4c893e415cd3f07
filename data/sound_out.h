// SPDX-License-Identifier: MIT
// Sound files: .wav (RF64 when it will not fit 4 GiB), .w64, .caf, .flac, by libsndfile.
//
// Same samples, same bytes: the PEAK chunk, which carries the time of day, is off. The WAVEX
// ambisonic flag is never set, because it means FuMa. The file appears under its name at commit.
// One thread at a time per handle.
#ifndef V2S_DATA_SOUND_OUT_H
#define V2S_DATA_SOUND_OUT_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/base/status.h"

typedef struct v2s_sound_out v2s_sound_out;

typedef enum v2s_sample_format { V2S_FLOAT32, V2S_S16, V2S_S24 } v2s_sample_format;

// ARG for a suffix that names no container here. A device or pipe without a known suffix
// (/dev/null) is written as WAV. FLAC holds no float samples: V2S_FLOAT32 becomes V2S_S24 there,
// see v2s_sound_out_format. frames_expected (-1: unknown) decides between WAV and RF64; an unknown
// length is RF64 that becomes WAV again if it stays below 4 GiB; a WAV that grows beyond although
// frames_expected said otherwise is an IO error.
V2S_MUST_USE v2s_status v2s_sound_out_open(const char *path, double rate_hz, int channels,
                                           v2s_sample_format format, int64_t frames_expected,
                                           v2s_sound_out **out);

// What the samples are really stored as.
v2s_sample_format v2s_sound_out_format(const v2s_sound_out *out);

// As v2s_file_out_defer_sync.
void v2s_sound_out_defer_sync(v2s_sound_out *out);

// interleaved[frames][channels]. NUMERIC for a NaN or infinity.
V2S_MUST_USE v2s_status v2s_sound_out_write(v2s_sound_out *out, const float *interleaved,
                                            size_t frames);

// Ends the file and makes it appear. If the peak is above full scale, one linked gain over all
// channels makes it 1.0 (float samples are scaled in place in a second pass; integer samples wait
// as floats in a temporary file and are encoded here). *gain_db: gain applied, 0 if none; *peak:
// largest |sample| before it, linear. Both may be NULL.
V2S_MUST_USE v2s_status v2s_sound_out_commit(v2s_sound_out *out, double *gain_db, double *peak);

// Frees; without commit nothing appears. Sets *out to NULL; accepts NULL inside.
void v2s_sound_out_close(v2s_sound_out **out);

#endif
