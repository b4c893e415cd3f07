// SPDX-License-Identifier: MIT
#define PICTURE_VECTOR v2s_picture_avx2
#define PICTURE_LANES 8
#include "kernels/picture_kernels.h"
