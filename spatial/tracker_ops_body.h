// SPDX-License-Identifier: MIT
// The one source of the tracker's inner loops; included by tracker_ops.c and its _avx2 / _avx512
// twins, which name the table by V2S_TRACK_OPS_TABLE. No header guard: each includes it once.
//
// A row of 16 lanes is worked on in pieces of the machine's vector width. Sums across lanes are
// trees of fixed shape (16 -> 8 -> 4 -> 2 -> 1), so that every variant rounds alike.
#include <math.h>
#include <string.h>

#include "spatial/tracker_ops.h"

#if defined(__AVX512F__)
#define W 16
#elif defined(__AVX2__)
#define W 8
#else
#define W 4
#endif
enum { PIECES = V2S_LANES / W }; // vectors in a row of 16 lanes

typedef float vec __attribute__((vector_size(4 * W)));
typedef int32_t ivec __attribute__((vector_size(4 * W)));

typedef struct cvec {
    vec re, im;
} cvec;

#define INLINE static inline __attribute__((always_inline))

// Sum of 16 lanes held in PIECES vectors.
INLINE float sum_lanes(const vec lanes[]) {
#if W == 16
    vec h = lanes[0];
    h += __builtin_shufflevector(h, h, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    h += __builtin_shufflevector(h, h, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
    h += __builtin_shufflevector(h, h, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
#elif W == 8
    vec h = lanes[0] + lanes[1];
    h += __builtin_shufflevector(h, h, 4, 5, 6, 7, 0, 1, 2, 3);
    h += __builtin_shufflevector(h, h, 2, 3, 0, 1, 6, 7, 4, 5);
#else
    vec h = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
    h += __builtin_shufflevector(h, h, 2, 3, 0, 1);
#endif
    return h[0] + h[1];
}

INLINE vec smaller(vec a, vec b) {
    ivec less = a < b;
    return (vec)(((ivec)a & less) | ((ivec)b & ~less));
}

#include "spatial/hog_body.h"
#include "spatial/kcf_fft_body.h"
#include "spatial/patch_body.h"

static void lerp(float *restrict model, const float *restrict x, float rate, size_t count) {
    for (size_t i = 0; i < count; i++)
        model[i] += rate * (x[i] - model[i]);
}

const v2s_track_ops V2S_TRACK_OPS_TABLE = {
    .halve = halve,
    .blend_rows = blend_rows,
    .take_row = take_row,
    .gradient = gradient,
    .vote = vote,
    .normalise = normalise,
    .fft_2d = fft_2d,
    .fft_axis = fft_axis,
    .cross = cross,
    .plane_forward = plane_forward,
    .plane_inverse = plane_inverse,
    .gauss = gauss,
    .zoom = zoom,
    .energy = energy_sum,
    .lerp = lerp,
};
