// SPDX-License-Identifier: MIT
#include "infer/wav_bytes.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 44, DEPTH = 2 };

static void put_le(unsigned char *to, uint32_t value, int bytes) {
    for (int i = 0; i < bytes; i++)
        to[i] = (unsigned char)(value >> (8 * i));
}

// "RIFF" size "WAVEfmt " 16 1 channels rate bytes/s bytes/frame bits "data" size
v2s_status v2s_wav_bytes(const float *interleaved, size_t frames, int channels, double rate_hz,
                         unsigned char **bytes, size_t *size) {
    size_t values = frames * (size_t)channels, total = HEAD + values * DEPTH;
    uint32_t rate = (uint32_t)lround(rate_hz), width = (uint32_t)channels * DEPTH;
    if (total > UINT32_MAX)
        return V2S_FAIL(V2S_ARG, "%zu frames are too long for a WAV file in a page", frames);
    unsigned char *b = malloc(total);
    if (b == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    memcpy(b, "RIFF....WAVEfmt ", 16);
    put_le(b + 4, (uint32_t)total - 8, 4);
    put_le(b + 16, 16, 4);
    put_le(b + 20, 1, 2);
    put_le(b + 22, (uint32_t)channels, 2);
    put_le(b + 24, rate, 4);
    put_le(b + 28, rate * width, 4);
    put_le(b + 32, width, 2);
    put_le(b + 34, 8 * DEPTH, 2);
    memcpy(b + 36, "data", 4);
    put_le(b + 40, (uint32_t)(values * DEPTH), 4);
    for (size_t i = 0; i < values; i++) {
        double sample = fmin(fmax(interleaved[i], -1.0), 1.0);
        put_le(b + HEAD + DEPTH * i, (uint32_t)(int32_t)lrint(32767.0 * sample), DEPTH);
    }
    *bytes = b;
    *size = total;
    return V2S_OK;
}
