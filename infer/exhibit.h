// SPDX-License-Identifier: MIT
// What a page shows of one clip: how it sounds, where it sounds from and its spectrum, for the
// truth and for systems that should be like it.
//
// Sounds        the decode to two ears as Ogg/Opus (16-bit WAV where FFmpeg has no Opus encoder),
//               at most the first V2S_EXHIBIT_MAX_S seconds; one gain for all sounds of the clip
//               brings the loudest sample of them to -3 dBFS, so that their levels can be compared.
// Maps          energy maps (spatial/energy_map.h) of V2S_EXHIBIT_MAPS equal stretches.
// Directions    of the intensity mean_t w (x, y, z) over windows of 0.2 s, one every 0.05 s; not a
//               number where W is 40 dB below its loudest window or there is no intensity.
// Spectrograms  of the left ear, erb_stft.h's transform, logarithmic in frequency, the same colours
//               for all sounds: 0 dB is the loudest bin of all of them.
//
// Two-channel sounds have no maps and no directions.
#ifndef V2S_INFER_EXHIBIT_H
#define V2S_INFER_EXHIBIT_H

#include <stdbool.h>
#include <stddef.h>

#include "infer/ear_decoder.h"
#include "infer/map_picture.h"
#include "spatial/trajectory.h"

enum { V2S_EXHIBIT_VOICES = 4, V2S_EXHIBIT_MAPS = 12 };

#define V2S_EXHIBIT_MAX_S 10.0
#define V2S_EXHIBIT_LEAST_HZ 50.0
#define V2S_EXHIBIT_RANGE_DB 70.0 // of the spectrograms

// Everything is borrowed for the call.
typedef struct v2s_exhibit_source {
    double rate_hz;
    size_t frames;
    int channels; // 4: AmbiX; 2: ears
    int count;    // voices, at most V2S_EXHIBIT_VOICES; the truth first
    const char *names[V2S_EXHIBIT_VOICES];
    int colours[V2S_EXHIBIT_VOICES];         // 0 .. 4: classes "v0" .. "v4" of report_compare.css
    const float *sounds[V2S_EXHIBIT_VOICES]; // [frames][channels]
    const v2s_trajectory *path;              // or NULL
    v2s_ear_decoder *decoder;                // at rate_hz; NULL for two channels
} v2s_exhibit_source;

typedef struct v2s_exhibit_file {
    unsigned char *bytes; // owned
    size_t size;
} v2s_exhibit_file;

typedef struct v2s_exhibit_voice {
    char name[64];
    int colour;
    const char *mime; // of the sound
    v2s_exhibit_file sound, spectrogram;
    v2s_exhibit_file maps[V2S_EXHIBIT_MAPS]; // PNG
    v2s_map_peak peaks[V2S_EXHIBIT_MAPS];
    double *azimuth_deg, *elevation_deg; // [direction_count], owned
} v2s_exhibit_voice;

typedef struct v2s_exhibit {
    double length_s; // that is shown
    double whole_s;  // of the clip
    double gain_db;  // of the sounds
    bool opus;       // else WAV
    double top_hz;   // of the spectrograms
    int map_count;   // 0 for two channels
    double map_s;    // length of a stretch; map i is at (i + 0.5) map_s
    int voice_count;
    v2s_exhibit_voice voices[V2S_EXHIBIT_VOICES];
    bool has_path;
    size_t direction_count;
    double *direction_s;                           // middles of the windows, owned
    double *path_azimuth_deg, *path_elevation_deg; // [direction_count], owned; NULL: no path
} v2s_exhibit;

// FORMAT: shorter than one frame of the transform. NOMEM. `exhibit` is untouched on failure.
V2S_MUST_USE v2s_status v2s_exhibit_make(const v2s_exhibit_source *source, v2s_exhibit *exhibit);
void v2s_exhibit_free(v2s_exhibit *exhibit); // accepts a zeroed one

#endif
