// SPDX-License-Identifier: MIT
// Sounds as Ogg/Opus in memory, for players in reports.
#ifndef V2S_DATA_COMPRESS_H
#define V2S_DATA_COMPRESS_H

#include <stddef.h>

#include "kernels/base/status.h"

// The first max_seconds (0: all) of a file with one or two channels (more: ARG), resampled to
// 48 kHz, at `bitrate` bits a second. The bytes are the caller's: free(). UNSUPPORTED where FFmpeg
// has no Opus encoder.
V2S_MUST_USE v2s_status v2s_compress_opus(const char *path, double max_seconds, int bitrate,
                                          unsigned char **bytes, size_t *size);

// The same of samples in memory, interleaved [frames][channels] at rate_hz.
V2S_MUST_USE v2s_status v2s_compress_opus_samples(const float *samples, size_t frames, int channels,
                                                  double rate_hz, int bitrate,
                                                  unsigned char **bytes, size_t *size);

#endif
