// SPDX-License-Identifier: MIT
// Kernelised correlation filter with a Gaussian kernel: Henriques, Caseiro, Martins, Batista,
// "High-Speed Tracking with Kernelized Correlation Filters", TPAMI 2015.
//
//   train     alpha^ = y^ / (k^xx + lambda)                                             (eq. 17)
//   detect    f^ = k^xz . alpha^                                                        (eq. 22)
//   kernel    k^xz = exp(-(|x|^2 + |z|^2 - 2 F^-1(sum_c conj(x^_c) z^_c)) / (sigma^2 n)) (eq. 30)
//             n = cells * channels, as in the authors' program
//   update    x^ and alpha^ <- (1 - rate) old + rate new
//
// Shapes: features [groups][ny][nx][32] floats, 64-byte aligned, 32 real channels a group stored as
// 16 complex ones (channel l + i channel 16 + l). The sum over channels in eq. 30 needs no
// unpacking: Re sum conj(xa + i xb)(za + i zb) = sum xa za + xb zb, so the real part of the inverse
// transform of the packed spectra is the wanted correlation.
// Response: plane [ny][pitch_x], value at (dy mod ny, dx mod nx) for a displacement (dx, dy).
// Ownership: all memory is in the arena. One thread at a time.
#ifndef V2S_SPATIAL_KCF_H
#define V2S_SPATIAL_KCF_H

#include <stdbool.h>

#include "kernels/base/arena.h"
#include "spatial/kcf_fft.h"

typedef struct v2s_kcf_config {
    int nx, ny;         // cells of the window, lengths of v2s_fft_length
    int groups;         // of 32 channels
    int channels;       // real channels in use, for n
    double sigma;       // of the Gaussian kernel
    double lambda;      // regularisation
    double label_sigma; // of the Gaussian target y, cells
} v2s_kcf_config;

typedef struct v2s_kcf {
    v2s_kcf_config config;
    int pitch_x, pitch_y; // floats between rows of planes and of spectra
    v2s_fft_plan px, py;
    float *features;                  // [groups][ny][nx][32]: input, replaced by its spectrum
    float *model;                     // spectrum of the learnt appearance, same shape
    float *alpha_re, *alpha_im;       // [nx][pitch_y]
    float *label_re, *label_im;       // [nx][pitch_y]
    float *spectrum_re, *spectrum_im; // [nx][pitch_y]: of the last response
    float *response;                  // [ny][pitch_x]
    float *scratch;
    double model_energy; // |x|^2 of the model
    bool trained;
} v2s_kcf;

// Takes its memory from the arena (run once on a counting one).
void v2s_kcf_init(v2s_kcf *kcf, v2s_arena *arena, const v2s_kcf_config *config,
                  const v2s_track_ops *ops);

// Learns kcf->features (which it overwrites). The first call takes rate as 1.
void v2s_kcf_train(v2s_kcf *kcf, const v2s_track_ops *ops, double rate);

// Response of the model to kcf->features (which it overwrites), in kcf->response.
void v2s_kcf_detect(v2s_kcf *kcf, const v2s_track_ops *ops);

// Gaussian kernel correlation of two spectra (packed as above) given their energies: plane
// [ny][pitch_x]. It is the inner step of train and detect, public for the test by definition.
void v2s_kcf_kernel(v2s_kcf *kcf, const v2s_track_ops *ops, const float *x, double x_energy,
                    const float *z, double z_energy, float *plane);

// Peak-to-sidelobe ratio of the response around cell (px, py): (peak - mean) / deviation of all
// cells farther than `radius` (Bolme et al., "Visual Object Tracking using Adaptive Correlation
// Filters", CVPR 2010, section 3.5). 0 for a flat response.
double v2s_kcf_psr(const v2s_kcf *kcf, int px, int py, int radius);

#endif
