// SPDX-License-Identifier: MIT
// Pairs of four-channel sounds that tests and tests/tools/make_metrics_field_golden.py make alike.
#ifndef V2S_TESTS_SUPPORT_FIELD_PAIR_H
#define V2S_TESTS_SUPPORT_FIELD_PAIR_H

#include <stddef.h>

typedef struct field_pair {
    size_t frames;
    float *truth, *prediction; // [frames][4], AmbiX
} field_pair;

// kind: scene, waves, diffuse, moving, flat, mono, truth_mono, silent, identical, half, turned.
field_pair field_pair_make(const char *kind, double rate_hz, size_t frames);
void field_pair_free(field_pair *pair);

#endif
