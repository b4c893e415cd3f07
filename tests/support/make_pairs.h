// SPDX-License-Identifier: MIT
// A small set of paired data in the test's folder: clips of noise from fixed directions, with
// truths whose dipoles are partly those of the geometric path, partly noise.
#ifndef V2S_TESTS_SUPPORT_MAKE_PAIRS_H
#define V2S_TESTS_SUPPORT_MAKE_PAIRS_H

enum { V2S_TEST_PAIR_RATE_HZ = 8000, V2S_TEST_PAIR_FRAMES = 1600 };

// The part of the geometric path's dipoles.
#define V2S_TEST_PAIR_GAIN 0.4

// Writes "m.jsonl" and its files: `train` + `val` clips "c0", "c1", ... of 0.2 s, pairing omni.
// The noise is small.
void v2s_test_make_pairs(int train, int val);

// The same with as much noise as gives the dipoles together the power of W: a sound field.
void v2s_test_make_diffuse_pairs(int train, int val);

// Overwrites one sample of clip "c<index>".
void v2s_test_spoil_pair(int index, float sample);

// Writes weights of a small refiner (kernel 5, 4 channels, 3 units) to "tiny.safetensors".
void v2s_test_make_tiny_weights(void);

#endif
