// SPDX-License-Identifier: MIT
#define PICTURE_VECTOR v2s_picture_avx512
#include "kernels/picture_kernels.h"
