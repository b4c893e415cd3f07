// SPDX-License-Identifier: MIT
// The lengths that the transforms of every device take: {1,3,5,7,9,15} 2^k with 4 <= 2^k <= 131072,
// which are fast in libavutil (kernels/fft.h). A factor of four is asked for because its real
// transforms of twice an odd length come out wrong (57.28; measured: 6, 10, 14, 18, 30).
#ifndef V2S_KERNELS_FFT_LENGTH_H
#define V2S_KERNELS_FFT_LENGTH_H

#include <stdbool.h>
#include <stddef.h>

enum { V2S_FFT_LEAST_POWER = 4, V2S_FFT_MOST_POWER = 131072 };

// The odd factor of a fast length, least first; 0 past the last one.
static inline size_t v2s_fft_odd_factor(int index) {
    const unsigned char factors[] = {1, 3, 5, 7, 9, 15, 0};
    return factors[index];
}

// True for the fast lengths.
static inline bool v2s_fft_length_ok(size_t n) {
    size_t power = n & (~n + 1);
    if (power < V2S_FFT_LEAST_POWER || power > V2S_FFT_MOST_POWER)
        return false;
    for (int i = 0; v2s_fft_odd_factor(i) != 0; i++)
        if (n / power == v2s_fft_odd_factor(i))
            return true;
    return false;
}

// The smallest fast length >= n, 0 where there is none.
static inline size_t v2s_fft_length_above(size_t n) {
    size_t best = 0;
    for (int i = 0; v2s_fft_odd_factor(i) != 0; i++)
        for (size_t power = V2S_FFT_LEAST_POWER; power <= V2S_FFT_MOST_POWER; power *= 2) {
            size_t length = power * v2s_fft_odd_factor(i);
            if (length >= n && (best == 0 || length < best))
                best = length;
        }
    return best;
}

#endif
