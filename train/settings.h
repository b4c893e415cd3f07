// SPDX-License-Identifier: MIT
// What the command lines of v2s-train say: one struct and one table of options per subcommand, each
// in a file of its own (settings_<command>.c). Every struct begins with v2s_train_common, so that
// the rows that all subcommands share serve them all.
#ifndef V2S_TRAIN_SETTINGS_H
#define V2S_TRAIN_SETTINGS_H

#include "data/options.h"

typedef struct v2s_train_common {
    bool help, quiet;
    const char *json;   // file, "-" for standard output, or NULL
    int64_t threads;    // 0: every processor
    const char *device; // "auto", "cpu", "cuda[:N]"
    int64_t seed;
    v2s_text_list inputs;
} v2s_train_common;

// --json --threads --device --seed --quiet --help, for a group "General".
extern const v2s_option v2s_train_common_rows[];

// Number of worker threads the settings mean (at least 1).
int v2s_train_threads(const v2s_train_common *common);

// USAGE for a word that is no device, UNSUPPORTED for one that this machine has not.
V2S_MUST_USE v2s_status v2s_train_check_device(const v2s_train_common *common);

enum {
    V2S_SYNTH_PAIRING_BOTH = 0, // the words of --pairing
    V2S_SYNTH_PAIRING_DRY,
    V2S_SYNTH_PAIRING_OMNI,
};

enum { V2S_SYNTH_TASK_FOA = 0, V2S_SYNTH_TASK_DEPTH }; // the words of --task

typedef struct v2s_synth_settings {
    v2s_train_common common;
    int task;             // V2S_SYNTH_TASK_*
    const char *output;   // folder
    v2s_text_list sounds; // folders, or single files
    int64_t rooms, clips;
    double open;
    v2s_text_list motions; // words; empty: the usual mix
    int pairing;           // V2S_SYNTH_PAIRING_*
    const char *noise;     // "LO,HI" in dB, or "none"
    double rate_hz, duration_s;
    const char *licence;
    const char *hrtf; // SOFA file, or NULL
    int64_t depth_size;
} v2s_synth_settings;

enum { V2S_REFINER_PAIRING_AUTO = 0, V2S_REFINER_PAIRING_DRY, V2S_REFINER_PAIRING_OMNI };

typedef struct v2s_refiner_settings {
    v2s_train_common common;
    const char *output; // RUN
    bool resume;
    const char *preset;
    int pairing;           // V2S_REFINER_PAIRING_*
    int64_t epochs, steps; // 0: not given
    double minutes;        // 0: not given
    int64_t batch;
    const char *init;
    double segment_s, rate_hz;  // 0: the preset's
    const char *augment, *loss; // NULL: the preset's
    bool strict, allow_outside, keep_flagged;
    int optimizer; // v2s_optim_kind
    double learning_rate, weight_decay, momentum;
    int schedule; // v2s_schedule_kind
    int64_t warmup, step_every;
    double step_factor, clip_norm, ema_decay;
    int64_t save_every, val_every, patience, max_skipped;
    int precision; // v2s_precision
    bool deterministic, verbose;
} v2s_refiner_settings;

extern const v2s_command v2s_refiner_command;

v2s_status v2s_train_refiner_run(const void *config, int argc, char **argv);

enum { V2S_DEPTH_EARS_LEFT = 0, V2S_DEPTH_EARS_BOTH };
enum { V2S_DEPTH_ATTENTION_NONE = 0, V2S_DEPTH_ATTENTION_RANDOM, V2S_DEPTH_ATTENTION_CROSS };
enum { V2S_DEPTH_AUGMENT_NONE = 0, V2S_DEPTH_AUGMENT_SWAP };
enum { V2S_DEPTH_CURRICULUM_NONE = 0, V2S_DEPTH_CURRICULUM_ADAPTIVE };

typedef struct v2s_depth_settings {
    v2s_train_common common;
    const char *output; // RUN
    bool resume;
    int64_t epochs, steps; // 0: not given
    double minutes;        // 0: not given
    int64_t patience, save_every, val_every, max_skipped;
    bool strict, allow_outside, keep_flagged;
    int64_t base_channels;
    const char *levels; // "2,3,4,5"
    int scale;          // v2s_attention_scale
    int attention;      // V2S_DEPTH_ATTENTION_*
    int ears;           // V2S_DEPTH_EARS_*
    int64_t size, rate_hz;
    double max_depth_m;
    int resize; // v2s_depth_resize
    int64_t batch, accumulate;
    int augment;    // V2S_DEPTH_AUGMENT_*
    int curriculum; // V2S_DEPTH_CURRICULUM_*
    int64_t cache_mb;
    const char *init;
    int optimizer; // v2s_optim_kind
    double learning_rate, weight_decay, momentum;
    int schedule; // v2s_schedule_kind; one word more: none is constant
    int64_t warmup, step_every;
    double step_factor, clip_norm, ema_decay;
    int precision; // v2s_precision
    bool deterministic, verbose;
} v2s_depth_settings;

extern const v2s_command v2s_depth_command;

v2s_status v2s_train_depth_run(const void *settings, int argc, char **argv);

extern const v2s_command v2s_synth_command;

v2s_status v2s_synth_run(const void *settings, int argc, char **argv);

// --task depth of it.
v2s_status v2s_synth_depth_run(const v2s_synth_settings *settings);

// "LO,HI" in dB, or "none": *noise false. USAGE.
V2S_MUST_USE v2s_status v2s_synth_parse_noise(const char *text, bool *noise, double *low_db,
                                              double *high_db);

enum { V2S_PREPARE_SPLITS_OLD = 0, V2S_PREPARE_SPLITS_NEW }; // the words of --splits

typedef struct v2s_prepare_settings {
    v2s_train_common common; // inputs: FORMAT, ROOT
    const char *output;      // manifest
    bool strict;
    int splits;          // V2S_PREPARE_SPLITS_*
    int64_t fold, clips; // 0: not given
    int layout;          // V2S_PREPARE_LAYOUT_*
} v2s_prepare_settings;

enum { // the words of --layout
    V2S_PREPARE_LAYOUT_AMBIX = 0,
    V2S_PREPARE_LAYOUT_N3D,
    V2S_PREPARE_LAYOUT_FUMA,
    V2S_PREPARE_LAYOUT_WXYZ_SN3D,
    V2S_PREPARE_LAYOUT_AUTO
};

extern const v2s_command v2s_prepare_command;

v2s_status v2s_train_prepare_run(const void *settings, int argc, char **argv);

#endif
