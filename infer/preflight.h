// SPDX-License-Identifier: MIT
// What can be refused before any input is read: a device that is not there, and outputs that could
// not be written at the end of an hour's work.
#ifndef V2S_INFER_PREFLIGHT_H
#define V2S_INFER_PREFLIGHT_H

#include "infer/scene.h"
#include "infer/settings.h"

// A file, or a folder to put files into, that a run will write.
typedef struct v2s_preflight_file {
    const char *option, *path; // "--report"
    bool folder;
} v2s_preflight_file;

// USAGE for a word that is no device, UNSUPPORTED for one that this machine has not. A device is
// opened only where one was named, for that takes a while on a GPU.
V2S_MUST_USE v2s_status v2s_preflight_device(const v2s_settings *settings);

// Every output is created and removed again: IO for a missing or read-only folder and for a folder
// in the place of a file, ARG for a suffix or a number of channels that no container takes. USAGE
// where two outputs, or an output and an input, are one file. Pipes and devices are left alone.
V2S_MUST_USE v2s_status v2s_preflight_outputs(const v2s_settings *settings, const v2s_scene *scene);

// Of `count` outputs none is a file that is read (NULL: none), and no two are one; each can be
// made. A folder may be there already, one that is missing needs a folder around it. USAGE, IO as
// above.
V2S_MUST_USE v2s_status v2s_preflight_input(const v2s_preflight_file *files, size_t count,
                                            const char *input);
V2S_MUST_USE v2s_status v2s_preflight_files(const v2s_preflight_file *files, size_t count);

#endif
