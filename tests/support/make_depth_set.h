// SPDX-License-Identifier: MIT
// A small set of echoes and depth maps in the test's folder (tests/support/make_media.h), in the
// layout of BatVision V2: rooms with a tilted wall whose distance the echo's delay tells.
#ifndef V2S_TESTS_SUPPORT_MAKE_DEPTH_SET_H
#define V2S_TESTS_SUPPORT_MAKE_DEPTH_SET_H

enum {
    V2S_TEST_DEPTH_RATE_HZ = 44100,
    V2S_TEST_DEPTH_FRAMES = 8000, // of sound, two channels of floats
    V2S_TEST_DEPTH_WIDTH = 64,    // of the maps, uint16 in mm; a tenth of the pixels is 0
    V2S_TEST_DEPTH_HEIGHT = 48,
};

// Writes "<name>/<location>/{audio/audio_<i>.wav,depth/depth_<i>.npy}" and the tables: `train`
// samples in the locations "attic" (even i) and "cellar" (odd i), `val` in "hall", `test` in
// "loft". A split of no samples has no table. Returns the root's path.
const char *v2s_test_make_depth_set(const char *name, int train, int val, int test);

// Distance of the wall of sample `i` of a split (0 train, 1 val, 2 test), 1 to 9 m.
double v2s_test_depth_wall_m(int split, int i);

#endif
