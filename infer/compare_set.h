// SPDX-License-Identifier: MIT
// The clips that a `compare` run judges: manifests, split and pairing.
#ifndef V2S_INFER_COMPARE_SET_H
#define V2S_INFER_COMPARE_SET_H

#include "data/manifest.h"
#include "infer/compare_systems.h"
#include "infer/run_log.h"
#include "infer/settings.h"

enum { V2S_COMPARE_NAMED_MAX = 10 }; // clips and lines that are named one by one

typedef struct v2s_compare_set {
    size_t manifest_count;
    v2s_manifest *manifests; // [manifest_count], owned
    size_t flagged;          // clips with a flag, kept or left out
    v2s_pairing pairing;     // of the chosen clips
    size_t count;
    const v2s_clip **clips; // [count] in the order of the manifests; owned list
} v2s_compare_set;

// Reads the manifests and chooses --split and --pairing; auto is what refined was trained on, else
// the only pairing there is (binaural where there is neither dry nor omni). Warns of lines and
// flagged clips left out, and of refiners of another pairing. What v2s_manifest_read reports;
// USAGE: the pairing is open; FORMAT: no clip is left. Free in any case (accepts a zeroed one).
V2S_MUST_USE v2s_status v2s_compare_set_read(const v2s_settings *settings,
                                             const v2s_systems *systems, v2s_run_log *log,
                                             v2s_compare_set *set);
void v2s_compare_set_free(v2s_compare_set *set);

#endif
