// SPDX-License-Identifier: MIT
// Recordings of single sources in folders, and random stretches of sound made of them.
//
// Kind      first folder below the one that was given (speech/.., birds/..); files that lie in the
//           given folder itself are of one kind. Kinds are drawn with a probability in proportion
//           to the square root of their number of files, files of a kind evenly: a hundred voices
//           do not drown ten birds.
// Split     train, val and test share no file; the split goes through the files of every kind
//           (v2s_sounds_split). Files with the same bytes count as one.
// Licences  FOLDER/licences.tsv (data/collect_sounds.sh): lines of file, licence, ...; TAB between.
#ifndef V2S_TRAIN_SOUNDS_H
#define V2S_TRAIN_SOUNDS_H

#include <stdint.h>

#include "data/manifest.h"
#include "data/options.h"
#include "kernels/base/rng.h"

typedef struct v2s_sound_file {
    char *path;    // to open
    char *name;    // below the folder that was given; the path where two folders have such a name
    char *licence; // NULL: not known
    size_t kind;   // index of kind_count
    v2s_split split;
    int64_t bytes; // size of the file
} v2s_sound_file;

typedef struct v2s_sounds {
    size_t count, kind_count;
    v2s_sound_file *files; // [count], by kind, then by name
    size_t duplicates;     // files left out because another has the same bytes
} v2s_sounds;

// Searches the folders in depth (a plain file is taken as it is). `licence` (or NULL) stands for
// all files. IO for a folder that cannot be read, FORMAT where no sound file is found.
V2S_MUST_USE v2s_status v2s_sounds_scan(const v2s_text_list *folders, const char *licence,
                                        v2s_sounds *sounds);

// Gives every file its split, the same for every seed, so that sets made of the same recordings
// may be trained on and judged together: test and val in even steps through a random order of every
// kind, about 12 and 8 %, at least one each from three files on; two files are train and test.
V2S_MUST_USE v2s_status v2s_sounds_split(v2s_sounds *sounds);

void v2s_sounds_free(v2s_sounds *sounds);

// Splits of n things in a row, in even steps, with the counts of v2s_sounds_split.
void v2s_splits_fill(size_t n, v2s_split *splits);

#endif
