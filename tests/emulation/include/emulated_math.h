// SPDX-License-Identifier: MIT
// Arithmetic of the CUDA language that C's <math.h> lacks. The fast forms (__expf and the like)
// are as exact as their slow ones here: their error on a device has to be bounded on paper.
#ifndef V2S_EMULATION_EMULATED_MATH_H
#define V2S_EMULATION_EMULATED_MATH_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define V2S_EMULATED_MINMAX(T)                                                                     \
    static inline T min(T a, T b) {                                                                \
        return a < b ? a : b;                                                                      \
    }                                                                                              \
    static inline T max(T a, T b) {                                                                \
        return a > b ? a : b;                                                                      \
    }
V2S_EMULATED_MINMAX(int)
V2S_EMULATED_MINMAX(unsigned)
V2S_EMULATED_MINMAX(long)
V2S_EMULATED_MINMAX(unsigned long)
V2S_EMULATED_MINMAX(long long)
V2S_EMULATED_MINMAX(unsigned long long)
#undef V2S_EMULATED_MINMAX

// Of a number and a NaN, the number, as on a device.
static inline float min(float a, float b) {
    return fminf(a, b);
}
static inline float max(float a, float b) {
    return fmaxf(a, b);
}
static inline double min(double a, double b) {
    return fmin(a, b);
}
static inline double max(double a, double b) {
    return fmax(a, b);
}

// The C library has functions of these names for itself.
#define __expf(x) expf(x)
#define __exp10f(x) exp10f(x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)
#define __log10f(x) log10f(x)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)
#define __tanf(x) tanf(x)
#define __tanhf(x) tanhf(x)
#define __powf(x, y) powf(x, y)
#define __sincosf(x, s, c) sincosf(x, s, c)

#define V2S_EMULATED_1(T, name, expression)                                                        \
    static inline T name(T x) {                                                                    \
        return expression;                                                                         \
    }
#define V2S_EMULATED_2(T, name, expression)                                                        \
    static inline T name(T x, T y) {                                                               \
        return expression;                                                                         \
    }
V2S_EMULATED_1(float, __frcp_rn, 1.0f / x)
V2S_EMULATED_1(float, __fsqrt_rn, sqrtf(x))
V2S_EMULATED_1(float, __frsqrt_rn, (float)(1.0 / sqrt((double)x)))
V2S_EMULATED_1(float, __saturatef, x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f)
V2S_EMULATED_1(float, rsqrtf, (float)(1.0 / sqrt((double)x)))
V2S_EMULATED_1(double, rsqrt, 1.0 / sqrt(x))
V2S_EMULATED_1(float, sinpif, (float)sin(M_PI *fmod((double)x, 2.0)))
V2S_EMULATED_1(float, cospif, (float)cos(M_PI *fmod((double)x, 2.0)))
V2S_EMULATED_1(double, sinpi, sin(M_PI *fmod(x, 2.0)))
V2S_EMULATED_1(double, cospi, cos(M_PI *fmod(x, 2.0)))
V2S_EMULATED_2(float, __fdividef, x / y)
V2S_EMULATED_2(float, __fdiv_rn, x / y)
V2S_EMULATED_2(float, __fadd_rn, x + y)
V2S_EMULATED_2(float, __fsub_rn, x - y)
V2S_EMULATED_2(float, __fmul_rn, x *y)
V2S_EMULATED_2(double, __dadd_rn, x + y)
V2S_EMULATED_2(double, __dsub_rn, x - y)
V2S_EMULATED_2(double, __dmul_rn, x *y)
V2S_EMULATED_2(double, __ddiv_rn, x / y)
#undef V2S_EMULATED_1
#undef V2S_EMULATED_2

static inline float __fmaf_rn(float x, float y, float z) {
    return fmaf(x, y, z);
}
static inline double __fma_rn(double x, double y, double z) {
    return fma(x, y, z);
}
static inline void sincospif(float x, float *s, float *c) {
    *s = sinpif(x);
    *c = cospif(x);
}
static inline void sincospi(double x, double *s, double *c) {
    *s = sinpi(x);
    *c = cospi(x);
}

template <typename To, typename From> static inline To v2s_emulated_bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "the same bits");
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}
#define V2S_EMULATED_CAST(To, name, From, expression)                                              \
    static inline To name(From x) {                                                                \
        return expression;                                                                         \
    }
V2S_EMULATED_CAST(int, __float_as_int, float, v2s_emulated_bits<int>(x))
V2S_EMULATED_CAST(unsigned, __float_as_uint, float, v2s_emulated_bits<unsigned>(x))
V2S_EMULATED_CAST(float, __int_as_float, int, v2s_emulated_bits<float>(x))
V2S_EMULATED_CAST(float, __uint_as_float, unsigned, v2s_emulated_bits<float>(x))
V2S_EMULATED_CAST(long long, __double_as_longlong, double, v2s_emulated_bits<long long>(x))
V2S_EMULATED_CAST(double, __longlong_as_double, long long, v2s_emulated_bits<double>(x))
V2S_EMULATED_CAST(int, __float2int_rn, float, (int)rintf(x))
V2S_EMULATED_CAST(int, __float2int_rz, float, (int)x)
V2S_EMULATED_CAST(int, __float2int_rd, float, (int)floorf(x))
V2S_EMULATED_CAST(int, __float2int_ru, float, (int)ceilf(x))
V2S_EMULATED_CAST(unsigned, __float2uint_rn, float, (unsigned)rintf(x))
V2S_EMULATED_CAST(float, __int2float_rn, int, (float)x)
V2S_EMULATED_CAST(float, __uint2float_rn, unsigned, (float)x)
V2S_EMULATED_CAST(float, __double2float_rn, double, (float)x)
V2S_EMULATED_CAST(int, __double2int_rn, double, (int)rint(x))
V2S_EMULATED_CAST(double, __ull2double_rn, unsigned long long, (double)x)
V2S_EMULATED_CAST(int, __popc, unsigned, __builtin_popcount(x))
V2S_EMULATED_CAST(int, __popcll, unsigned long long, __builtin_popcountll(x))
V2S_EMULATED_CAST(int, __ffs, int, __builtin_ffs(x))
V2S_EMULATED_CAST(int, __clz, int, x ? __builtin_clz((unsigned)x) : 32)
V2S_EMULATED_CAST(int, __clzll, long long, x ? __builtin_clzll((unsigned long long)x) : 64)
#undef V2S_EMULATED_CAST

static inline unsigned __brev(unsigned x) {
    unsigned r = 0;
    for (int i = 0; i < 32; i++)
        r |= (x >> i & 1u) << (31 - i);
    return r;
}
static inline unsigned __umulhi(unsigned a, unsigned b) {
    return (unsigned)((uint64_t)a * b >> 32);
}
static inline int __mulhi(int a, int b) {
    return (int)((int64_t)a * b >> 32);
}
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}
static inline unsigned __funnelshift_l(unsigned lo, unsigned hi, unsigned shift) {
    return (unsigned)((((uint64_t)hi << 32 | lo) << (shift & 31)) >> 32);
}
static inline unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned shift) {
    return (unsigned)(((uint64_t)hi << 32 | lo) >> (shift & 31));
}

#endif
