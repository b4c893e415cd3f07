// SPDX-License-Identifier: MIT
// Arenas: all tensor memory of a model comes from one block whose size is known before the run.
//
// Run the same init function once on a counting arena (v2s_arena_count) and once on a real one
// (v2s_arena_open with the counted size): there is no second list of sizes to keep in step.
// Blocks are aligned to 64 bytes and zeroed. An arena is used by one thread at a time.
#ifndef V2S_KERNELS_BASE_ARENA_H
#define V2S_KERNELS_BASE_ARENA_H

#include <stddef.h>

#include "kernels/base/status.h"

typedef struct v2s_arena {
    unsigned char *base; // NULL while counting
    size_t size;         // bytes owned; SIZE_MAX while counting
    size_t used;         // bytes handed out, including alignment
} v2s_arena;

enum { V2S_ARENA_ALIGN = 64 };

// An arena that hands out NULL and only counts.
v2s_arena v2s_arena_count(void);

// Takes `size` zeroed bytes from the system. NOMEM names the size.
V2S_MUST_USE v2s_status v2s_arena_open(v2s_arena *arena, size_t size);

// Gives the memory back; accepts a zeroed struct.
void v2s_arena_close(v2s_arena *arena);

// Next block of `count` items of `item_size` bytes. NULL while counting. Running past the end is a
// broken contract (the count and the use differ) and aborts.
void *v2s_arena_take(v2s_arena *arena, size_t count, size_t item_size);

// Forgets what was taken after `mark` (a former `used`).
void v2s_arena_rewind(v2s_arena *arena, size_t mark);

// a * b for sizes; aborts on overflow.
size_t v2s_size_mul(size_t a, size_t b);

#endif
