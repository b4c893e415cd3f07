// SPDX-License-Identifier: MIT
// The core of v2s-train prepare among its own files.
#ifndef V2S_TRAIN_PREPARE_INTERNAL_H
#define V2S_TRAIN_PREPARE_INTERNAL_H

#include "train/prepare.h"

typedef struct v2s_prepare_skipped {
    const char *file, *reason;
} v2s_prepare_skipped;

typedef struct v2s_prepare_flagged {
    const char *file, *reason;
    double angle_deg; // NAN: none
} v2s_prepare_flagged;

typedef struct v2s_prepare_sound_entry {
    const char *path;
    v2s_sound_survey survey;
} v2s_prepare_sound_entry;

struct v2s_prepare_state {
    const char *manifest;   // as given
    char *folder;           // real path of the folder that the manifest is in
    char *real_root;        // of ROOT
    char *files;            // "<manifest without .jsonl>.files"
    const char *files_name; // its last part
    char *work;   // folder beside `files` in which this run makes its files; NULL before the first
    bool outside; // a path of the manifest leaves its folder
    size_t text_count, text_room;
    char **texts; // everything handed out
    size_t made_count, made_room;
    const char **made; // files in `work`
    size_t kind_count;
    const char *kinds[8]; // folders below `work`
    size_t clip_count, clip_room;
    v2s_clip *clips; // texts in `texts`, paths relative to the manifest
    size_t per_split[V2S_SPLIT_COUNT];
    double duration_s; // of the clips
    void *ids;         // tsearch tree of the clips' ids
    size_t skip_count, skip_room;
    v2s_prepare_skipped *skips;
    size_t flag_count, flag_room;
    v2s_prepare_flagged *flags;
    size_t sound_count, sound_room;
    v2s_prepare_sound_entry **sounds; // in the order of their first survey
    void *sound_tree;                 // tsearch tree of them
};

// `path` relative to the manifest's folder.
V2S_MUST_USE v2s_status v2s_prepare_relative(v2s_prepare *p, const char *path, const char **out);

// Whether the manifest, the files folder and ROOT can be used; fills the paths of the state.
V2S_MUST_USE v2s_status v2s_prepare_open_paths(v2s_prepare *p);

// Moves the files that were made from `work` to `files`, each in the place of an earlier one of its
// name. IO, NOMEM.
V2S_MUST_USE v2s_status v2s_prepare_publish_files(v2s_prepare *p);

// Removes `work` and what was not moved.
void v2s_prepare_remove_files(v2s_prepare *p);

void v2s_prepare_free_sounds(v2s_prepare *p);

// Rows and JSON of everything found.
void v2s_prepare_report(v2s_prepare *p, double wall_s);

#endif
