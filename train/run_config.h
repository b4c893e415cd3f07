// SPDX-License-Identifier: MIT
// config.json of a training run: everything needed to repeat it, and to resume it with nothing but
// its folder.
//
//   {"program":"v2s-train 0.1.0", "command":["v2s-train","refiner",...], "folder":"/where/it/ran",
//    "options":{"preset":"seed","batch":"8",...},        every option with a value, as text
//    "manifests":[{"path":"/data/m.jsonl","crc32":"01234567"}], "processes":1,
//    "device":"cpu, ...", "rows":{...}, "network":{...}}  what followed from them, for readers
//
// Resuming takes the stored options, lets the command line override them, and refuses by name those
// that define the run. Free to change are: --threads, --device, --save-every, --max-skipped,
// --json, --quiet, what a command names besides, and the end of the run (--epochs, --steps,
// --minutes) unless the learning rate follows from it (--schedule cosine).
//
// The CRC-32 of an input that is a folder is that of the csv files in it and in its folders, one
// after the other by name.
#ifndef V2S_TRAIN_RUN_CONFIG_H
#define V2S_TRAIN_RUN_CONFIG_H

#include <cjson/cJSON.h>

#include "train/settings.h"

// A command that trains. Its settings begin with v2s_train_common.
typedef struct v2s_run_kind {
    const v2s_command *command;
    size_t settings_bytes;
    size_t schedule_offset;  // of an int in the settings: v2s_schedule_kind
    const char *input;       // what messages call an input: "MANIFEST"
    const char *free_option; // one that may change besides those above; NULL: none
} v2s_run_kind;

typedef struct v2s_run_config {
    const v2s_run_kind *kind;
    cJSON *json;
    char **words; // [word_count] "--name=value", the options of the file
    int word_count;
    void *stored; // their values: settings of the kind
} v2s_run_config;

// IO; FORMAT names the key that is missing or wrong.
V2S_MUST_USE v2s_status v2s_run_config_read(const v2s_run_kind *kind, const char *path,
                                            v2s_run_config *config);
void v2s_run_config_free(v2s_run_config *config); // accepts a zeroed one

// The stored options overridden by the words of a command line (without program and command name);
// free with v2s_options_free. Texts belong to config and words.
V2S_MUST_USE v2s_status v2s_run_config_merge(const v2s_run_config *config, int argc, char **argv,
                                             void *merged);

// USAGE names an option that may not change, or the number of processes; FORMAT a manifest whose
// bytes changed.
V2S_MUST_USE v2s_status v2s_run_config_check(const v2s_run_config *config, const void *merged,
                                             int processes);

// Writes the file. `facts` is what followed from the options; its members are added (it stays the
// caller's). argv is the whole command line that began the run; `began` keeps that of an older file
// (NULL: none).
V2S_MUST_USE v2s_status v2s_run_config_write(const v2s_run_kind *kind, const char *path,
                                             const void *settings, int argc, char **argv,
                                             const v2s_run_config *began, int processes,
                                             const cJSON *facts);

// The command line as one text, malloc'ed, words with blanks or quotes quoted; NULL: no memory.
char *v2s_command_text(int argc, char **argv);

#endif
