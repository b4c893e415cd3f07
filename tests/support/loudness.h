// SPDX-License-Identifier: MIT
// Loudness by the text of ITU-R BS.1770-4, for two channels at 48 kHz.
#ifndef V2S_TESTS_SUPPORT_LOUDNESS_H
#define V2S_TESTS_SUPPORT_LOUDNESS_H

#include <stddef.h>

// Integrated, in LUFS; -HUGE_VAL where no block is above the gates.
double v2s_test_loudness(const float *stereo, size_t frames);

#endif
