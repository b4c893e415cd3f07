// SPDX-License-Identifier: MIT
// Loads with cache hints and atomics. Threads run one at a time, so both are plain accesses.
#ifndef V2S_EMULATION_EMULATED_MEMORY_H
#define V2S_EMULATION_EMULATED_MEMORY_H

#include <stdint.h>
#include <time.h>

#define V2S_EMULATED_LOAD(name)                                                                    \
    template <typename T> static inline T name(const T *pointer) {                                 \
        return *pointer;                                                                           \
    }
V2S_EMULATED_LOAD(__ldg)
V2S_EMULATED_LOAD(__ldca)
V2S_EMULATED_LOAD(__ldcg)
V2S_EMULATED_LOAD(__ldcs)
V2S_EMULATED_LOAD(__ldcv)
V2S_EMULATED_LOAD(__ldlu)
#undef V2S_EMULATED_LOAD

// The value's type does not take part in deduction, so that a literal converts to what is stored.
template <typename T> struct v2s_emulated_same { typedef T type; };
#define V2S_EMULATED_STORE(name)                                                                   \
    template <typename T>                                                                          \
    static inline void name(T *pointer, typename v2s_emulated_same<T>::type value) {               \
        *pointer = value;                                                                          \
    }
V2S_EMULATED_STORE(__stcg)
V2S_EMULATED_STORE(__stcs)
V2S_EMULATED_STORE(__stwb)
V2S_EMULATED_STORE(__stwt)
#undef V2S_EMULATED_STORE

// Float and double sums are missing on purpose: their order would change from run to run.
#define V2S_EMULATED_ATOMIC(T, name, expression)                                                   \
    static inline T name(T *pointer, T value) {                                                    \
        T old = *(volatile T *)pointer;                                                            \
        *(volatile T *)pointer = (T)(expression);                                                  \
        return old;                                                                                \
    }
#define V2S_EMULATED_ATOMICS(T)                                                                    \
    V2S_EMULATED_ATOMIC(T, atomicMax, old > value ? old : value)                                   \
    V2S_EMULATED_ATOMIC(T, atomicMin, old < value ? old : value)                                   \
    V2S_EMULATED_ATOMIC(T, atomicAnd, old &value)                                                  \
    V2S_EMULATED_ATOMIC(T, atomicOr, old | value)                                                  \
    V2S_EMULATED_ATOMIC(T, atomicXor, old ^ value)                                                 \
    V2S_EMULATED_ATOMIC(T, atomicExch, value)                                                      \
    static inline T atomicCAS(T *pointer, T compare, T value) {                                    \
        T old = *(volatile T *)pointer;                                                            \
        if (old == compare)                                                                        \
            *(volatile T *)pointer = value;                                                        \
        return old;                                                                                \
    }
V2S_EMULATED_ATOMICS(int)
V2S_EMULATED_ATOMICS(unsigned)
V2S_EMULATED_ATOMICS(unsigned long long)
V2S_EMULATED_ATOMIC(int, atomicAdd, (unsigned)old + (unsigned)value)
V2S_EMULATED_ATOMIC(unsigned, atomicAdd, old + value)
V2S_EMULATED_ATOMIC(unsigned long long, atomicAdd, old + value)
V2S_EMULATED_ATOMIC(float, atomicExch, value)
V2S_EMULATED_ATOMIC(int, atomicSub, (unsigned)old - (unsigned)value)
V2S_EMULATED_ATOMIC(unsigned, atomicSub, old - value)
#undef V2S_EMULATED_ATOMICS
#undef V2S_EMULATED_ATOMIC

static inline unsigned atomicInc(unsigned *pointer, unsigned limit) {
    unsigned old = *(volatile unsigned *)pointer;
    *(volatile unsigned *)pointer = old >= limit ? 0 : old + 1;
    return old;
}

static inline long long clock64(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

#endif
