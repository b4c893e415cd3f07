// SPDX-License-Identifier: MIT
// v2s-train: its subcommands.
#include "infer/program.h"
#include "kernels/base/team.h"
#include "train/settings.h"

int main(int argc, char **argv) {
    v2s_team_settle(argv);
    // One row a subcommand; its settings begin with v2s_train_common.
    const v2s_program_command commands[] = {
        {&v2s_refiner_command, sizeof(v2s_refiner_settings), offsetof(v2s_train_common, help)},
        {&v2s_depth_command, sizeof(v2s_depth_settings), offsetof(v2s_train_common, help)},
        {&v2s_synth_command, sizeof(v2s_synth_settings), offsetof(v2s_train_common, help)},
        {&v2s_prepare_command, sizeof(v2s_prepare_settings), offsetof(v2s_train_common, help)},
    };
    const v2s_program program = {
        "v2s-train",
        "Makes or reads training data and trains the networks of v2s-infer.",
        commands,
        sizeof commands / sizeof commands[0],
    };
    return v2s_program_run(&program, argc, argv);
}
