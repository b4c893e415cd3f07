// SPDX-License-Identifier: MIT
// The one source of the tracker's inner loops; included by tracker_ops.c and its _avx2 / _avx512
// twins, which name the table by V2S_TRACK_OPS_TABLE. No header guard: each includes it once.
//
// Vectors are 16 floats whatever the instruction set; the compiler splits them. Sums across lanes
// are trees of fixed shape, so that every variant rounds alike.
#include <math.h>
#include <string.h>

#include "spatial/tracker_ops.h"

typedef float vec __attribute__((vector_size(4 * V2S_LANES)));

typedef struct cvec {
    vec re, im;
} cvec;

_Static_assert(sizeof(cvec) == V2S_ROW * sizeof(float), "a complex row is two vectors");

#define INLINE static inline __attribute__((always_inline))

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
