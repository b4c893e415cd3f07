// SPDX-License-Identifier: MIT
// The inner loops of the tracker, one source compiled per instruction set (tracker_ops_body.h).
//
// All variants use the same operations in the same order and no fused multiply-add, so they give
// the same bits: a trajectory does not depend on the machine. Every float block is aligned to 64
// bytes; a "complex row" is [2][16] floats: 16 real parts, then 16 imaginary parts.
#ifndef V2S_SPATIAL_TRACKER_OPS_H
#define V2S_SPATIAL_TRACKER_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/base/cpu.h"

enum {
    V2S_LANES = 16,          // channels side by side in one complex row
    V2S_ROW = 2 * V2S_LANES, // floats of a complex row
    V2S_FFT_MAX = 128,       // longest transform
    V2S_FFT_STAGES = 8,      // 2^7 = 128 takes at most 7 passes
    V2S_HOG_CELL = 4,        // pixels
    V2S_HOG_BINS = 18,       // contrast-sensitive directions
    V2S_HOG_CHANNELS = 31,   // 18 + 9 + 4
};

// A transform of length n = product of radix[], Stockham order; see v2s_fft_plan_init.
typedef struct v2s_fft_plan {
    int n;
    int stages;
    int radix[V2S_FFT_STAGES];          // each 2, 3, 4 or 5
    float twiddle[2 * V2S_FFT_MAX * 4]; // (cos, -sin) of w_n^(j p), per stage, p outer, j = 1..r-1
} v2s_fft_plan;

typedef struct v2s_track_ops {
    // dst[y][x] = rounded mean of the 2 x 2 pixels of src; the last column or row repeats when the
    // source size is odd. dst is (width + 1) / 2 by (height + 1) / 2.
    void (*halve)(const uint8_t *src, ptrdiff_t src_stride, int width, int height, uint8_t *dst,
                  ptrdiff_t dst_stride);
    // row[x] = a[x] + (b[x] - a[x]) * f for x = lo .. hi.
    void (*blend_rows)(const uint8_t *a, const uint8_t *b, float f, int lo, int hi, float *row);
    // out[i] = (row[ix[i]] + (row[ix[i] + 1] - row[ix[i]]) * fx[i]) * gain + offset.
    void (*take_row)(const float *row, const int32_t *ix, const float *fx, float gain, float offset,
                     int count, float *out);
    // Central differences of luma [height][width]: magnitude and direction bin 0..17, each
    // [height][width] (edges repeat).
    void (*gradient)(const float *luma, int width, int height, float *magnitude, int32_t *bin);
    // Votes of magnitude/bin into cells [height/4][width/4][V2S_ROW]: entries 0..17,
    // and 18..26 = entry o + entry o + 9; the rest 0.
    // columns is scratch of (width + 8) * V2S_ROW floats.
    void (*vote)(const float *magnitude, const int32_t *bin, int width, int height, float *columns,
                 float *cells);
    // Felzenszwalb's normalisation of cells [ch][cw][V2S_ROW] into 31 channels, each times
    // weight[ch][cw] (NULL: 1); entry 31 becomes 0. energy is scratch of
    // ch * cw + (ch + 1) * (cw + 1) floats.
    void (*normalise)(const float *cells, int cw, int ch, const float *weight, float *energy,
                      float *features);
    // In-place forward 2-D transform of data [ny][nx][V2S_ROW]; scratch 2 * V2S_FFT_MAX rows.
    void (*fft_2d)(const v2s_fft_plan *px, const v2s_fft_plan *py, float *data, float *scratch);
    // In-place forward transform of `count` rows-of-rows along the slow axis: data [n][count][row].
    void (*fft_axis)(const v2s_fft_plan *plan, int count, float *data, float *scratch);
    // sum over lanes and groups of conj(x) z, written transposed: out[kx * pitch + ky].
    void (*cross)(const float *x, const float *z, int groups, int nx, int ny, int pitch,
                  float *out_re, float *out_im);
    // Plane transforms (one channel). Forward: in [ny][pitch_x] real -> out [nx][pitch_y] complex.
    // Inverse: [nx][pitch_y] complex -> real part [ny][pitch_x], times 1 / (nx ny).
    void (*plane_forward)(const v2s_fft_plan *px, const v2s_fft_plan *py, const float *in,
                          float *out_re, float *out_im, float *scratch);
    void (*plane_inverse)(const v2s_fft_plan *px, const v2s_fft_plan *py, const float *re,
                          const float *im, float *out, float *scratch);
    // k = exp(-max(0, base - 2 c) * scale), the Gaussian kernel of a correlation plane, in place.
    void (*gauss)(float *plane, int count, float base, float scale);
    // Fine look at a response whose spectrum [nx][pitch_y] is re, im: out[dx][dy] is its value at
    // (cx + (dx - 7.5) step, cy + (dy - 7.5) step), 16 x 16 points, by trigonometric interpolation.
    void (*zoom)(const float *re, const float *im, int nx, int ny, double cx, double cy,
                 double step, float *scratch, float *out);
    // Sum of squares of count floats; count is a multiple of 16.
    float (*energy)(const float *x, size_t count);
    // model += rate * (x - model).
    void (*lerp)(float *model, const float *x, float rate, size_t count);
} v2s_track_ops;

// The loops for an instruction set (or the nearest lower one that this build has).
const v2s_track_ops *v2s_track_ops_for(v2s_isa isa);

// Floats between two rows of a plane of width n: n rounded up to whole vectors.
static inline int v2s_plane_pitch(int n) {
    return (n + V2S_LANES - 1) / V2S_LANES * V2S_LANES;
}

// Floats of scratch that plane_forward / plane_inverse need.
enum {
    V2S_PLANE_SCRATCH = 2 * V2S_FFT_MAX * V2S_ROW + 2 * V2S_FFT_MAX * V2S_FFT_MAX,
};

#endif
