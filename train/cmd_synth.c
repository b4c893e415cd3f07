// SPDX-License-Identifier: MIT
// v2s-train synth: sounds x rooms x motions -> manifest and files.
#include "train/settings.h"

v2s_status v2s_synth_run(const void *config, int argc, char **argv) {
    (void)argc;
    (void)argv;
    const v2s_synth_settings *settings = config;
    if (settings->output == NULL)
        return V2S_FAIL(V2S_USAGE, "no output: give -o FOLDER");
    return V2S_FAIL(V2S_UNSUPPORTED, "not in this version");
}
