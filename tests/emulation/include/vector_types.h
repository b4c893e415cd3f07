// SPDX-License-Identifier: MIT
// The vector types of the CUDA language, with CUDA's alignment: a float4 that is not 16-byte
// aligned is an error on a device, and one that UBSan finds here.
#ifndef V2S_EMULATION_VECTOR_TYPES_H
#define V2S_EMULATION_VECTOR_TYPES_H

#define V2S_EMULATED_VECTORS(T, name, align2, align4)                                              \
    struct name##1 {                                                                               \
        T x;                                                                                       \
    };                                                                                             \
    struct alignas(align2) name##2 {                                                               \
        T x, y;                                                                                    \
    };                                                                                             \
    struct name##3 {                                                                               \
        T x, y, z;                                                                                 \
    };                                                                                             \
    struct alignas(align4) name##4 {                                                               \
        T x, y, z, w;                                                                              \
    };                                                                                             \
    static inline name##2 make_##name##2(T x, T y) {                                               \
        return name##2 {x, y};                                                                     \
    }                                                                                              \
    static inline name##3 make_##name##3(T x, T y, T z) {                                          \
        return name##3 {x, y, z};                                                                  \
    }                                                                                              \
    static inline name##4 make_##name##4(T x, T y, T z, T w) {                                     \
        return name##4 {x, y, z, w};                                                               \
    }

V2S_EMULATED_VECTORS(signed char, char, 2, 4)
V2S_EMULATED_VECTORS(unsigned char, uchar, 2, 4)
V2S_EMULATED_VECTORS(short, short, 4, 8)
V2S_EMULATED_VECTORS(unsigned short, ushort, 4, 8)
V2S_EMULATED_VECTORS(int, int, 8, 16)
V2S_EMULATED_VECTORS(unsigned int, uint, 8, 16)
V2S_EMULATED_VECTORS(float, float, 8, 16)
V2S_EMULATED_VECTORS(double, double, 16, 16)
V2S_EMULATED_VECTORS(long long, longlong, 16, 16)
V2S_EMULATED_VECTORS(unsigned long long, ulonglong, 16, 16)

struct dim3 {
    unsigned int x, y, z;
    constexpr dim3(unsigned int vx = 1, unsigned int vy = 1, unsigned int vz = 1)
        : x(vx), y(vy), z(vz) {
    }
    constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {
    }
    constexpr operator uint3() const {
        return uint3{x, y, z};
    }
};

#endif
