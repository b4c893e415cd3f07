// SPDX-License-Identifier: MIT
// bfloat16: the upper half of a float; conversion rounds to nearest, ties to even.
#ifndef V2S_EMULATION_CUDA_BF16_H
#define V2S_EMULATION_CUDA_BF16_H

#include "emulated_math.h"
#include "vector_types.h"

struct __nv_bfloat16_raw {
    unsigned short x;
};

static inline unsigned short v2s_emulated_to_bf16(float value) {
    unsigned bits = v2s_emulated_bits<unsigned>(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return 0x7fff; // the NaN that a device gives
    return (unsigned short)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

struct __nv_bfloat16 {
    unsigned short bits;

    __nv_bfloat16() = default;
    __nv_bfloat16(float value) : bits(v2s_emulated_to_bf16(value)) {
    }
    __nv_bfloat16(const __nv_bfloat16_raw &raw) : bits(raw.x) {
    }
    operator float() const {
        return v2s_emulated_bits<float>((unsigned)bits << 16);
    }
    operator __nv_bfloat16_raw() const {
        return __nv_bfloat16_raw{bits};
    }
};
typedef __nv_bfloat16 nv_bfloat16;

struct alignas(4) __nv_bfloat162 {
    __nv_bfloat16 x, y;
};
typedef __nv_bfloat162 nv_bfloat162;

static inline __nv_bfloat16 __float2bfloat16(float value) {
    return __nv_bfloat16(value);
}
static inline __nv_bfloat16 __float2bfloat16_rn(float value) {
    return __nv_bfloat16(value);
}
static inline float __bfloat162float(__nv_bfloat16 value) {
    return (float)value;
}
static inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) {
    return __nv_bfloat162{__nv_bfloat16(x), __nv_bfloat16(y)};
}
static inline __nv_bfloat162 __float22bfloat162_rn(float2 v) {
    return __floats2bfloat162_rn(v.x, v.y);
}
static inline __nv_bfloat162 __float2bfloat162_rn(float x) {
    return __floats2bfloat162_rn(x, x);
}
static inline float2 __bfloat1622float2(__nv_bfloat162 v) {
    return make_float2((float)v.x, (float)v.y);
}
static inline float __low2float(__nv_bfloat162 v) {
    return (float)v.x;
}
static inline float __high2float(__nv_bfloat162 v) {
    return (float)v.y;
}
static inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 v) {
    return v.bits;
}
static inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits) {
    return __nv_bfloat16(__nv_bfloat16_raw{bits});
}

#endif
