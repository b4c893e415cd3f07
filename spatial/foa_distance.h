// SPDX-License-Identifier: MIT
// M10: the distances of spatialaudiogen (pedro-morgado/spatialaudiogen: eval.py, model.py,
// myutils.py, pyutils/ambisonics/distance.py), in double.
//
// Taken over consecutive chunks of 0.1 s (the reference's DURATION; it judges one chunk of each
// second, here all of them; what does not fill a chunk is left out), mean over the chunks. In a
// chunk of N samples, with the channels c = Y, Z, X of truth t and prediction p:
//
//   stft  100 mean over windows and all n bins of |S_p - S_t|^2: periodic Hann of
//         n = 2^ceil(log2 floor(0.025 s rate)) samples, whole windows from samples 0 and n/2
//         on, as many as floor((N - 1) / n) and floor((N - n/2 - 1) / n)
//   env   sqrt mean (|H p| - |H t|)^2, H the analytic signal of the chunk (scipy.signal.hilbert)
//   lsd   sqrt mean (10 log10(M_p + 0.01) - 10 log10(M_t + 0.01))^2, M librosa's
//         melspectrogram with 128 mels up to 12 kHz and its other defaults: |STFT|^2 of 2048
//         periodic Hann samples, hop 512, centred, reflected at the ends (as librosa did up to
//         0.9), Slaney's scale and areas
//   mse   5000 mean (p - t)^2
//   snr   10 log10((sum t^2 + 0.1) / (sum (p - t)^2 + 0.1)) dB
//   emd   earth mover's distance (spatial/transport.h) of the maps of amplitude at
//         18 x 10 directions, azimuth 160, 140 .. -180 and elevation -90, -70 .. 90 degrees
//         (the reference's default of 20 degrees; its eval.py asks for 30), SN3D, with the
//         great-circle angle in radians as cost: of map / 180 (`emd`) and of map / (sum + 0.01)
//         (`emd_norm`)
//
// What differs from the reference: its earth mover's distance is a library that works in whole
// numbers; the chunks. There is no claim to its digits.
#ifndef V2S_SPATIAL_FOA_DISTANCE_H
#define V2S_SPATIAL_FOA_DISTANCE_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/base/status.h"

typedef struct v2s_foa_distance {
    double stft[3], env[3];     // Y, Z, X
    double lsd_db, mse, snr_db; // mean of Y, Z, X
    double emd, emd_norm;       // not numbers where they are not asked for
} v2s_foa_distance;

// foa [frames][4], AmbiX. The earth mover's distances take by far the longest: `with_emd`.
// ARG: a rate outside 4..400 kHz. FORMAT: shorter than a chunk. NOMEM, CANCELLED.
V2S_MUST_USE v2s_status v2s_foa_distance_measure(double rate_hz, size_t frames, const float *truth,
                                                 const float *prediction, bool with_emd,
                                                 v2s_foa_distance *distance);

#endif
