// SPDX-License-Identifier: MIT
// What the command line of v2s-infer says, as one struct, and the tables that fill it.
#ifndef V2S_INFER_SETTINGS_H
#define V2S_INFER_SETTINGS_H

#include "data/manifest.h"
#include "data/options.h"

enum { V2S_SWITCH_OFF = 0, V2S_SWITCH_ON = 1 };

typedef struct v2s_settings {
    // common
    bool help, quiet, verbose, devices;
    const char *json;   // file, "-" for standard output, or NULL
    int64_t threads;    // 0: every processor
    const char *device; // "auto", "cpu", "cuda[:N]"
    int64_t seed;
    v2s_text_list inputs;

    // scene
    v2s_text_list boxes;   // "X,Y,W,H[@SECONDS]"
    v2s_text_list objects; // "box=...;sound=...;distance=...;name=..."
    const char *boxes_in;
    double fov_deg;    // 0: not given
    double distance_m; // of the first box
    double fps_hz;     // folders of images; 0: not given
    int smooth;        // V2S_SWITCH_*
    const char *boxes_out;
    const char *overlay;
    const char *output;

    // render
    const char *sound;
    const char *trajectory;
    int64_t order;
    double rate_hz;  // 0: that of the sound
    int64_t channel; // from 1; 0: not given
    bool mix, loop, doppler, air;
    double min_distance_m;
    const char *room, *rt60, *absorption, *listener, *room_response;
    int64_t room_order; // -1: not given
    int room_tail;      // V2S_SWITCH_*
    const char *refiner;
    double refiner_amount;
    int precision; // v2s_precision
    const char *binaural, *hrtf, *stereo, *trajectory_out, *report;
    int binaural_method; // v2s_binaural_method
    int format;          // v2s_sample_format

    // compare
    int split;   // v2s_split; V2S_SPLIT_COUNT: all
    int pairing; // 0: the refiner's, 1: dry, 2: omni, 3: binaural
    const char *metrics, *without, *cache;
    int64_t draws; // of the bootstrap
    const char *prediction, *truth;
    const char *listening_test, *pointing_test; // folders to write
    int64_t listening_clips;                    // of either
    bool strict, allow_outside, keep_flagged, recorded;
    int normalise; // 0: false, 1: true
    int librosa;   // 0: 0.8, 1: 0.9

    // compare: one pair of files
    int rt60_family;      // v2s_rt60_family
    double rt60_decay_db; // 0: the family's
    int seld_year;        // 0: 2022, 1: 2023, 2: 2024
    int64_t seld_classes; // 0: those that occur
    bool seld_drop_last;
    int prediction_distance, truth_distance; // 0: cm, 1: m
    const char *listening_results, *pointing_results;

    // depth
    const char *model;
    v2s_text_list outputs, against; // --against FILE or NAME=FILE
    const char *colour, *spectrogram_out, *attention;
    v2s_text_list attention_at; // "ROW,COL"
    int64_t batch;
    int depth_resize; // v2s_depth_resize
    bool resample;

    // export
    bool weights_only;
    int attention_scale, ears; // 0: the file's, 1: channels, both, 2: key, left
    int64_t map_size;          // 0: not given
    double max_depth_m;        // 0: not given
} v2s_settings;

// The rules for manifests that the options mean.
v2s_manifest_rules v2s_settings_rules(const v2s_settings *settings);

extern const v2s_command v2s_track_command;
extern const v2s_command v2s_render_command;
extern const v2s_command v2s_info_command;
extern const v2s_command v2s_compare_command;
extern const v2s_command v2s_depth_command;
extern const v2s_command v2s_export_command;

// Number of worker threads the settings mean (at least 1).
int v2s_settings_threads(const v2s_settings *settings);

#endif
