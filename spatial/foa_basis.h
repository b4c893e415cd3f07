// SPDX-License-Identifier: MIT
// The fixed basis on which the `v2s` refiner puts its gains: what can be made of one sound W and
// the direction u of its source without knowing the room.
//
//   STFT       sine window of N samples (about 32 ms), hop N/4, both ways; frame t is centred on
//              sample t * hop
//   coherent   c W with c of kernels/band_split.h: u + a u + b h + d z; pairing `omni` shortens it,
//              so that |c| <= 1 and a dry sound can be left alone exactly
//   tails      (foa_tails.h) D_k[c] = sum over the taps tau of segment k of E[c][tau] W(t - tau): W
//   smeared in
//              time by fixed noise E, another one for every channel: bursts of one hop, and of a
//              whole window far behind, where the ear no longer tells, centred on their taps. All
//              bursts of a kind are one complex burst, modulated: its spectrum read from another
//              bin on, far enough away to have nothing in common (so they fit the fastest cache).
//              As they are heard (smeared frames lose energy when they overlap), dipoles have
//              power 1/3 of W each (isotropic) and the W tail has power 1. What is left of W
//              itself in a tail is taken out per band and frame, Re<W* D> / |W|^2, so that a tail
//              does not turn the direction; and the tail is evened out to the level of W's smeared
//              energy per band, over about 250 ms, within 12 dB: fixed noise has its peaks and
//              dips, and a tone would hear just one of them.
//
//   residual   (Y,Z,X) = (c - u) W + r sum_k g_k D_k[Y,Z,X]
//              W       = e W + sum_k f_k D_k[W]                         (pairing `dry` only)
//              r = sqrt(1 - |c|^2) where W has the room in it: the dipoles of plane waves and of
//              diffuse sound alike have together the power of W, so tails get what the coherent
//              part leaves, and sum g_k^2 = 1 keeps the level. Pairing `dry`: r = 1.
//
// Gains are real, one per ERB band (V2S_BASIS_BANDS of them, 50 Hz .. 20 kHz, the same bands at
// every rate) and frame, interpolated over the bins. All gains zero leave the geometric path.
//
// kernels/band_layout.h says in which order one band's gains lie.
// Spectra are split, [2][stride]: real parts, then imaginary ones. Runs of spectra lie frame after
// frame, and a tail reads `history` frames behind the newest: the caller keeps them there (zeros
// before the beginning). A basis is read-only after opening and may be used by several threads.
#ifndef V2S_SPATIAL_FOA_BASIS_H
#define V2S_SPATIAL_FOA_BASIS_H

#include <stdbool.h>

#include "kernels/band_layout.h"
#include "spatial/conventions.h"
#include "spatial/erb_bands.h"
#include "spatial/foa_ops.h"

// Changes with everything that would give trained gains another meaning.
#define V2S_FOA_BASIS_VERSION "1"

// Centres of the lowest and the highest band, and the rates that a basis takes.
#define V2S_BASIS_LOW_HZ 50.0
#define V2S_BASIS_HIGH_HZ 20000.0
#define V2S_BASIS_RATE_MIN_HZ 8000.0
#define V2S_BASIS_RATE_MAX_HZ 384000.0

enum { V2S_BASIS_TAPS_MAX = 96 };

typedef struct v2s_foa_basis {
    double rate_hz;
    int length, hop; // N and N/4 samples
    int bins;        // N/2 + 1
    int stride;      // floats between rows of bins: bins rounded up to whole registers
    bool with_w;     // W has tails too
    int segments;    // K
    int gains;       // per band: 3 + K, or 4 + 2K
    int taps;        // of all segments
    int first[V2S_BASIS_SEGMENTS_MAX + 1]; // taps first[k] .. first[k+1]-1 belong to segment k
    int delay[V2S_BASIS_TAPS_MAX];         // of a tap, in frames, increasing
    int history;                           // frames: the longest delay
    float memory;                          // of the running means, per frame
    const v2s_foa_ops *ops;
    v2s_erb_bands bands;
    float *window; // [N]
    size_t pitch;  // floats from a burst's real parts to its imaginary ones: N + stride
    float *noise;  // [2][2][pitch]: spectrum of the burst of one hop, and of a whole window
    int shift[V2S_FOA_CHANNELS][V2S_BASIS_TAPS_MAX]; // E[c][tau] begins at this bin of its burst
    float power[V2S_BASIS_SEGMENTS_MAX]; // of a W tail's frames over W, for 1 to be heard
    bool whole[V2S_BASIS_SEGMENTS_MAX];  // which burst a segment uses
} v2s_foa_basis;

// `with_w`: the pairing `dry`, where W itself gets a tail; segments up to 2 s. Otherwise segments
// up to 190 ms. ARG for a rate outside 8 .. 384 kHz.
V2S_MUST_USE v2s_status v2s_foa_basis_open(double rate_hz, bool with_w, v2s_foa_basis **out);
void v2s_foa_basis_close(v2s_foa_basis **b);

// How many tails and gains a band has: K, and 3 + K, or 4 + 2K with W.
v2s_band_layout v2s_foa_basis_layout(bool with_w);
int v2s_foa_basis_gains(bool with_w);

// Samples of the transform for a rate: the fast length nearest to 32 ms.
int v2s_foa_basis_length(double rate_hz);

// Frames that cover `samples`: frame t needs samples (t-2)*hop .. (t+2)*hop-1.
int v2s_foa_basis_frames(const v2s_foa_basis *b, size_t samples);

#endif
