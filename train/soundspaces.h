// SPDX-License-Identifier: MIT
// SoundSpaces 1.0 among its own files (train/prepare_soundspaces.c tells the layout).
//
//   response   2nd order, ACN/N3D (said by its maintainers): of its channels the first four are
//              taken and the dipoles divided by sqrt 3 (SN3D)
//   truth      sound * response, without the delay of the first sound's arrival (whole samples),
//              times one gain for all responses of a data set, so that the median of
//              gain x max(d, 0.5 m) of their first sounds is 1: what the pairing `dry` expects
//   direction  of the first sound (spatial/first_sound.h)
#ifndef V2S_TRAIN_SOUNDSPACES_H
#define V2S_TRAIN_SOUNDSPACES_H

#include "kernels/base/rng.h"
#include "spatial/first_sound.h"
#include "train/prepare.h"

// ---- places (soundspaces_places.c) ------------------------------------------------------------

// Of a scene: points.txt, rows of id, x, y, z between tabs, in metres, z up.
typedef struct v2s_places {
    size_t count;
    struct v2s_place {
        int64_t id;
        v2s_vec3 at;
    } * items; // [count], by id
} v2s_places;

// IO, FORMAT (names the line: columns, numbers, an id twice; no row), NOMEM.
V2S_MUST_USE v2s_status v2s_places_read(const char *path, v2s_places *places);
void v2s_places_free(v2s_places *places);                            // accepts a zeroed one
const v2s_vec3 *v2s_places_at(const v2s_places *places, int64_t id); // NULL: not there

// The four ways in which the horizontal axes of the responses may stand to those of the mesh. The
// published binaural responses are indexed by a heading that is 0 along the mesh's +y
// (soundspaces/simulator.py, azimuth_angle); nothing is published about the ambisonic ones.
enum { V2S_MESH_TURNS = 4 };
extern const char *const v2s_mesh_turn_name[V2S_MESH_TURNS]; // "+y": front is +y, ..
v2s_vec3 v2s_mesh_turned(v2s_vec3 mesh, int turn);

// ---- scenes (soundspaces_scenes.c) ------------------------------------------------------------

typedef struct v2s_room_scene {
    const char *set, *name; // "replica", "office_1"
    const char *irs;        // folder below ROOT
    v2s_split split;
    bool known;          // the split is published
    size_t first, count; // its responses
    double gain;         // of the data set
} v2s_room_scene;

// ---- responses and clips ----------------------------------------------------------------------

typedef struct v2s_response {
    const char *path, *file; // to open; "R_S.wav"
    size_t scene;            // index
    int64_t receiver, source;
    bool usable;
    char *reason, *warning; // owned, or NULL; without the path
    double rate_hz;
    int channels;
    v2s_first_sound first; // of the response in SN3D
    double rt60_s;         // of W, T30 or else T20 (spatial/room_measures.h); NAN: not told
    bool placed;           // `away` is known
    v2s_vec3 away;         // source - receiver, in the axes of the mesh
    double distance_m;
    const char *flag; // NULL: none
} v2s_response;

typedef struct v2s_response_clip {
    size_t response, sound; // indices
    char id[32];
    const char *truth, *dry, *trajectory; // files
    double duration_s;
} v2s_response_clip;

typedef struct v2s_soundspaces {
    v2s_prepare *p;
    const char *data; // below ROOT, with a slash, or ""
    size_t scene_count, response_count, response_room, clip_count;
    v2s_room_scene *scenes;
    v2s_response *responses;
    v2s_response_clip *clips;
} v2s_soundspaces;

enum { V2S_STREAM_SCENES = 1, V2S_STREAM_SOUNDS }; // of the seed of all splits

// Finds the scenes (data, scenes, scene_count) and gives each its split. FORMAT where none is
// there.
V2S_MUST_USE v2s_status v2s_soundspaces_scenes(v2s_soundspaces *j);

// A random order of 0 .. n-1; malloc.
V2S_MUST_USE v2s_status v2s_random_order(uint64_t seed, uint64_t stream, size_t n, size_t **order);

// A split for each of n things, the same for every --seed; malloc.
V2S_MUST_USE v2s_status v2s_splits_draw(uint64_t stream, size_t n, v2s_split **splits);

// Where the sources are (placed, away, distance_m of all usable responses); which way the axes of
// each data set stand, flags for responses that disagree, and each scene's gain
// (soundspaces_check.c).
V2S_MUST_USE v2s_status v2s_soundspaces_place(v2s_soundspaces *j);
V2S_MUST_USE v2s_status v2s_soundspaces_check(v2s_soundspaces *j);

#define V2S_LONGEST_SOUND_S 20.0

// Reads a response and finds its first sound and reverberation time. What is wrong with the file
// goes to r->reason; NOMEM.
V2S_MUST_USE v2s_status v2s_response_look(v2s_response *r);

// Writes truth and dry of a clip and its duration_s. `gain` is that of the set. Where the peak
// would be above 0.9 both become softer alike.
V2S_MUST_USE v2s_status v2s_response_clip_make(const v2s_response *r, const char *sound,
                                               double gain, v2s_response_clip *clip);

#endif
