// SPDX-License-Identifier: MIT
// Manifests: one clip of paired data per line, JSON (docs: README, "Manifests").
//
//   {"id":"s0001-omni","split":"train","pairing":"omni","truth":"foa/s0001.wav","dry":"dry/..wav",
//    "trajectory":"traj/s0001.csv","start_s":0,"duration_s":5,"layout":"ambix",
//    "rt60_s":[..],"drr_db":..,"room":"r012","sound":"cow.ogg","source":"..","licence":".."}
//
//   {"id":"hall-7","split":"val","pairing":"depth","audio":"hall/7.wav","depth":"hall/7.npy",
//    "room":"hall"}
//
// Required: id, split, pairing; truth, but for `depth`; trajectory for `dry` and `omni` (`binaural`
// may have one); dry for `dry`; for `depth` audio (a file with two channels, or a list of two
// files: left and right ear) and depth (a depth map, data/depth_map.h), and no start_s other than
// 0. Optional besides those shown: "recorded" (true: a microphone's recording, compare's rule for
// those applies), "free_field" (true: no room), "flag" (a text: why the clip is doubtful, for
// example that its sound does not come from where its label says) and "depth_unit" ("mm": numbers
// of the depth map are millimetres whatever their type). null is the same as absent. rt60_s is a
// number or a list of 1 or 8; sound is a text or a list of texts. start_s holds for all files of
// the line.
//
// Paths are relative to the manifest's folder and stay in it unless the rules allow more; in memory
// they are resolved. Unknown keys are kept out of the way (ignored). A line that cannot be used is
// named with its reason, counted and skipped, or an error with `strict`. Blank lines, CRLF and a
// byte order mark are accepted; a line may have 64 KiB. Of several lines with one id the first is
// used. Clips with a flag are counted and left out unless the rules keep them.
#ifndef V2S_DATA_MANIFEST_H
#define V2S_DATA_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/base/file_out.h"

typedef enum v2s_split { V2S_SPLIT_TRAIN, V2S_SPLIT_VAL, V2S_SPLIT_TEST } v2s_split;
typedef enum v2s_pairing {
    V2S_PAIRING_DRY,
    V2S_PAIRING_OMNI,
    V2S_PAIRING_BINAURAL,
    V2S_PAIRING_DEPTH
} v2s_pairing;

enum { V2S_SPLIT_COUNT = 3, V2S_PAIRING_COUNT = 4, V2S_CLIP_BANDS = 8 };

typedef struct v2s_clip {
    char *id;
    v2s_split split;
    v2s_pairing pairing;
    char *truth, *dry, *trajectory; // resolved paths; NULL where the line has none
    char *audio[2], *depth;         // pairing depth alone; audio[1] NULL: one file with both ears
    double start_s, duration_s;     // of the clip in its files; duration 0: to the end
    char *layout;                   // "ambix" (also for NULL), "n3d", "fuma", "wxyz_sn3d" or, of
                                    // two ears, "binaural"
    double rt60_s[V2S_CLIP_BANDS];  // 63 Hz .. 8 kHz; rt60_count 0, 1 (all bands) or 8
    int rt60_count;
    double drr_db;                         // NAN: not known
    char *room, *sound, *source, *licence; // NULL where the line has none; several sounds stand
                                           // in lines of their own ('\n')
    bool recorded, free_field;
    bool depth_mm; // depth_unit is "mm"
    char *flag;    // NULL: none
    int line;      // in the manifest, from 1
} v2s_clip;

typedef struct v2s_manifest {
    char *path;
    size_t count;
    v2s_clip *clips;
    size_t skipped;      // lines that could not be used
    char **skip_reasons; // [skipped] "m.jsonl: line 3: ..."
    size_t flagged;      // clips with a flag, kept or left out
    size_t outside;      // clips that name files outside the manifest's folder (allow_outside)
} v2s_manifest;

typedef struct v2s_manifest_rules {
    bool strict;        // a line that cannot be used is an error
    bool allow_outside; // absolute paths, and paths that leave the folder by ".."
    bool keep_flagged;
} v2s_manifest_rules;

// Reads every line; files that lines name are not opened but must exist. IO, FORMAT (also: no
// usable line at all; with `strict` any line that cannot be used), NOMEM. `manifest` is untouched
// on failure.
V2S_MUST_USE v2s_status v2s_manifest_read(const char *path, v2s_manifest_rules rules,
                                          v2s_manifest *manifest);
void v2s_manifest_free(v2s_manifest *manifest); // accepts a zeroed one

// Cluster of a clip for the bootstrap: room, else source, else id.
const char *v2s_clip_cluster(const v2s_clip *clip);

// One line; paths are written as they stand in the clip (make them relative before). Fields that
// are NULL, NAN, 0 or false are left out.
v2s_status v2s_manifest_write_clip(v2s_file_out *f, const v2s_clip *clip);

const char *v2s_split_name(v2s_split split);
const char *v2s_pairing_name(v2s_pairing pairing);

#endif
