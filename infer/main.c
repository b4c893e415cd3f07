// SPDX-License-Identifier: MIT
// v2s-infer: its subcommands.
#include "infer/program.h"
#include "infer/settings.h"
#include "kernels/base/team.h"

int main(int argc, char **argv) {
    v2s_team_settle(argv);
#define COMMAND(command)                                                                           \
    { &(command), sizeof(v2s_settings), offsetof(v2s_settings, help) }
    const v2s_program_command commands[] = {
        COMMAND(v2s_render_command), COMMAND(v2s_track_command),  COMMAND(v2s_compare_command),
        COMMAND(v2s_depth_command),  COMMAND(v2s_export_command), COMMAND(v2s_info_command),
    };
    const v2s_program program = {
        "v2s-infer",
        "Spatial sound that follows an object in a video.",
        commands,
        sizeof commands / sizeof commands[0],
    };
    return v2s_program_run(&program, argc, argv);
}
