// SPDX-License-Identifier: MIT
// Two checkpoints of the test's folder: every tensor has the same name, type, shape and bytes.
#ifndef V2S_TESTS_SUPPORT_SAME_TENSORS_H
#define V2S_TESTS_SUPPORT_SAME_TENSORS_H

void v2s_test_same_tensors(const char *a, const char *b);

#endif
