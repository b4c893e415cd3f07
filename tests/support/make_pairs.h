// SPDX-License-Identifier: MIT
// A small set of paired data in the test's folder: clips of noise from fixed directions, with
// truths that differ from the geometric path by a constant gain of the dipoles and a little noise.
#ifndef V2S_TESTS_SUPPORT_MAKE_PAIRS_H
#define V2S_TESTS_SUPPORT_MAKE_PAIRS_H

enum { V2S_TEST_PAIR_RATE_HZ = 8000, V2S_TEST_PAIR_FRAMES = 1600 };

// The truth's dipoles over those of the geometric path.
#define V2S_TEST_PAIR_GAIN 0.4

// Writes "m.jsonl" and its files: `train` + `val` clips "c0", "c1", ... of 0.2 s, pairing omni.
void v2s_test_make_pairs(int train, int val);

// Overwrites one sample of clip "c<index>".
void v2s_test_spoil_pair(int index, float sample);

// Writes weights of a small refiner (kernel 5, 4 channels, 3 units) to "tiny.safetensors".
void v2s_test_make_tiny_weights(void);

#endif
