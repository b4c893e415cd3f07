// SPDX-License-Identifier: MIT
// V2S_HD in front of an inline function lets a .cu call it from its kernels too. In C it is empty.
#ifndef V2S_KERNELS_BASE_HOST_DEVICE_H
#define V2S_KERNELS_BASE_HOST_DEVICE_H

#ifdef __CUDACC__
#define V2S_HD __host__ __device__
#else
#define V2S_HD
#endif

#endif
