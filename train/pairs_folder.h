// SPDX-License-Identifier: MIT
// Which files of a folder belong together: `prepare pairs`.
//
// A recording is what has one KEY: the path below ROOT without its suffix, without folders named
//
//   foa ambix truth | mono dry | traj trajectory trajectories path paths
//
// and without one of these words, and the "-", "_" or "." before it, at the end of the name. So
// foa/a.wav + mono/a.wav + traj/a.csv, a_foa.wav + a_dry.flac + a.csv, and a.wav alone are each one
// recording "a"; x/foa/a.wav is "x/a". Four channels are the first-order sound, one the dry one,
// whatever their names say. Folders are searched to a depth of 6; hidden ones, and those that end
// in ".files" (made by `prepare` itself), are left out.
//
// ROOT/splits.csv, where it is there, deals the recordings:
//
//   name,split,room
//   x/a,train,hall
//
// with the header, columns in this order, `room` (cluster for the bootstrap) and its column may be
// missing. Every recording must be named in it, once.
#ifndef V2S_TRAIN_PAIRS_FOLDER_H
#define V2S_TRAIN_PAIRS_FOLDER_H

#include "train/prepare.h"

typedef struct v2s_pairs_recording {
    const char *key, *id; // id: the key with "_" for "/"
    size_t first, count;  // of its sounds
    const char *csv;      // trajectory, or NULL
    bool bad;             // a file of it was skipped in a way that spoils the rest
    bool dealt;           // by splits.csv
    v2s_split split;
    const char *room; // the key where splits.csv has none
} v2s_pairs_recording;

typedef struct v2s_pairs_folder {
    size_t sound_count, sound_room;
    const char **sounds; // [sound_count] paths, those of one recording side by side
    size_t *owner;       // [sound_count] index of the recording
    size_t count;
    v2s_pairs_recording *recordings; // by key
    bool has_splits;
} v2s_pairs_folder;

// Finds and skips (sounds and trajectories without content, trajectories without a sound, what
// splits.csv does not name). FORMAT for a splits.csv that cannot be read.
V2S_MUST_USE v2s_status v2s_pairs_folder_read(v2s_prepare *p, v2s_pairs_folder *folder);
void v2s_pairs_folder_free(v2s_pairs_folder *folder); // accepts a zeroed one

// Recordings that splits.csv does not deal, in an order that the seed shuffles: 70 % train, 15 %
// val, 15 % test, rounded, at least one each from three on; two are train and test. used[i] says
// whether recording i counts. NOMEM.
V2S_MUST_USE v2s_status v2s_pairs_deal(v2s_pairs_folder *folder, const bool *used, uint64_t seed);

#endif
