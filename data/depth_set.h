// SPDX-License-Identifier: MIT
// Data sets of echoes and depth maps: what they list, in which split.
//
//   BatVision V2  ROOT/<location>/{train,val,test}.csv with the columns `depth path`,
//                 `depth file name`, `audio path`, `audio file name`; paths relative to ROOT.
//                 Stereo wav; depth npy, integers in mm
//   BatVision V1  ROOT/{train,val,test}.csv with the columns `depth path`, `audio path left`,
//                 `audio path right`; an npy for each ear; depth npy in mm whatever its type
//   manifest      lines with pairing "depth" (data/manifest.h): `audio` (a path, or [left, right])
//                 and `depth`
//
// Locations and lines keep one order: locations by name (folders without a csv do not count), for
// each train, val, test, and lines as they stand. Columns may stand in any order and others may be
// added (pandas writes one without a name in front); blanks around fields, "quoted" fields, CRLF, a
// byte order mark and blank lines are accepted. A line that cannot be used (a missing value,
// another number of fields than the header, a path that is absolute or has "..", a file that is not
// there) is skipped and counted, an error with `strict`, and so is a csv that is empty, lacks a
// needed column or is a Git LFS pointer. Files are opened by `load` alone.
//
// Unlike published code: locations are sorted, not in the file system's order; V1's sounds are cut
// as V2's. As there: +inf in V1's maps is the largest depth, not invalid.
#ifndef V2S_DATA_DEPTH_SET_H
#define V2S_DATA_DEPTH_SET_H

#include "data/depth_map.h"
#include "data/echo.h"
#include "data/manifest.h"

typedef struct v2s_depth_sample {
    char *id;       // V2 "<location>/<audio file name>", V1 the depth path, the manifest's id
    char *audio[2]; // resolved paths; [1] NULL: one stereo file
    char *depth;    // resolved path; NULL: none
    char *location; // cluster of the bootstrap: V2 the location, V1 the first folder of the depth
                    // path, of a manifest the room, else source, else id
    v2s_split split;
    bool millimetres; // depth_map.h
} v2s_depth_sample;

typedef struct v2s_depth_set {
    const char *layout; // "batvision1", "batvision2", "manifest"
    size_t count;
    v2s_depth_sample *samples;
    size_t skipped;
    char **skip_reasons; // [skipped] one sentence each
    size_t flagged;      // of a manifest: clips with a flag
} v2s_depth_set;

// `path` is a folder (the layout is told from what is in it) or a manifest. IO, FORMAT (also: no
// usable sample at all), NOMEM; `set` is untouched on failure. Of the rules a folder knows `strict`
// alone.
V2S_MUST_USE v2s_status v2s_depth_set_open(const char *path, v2s_manifest_rules rules,
                                           v2s_depth_set *set);
void v2s_depth_set_free(v2s_depth_set *set); // accepts a zeroed one

// x [2,size,size] with its notes, and depth [size,size], of a sample (NULL: not wanted). Whether
// floats are mm is the sample's to say, not the options'. Every status but NOMEM is the sample's
// fault, and the sentence names it: "sample attic/audio_7.wav: <path>: ...".
V2S_MUST_USE v2s_status v2s_depth_sample_load(const v2s_depth_sample *sample, const v2s_echo *echo,
                                              const v2s_depth_map_options *options, float *x,
                                              float *depth, v2s_echo_notes *notes);

#endif
