// SPDX-License-Identifier: MIT
// Where each ear looked in the other's spectrogram: pictures with axes, and an index in JSON.
//
// For every level with attention, both directions and every chosen pixel of the depth map, the
// weights of the pixel's place lie as heat over the other ear's spectrogram (as the network saw it;
// grey, decibels). Columns are time of flight as a distance, rows frequency (depth_axes.h). A ring
// marks the place that looked, in its own ear. The network keeps places: pixel (row, column) of the
// depth map belongs to the same row and column of the spectrogram.
//
// FOLDER/level3-left-into-right-r128-c128.png ... and, last, FOLDER/index.json; for a folder of
// sounds the pictures of each lie in FOLDER/NAME.
#ifndef V2S_INFER_DEPTH_ATTENTION_H
#define V2S_INFER_DEPTH_ATTENTION_H

#include <cjson/cJSON.h>

#include "infer/depth_album.h"
#include "infer/depth_picture.h"
#include "infer/settings.h"

enum { V2S_DEPTH_LOOKS_MAX = 64 }; // pixels to look from

typedef struct v2s_depth_looks {
    const char *folder;
    bool in_folders; // of their own, for a folder of sounds
    bool for_page;   // the album gets the pictures too
    v2s_echo_config echo;
    v2s_depth_config config;
    size_t count;
    int row[V2S_DEPTH_LOOKS_MAX], column[V2S_DEPTH_LOOKS_MAX];
    v2s_depth_ramp ramp;
    cJSON *index; // array
} v2s_depth_looks;

// What a map says in numbers.
typedef struct v2s_depth_look_numbers {
    double entropy_bits; // of the weights; log2 of their number where they are all alike
    double uniform_bits;
    double peak;        // largest weight
    double row, column; // centre of the weights, pixels of the picture
} v2s_depth_look_numbers;

// USAGE: a --attention-at that is no pixel; FORMAT: a network without attention.
V2S_MUST_USE v2s_status v2s_depth_looks_open(const v2s_settings *settings,
                                             const v2s_depth_source *source,
                                             const v2s_depth_file *file, v2s_depth_looks *looks);
void v2s_depth_looks_close(v2s_depth_looks *looks); // accepts a zeroed one

// After a prediction of `count` items: the pictures of item b. The album gets copies of them where
// there is a page.
V2S_MUST_USE v2s_status v2s_depth_looks_write(v2s_depth_looks *looks, const char *id,
                                              const v2s_depth_model *model, int count, int b,
                                              v2s_depth_album *album);

// Writes the index.
V2S_MUST_USE v2s_status v2s_depth_looks_finish(v2s_depth_looks *looks);

// Numbers of weights map [side,side] over a picture of size x size.
void v2s_depth_look_measure(int side, int size, const float *map, v2s_depth_look_numbers *numbers);

// The picture: weights map [side,side] over spectrogram x [size,size]. The bytes are the caller's.
typedef struct v2s_depth_look_figure {
    const v2s_echo_config *echo;
    const v2s_depth_ramp *ramp;
    int side;
    const float *map, *x;
    const char *title, *subtitle;
    int row, column; // marked
} v2s_depth_look_figure;

// Top of the heat's scale: the largest weight, or four times what each has where all are alike, so
// that a map that says nothing is pale.
double v2s_depth_look_top(const v2s_depth_look_figure *figure);

// Without the axes: rgb [size][size][3], heat over the grey spectrogram, row 0 of both at the
// bottom.
void v2s_depth_look_paint(const v2s_depth_look_figure *figure, double top, uint8_t *rgb);

V2S_MUST_USE v2s_status v2s_depth_look_draw(const v2s_depth_look_figure *figure,
                                            unsigned char **bytes, size_t *size);

#endif
