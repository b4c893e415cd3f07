// SPDX-License-Identifier: MIT
// What the depth network sees of a sound: the magnitude spectrograms of the two ears.
//
//   samples   the first n = int(2 max_depth_m / 340 rate_hz) of the sound (7782 at 30 m, 44.1 kHz);
//             zeros behind a shorter one
//   |X|       |STFT| with 512 points, periodic Hann window of 64 in their middle, hop 16, 256
//             samples mirrored at both ends, no scaling, no logarithm: 257 x T, row 0 is DC
//             (torchaudio.transforms.Spectrogram(n_fft=512, win_length=64, hop_length=16, power=1))
//   x         |X| resized to size x size, bilinear between pixel centres without antialiasing
//             (torch.nn.functional.interpolate(mode="bilinear", align_corners=False))
//
// No level is changed anywhere. Channel 0 is the left ear.
#ifndef V2S_DATA_ECHO_H
#define V2S_DATA_ECHO_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/base/status.h"

#define V2S_ECHO_SOUND_SPEED 340.0 // m/s, of the published cut

enum { V2S_ECHO_LEAST_SAMPLES = 512, V2S_ECHO_BINS = 257, V2S_ECHO_HOP = 16 };

typedef struct v2s_echo_config {
    int rate_hz;
    double max_depth_m;
    int size;
    bool resample; // convert another rate instead of refusing it
} v2s_echo_config;

// What is odd about a sound that can be used.
typedef struct v2s_echo_notes {
    bool short_sound;     // zeros were put behind it
    size_t found_samples; // per ear, at rate_hz
    bool silent, clipped; // an ear of zeros; three samples in a row at full scale (of 16 bits)
    int resampled_from;   // Hz; 0: not
} v2s_echo_notes;

// Samples of an ear that count: int(2 max_depth_m / 340 rate_hz); 0: more than 2^24 or none.
int v2s_echo_samples(const v2s_echo_config *config);

typedef struct v2s_echo v2s_echo; // tables; read-only after it was opened, for any thread

// ARG names the setting that is out of range: size 1 to 4096, 512 to 2^24 samples. NOMEM.
V2S_MUST_USE v2s_status v2s_echo_open(const v2s_echo_config *config, v2s_echo **out);
void v2s_echo_close(v2s_echo **echo);

// x [size,size] of the n samples of one ear (n as above). NOMEM.
V2S_MUST_USE v2s_status v2s_echo_spectrogram(const v2s_echo *echo, const float *samples, float *x);

// x [2,size,size] of a sound file with two channels, or of two npy arrays with an ear each (right
// is NULL for a file). IO, FORMAT, UNSUPPORTED, and NUMERIC for samples that are not finite: one
// sentence that names the file and what is wrong (another rate, one channel, fewer than 512
// samples). npy arrays have no rate and are taken to be at rate_hz; integers in them must be signed
// and are divided by their full scale. `notes` is left as it is on failure.
V2S_MUST_USE v2s_status v2s_echo_read(const v2s_echo *echo, const char *left_or_file,
                                      const char *right, float *x, v2s_echo_notes *notes);

#endif
