// SPDX-License-Identifier: MIT
// The folder of a training run: its files, who may work in it, and what a resumed run finds there.
//
//   last.safetensors, best.safetensors   weights (checkpoints/format.md)
//   log.csv, config.json                 train/run_log_csv.h, train/run_config.h
//
// One run at a time works in a folder: it is locked until it is closed. What a killed run left half
// written is removed once the lock is held.
#ifndef V2S_TRAIN_RUN_FOLDER_H
#define V2S_TRAIN_RUN_FOLDER_H

#include "train/run_config.h"

typedef struct v2s_run_folder {
    const char *path; // borrowed
    char *config, *last, *best, *csv;
    char *command;      // the command line that began the run
    int lock;           // -1: none
    bool has_last;      // a run to go on with
    v2s_run_config was; // of the run that is resumed; json NULL: none
} v2s_run_folder;

// Names the files; touches nothing. Close with v2s_run_folder_close, also after a failure.
V2S_MUST_USE v2s_status v2s_run_folder_open(const char *path, v2s_run_folder *folder);
void v2s_run_folder_close(v2s_run_folder *folder); // accepts a zeroed one whose lock is -1

// Makes the folder where it is not there, and takes the lock. IO: another run works there.
V2S_MUST_USE v2s_status v2s_run_folder_lock(v2s_run_folder *folder);

// What is there: nothing, a run to resume, or one that must not be overwritten (IO). With `resume`
// and a config.json, *settings becomes the stored options overridden by argv (the whole command
// line), *merged becomes true, and the caller frees the settings with v2s_options_free.
V2S_MUST_USE v2s_status v2s_run_folder_look(v2s_run_folder *folder, const v2s_run_kind *kind,
                                            bool resume, int argc, char **argv, void *settings,
                                            bool *merged);

// Sets `command`.
V2S_MUST_USE v2s_status v2s_run_folder_find_command(v2s_run_folder *folder, int argc, char **argv);

// USAGE where there are no inputs, or more than one of the ends of a run is given. Without any,
// *epochs becomes 20.
V2S_MUST_USE v2s_status v2s_run_folder_check_ends(const v2s_run_folder *folder,
                                                  const v2s_run_kind *kind, bool resume,
                                                  const v2s_train_common *common, int64_t steps,
                                                  double minutes, int64_t *epochs);

#endif
