// SPDX-License-Identifier: MIT
// The HTML page of a depth run: one self-contained file, made from plain data, without a script.
//
// Sounds: both spectrograms, prediction, truth, error and M7 of each, and where the ears looked.
// Data set: means with intervals, differences with verdicts, the distribution of the error, and
// the best and worst samples as pictures.
#ifndef V2S_INFER_DEPTH_PAGE_H
#define V2S_INFER_DEPTH_PAGE_H

#include "infer/depth_album.h"
#include "infer/depth_summary.h"

// Everything is borrowed.
typedef struct v2s_depth_page {
    const v2s_depth_pass *pass;
    const v2s_depth_source *source;
    v2s_echo_config echo;
    const v2s_depth_result *results;  // [source->count]
    const v2s_depth_summary *summary; // NULL without a truth
    const v2s_depth_album *album;
    const v2s_run_log *log;
    const char *command;
} v2s_depth_page;

// Writes the page under `path`, complete or not at all. IO, NOMEM.
V2S_MUST_USE v2s_status v2s_depth_page_write(const char *path, const v2s_depth_page *page);

#endif
