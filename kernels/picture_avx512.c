// SPDX-License-Identifier: MIT
#define PICTURE_VECTOR v2s_picture_avx512
#define PICTURE_LANES 16
#include "kernels/picture_kernels.h"
