// SPDX-License-Identifier: MIT
// A sound as the bytes of a WAV file of 16 bits, for players in pages.
#ifndef V2S_INFER_WAV_BYTES_H
#define V2S_INFER_WAV_BYTES_H

#include <stddef.h>

#include "kernels/base/status.h"

// interleaved [frames][channels]; beyond full scale it is cut. The bytes are the caller's: free().
// ARG: 4 GiB or more. NOMEM.
V2S_MUST_USE v2s_status v2s_wav_bytes(const float *interleaved, size_t frames, int channels,
                                      double rate_hz, unsigned char **bytes, size_t *size);

#endif
