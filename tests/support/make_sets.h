// SPDX-License-Identifier: MIT
// Miniatures of published data sets in the test's folder (tests/support/make_media.h), with the
// archives' own folder and file names.
#ifndef V2S_TESTS_SUPPORT_MAKE_SETS_H
#define V2S_TESTS_SUPPORT_MAKE_SETS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "spatial/conventions.h"

// Folders "a/b/c" in the test's folder, those above included.
void v2s_test_make_folders(const char *name);

// A copy of a file. A relative `from` lies in the test's folder, as `name` does.
void v2s_test_copy(const char *from, const char *name);

// A wav of hash noise, and the text of a Git LFS pointer.
void v2s_test_make_noise(const char *name, int frames, int channels, int rate_hz, unsigned stream);
void v2s_test_make_lfs_pointer(const char *name);

// Runs v2s-train prepare with `--json -` and these words (NULL at the end), exit code 0; the JSON
// (cJSON_Delete).
cJSON *v2s_test_prepare_json(const char *const *words);
#define V2S_TEST_PREPARE_JSON(...) v2s_test_prepare_json((const char *const[]){__VA_ARGS__, NULL})
// The same, which must end with this code and a sentence that contains `part`.
void v2s_test_prepare_refused(int code, const char *part, const char *const *words);
#define V2S_TEST_PREPARE_REFUSED(code, part, ...)                                                  \
    v2s_test_prepare_refused(code, part, (const char *const[]){__VA_ARGS__, NULL})

// The reason of the first entry of a list ("skipped", "flagged") whose file ends with `file`; ""
// where there is none.
const char *v2s_test_reason_of(const cJSON *json, const char *list, const char *file);

// FAIR-Play: recordings 000001 to 000008 (100 ms, 16 kHz, two channels); the first of the ten old
// splits has 5, 2 and 1 of them, the second of the new ones 000004 to 000006, 000007 and 000008.
void v2s_test_make_fairplay(const char *name);

// BatVision V1: train, val, test samples with ears of 2000 floats and depth maps of 12 x 16 floats
// in mm, of which one pixel is +inf and one 0.
void v2s_test_make_batvision1(const char *name, int train, int val, int test);

// YT-Ambigen: an empty ROOT/audio, lists (with these rows behind the header) and ambi.json in
// ROOT/<below>.
void v2s_test_make_ytambigen(const char *name, const char *below, const char *train,
                             const char *valid, const char *test, const char *ambi);
// A plane wave of noise from there, [frames][4] in AmbiX; malloc.
float *v2s_test_plane_wave(int frames, double az_deg, double el_deg, unsigned stream);
// An Opus file of these samples [frames][4] at 48 kHz, in Ogg with channel mapping family 2 (RFC
// 8486), as YouTube's ambisonics come.
void v2s_test_make_ambisonic_opus(const char *name, const float *samples, int frames);

// SoundSpaces: in ROOT/data scenes office_0 to office_<scenes - 1> of replica (44.1 kHz) with
// places 0 to 3, all their responses (R_S.wav; in odd scenes R-S.wav) and points.txt, and `sounds`
// sounds of 0.1 s. Responses have 9 channels, ACN/N3D, front along the mesh's +y, a first sound of
// V2S_TEST_SPACES_GAIN / distance after distance / 343 m/s (whole samples), and one reflection of a
// fifth of it V2S_TEST_SPACES_GAP samples later.
#define V2S_TEST_SPACES_GAIN 0.3
enum { V2S_TEST_SPACES_GAP = 1323 };
void v2s_test_make_soundspaces(const char *name, int scenes, int sounds);
// Where place `id` is, in the mesh's axes.
v2s_vec3 v2s_test_spaces_place(int scene, int id);
// Writes the response of this scene as if the source were there.
void v2s_test_make_response(const char *name, v2s_vec3 from_receiver, int channels, int rate_hz);

#endif
