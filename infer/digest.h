// SPDX-License-Identifier: MIT
// A 128-bit fingerprint of things that decide a number, for telling whether a stored one still
// holds.
//
// Two FNV-1a hashes of 64 bits over the same bytes, from different bases (Fowler, Noll, Vo;
// draft-eastlake-fnv), the second with every byte complemented. Not cryptographic: it tells chance
// from change, not from intent. Texts and arrays go in with their lengths.
#ifndef V2S_INFER_DIGEST_H
#define V2S_INFER_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/base/status.h"

typedef struct v2s_digest {
    uint64_t word[2];
} v2s_digest;

v2s_digest v2s_digest_start(void);
void v2s_digest_bytes(v2s_digest *d, const void *data, size_t size);
void v2s_digest_text(v2s_digest *d, const char *text); // NULL is not the same as ""
void v2s_digest_integer(v2s_digest *d, int64_t value);
void v2s_digest_number(v2s_digest *d, double value); // its bits

// All bytes of a file. IO names it.
V2S_MUST_USE v2s_status v2s_digest_file(v2s_digest *d, const char *path);

// Which file it is, its size and the times of its last changes (NULL: none): not its name, so that
// it does not matter from where it is named. IO names it.
V2S_MUST_USE v2s_status v2s_digest_stamp(v2s_digest *d, const char *path);

#endif
