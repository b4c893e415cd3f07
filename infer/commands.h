// SPDX-License-Identifier: MIT
// The subcommands of v2s-infer. `config` is a v2s_settings; argc and argv are the whole command
// line, for the record of the run. Contradicting or missing options are V2S_USAGE.
#ifndef V2S_INFER_COMMANDS_H
#define V2S_INFER_COMMANDS_H

#include "kernels/base/status.h"

v2s_status v2s_track_run(const void *config, int argc, char **argv);
v2s_status v2s_render_run(const void *config, int argc, char **argv);
v2s_status v2s_info_run(const void *config, int argc, char **argv);
v2s_status v2s_compare_run(const void *config, int argc, char **argv);
v2s_status v2s_depth_run(const void *config, int argc, char **argv);
v2s_status v2s_export_run(const void *config, int argc, char **argv);

#endif
