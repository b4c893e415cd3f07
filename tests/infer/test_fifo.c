// SPDX-License-Identifier: MIT
#include "infer/fifo.h"

#include <criterion/criterion.h>

enum { CHANNELS = 3 };

// Frames numbered from `first`; channel c of frame i holds i + c / 8.
static void push(v2s_fifo *f, int first, size_t count) {
    float frames[64 * CHANNELS];
    cr_assert(count <= 64);
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < CHANNELS; c++)
            frames[i * CHANNELS + c] = (float)(first + (int)i) + (float)c / 8;
    cr_assert(v2s_fifo_push(f, frames, count) == V2S_OK);
}

static void expect_front(const v2s_fifo *f, int first, size_t count) {
    cr_assert(f->count == count, "%zu frames, not %zu", f->count, count);
    const float *at = v2s_fifo_front(f);
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < CHANNELS; c++)
            cr_assert(at[i * CHANNELS + c] == (float)(first + (int)i) + (float)c / 8);
}

Test(fifo, first_in_first_out_whatever_the_blocks) {
    v2s_fifo f = {.channels = CHANNELS};
    int in = 0, out = 0;
    unsigned random = 1;
    for (int round = 0; round < 500; round++) {
        random = random * 1664525u + 1013904223u;
        size_t n = random >> 26; // 0 .. 63
        push(&f, in, n);
        in += (int)n;
        expect_front(&f, out, (size_t)(in - out));
        size_t drop = (random >> 10) % (f.count + 1);
        v2s_fifo_drop(&f, drop);
        out += (int)drop;
        expect_front(&f, out, (size_t)(in - out));
    }
    cr_expect(in > 10000);
    v2s_fifo_free(&f);
    cr_expect(f.frames == NULL && f.count == 0);
}

Test(fifo, reserved_room_is_behind_the_last_frame) {
    v2s_fifo f = {.channels = CHANNELS};
    push(&f, 0, 5);
    v2s_fifo_drop(&f, 2);
    float *at;
    cr_assert(v2s_fifo_reserve(&f, 1000, &at) == V2S_OK);
    cr_expect(at == v2s_fifo_front(&f) + 3 * CHANNELS && f.count == 3);
    for (size_t c = 0; c < CHANNELS; c++)
        at[c] = 5 + (float)c / 8;
    f.count++;
    expect_front(&f, 2, 4);
    v2s_fifo_free(&f);
}

// A stream that is drained as fast as it is filled keeps its memory.
Test(fifo, memory_is_that_of_the_longest_wait) {
    v2s_fifo f = {.channels = CHANNELS};
    for (int round = 0; round < 1000; round++) {
        push(&f, 0, 60);
        v2s_fifo_drop(&f, round == 0 ? 0 : 60);
    }
    cr_expect(f.capacity <= 400, "%zu frames", f.capacity);
    v2s_fifo_free(&f);
}
