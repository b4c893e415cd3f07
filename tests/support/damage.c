// SPDX-License-Identifier: MIT
#include "tests/support/damage.h"

#include <stdlib.h>
#include <string.h>

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

unsigned char *v2s_test_damage(const unsigned char *data, size_t *size, uint32_t *state) {
    unsigned char *copy = malloc(*size + 1);
    memcpy(copy, data, *size);
    if (next_random(state) % 4 == 0)
        *size = 1 + next_random(state) % *size;
    int faults = 1 + (int)(next_random(state) % 8);
    for (int i = 0; i < faults; i++) {
        // Half of the faults hit the first bytes, where the headers are.
        size_t range = next_random(state) % 2 && *size > 256 ? 256 : *size;
        size_t at = next_random(state) % range;
        switch (next_random(state) % 3) {
        case 0:
            copy[at] ^= (unsigned char)(1u << next_random(state) % 8);
            break;
        case 1:
            copy[at] = (unsigned char)next_random(state);
            break;
        default:
            for (size_t k = at; k < at + 4 && k < *size; k++)
                copy[k] = next_random(state) % 2 ? 0xFF : 0x00;
        }
    }
    return copy;
}
