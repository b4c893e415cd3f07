// SPDX-License-Identifier: MIT
// Pictures [N,C,pixels] of numbers of `size` bytes, put in blocks of channels (kernels/picture.h)
// and back, in place. A block of 0 or 1 changes nothing.
#ifndef V2S_TESTS_SUPPORT_PICTURE_BLOCKS_H
#define V2S_TESTS_SUPPORT_PICTURE_BLOCKS_H

#include <stddef.h>

void picture_to_blocks(void *data, size_t size, int N, int C, size_t pixels, int block);
void picture_to_plain(void *data, size_t size, int N, int C, size_t pixels, int block);

#endif
