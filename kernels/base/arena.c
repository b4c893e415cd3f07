// SPDX-License-Identifier: MIT
#include "kernels/base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

v2s_arena v2s_arena_count(void) {
    v2s_arena arena = {NULL, SIZE_MAX, 0};
    return arena;
}

v2s_status v2s_arena_open(v2s_arena *arena, size_t size) {
    size_t rounded = (size + V2S_ARENA_ALIGN - 1) / V2S_ARENA_ALIGN * V2S_ARENA_ALIGN;
    if (rounded == 0)
        rounded = V2S_ARENA_ALIGN;
    unsigned char *base = rounded < size ? NULL : aligned_alloc(V2S_ARENA_ALIGN, rounded);
    if (base == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory: %zu bytes for tensors", size);
    memset(base, 0, rounded);
    *arena = (v2s_arena){base, rounded, 0};
    return V2S_OK;
}

void v2s_arena_close(v2s_arena *arena) {
    free(arena->base);
    *arena = (v2s_arena){0};
}

void *v2s_arena_take(v2s_arena *arena, size_t count, size_t item_size) {
    size_t bytes = v2s_size_mul(count, item_size);
    size_t rounded = (bytes + V2S_ARENA_ALIGN - 1) / V2S_ARENA_ALIGN * V2S_ARENA_ALIGN;
    V2S_ASSERT(rounded >= bytes && rounded <= arena->size - arena->used);
    size_t at = arena->used;
    arena->used += rounded;
    return arena->base == NULL ? NULL : arena->base + at;
}

void v2s_arena_rewind(v2s_arena *arena, size_t mark) {
    V2S_ASSERT(mark <= arena->used);
    arena->used = mark;
}

size_t v2s_size_mul(size_t a, size_t b) {
    size_t product;
    V2S_ASSERT(!__builtin_mul_overflow(a, b, &product));
    return product;
}
