// SPDX-License-Identifier: MIT
// A folder that keeps lists of numbers under fingerprints, so that work that was interrupted goes
// on where it was.
//
// FOLDER/scores.txt, one line a record, only ever appended to:
//
//   <key: 32 hex digits> <count> <count numbers: 16 hex digits of their bits> <crc32: 8 digits>\n
//
// crc32 (zlib's) is that of everything before it. Every record is written by one write(2) as soon
// as it is known: after kill -9 what was known is there. A line without its end is what a kill or
// a full disk left: it is cut off when the folder is opened. A line that is damaged otherwise is
// counted and left alone. Numbers come back bit for bit.
//
// One process at a time has a folder (flock). Memory is 24 bytes a record.
//
// Threads  find and add may be called by several threads at once.
#ifndef V2S_INFER_SCORE_CACHE_H
#define V2S_INFER_SCORE_CACHE_H

#include <stdbool.h>

#include "infer/digest.h"

typedef struct v2s_score_cache v2s_score_cache;

// Makes the folder where its parent is there. IO: it cannot be made, read or written, or another
// process has it. NOMEM.
V2S_MUST_USE v2s_status v2s_score_cache_open(const char *folder, v2s_score_cache **cache);

// Lines that are damaged; bytes cut off at the end.
size_t v2s_score_cache_damaged(const v2s_score_cache *cache);
size_t v2s_score_cache_torn_bytes(const v2s_score_cache *cache);

// True, and values[count] filled, where the folder had a record of exactly `count` numbers under
// this key when it was opened.
bool v2s_score_cache_find(v2s_score_cache *cache, const v2s_digest *key, double *values,
                          size_t count);

// Appends a record. IO names the file.
V2S_MUST_USE v2s_status v2s_score_cache_add(v2s_score_cache *cache, const v2s_digest *key,
                                            const double *values, size_t count);

void v2s_score_cache_close(v2s_score_cache **cache);

#endif
