// SPDX-License-Identifier: MIT
// The presets of `v2s-train refiner`: a network with its objective and its usual settings. A new
// preset is a row of the table in presets.c.
#ifndef V2S_TRAIN_PRESETS_H
#define V2S_TRAIN_PRESETS_H

#include "infer/run_log.h"
#include "train/objective.h"
#include "train/settings.h"

// What an objective is opened with: the clips of the wanted pairing from all manifests, by split,
// and the command line.
typedef struct v2s_objective_setup {
    const v2s_refiner_settings *settings;
    v2s_pairing pairing;
    const v2s_clip *const *train, *const *val; // outlive the objective
    size_t train_count, val_count;
    const char *init; // weights to start from, or NULL: the objective takes sizes from it, or
                      // refuses sizes that are not its own
    int rows;         // most rows of a batch
    int threads;
    v2s_run_log *log; // for warnings; NULL: none (a process that is not the first)
} v2s_objective_setup;

typedef struct v2s_preset {
    const char *name;
    v2s_status (*open)(const v2s_objective_setup *setup, v2s_objective **out);
} v2s_preset;

// By name; NULL for none. v2s_preset_names is "seed|...".
const v2s_preset *v2s_preset_find(const char *name);
const char *v2s_preset_names(char text[128]);

#endif
