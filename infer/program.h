// SPDX-License-Identifier: MIT
// What the main functions of both programs do: choose the subcommand, parse its options, print its
// error, map it to an exit code; signals and standard streams.
//
// Exit codes: 0 done, 1 the input or the work failed, 2 wrong usage, 130 interrupted.
// SIGINT and SIGTERM raise v2s_cancel_request once (temporary files are removed on the way out);
// the second signal ends the process. A closed pipe is an error of writing, not a signal.
#ifndef V2S_INFER_PROGRAM_H
#define V2S_INFER_PROGRAM_H

#include "data/options.h"

typedef struct v2s_program_command {
    const v2s_command *command;
    size_t config_size; // of the struct that its options fill
    size_t help_offset; // of the bool in it that --help sets
} v2s_program_command;

typedef struct v2s_program {
    const char *name;    // "v2s-infer"
    const char *summary; // one sentence
    const v2s_program_command *commands;
    size_t command_count;
} v2s_program;

// Returns the exit code.
int v2s_program_run(const v2s_program *program, int argc, char **argv);

#endif
